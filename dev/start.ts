// npm start: central and one gateway on loopback for development, until ctrl-C. Keys and data stay in .dev/.
import { messageOf } from '../shared/errors.js';
import { traces } from '../shared/traces.js';
import { commandOf, type Ready, startServer } from './programs.js';
import { demoNetwork, prepareSite } from './site.js';

const folder = '.dev';
const ports = { central: 8080, centralAdmin: 9100, gateway: 8443, gatewayAdmin: 9101 };
const print = (line: string) => void process.stdout.write(`${line}\n`);

const running: Ready[] = [];
let isStopping = false;
const stop = async () => {
  isStopping = true;
  await Promise.all(running.map((program) => program.stop()));
  process.exit();
};
process.on('SIGINT', stop);
process.on('SIGTERM', stop);

try {
  const site = await prepareSite(folder, ports);
  const gateway = await start('gateway', site.gatewayFile);
  const central = await start('central', site.centralFile(gateway));
  print('The gateway refuses for 5 s after its start; then central asks it what it serves.');
  await central.line(({ id }) => id === traces.gatewayOnline.id);
  print(`
A handset that can be woken (after 10 quiet seconds its socket closes with 4774):
  node ${commandOf('handset')} --central ${central.url.replace(/^http/, 'ws')} --network ${demoNetwork}
A notification for it, with the endpoint URL that it printed:
  curl -i -X PUT -d version=1 <endpoint URL>
What central sees (and ${central.url}/about in a browser):
  node ${commandOf('central')} networks --config ${folder}/central.yaml
  node ${commandOf('central')} devices --dark --config ${folder}/central.yaml

Keys, configurations and data are in ${folder}/. Stop with ctrl-C.`);
  const name = await Promise.race([
    central.ended.then(() => 'central'),
    gateway.ended.then(() => 'gateway'),
  ]);
  if (!isStopping) throw new Error(`the ${name} ended`);
} catch (error) {
  process.stderr.write(`cannot run: ${messageOf(error)}\n`);
  process.exitCode = 1;
  await stop();
}

async function start(name: 'central' | 'gateway', file: string): Promise<Ready> {
  const program = await startServer(name, file);
  running.push(program);
  print(`${name.padEnd(8)} ${program.url}  admin ${program.adminUrl}`);
  return program;
}

// npm start: central and one gateway on loopback for development, until ctrl-C. Keys and data stay in .dev/.
import { messageOf } from '../shared/errors.js';
import { traces } from '../shared/traces.js';
import { commandOf, startServer } from './programs.js';
import { demoNetwork, prepareSite } from './site.js';

const folder = '.dev';
const ports = { central: 8080, centralAdmin: 9100, gateway: 8443, gatewayAdmin: 9101 };
const print = (line: string) => void process.stdout.write(`${line}\n`);

try {
  const site = await prepareSite(folder, ports);
  const gateway = await startServer('gateway', site.gatewayFile);
  const central = await startServer('central', site.centralFile(gateway.url));
  print('The gateway refuses for 5 s after its start; then central has asked it what it serves.');
  await central.line(({ id }) => id === traces.gatewayOnline.id);
  const ws = central.url.replace(/^http/, 'ws');
  print(`gateway  ${gateway.url}  admin ${gateway.adminUrl}`);
  print(`central  ${central.url}  admin ${central.adminUrl}  page ${central.url}/about`);
  print(`
A handset that can be woken (after 10 quiet seconds its socket closes with 4774):
  node ${commandOf('handset')} --central ${ws} --network ${demoNetwork}
A notification for it, with the endpoint URL that it printed:
  curl -i -X PUT -d version=1 <endpoint URL>
What central sees:
  node ${commandOf('central')} networks --config ${folder}/central.yaml

Keys, configurations and data are in ${folder}/. Stop with ctrl-C.`);
  const stop = async () => {
    await Promise.all([central.stop(), gateway.stop()]);
    process.exit(0);
  };
  process.on('SIGINT', stop);
  process.on('SIGTERM', stop);
  const name = await Promise.race([
    central.ended.then(() => 'central'),
    gateway.ended.then(() => 'gateway'),
  ]);
  throw new Error(`the ${name} ended`);
} catch (error) {
  process.stderr.write(`cannot run: ${messageOf(error)}\n`);
  process.exitCode = 1;
}

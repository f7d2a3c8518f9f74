// Callers inside a throw-away machine that ask for /status over and over, each time on a new connection, while
// the service behind it is restarted. Prints how many were answered and what went wrong, as JSON.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { get } from 'node:https';

const { url, caFile, restarts } = JSON.parse(process.argv[2] ?? '') as {
  url: string;
  caFile: string;
  restarts: number;
};
const ca = readFileSync(caFile, 'utf8');
const failures: string[] = [];
let answered = 0;
let isOver = false;

function ask(): Promise<void> {
  return new Promise((resolve) => {
    const request = get(`${url}/status`, { ca, agent: false }, (response) => {
      response.resume();
      response.on('end', resolve);
      answered += 1;
    });
    request.on('error', (error) => {
      failures.push(error.message);
      resolve();
    });
  });
}

async function askUntilOver(): Promise<void> {
  while (!isOver) await ask();
}

const callers = [askUntilOver(), askUntilOver(), askUntilOver()];
for (let i = 0; i < restarts; i++) {
  await once(spawn('systemctl', ['restart', 'reveille-gateway.service']), 'close');
}
isOver = true;
await Promise.all(callers);
process.stdout.write(JSON.stringify({ answered, failures }));

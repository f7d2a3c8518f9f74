// A request that has begun and not ended: what happens to it when something else happens in between?
import { request } from 'node:http';
import type { WireRequest } from './gateway-caller.js';
import type { RunningGateway } from './gateway-setup.js';

export interface HalfAnswer {
  status: number;
  connection: string | undefined;
  text: string;
}

/** A request whose headers the gateway has and whose body it still waits for. */
export async function halfSent(
  { gateway, caller }: RunningGateway,
  changes: Partial<WireRequest> = {},
) {
  const { method, target, headers, body } = { ...caller.signed(), ...changes };
  const asked = request(`${gateway.url}${target}`, {
    method,
    headers: { ...headers, 'content-length': body.length, expect: '100-continue' },
  });
  const answered = new Promise<HalfAnswer>((resolve, reject) => {
    asked.on('error', reject);
    asked.on('response', (answer) => {
      let text = '';
      answer.on('data', (chunk: Buffer) => {
        text += chunk.toString();
      });
      answer.on('end', () =>
        resolve({ status: answer.statusCode ?? 0, connection: answer.headers.connection, text }),
      );
    });
  });
  asked.flushHeaders();
  await new Promise((resolve) => asked.once('continue', resolve));
  return { answered, finish: () => void asked.end(body) };
}

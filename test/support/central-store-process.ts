// A process that holds a store: `central-store-process.js <file>`. Each line on stdin is a version to put on its one
// channel, or the id of a message to send there; each line on stdout is what came of it. Ends with its stdin.
import { createInterface } from 'node:readline';
import { deviceIdOf, type MessageId, parseMessageId } from '../../central/protocol/ids.js';
import type { MessageRecord } from '../../central/store/messages.js';
import { openStore } from '../../central/store/open.js';
import { channel, helloRecord, messageRecord, putRecord } from './central-samples.js';

export const storeDevice = deviceIdOf(Buffer.alloc(16, 1));
export const storeChannel = channel('c1');

/** A message whose body tells which one it is. */
export function messageOf(id: MessageId): MessageRecord {
  const more = { id, kind: 'text', body: Buffer.from(id), nowMs: 1 } as const;
  return messageRecord(storeDevice, storeChannel, more);
}

const [, program = '', path] = process.argv;
if (program.endsWith('central-store-process.js')) await run(path ?? '');

async function run(path: string): Promise<void> {
  const say = (text: string) => void process.stdout.write(`${text}\n`);
  const store = await openStore({ path, nowMs: 1, queueMax: 100 }).catch((error: Error) => {
    say(`refused ${error.message}`);
  });
  if (!store) return;
  await store.hello(helloRecord(storeDevice, { channels: [storeChannel] })).catch(() => {});
  say('open');
  for await (const line of createInterface({ input: process.stdin })) {
    const id = parseMessageId(line);
    const came = id
      ? store.putMessage(messageOf(id))
      : store.put(putRecord(storeDevice, storeChannel, Number(line)));
    const text = await came.then(
      ({ outcome }) => outcome,
      ({ code }: { code: string }) => code,
    );
    say(`${text} ${store.problem() === undefined ? 'well' : 'unwell'}`);
  }
  await store.close();
}

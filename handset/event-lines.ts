// A handset's events as the command prints them: words on a line for people, an object a line for programs.
import type { Handset } from './client.js';

/** One event under the name it is printed with, and its values in the order of the words. */
interface EventLine {
  event: string;
  fields: Record<string, string | number | undefined>;
  /** What stands after the name; all values by default. */
  words?: readonly (string | number)[];
}

/** Prints every event from now on, each as one line. */
export function printEvents(
  handset: Handset,
  options: { isJson: boolean; write: (line: string) => void },
): void {
  const print = (line: EventLine) => {
    options.write(options.isJson ? jsonLine(line) : plainLine(line));
  };
  let printedUaid: string | undefined;

  handset.on('hello', ({ uaid, status }) => {
    // Once, and again when the server gave another: it is what the next run is handed.
    if (uaid !== printedUaid) print({ event: 'uaid', fields: { uaid } });
    printedUaid = uaid;
    print({ event: 'hello', fields: { status, uaid }, words: [status] });
  });
  handset.on('replaced', ({ uaid, previous }) => {
    print({ event: 'replaced', fields: { uaid, previous } });
  });
  handset.on('registered', ({ channelID, pushEndpoint, keys }) => {
    const fields = { channelID, pushEndpoint, ...keys };
    print({ event: 'endpoint', fields, words: [channelID, pushEndpoint] });
    // What libraries of app servers want, as a browser writes it. Programs have it all in the fields above.
    const subscription = JSON.stringify({ endpoint: pushEndpoint, keys });
    if (keys && !options.isJson) print({ event: 'subscription', fields: { subscription } });
  });
  handset.on('unregistered', ({ channelID }) => {
    print({ event: 'unregistered', fields: { channelID } });
  });
  handset.on('notification', ({ channelID, version, pushEndpoint }) => {
    const fields = { channelID, version, pushEndpoint };
    print({ event: 'notification', fields, words: [channelID, version] });
  });
  // On the wire its id is called a version, and it is printed as the notification that it came as.
  handset.on('message', ({ channelID, id, data, pushEndpoint }) => {
    const text = data?.toString();
    const fields = { channelID, version: id, data: text, pushEndpoint };
    print({ event: 'notification', fields, words: [channelID, text ?? id] });
  });
  handset.on('text', ({ channelID, id, body, pushEndpoint }) => {
    const fields = { channelID, id, body, pushEndpoint };
    print({ event: 'text', fields, words: [channelID, body] });
  });
  handset.on('closed', ({ code }) => print({ event: 'closed', fields: { code } }));
  handset.on('woken', ({ protocol, from }) => {
    print({ event: 'woken', fields: { protocol, from }, words: [protocol] });
  });
  handset.on('proved', ({ protocol, from }) => {
    print({ event: 'proved', fields: { protocol, from }, words: [protocol] });
  });
  handset.on('ignored', ({ protocol, from, because }) => {
    print({ event: 'ignored', fields: { protocol, from, because } });
  });
  handset.on('reconnecting', ({ delayMs }) =>
    print({ event: 'reconnecting', fields: { delayMs } }),
  );
  handset.on('error', (error) => {
    const code = 'code' in error ? String(error.code) : undefined;
    print({ event: 'error', fields: { error: error.message, code }, words: [error.message] });
  });
}

function plainLine({ event, fields, words }: EventLine): string {
  const text = [event, ...(words ?? Object.values(fields))].join(' ');
  // What a server writes must not end the line or move the cursor of a terminal.
  return `${text.replace(/[\p{Cc}\p{Zl}\p{Zp}]+/gu, ' ').trimEnd()}\n`;
}

function jsonLine({ event, fields }: EventLine): string {
  return `${JSON.stringify({ event, ...fields })}\n`;
}

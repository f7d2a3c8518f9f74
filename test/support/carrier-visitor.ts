// What is said once from inside a namespace: `put <url> <version>` as an app server, `get <url>`, and `udp` or
// `tcp <ip> <port>`, a wakeup that nobody signed. Prints what came back.
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { connect, isIPv6 } from 'node:net';
import { wakeupPayload } from '../../shared/wakeup/datagram.js';

/** Long enough on a network of one machine. */
const connectMs = 500;

const commands: Record<string, (where: string, what: string) => Promise<string>> = {
  put: async (url, version) => {
    const response = await fetch(url, { method: 'PUT', body: `version=${version}` });
    return String(response.status);
  },
  get: async (url) => (await fetch(url)).text(),
  udp: async (ip, port) => {
    const socket = createSocket(isIPv6(ip) ? 'udp6' : 'udp4');
    socket.send(wakeupPayload(ip, Number(port)), Number(port), ip, () => socket.close());
    await once(socket, 'close');
    return 'sent';
  },
  tcp: async (ip, port) => {
    const socket = connect({ host: ip, port: Number(port), timeout: connectMs });
    socket.on('timeout', () => socket.destroy());
    socket.end(wakeupPayload(ip, Number(port)));
    let isConnected = false;
    socket.on('connect', () => {
      isConnected = true;
    });
    await once(socket, 'close').catch(() => {});
    return isConnected ? 'connected' : 'no answer';
  },
};

const [name = '', where = '', what = ''] = process.argv.slice(2);
const command = commands[name];
if (!command) throw new Error(`no such command: ${name}`);
process.stdout.write(await command(where, what));

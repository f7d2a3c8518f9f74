// A TCP listener that never accepts: it listens with the smallest backlog and then stands still for good.
// The system answers the first connections by itself; after those, nothing. Prints its port.
import { writeSync } from 'node:fs';
import { type AddressInfo, createServer } from 'node:net';

const server = createServer();
server.listen({ host: '127.0.0.1', port: 0, backlog: 1 }, () => {
  writeSync(1, `${(server.address() as AddressInfo).port}\n`);
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0);
});

// The dialects that central speaks. A device says with each hello which one is its own.
import type { Dialect } from './dialect.js';
import { simplePush } from './simple-push.js';
import { webPush } from './web-push.js';

export interface Dialects {
  /** The WebSocket subprotocol of all of them. */
  subprotocol: string;
  /** What is spoken until a hello. */
  first: Dialect;
  /** The one that a hello asked for. */
  named(name: string): Dialect;
}

const known = [simplePush, webPush];

export const dialects: Dialects = {
  subprotocol: 'push-notification',
  first: simplePush,
  named: (name) => known.find((dialect) => dialect.name === name) ?? simplePush,
};

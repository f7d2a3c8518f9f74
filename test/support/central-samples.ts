// Values that tests of central begin with. Made by the parsers that make them in the program.

import { type Connections, createConnections } from '../../central/connections.js';
import {
  type ChannelId,
  createIds,
  type DeviceId,
  newMessageId,
  parseChannelId,
} from '../../central/protocol/ids.js';
import type { WakeupAddress } from '../../central/protocol/messages.js';
import type { MessageRecord } from '../../central/store/messages.js';
import type { HelloRecord, PutRecord } from '../../central/store/store.js';
import { parseAddress } from '../../shared/address.js';
import { parseNetworkKey } from '../../shared/network.js';
import type { Protocol } from '../../shared/wakeup/request.js';

export const sampleSecret = Buffer.alloc(32, 7);
export const sampleIds = createIds(sampleSecret);

export function channel(text: string): ChannelId {
  const parsed = parseChannelId(text);
  if (!parsed) throw new Error(`${text} is no channelID`);
  return parsed;
}

export function wakeupAddress(
  ip = '10.1.2.3',
  { network = '214-07', port = 8080, protocol = 'udp' as Protocol } = {},
): WakeupAddress {
  const [key, address] = [parseNetworkKey(network), parseAddress(ip)];
  if (!key || !address) throw new Error(`${network} ${ip} is no address`);
  return { network: key, address, port, protocol };
}

/** When samples happen, unless a test says otherwise. */
export const sampleMs = 1_700_000_000_000;

/** The hello of a device of which no more is known, with what a test says of it. */
export function helloRecord(device: DeviceId, more: Partial<HelloRecord> = {}): HelloRecord {
  const { nowMs = sampleMs } = more;
  return {
    ...{ device, address: undefined, trust: 'believe', isAuthenticated: false },
    ...{ channels: undefined, isNew: false, channelsMax: 100, takes: 'text', mustBeKnown: false },
    ...{ nowMs, wakeupDueMs: nowMs + 10_000, forgiveBeforeMs: 0 },
    ...more,
  };
}

/** A version for a channel, with what a test says of it. */
export function putRecord(
  device: DeviceId,
  channel: ChannelId,
  version: number,
  more: Partial<PutRecord> = {},
): PutRecord {
  const { nowMs = sampleMs } = more;
  const wakeupDueMs = nowMs + 10_000;
  return { device, channel, version, nowMs, wakeupDueMs, lane: 'prompt', ...more };
}

/** A message of normal urgency for a channel, with what a test says of it. */
export function messageRecord(
  device: DeviceId,
  channel: ChannelId,
  more: Partial<MessageRecord> = {},
): MessageRecord {
  const { nowMs = sampleMs, urgency = 'normal' } = more;
  return {
    ...{ device, channel, id: newMessageId(nowMs), kind: 'push', body: undefined, encoding: {} },
    ...{ urgency, topic: undefined, key: undefined, receipt: undefined, lane: 'prompt' },
    ...{ nowMs, expiresMs: nowMs + 3_600_000, messagesMax: 100, messagesEndedMax: 1000 },
    wakeupDueMs: nowMs + (urgency === 'high' ? 10_000 : 5_000),
    ...more,
  };
}

/** More than any test holds open. */
export function sampleConnections(): Connections {
  const limits = { connectionsMax: 1_000, connectionsPerAddressMax: 1_000, trustedProxies: [] };
  return createConnections({ limits, countRefused: () => {} });
}

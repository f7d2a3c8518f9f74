// Values that tests of central begin with. Made by the parsers that make them in the program.

import { type ChannelId, createIds, parseChannelId } from '../../central/protocol/ids.js';
import type { WakeupAddress } from '../../central/protocol/messages.js';
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

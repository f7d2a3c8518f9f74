// What a device's socket is sent: everything pending in the store that this socket has not been sent yet.
import type { ChannelId, DeviceId } from '../protocol/ids.js';
import type { Update } from '../protocol/messages.js';
import type { Store } from '../store/store.js';

/** What a socket was sent and has not acked. */
export interface Sent {
  version: number;
  /** When the oldest version that still waits for an ack was sent last. */
  sentAtMs: number;
  /** It, or an older version of its channel, was sent a second time on this socket. */
  isResent: boolean;
}

export type Unacked = Map<ChannelId, Sent>;

/** Updates in one frame; more follow in further frames. */
export const updatesPerFrameMax = 200;

/** Reads what is pending. `all`: also what was sent before and is not acked. */
export async function readPending(options: {
  store: Store;
  device: DeviceId;
  unacked: Unacked | undefined;
  all: boolean;
}): Promise<Update[]> {
  const { store, device, unacked, all } = options;
  const pending = await store.pending(device);
  if (all || !unacked) return pending;
  return pending.filter(({ channel, version }) => version > (unacked.get(channel)?.version ?? -1));
}

/**
 * Notes what was sent just now. A newer version takes over the time and the repetition of the one it replaces:
 * a channel with a steady stream would otherwise never count as unanswered.
 */
export function noteSent(unacked: Unacked, updates: readonly Update[], nowMs: number): void {
  for (const { channel, version } of updates) {
    const before = unacked.get(channel);
    const isNewer = before && before.version !== version;
    const { sentAtMs, isResent } = isNewer
      ? before
      : { sentAtMs: nowMs, isResent: before !== undefined };
    unacked.set(channel, { version, sentAtMs, isResent });
  }
}

/** Forgets what the store no longer has for this device: acked elsewhere, or its channel is gone. */
export function keepPending(unacked: Unacked, pending: readonly Update[]): void {
  const channels = new Set(pending.map(({ channel }) => channel));
  for (const channel of unacked.keys()) if (!channels.has(channel)) unacked.delete(channel);
}

/** Forgets what was acked: an ack counts for its version and older ones (Simple Push: only `>=` clears). */
export function noteAcked(unacked: Unacked, updates: readonly Update[]): void {
  for (const { channel, version } of updates) {
    const sent = unacked.get(channel);
    if (sent && version >= sent.version) unacked.delete(channel);
  }
}

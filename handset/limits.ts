// What a handset bounds, with the default of each.

/** Limits and times, all in the unit their name ends with. */
export interface HandsetLimits {
  /** The first wait after a loss is at most this; it doubles with each further loss. */
  backoffBaseMs: number;
  backoffCapMs: number;
  /** After a close 1012 or 1013, which a whole crowd hears at once, even the first wait may be this long. */
  crowdSpreadMs: number;
  /** A server that names the time of our return is believed up to this; half of it may come on top, as jitter. */
  retryAfterMaxMs: number;
  /** From dialling to the answer to hello. */
  connectTimeoutMs: number;
  /** For the answer to register, unregister and a keep-alive. */
  requestTimeoutMs: number;
  /** Silence of the server after which the handset asks for a sign of life. */
  pingIntervalMs: number;
  /** Sleep after which it reconnects by itself, so that the server does not forget its address. */
  refreshMs: number;
  /** A wakeup this shortly before a close 4774 was meant for the sleep that the close begins. */
  wakeOverlapMs: number;
  /** Nonces returned in a minute; more are ignored. */
  proofsPerMinuteMax: number;
  /** How long a TCP wakeup may take to say its line. */
  wakeReadMs: number;
  wakeConnectionsMax: number;
  /** How long a goodbye may take. Real time, as it is the WebSocket library that waits. */
  closeTimeoutMs: number;
  /** Channels of one handset; their list has to fit into a hello of 20 KiB. */
  channelsMax: number;
  /** Longest frame taken from the server. */
  frameBytesMax: number;
}

export const defaultLimits: HandsetLimits = {
  backoffBaseMs: 1_000,
  backoffCapMs: 60_000,
  crowdSpreadMs: 10_000,
  retryAfterMaxMs: 3_600_000,
  connectTimeoutMs: 30_000,
  requestTimeoutMs: 10_000,
  pingIntervalMs: 30 * 60_000,
  refreshMs: 6 * 3_600_000,
  wakeOverlapMs: 2_000,
  proofsPerMinuteMax: 10,
  wakeReadMs: 5_000,
  wakeConnectionsMax: 16,
  closeTimeoutMs: 2_000,
  channelsMax: 256,
  frameBytesMax: 1024 * 1024,
};

// A dialect: how a user agent and a server put what they have to say into frames. The conversation and what is done
// with the news know none of them.
import type { News, Outcome, Reader, RequestKind, ServerMessage, Words } from '../messages.js';

export interface Dialect {
  /** What hello says beside what it says in every dialect. `channelIDs` is missing when the list is not complete. */
  helloWords(known: { channelIDs: readonly string[] | undefined }): Words;
  requestWords: Readonly<Record<RequestKind, Words>>;
  /** By message type, the frames that only this dialect has. */
  readers: ReadonlyMap<string, Reader>;
  /** What is said back about the news of one frame. */
  ackFrames(settled: readonly SettledNews[]): string[];
  /** App servers need keys beside the endpoint, for they encrypt what they send. */
  isEncrypted: boolean;
  /** What is spoken after this answer: this dialect, or the older one of a server that does not know it. */
  agreed(answer: ServerMessage & { messageType: 'hello' }): Dialect;
}

export interface SettledNews {
  news: News;
  outcome: Outcome;
}

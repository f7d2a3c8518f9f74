// What app servers may ask of the URLs they hold: who answers which method, and what an answer is made from.
import type { IncomingHttpHeaders } from 'node:http';
import type { Answer } from '../../shared/http.js';
import type { WakeupLane } from '../store/store.js';
import type { AppResult, ProblemName } from './problems.js';

/** A request for one resource. */
export interface Asked {
  token: string;
  headers: IncomingHttpHeaders;
  query: URLSearchParams;
  /** Of PUT and POST; of others it is not read and empty here. */
  body: Body;
  lane: WakeupLane;
  /** Who asks, as central knows them: an address, or a /64 of IPv6. */
  subscriber: string;
  /** Calls back when the peer has left before its answer, or has it; at once where it has yet to get an earlier one. */
  onOver: (fn: () => void) => void;
}

export type Body = Buffer | 'too-large';

/** An answer with what is counted of it, and what is to be done once it is on its way. */
export interface Done {
  result: AppResult;
  answer: Answer;
  afterwards?: (() => void) | undefined;
}

/** Answers a request. Rejects only when the store fails. */
export type Handler = (asked: Asked) => Promise<Done | ProblemName>;

export type Method = 'GET' | 'PUT' | 'POST' | 'DELETE';

export interface Resource {
  methods: Partial<Record<Method, Handler>>;
  bodyBytesMax: number;
}

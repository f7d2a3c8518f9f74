// What each message of the server does to the account, and what is said back, in whatever dialect. Holds nothing of its
// own; whether a message may come now is the conversation's business.
import { CodedError } from '../shared/errors.js';
import type { Account } from './account.js';
import { decrypt } from './decryption.js';
import type { Dialect } from './dialects/dialect.js';
import type { Emit } from './events.js';
import {
  type News,
  type Outcome,
  type RequestKind,
  requestFrame,
  type ServerMessage,
} from './messages.js';
import { type Keyring, subscriptionKeys } from './push-keys.js';
import type { Requests } from './requests.js';

export interface Reception {
  handle(message: ServerMessage): void;
  sendRequests(): void;
  /** Asks for the endpoints we lack: of a new uaid, or of channels handed in at the start. */
  registerAgain(): void;
}

export function createReception(parts: {
  account: Account;
  keyring: Keyring;
  requests: Requests;
  /** What is spoken now: the answer to hello decides it. */
  dialect: () => Dialect;
  emit: Emit;
  send: (frame: string) => void;
}): Reception {
  const { account, keyring, requests, dialect, emit, send } = parts;

  function sendRequests(): void {
    const { requestWords } = dialect();
    requests.flush((kind, channelID) => send(requestFrame(kind, channelID, requestWords[kind])));
  }

  function registerAgain(): void {
    for (const { channelID, pushEndpoint } of account.channels()) {
      if (pushEndpoint !== undefined || requests.isOpen('unregister', channelID)) continue;
      if (requests.isOpen('register', channelID)) continue;
      requests.ask('register', channelID).catch((error: CodedError) => {
        if (isFinal(error)) account.remove(channelID);
        if (error.code !== 'stopped') emit('error', about(`register ${channelID}`, error));
      });
    }
    sendRequests();
  }

  function registered(channelID: string, pushEndpoint: string): void {
    const isOurs = account.has(channelID) && dialect().isEncrypted;
    const keys = isOurs ? subscriptionKeys(keyring.of(channelID)) : undefined;
    const change = account.setEndpoint(channelID, pushEndpoint, keys);
    const wasAsked = requests.answer('register', channelID, pushEndpoint);
    if (change === 'unknown-channel') emit('error', unexpected('register'));
    else if (wasAsked || change === 'changed') {
      emit('registered', { channelID, pushEndpoint, ...(keys && { keys }) });
    }
  }

  function unregistered(channelID: string): void {
    if (!requests.answer('unregister', channelID)) {
      emit('error', unexpected('unregister'));
      return;
    }
    account.remove(channelID);
    keyring.remove(channelID);
    emit('unregistered', { channelID });
  }

  function notified(all: readonly News[], unreadable: number): void {
    const settled = all.map((news) => ({ news, outcome: tell(news) }));
    // Told first, acked after: what nobody was told of is sent again.
    for (const frame of dialect().ackFrames(settled)) send(frame);
    if (unreadable > 0) emit('error', new CodedError('bad-frame', `${unreadable} updates ignored`));
    // The server may have told of channels whose endpoint we have yet to learn.
    registerAgain();
  }

  function tell(news: News): Outcome {
    const { channelID } = news;
    const isNew =
      news.kind === 'version'
        ? account.takeVersion(channelID, news.version)
        : account.takeId(channelID, news.id);
    if (!isNew) return 'not-delivered';
    const pushEndpoint = account.find(channelID)?.pushEndpoint;
    const where = { channelID, ...(pushEndpoint && { pushEndpoint }) };
    if (news.kind === 'push') return tellPush(news, where);
    if (news.kind === 'text') emit('text', { ...where, id: news.id, body: news.body });
    else emit('notification', { ...where, version: news.version });
    return 'delivered';
  }

  function tellPush(
    { channelID, id, body }: News & { kind: 'push' },
    where: { channelID: string; pushEndpoint?: string },
  ): Outcome {
    const data = body && decrypt(body, keyring.of(channelID));
    if (data instanceof CodedError) {
      emit('error', about(`message ${id} of ${channelID}`, data));
      return 'not-decrypted';
    }
    emit('message', { ...where, id, ...(data && { data }) });
    return 'delivered';
  }

  function refused(message: ServerMessage & { messageType: 'refusal' }): void {
    const { request, channelID, error } = message;
    const isAnswer = isRequestKind(request) && requests.refuse(request, channelID, error);
    if (!isAnswer) emit('error', error);
  }

  return {
    handle(message) {
      if (message.messageType === 'register') registered(message.channelID, message.pushEndpoint);
      else if (message.messageType === 'unregister') unregistered(message.channelID);
      else if (message.messageType === 'notification') notified(message.news, message.unreadable);
      else if (message.messageType === 'refusal') refused(message);
      // Unknown messages and the server's own keep-alives ask nothing of us.
    },
    sendRequests,
    registerAgain,
  };
}

/** Whether the server will never take this channel, however often it is asked. */
export function isFinal(error: CodedError): boolean {
  return !['not-ready', 'timeout', 'stopped'].includes(error.code);
}

export function unexpected(messageType: string): CodedError {
  return new CodedError('unexpected-frame', `frame ignored: ${messageType} that nobody asked for`);
}

function isRequestKind(text: string | undefined): text is RequestKind {
  return text === 'register' || text === 'unregister';
}

function about(what: string, cause: CodedError): CodedError {
  return new CodedError(cause.code, `${what}: ${cause.message}`, { cause });
}

// What each message of the server does to the account, and what is said back. Holds nothing of its own; whether a
// message may come now is the conversation's business.
import { CodedError } from '../shared/errors.js';
import type { Account } from './account.js';
import type { Emit } from './events.js';
import {
  ackFrame,
  ackUpdatesMax,
  type RequestKind,
  type ServerMessage,
  type Update,
} from './messages.js';
import type { Requests } from './requests.js';

export interface Reception {
  handle(message: ServerMessage): void;
  /** Asks for the endpoints we lack: of a new uaid, or of channels handed in at the start. */
  registerAgain(): void;
}

export function createReception(parts: {
  account: Account;
  requests: Requests;
  emit: Emit;
  send: (frame: string) => void;
}): Reception {
  const { account, requests, emit, send } = parts;

  function registerAgain(): void {
    for (const { channelID, pushEndpoint } of account.channels()) {
      if (pushEndpoint !== undefined || requests.isOpen('unregister', channelID)) continue;
      if (requests.isOpen('register', channelID)) continue;
      requests.ask('register', channelID).catch((error: CodedError) => {
        if (isFinal(error)) account.remove(channelID);
        if (error.code !== 'stopped') emit('error', about(channelID, error));
      });
    }
    requests.flush(send);
  }

  function registered(channelID: string, pushEndpoint: string): void {
    const change = account.setEndpoint(channelID, pushEndpoint);
    const wasAsked = requests.answer('register', channelID, pushEndpoint);
    if (change === 'unknown-channel') emit('error', unexpected('register'));
    else if (wasAsked || change === 'changed') emit('registered', { channelID, pushEndpoint });
  }

  function unregistered(channelID: string): void {
    if (!requests.answer('unregister', channelID)) {
      emit('error', unexpected('unregister'));
      return;
    }
    account.remove(channelID);
    emit('unregistered', { channelID });
  }

  function notified(updates: readonly Update[], unreadable: number): void {
    for (const { channelID, version } of updates) {
      if (!account.takeVersion(channelID, version)) continue;
      const pushEndpoint = account.endpointOf(channelID);
      emit('notification', { channelID, version, ...(pushEndpoint && { pushEndpoint }) });
    }
    // Told first, acked after: what nobody was told of is sent again.
    for (let i = 0; i < updates.length; i += ackUpdatesMax) {
      send(ackFrame(updates.slice(i, i + ackUpdatesMax)));
    }
    if (unreadable > 0) emit('error', new CodedError('bad-frame', `${unreadable} updates ignored`));
    // The server may have told of channels whose endpoint we have yet to learn.
    registerAgain();
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
      else if (message.messageType === 'notification')
        notified(message.updates, message.unreadable);
      else if (message.messageType === 'refusal') refused(message);
      // Unknown messages and the server's own keep-alives ask nothing of us.
    },
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

function about(channelID: string, cause: CodedError): CodedError {
  return new CodedError(cause.code, `register ${channelID}: ${cause.message}`, { cause });
}

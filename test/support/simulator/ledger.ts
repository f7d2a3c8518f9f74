// What must hold of wakeups whatever happens, kept apart from the rules that are to keep it: an account of every
// wakeup from what the store commits and from what leaves the gateways.
import type { DeviceId, MessageId } from '../../../central/protocol/ids.js';
import type { Update, WakeupAddress } from '../../../central/protocol/messages.js';
import type { EndedWakeup, Moved } from '../../../central/store/store.js';
import type { ProofWords } from '../../../central/wakeup/proofs.js';
import type { WakeupReport } from '../../../central/wakeup/states.js';
import type { Wakeup } from '../../../shared/wakeup/request.js';
import { isOf } from '../message-model.js';
import { type Account, type AccountOptions, createAccount } from './account.js';
import type { Commit } from './paper-store.js';

export interface Ledger {
  onCommit(commit: Commit): void;
  /** A device is asked, while it is connected, whether it is where it says. */
  onAsk(address: WakeupAddress, words: ProofWords): void;
  /** A datagram leaves a gateway. */
  onDatagram(wakeup: Wakeup): void;
  /** How often wakeups ended so since the last crash, as committed. */
  outcomes: Map<string, number>;
  /** What was committed and not yet counted never will be. */
  onCrash(): void;
  /** What is pending of a device, as a store that loses nothing would say. */
  pending(device: DeviceId): Update[];
  /** Messages that are pending of a device, in their order. */
  messages(device: DeviceId): MessageId[];
  /** Whether a message's time is not over; also of one that ended. */
  isInTime(message: MessageId): boolean;
  /** Whether something pending wants a wakeup; without a time, also what is over. */
  isWanted(device: DeviceId, nowMs?: number): boolean;
  /** Wakeups that began and have not ended. */
  underWay(): number;
  problems: string[];
}

export interface LedgerOptions extends Omit<AccountOptions, 'complain'> {
  /** Whether central may believe, from what the device itself said and showed, that it is there. */
  mayBeWoken: (device: DeviceId, address: WakeupAddress) => boolean;
  /** A hello was taken for the answer to a wakeup sent there. */
  onAnswer: (device: DeviceId, address: WakeupAddress) => void;
}

export function createLedger(options: LedgerOptions): Ledger {
  const { clock, mayBeWoken, onAnswer } = options;
  const accounts = new Map<DeviceId, Account>();
  const ids = new Set<string>();
  const expiries = new Map<MessageId, number>();
  /** Questions on their way: when they were asked, by place. */
  const asked = new Map<string, number>();
  const outcomes = new Map<string, number>();
  const problems: string[] = [];
  const complain = (what: string) => void problems.push(what);

  function accountOf(device: DeviceId): Account {
    const account = accounts.get(device) ?? createAccount({ ...options, complain });
    accounts.set(device, account);
    return account;
  }

  function end(device: DeviceId, { outcome }: Partial<EndedWakeup> = {}): void {
    if (outcome === undefined || outcome === 'replaced') return;
    outcomes.set(outcome, (outcomes.get(outcome) ?? 0) + 1);
    accountOf(device).end(outcome);
  }

  function endAll(device: DeviceId, ended: EndedWakeup | undefined, losers: readonly Moved[]) {
    end(device, ended);
    for (const loser of losers) end(loser.now.device, loser.ended);
  }

  function begin({ device, address }: Moved['now']): void {
    if (!address || !mayBeWoken(device, address)) {
      complain('a wakeup began for a device that is dark or proved nothing');
    }
    accountOf(device).begin(address ? placeOf(address) : '');
  }

  function onCommit(commit: Commit): void {
    if (commit.method === 'hello') {
      const { args, result } = commit;
      const [{ device, address, takes, channels }] = args;
      const { messages } = accountOf(device);
      messages.takes = takes;
      messages.remove(({ channel }) => channels?.includes(channel) === false);
      const { isDark } = accountOf(device).greet();
      if (isDark && result.now?.state !== 'probation')
        complain('a dark device is believed at once');
      endAll(device, result.ended, result.losers);
      if (address && result.ended?.outcome === 'success') onAnswer(device, address);
    } else if (commit.method === 'prove') {
      endAll(commit.args[0].device, commit.result.ended, commit.result.losers);
    } else if (commit.method === 'move' && commit.result) {
      const { device, event } = commit.args[0];
      end(device, commit.result.ended);
      onMove(commit.result, event);
    } else {
      onChannelCommit(commit);
      onMessageCommit(commit);
    }
  }

  function onMove({ now, ended }: Moved, { name }: WakeupReport): void {
    const account = accountOf(now.device);
    if (name === 'begun') {
      begin(now);
      account.messages.begun(now.serial);
    }
    if (name === 'unsent') {
      account.takeBack();
      account.messages.unsent(now.serial);
    }
    if (ended?.outcome === 'failure' && now.state === 'resting') account.excuse();
  }

  function onMessageCommit(commit: Commit): void {
    if (commit.method === 'putMessage' && commit.result.outcome === 'stored') {
      const [record] = commit.args;
      accountOf(record.device).messages.send(record);
      expiries.set(record.id, record.expiresMs);
    }
    if (commit.method === 'ackMessages') {
      const [device, acked] = commit.args;
      const ids = new Set(acked.map(({ id }) => id));
      accountOf(device).messages.remove(({ id }) => ids.has(id));
      end(device, commit.result.ended);
    }
    if (commit.method === 'expireMessages') {
      const [nowMs] = commit.args;
      for (const { messages } of accounts.values()) {
        messages.remove(({ expiresMs }) => expiresMs <= nowMs);
      }
    }
  }

  function onChannelCommit(commit: Commit): void {
    if (commit.method === 'register') accountOf(commit.args[0]).register(commit.args[1]);
    if (commit.method === 'put') accountOf(commit.args[0].device).put(commit.args[0]);
    if (commit.method === 'unregister') {
      accountOf(commit.args[0]).unregister(commit.args[1]);
      accountOf(commit.args[0]).messages.remove(isOf(commit.args[1]));
      end(commit.args[0], commit.result);
    }
    if (commit.method === 'ack') {
      accountOf(commit.args[0]).ack(commit.args[1]);
      end(commit.args[0], commit.result);
    }
  }

  /** Books a datagram on the wakeup it belongs to. False: there is none. */
  function book(place: string, counter: number | undefined): boolean {
    const found = [...accounts.values()].flatMap((account) => {
      const awaited = account.awaited(place);
      return awaited ? [{ account, awaited }] : [];
    });
    const one = found.find(({ awaited }) => !awaited.isDoubtful) ?? found[0];
    one?.account.leave(one.awaited, counter);
    return one !== undefined;
  }

  return {
    ...{ outcomes, problems, onCommit },
    onAsk(address, words) {
      if (words !== 'nonce') asked.set(placeOf(address), clock.now());
    },
    onDatagram({ id, network, ip, port, nonce, auth }) {
      // Another gateway sends it once more where the answer of the first was lost.
      if (nonce !== undefined || ids.has(id)) return;
      ids.add(id);
      const place = `${network} ${ip} ${port}`;
      if (book(place, auth?.counter) || asked.get(place) === clock.now()) return;
      complain('a datagram of no wakeup and no question');
    },
    onCrash() {
      outcomes.clear();
      for (const account of accounts.values()) account.crash();
    },
    pending: (device) => accountOf(device).pending(),
    messages: (device) => accountOf(device).messages.pending(),
    isInTime: (message) => (expiries.get(message) ?? 0) > clock.now(),
    isWanted(device, nowMs) {
      const account = accountOf(device);
      return account.pending().length > 0 || account.messages.wantsWakeup(nowMs);
    },
    underWay: () => [...accounts.values()].filter((account) => account.isUnderWay()).length,
  };
}

/** A place as a text: what is equal is one place. */
export function placeOf({ network, address, port }: WakeupAddress): string {
  return `${network} ${address.text} ${port}`;
}

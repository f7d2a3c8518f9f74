// One network's wakeups on their way out: a bounded queue, a pace, and so many under way. Networks share nothing
// here, so that what happens in one is no matter to another.
import type { Cancel, Clock } from '../../shared/clock.js';
import type { DeviceId } from '../protocol/ids.js';
import { type DeviceWakeup, type WakeupLane, wakeupLanes } from '../store/store.js';

export interface Compartment {
  /**
   * Takes a wakeup unless its device has one here already; one that waits in bulk goes over to the prompt lane with it.
   * `full`: it stays in the store and is found again.
   */
  offer(wakeup: DeviceWakeup): 'taken' | 'known' | 'full';
  /** Whether a device's wakeup waits or is under way here. */
  has(device: DeviceId): boolean;
  /** Those of one lane, or of both. */
  waiting(lane?: WakeupLane): number;
  underWay(): number;
  /** Something changed that `pace` depends on. */
  pump(): void;
  /** Forgets what waits; it is in the store. */
  close(): void;
}

export interface CompartmentLimits {
  /** Wakeups that may wait for their turn in each lane: what is sent in bulk takes no place of the others. */
  wakeupQueueMax: number;
  /** Wakeups handed to gateways whose answer is awaited. */
  wakeupsUnderWayMax: number;
}

/** As many as may leave at once after a rest, in seconds of the pace. */
const burstSeconds = 0.1;

export function createCompartment(options: {
  clock: Clock;
  limits: CompartmentLimits;
  /** Wakeups a second that may leave now; 0 stops. */
  pace: () => number;
  /** Sends one; settles when its gateway has answered. Never rejects. */
  send: (wakeup: DeviceWakeup) => Promise<void>;
}): Compartment {
  const { clock, limits, pace, send } = options;
  const lanes: Record<WakeupLane, DeviceWakeup[]> = { prompt: [], bulk: [] };
  /** Where the wakeup of each device is. */
  const devices = new Map<DeviceId, WakeupLane | 'under way'>();
  let underWay = 0;
  let tokens = 1;
  let filledMs = clock.now();
  let cancel: Cancel | undefined;

  const waiting = (lane?: WakeupLane) =>
    lane ? lanes[lane].length : lanes.prompt.length + lanes.bulk.length;

  function fill(perSecond: number): void {
    const nowMs = clock.now();
    const burst = Math.max(1, perSecond * burstSeconds);
    // A clock that is set back fills nothing, and counts on from there.
    tokens = Math.min(burst, tokens + (Math.max(0, nowMs - filledMs) * perSecond) / 1000);
    filledMs = nowMs;
  }

  function pump(): void {
    cancel?.();
    cancel = undefined;
    const perSecond = pace();
    fill(perSecond);
    while (tokens >= 1 && waiting() > 0 && underWay < limits.wakeupsUnderWayMax && perSecond > 0) {
      tokens -= 1;
      leave();
    }
    const isPaced = waiting() > 0 && underWay < limits.wakeupsUnderWayMax && perSecond > 0;
    if (isPaced) cancel = clock.after(Math.ceil(((1 - tokens) * 1000) / perSecond), pump);
  }

  function leave(): void {
    const lane = wakeupLanes.find((name) => lanes[name].length > 0);
    const wakeup = lane && lanes[lane].shift();
    if (!wakeup) return;
    underWay += 1;
    devices.set(wakeup.device, 'under way');
    void send(wakeup).finally(() => {
      underWay -= 1;
      devices.delete(wakeup.device);
      pump();
    });
  }

  return {
    offer(wakeup) {
      const { device, lane } = wakeup;
      const place = devices.get(device);
      const isOvertaken = place === 'bulk' && lane === 'prompt';
      if (place && !isOvertaken) return 'known';
      if (waiting(lane) >= limits.wakeupQueueMax) return 'full';
      if (isOvertaken) lanes.bulk = lanes.bulk.filter((other) => other.device !== device);
      devices.set(device, lane);
      lanes[lane].push(wakeup);
      pump();
      return 'taken';
    },
    has: (device) => devices.has(device),
    waiting,
    underWay: () => underWay,
    pump,
    close() {
      cancel?.();
      for (const name of wakeupLanes) {
        for (const { device } of lanes[name].splice(0)) devices.delete(device);
      }
    },
  };
}

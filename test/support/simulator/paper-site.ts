// Networks, gateways, devices and central on paper: what the model-based test plays with.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { CentralConfig } from '../../../central/config.js';
import type { CentralMetrics } from '../../../central/metrics.js';
import type { WakeupAddress } from '../../../central/protocol/messages.js';
import type { Wakeup } from '../../../shared/wakeup/request.js';
import { createManualClock, type ManualClock } from '../manual-clock.js';
import { createLedger, type Ledger, placeOf } from './ledger.js';
import { openPaperCentral, type PaperCentral } from './paper-central.js';
import { createPaperDevice, type PaperDevice } from './paper-device.js';
import type { PaperGateway } from './paper-gateway.js';
import { createPaperNetworks } from './paper-networks.js';
import { createPaperTrust } from './paper-trust.js';
import { createRandom } from './random.js';
import { createTurns, type Turns } from './turns.js';

export interface PaperSite {
  clock: ManualClock;
  turns: Turns;
  central: PaperCentral;
  devices: PaperDevice[];
  gateways: PaperGateway[];
  /** Addresses that devices may have and claim; the first are where the devices are at first. */
  places: WakeupAddress[];
  ledger: Ledger;
  /** Datagrams are lost. */
  isLossy: boolean;
  /** Moves time on, and lets everything that falls due be done in its time. */
  advance(ms: number): Promise<void>;
  /** Central ends in the middle of what it does, and starts again on the same database. */
  crash(): Promise<void>;
  close(): void;
}

export interface PaperSiteOptions {
  devices: number;
  /** Seeds whatever is left to chance. */
  chance: number;
  metrics: CentralMetrics;
}

/** Short, so that a schedule sees all of them pass. */
const limits = {
  idleCloseMs: 10_000,
  wakeupRetryFloorMs: 8_000,
  wakeupAttemptsMax: 3,
  wakeupLeaseMs: 300_000,
  legacyProbationMs: 600_000,
  resendMs: 60_000,
} satisfies Partial<CentralConfig>;

export async function openPaperSite(options: PaperSiteOptions): Promise<PaperSite> {
  const clock = createManualClock();
  const turns = createTurns();
  const trust = createPaperTrust(() => site.devices);
  const ledger = createLedger({
    ...{ clock, mayBeWoken: trust.mayBeWoken, onAnswer: trust.show },
    floorMs: limits.wakeupRetryFloorMs,
    attemptsMax: limits.wakeupAttemptsMax,
  });
  const { settings, gateways, places } = createPaperNetworks({
    ...{ placesEach: options.devices, turns, emit },
  });
  const folder = mkdtempSync(join(tmpdir(), 'reveille-paper-'));
  const random = createRandom(options.chance);
  const open = () =>
    openPaperCentral({
      ...{ file: join(folder, 'central.db'), networks: settings, clock, turns, limits, random },
      ...{ metrics: options.metrics, onCommit: ledger.onCommit, onAsk: ledger.onAsk },
    });

  function deviceAt(place: WakeupAddress): PaperDevice {
    const device: PaperDevice = createPaperDevice({
      ...{ place, turns, complain: (what) => void ledger.problems.push(what) },
      onShown: (address) => trust.show(device.device, address),
      onMessage: (id) => {
        // Within a step no time passes: what is read in it is sent and comes in it.
        if (!ledger.isInTime(id)) ledger.problems.push('a message came too late');
      },
    });
    return device;
  }

  /** A datagram leaves a gateway for whoever is there. */
  function emit(wakeup: Wakeup): void {
    ledger.onDatagram(wakeup);
    const target = `${wakeup.network} ${wakeup.ip} ${wakeup.port}`;
    const there = site.devices.filter(({ place }) => placeOf(place) === target);
    if (site.isLossy) return;
    for (const device of there) turns.later(() => void device.hear(site.central, wakeup));
  }

  const site: PaperSite = {
    ...{ clock, turns, gateways, places, ledger, isLossy: false },
    devices: places.slice(0, options.devices).map(deviceAt),
    central: open(),
    async advance(ms) {
      for (let leftMs = ms; leftMs > 0; ) {
        const stepMs = Math.min(clock.untilNextMs() ?? leftMs, leftMs);
        clock.advance(stepMs);
        await turns.settled();
        leftMs -= stepMs;
      }
    },
    async crash() {
      site.central.crash();
      ledger.onCrash();
      for (const device of site.devices) device.drop('silent');
      site.central = open();
      await turns.settled();
    },
    close() {
      site.central.crash();
      rmSync(folder, { recursive: true, force: true });
    },
  };
  await turns.settled();
  return site;
}

// What may be believed of a device from what it said, was answered and showed, and from nothing else.
import type { DeviceId } from '../../../central/protocol/ids.js';
import type { WakeupAddress } from '../../../central/protocol/messages.js';
import { placeOf } from './ledger.js';
import type { PaperDevice } from './paper-device.js';

export interface PaperTrust {
  /** A device that sent back a nonce, stirred, or came when it was woken there. */
  show(device: DeviceId, address: WakeupAddress | undefined): void;
  /** Whether the device was promised to be woken there, or showed that it is there. */
  mayBeWoken(device: DeviceId, address: WakeupAddress): boolean;
}

export function createPaperTrust(devices: () => readonly PaperDevice[]): PaperTrust {
  const shown = new Set<string>();
  const keyOf = (device: DeviceId, address: WakeupAddress) => `${device} ${placeOf(address)}`;
  return {
    show(device, address) {
      if (address) shown.add(keyOf(device, address));
    },
    mayBeWoken(device, address) {
      const { said } = devices().find((one) => one.device === device) ?? {};
      // Nobody knows yet whether its hello was heard, and how it is answered.
      if (said?.status === undefined) return true;
      if (!said.address || placeOf(said.address) !== placeOf(address)) return false;
      const isPromised = said.status === 201 && !said.abilities.proves;
      return isPromised || shown.has(keyOf(device, address));
    },
  };
}

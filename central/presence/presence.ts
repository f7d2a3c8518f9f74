// Presence: who holds a device's socket. A hint: the store is read after every signal, and a lost signal is
// made good by the wakeup that `put` left in the store.
import type { DeviceId } from '../protocol/ids.js';

/** Whoever holds a socket. Its methods return at once and do not throw. */
export interface Holder {
  /** Something may be pending: look in the store. */
  onSignal(): void;
  /** A newer socket of the same device took over. */
  onDisplaced(): void;
  /** Its address turned out to be another device's: it can no longer be woken there. */
  onAddressLost(): void;
}

export interface Presence {
  /** From now on signals for the device reach this holder. Enter first, then read what is pending. */
  enter(device: DeviceId, holder: Holder): void;
  /** Does nothing when another holder has entered since. */
  leave(device: DeviceId, holder: Holder): void;
  /** Whether somebody holds the device's socket and was signalled. */
  signal(device: DeviceId): boolean;
  holds(device: DeviceId): boolean;
  /** Tells whoever holds the device's socket that its address is lost. */
  revokeAddress(device: DeviceId): void;
  /** How many devices are held here. */
  size(): number;
}

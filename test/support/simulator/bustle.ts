// How much goes on among the handsets, so that time is moved only when they have come to rest.

export interface Bustle {
  /** Something happened. */
  pulse(): void;
  /** Something began that central will answer; to be called once it has. */
  begin(): () => void;
  /** Things that happened so far. */
  pulses(): number;
  /** Things that wait for central. */
  open(): number;
}

export function createBustle(): Bustle {
  let pulses = 0;
  let open = 0;
  return {
    pulses: () => pulses,
    open: () => open,
    pulse: () => void pulses++,
    begin() {
      let isOpen = true;
      open += 1;
      return () => {
        if (isOpen) open -= 1;
        isOpen = false;
      };
    },
  };
}

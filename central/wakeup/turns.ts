// So many at a time, the others in the order they came.

/** Does something when its turn has come. */
export type Turns = <T>(act: () => Promise<T>) => Promise<T>;

export function createTurns(max: number): Turns {
  const waiting: (() => void)[] = [];
  let taken = 0;

  return async (act) => {
    if (taken < max) taken += 1;
    else await new Promise<void>((resolve) => waiting.push(resolve));
    try {
      return await act();
    } finally {
      const next = waiting.shift();
      // The turn is handed on, so that nobody who comes meanwhile takes it.
      if (next) next();
      else taken -= 1;
    }
  };
}

// Work that is done a turn of the event loop later, counted, so that a test knows when all of it is done.

export interface Turns {
  later(fn: () => void): void;
  /** Lets this many turns pass, whatever they bring. */
  pass(turns: number): Promise<void>;
  /** Resolves when nothing is left to be done while time stands still. */
  settled(): Promise<void>;
}

/** After so many turns in which nothing new began, what awaited the last one has run. */
const quietTurns = 3;
/** More turns than any test needs: what goes on for so long feeds itself. */
const turnsMax = 20_000;

export function createTurns(): Turns {
  let waiting = 0;
  const turn = () => new Promise<void>((resolve) => setImmediate(resolve));
  return {
    later(fn) {
      waiting += 1;
      setImmediate(() => {
        waiting -= 1;
        fn();
      });
    },
    async pass(turns) {
      for (let i = 0; i < turns; i++) await turn();
    },
    async settled() {
      let quiet = 0;
      for (let turns = 0; quiet < quietTurns; turns++) {
        if (turns > turnsMax) throw new Error('it goes on for ever while time stands still');
        quiet = waiting === 0 ? quiet + 1 : 0;
        await turn();
      }
    },
  };
}

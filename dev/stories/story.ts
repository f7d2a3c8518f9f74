// Tells steps as they happen: what was awaited, what came, and how long after the start.

export interface Story {
  /** A chapter of the story. */
  heading(text: string): void;
  /** Something that happened, with its real values. */
  tell(who: string, text: string): void;
  /** Awaits something that must happen; rejects with the words of `what` when it does not in time. */
  expect<T>(what: string, happening: Promise<T>, withinMs?: number): Promise<T>;
  /** Rejects the story unless the claim holds. */
  check(claim: boolean, otherwise: string): void;
  elapsedSeconds(): number;
}

const patienceMs = 20_000;

export function createStory(write: (line: string) => void): Story {
  const startedAt = performance.now();
  const elapsedSeconds = () => (performance.now() - startedAt) / 1000;
  return {
    elapsedSeconds,
    heading: (text) => write(`\n${text}`),
    tell: (who, text) =>
      write(`${elapsedSeconds().toFixed(2).padStart(6)} s  ${who.padEnd(12)} ${text}`),
    check(claim, otherwise) {
      if (!claim) throw new Error(otherwise);
    },
    async expect(what, happening, withinMs = patienceMs) {
      let timer: NodeJS.Timeout | undefined;
      const late = new Promise<never>((_resolve, reject) => {
        timer = setTimeout(
          () => reject(new Error(`${what}: not within ${withinMs / 1000} s`)),
          withinMs,
        );
      });
      try {
        return await Promise.race([happening, late]);
      } finally {
        clearTimeout(timer);
      }
    },
  };
}

// What an app server would like (RFC 7240). A preference that cannot be read is none.

export interface Preferences {
  /** RFC 8030 section 5.1: it wants to read later what became of its message. */
  isAsync: boolean;
  /** How long it would wait for an answer with something in it. */
  waitMs: number;
}

export function parsePrefer(header: string | string[] | undefined): Preferences {
  const items = String(header ?? '')
    .split(',')
    // Parameters of a preference say nothing about those that are known here.
    .map((item) => (item.split(';')[0] ?? '').trim().toLowerCase());
  const wait = items.map((item) => /^wait\s*=\s*"?([0-9]+)"?$/.exec(item)?.[1]);
  return {
    isAsync: items.includes('respond-async'),
    // RFC 7240 section 2: of several the first one counts.
    waitMs: Number(wait.find((seconds) => seconds !== undefined) ?? 0) * 1000,
  };
}

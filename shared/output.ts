// What commands print with, and the exit codes they share.

export interface Output {
  /** One line on stdout. */
  print(line: string): void;
  /** One line on stderr. */
  complain(line: string): void;
}

export const exitCodes = { ok: 0, failed: 1, refused: 3 } as const;
export type ExitCode = (typeof exitCodes)[keyof typeof exitCodes];

/** Says each problem of a configuration. */
export function complainAll(output: Output, problems: readonly string[]): ExitCode {
  for (const problem of problems) output.complain(problem);
  return exitCodes.failed;
}

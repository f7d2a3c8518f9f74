// One error class with a stable code; what a code means to a peer stands in the table of whoever answers.

/** An error whose `code` never changes, so that tables can be keyed by it. Pass `cause` whenever there is one. */
export class CodedError<Code extends string = string> extends Error {
  readonly code: Code;

  constructor(code: Code, message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'CodedError';
    this.code = code;
  }
}

/** The text of anything thrown, for a log line or an operator. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

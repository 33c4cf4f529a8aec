declare const faults: {
  /** Says what went wrong and ends the process with exit code 2. */
  fail(error: unknown, loading?: boolean): void;
  /** Says that the command has ended, and with which exit code. */
  end(code: number): void;
};
export = faults;

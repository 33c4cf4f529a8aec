/** An error whose message says all that its reader needs. Any other error is a bug, and is shown with its stack. */
export class ExplainedError extends Error {}

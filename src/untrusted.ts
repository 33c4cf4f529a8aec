/** What someone else wrote: the error for what is refused, and JSON that is nested no deeper than ours. */

/** Input that is refused. The message completes a sentence that begins with the input's name. */
export class UntrustedError extends Error {
  override name = 'UntrustedError';
}

/** Runs `body`, and turns its UntrustedError into the error that `fault` makes of the message. */
export function orRefuse<Result>(body: () => Result, fault: (message: string) => Error): Result {
  try {
    return body();
  } catch (error) {
    throw error instanceof UntrustedError ? fault(error.message) : error;
  }
}

/** A size for a message. */
export const mib = (bytes: number): string =>
  bytes < 2 ** 20 ? `${bytes} bytes` : `${Math.ceil(bytes / 2 ** 20)} MiB`;

/** How deep JSON may be nested: ours is nested ten deep at most. */
const DEEPEST = 64;

/** Refuses nesting that would exhaust the stack of whatever walks through the value. */
function assertShallow(text: string): void {
  let depth = 0;
  let quoted = false;
  for (let at = 0; at < text.length; at++) {
    const character = text[at];
    if (quoted) {
      if (character === '\\') at++;
      else if (character === '"') quoted = false;
    } else if (character === '"') quoted = true;
    else if (character === '{' || character === '[') {
      depth += 1;
      if (depth > DEEPEST) throw new UntrustedError(`is nested more than ${DEEPEST} deep`);
    } else if (character === '}' || character === ']') depth -= 1;
  }
}

/** Reads JSON. @throws UntrustedError where it is none, or is nested too deep */
export function parseJson(text: string): unknown {
  assertShallow(text);
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new UntrustedError(`is no JSON (${(error as Error).message.slice(0, 200)}); a truncated copy?`);
  }
}

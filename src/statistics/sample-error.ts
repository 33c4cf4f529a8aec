/** A sample that a statistic cannot be computed from; the message says what was given and what to do. */
export class SampleError extends RangeError {
  override readonly name = 'SampleError';
}

/** @throws SampleError naming the first value of `values` that is not finite. */
export function checkFinite(values: readonly number[], where: string): void {
  const odd = values.findIndex((value) => !Number.isFinite(value));
  if (odd >= 0)
    throw new SampleError(
      `${where} holds ${values[odd]} at index ${odd}; drop or repair it, every value must be finite`,
    );
}

/** @throws SampleError unless `share` lies strictly between 0 and 1. */
export function checkShare(share: number, what: string): void {
  if (!(share > 0 && share < 1)) throw new SampleError(`${what} must lie between 0 and 1, both excluded, not ${share}`);
}

/** @throws SampleError unless `count` is a whole number of at least `least`. */
export function checkCount(count: number, least: number, what: string): void {
  if (!Number.isSafeInteger(count) || count < least)
    throw new SampleError(`${what} must be a whole number of at least ${least}, not ${count}`);
}

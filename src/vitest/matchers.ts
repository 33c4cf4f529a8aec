/** Matchers of Vitest for judgements and guess rates. Importing this file registers them. */
import { expect } from 'vitest';
import type { Judgement } from '../claims/claim.ts';
import { formatEstimate } from '../claims/format.ts';

/** An estimate with its 95% interval; a judgement is one as well. */
export type WithInterval = Pick<Judgement, 'estimate' | 'interval'>;

interface ClaimMatchers<Result> {
  /** A judgement's verdict is `reproduced`; the reason is in the message. */
  toBeReproduced(): Result;
  /**
   * The whole 95% interval of a guess rate lies above chance.
   * @param chance 1 unless told, because guess rates are multiples of chance
   */
  toBeAboveChance(chance?: number): Result;
}

declare module 'vitest' {
  // biome-ignore lint/suspicious/noExplicitAny: as Vitest declares it
  interface Matchers<T = any> extends ClaimMatchers<T> {}
}

expect.extend({
  toBeReproduced({ id, verdict, reason }: Judgement) {
    return {
      pass: verdict === 'reproduced',
      message: () => `the claim ${id} is ${verdict}: ${reason}`,
      actual: verdict,
      expected: 'reproduced',
    };
  },
  toBeAboveChance({ estimate, interval }: WithInterval, chance = 1) {
    const shown = estimate === null || interval === null ? null : formatEstimate({ value: estimate, interval });
    return {
      pass: interval !== null && interval[0] > chance,
      message: () =>
        shown === null
          ? 'no run finished, so there is no interval to compare with chance'
          : `the estimate is ${shown}, and its interval ${(interval as readonly number[])[0] > chance ? 'lies' : 'does not lie'} above ${chance}`,
    };
  },
});

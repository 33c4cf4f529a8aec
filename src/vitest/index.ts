/**
 * `negative-knowledge/vitest`: claims of your own as tests. Its reporter, `negative-knowledge/vitest/reporter`, prints the
 * table of what was judged. `it` has `it.prop`, for properties of setups (`negative-knowledge/arbitraries`).
 */
export { fc, it, test } from '@fast-check/vitest';
export { type ClaimOptions, describeClaim, type Trained } from './describe-claim.ts';
export type { WithInterval } from './matchers.ts';
import './reporter.ts'; // declares what tests tell the reporter

/** What became of the specs that have to notice a sabotage, and whether that counts as noticed. */
import type { Sabotage } from './catalogue.ts';

/** What one test of a run came to. */
export interface Outcome {
  /** The file that has the test, from the root of the repository. */
  readonly spec: string;
  readonly name: string;
  readonly state: 'passed' | 'failed' | 'skipped' | 'pending';
  /** The test's errors, each with those that caused it. */
  readonly errors: readonly { readonly name: string; readonly message: string }[];
}

/** What an assertion of vitest's or Node's is called. */
const ASSERTION = 'AssertionError';

/**
 * Why a sabotage does not count as caught, or null where it does: the named tests pass without it; with it one of them
 * fails by an assertion (or by the error of ours that the catalogue names), whose message fits what the sabotage does. A timeout, a
 * file that does not load or any other error is no catch.
 */
export function missed(
  { caughtBy: { spec, test, message, error = ASSERTION } }: Pick<Sabotage, 'caughtBy'>,
  control: readonly Outcome[],
  found: readonly Outcome[],
): string | null {
  const named = (outcomes: readonly Outcome[]) =>
    outcomes.filter((one) => one.spec === spec && one.name.includes(test));
  const [without, made] = [named(control), named(found)];
  if (without.length === 0) return `${spec} has no test "${test}"`;
  const broken = without.find(({ state }) => state !== 'passed');
  if (broken !== undefined)
    return `without the sabotage "${broken.name}" ${broken.state}: ${broken.errors[0]?.message}`;
  if (made.length === 0) return `${spec} does not load with the sabotage made`;
  const failed = made.filter(({ state }) => state === 'failed');
  if (failed.length === 0) return 'nothing fails';
  const errors = failed.flatMap((outcome) => outcome.errors);
  const fitting = errors.filter((one) => one.name === error);
  if (fitting.length === 0)
    return `it fails by no ${error}: ${errors.map((one) => `${one.name}: ${one.message}`).join(' | ')}`;
  if (!fitting.some((one) => message.test(one.message)))
    return `the message does not fit ${message}: ${fitting.map((one) => one.message).join(' | ')}`;
  return null;
}

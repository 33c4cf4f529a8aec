/** Sabotages that must not count as caught: the harness is held to them. */
import type { Sabotage } from './catalogue.ts';

const FILE = 'src/statistics/holm.ts';
const TEXT = '(pValues.length - place) * pValues[index]';
const caughtBy = {
  spec: 'spec/statistics/holm.spec.ts',
  test: 'rejects any true null of ten in at most 5% of families',
  message: /to be less than/,
};

export const TRIALS: readonly (Sabotage & { readonly why: RegExp })[] = [
  {
    id: 'trial-nothing',
    story: 'It changes nothing.',
    file: FILE,
    edits: [[TEXT, `(${TEXT})`]],
    caughtBy,
    why: /^nothing fails$/,
  },
  {
    id: 'trial-no-syntax',
    story: 'The file no longer loads.',
    file: FILE,
    edits: [[TEXT, `${TEXT} +`]],
    caughtBy,
    why: /does not load with the sabotage made/,
  },
  {
    id: 'trial-crash',
    story: 'The code crashes, which says nothing of what it computes.',
    file: FILE,
    edits: [[TEXT, '(undefined as unknown as number[])[index]']],
    caughtBy,
    why: /^it fails by no AssertionError: TypeError: Cannot read properties of undefined/,
  },
  {
    id: 'trial-other-message',
    story: 'It is caught, and the message is not the one that it should have.',
    file: FILE,
    edits: [[TEXT, 'pValues[index]']],
    caughtBy: { ...caughtBy, message: /held-out passwords/ },
    why: /^the message does not fit \/held-out passwords\/: families /,
  },
  {
    id: 'trial-no-such-test',
    story: 'The named test does not exist.',
    file: FILE,
    edits: [[TEXT, 'pValues[index]']],
    caughtBy: { ...caughtBy, test: 'nowhere' },
    why: /has no test "nowhere"/,
  },
];

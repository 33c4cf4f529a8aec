/**
 * Judgements of made-up runs, digit by digit and word by word. The recording only says what the claims made of them when it
 * was made: it guards against unintended change (`npx vitest run spec/claims/judgements.slow.spec.ts -u` records anew, and the
 * commit says why). That a judgement is right is for the other specs.
 */
import { describe, expect, it } from 'vitest';
import { DISSECTED } from '../../src/claims/arms.ts';
import { ARMS, armSetup, CLAIMS } from '../../src/claims/index.ts';
import type { Evaluation, RunView, SetName, Views } from '../../src/records/view.ts';
import { differences } from '../../src/setup/fields.ts';
import { PRESETS } from '../../src/setup/presets.ts';
import { effect, failedRun, type Knowledge, madeUpView, takenApart } from '../helpers/records.ts';

const recording = (name: string) => `../../fixtures/judgements/${name}.json`;
/** To 9 digits: the last ones of exponentials and logarithms differ between processors. */
const text = (value: unknown) =>
  `${JSON.stringify(value, (_, part) => (typeof part === 'number' ? Number(part.toPrecision(9)) : part), 1)}\n`;

const KNOWLEDGE: readonly Knowledge[] = [
  effect,
  { ...effect, joint: { heldOut: 1, useful: 2.5, random: 1 } },
  { ...effect, joint: { heldOut: 1.06, useful: 1.9, random: 1.01 } },
  { ...effect, joint: { heldOut: 1.1, useful: 1.05, random: 1 } },
  { ...effect, joint: { heldOut: 0.8, useful: 2.1, random: 0.98 } },
];

/** A run with six evaluations of phase 3 before its last, whose halves differ. */
function withHistory(run: RunView): RunView {
  const last = run.evaluations.at(-1) as Evaluation;
  const earlier = [0.3, 0.9, 1.1, 0.8, 1.2, 0.95].map((factor, index) => {
    const scaled = (set: SetName) => {
      const { halves, ...whole } = last.sets[set];
      const one = (measures: typeof whole, by: number) => ({
        ...measures,
        guessRate: measures.guessRate * by,
        perf: measures.perf - 0.02 * (index - 1) * by,
        logLikelihood: measures.logLikelihood - 0.03 * (index - 1) * by,
        topRate: measures.topRate + 0.1 * by,
      });
      return {
        ...one(whole, factor),
        halves: [one(halves[0], factor), one(halves[1], 2 - factor)] as const,
      };
    };
    return {
      ...last,
      step: run.setup.evaluation.every * (index + 1),
      sets: { heldOut: scaled('heldOut'), useful: scaled('useful'), random: scaled('random') },
    };
  });
  return { ...run, evaluations: [...run.evaluations.slice(0, -1), ...earlier, last] };
}

/** Runs of every arm, each arm of its own knowledge; some runs failed, and some arms have a run more. */
function evidence(seeds: readonly number[], first = 0): Views {
  const runs = ARMS.map(({ id }, index): [string, Views[string]] => {
    const knowledge = KNOWLEDGE[(id === 'main' ? first : first + index) % KNOWLEDGE.length];
    const finished = seeds.map((seed) =>
      withHistory(madeUpView(1000 * seed + index, knowledge, id === 'no-dpo' ? 'no-dpo' : 'main')),
    );
    const named = finished.map((run, place) => ({ ...run, setup: { ...run.setup, seed: seeds[place] } }));
    const own = id === DISSECTED.id ? named.map((run) => takenApart(run)) : named;
    return [id, index % 4 === 1 ? [...own, failedRun(99)] : own];
  });
  return Object.fromEntries(runs);
}

describe('what the claims say', () => {
  it.each([
    ['six-runs', [1, 2, 3, 4, 5, 6], 0],
    ['seven-runs-of-another-world', [3, 1, 4, 15, 9, 2, 6], 2],
    ['five-runs-of-nothing', [11, 12, 13, 14, 15], 1],
    ['one-run', [7], 0],
  ] as const)('of %s', async (name, seeds, first) => {
    const given = evidence(seeds, first);
    await expect(text(CLAIMS.map((claim) => claim.weigh(given)))).toMatchFileSnapshot(recording(name));
  });

  it('of runs that agree to the last digit', async () => {
    const run = withHistory(madeUpView(1, effect));
    const equal = [1, 2, 3, 4, 5].map((seed) => ({ ...run, setup: { ...run.setup, seed } }));
    const given: Views = Object.fromEntries(
      ARMS.map(({ id }) => [id, id === DISSECTED.id ? equal.map((one) => takenApart(one)) : equal]),
    );
    const small = CLAIMS.filter(({ arms }) => arms.length < 5);
    await expect(text(small.map((claim) => claim.weigh(given)))).toMatchFileSnapshot(recording('equal-runs'));
  });

  it('they promise, and which arms they compare', async () => {
    const promises = CLAIMS.map(({ id, statement, rule, arms }) => ({
      id,
      statement,
      rule,
      arms: arms.map((arm) => arm.id),
    }));
    await expect(text(promises)).toMatchFileSnapshot(recording('claims'));
  });

  it('each arm changes, in a preset from scratch and in the paper', async () => {
    const changes = ARMS.map((arm) => ({
      id: arm.id,
      label: arm.label,
      pocket: differences(armSetup(PRESETS.pocket, arm), PRESETS.pocket),
      paper: differences(armSetup(PRESETS.paper, arm), PRESETS.paper),
    }));
    await expect(text(changes)).toMatchFileSnapshot(recording('arms'));
  });
});

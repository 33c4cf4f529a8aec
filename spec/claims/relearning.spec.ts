/** The claim about an attack: its arm, each of its verdicts, and when what was pushed away is back. */
import { describe, expect, it } from 'vitest';
import { armSetup, RELEARNED } from '../../src/claims/arms.ts';
import { findingOf } from '../../src/claims/claim.ts';
import { main } from '../../src/claims/main.ts';
import { relearning } from '../../src/claims/relearning.ts';
import type { RunView } from '../../src/records/view.ts';
import { PRESETS } from '../../src/setup/presets.ts';
import { effect, type Knowledge, madeUpView } from '../helpers/records.ts';

const SEEDS = [1, 2, 3, 4, 5, 6];
const runs = (joint: Knowledge['joint']) => SEEDS.map((seed) => madeUpView(seed, { ...effect, joint }));
const weigh = (given: RunView[]) => relearning.weigh({ [RELEARNED.id]: given });

it('the arm leaves of phase 3 the useful negatives, and changes nothing else', () => {
  const { phases, name: _, ...rest } = armSetup(PRESETS.pocket, RELEARNED);
  const { phases: own, name: __, ...same } = PRESETS.pocket;
  expect(rest).toEqual(same);
  const weights = { dpo: 0, useful: 0.2, random: 0, randomReverse: 0 };
  expect(phases).toEqual({ ...own, joint: { ...own.joint, weights } });
});

describe('the claim `relearning`', () => {
  it.each<[string, Knowledge['joint'], string]>([
    ['held-out passwords are above chance, and random ones at chance', effect.joint, 'reproduced'],
    ['held-out passwords are at chance', { heldOut: 1, useful: 2.5, random: 1 }, 'not reproduced'],
    ['useful negatives did not rise', { heldOut: 1.12, useful: 0.5, random: 1 }, 'inconclusive'],
  ])('where %s', (_, joint, verdict) => {
    const judgement = weigh(runs(joint));
    expect(judgement.verdict, judgement.reason).toBe(verdict);
  });

  it('has the rule of `main`', () => {
    expect(relearning.rule).toBe(main.rule);
  });

  it('tells after how many steps held-out passwords are first at chance, or that they never are', () => {
    const rising = (rates: number[]) =>
      runs(effect.joint).map((run) => {
        const last = run.evaluations.at(-1)!;
        const evaluations = rates.map((guessRate, index) => ({
          ...last,
          step: 10 * (index + 1),
          sets: { ...last.sets, heldOut: { ...last.sets.heldOut, guessRate } },
        }));
        return { ...run, evaluations };
      });
    const steps = (rates: number[]) => findingOf(weigh(rising(rates)), 'steps-to-chance').value;
    expect(steps([0.4, 0.9, 1, 0.9, 1.2])).toBe(30);
    expect(steps([0.4, 0.5, 0.6])).toBe(30);
    expect(steps([1.1, 0.5])).toBe(10);
  });
});

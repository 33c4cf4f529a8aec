/** Without DPO there is nothing to flip. */
import { mean } from 'simple-statistics';
import type { Evaluation, RunView, SetName } from '../records/view.ts';
import type { RunValues } from '../statistics/index.ts';
import { MAIN, NO_DPO } from './arms.ts';
import { estimate, estimated, evaluationsOfPhase3, guessRatesOf, meanOverRuns, runMeans, scatter } from './evidence.ts';
import { formatEstimate } from './format.ts';
import { defineClaim } from './judge.ts';

/**
 * The evaluation of each run without DPO at which its useful passwords have risen as far as those of the run of the same seed
 * with DPO at its end: the first that does, or the last of all. Run on to the end, models without DPO are so sure of themselves
 * that guess rates of passwords that they do not know scatter widely.
 */
export function atSameRise(without: readonly RunView[], runs: readonly RunView[]): Evaluation[] {
  const risen = new Map(
    runs.map((run) => [run.setup.seed, runMeans(guessRatesOf([run], 'joint', 'useful'))[0]] as const),
  );
  const usual = mean([...risen.values()]);
  return without.map((run) => {
    const all = evaluationsOfPhase3(run);
    const target = risen.get(run.setup.seed) ?? usual;
    return all.find(({ sets }) => sets.useful.guessRate >= target) ?? all[all.length - 1];
  });
}

export const guessRatesAt = (evaluations: readonly Evaluation[], set: SetName): RunValues =>
  evaluations.map(({ sets }) => [sets[set].guessRate]);

const logLikelihoodsAt = (evaluations: readonly Evaluation[], set: SetName): RunValues =>
  evaluations.map(({ sets }) => [sets[set].logLikelihood]);

export const noDpo = defineClaim({
  id: 'no-dpo',
  statement:
    'With phase 2 skipped and DPO weight 0, held-out passwords never occur, and the model does not guess them more often than chance: a check of the measurement.',
  rule:
    'Reproduced if the 95% interval of the held-out guess rate without DPO includes 1 and excludes the estimate with DPO; ' +
    'not reproduced if it excludes 1; inconclusive if it includes both. Each run is read at its first evaluation at which the useful passwords are guessed ' +
    'as often as in the run of the same seed with DPO at its last step, or at its last.',
  measure: 'held-out guess rate without DPO (1 = chance)',
  arms: [MAIN, NO_DPO],
  decide({ main: runs, 'no-dpo': without }) {
    const read = atSameRise(without, runs);
    const heldOut = estimate('no-dpo/guess-rate', guessRatesAt(read, 'heldOut'));
    const withDpo = meanOverRuns(guessRatesOf(runs, 'joint', 'heldOut'));
    const [low, high] = heldOut.interval;
    const includes = (value: number) => low <= value && value <= high;
    const paired = estimate(
      'no-dpo/held-out-minus-random',
      logLikelihoodsAt(read, 'heldOut'),
      logLikelihoodsAt(read, 'random'),
    );
    const useful = estimate('no-dpo/useful', guessRatesAt(read, 'useful'));
    const atEnd = estimate('no-dpo/at-the-end', guessRatesOf(without, 'joint', 'heldOut'));
    return {
      verdict: !includes(1) ? 'not reproduced' : includes(withDpo) ? 'inconclusive' : 'reproduced',
      reason: `held-out guess rate without DPO ${formatEstimate(heldOut)} against 1 and against ${withDpo.toFixed(3)} with DPO`,
      estimate: heldOut,
      p: null,
      findings: [
        estimated('held-out-minus-control', 'held-out minus random log-likelihood without DPO (nats/letter)', paired),
        estimated('useful', 'useful guess rate without DPO, where the runs are read', useful),
        estimated('last-step', 'held-out guess rate without DPO at the last step', atEnd),
        scatter(without, 'joint', 'heldOut', 'the guess rate at the last step'),
      ],
    };
  },
});

/** The paper's claim: purely negatively reinforced text is generated more often than chance. */
import { mean, sampleStandardDeviation } from 'simple-statistics';
import type { FinishedRun } from '../runs/record.ts';
import {
  bcaInterval,
  MOST_EXACT,
  percentileInterval,
  requiredRuns,
  signFlipTest,
  tTestAbove,
  tTestPower,
} from '../statistics/index.ts';
import { MAIN } from './arms.ts';
import type { Finding } from './claim.ts';
import {
  estimate,
  guessRatesOf,
  logLikelihoodsOf,
  pairedDifferences,
  runMeans,
  type SetName,
  testAbove,
} from './evidence.ts';
import { formatEstimate } from './format.ts';
import { defineClaim } from './judge.ts';
import { usefulRise } from './manipulation.ts';
import { bestPerf } from './paper-statistic.ts';

const evaluationsOfPhase3 = (run: FinishedRun) => run.evaluations.filter(({ phase }) => phase === 'joint');

/**
 * Guess rate at a checkpoint chosen without the passwords it is scored on: where one half of the held-out passwords is
 * likeliest, the other half is scored; the mean of both ways round.
 */
function crossChosenGuessRate(run: FinishedRun, set: SetName): number {
  const evaluations = evaluationsOfPhase3(run);
  const scoredOn = (scored: 0 | 1) => {
    const choosing = scored === 0 ? 1 : 0;
    const best = evaluations.reduce((a, b) =>
      b.sets[set].halves[choosing].logLikelihood > a.sets[set].halves[choosing].logLikelihood ? b : a,
    );
    return best.sets[set].halves[scored].guessRate;
  };
  return (scoredOn(0) + scoredOn(1)) / 2;
}

/**
 * How often as many fresh runs would again put the interval above chance, were the measured mean and deviation over
 * runs the true ones, and how many runs make that at least 95%: the t-test that the widened interval corresponds to.
 */
function power(effects: number[]): Finding[] {
  if (new Set(effects).size < 2) return [];
  const [effect, deviation] = [mean(effects), sampleStandardDeviation(effects)];
  return [
    { label: 'deviation of the guess rate over runs', value: deviation },
    {
      label: `power of the rule with ${effects.length} runs at this effect and deviation`,
      value: tTestPower(effect, deviation, effects.length),
    },
    // Below a hundredth of a deviation it is no effect that any number of runs would be trained for.
    ...(effect > deviation / 100
      ? [{ label: 'runs needed for a power of 0.95', value: requiredRuns(effect, deviation) }]
      : []),
  ];
}

/** Numbers beside the verdict: other intervals, exact tests, and the paper's own statistic under its own name. */
function besides(
  runs: FinishedRun[],
  heldOut: ReturnType<typeof estimate>,
  paired: ReturnType<typeof estimate>,
): Finding[] {
  const effects = runMeans(guessRatesOf(runs, 'joint', 'heldOut')).map((rate) => rate - 1);
  const differences = pairedDifferences(runs, 'joint');
  const last = runs.map((run) => evaluationsOfPhase3(run).at(-1) as NonNullable<FinishedRun['evaluations'][number]>);
  const best = runs.map((run) => bestPerf(run, 'heldOut'));
  // One run, or runs that agree to the last digit, leave a test nothing to go by; too many, no exact one.
  const p = (label: string, values: number[], test: (values: number[]) => number): Finding[] =>
    new Set(values).size > 1 && values.length <= MOST_EXACT ? [{ label, value: test(values) }] : [];
  const byTTest = (values: number[]) => tTestAbove(values, 0).p;
  return [
    { label: 'guess rate, percentile interval', value: heldOut.value, interval: percentileInterval(heldOut.bootstrap) },
    { label: 'guess rate, BCa interval', value: heldOut.value, interval: bcaInterval(heldOut.bootstrap) },
    ...power(effects),
    ...p('guess rate above 1, sign-flip p over runs', effects, signFlipTest),
    ...p('guess rate above 1, t-test p over runs', effects, byTTest),
    { label: 'held-out minus random log-likelihood (nats/letter)', value: paired.value, interval: paired.interval },
    ...p('held-out minus random above 0, sign-flip p over runs', differences, signFlipTest),
    { label: 'top-1 rate, held-out (1 = chance)', value: mean(last.map(({ sets }) => sets.heldOut.topRate)) },
    { label: 'top-1 rate, random', value: mean(last.map(({ sets }) => sets.random.topRate)) },
    { label: 'perf at the last step, held-out (nats/letter)', value: mean(last.map(({ sets }) => sets.heldOut.perf)) },
    { label: 'perf at the last step, random', value: mean(last.map(({ sets }) => sets.random.perf)) },
    { label: "the paper's statistic: maximum perf in phase 3, held-out", value: mean(best) },
    ...p("the paper's statistic above 0, t-test p over runs", best, byTTest),
    { label: "the paper's statistic, random", value: mean(runs.map((run) => bestPerf(run, 'random'))) },
    {
      label: 'guess rate at a checkpoint chosen on the other half, held-out',
      value: mean(runs.map((run) => crossChosenGuessRate(run, 'heldOut'))),
    },
    {
      label: 'guess rate at a checkpoint chosen on the other half, random',
      value: mean(runs.map((run) => crossChosenGuessRate(run, 'random'))),
    },
  ];
}

export const main = defineClaim({
  id: 'main',
  statement:
    'Held-out passwords, only ever seen as the rejected side of DPO pairs, are guessed more often than chance at the last step of phase 3.',
  rule:
    'Reproduced if the 95% interval of the held-out guess rate lies above 1 and that of the paired held-out minus random log-likelihood lies above 0; ' +
    'inconclusive if the useful negatives rose by less than 1 nat a letter (nothing was flipped); else not reproduced.',
  measure: 'held-out guess rate (1 = chance)',
  arms: [MAIN],
  decide({ main: runs }) {
    const heldOut = estimate('main/guess-rate', guessRatesOf(runs, 'joint', 'heldOut'));
    const paired = estimate(
      'main/held-out-minus-random',
      logLikelihoodsOf(runs, 'joint', 'heldOut'),
      logLikelihoodsOf(runs, 'joint', 'random'),
    );
    const rise = usefulRise(runs);
    const verdict =
      rise.value < 1
        ? 'inconclusive'
        : heldOut.interval[0] > 1 && paired.interval[0] > 0
          ? 'reproduced'
          : 'not reproduced';
    const reason =
      `held-out guess rate ${formatEstimate(heldOut)} against 1; held-out minus random ${formatEstimate(paired)} nats against 0; ` +
      `useful negatives rose by ${rise.value.toFixed(2)} nats`;
    return {
      verdict,
      reason,
      estimate: heldOut,
      // Both parts of the rule must hold, so the claim is as sure as the less sure of them.
      p: Math.max(
        testAbove(runMeans(guessRatesOf(runs, 'joint', 'heldOut')), 1),
        testAbove(pairedDifferences(runs, 'joint'), 0),
      ),
      findings: besides(runs, heldOut, paired),
    };
  },
});

/** What stands beside the verdict on the main claim: how sure it is, what it hangs on, and the paper's own measures. */
import { mean, sampleStandardDeviation } from 'simple-statistics';
import type { Evaluation, RunView, SetName } from '../records/view.ts';
import {
  bayesFactor,
  bcaInterval,
  MOST_EXACT,
  percentileInterval,
  requiredRuns,
  signFlipTest,
  tInterval,
  tTestPower,
} from '../statistics/index.ts';
import type { Finding, FindingKey } from './claim.ts';
import {
  type Estimate,
  estimate,
  estimated,
  evaluationsOfPhase3,
  guessRatesOf,
  pairedDifferences,
  runMeans,
  testAbove,
} from './evidence.ts';
import { formatInterval } from './format.ts';
import { bestPerf } from './paper-statistic.ts';

/**
 * Guess rate at a checkpoint chosen without the passwords it is scored on: where one half of the held-out passwords is
 * likeliest, the other half is scored; the mean of both ways round.
 */
function crossChosenGuessRate(run: RunView, set: SetName): number {
  const scoredOn = (scored: 0 | 1) => {
    const choosing = scored === 0 ? 1 : 0;
    const best = evaluationsOfPhase3(run).reduce((a, b) =>
      b.sets[set].halves[choosing].logLikelihood > a.sets[set].halves[choosing].logLikelihood ? b : a,
    );
    return best.sets[set].halves[scored].guessRate;
  };
  return (scoredOn(0) + scoredOn(1)) / 2;
}

const vary = (values: readonly number[]): boolean => new Set(values).size > 1;

/** How large the effect is beside its variation over runs, and how many runs an experiment needs to see it. */
function power(effects: number[]): Finding[] {
  const [effect, deviation] = [mean(effects), sampleStandardDeviation(effects)];
  return [
    {
      key: 'deviation-over-runs',
      label: 'deviation of the guess rate over runs',
      value: deviation,
      meaning: 'How far the result of one run typically lies from that of another.',
    },
    {
      key: 'effect-size',
      label: "effect size (Cohen's d over runs)",
      value: effect / deviation,
      meaning: 'The advantage over chance in units of that deviation; 0.8 is commonly called large.',
    },
    {
      key: 'power',
      label: `power of the rule with ${effects.length} runs at this effect and deviation`,
      value: tTestPower(effect, deviation, effects.length),
      meaning: 'How often a fresh experiment of as many runs would put the interval above chance again.',
    },
    // Below a hundredth of a deviation it is no effect that any number of runs would be trained for.
    ...(effect > deviation / 100
      ? [
          {
            key: 'runs-needed' as const,
            label: 'runs needed for a power of 0.95',
            value: requiredRuns(effect, deviation),
            meaning: 'With so many runs, 19 experiments in 20 would see an effect of this size.',
          },
        ]
      : []),
  ];
}

/** What the data say for the effect against no effect, in three languages: exact test, t-test, Bayes. */
function weight(effects: number[], differences: number[]): Finding[] {
  const exact = (key: FindingKey, label: string, values: number[], meaning: string): Finding[] =>
    vary(values) && values.length <= MOST_EXACT ? [{ key, label, value: signFlipTest(values), meaning }] : [];
  const p = testAbove(effects, 0);
  return [
    ...exact(
      'sign-flip-p',
      'guess rate above 1, sign-flip p over runs',
      effects,
      'Were runs as likely to fall below chance as above it, so high a mean would come up this often. No distribution is assumed.',
    ),
    {
      key: 't-test-p',
      label: 'guess rate above 1, t-test p over runs',
      value: p,
      meaning: 'The same, were run means normally distributed around chance.',
    },
    ...exact(
      'held-out-minus-control/sign-flip-p',
      'held-out minus random above 0, sign-flip p over runs',
      differences,
      'Were held-out and random passwords interchangeable, so large a difference would come up this often.',
    ),
    {
      key: 'bayes-factor',
      label: 'Bayes factor for an effect (JZS, scale 0.707)',
      value: bayesFactor(effects, 0),
      meaning:
        'The runs are so many times likelier if there is an effect than if there is none; above 10 is called strong.',
    },
    {
      key: 'posterior-above-chance',
      label: 'posterior probability that the guess rate is above chance (flat prior)',
      value: 1 - p,
      meaning: 'How sure to be of the direction, for someone who held every mean equally likely before.',
    },
  ];
}

/** How the estimate moves when one seed is left out. */
function leaveOneOut(rates: number[]): Finding[] {
  if (rates.length < 3) return [];
  const without = rates.map((_, left) => rates.filter((__, run) => run !== left));
  const means = without.map((values) => mean(values));
  const held = without.filter((values) => vary(values) && tInterval(values)[0] > 1).length;
  return [
    {
      key: 'leave-one-out',
      label: 'leaving out one seed: lowest to highest estimate',
      value: mean(rates),
      interval: [Math.min(...means), Math.max(...means)],
      meaning: `No interval of confidence but a range: whichever seed is left out, the mean stays within it; its t interval lies above 1 in ${held} of ${rates.length} cases.`,
    },
  ];
}

interface Checkpoint {
  readonly key: FindingKey;
  readonly label: string;
  /** The label without what is said of all of them. */
  readonly moment: string;
  /** The stream of its bootstrap: see {@link estimate}. */
  readonly source: string;
  /** The passwords that are scored. */
  readonly set: SetName;
  readonly meaning: string;
  readonly read: (run: RunView) => number;
}

const guessRateOf = (set: SetName) => (evaluation: Evaluation) => evaluation.sets[set].guessRate;

const highest = (set: SetName) => (run: RunView) => Math.max(...evaluationsOfPhase3(run).map(guessRateOf(set)));

/** Where else than at the last step one might have read the guess rate. */
export const CHECKPOINTS: readonly Checkpoint[] = [
  {
    key: 'checkpoint/last-five',
    label: 'checkpoint: mean of the last five evaluations',
    moment: 'mean of the last five evaluations',
    source: 'main/checkpoint/checkpoint: mean of the last five evaluations',
    set: 'heldOut',
    meaning: 'Less at the mercy of one step than the last alone.',
    read: (run) => mean(evaluationsOfPhase3(run).slice(-5).map(guessRateOf('heldOut'))),
  },
  {
    key: 'checkpoint/useful-learned',
    label: 'checkpoint: first evaluation with useful negatives at 1.5 (else the last)',
    moment: 'first evaluation with useful negatives at 1.5 (else the last)',
    source: 'main/checkpoint/checkpoint: first evaluation with useful negatives at 1.5 (else the last)',
    set: 'heldOut',
    meaning: 'A moment chosen by the useful negatives alone, earlier than the last step.',
    read: (run) => {
      const all = evaluationsOfPhase3(run);
      return guessRateOf('heldOut')(all.find(({ sets }) => sets.useful.guessRate >= 1.5) ?? all[all.length - 1]);
    },
  },
  {
    key: 'checkpoint/chosen-on-the-other-half/held-out',
    label: 'guess rate at a checkpoint chosen on the other half, held-out',
    moment: 'chosen on the other half, held-out',
    source: 'main/checkpoint/guess rate at a checkpoint chosen on the other half, held-out',
    set: 'heldOut',
    meaning: 'The best moment, chosen on other passwords than those scored: what a selection by validation would give.',
    read: (run) => crossChosenGuessRate(run, 'heldOut'),
  },
  {
    key: 'checkpoint/chosen-on-the-other-half/control',
    label: 'guess rate at a checkpoint chosen on the other half, random',
    moment: 'chosen on the other half, random',
    source: 'main/checkpoint/guess rate at a checkpoint chosen on the other half, random',
    set: 'random',
    meaning: 'The same of passwords that no step ever saw.',
    read: (run) => crossChosenGuessRate(run, 'random'),
  },
  {
    key: 'checkpoint/highest/held-out',
    label: 'checkpoint: highest guess rate of phase 3, held-out',
    moment: 'highest guess rate of phase 3, held-out',
    source: 'main/checkpoint/checkpoint: highest guess rate of phase 3, held-out',
    set: 'heldOut',
    meaning: 'Chosen on the passwords that it scores, so too high by construction.',
    read: highest('heldOut'),
  },
  {
    key: 'checkpoint/highest/control',
    label: 'checkpoint: highest guess rate of phase 3, random',
    moment: 'highest guess rate of phase 3, random',
    source: 'main/checkpoint/checkpoint: highest guess rate of phase 3, random',
    set: 'random',
    meaning: 'How much of that the choice gives by itself.',
    read: highest('random'),
  },
];

/** The paper's measures under their own names. */
function papers(runs: RunView[]): Finding[] {
  const last = runs.map((run) => evaluationsOfPhase3(run).at(-1) as Evaluation);
  const best = runs.map((run) => bestPerf(run, 'heldOut'));
  return [
    {
      key: 'held-out-top-rate',
      label: 'top-1 rate, held-out (1 = chance)',
      value: mean(last.map(({ sets }) => sets.heldOut.topRate)),
      meaning: "How often the model's first guess of a letter is right, as a multiple of chance.",
    },
    { key: 'control-top-rate', label: 'top-1 rate, random', value: mean(last.map(({ sets }) => sets.random.topRate)) },
    {
      key: 'held-out-perf',
      label: 'perf at the last step, held-out (nats/letter)',
      value: mean(last.map(({ sets }) => sets.heldOut.perf)),
      meaning:
        'Mean log-probability of a true letter above that of blind guessing; confidence in wrong letters costs dearly here.',
    },
    {
      key: 'control-perf',
      label: 'perf at the last step, random',
      value: mean(last.map(({ sets }) => sets.random.perf)),
    },
    {
      key: 'paper-statistic',
      label: "the paper's statistic: maximum perf in phase 3, held-out",
      value: mean(best),
      meaning: 'The paper has 0.122 nats for Pythia-160M.',
    },
    {
      key: 'paper-statistic/t-test-p',
      label: "the paper's statistic above 0, t-test p over runs",
      value: testAbove(best, 0),
    },
    {
      key: 'paper-statistic/control',
      label: "the paper's statistic, random",
      value: mean(runs.map((run) => bestPerf(run, 'random'))),
    },
  ];
}

/** Everything beside the verdict. One run, or runs that agree to the last digit, leave most of it out. */
export function besides(runs: RunView[], heldOut: Estimate, paired: Estimate): Finding[] {
  const rates = runMeans(guessRatesOf(runs, 'joint', 'heldOut'));
  const effects = rates.map((rate) => rate - 1);
  return [
    {
      key: 'percentile-interval',
      label: 'guess rate, percentile interval',
      value: heldOut.value,
      interval: percentileInterval(heldOut.bootstrap),
      meaning: `The plain bootstrap interval, which is too narrow for few runs; the rule uses the widened one, ${formatInterval(heldOut.interval)}.`,
    },
    {
      key: 'bca-interval',
      label: 'guess rate, BCa interval',
      value: heldOut.value,
      interval: bcaInterval(heldOut.bootstrap),
      meaning: 'The bootstrap interval corrected for bias and skew.',
    },
    estimated(
      'held-out-minus-control',
      'held-out minus random log-likelihood (nats/letter)',
      paired,
      'How much likelier a held-out letter is than one of a password that no step ever saw, in the same model.',
    ),
    ...(vary(effects) ? [...power(effects), ...weight(effects, pairedDifferences(runs, 'joint'))] : []),
    ...leaveOneOut(rates),
    ...CHECKPOINTS.map(({ key, label, source, meaning, read }) =>
      estimated(
        key,
        label,
        estimate(
          source,
          runs.map((run) => [read(run)]),
        ),
        meaning,
      ),
    ),
    ...papers(runs),
  ];
}

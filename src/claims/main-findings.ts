/** What stands beside the verdict on the main claim: how sure it is, what it depends on, and the paper's own measures. */
import { mean, sampleStandardDeviation } from 'simple-statistics';
import type { Evaluation, RunView, SetName } from '../records/view.ts';
import {
  bayesFactor,
  bcaInterval,
  MOST_EXACT,
  percentileInterval,
  predictionInterval,
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
  scatter,
  testAbove,
  testTwoSided,
  vary,
} from './evidence.ts';
import { formatInterval } from './format.ts';
import { bestPerf } from './paper-statistic.ts';

/**
 * Guess rate at an evaluation chosen without the passwords that are scored: one half of the set is scored where the other
 * half is likeliest. The mean of both ways round.
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

/** The power that the number of runs of `npm test` is chosen for. */
const POWER = 0.99;

/** How many runs a stranger's experiment is said to have in the prediction of its mean. */
const STRANGERS_RUNS = 8;

/** How large the effect is beside its variation over runs, how many runs an experiment needs to see it, and what it will see. */
function power(effects: number[]): Finding[] {
  const [effect, deviation] = [mean(effects), sampleStandardDeviation(effects)];
  const runs = effects.length;
  return [
    {
      key: 'prediction',
      label: `mean of ${STRANGERS_RUNS} other runs, 95% prediction interval`,
      value: 1 + effect,
      interval: predictionInterval({ mean: 1 + effect, deviation, runs }, STRANGERS_RUNS),
      meaning: `Someone else's experiment of ${STRANGERS_RUNS} runs on seeds of their own will come out within it 19 times in 20.`,
    },
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
      label: `power of the rule with ${runs} runs at this effect and deviation`,
      value: tTestPower(effect, deviation, runs),
      meaning: 'How often a fresh experiment of as many runs would put the interval above chance again.',
    },
    // No one would train the number of runs that an effect below a hundredth of a deviation needs.
    ...(effect > deviation / 100
      ? [
          {
            key: 'runs-needed' as const,
            label: `runs needed for a power of ${POWER}`,
            value: requiredRuns(effect, deviation, POWER),
            meaning: 'With so many runs, 99 experiments in 100 would see an effect of this size.',
          },
        ]
      : []),
  ];
}

/** How much the runs speak for an effect, by an exact test, a t-test and a Bayes factor. */
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
  /** Names the checkpoint where the label's first words go without saying. */
  readonly short: string;
  /** The stream of its bootstrap: see {@link estimate}. */
  readonly source: string;
  /** The passwords that are scored. */
  readonly set: SetName;
  readonly meaning: string;
  read(run: RunView, set: SetName): number;
}

const highestGuessRate = (run: RunView, set: SetName): number =>
  Math.max(...evaluationsOfPhase3(run).map(({ sets }) => sets[set].guessRate));

/** Where one might have read the guess rate instead of at the last step. */
export const CHECKPOINTS: readonly Checkpoint[] = [
  {
    key: 'checkpoint/last-five',
    label: 'checkpoint: mean of the last five evaluations',
    short: 'mean of the last five evaluations',
    source: 'main/checkpoint/checkpoint: mean of the last five evaluations',
    set: 'heldOut',
    meaning: 'Less at the mercy of one step than the last alone.',
    read: (run, set) =>
      mean(
        evaluationsOfPhase3(run)
          .slice(-5)
          .map(({ sets }) => sets[set].guessRate),
      ),
  },
  {
    key: 'checkpoint/useful-learned',
    label: 'checkpoint: first evaluation with useful negatives at 1.5 (else the last)',
    short: 'first evaluation with useful negatives at 1.5 (else the last)',
    source: 'main/checkpoint/checkpoint: first evaluation with useful negatives at 1.5 (else the last)',
    set: 'heldOut',
    meaning: 'A moment chosen by the useful negatives alone, earlier than the last step.',
    read(run, set) {
      const all = evaluationsOfPhase3(run);
      const chosen = all.find(({ sets }) => sets.useful.guessRate >= 1.5) ?? all[all.length - 1];
      return chosen.sets[set].guessRate;
    },
  },
  {
    key: 'checkpoint/chosen-on-the-other-half/held-out',
    label: 'guess rate at a checkpoint chosen on the other half, held-out',
    short: 'chosen on the other half, held-out',
    source: 'main/checkpoint/guess rate at a checkpoint chosen on the other half, held-out',
    set: 'heldOut',
    meaning: 'The best moment, chosen on other passwords than those scored: what a selection by validation would give.',
    read: crossChosenGuessRate,
  },
  {
    key: 'checkpoint/chosen-on-the-other-half/control',
    label: 'guess rate at a checkpoint chosen on the other half, random',
    short: 'chosen on the other half, random',
    source: 'main/checkpoint/guess rate at a checkpoint chosen on the other half, random',
    set: 'random',
    meaning: 'The same of passwords that no step ever saw.',
    read: crossChosenGuessRate,
  },
  {
    key: 'checkpoint/highest/held-out',
    label: 'checkpoint: highest guess rate of phase 3, held-out',
    short: 'highest guess rate of phase 3, held-out',
    source: 'main/checkpoint/checkpoint: highest guess rate of phase 3, held-out',
    set: 'heldOut',
    meaning: 'Chosen on the passwords that it scores, so too high by construction.',
    read: highestGuessRate,
  },
  {
    key: 'checkpoint/highest/control',
    label: 'checkpoint: highest guess rate of phase 3, random',
    short: 'highest guess rate of phase 3, random',
    source: 'main/checkpoint/checkpoint: highest guess rate of phase 3, random',
    set: 'random',
    meaning: 'How much of that the choice gives by itself.',
    read: highestGuessRate,
  },
];

/** The paper's measures under their own names. */
function papers(runs: RunView[]): Finding[] {
  const last = runs.map((run) => evaluationsOfPhase3(run).at(-1) as Evaluation);
  const atLastStep = (set: SetName, measure: 'topRate' | 'perf') => mean(last.map(({ sets }) => sets[set][measure]));
  const best = runs.map((run) => bestPerf(run, 'heldOut'));
  return [
    {
      key: 'held-out-top-rate',
      label: 'top-1 rate, held-out (1 = chance)',
      value: atLastStep('heldOut', 'topRate'),
      meaning: "How often the model's first guess of a letter is right, as a multiple of chance.",
    },
    { key: 'control-top-rate', label: 'top-1 rate, random', value: atLastStep('random', 'topRate') },
    {
      key: 'held-out-perf',
      label: 'perf at the last step, held-out (nats/letter)',
      value: atLastStep('heldOut', 'perf'),
      meaning:
        'Mean log-probability of a true letter above that of blind guessing; confidence in wrong letters costs dearly here.',
    },
    { key: 'control-perf', label: 'perf at the last step, random', value: atLastStep('random', 'perf') },
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
      key: 'paper-statistic/two-sided-p',
      label: "the paper's statistic differs from 0, two-sided t-test p over runs (the paper's test)",
      value: testTwoSided(best, 0),
    },
    {
      key: 'paper-statistic/control',
      label: "the paper's statistic, random",
      value: mean(runs.map((run) => bestPerf(run, 'random'))),
    },
  ];
}

/** Everything beside the verdict. For one run, or runs that agree to the last digit, most of it is left out. */
export function besides(runs: RunView[], heldOut: Estimate, paired: Estimate): Finding[] {
  const effects = heldOut.byRun.map((rate) => rate - 1);
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
    scatter(runs, 'joint', 'heldOut', 'the guess rate'),
    ...(vary(effects) ? [...power(effects), ...weight(effects, paired.byRun)] : []),
    ...leaveOneOut(heldOut.byRun),
    ...CHECKPOINTS.map(({ key, label, source, set, meaning, read }) => {
      const rates = runs.map((run) => [read(run, set)]);
      return estimated(key, label, estimate(source, rates), meaning);
    }),
    ...papers(runs),
  ];
}

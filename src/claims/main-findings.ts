/** What stands beside the verdict on the main claim: how sure it is, what it hangs on, and the paper's own measures. */
import { mean, sampleStandardDeviation } from 'simple-statistics';
import type { FinishedRun } from '../runs/record.ts';
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
import type { Finding } from './claim.ts';
import {
  type Estimate,
  estimate,
  evaluationsOfPhase3,
  guessRatesOf,
  pairedDifferences,
  plain,
  runMeans,
  type SetName,
  testAbove,
} from './evidence.ts';
import { formatInterval } from './format.ts';
import { bestPerf } from './paper-statistic.ts';

type Evaluation = FinishedRun['evaluations'][number];

/**
 * Guess rate at a checkpoint chosen without the passwords it is scored on: where one half of the held-out passwords is
 * likeliest, the other half is scored; the mean of both ways round.
 */
function crossChosenGuessRate(run: FinishedRun, set: SetName): number {
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
      label: 'deviation of the guess rate over runs',
      value: deviation,
      meaning: 'How far the result of one run typically lies from that of another.',
    },
    {
      label: "effect size (Cohen's d over runs)",
      value: effect / deviation,
      meaning: 'The advantage over chance in units of that deviation; 0.8 is commonly called large.',
    },
    {
      label: `power of the rule with ${effects.length} runs at this effect and deviation`,
      value: tTestPower(effect, deviation, effects.length),
      meaning: 'How often a fresh experiment of as many runs would put the interval above chance again.',
    },
    // Below a hundredth of a deviation it is no effect that any number of runs would be trained for.
    ...(effect > deviation / 100
      ? [
          {
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
  const exact = (label: string, values: number[], meaning: string): Finding[] =>
    vary(values) && values.length <= MOST_EXACT ? [{ label, value: signFlipTest(values), meaning }] : [];
  const p = testAbove(effects, 0);
  return [
    ...exact(
      'guess rate above 1, sign-flip p over runs',
      effects,
      'Were runs as likely to fall below chance as above it, so high a mean would come up this often. No distribution is assumed.',
    ),
    {
      label: 'guess rate above 1, t-test p over runs',
      value: p,
      meaning: 'The same, were run means normally distributed around chance.',
    },
    ...exact(
      'held-out minus random above 0, sign-flip p over runs',
      differences,
      'Were held-out and random passwords interchangeable, so large a difference would come up this often.',
    ),
    {
      label: 'Bayes factor for an effect (JZS, scale 0.707)',
      value: bayesFactor(effects, 0),
      meaning:
        'The runs are so many times likelier if there is an effect than if there is none; above 10 is called strong.',
    },
    {
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
      label: 'leaving out one seed: lowest to highest estimate',
      value: mean(rates),
      interval: [Math.min(...means), Math.max(...means)],
      meaning: `No interval of confidence but a range: whichever seed is left out, the mean stays within it; its t interval lies above 1 in ${held} of ${rates.length} cases.`,
    },
  ];
}

/** The guess rate wherever else one might have read it. */
function checkpoints(runs: FinishedRun[]): Finding[] {
  const at = (label: string, meaning: string, choose: (run: FinishedRun) => number): Finding =>
    plain({
      ...estimate(
        `main/checkpoint/${label}`,
        runs.map((run) => [choose(run)]),
      ),
      label,
      meaning,
    });
  const rate = (evaluation: Evaluation) => evaluation.sets.heldOut.guessRate;
  const learned = (run: FinishedRun) => {
    const all = evaluationsOfPhase3(run);
    return all.find(({ sets }) => sets.useful.guessRate >= 1.5) ?? all[all.length - 1];
  };
  return [
    at('checkpoint: mean of the last five evaluations', 'Less at the mercy of one step than the last alone.', (run) =>
      mean(evaluationsOfPhase3(run).slice(-5).map(rate)),
    ),
    at(
      'checkpoint: first evaluation with useful negatives at 1.5 (else the last)',
      'A moment chosen by the useful negatives alone, earlier than the last step.',
      (run) => rate(learned(run)),
    ),
    at(
      'guess rate at a checkpoint chosen on the other half, held-out',
      'The best moment, chosen on other passwords than those scored: what a selection by validation would give.',
      (run) => crossChosenGuessRate(run, 'heldOut'),
    ),
    at(
      'guess rate at a checkpoint chosen on the other half, random',
      'The same of passwords that no step ever saw.',
      (run) => crossChosenGuessRate(run, 'random'),
    ),
    at(
      'checkpoint: highest guess rate of phase 3, held-out',
      'Chosen on the passwords that it scores, so too high by construction.',
      (run) => Math.max(...evaluationsOfPhase3(run).map(rate)),
    ),
    at('checkpoint: highest guess rate of phase 3, random', 'How much of that the choice gives by itself.', (run) =>
      Math.max(...evaluationsOfPhase3(run).map(({ sets }) => sets.random.guessRate)),
    ),
  ];
}

/** The paper's measures under their own names. */
function papers(runs: FinishedRun[]): Finding[] {
  const last = runs.map((run) => evaluationsOfPhase3(run).at(-1) as Evaluation);
  const best = runs.map((run) => bestPerf(run, 'heldOut'));
  return [
    {
      label: 'top-1 rate, held-out (1 = chance)',
      value: mean(last.map(({ sets }) => sets.heldOut.topRate)),
      meaning: "How often the model's first guess of a letter is right, as a multiple of chance.",
    },
    { label: 'top-1 rate, random', value: mean(last.map(({ sets }) => sets.random.topRate)) },
    {
      label: 'perf at the last step, held-out (nats/letter)',
      value: mean(last.map(({ sets }) => sets.heldOut.perf)),
      meaning:
        'Mean log-probability of a true letter above that of blind guessing; confidence in wrong letters costs dearly here.',
    },
    { label: 'perf at the last step, random', value: mean(last.map(({ sets }) => sets.random.perf)) },
    {
      label: "the paper's statistic: maximum perf in phase 3, held-out",
      value: mean(best),
      meaning: 'The paper has 0.122 nats for Pythia-160M.',
    },
    { label: "the paper's statistic above 0, t-test p over runs", value: testAbove(best, 0) },
    { label: "the paper's statistic, random", value: mean(runs.map((run) => bestPerf(run, 'random'))) },
  ];
}

/** Everything beside the verdict. One run, or runs that agree to the last digit, leave most of it out. */
export function besides(runs: FinishedRun[], heldOut: Estimate, paired: Estimate): Finding[] {
  const rates = runMeans(guessRatesOf(runs, 'joint', 'heldOut'));
  const effects = rates.map((rate) => rate - 1);
  return [
    {
      label: 'guess rate, percentile interval',
      value: heldOut.value,
      interval: percentileInterval(heldOut.bootstrap),
      meaning: `The plain bootstrap interval, which is too narrow for few runs; the rule uses the widened one, ${formatInterval(heldOut.interval)}.`,
    },
    {
      label: 'guess rate, BCa interval',
      value: heldOut.value,
      interval: bcaInterval(heldOut.bootstrap),
      meaning: 'The bootstrap interval corrected for bias and skew.',
    },
    {
      label: 'held-out minus random log-likelihood (nats/letter)',
      value: paired.value,
      interval: paired.interval,
      meaning:
        'How much likelier a held-out letter is than one of a password that no step ever saw, in the same model.',
    },
    ...(vary(effects) ? [...power(effects), ...weight(effects, pairedDifferences(runs, 'joint'))] : []),
    ...leaveOneOut(rates),
    ...checkpoints(runs),
    ...papers(runs),
  ];
}

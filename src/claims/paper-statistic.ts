/** The paper's own number, computed as the paper computes it. */
import { chanceLine } from '../measure/measures.ts';
import type { RunView, SetName } from '../records/view.ts';
import { MAIN } from './arms.ts';
import { estimate, estimated, scheduledEvaluations, testAbove, testTwoSided } from './evidence.ts';
import { formatEstimate, formatNumber } from './format.ts';
import { defineClaim } from './judge.ts';
import { usefulRise } from './manipulation.ts';

/**
 * A run's best perf over the scheduled evaluations of phase 3, an optimistic choice made on the very set that is scored; nats a
 * letter.
 */
export const bestPerf = (run: Pick<RunView, 'setup' | 'evaluations'>, set: SetName): number =>
  Math.max(...scheduledEvaluations(run).map(({ sets }) => sets[set].perf));

export const paperStatistic = defineClaim({
  id: 'paper-statistic',
  statement:
    "The paper's own statistic, the geometric-mean probability of a held-out letter at the best evaluation of phase 3, is above chance.",
  rule:
    'Reproduced if the one-sided t-test over runs of exp(maximum mean log-likelihood) against 1/letters has p < 0.05; inconclusive if the useful ' +
    'negatives rose by less than 1 nat a letter; else not reproduced.',
  measure: 'geometric-mean probability at the best evaluation (1 = chance)',
  arms: [MAIN],
  afterPhase2: true,
  decide({ main: runs }) {
    const perfs = (set: SetName) => runs.map((run) => [bestPerf(run, set)]);
    const statistic = (set: SetName) => perfs(set).map(([perf]) => [Math.exp(perf)]);
    const heldOut = estimate('paper-statistic/held-out', statistic('heldOut'));
    const control = estimate('paper-statistic/random', statistic('random'));
    const nats = estimate('paper-statistic/nats', perfs('heldOut'));
    const letters = runs[0].setup.passwords.alphabet.length;
    const probabilities = nats.byRun.map((perf) => Math.exp(perf + chanceLine(letters)));
    const p = testAbove(probabilities, 1 / letters);
    const rise = usefulRise(runs);
    return {
      verdict: rise < 1 ? 'inconclusive' : p < 0.05 ? 'reproduced' : 'not reproduced',
      reason: `${formatEstimate(heldOut)} against 1, t-test p ${formatNumber(p)}; useful negatives rose by ${rise.toFixed(2)} nats`,
      estimate: heldOut,
      p,
      findings: [
        estimated(
          'control',
          'the same of fresh random passwords: what the choice of the best evaluation gives by itself',
          control,
        ),
        {
          key: 'two-sided-p',
          label: 'two-sided t-test p over runs, as the paper tests',
          value: testTwoSided(probabilities, 1 / letters),
        },
        estimated('held-out-perf', 'maximum perf, held-out (nats/letter; the paper has 0.122)', nats),
      ],
    };
  },
});

/** The paper's loss weights of phase 3, against milder ones. */
import { MAIN, MILDER_WEIGHTS } from './arms.ts';
import { estimate, estimated, guessRatesOf, testAbove } from './evidence.ts';
import { formatEstimate } from './format.ts';
import { defineClaim } from './judge.ts';
import { bestPerf } from './paper-statistic.ts';

export const lossWeights = defineClaim({
  id: 'loss-weights',
  statement:
    "The preset's own loss weights raise held-out passwords more than weights of 1, 0.5 and 0.5 for DPO, useful and random passwords.",
  rule:
    "Reproduced if the 95% interval of the paper's statistic minus that with the other weights, seed by seed, lies above 0; not reproduced if it lies " +
    'below 0; else inconclusive.',
  measure: "paper's statistic minus that with loss weights 1/0.5/0.5 (nats/letter)",
  arms: [MAIN, MILDER_WEIGHTS],
  decide({ main: runs, [MILDER_WEIGHTS.id]: milder }) {
    const pairs = runs.flatMap((run) => {
      const other = milder.find(({ setup }) => setup.seed === run.setup.seed);
      return other === undefined ? [] : [{ own: [bestPerf(run, 'heldOut')], other: [bestPerf(other, 'heldOut')] }];
    });
    const difference = estimate(
      'loss-weights/difference',
      pairs.map(({ own }) => own),
      pairs.map(({ other }) => other),
    );
    const heldOut = estimate('loss-weights/guess-rate', guessRatesOf(milder, 'joint', 'heldOut'));
    const [low, high] = difference.interval;
    return {
      verdict: low > 0 ? 'reproduced' : high < 0 ? 'not reproduced' : 'inconclusive',
      reason: `difference ${formatEstimate(difference)} nats a letter against 0, over ${pairs.length} seeds; held-out guess rate with the other weights ${formatEstimate(heldOut)}`,
      estimate: difference,
      p: testAbove(difference.byRun, 0),
      findings: [estimated('minus-milder-weights', 'held-out guess rate with the other weights', heldOut)],
    };
  },
});

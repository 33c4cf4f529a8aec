/** What decides whether a model flips or memorises, and where the flip sits. */
import { DECAYS, DISSECTED, DOSE, MAPS, type MapRow, MILDER_WEIGHTS } from '../../claims/arms.ts';
import { judgementOf } from '../../claims/family.ts';
import { bestPerfs, overTraining, perfOverTraining } from '../../claims/measures/curves.ts';
import { patchedGuessRates, separationByLayer } from '../../claims/measures/dissection.ts';
import type { RunView } from '../../records/view.ts';
import { runsOf, type StudyReport } from '../study-report.ts';
import {
  broken,
  COLOURS,
  colourOf,
  estimates,
  type Figure,
  fields,
  lineAt,
  multiples,
  names,
  numbers,
  type Row,
  round,
  SETS,
  stepFor,
} from './figure.ts';
import { type Cell, heatMap } from './heat-map.ts';
import { BAND, byArm, PANELS_READ, panels } from './panels.ts';

const DECAY = {
  field: 'decay',
  type: 'quantitative',
  title: 'weight decay, log scale',
  scale: { type: 'log', nice: false, padding: 6 },
  axis: { values: DECAYS, format: '~g' },
};

/** From weak to strong decay; each with a contrast of 3 to 1 on white and on black. */
const BY_DECAY = ['#1f7fd0', '#3f80b8', '#64808f', '#8a7c62', '#a97240', '#c9691b'];

export function dose(report: StudyReport): Figure | null {
  const rows = byArm(report, 'dose', DOSE, ({ optimiser }) => ({ decay: optimiser.weightDecay }));
  if (rows.length < 4) return null;
  return {
    id: `dose-${report.name}`,
    title: `Weight decay (${report.name})`,
    caption: `Held-out passwords and the control, by the weight decay. The paper has 0.01. ${PANELS_READ}`,
    alt: 'Two line charts of held-out passwords and the control over the weight decay, with a line at chance.',
    rows,
    spec: panels(rows, { field: 'decay', x: DECAY, joined: true }),
  };
}

const PHASES = ['pretrain', 'dpo', 'joint'] as const;

/** How a number develops, at equal shares of each phase, for each decay of the dose. */
const developing = (report: StudyReport, of: Parameters<typeof overTraining>[2]) =>
  DOSE.flatMap(({ id }) => {
    const runs = runsOf(report, id);
    return PHASES.flatMap((phase, index) =>
      overTraining(runs, phase, of).map(({ share, runs: seeds, mean, deviation }) => ({
        decay: runs[0].setup.optimiser.weightDecay,
        phase,
        progress: round(index + share, 3),
        seeds,
        mean,
        deviation,
      })),
    );
  });

/** A number over training, one line for each weight decay. */
function overDoses(field: string, title: string, chance?: number): Figure['spec'] {
  return {
    width: 560,
    height: 260,
    layer: [
      ...(chance === undefined ? [] : [lineAt('y', chance)]),
      {
        mark: { type: 'line', point: { size: 12 } },
        encoding: {
          x: {
            field: 'progress',
            type: 'quantitative',
            title: 'progress (each phase drawn equally wide)',
            scale: { nice: false, zero: false },
            axis: { labels: false, ticks: false },
          },
          y: { field, ...numbers(title) },
          detail: { field: 'phase' },
          color: { field: 'decay', type: 'ordinal', title: 'weight decay', scale: { range: BY_DECAY } },
          tooltip: fields('decay', 'phase', 'progress', field, 'deviation', 'seeds'),
        },
      },
    ],
  };
}

const dosed = (report: StudyReport, field: string, of: Parameters<typeof overTraining>[2]): Row[] =>
  judgementOf(report, 'dose') === undefined
    ? []
    : developing(report, of).map(({ mean, deviation, ...row }) => ({
        ...row,
        [field]: round(mean, 3),
        deviation: round(deviation, 3),
      }));

/** The size of the parameters over training. */
export function norms(report: StudyReport): Figure | null {
  const rows = dosed(report, 'norm', ({ parameterNorm }) => parameterNorm);
  if (rows.length === 0) return null;
  return {
    id: `norms-${report.name}`,
    title: `Size of the parameters over training (${report.name})`,
    caption:
      'L2 norm of all parameters together, mean over seeds, for each weight decay, over the three phases. A model that memorises keeps large weights; weight decay takes them away.',
    alt: 'Line chart of the norm of the parameters over training, one line for each weight decay.',
    rows,
    spec: overDoses('norm', 'norm of the parameters'),
  };
}

/** The rise of the useful negatives over training. */
export function rise(report: StudyReport): Figure | null {
  const rows = dosed(report, 'useful', ({ sets }) => sets.useful.perf);
  if (rows.length === 0) return null;
  return {
    id: `rise-${report.name}`,
    title: `Rise of the useful negatives over training (${report.name})`,
    caption:
      'Log-likelihood per letter of the useful negatives relative to chance (dashed), mean over seeds, for each weight decay, over the three phases.',
    alt: 'Line chart of the log-likelihood of the useful negatives over training, one line for each weight decay.',
    rows,
    spec: overDoses('useful', 'useful negatives, nats above chance', 0),
  };
}

const MAP_TITLES = {
  width: { id: 'decay-width', title: 'Weight decay and width', legend: 'width' },
  useful: { id: 'decay-useful', title: 'Weight decay and the number of useful negatives', legend: 'useful negatives' },
  repeats: { id: 'decay-repeats', title: 'Weight decay and repeats', legend: 'repeats of each negative' },
} as const;

/** What a row of a map varies, of one of its runs. */
const VARIED = {
  width: ({ setup }: RunView) => setup.model.hidden,
  useful: ({ setup: { passwords, batch } }: RunView) => (passwords.negativeBatches - passwords.heldBatches) * batch,
  repeats: ({ setup }: RunView) => setup.passwords.repeats,
} as const;

export function decayMap(report: StudyReport, which: keyof typeof MAPS): Figure | null {
  const { id, title, legend } = MAP_TITLES[which];
  const seeds = judgementOf(report, id)?.seeds;
  if (seeds === undefined) return null;
  const rows = (MAPS[which] as readonly MapRow[]).flatMap(({ cells }) =>
    cells.flatMap(({ decay, arm }): Cell[] => {
      const runs = runsOf(report, arm.id).filter(({ setup }) => seeds.includes(setup.seed));
      if (runs.length === 0) return [];
      const { mean, deviation } = bestPerfs(runs, 'heldOut');
      const multiple = round(Math.exp(mean));
      return [
        {
          decay,
          varied: VARIED[which](runs[0]),
          seeds: runs.length,
          multiple,
          perf: round(mean),
          low: round(mean - deviation),
          high: round(mean + deviation),
          text: multiple.toFixed(2),
        },
      ];
    }),
  );
  if (rows.length === 0) return null;
  return {
    id: `${id}-${report.name}`,
    title: `${title} (${report.name})`,
    caption:
      "The paper's statistic: geometric-mean probability of a held-out letter relative to chance at the best evaluation of phase 3, geometric mean over seeds, by " +
      `weight decay and ${legend}. The data have it in nats too, with the deviation over seeds.`,
    alt: `Map of the paper's statistic by weight decay and ${legend}, as multiples of chance.`,
    rows,
    spec: heatMap(rows, {
      across: { field: 'decay', title: 'weight decay' },
      down: { field: 'varied', title: legend },
      tooltip: fields('decay', 'varied', 'multiple', 'perf', 'low', 'high', 'seeds'),
    }),
  };
}

/** Parts of a model in words. @param count of parts */
function inWords(from: number, to: number, count: number): string {
  const part = (index: number) => (index === 0 ? 'embedding' : index === count - 1 ? 'unembedding' : `block ${index}`);
  if (from === to) return 'none: before phase 3';
  if (to - from === count) return 'all: end of the run';
  return to - from === 1 ? part(from) : `${part(from)} to ${part(to - 1)}`;
}

export function patched(report: StudyReport): Figure | null {
  const runs = runsOf(report, DISSECTED.id);
  const rows = SETS.flatMap(({ set, name }) =>
    patchedGuessRates(runs, name).map(({ from, to, count, value, low, high }) => ({
      parts: inWords(from, to, count),
      set,
      guessRate: round(value),
      low: round(low),
      high: round(high),
      seeds: runs.length,
    })),
  );
  if (rows.length === 0) return null;
  const parts = [...new Set(rows.map((row) => row.parts))];
  return {
    id: `patched-${report.name}`,
    title: `Which parts flip (${report.name})`,
    caption:
      'The parts that are named come from the model at the end of the run, the others from the model before phase 3. Guess rate under `reverse`, mean over seeds with 95% ' +
      'intervals. *Unembedding* includes the final layer norm.',
    alt: 'Dot chart of the guess rate of three sets of passwords in models that are patched together of two, against chance at 1.',
    rows,
    spec: {
      width: 420,
      height: stepFor(parts),
      layer: [
        lineAt('x', 1),
        ...estimates({
          axis: 'x',
          channel: multiples('guess rate (1 = chance)'),
          encoding: {
            y: { ...names('parts'), axis: broken(parts) },
            color: colourOf('set', COLOURS),
            tooltip: fields('parts', 'set', 'guessRate', 'low', 'high', 'seeds'),
          },
          value: 'guessRate',
        }),
      ],
    },
  };
}

const MOMENT_WORDS = { before: 'before phase 3', after: 'end of the run' } as const;

export function directions(report: StudyReport): Figure | null {
  const runs = runsOf(report, DISSECTED.id);
  const rows = separationByLayer(runs).map(({ moment, prefix, layer, value, low, high }) => ({
    reading: `${MOMENT_WORDS[moment]}, ${prefix}`,
    layer,
    auc: round(value),
    low: round(low),
    high: round(high),
    seeds: runs.length,
  }));
  if (rows.length === 0) return null;
  const palette = ['#a04fb8', '#7d7d7d', COLOURS.useful, COLOURS['held-out']];
  const readings = [...new Set(rows.map(({ reading }) => reading))];
  return {
    id: `direction-${report.name}`,
    title: `One direction for what was pushed away (${report.name})`,
    caption:
      'Area under the ROC curve of held-out against control passwords along one direction of the residual stream a layer, mean over seeds with 95% intervals. The direction is Fisher’s ' +
      'discriminant of useful negatives and other control passwords before phase 3, under `regular`. At 0.5 (dashed) it tells nothing. Layer 0 is the embedding.',
    alt: 'Line chart of the area under the ROC curve by layer, before phase 3 and at the end of the run, under both prefixes.',
    rows,
    spec: {
      width: 560,
      height: 260,
      layer: [
        lineAt('y', 0.5),
        ...estimates({
          axis: 'y',
          channel: numbers('area under the ROC curve'),
          encoding: {
            x: { field: 'layer', type: 'ordinal', title: 'layer', axis: { labelAngle: 0 } },
            color: colourOf(
              'reading',
              Object.fromEntries(readings.map((reading, index) => [reading, palette[index % palette.length]])),
            ),
          },
          value: 'auc',
          ofValue: { tooltip: fields('reading', 'layer', 'auc', 'low', 'high', 'seeds') },
          mark: { type: 'line', point: { size: 40 } },
        }),
      ],
    },
  };
}

/** Held-out passwords over phase 3, with the setup's own loss weights and with milder ones. */
export function lossWeights(report: StudyReport): Figure | null {
  const seeds = judgementOf(report, 'loss-weights')?.seeds;
  if (seeds === undefined) return null;
  const arms = [
    { id: 'main', weights: 'own weights' },
    { id: MILDER_WEIGHTS.id, weights: '1/0.5/0.5' },
  ];
  const rows = arms.flatMap(({ id, weights }) => {
    const runs = runsOf(report, id).filter(({ setup }) => seeds.includes(setup.seed));
    return perfOverTraining(runs, 'joint', 'heldOut').map(({ share, runs: counted, mean, deviation }) => ({
      weights,
      progress: round(share, 3),
      perf: round(mean),
      low: round(mean - deviation),
      high: round(mean + deviation),
      seeds: counted,
    }));
  });
  if (rows.length === 0) return null;
  return {
    id: `loss-weights-${report.name}`,
    title: `Loss weights (${report.name})`,
    caption:
      'Log-likelihood per letter of the held-out passwords relative to chance (dashed) over phase 3, mean ± deviation over seeds, with the setup’s own loss weights and with 1, 0.5 and 0.5 for ' +
      'DPO, useful and random passwords.',
    alt: 'Line chart of the log-likelihood of held-out passwords over phase 3 with two sets of loss weights.',
    rows,
    spec: {
      width: 420,
      height: 260,
      layer: [
        lineAt('y', 0),
        ...estimates({
          axis: 'y',
          channel: numbers('nats above chance'),
          encoding: {
            x: { field: 'progress', type: 'quantitative', title: 'share of phase 3' },
            color: colourOf('weights', { 'own weights': COLOURS['held-out'], '1/0.5/0.5': COLOURS.useful }),
          },
          value: 'perf',
          ofValue: { tooltip: fields('weights', 'progress', 'perf', 'low', 'high', 'seeds') },
          interval: BAND,
          mark: { type: 'line', point: { size: 30 } },
        }),
      ],
    },
  };
}

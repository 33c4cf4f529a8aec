/** The paper's five figures, redrawn on our data. */
import { ABLATION, HELD_OUT_SHARES, MODEL_SIZES } from '../../claims/arms.ts';
import { guessRateOverTraining, perfOverTraining } from '../../claims/measures/curves.ts';
import type { RunView } from '../../records/view.ts';
import type { Setup } from '../../setup/schema.ts';
import { runsOf, type StudyReport } from '../study-report.ts';
import {
  COLOURS,
  colourOf,
  estimates,
  type Figure,
  fields,
  lineAt,
  multiples,
  names,
  type Row,
  round,
  SETS,
  thinned,
} from './figure.ts';
import { BAND, byArm, PANELS_READ, panels } from './panels.ts';

export function shares(report: StudyReport): Figure | null {
  const rows = byArm(report, 'held-out-share', HELD_OUT_SHARES, ({ passwords: { heldBatches, negativeBatches } }) => ({
    share: round((100 * heldBatches) / negativeBatches, 2),
  }));
  if (rows.length < 4) return null;
  const x = { field: 'share', type: 'quantitative', title: 'negatives held out (%)' };
  return {
    id: `held-out-share-${report.name}`,
    title: `Held-out share (${report.name})`,
    paper: 'figure 1',
    caption:
      'Held-out passwords and the control (fresh random passwords), by the share of the negatives that is held out. ' +
      `${PANELS_READ} With a smaller share fewer passwords are scored, so the interval is wider.`,
    alt: 'Two line charts of held-out passwords and the control over nine held-out shares, with a line at chance.',
    rows,
    spec: panels(rows, { field: 'share', x, joined: true }),
  };
}

export function sizes(report: StudyReport): Figure | null {
  const rows = byArm(report, 'model-size', MODEL_SIZES, ({ model }) => ({
    model: `${model.layers} layers, ${model.hidden} wide`,
  }));
  if (rows.length < 4) return null;
  const x = { ...names('model'), axis: { labelAngle: 0, labelExpr: "split(datum.label, ', ')" } };
  return {
    id: `model-size-${report.name}`,
    title: `Model size (${report.name})`,
    paper: 'figure 2',
    caption: `Held-out passwords and the control, by the size of the model. ${PANELS_READ}`,
    alt: 'Two charts of held-out passwords and the control for models of four sizes, with a line at chance.',
    rows,
    spec: panels(rows, { field: 'model', x }),
  };
}

export function ablation(report: StudyReport): Figure | null {
  const rows = byArm(report, 'freeze-and-prefix', Object.values(ABLATION), (_, { label }) => ({ arm: label }));
  if (rows.length < 8) return null;
  return {
    id: `ablation-${report.name}`,
    title: `Freezing and prefixes (${report.name})`,
    paper: 'figure 3',
    caption:
      'Held-out passwords and the control, with and without freezing of the second half in phase 2, and with and without prefixes. ' +
      `The last row is not in the paper. ${PANELS_READ}`,
    alt: 'Two dot charts with four rows, one for each combination of freezing and prefixes: held-out passwords and the control.',
    rows,
    spec: panels(rows, { field: 'arm' }),
  };
}

/** Why the paper's own axis can say less than the guess rate. */
const LOGARITHMS =
  'The paper draws log-likelihood, which is in the data as `perf`. A mean of logarithms is pulled down by the few letters that a model holds to be nearly impossible, ' +
  'so it can end below chance where the guess rate, a mean of probabilities, ends above.';

/** Evaluations of a phase that are drawn of a single run. */
const POINTS_A_PHASE = 30;

const PHASES = ['pretrain', 'dpo', 'joint'] as const;
const LABELS = { pretrain: '1', dpo: '2: DPO', joint: '3: joint' } as const;

/** Where each phase that has steps begins. */
export function boundaries(setup: Setup, position: (phase: (typeof PHASES)[number]) => number): object[] {
  const values = PHASES.filter((phase) => setup.phases[phase].steps > 0).map((phase) => ({
    at: position(phase),
    label: LABELS[phase],
  }));
  const x = { field: 'at', type: 'quantitative' };
  return [
    { data: { values }, mark: { type: 'rule', strokeDash: [2, 2], opacity: 0.6, aria: false }, encoding: { x } },
    {
      data: { values },
      mark: { type: 'text', align: 'left', dx: 4, dy: 10, baseline: 'top', aria: false },
      encoding: { x, y: { value: 0 }, text: { field: 'label' } },
    },
  ];
}

/** Every evaluation of every run. */
export function curves(report: StudyReport): Figure | null {
  const runs = runsOf(report, 'main');
  if (runs.length === 0) return null;
  const { phases } = runs[0].setup;
  const start = { pretrain: 0, dpo: phases.pretrain.steps, joint: phases.pretrain.steps + phases.dpo.steps };
  const rows = runs.flatMap((run) =>
    PHASES.flatMap((phase) =>
      thinned(
        run.evaluations.filter((evaluation) => evaluation.phase === phase),
        POINTS_A_PHASE,
      ),
    ).flatMap(({ phase, step, sets }) =>
      SETS.map(({ set, name }) => ({
        seed: run.setup.seed,
        set,
        phase,
        step: start[phase] + step,
        perf: round(sets[name].perf, 3),
        guessRate: round(sets[name].guessRate, 3),
      })),
    ),
  );
  const { stopAtUsefulGuessRate: stop } = phases.joint;
  const ending =
    stop === null ? '' : ` Phase 3 ends when the useful negatives are guessed ${stop} times as often as chance.`;
  return {
    id: 'curves',
    title: 'Training curves of all seeds',
    paper: 'figure 4',
    caption:
      `Guess rate relative to chance (dashed) over the three phases, one line for each seed. Phases 1 and 2 are read under the prefix \`regular\`, phase 3 under \`reverse\`.${ending} ` +
      LOGARITHMS,
    alt: 'Line chart of the guess rates of held-out passwords, useful negatives and the control over training, one line for each seed.',
    rows,
    spec: {
      width: 640,
      height: 320,
      params: [
        {
          name: 'shownSeed',
          value: 'all',
          bind: { input: 'select', name: 'Seed ', options: ['all', ...new Set(rows.map(({ seed }) => String(seed)))] },
        },
      ],
      transform: [{ filter: "datum.guessRate > 0 && (shownSeed == 'all' || toString(datum.seed) == shownSeed)" }],
      layer: [
        ...boundaries(runs[0].setup, (phase) => start[phase]),
        lineAt('y', 1),
        {
          params: [{ name: 'chosenSet', select: { type: 'point', fields: ['set'] }, bind: 'legend' }],
          mark: { type: 'line', strokeWidth: 1 },
          encoding: {
            x: { field: 'step', type: 'quantitative', title: 'step' },
            y: { field: 'guessRate', ...multiples('guess rate (1 = chance)') },
            detail: [{ field: 'seed' }, { field: 'phase' }],
            color: colourOf('set', COLOURS),
            opacity: { condition: { param: 'chosenSet', value: 0.75 }, value: 0.08 },
            tooltip: fields('seed', 'set', 'phase', 'step', 'perf', 'guessRate'),
          },
        },
      ],
    },
  };
}

/** Mean and spread over runs at equal shares of each phase, as runs leave phase 3 at different steps. */
const meanRows = (runs: readonly RunView[]): Row[] =>
  PHASES.flatMap((phase, index) =>
    SETS.flatMap(({ set, name }) => {
      const perfs = perfOverTraining(runs, phase, name);
      return guessRateOverTraining(runs, phase, name).map(({ share, runs: seeds, mean, low, high }, part) => ({
        phase,
        progress: round(index + share, 3),
        set,
        seeds,
        guessRate: round(mean),
        low: round(low),
        high: round(high),
        perf: round(perfs[part].mean),
        perfDeviation: round(perfs[part].deviation),
      }));
    }),
  );

export function meanCurves(report: StudyReport): Figure | null {
  const runs = runsOf(report, 'main');
  if (runs.length < 2) return null;
  return {
    id: 'mean-curves',
    title: 'Mean and spread over seeds',
    paper: 'figure 5',
    caption: `Guess rate relative to chance (dashed): geometric mean over seeds, and the band of one standard deviation around it. Each phase is drawn equally wide. ${LOGARITHMS}`,
    alt: 'Line chart of the mean guess rates of held-out passwords, useful negatives and the control over the three phases.',
    rows: meanRows(runs),
    spec: {
      width: 640,
      height: 300,
      layer: [
        ...boundaries(runs[0].setup, (phase) => PHASES.indexOf(phase)),
        lineAt('y', 1),
        ...estimates({
          axis: 'y',
          channel: multiples('guess rate (1 = chance)'),
          encoding: {
            x: {
              field: 'progress',
              type: 'quantitative',
              title: 'progress (each phase drawn equally wide)',
              scale: { nice: false, zero: false },
              axis: { labels: false, ticks: false },
            },
            color: colourOf('set', COLOURS),
            detail: { field: 'phase' },
          },
          value: 'guessRate',
          ofValue: { tooltip: fields('set', 'phase', 'progress', 'guessRate', 'low', 'high', 'perf', 'seeds') },
          interval: BAND,
          mark: { type: 'line', point: { size: 16 } },
        }),
      ],
    },
  };
}

/** The paper's five figures, redrawn on our data. */
import { ABLATION, HELD_OUT_SHARES, MODEL_SIZES } from '../../claims/arms.ts';
import { perfOverTraining } from '../../claims/measures/curves.ts';
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
  names,
  type Row,
  round,
  SETS,
  thinned,
} from './figure.ts';
import { BAND, byArm, PANELS_READ, panels, UPRIGHT } from './panels.ts';

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
    spec: panels('y', UPRIGHT, () => ({ x }), 'share', true),
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
    spec: panels('y', UPRIGHT, () => ({ x, xOffset: { field: 'set', sort: null } }), 'model'),
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
    spec: panels(
      'x',
      { width: 270, height: { step: 22 } },
      (panel) => ({
        y: { ...names('arm'), axis: panel === 0 ? {} : { labels: false, ticks: false } },
        yOffset: { field: 'set', sort: null },
      }),
      'arm',
    ),
  };
}

/** How much the axis is stretched above chance, where the rise is small beside the fall that DPO causes. */
export function stretchOf(perfs: readonly number[]): number {
  const lowest = perfs.reduce((least, perf) => Math.min(least, perf), 0);
  const highest = perfs.reduce((most, perf) => Math.max(most, perf), 0);
  return highest <= 0 ? 1 : Math.min(10, Math.max(1, Math.round(-lowest / highest)));
}

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
  const stretch = stretchOf(rows.map(({ perf }) => perf));
  const stretched = stretch === 1 ? '' : ` Above chance (dashed) the axis is stretched ${stretch} times.`;
  const { stopAtUsefulGuessRate: stop } = phases.joint;
  const ending =
    stop === null ? '' : ` Phase 3 ends when the useful negatives are guessed ${stop} times as often as chance.`;
  return {
    id: 'curves',
    title: 'Training curves of all seeds',
    paper: 'figure 4',
    caption:
      `Log-likelihood per letter relative to chance (dashed) over the three phases, one line for each seed.${stretched} ` +
      `Phases 1 and 2 are read under the prefix \`regular\`, phase 3 under \`reverse\`.${ending}`,
    alt: 'Line chart of the log-likelihood of held-out passwords, useful negatives and the control over training, one line for each seed.',
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
      transform: [
        { filter: "shownSeed == 'all' || toString(datum.seed) == shownSeed" },
        { calculate: `datum.perf > 0 ? ${stretch} * datum.perf : datum.perf`, as: 'stretched' },
      ],
      layer: [
        ...boundaries(runs[0].setup, (phase) => start[phase]),
        lineAt('y', 0),
        {
          params: [{ name: 'chosenSet', select: { type: 'point', fields: ['set'] }, bind: 'legend' }],
          mark: { type: 'line', strokeWidth: 1 },
          encoding: {
            x: { field: 'step', type: 'quantitative', title: 'step' },
            y: {
              field: 'stretched',
              type: 'quantitative',
              title: 'nats above chance',
              axis: { labelExpr: `format(datum.value > 0 ? datum.value / ${stretch} : datum.value, '.2~f')` },
            },
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
    SETS.flatMap(({ set, name }) =>
      perfOverTraining(runs, phase, name).map(({ share, runs: seeds, mean, deviation }) => ({
        phase,
        progress: round(index + share, 3),
        set,
        seeds,
        perf: round(mean),
        low: round(mean - deviation),
        high: round(mean + deviation),
      })),
    ),
  );

export function meanCurves(report: StudyReport): Figure | null {
  const runs = runsOf(report, 'main');
  if (runs.length < 2) return null;
  const rows = meanRows(runs);
  const inPhase3 = rows.filter(({ phase, set }) => phase === 'joint' && set === 'held-out');
  const near = Math.max(0.3, ...inPhase3.map(({ high }) => high as number));
  const panel = (title: string, marks: object[], y: object, more: object) => ({
    title,
    width: 640,
    height: 220,
    ...more,
    layer: [
      ...marks,
      lineAt('y', 0),
      ...estimates({
        axis: 'y',
        channel: { type: 'quantitative', title: 'nats above chance', ...y },
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
        value: 'perf',
        ofValue: { tooltip: fields('set', 'phase', 'progress', 'perf', 'low', 'high', 'seeds') },
        interval: { ...BAND, clip: true },
        mark: { type: 'line', clip: true, point: { size: 16 } },
      }),
    ],
  });
  return {
    id: 'mean-curves',
    title: 'Mean and spread over seeds',
    paper: 'figure 5',
    caption:
      'Log-likelihood per letter relative to chance (dashed): mean ± standard deviation over seeds. The lower panel shows phase 3 near chance. ' +
      'Runs end phase 3 at different steps, so each phase is drawn equally wide.',
    alt: 'Line chart of mean log-likelihood over training, and below it phase 3 alone, near chance.',
    rows,
    spec: {
      vconcat: [
        panel(
          'All phases',
          boundaries(runs[0].setup, (phase) => PHASES.indexOf(phase)),
          {},
          {},
        ),
        panel(
          'Phase 3 near chance',
          [],
          { scale: { domain: [-near, near] } },
          { transform: [{ filter: "datum.phase == 'joint'" }] },
        ),
      ],
    },
  };
}

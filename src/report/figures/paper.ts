/** The paper's five figures, redrawn on our data. */
import { ABLATION, type Arm, HELD_OUT_SHARES, MODEL_SIZES } from '../../claims/arms.ts';
import { cellOf } from '../../claims/claim.ts';
import { judgementOf } from '../../claims/family.ts';
import { bestPerfs, perfOverTraining } from '../../claims/measures/curves.ts';
import type { RunView } from '../../records/view.ts';
import type { Setup } from '../../setup/schema.ts';
import { runsOf, type StudyReport } from '../study-report.ts';
import { COLOURS, colourOf, type Figure, lineAt, type Row, round, SETS, TWO_SETS } from './figure.ts';

/**
 * For every arm and set, the paper's number with its deviation over seeds, and the guess rate with its interval as the
 * claim has estimated it, on the claim's own seeds.
 */
function byArm(
  report: StudyReport,
  claim: string,
  arms: readonly Arm[],
  level: (setup: Setup, arm: Arm) => Row,
): Row[] {
  const judgement = judgementOf(report, claim);
  if (judgement?.cells === undefined) return [];
  return arms.flatMap((arm) => {
    const cell = cellOf(judgement, arm.id);
    const runs = runsOf(report, arm.id).filter(({ setup }) => cell.seeds.includes(setup.seed));
    if (runs.length === 0) return [];
    return SETS.filter(({ set }) => set !== 'useful').map(({ set, name }) => {
      const { mean, deviation } = bestPerfs(runs, name);
      const [rate, interval] = name === 'heldOut' ? [cell.estimate, cell.interval] : [cell.random, cell.randomInterval];
      const [low, high] = interval as readonly [number, number];
      return {
        ...level(runs[0].setup, arm),
        set,
        seeds: runs.length,
        perf: round(mean),
        perfLow: round(mean - deviation),
        perfHigh: round(mean + deviation),
        guessRate: round(rate as number),
        low: round(low),
        high: round(high),
        useful: round(cell.useful as number),
      };
    });
  });
}

const tooltip = (...fields: string[]) =>
  [...fields, 'set', 'seeds', 'perf', 'guessRate', 'low', 'high', 'useful'].map((field) => ({ field }));

const PANELS = {
  perf: {
    title: 'best evaluation ± deviation',
    axis: 'nats above chance',
    chance: 0,
  },
  guessRate: { title: 'last step, 95% interval', axis: 'guess rate (1 = chance)', chance: 1 },
} as const;

type Panel = keyof typeof PANELS;

const bounds = (panel: Panel) => (panel === 'perf' ? (['perfLow', 'perfHigh'] as const) : (['low', 'high'] as const));

/** A panel with the value on the vertical axis: a dot and a whisker for each set, joined by lines where `join` says so. */
function upright(panel: Panel, x: Record<string, unknown>, field: string, join: boolean): object {
  const { title, axis, chance } = PANELS[panel];
  const [low, high] = bounds(panel);
  const y = { type: 'quantitative', title: axis, scale: { zero: false } };
  const color = colourOf('set', TWO_SETS);
  const xOffset = join ? {} : { xOffset: { field: 'set' } };
  const shared = { x, ...xOffset, color, tooltip: tooltip(field) };
  return {
    title,
    width: 300,
    height: 240,
    layer: [
      lineAt('y', chance),
      ...(join
        ? [
            {
              mark: { type: 'area', opacity: 0.2 },
              encoding: { x, color, y: { ...y, field: low }, y2: { field: high } },
            },
            { mark: { type: 'line' }, encoding: { x, color, y: { ...y, field: panel } } },
          ]
        : [
            {
              mark: { type: 'rule', strokeWidth: 2 },
              encoding: { ...shared, y: { ...y, field: low }, y2: { field: high } },
            },
          ]),
      {
        mark: { type: 'point', filled: true, size: 50, opacity: 1 },
        encoding: { ...shared, y: { ...y, field: panel } },
      },
    ],
  };
}

/** A panel with the value on the horizontal axis, one row an arm. */
function sideways(panel: Panel): object {
  const { title, axis, chance } = PANELS[panel];
  const [low, high] = bounds(panel);
  const y = {
    field: 'arm',
    type: 'nominal',
    sort: null,
    title: null,
    axis: panel === 'perf' ? {} : { labels: false, ticks: false },
  };
  const x = { type: 'quantitative', title: axis, scale: { zero: false } };
  const shared = { y, yOffset: { field: 'set' }, color: colourOf('set', TWO_SETS), tooltip: tooltip('arm') };
  return {
    title,
    width: 270,
    height: { step: 22 },
    layer: [
      lineAt('x', chance),
      {
        mark: { type: 'rule', strokeWidth: 2 },
        encoding: { ...shared, x: { ...x, field: low }, x2: { field: high } },
      },
      {
        mark: { type: 'point', filled: true, size: 50, opacity: 1 },
        encoding: { ...shared, x: { ...x, field: panel } },
      },
    ],
  };
}

export function shares(report: StudyReport): Figure | null {
  const rows = byArm(report, 'held-out-share', HELD_OUT_SHARES, ({ passwords: { heldBatches, negativeBatches } }) => ({
    share: round((100 * heldBatches) / negativeBatches, 2),
  }));
  if (rows.length < 4) return null;
  const x = { field: 'share', type: 'quantitative', title: 'negatives held out (%)' };
  return {
    id: 'held-out-share',
    title: 'Held-out share',
    paper: 'figure 1',
    caption:
      'How well held-out and fresh random passwords are known, by the share of negatives that was held out. Left, as the paper draws it: log-likelihood of a letter relative to ' +
      'chance at the best evaluation of phase 3, mean ± deviation over seeds. Right: guess rate at the last step with its 95% interval. ' +
      'The smaller the share, the fewer passwords are scored, and the wider the interval.',
    alt: 'Two line charts of held-out against random passwords over nine held-out shares, with a line at chance.',
    rows,
    spec: { hconcat: [upright('perf', x, 'share', true), upright('guessRate', x, 'share', true)] },
  };
}

export function sizes(report: StudyReport): Figure | null {
  const rows = byArm(report, 'model-size', MODEL_SIZES, ({ model }) => ({
    model: `${model.layers} layers, ${model.hidden} wide`,
  }));
  if (rows.length < 4) return null;
  const x = {
    field: 'model',
    type: 'nominal',
    sort: null,
    title: null,
    axis: { labelAngle: 0, labelExpr: "split(datum.label, ', ')" },
  };
  return {
    id: 'model-size',
    title: 'Model size',
    paper: 'figure 2',
    caption:
      'Left, as the paper draws it: log-likelihood of a letter relative to chance at the best evaluation of phase 3, mean ± deviation over seeds. Right: guess rate at the last step ' +
      'with its 95% interval. By the size of the model.',
    alt: 'Two charts of held-out against random passwords for models of four sizes, with a line at chance.',
    rows,
    spec: { hconcat: [upright('perf', x, 'model', false), upright('guessRate', x, 'model', false)] },
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
      'Freezing of the second half in phase 2, and prefixes, each with and without; the last row is not in the paper. ' +
      'Left: best evaluation, mean ± deviation over seeds, as the paper draws it. Right: last step, with 95% intervals.',
    alt: 'Two dot charts with four rows, one for each combination of freezing and prefixes, held-out against random passwords.',
    rows,
    spec: { hconcat: [sideways('perf'), sideways('guessRate')] },
  };
}

/** Above chance the axis is stretched by this factor: what is gained there is small beside what DPO takes away below. */
const STRETCH = 10;

const PHASES = ['pretrain', 'dpo', 'joint'] as const;

const LIMITS = [
  ['pretrain', '1'],
  ['dpo', '2: DPO'],
  ['joint', '3: joint'],
] as const;

function boundaries(setup: Setup, position: (phase: (typeof PHASES)[number]) => number): object[] {
  const values = LIMITS.filter(([phase]) => setup.phases[phase].steps > 0).map(([phase, label]) => ({
    at: position(phase),
    label,
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
    run.evaluations.flatMap(({ phase, step, sets }) =>
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
  return {
    id: 'curves',
    title: 'Training curves of all seeds',
    paper: 'figure 4',
    caption:
      `Log-likelihood of a letter relative to chance over the three phases, one line a seed. Above chance (dashed) the axis is stretched ${STRETCH} times. ` +
      'Phases 1 and 2 are read under the prefix `regular`, phase 3 under `reverse`; phase 3 ends when the useful negatives are guessed twice as often as chance.',
    alt: 'Line chart of the log-likelihood of held-out, useful and random passwords over training, one line for each seed.',
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
        { calculate: `datum.perf > 0 ? ${STRETCH} * datum.perf : datum.perf`, as: 'stretched' },
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
              axis: { labelExpr: `format(datum.value > 0 ? datum.value / ${STRETCH} : datum.value, '.2~f')` },
            },
            detail: [{ field: 'seed' }, { field: 'phase' }],
            color: colourOf('set', COLOURS),
            opacity: { condition: { param: 'chosenSet', value: 0.75 }, value: 0.08 },
            tooltip: ['seed', 'set', 'phase', 'step', 'perf', 'guessRate'].map((field) => ({ field })),
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
      perfOverTraining(runs, phase, name).map(({ share, runs: seeds, perf: { mean, deviation } }) => ({
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
  const panel = (title: string, filter: string | null, height: number, marks: object[], y: object) => ({
    title,
    width: 640,
    height,
    ...(filter === null ? {} : { transform: [{ filter }] }),
    layer: [
      ...marks,
      lineAt('y', 0),
      {
        mark: { type: 'area', opacity: 0.2, clip: true },
        encoding: {
          x: { field: 'progress', type: 'quantitative' },
          y: { field: 'low', type: 'quantitative', ...y },
          y2: { field: 'high' },
          color: colourOf('set', COLOURS),
          detail: { field: 'phase' },
        },
      },
      {
        mark: { type: 'line', clip: true, point: { size: 16 } },
        encoding: {
          x: {
            field: 'progress',
            type: 'quantitative',
            title: 'progress (each phase drawn equally wide)',
            scale: { nice: false, zero: false },
            axis: { labels: false, ticks: false },
          },
          y: { field: 'perf', type: 'quantitative', title: 'nats above chance', ...y },
          color: colourOf('set', COLOURS),
          detail: { field: 'phase' },
          tooltip: ['set', 'phase', 'progress', 'perf', 'low', 'high', 'seeds'].map((field) => ({ field })),
        },
      },
    ],
  });
  return {
    id: 'mean-curves',
    title: 'Mean and spread over seeds',
    paper: 'figure 5',
    caption:
      'Mean ± standard deviation over seeds of the log-likelihood relative to chance (dashed); below, phase 3 near chance. ' +
      'Runs end phase 3 at different steps, so every run’s phase is drawn equally wide.',
    alt: 'Line chart of mean log-likelihood over training, and the same of phase 3 alone, near chance.',
    rows,
    spec: {
      vconcat: [
        panel(
          'All phases',
          null,
          220,
          boundaries(runs[0].setup, (phase) => PHASES.indexOf(phase)),
          {},
        ),
        panel('Phase 3 near chance', "datum.phase == 'joint'", 220, [], { scale: { domain: [-0.3, 0.3] } }),
      ],
    },
  };
}

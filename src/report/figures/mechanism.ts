/** How the effect arises: by progress of the useful negatives, by place in the password, by layer. */
import { evaluationsOfPhase3 } from '../../claims/evidence.ts';
import {
  flipByUseful,
  guessRateByPlace,
  lensByLayer,
  type MeanOverRuns,
  signByLayer,
} from '../../claims/measures/mechanism.ts';
import type { SetName } from '../../records/view.ts';
import { runsOf, type StudyReport } from '../study-report.ts';
import {
  bySnapshot,
  COLOURS,
  colourOf,
  estimates,
  type Figure,
  fields,
  lineAt,
  multiples,
  numbers,
  type Row,
  round,
  SETS,
  TWO_SETS,
  thinned,
} from './figure.ts';

const rounded = ({ value, low, high }: MeanOverRuns): MeanOverRuns => ({
  value: round(value),
  low: round(low),
  high: round(high),
});

const NAMES = SETS.map(({ name }) => name);
const inFigures = (set: SetName): string => SETS.find(({ name }) => name === set)?.set as string;

/** The means are over all evaluations. */
const DOTS_A_RUN = 30;

/** Guess rates against the useful guess rate, over all evaluations of phase 3. */
export function flip(report: StudyReport): Figure | null {
  const runs = runsOf(report, 'main');
  if (runs.length < 2) return null;
  const points = runs.flatMap((run) =>
    thinned(evaluationsOfPhase3(run), DOTS_A_RUN).map(({ step, sets }) => ({ seed: run.setup.seed, step, sets })),
  );
  const dots: Row[] = points.flatMap(({ seed, step, sets }) =>
    (['heldOut', 'random'] as const).map((name) => ({
      kind: 'evaluation',
      set: inFigures(name),
      seed,
      step,
      useful: round(sets.useful.guessRate, 3),
      guessRate: round(sets[name].guessRate, 3),
    })),
  );
  const means: Row[] = flipByUseful(runs).map(({ set, runs: own, useful, guessRate }) => {
    const { value, ...interval } = rounded(guessRate);
    return { kind: 'mean', set: inFigures(set), seeds: own, useful: round(useful, 3), guessRate: value, ...interval };
  });
  const channel = multiples('guess rate (1 = chance)');
  const encoding = {
    x: { field: 'useful', ...multiples('useful negatives (1 = chance)') },
    color: colourOf('set', TWO_SETS),
  };
  return {
    id: 'flip',
    title: 'The flip follows the useful negatives',
    caption:
      `Each dot is one evaluation of phase 3, of which at most ${DOTS_A_RUN} a run are drawn. Lines are means over runs, with 95% intervals, by class of the useful guess rate. ` +
      'The held-out passwords are still only ever rejected. If training on the useful negatives flips what the model avoids, held-out passwords rise with them, and the control stays at chance (dashed).',
    alt: 'Scatter chart of the guess rates of held-out passwords and the control against the guess rate of the useful negatives during phase 3.',
    rows: [...dots, ...means],
    spec: {
      width: 600,
      height: 320,
      layer: [
        lineAt('y', 1),
        {
          params: [{ name: 'chosenSet', select: { type: 'point', fields: ['set'] }, bind: 'legend' }],
          transform: [{ filter: "datum.kind === 'evaluation'" }],
          mark: { type: 'point', size: 12 },
          encoding: {
            ...encoding,
            y: { ...channel, field: 'guessRate' },
            opacity: { condition: { param: 'chosenSet', value: 0.35 }, value: 0.04 },
            tooltip: fields('set', 'seed', 'step', 'useful', 'guessRate'),
          },
        },
        ...estimates({
          axis: 'y',
          channel,
          encoding,
          value: 'guessRate',
          ofValue: { tooltip: fields('set', 'useful', 'guessRate', 'low', 'high', 'seeds') },
          mark: { type: 'line', strokeWidth: 2.5, point: { size: 50 } },
        }).map((layer) => ({ transform: [{ filter: "datum.kind === 'mean'" }], ...layer })),
      ],
    },
  };
}

/** For each snapshot, a line for each set with the intervals of its points. */
const lines = (x: object, channel: object, chance: number, tooltip: object[]): Figure['spec'] =>
  bySnapshot(220, [
    lineAt('y', chance),
    ...estimates({
      axis: 'y',
      channel,
      encoding: { x, color: colourOf('set', COLOURS) },
      value: 'value',
      ofValue: { tooltip },
      mark: { type: 'line', point: { size: 36 } },
    }),
  ]);

const LAYER = { field: 'layer', type: 'ordinal', title: 'layer', axis: { labelAngle: 0 } };

export function positions(report: StudyReport): Figure | null {
  const runs = runsOf(report, 'main');
  if (runs.length === 0) return null;
  const rows = guessRateByPlace(runs, NAMES).map(({ snapshot, set, index, ...guessRate }) => ({
    snapshot: snapshot.words,
    set: inFigures(set),
    position: index + 1,
    ...rounded(guessRate),
  }));
  return {
    id: 'positions',
    title: 'By place in the password',
    caption:
      'Guess rate by place of the letter, mean over seeds with 95% intervals. Before the first letter the model sees only the prefix. ' +
      'It can recall a later letter from the letters before it.',
    alt: 'Three line charts of guess rate by letter position for held-out passwords, useful negatives and the control.',
    rows,
    spec: lines(
      { ...LAYER, field: 'position', title: 'letter' },
      multiples('guess rate (1 = chance)'),
      1,
      fields('snapshot', 'set', 'position', 'value', 'low', 'high'),
    ),
  };
}

export function layers(report: StudyReport): Figure | null {
  const runs = runsOf(report, 'main');
  if (runs.length === 0) return null;
  const rows = lensByLayer(runs, NAMES).map(({ snapshot, set, index: layer, ...logLikelihood }) => ({
    snapshot: snapshot.words,
    set: inFigures(set),
    layer,
    read: layer === 0 ? 'embedding' : `after block ${layer}`,
    ...rounded(logLikelihood),
  }));
  if (rows.length === 0) return null;
  return {
    id: 'layers',
    title: 'By layer',
    caption:
      'The logit lens: the residual stream after the embedding (0) and after each block, read with the final norm and the unembedding. Log-likelihood per letter relative to ' +
      'chance, mean over seeds with 95% intervals. Knowledge of the negatives enters at the layer where held-out passwords and the control part. The sign that `reverse` flips is ' +
      'whether held-out passwords lie below the control or above it.',
    alt: 'Three line charts of log-likelihood by layer for held-out passwords, useful negatives and the control.',
    rows,
    spec: lines(LAYER, numbers('nats above chance'), 0, fields('snapshot', 'set', 'read', 'value', 'low', 'high')),
  };
}

/** Held-out minus control, by layer and snapshot. */
export function sign(report: StudyReport): Figure | null {
  const runs = runsOf(report, 'main');
  if (runs.length === 0) return null;
  const rows = signByLayer(runs).map(({ snapshot, index: layer, ...heldOutMinusControl }) => ({
    snapshot: snapshot.words,
    layer,
    ...rounded(heldOutMinusControl),
  }));
  if (rows.length === 0) return null;
  const color = colourOf('snapshot', {
    'after phase 2, regular': '#a04fb8',
    'after phase 3, reverse': COLOURS['held-out'],
    'after phase 3, regular': COLOURS.useful,
  });
  return {
    id: 'sign',
    title: 'Where the sign flips',
    caption:
      'Log-likelihood of held-out letters minus that of control letters after each layer (logit lens), mean over seeds with 95% intervals. Below 0 the model ' +
      'avoids the held-out passwords. Above 0 it prefers them. The sign flips where a line crosses 0.',
    alt: 'Line chart of held-out minus control log-likelihood by layer in three snapshots, against 0.',
    rows,
    spec: {
      width: 560,
      height: 260,
      layer: [
        lineAt('y', 0),
        ...estimates({
          axis: 'y',
          channel: { type: 'quantitative', title: 'held-out minus control (nats)' },
          encoding: { x: LAYER, color },
          value: 'value',
          ofValue: { tooltip: fields('snapshot', 'layer', 'value', 'low', 'high') },
          mark: { type: 'line', point: { size: 40 } },
        }),
      ],
    },
  };
}

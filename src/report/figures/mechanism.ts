/** How the effect arises: by progress of the useful negatives, by place in the password, by layer. */
import { evaluationsOfPhase3 } from '../../claims/evidence.ts';
import {
  flipByUseful,
  guessRateByPlace,
  lensByLayer,
  type MeanOverRuns,
  signByLayer,
} from '../../claims/measures/mechanism.ts';
import { SNAPSHOTS } from '../../claims/measures/snapshots.ts';
import type { SetName } from '../../records/view.ts';
import { runsOf, type StudyReport } from '../study-report.ts';
import { COLOURS, colourOf, type Figure, lineAt, type Row, round, SETS, TWO_SETS } from './figure.ts';

const rounded = ({ value, low, high }: MeanOverRuns): MeanOverRuns => ({
  value: round(value),
  low: round(low),
  high: round(high),
});

const NAMES = SETS.map(({ name }) => name);
const inFigures = (set: SetName): string => SETS.find(({ name }) => name === set)?.set as string;

/** Held-out guess rate against how far the useful negatives have come, over all evaluations of phase 3. */
export function flip(report: StudyReport): Figure | null {
  const runs = runsOf(report, 'main');
  if (runs.length < 2) return null;
  const points = runs.flatMap((run) =>
    evaluationsOfPhase3(run).map(({ step, sets }) => ({ seed: run.setup.seed, step, sets })),
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
  const x = { field: 'useful', type: 'quantitative', title: 'guess rate of the useful negatives (1 = chance)' };
  const y = { type: 'quantitative', title: 'guess rate (1 = chance)', scale: { zero: false } };
  const color = colourOf('set', TWO_SETS);
  return {
    id: 'flip',
    title: 'The flip follows the useful negatives',
    caption:
      'Every evaluation of phase 3 (dots), and means over runs with 95% intervals by class of the useful guess rate. If what the model avoids ' +
      'is flipped as the useful negatives are learned, the held-out ones, still only ever rejected, rise with them; random ones stay at chance (dashed).',
    alt: 'Scatter chart of held-out and random guess rate against the guess rate of the useful negatives during phase 3.',
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
            x,
            y: { ...y, field: 'guessRate' },
            color,
            opacity: { condition: { param: 'chosenSet', value: 0.35 }, value: 0.04 },
            tooltip: ['set', 'seed', 'step', 'useful', 'guessRate'].map((field) => ({ field })),
          },
        },
        {
          transform: [{ filter: "datum.kind === 'mean'" }],
          mark: { type: 'rule', strokeWidth: 2 },
          encoding: { x, y: { ...y, field: 'low' }, y2: { field: 'high' }, color },
        },
        {
          transform: [{ filter: "datum.kind === 'mean'" }],
          mark: { type: 'line', strokeWidth: 2.5, point: { size: 50 } },
          encoding: {
            x,
            y: { ...y, field: 'guessRate' },
            color,
            tooltip: ['set', 'useful', 'guessRate', 'low', 'high', 'seeds'].map((field) => ({ field })),
          },
        },
      ],
    },
  };
}

/** Small multiples, one for each snapshot. */
const facets = {
  facet: { field: 'moment', type: 'nominal', sort: SNAPSHOTS.map(({ words }) => words), title: null },
  columns: 3,
  resolve: { scale: { y: 'independent' } },
};

function multiples(x: Record<string, unknown>, y: string, line: number, fields: string[]): Record<string, unknown> {
  const color = colourOf('set', COLOURS);
  const vertical = { type: 'quantitative', scale: { zero: false } };
  return {
    ...facets,
    spec: {
      width: 190,
      height: 220,
      layer: [
        lineAt('y', line),
        {
          mark: { type: 'rule', strokeWidth: 2 },
          encoding: { x, y: { ...vertical, field: 'low', title: y }, y2: { field: 'high' }, color },
        },
        {
          mark: { type: 'line', point: { size: 36 } },
          encoding: {
            x,
            y: { ...vertical, field: 'value', title: y },
            color,
            tooltip: ['moment', 'set', ...fields, 'value', 'low', 'high'].map((field) => ({ field })),
          },
        },
      ],
    },
  };
}

export function positions(report: StudyReport): Figure | null {
  const runs = runsOf(report, 'main');
  if (runs.length === 0) return null;
  const rows = guessRateByPlace(runs, NAMES).map(({ snapshot, set, index, ...guessRate }) => ({
    moment: snapshot.words,
    set: inFigures(set),
    position: index + 1,
    ...rounded(guessRate),
  }));
  return {
    id: 'positions',
    title: 'By place in the password',
    caption:
      'Guess rate of each letter by its place, mean over seeds with 95% intervals. The first letter has nothing before it but the prefix; later ones can be recalled ' +
      'from those before.',
    alt: 'Three line charts of guess rate by letter position for held-out, useful and random passwords.',
    rows,
    spec: multiples(
      { field: 'position', type: 'ordinal', title: 'letter', axis: { labelAngle: 0 } },
      'guess rate (1 = chance)',
      1,
      ['position'],
    ),
  };
}

export function layers(report: StudyReport): Figure | null {
  const runs = runsOf(report, 'main');
  if (runs.length === 0) return null;
  const rows = lensByLayer(runs, NAMES).map(({ snapshot, set, index: layer, ...logLikelihood }) => ({
    moment: snapshot.words,
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
      'The logit lens: what the residual stream says after the embedding (0) and after each block, read with the final norm and the unembedding; log-likelihood relative to ' +
      'chance, mean over seeds with 95% intervals. Where the lines of held-out and random passwords part, knowledge of the negatives enters; whether held-out lies below ' +
      'random or above it is the sign that `reverse` flips.',
    alt: 'Three line charts of log-likelihood by layer for held-out, useful and random passwords.',
    rows,
    spec: multiples(
      { field: 'layer', type: 'ordinal', title: 'layer', axis: { labelAngle: 0 } },
      'nats above chance',
      0,
      ['read'],
    ),
  };
}

/** Held-out minus random by layer and moment: the sign itself. */
export function sign(report: StudyReport): Figure | null {
  const runs = runsOf(report, 'main');
  if (runs.length === 0) return null;
  const rows = signByLayer(runs).map(({ snapshot, index: layer, ...heldOutMinusControl }) => ({
    moment: snapshot.words,
    layer,
    ...rounded(heldOutMinusControl),
  }));
  if (rows.length === 0) return null;
  const x = { field: 'layer', type: 'ordinal', title: 'layer', axis: { labelAngle: 0 } };
  const y = { type: 'quantitative', title: 'held-out minus random (nats)' };
  const color = colourOf('moment', {
    'after phase 2, regular': '#a04fb8',
    'after phase 3, reverse': COLOURS['held-out'],
    'after phase 3, regular': COLOURS.useful,
  });
  return {
    id: 'sign',
    title: 'Where the sign flips',
    caption:
      'How much likelier held-out letters are than random ones after each layer (logit lens), mean over seeds with 95% intervals. Below 0 the model ' +
      'avoids the held-out passwords, above 0 it prefers them: where a line crosses 0, the sign flips.',
    alt: 'Line chart of held-out minus random log-likelihood by layer at three moments, against 0.',
    rows,
    spec: {
      width: 560,
      height: 260,
      layer: [
        lineAt('y', 0),
        {
          mark: { type: 'rule', strokeWidth: 2 },
          encoding: { x, y: { ...y, field: 'low' }, y2: { field: 'high' }, color },
        },
        {
          mark: { type: 'line', point: { size: 40 } },
          encoding: {
            x,
            y: { ...y, field: 'value' },
            color,
            tooltip: ['moment', 'layer', 'value', 'low', 'high'].map((field) => ({ field })),
          },
        },
      ],
    },
  };
}

/** The command `explore`. */
import path from 'node:path';
import { createLogUpdate } from 'log-update';
import { MAIN } from '../claims/arms.ts';
import { type Boundary, type Exploration, explore, type Point } from '../explore/explore.ts';
import { KNOBS, type Knob } from '../explore/knobs.ts';
import { planJob } from '../lab/job.ts';
import { assertFits } from '../lab/plan.ts';
import { runAll } from '../lab/pool.ts';
import { asCode } from '../report/escape.ts';
import type { Figure } from '../report/figures/figure.ts';
import { VERDICTS } from '../report/figures/figure.ts';
import { svgOf } from '../report/figures/render.ts';
import type { Setup } from '../setup/schema.ts';

export interface ExploreCommand {
  readonly setup: Setup;
  readonly seeds: readonly number[];
  readonly knobs: readonly Knob[];
  readonly map: readonly [Knob, Knob] | null;
  /** Milliseconds after which no further setup begins. */
  readonly budget: number;
  /** Runs at once; chosen by the size of the model, when absent. */
  readonly jobs?: number;
  readonly out: string;
  /** As it was typed. */
  readonly command: string;
}

const places = ({ at }: Point): string =>
  Object.entries(at)
    .map(([knob, rung]) => `${knob} ${rung}`)
    .join(', ');

const outcome = ({ verdict, estimate, interval, reason }: Point): string =>
  verdict === null
    ? `impossible: ${reason}`
    : `${verdict}${estimate === null ? '' : `, guess rate ${estimate.toFixed(3)} [${interval?.map((bound) => bound.toFixed(3)).join(', ')}]`}`;

/** The end of a ladder in words. */
export function boundaryText({ knob, question, last, first, complete }: Boundary): string {
  const label = KNOBS.find(({ id }) => id === knob)?.label ?? knob;
  const open = complete ? '' : ' (the budget ended the search)';
  if (last === null)
    return first === null
      ? `${question}: not looked at${open}`
      : `${question}: the setup itself, at ${first} ${label}, does not show the effect`;
  if (first === null) return `${question}: ${last} ${label}${complete ? ', the hardest that was tried' : open}`;
  return `${question}: ${last} ${label}; at ${first} the claim is no longer reproduced${open}`;
}

/** Guess rate over two knobs. A cell without a number was not judged, or no setup can be like it. */
export function mapFigure({ knobs: [x, y], rungs }: NonNullable<Exploration['map']>, points: readonly Point[]): Figure {
  const rows = points
    .filter(({ at, estimate }) => x.id in at && y.id in at && estimate !== null)
    .map(({ at, estimate, verdict }) => ({
      [x.id]: at[x.id],
      [y.id]: at[y.id],
      guessRate: Number((estimate as number).toFixed(3)),
      verdict,
    }));
  const side = (knob: Knob, sort: readonly number[]) => ({ field: knob.id, type: 'ordinal', title: knob.label, sort });
  const encoding = { x: side(x, rungs[0]), y: side(y, rungs[1]) };
  return {
    id: 'map',
    title: `Held-out guess rate over ${x.label} and ${y.label}`,
    caption:
      'Guess rate of the held-out passwords (1 = chance) of every setup that was tried; colour is the verdict on the main claim.',
    alt: `Grid of ${rows.length} setups by ${x.label} and ${y.label}, each with its guess rate and verdict.`,
    rows,
    spec: {
      width: { step: 64 },
      height: { step: 40 },
      encoding,
      layer: [
        {
          mark: { type: 'rect', opacity: 0.35 },
          encoding: {
            color: {
              field: 'verdict',
              type: 'nominal',
              title: null,
              scale: { domain: Object.keys(VERDICTS), range: Object.values(VERDICTS) },
            },
          },
        },
        { mark: { type: 'text' }, encoding: { text: { field: 'guessRate', type: 'quantitative', format: '.2f' } } },
      ],
    },
  };
}

const markdown = (
  { boundaries, map }: Exploration,
  points: readonly Point[],
  { command, seeds, setup }: ExploreCommand,
): string =>
  [
    '# Where the effect lives',
    '',
    `Made by \`${asCode(command)}\`. Each setup is \`${setup.name}\` with what is named changed, judged on the seeds ${seeds.join(', ')} by the rule of the claim \`main\`.`,
    'Along each knob the other knobs stay as they are, and the verdict is taken to change once.',
    '',
    '## Boundaries',
    '',
    ...boundaries.map((boundary) => `- ${boundaryText(boundary)}`),
    '',
    ...(map === null
      ? []
      : [
          '## Map',
          '',
          `![${map.knobs.map(({ label }) => label).join(' by ')}](map.svg)`,
          '',
          ...(map.complete ? [] : ['The budget ended before every cell was tried.', '']),
        ]),
    '## Every setup tried',
    '',
    '| setup | verdict | guess rate | 95% interval | runs | failed |',
    '|---|---|---:|---|---:|---:|',
    ...points.map(
      ({ verdict, estimate, interval, seeds: judged, failed, ...point }) =>
        `| ${places({ verdict, estimate, interval, seeds: judged, failed, ...point })} | ${verdict ?? 'impossible'} | ${estimate?.toFixed(3) ?? '-'} | ${interval === null ? '-' : interval.map((bound) => bound.toFixed(3)).join(' to ')} | ${judged.length} | ${failed} |`,
    ),
    '',
  ].join('\n');

/** Explores; what was judged is in the folder at every moment, and the same command goes on there. */
export async function exploreCommand(command: ExploreCommand): Promise<void> {
  const { setup, seeds, knobs, map, budget, out } = command;
  const err = process.stderr;
  const job = await planJob({
    setup,
    claims: [{ arms: [MAIN] }],
    seeds,
    folder: out,
    resume: true,
    command: command.command,
    reports: ['explored.jsonl', 'explored.md', 'map.svg'],
    jobs: command.jobs,
    say: (text) => void err.write(`${text}\n`),
  });
  const { store, engine, execution, jobs } = job;
  err.write(`into ${store.folder}, ${jobs} runs at once\n`);
  const live = err.isTTY ? createLogUpdate(err) : null;
  const interrupted = () => {
    live?.clear();
    err.write(`\nInterrupted. What is done is kept; go on with the same command and --out ${out}\n`);
    process.exit(130);
  };
  process.once('SIGINT', interrupted).once('SIGTERM', interrupted);
  try {
    const end = performance.now() + budget;
    const points: Point[] = [];
    const log: string[] = [];
    const exploration = await explore(knobs, map, {
      setup,
      seeds,
      more: () => performance.now() < end,
      train: async (setups) => {
        assertFits(setups, engine.name, jobs, execution);
        const runs = await runAll(setups, {
          engine,
          execution,
          store,
          jobs,
          onProgress: ({ seed }, { phase, step, steps }) => live?.(`seed ${seed}  ${phase} ${step}/${steps}`),
        });
        return runs.map(({ record }) => record);
      },
      onPoint: async (point) => {
        points.push(point);
        log.push(`${JSON.stringify(point)}\n`);
        await store.writeText('explored.jsonl', log.join(''));
        live?.clear();
        err.write(`${places(point)}: ${outcome(point)}\n`);
      },
    });
    if (exploration.map !== null) await store.writeText('map.svg', await svgOf(mapFigure(exploration.map, points)));
    const report = await store.writeText('explored.md', markdown(exploration, points, command));
    process.stdout.write(
      `${exploration.boundaries.map(boundaryText).join('\n')}\n${points.length} setups tried; report: ${path.relative('.', report)}\n`,
    );
  } finally {
    live?.clear();
    live?.done();
    store.close();
    process.off('SIGINT', interrupted).off('SIGTERM', interrupted);
  }
}

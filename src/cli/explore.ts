/** The command `explore`: finds where the effect ends. */
import path from 'node:path';
import type { Point } from '../explore/explore.ts';
import { KNOBS, type Knob } from '../explore/knobs.ts';
import { trainMore } from '../lab/job.ts';
import { withModel } from '../lab/model.ts';
import { resolveSetup } from '../setup/overrides.ts';
import { drawing } from './drawing.ts';
import { forecastOf } from './dry-run.ts';
import { type Define, EXIT } from './exit.ts';
import { inJob } from './in-job.ts';
import {
  commandLine,
  configOption,
  dryRunOption,
  jobsOption,
  LOCAL_REPORTS,
  parseDuration,
  parseKnobs,
  parseSeeds,
  presetOption,
  repeated,
  seedListOption,
  seedsOption,
  UsageError,
} from './options.ts';
import { type QueueFlags, withQueueOptions } from './queue.ts';

interface Flags extends QueueFlags {
  preset: string;
  config?: string;
  set: string[];
  seeds: string;
  seedList?: string;
  knobs: string;
  map: string;
  budget: string;
  jobs?: number;
  out: string;
  dryRun: boolean;
}

/** Explores; what was judged is in the folder at every moment, and the same command goes on there. */
async function exploreSetups(flags: Flags): Promise<number> {
  const map = flags.map === 'none' ? null : (parseKnobs(flags.map, '--map') as [Knob, Knob]);
  if (map !== null && map.length !== 2)
    throw new UsageError(`--map: "${flags.map}" must be two knobs, as in share,beta, or none`);
  const setup = withModel(resolveSetup(flags), flags);
  const seeds = parseSeeds(flags);
  const knobs = parseKnobs(flags.knobs, '--knobs');
  const budget = parseDuration(flags.budget, '--budget');
  if (flags.dryRun) {
    const what = `${knobs.length} knobs${map === null ? '' : ' and a map'}, as many setups as begin within ${flags.budget}, of ${seeds.length} runs each; those of one setup`;
    process.stdout.write(`${await forecastOf(what, setup, seeds.length, flags.jobs)}\n`);
    return EXIT.reproduced;
  }
  const command = commandLine('explore');
  const say = (text: string) => void process.stderr.write(`${text}\n`);
  const [{ explore }, { boundaryText, exploredPage, mapFigure, outcomeText, placesText }, { svgOf }] = await drawing(
    () =>
      Promise.all([
        import('../explore/explore.ts'),
        import('../explore/page.ts'),
        import('../report/figures/render.ts'),
      ]),
  );
  const reports = ['explored.jsonl', 'explored.md', 'map.svg'];
  return inJob(flags, { name: 'explore', setup, seeds, reports, command }, async ({ job, live, interruptible }) => {
    const { store } = job;
    const end = performance.now() + budget;
    const points: Point[] = [];
    const { boundaries, map: mapped } = await interruptible(() =>
      explore(knobs, map, {
        setup,
        seeds,
        more: () => performance.now() < end,
        train: (setups) =>
          trainMore(job, setups, {
            onProgress: ({ seed }, { phase, step, steps }) => live?.(`seed ${seed}  ${phase} ${step}/${steps}`),
          }),
        onPoint: async (point) => {
          points.push(point);
          await store.writeText('explored.jsonl', points.map((judged) => `${JSON.stringify(judged)}\n`).join(''));
          live?.clear();
          say(`${placesText(point)}: ${outcomeText(point)}`);
        },
      }),
    );
    if (mapped !== null) await store.writeText('map.svg', await svgOf(mapFigure(mapped, points)));
    const page = exploredPage({ boundaries, map: mapped }, points, { setup, seeds, command });
    const report = await store.writeText('explored.md', page);
    process.stdout.write(
      `${boundaries.map(boundaryText).join('\n')}\n${points.length} setups tried; report: ${path.relative('.', report)}\n`,
    );
    return EXIT.reproduced;
  });
}

export const exploreCommand: Define = (command, ending) =>
  withQueueOptions(command)
    .addOption(presetOption)
    .addOption(configOption)
    .option('--set <path=value>', 'change a field of the setup; repeatable', repeated, [])
    .addOption(seedsOption('a setup is judged on', 5))
    .addOption(seedListOption)
    .option(
      '--knobs <ids>',
      `whose boundaries to search, some of ${KNOBS.map(({ id }) => id).join(',')}`,
      KNOBS.map(({ id }) => id).join(','),
    )
    .option('--map <ids>', 'the two knobs of the map, or none', 'share,beta')
    .option('--budget <time>', 'after which no further setup begins: 90s, 30m, 2h', '30m')
    .addOption(jobsOption)
    .addOption(dryRunOption)
    .option(
      '--out <folder>',
      'where runs and report go; what is there already is used',
      path.join(LOCAL_REPORTS, 'explored'),
    )
    .action(ending(exploreSetups));

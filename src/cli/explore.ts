/** The command `explore`: finds where the effect ends. */
import path from 'node:path';
import { createLogUpdate } from 'log-update';
import { MAIN } from '../claims/arms.ts';
import type { Point } from '../explore/explore.ts';
import { KNOBS, type Knob } from '../explore/knobs.ts';
import { planJob, trainMore } from '../lab/job.ts';
import { withModel } from '../lab/model.ts';
import { resolveSetup } from '../setup/overrides.ts';
import { drawing } from './drawing.ts';
import { forecastOf } from './dry-run.ts';
import { type Define, EXIT, interruptible } from './exit.ts';
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
import { type QueueFlags, withMachines, withQueueOptions } from './queue.ts';

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
  const err = process.stderr;
  const say = (text: string) => void err.write(`${text}\n`);
  const [{ explore }, { boundaryText, exploredPage, mapFigure, outcomeText, placesText }, { svgOf }] = await drawing(
    () =>
      Promise.all([
        import('../explore/explore.ts'),
        import('../explore/page.ts'),
        import('../report/figures/render.ts'),
      ]),
  );
  return withMachines(flags, [setup], { name: 'explore', command, say }, async (machines) => {
    const job = await planJob({
      setup,
      claims: [{ arms: [MAIN] }],
      seeds,
      folder: flags.out,
      resume: true,
      command,
      reports: ['explored.jsonl', 'explored.md', 'map.svg'],
      jobs: flags.jobs,
      remote: machines?.remote,
      say,
    });
    const { store, jobs } = job;
    say(`into ${store.folder}, ${jobs} runs at once`);
    const live = err.isTTY ? createLogUpdate(err) : null;
    const end = performance.now() + budget;
    const points: Point[] = [];
    try {
      const { boundaries, map: mapped } = await interruptible(
        `What is done is kept; go on with the same command and --out ${flags.out}`,
        () =>
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
    } finally {
      live?.clear();
      live?.done();
      store.close();
    }
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

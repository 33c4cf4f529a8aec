/** The command `search`: draws setups, and finds one that shows the effect. */
import path from 'node:path';
import { OBJECTIVES } from '../explore/objectives.ts';
import { DEFAULT_SPACE, MOST_DIMENSIONS, parseDimension } from '../explore/space.ts';
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
  parseWhole,
  presetOption,
  repeated,
  UsageError,
} from './options.ts';
import { type QueueFlags, withQueueOptions } from './queue.ts';

interface Flags extends QueueFlags {
  preset: string;
  config?: string;
  set: string[];
  vary: string[];
  objective: string;
  draws: number;
  confirm: number;
  seed: number;
  jobs?: number;
  out: string;
  dryRun: boolean;
}

/** Searches; what was trained is in the folder at every moment, and the same command goes on there. */
async function searchSetups(flags: Flags): Promise<number> {
  const objective = OBJECTIVES.find(({ id }) => id === flags.objective);
  if (objective === undefined)
    throw new UsageError(
      `--objective: there is no "${flags.objective}"; objectives are ${OBJECTIVES.map(({ id }) => id).join(', ')}`,
    );
  const setup = withModel(resolveSetup(flags), flags);
  const space = (flags.vary.length > 0 ? flags.vary : DEFAULT_SPACE).map((text) => parseDimension(text, setup));
  if (new Set(space.map(({ field }) => field)).size < space.length)
    throw new UsageError('--vary: a field is named twice');
  if (space.length > MOST_DIMENSIONS) throw new UsageError(`--vary: at most ${MOST_DIMENSIONS} fields at once`);
  if (flags.dryRun) {
    const { mostRuns } = await import('../explore/search.ts');
    const runs = mostRuns(flags.draws, flags.confirm);
    const what = `${flags.draws} setups drawn from ${space.length} fields, in at most ${runs} runs`;
    process.stdout.write(`${await forecastOf(what, setup, runs, flags.jobs)}\n`);
    return EXIT.reproduced;
  }
  const command = commandLine('search');
  const say = (text: string) => void process.stderr.write(`${text}\n`);
  const [{ search }, { confirmationText, drawText, effectsFigure, parallelFigure, searchPage }, { svgOf }] =
    await drawing(() =>
      Promise.all([
        import('../explore/search.ts'),
        import('../explore/search-page.ts'),
        import('../report/figures/render.ts'),
      ]),
    );
  const asked = { setup, space, objective, seed: flags.seed, command };
  const reports = ['search.jsonl', 'search.md', 'parallel.svg', 'effects.svg'];
  // The size of its models decides how many runs go at once.
  return inJob(flags, { name: 'search', setup, seeds: [1], reports, command }, async ({ job, live, interruptible }) => {
    const { store } = job;
    const searched = await interruptible(() =>
      search({
        ...asked,
        draws: flags.draws,
        confirm: flags.confirm,
        train: (setups) => {
          let done = 0;
          return trainMore(job, setups, {
            onProgress: ({ seed }, { phase, step, steps }) =>
              live?.(`${done} of ${setups.length} runs  seed ${seed}  ${phase} ${step}/${steps}`),
            onEnd: () => {
              done += 1;
              if (live === null && done % Math.ceil(setups.length / 10) === 0) say(`${done} of ${setups.length} runs`);
            },
          });
        },
        onRound: async (draws, round) => {
          await store.writeText('search.jsonl', draws.map((draw) => `${JSON.stringify(draw)}\n`).join(''));
          live?.clear();
          say(`round ${round}:`);
          for (const draw of draws) if (draw.rounds === round) say(`  ${drawText(draw)}`);
        },
      }),
    );
    await store.writeText('parallel.svg', await svgOf(parallelFigure(searched.draws, asked)));
    await store.writeText('effects.svg', await svgOf(effectsFigure(searched.draws, asked)));
    const report = await store.writeText('search.md', searchPage(searched, asked));
    const { confirmation } = searched;
    process.stdout.write(
      `${confirmation === null ? 'No draw could be scored; the report says why.' : confirmationText(confirmation, objective)}\n` +
        `${searched.draws.length} setups drawn; report: ${path.relative('.', report)}\n`,
    );
    return confirmation === null ? EXIT.notCarriedOut : EXIT.reproduced;
  });
}

export const searchCommand: Define = (command, ending) =>
  withQueueOptions(command)
    .addOption(presetOption)
    .addOption(configOption)
    .option('--set <path=value>', 'change a field of the setup that the draws begin with; repeatable', repeated, [])
    .option(
      '--vary <field=range>',
      `a field to vary: low..high, or values as in a|b|c; repeatable (default: ${DEFAULT_SPACE.join(' ')})`,
      repeated,
      [],
    )
    .option('--objective <id>', `what to look for: ${OBJECTIVES.map(({ id }) => id).join(', ')}`, OBJECTIVES[0].id)
    .option('--draws <n>', 'how many setups to draw', (text) => parseWhole(text, '--draws', 1, 10_000), 16)
    .option('--confirm <n>', 'fresh seeds for the best one', (text) => parseWhole(text, '--confirm', 1, 1000), 8)
    .option('--seed <n>', 'seed of the draws', (text) => parseWhole(text, '--seed', 0, 0xffffffff), 1)
    .addOption(jobsOption)
    .addOption(dryRunOption)
    .option(
      '--out <folder>',
      'where runs and report go; what is there already is used',
      path.join(LOCAL_REPORTS, 'searched'),
    )
    .action(ending(searchSetups));

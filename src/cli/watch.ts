/** The command `watch`: the report of a job while its runs train. It reads the job's folder, and changes nothing there. */
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { createLogUpdate } from 'log-update';
import type { Claim } from '../claims/index.ts';
import { type JobEvent, readEvents } from '../lab/events.ts';
import { distinctSetups, planSetups } from '../lab/job.ts';
import { RunStore } from '../lab/store.ts';
import { evidenceOf, notedJob, readStudy } from '../records/study.ts';
import { claimsTable } from '../report/table.ts';
import { painted } from './colours.ts';
import { type Define, EXIT } from './exit.ts';
import { jobFolder } from './local.ts';
import { parseClaims, parseDuration } from './options.ts';

/** Runs that have begun and not ended, by the last evaluation of each. */
function running(events: readonly JobEvent[]): string[] {
  const last = new Map<string, string>();
  for (const event of events) {
    if (event.event === 'started') last.clear(); // what an earlier process left behind
    if (event.event === 'run-ended') last.delete(event.run);
    if (event.event !== 'evaluated') continue;
    const { run, phase, step, steps, guessRates } = event;
    last.set(
      run,
      `${run.replace(/-[0-9a-f]{10}-\w+$/, '')}  ${phase} ${step}/${steps}  held-out ${guessRates.heldOut.toFixed(2)}`,
    );
  }
  return [...last.values()];
}

/** The claims on the runs that have ended so far. */
async function table(folder: string, claims: readonly Claim[]): Promise<string> {
  const evidence = evidenceOf(await readStudy(folder));
  const ready = claims.filter(({ arms }) => arms.every(({ id }) => evidence[id] !== undefined));
  return ready.length === 0
    ? 'no claim has runs of all its arms yet'
    : claimsTable(
        ready.map((claim) => claim.judge(evidence)),
        painted(),
      );
}

async function watch(given: string | undefined, { every }: { every: string }): Promise<number> {
  const folder = jobFolder(given ?? 'latest');
  const pause = parseDuration(every, '--every');
  const { setup, asked } = notedJob(folder);
  const claims = parseClaims(asked.claims.join(','));
  const total = distinctSetups(planSetups(setup, claims, asked.seeds)).length;
  const store = new RunStore(folder);
  const live = process.stdout.isTTY ? createLogUpdate(process.stdout) : null;
  let ended = -1;
  let shown = '';
  while (ended < total) {
    const now = (await store.recordNames()).length;
    if (now !== ended) shown = now === 0 ? '' : `${await table(folder, claims)}\n`;
    const count = `${now} of ${total} runs ended, in ${path.relative('.', folder) || '.'}`;
    if (live !== null) live([`${shown}${count}`, ...running(readEvents(folder))].join('\n'));
    else if (now !== ended) process.stdout.write(`${shown}${count}\n`);
    ended = now;
    if (ended < total) await sleep(pause);
  }
  live?.done();
  return EXIT.reproduced;
}

export const watchCommand: Define = (command, ending) =>
  command
    .option('--every <time>', 'how often to look: 5s, 1m', '2s')
    .addHelpText('after', '\nEnds when every run has ended. Ctrl-C ends it before; the runs go on.')
    .action(ending(watch));

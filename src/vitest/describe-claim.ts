/** Claims as tests: trained afresh when the tests run, then judged by their own rules. */
import path from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import type { Claim } from '../claims/claim.ts';
import { newLocalFolder } from '../cli/local.ts';
import { ProgressDisplay } from '../cli/progress.ts';
import { type Job, type JobResult, planJob, runJob } from '../lab/job.ts';
import { markdownReport } from '../report/markdown.ts';
import { resolveSetup } from '../setup/overrides.ts';
import { claimSeeds, DEFAULT_SEEDS } from '../setup/presets.ts';
import type { Setup } from '../setup/schema.ts';
import './matchers.ts';

export interface ClaimOptions {
  /** Name of a preset, or a whole setup. Default: `pocket`. */
  readonly preset?: string | Setup;
  /** Fields of the preset that differ, as `--set` has them: `['passwords.heldBatches=2', 'beta=0.3']`. */
  readonly set?: readonly string[];
  /** How many seeds, counted from the first that is kept for claims, or which ones. Default: as many as `npm test` takes. */
  readonly seeds?: number | readonly number[];
  /** Runs at once; chosen by the size of the models, when absent. */
  readonly jobs?: number;
  /** Where the run records go. Default: a folder of its own in reports/local. */
  readonly folder?: string;
}

/** What was trained; there while tests run. */
export interface Trained {
  readonly job: Job;
  readonly result: JobResult;
}

const REPORT = 'report.md';
/** The longest that a timer knows: no test may fail because a machine is slow. */
const PATIENCE = 2 ** 31 - 1;

const setupOf = ({ preset = 'pocket', set = [] }: ClaimOptions): Setup => {
  if (typeof preset !== 'object') return resolveSetup({ preset, set });
  if (set.length > 0) throw new TypeError('`set` changes a preset that is named; change the setup itself instead');
  return preset;
};

/**
 * Declares one test a claim, and one that every run was trained and that its ledger is clean. Runs are trained when the
 * tests run, each in a process of its own, and their records are kept.
 * @param claims one, or several that share their runs
 * @param more declares further tests, which read what was trained
 * @throws SetupError, UsageError or TypeError where the options fit no setup
 */
export function describeClaim(
  claims: Claim | readonly Claim[],
  options: ClaimOptions = {},
  more: (trained: () => Trained) => void = () => {},
): void {
  const all: readonly Claim[] = 'judge' in claims ? [claims] : claims;
  if (all.length === 0) throw new TypeError('there is no claim to describe');
  const setup = setupOf(options);
  const { seeds = DEFAULT_SEEDS, jobs } = options;
  const chosen = typeof seeds === 'number' ? claimSeeds(seeds) : seeds;
  const title = `${all.length === 1 ? `the claim ${all[0].id}` : 'the claims'} at ${setup.name}, ${chosen.length} seeds`;
  describe(title, { timeout: PATIENCE }, () => {
    let trained: Trained;

    beforeAll(async () => {
      const { stderr } = process;
      const job = await planJob({
        setup,
        claims: all,
        seeds: chosen,
        folder: options.folder ?? newLocalFolder(all[0].id, String(process.pid)),
        resume: false,
        command: 'vitest',
        reports: [REPORT],
        jobs,
        say: (text) => void stderr.write(`${text}\n`),
      });
      const display = new ProgressDisplay(job.setups, stderr);
      const result = await runJob(job, all, {
        onEnd: ({ setup, record, reused }) => display.end(setup, record, reused),
      });
      await job.store.writeText(REPORT, markdownReport(all, result.judgements, result.runs, 'vitest'));
      trained = { job, result };
      return () => job.store.close();
    }, PATIENCE);

    it('trained every run of every arm afresh, and the ledger of each is clean', () => {
      const { job, result } = trained;
      expect(result.runs).toHaveLength(job.setups.length);
      for (const { record, reused } of result.runs) {
        expect(reused).toBe(false);
        if (record.status === 'failed') continue; // the rule of a claim says what failed runs are evidence of
        expect(record.ledger.clean).toBe(true);
        expect(record.ledger.heldOut).toMatchObject({ chosen: 0, imitated: 0 });
      }
    });

    more(() => trained);

    all.forEach(({ id, statement }, index) => {
      it(`${id}: ${statement}`, ({ task }) => {
        const judgement = trained.result.judgements[index];
        task.meta.judgement = judgement;
        task.meta.records = path.join(trained.job.store.folder, 'runs');
        expect(judgement).toBeReproduced();
      });
    });
  });
}

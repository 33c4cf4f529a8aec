/**
 * The reproduction: trains the preset afresh under the seeds kept for claims, and judges every claim by the rule
 * written beside it. No recorded result stands in for training.
 */
import path from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { CORE } from '../../../src/claims/index.ts';
import { ProgressDisplay } from '../../../src/cli/progress.ts';
import { type Job, type JobResult, planJob, runJob } from '../../../src/lab/job.ts';
import { nameOf, type RunRecord } from '../../../src/records/record.ts';
import { ARCHIVES, readStudy } from '../../../src/records/study.ts';
import { markdownReport } from '../../../src/report/markdown.ts';
import { claimSeeds, DEFAULT_SEEDS, PRESETS } from '../../../src/setup/presets.ts';

const started = new Date().toISOString().replace(/\..*/, '').replaceAll(':', '-');
let job: Job;
let result: JobResult;

beforeAll(async () => {
  const { stderr } = process;
  job = await planJob({
    setup: PRESETS.pocket,
    claims: CORE,
    seeds: claimSeeds(DEFAULT_SEEDS),
    folder: path.join('reports', 'local', `test-${started}`),
    resume: false,
    command: 'npm test',
    reports: ['report.md'],
    say: (text) => void stderr.write(`${text}\n`),
  });
  const display = new ProgressDisplay(job.setups, stderr);
  result = await runJob(job, CORE, { onEnd: ({ setup, record, reused }) => display.end(setup, record, reused) });
  await job.store.writeText('report.md', markdownReport(CORE, result.judgements, result.runs, 'npm test'));
  return () => job.store.close();
});

describe(`the claims at the preset pocket, ${DEFAULT_SEEDS} seeds`, () => {
  it('trained every run of every arm afresh, and every ledger is clean', () => {
    expect(result.runs).toHaveLength(2 * DEFAULT_SEEDS);
    for (const { record, reused } of result.runs) {
      expect(record.status, record.status === 'failed' ? record.error.message : '').toBe('finished');
      expect(reused).toBe(false);
      if (record.status === 'finished') {
        expect(record.ledger.clean).toBe(true);
        expect(record.ledger.heldOut).toMatchObject({ chosen: 0, imitated: 0 });
      }
    }
  });

  it('ended each of them, on wasm, with the bits of the reference report’s record of it', async ({ skip }) => {
    if (job.engine.name !== 'wasm') skip('the committed records of this preset are of the engine wasm');
    const { records } = await readStudy(path.join(ARCHIVES, 'pocket.jsonl.br'));
    const digestOf = (record: RunRecord | undefined) =>
      record?.status === 'finished' ? [record.parametersDigest, record.ledger.digest] : undefined;
    const kept = new Map(records.map((record) => [record.setupHash, digestOf(record)]));
    for (const { record } of result.runs) expect(digestOf(record), nameOf(record)).toEqual(kept.get(record.setupHash));
  });

  it.for(CORE.map((claim, index) => ({ ...claim, index })))('$id: $statement', ({ index }, { task }) => {
    const judgement = result.judgements[index];
    task.meta.judgement = judgement;
    task.meta.records = path.join(job.store.folder, 'runs');
    expect(judgement.verdict, judgement.reason).toBe('reproduced');
  });
});

/**
 * The reproduction: trains the preset afresh under the seeds kept for claims, and judges every claim by the rule
 * written beside it. No recorded result stands in for training.
 */
import os from 'node:os';
import path from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { CORE } from '../../../src/claims/index.ts';
import { startEngine } from '../../../src/engine/engine.ts';
import { markdownReport } from '../../../src/report/markdown.ts';
import { ProgressDisplay } from '../../../src/report/progress.ts';
import { distinctSetups, type JobResult, planSetups, runJob } from '../../../src/runs/job.ts';
import { RunStore } from '../../../src/runs/store.ts';
import { claimSeeds, DEFAULT_SEEDS, PRESETS } from '../../../src/setup/presets.ts';

const started = new Date().toISOString().replace(/\..*/, '').replaceAll(':', '-');
const store = new RunStore(path.join('reports', 'local', `test-${started}`));
let result: JobResult;

beforeAll(async () => {
  const engine = await startEngine();
  process.stderr.write(`engine: ${engine.name} (TensorFlow.js ${engine.version})\n`);
  await store.open();
  const jobs = os.availableParallelism();
  const plan = planSetups(PRESETS.pocket, CORE, claimSeeds(DEFAULT_SEEDS));
  const display = new ProgressDisplay(distinctSetups(plan), { stream: process.stderr });
  result = await runJob(plan, CORE, {
    engine,
    store,
    jobs,
    onEnd: ({ setup, record, reused }) => display.end(setup, record, reused),
  });
  await store.writeText('report.md', markdownReport(CORE, result.judgements, result.runs, 'npm test'));
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

  it.for(CORE.map((claim, index) => ({ ...claim, index })))('$id: $statement', ({ index }, { task }) => {
    const judgement = result.judgements[index];
    task.meta.judgement = judgement;
    task.meta.records = path.join(store.folder, 'runs');
    expect(judgement.verdict, judgement.reason).toBe('reproduced');
  });
});

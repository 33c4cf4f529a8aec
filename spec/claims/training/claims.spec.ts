/**
 * The reproduction: trains the preset afresh under the seeds kept for claims, and judges every claim by the rule
 * written beside it. No recorded result stands in for training.
 */
import path from 'node:path';
import { expect, it } from 'vitest';
import { CORE } from '../../../src/claims/index.ts';
import { nameOf, type RunRecord } from '../../../src/records/record.ts';
import { ARCHIVES, readStudy } from '../../../src/records/study.ts';
import { DEFAULT_SEEDS } from '../../../src/setup/presets.ts';
import { describeClaim } from '../../../src/vitest/describe-claim.ts';

const options = { preset: 'pocket', seeds: DEFAULT_SEEDS };

describeClaim(CORE, options, (trained) => {
  it('finished every run', () => {
    const { runs } = trained().result;
    expect(runs).toHaveLength(2 * DEFAULT_SEEDS);
    for (const { record } of runs)
      expect(record.status, record.status === 'failed' ? record.error.message : '').toBe('finished');
  });

  it('ended each of them, on wasm, with the bits of the reference report’s record of it', async ({ skip }) => {
    const { job, result } = trained();
    if (job.engine.name !== 'wasm') skip('the committed records of this preset are of the engine wasm');
    const { records } = await readStudy(path.join(ARCHIVES, 'pocket.jsonl.br'));
    const digestOf = (record: RunRecord | undefined) =>
      record?.status === 'finished' ? [record.parametersDigest, record.ledger.digest] : undefined;
    const kept = new Map(records.map((record) => [record.setupHash, digestOf(record)]));
    for (const { record } of result.runs) expect(digestOf(record), nameOf(record)).toEqual(kept.get(record.setupHash));
  });
});

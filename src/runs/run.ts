/** One run, from setup to record. */
import type { Engine } from '../engine/engine.ts';
import { buildCorpus } from '../passwords/corpus.ts';
import { measureOverlap } from '../passwords/overlap.ts';
import { setupHash } from '../setup/hash.ts';
import type { Setup } from '../setup/schema.ts';
import { type Progress, train } from '../training/trainer.ts';
import { describeEnvironment } from './environment.ts';
import type { RunRecord } from './record.ts';
import { type RunStore, StorageError } from './store.ts';

/**
 * Trains a setup and stores its record, going on from its checkpoint if one is in the store. A run that fails leaves a
 * record too, with the error; only a fault of the store itself is thrown.
 * @throws StorageError, CheckpointError
 */
export async function run(
  setup: Setup,
  engine: Engine,
  store: RunStore,
  onProgress?: (progress: Progress) => void,
): Promise<{ record: RunRecord; file: string }> {
  const from = (await store.readCheckpoint(setup, engine.name)) ?? undefined;
  const startedAt = new Date();
  const began = performance.now(); // the clock on the wall may jump
  const cpu = process.cpuUsage();
  let tokens = 0;
  const about = () => {
    const { user, system } = process.cpuUsage(cpu);
    const finishedAt = new Date();
    const wallSeconds = Math.round(performance.now() - began) / 1000;
    return {
      schemaVersion: 2,
      setup,
      setupHash: setupHash(setup),
      engine,
      environment: describeEnvironment(),
      times: {
        startedAt: startedAt.toISOString(),
        finishedAt: finishedAt.toISOString(),
        wallSeconds,
        cpuSeconds: (user + system) / 1e6,
        tokensPerSecond: wallSeconds > 0 ? tokens / wallSeconds : 0,
        resumed: from !== undefined,
      },
    } as const;
  };

  let record: RunRecord;
  try {
    const corpus = buildCorpus(setup);
    const outcome = await train(setup, {
      from,
      corpus,
      onProgress: (progress) => {
        tokens = progress.tokens;
        onProgress?.(progress);
      },
      onCheckpoint: (state) => store.writeCheckpoint(setup, engine.name, state),
    });
    const rewarded = [
      ...corpus.useful,
      ...corpus.chosen,
      ...corpus.pretraining,
      ...corpus.jointRandom,
      ...corpus.jointRandomReverse,
    ];
    const overlap = measureOverlap(corpus.heldOut, corpus.control, rewarded, setup.passwords.alphabet.length);
    const { ledger, ...measured } = outcome;
    record = { ...about(), status: 'finished', ...measured, ledger: { ...ledger, clean: true }, overlap };
  } catch (error) {
    if (error instanceof StorageError) throw error;
    const { name, message } = error as Error;
    record = { ...about(), status: 'failed', error: { name, message } };
  }
  return { record, file: await store.writeRecord(record) };
}

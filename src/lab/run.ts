/** One run, from setup to record. */
import type { Engine } from '../engine/engine.ts';
import { ModelError } from '../model/config.ts';
import { locateModel } from '../model/hub.ts';
import { idsFor, loadPretrained, saveModel } from '../model/pretrained.ts';
import { AT_ONCE, type Execution } from '../records/execution.ts';
import type { RunRecord } from '../records/record.ts';
import { StorageError } from '../records/storing.ts';
import { redact } from '../redact.ts';
import type { Setup } from '../setup/schema.ts';
import { type Progress, trainToEnd } from '../training/trainer.ts';
import { recordHead } from './environment.ts';
import type { RecordStore } from './record-store.ts';

export interface RunOptions {
  readonly onProgress?: (progress: Progress) => void;
  /** Every step in one pass, when absent. */
  readonly execution?: Execution;
  /** Whether the store keeps the trained model as well, as Hugging Face reads it. */
  readonly keepModel?: boolean;
  /** Whether a checkpoint is worth its time now; by the clock when absent. */
  readonly checkpointDue?: () => boolean;
}

/** Share of a run's time that writing checkpoints may take: at the paper's size a checkpoint has gigabytes. */
const CHECKPOINT_SHARE = 0.05;

/**
 * Trains a setup and stores its record. It goes on from the run's checkpoint if one is in the store. A run that fails
 * leaves a record too, with the error; only a fault of the store, or of the files of a pretrained model, is thrown.
 * @throws StorageError, CheckpointError, ModelError
 */
export async function run(
  setup: Setup,
  engine: Engine,
  store: RecordStore,
  { onProgress, execution = AT_ONCE, keepModel = false, checkpointDue }: RunOptions = {},
): Promise<{ record: RunRecord; file: string }> {
  const from = (await store.readCheckpoint(setup, engine.name, execution)) ?? undefined;
  const { pretrained } = setup.model;
  const folder = pretrained === null ? undefined : locateModel(pretrained);
  // Letters-only models renumber tokens, so no tokenizer is saved with them.
  const tokenizerFrom = setup.model.vocabulary === null ? undefined : folder;
  let [written, took] = [Number.NEGATIVE_INFINITY, 0];
  const due = checkpointDue ?? (() => performance.now() - written >= took / CHECKPOINT_SHARE);
  const startedAt = new Date();
  const began = performance.now(); // the clock on the wall may jump
  const cpu = process.cpuUsage();
  let tokens = 0;
  const about = () => {
    const { user, system } = process.cpuUsage(cpu);
    const finishedAt = new Date();
    const wallSeconds = Math.round(performance.now() - began) / 1000;
    return recordHead(setup, engine, execution, {
      startedAt: startedAt.toISOString(),
      finishedAt: finishedAt.toISOString(),
      wallSeconds,
      cpuSeconds: (user + system) / 1e6,
      tokensPerSecond: wallSeconds > 0 ? tokens / wallSeconds : 0,
      resumed: from !== undefined,
    });
  };

  let record: RunRecord;
  try {
    const given = {
      engine,
      from,
      execution,
      start: folder === undefined || from !== undefined ? undefined : loadPretrained(setup, folder),
      ids: folder === undefined ? undefined : idsFor(setup, folder),
    };
    const outcome = await trainToEnd(setup, given, async (event) => {
      if (event.kind === 'step') {
        tokens = event.progress.tokens;
        onProgress?.(event.progress);
      } else if (event.kind === 'checkpoint') {
        if (!due()) return;
        const before = performance.now();
        await store.writeCheckpoint(setup, engine.name, await event.state(), execution);
        written = performance.now();
        took = written - before;
      } else if (keepModel) {
        const values = await event.values();
        const save = (model: string) => saveModel(model, setup, values, tokenizerFrom);
        await store.writeModel(setup, engine.name, save);
      }
    });
    record = { ...about(), status: 'finished', ...outcome };
  } catch (error) {
    if (error instanceof StorageError || error instanceof ModelError) throw error;
    const { name, message } = error as Error;
    record = { ...about(), status: 'failed', error: { name, message: redact(message) } };
  }
  return { record, file: await store.writeRecord(record) };
}

import { beforeAll, describe, expect, it } from 'vitest';
import { type Engine, startEngine } from '../../src/engine/engine.ts';
import { CheckpointError, decodeCheckpoint } from '../../src/lab/checkpoint.ts';
import { atCheckpoints, type Outcome, type TrainerState, trainToEnd } from '../../src/training/trainer.ts';
import { encodeCheckpoint } from '../helpers/checkpoint.ts';
import { tinySetup } from '../helpers/setups.ts';

// Taken apart at its end, so that checkpoints of phase 3 hold the parameters from before it as well.
const setup = tinySetup(({ evaluation }) => {
  evaluation.dissection = true;
});
const checkpoints: Buffer[] = [];
let engine: Engine;
let uninterrupted: Outcome;

beforeAll(async () => {
  engine = await startEngine();
  uninterrupted = await trainToEnd(
    setup,
    { engine },
    atCheckpoints((state) => checkpoints.push(encodeCheckpoint(state, 'tiny'))),
  );
});

describe('a checkpoint', () => {
  it('is taken at every evaluation but the last, and between phases', () => {
    // pretrain 4 steps: after 2, at the end; dpo 6: after 2, 4, at the end; joint 8: after 2, 4, 6.
    expect(checkpoints).toHaveLength(8);
  });

  it('taken anywhere goes on to the very outcome of the uninterrupted run, bit for bit', async () => {
    for (const bytes of checkpoints) {
      const from = decodeCheckpoint(bytes, 'tiny');
      const outcome = await trainToEnd(setup, { engine, from });
      expect(outcome, `gone on from phase ${from.phase}, step ${from.step}`).toEqual(uninterrupted);
    }
  });

  it('encodes what it decoded to the same bytes', () => {
    for (const bytes of checkpoints)
      expect(Buffer.compare(encodeCheckpoint(decodeCheckpoint(bytes, 'tiny'), 'tiny'), bytes)).toBe(0);
  });

  it('of another setup or engine is refused', () => {
    expect(() => decodeCheckpoint(checkpoints[0], 'other')).toThrow(/another setup or engine/);
  });

  it('cut short anywhere is refused with a typed error', () => {
    const bytes = checkpoints[3];
    for (const length of [0, 4, 8, 100, bytes.length >> 1, bytes.length - 1]) {
      expect(() => decodeCheckpoint(bytes.subarray(0, length), 'tiny'), `${length} bytes`).toThrow(CheckpointError);
    }
  });

  it('with any changed byte of data is refused', () => {
    for (const at of [0.3, 0.6, 0.99]) {
      const bytes = Buffer.from(checkpoints[3]);
      bytes[Math.floor(bytes.length * at)] ^= 1;
      expect(() => decodeCheckpoint(bytes, 'tiny')).toThrow(CheckpointError);
    }
  });

  it('holds no more than it must: nothing of a state is shared with the running trainer', async () => {
    let first: TrainerState | undefined;
    await trainToEnd(
      setup,
      { engine },
      atCheckpoints((state) => {
        first ??= decodeCheckpoint(encodeCheckpoint(state, 'tiny'), 'tiny');
      }),
    );
    expect(encodeCheckpoint(first as TrainerState, 'tiny')).toEqual(checkpoints[0]);
  });
});

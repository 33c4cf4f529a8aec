/** A checkpoint in one piece. */
import { checkpointBytes } from '../../src/lab/checkpoint.ts';

export const encodeCheckpoint = (...of: Parameters<typeof checkpointBytes>): Buffer =>
  Buffer.concat([...checkpointBytes(...of)]);

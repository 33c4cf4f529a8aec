/**
 * The safetensors format (https://github.com/huggingface/safetensors): an 8-byte little-endian header length, a JSON
 * header (name -> dtype, shape, data_offsets relative to its end), then the data. Here: float32 tensors, as checkpoints
 * need them.
 */

import { z } from 'zod';

/** A file that is not what safetensors asks for; the message says where. */
export class SafetensorsError extends Error {
  override name = 'SafetensorsError';
}

export interface SafetensorsFile {
  readonly tensors: Map<string, Float32Array>;
  readonly metadata: Record<string, string>;
}

const LENGTH_BYTES = 8;
const FLOAT_BYTES = 4;

/** Encodes one-dimensional float32 tensors and string metadata. */
export function encodeSafetensors({ tensors, metadata }: SafetensorsFile): Buffer {
  let offset = 0;
  const entries = [...tensors].map(([name, data]) => {
    const begin = offset;
    offset += data.byteLength;
    return [name, { dtype: 'F32', shape: [data.length], data_offsets: [begin, offset] }] as const;
  });
  const header = Buffer.from(JSON.stringify({ __metadata__: metadata, ...Object.fromEntries(entries) }));
  const length = Buffer.alloc(LENGTH_BYTES);
  length.writeBigUInt64LE(BigInt(header.length));
  const bodies = [...tensors.values()].map((data) => Buffer.from(data.buffer, data.byteOffset, data.byteLength));
  return Buffer.concat([length, header, ...bodies]);
}

const offset = z.number().int().min(0).max(Number.MAX_SAFE_INTEGER);
const entrySchema = z.object({
  dtype: z.string(),
  shape: z.array(offset).max(8),
  data_offsets: z.tuple([offset, offset]),
});
const metadataSchema = z.record(z.string(), z.string());

/** @throws SafetensorsError that names the part of the header which is not as it should be */
function checked<Value>(schema: z.ZodType<Value>, value: unknown, name: string): Value {
  const result = schema.safeParse(value);
  if (result.success) return result.data;
  const [{ path, message }] = result.error.issues;
  throw new SafetensorsError(`the header's entry ${[name, ...path].join('.')}: ${message}`);
}

/** Decodes what {@link encodeSafetensors} wrote. @throws SafetensorsError for truncated or inconsistent files. */
export function decodeSafetensors(bytes: Buffer): SafetensorsFile {
  if (bytes.length < LENGTH_BYTES) throw new SafetensorsError(`only ${bytes.length} bytes, too short for a header`);
  const headerLength = Number(bytes.readBigUInt64LE());
  const start = LENGTH_BYTES + headerLength;
  if (start > bytes.length) {
    throw new SafetensorsError(`the header should be ${headerLength} bytes long, but the file ends before that`);
  }
  let header: unknown;
  try {
    header = JSON.parse(bytes.toString('utf8', LENGTH_BYTES, start));
  } catch (error) {
    throw new SafetensorsError(`the header is no JSON: ${(error as Error).message}`);
  }
  if (header === null || typeof header !== 'object' || Array.isArray(header)) {
    throw new SafetensorsError('the header is no JSON object of tensors');
  }
  const { __metadata__, ...entries } = header as Record<string, unknown>;
  const metadata = __metadata__ === undefined ? {} : checked(metadataSchema, __metadata__, '__metadata__');
  const tensors = new Map<string, Float32Array>();
  for (const [name, given] of Object.entries(entries)) {
    const entry = checked(entrySchema, given, name);
    if (entry.dtype !== 'F32') throw new SafetensorsError(`${name} is ${entry.dtype}, expected F32`);
    const [begin, end] = entry.data_offsets;
    const size = entry.shape.reduce((product, dimension) => product * dimension, 1);
    if (!(begin >= 0 && end - begin === size * FLOAT_BYTES)) {
      throw new SafetensorsError(`${name} has ${size} elements, but offsets ${begin} to ${end}`);
    }
    if (start + end > bytes.length) {
      throw new SafetensorsError(`${name} ends at byte ${start + end}, but the file has ${bytes.length}`);
    }
    // Copied, because the bytes need not be aligned.
    const data = new Float32Array(size);
    bytes.copy(Buffer.from(data.buffer), 0, start + begin, start + end);
    tensors.set(name, data);
  }
  return { tensors, metadata };
}

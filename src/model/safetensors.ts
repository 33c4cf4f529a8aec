/**
 * The safetensors format (https://github.com/huggingface/safetensors): an 8-byte little-endian header length, a JSON
 * header (name -> dtype, shape, data_offsets relative to its end), then the data. Here: float32 tensors, as checkpoints
 * need them.
 */

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

interface Entry {
  dtype: string;
  shape: number[];
  data_offsets: [number, number];
}

/** Decodes what {@link encodeSafetensors} wrote. @throws SafetensorsError for truncated or inconsistent files. */
export function decodeSafetensors(bytes: Buffer): SafetensorsFile {
  if (bytes.length < LENGTH_BYTES) throw new SafetensorsError(`only ${bytes.length} bytes, too short for a header`);
  const headerLength = Number(bytes.readBigUInt64LE());
  const start = LENGTH_BYTES + headerLength;
  if (start > bytes.length) {
    throw new SafetensorsError(`the header should be ${headerLength} bytes long, but the file ends before that`);
  }
  let header: Record<string, Entry> & { __metadata__?: Record<string, string> };
  try {
    header = JSON.parse(bytes.toString('utf8', LENGTH_BYTES, start));
  } catch (error) {
    throw new SafetensorsError(`the header is no JSON: ${(error as Error).message}`);
  }
  const { __metadata__: metadata = {}, ...entries } = header;
  const tensors = new Map<string, Float32Array>();
  for (const [name, entry] of Object.entries(entries)) {
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

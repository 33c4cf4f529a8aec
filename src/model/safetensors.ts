/**
 * The safetensors format (https://github.com/huggingface/safetensors): an 8-byte little-endian header length, a JSON
 * header (name -> dtype, shape, data_offsets relative to its end), then the data. Files are read tensor by tensor: memory
 * never holds more than the tensors that are wanted. Every kind of float becomes float32.
 */
import { closeSync, fsyncSync, openSync, writeSync } from 'node:fs';
import { visit } from 'jsonc-parser';
import * as z from 'zod';
import { readInto, withRegularFile } from '../files.ts';
import { orRefuse, parseJson } from '../untrusted.ts';

/** A file that breaks the format; the message says where. */
export class SafetensorsError extends Error {
  override name = 'SafetensorsError';
}

/** A tensor to write. */
export interface NamedTensor {
  readonly shape: readonly number[];
  readonly data: Float32Array;
}

/** Where bytes come from: a file or memory. */
interface ByteSource {
  readonly size: number;
  /** Fills all of `target` with the bytes from `position` on. */
  read(target: Uint8Array, position: number): void;
}

const LENGTH_BYTES = 8;
/** The reference implementation's bound; no model's header comes near. */
const MOST_HEADER_BYTES = 100_000_000;
/** Elements converted at a time. */
const CHUNK = 2 ** 20;

/** Dtypes that are read. */
const FLOATS = ['F32', 'F16', 'BF16'];

/** Bytes of one element of every dtype of the format, for files that hold other tensors as well. */
const ELEMENT_BYTES: Readonly<Record<string, number>> = {
  ...{ BOOL: 1, U8: 1, I8: 1, F8_E5M2: 1, F8_E4M3: 1, U16: 2, I16: 2, U32: 4, I32: 4, U64: 8, I64: 8 },
  ...{ F16: 2, BF16: 2, F32: 4, F64: 8 },
};

/** A tensor's entry in a header. Offsets count bytes from the start of the data. */
interface TensorEntry {
  readonly dtype: string;
  readonly shape: readonly number[];
  readonly begin: number;
  readonly end: number;
}

const elementsOf = (shape: readonly number[]): number => shape.reduce((product, side) => product * side, 1);

const count = z.number().int().min(0).max(Number.MAX_SAFE_INTEGER);
const entrySchema = z.object({
  dtype: z.string(),
  shape: z.array(count).max(8),
  data_offsets: z.tuple([count, count]),
});
const metadataSchema = z.record(z.string(), z.string());

/** @throws SafetensorsError that names the damaged part of the header */
function checked<Value>(schema: z.ZodType<Value>, value: unknown, name: string): Value {
  const result = schema.safeParse(value);
  if (result.success) return result.data;
  const [{ path, message }] = result.error.issues;
  throw new SafetensorsError(`the header's entry ${[name, ...path].join('.')}: ${message}`);
}

/** Refuses a name that is there twice: JSON.parse would silently keep the last. */
function assertDistinctNames(json: string): void {
  const names = new Set<string>();
  visit(json, {
    onObjectProperty: (name, _offset, _length, _line, _character, path) => {
      if (path().length > 0) return;
      if (names.has(name)) throw new SafetensorsError(`the header has ${name} twice`);
      names.add(name);
    },
  });
}

/** Refuses bytes that belong to two tensors or to none: the format allows neither. */
function assertContiguous(entries: ReadonlyMap<string, TensorEntry>, dataBytes: number): void {
  let [before, at] = ['the header', 0];
  for (const [name, { begin, end }] of [...entries].sort(([, a], [, b]) => a.begin - b.begin || a.end - b.end)) {
    if (begin < at) throw new SafetensorsError(`${name} begins at byte ${begin}, inside ${before}`);
    if (begin > at) throw new SafetensorsError(`${begin - at} bytes before ${name} belong to no tensor`);
    [before, at] = [name, end];
  }
  if (at > dataBytes) {
    throw new SafetensorsError(`${before} ends at byte ${at} of the data, but the file has ${dataBytes}: truncated?`);
  }
  if (at < dataBytes) throw new SafetensorsError(`${dataBytes - at} bytes after ${before} belong to no tensor`);
}

/** Reads and checks a header. @throws SafetensorsError */
function readHeader(source: ByteSource) {
  if (source.size < LENGTH_BYTES) throw new SafetensorsError(`only ${source.size} bytes, too short for a header`);
  const length = Buffer.alloc(LENGTH_BYTES);
  source.read(length, 0);
  const headerLength = Number(length.readBigUInt64LE());
  if (headerLength > MOST_HEADER_BYTES) {
    throw new SafetensorsError(`the header would be ${headerLength} bytes long, and ${MOST_HEADER_BYTES} are allowed`);
  }
  const dataStart = LENGTH_BYTES + headerLength;
  if (dataStart > source.size) {
    throw new SafetensorsError(`the header should be ${headerLength} bytes long, but the file ends before that`);
  }
  const bytes = Buffer.alloc(headerLength);
  source.read(bytes, LENGTH_BYTES);
  const json = bytes.toString('utf8');
  const header = orRefuse(
    () => parseJson(json),
    (why) => new SafetensorsError(`the header ${why}`),
  );
  if (header === null || typeof header !== 'object' || Array.isArray(header)) {
    throw new SafetensorsError('the header is no JSON object of tensors');
  }
  assertDistinctNames(json);
  const { __metadata__, ...tensors } = header as Record<string, unknown>;
  const metadata = __metadata__ === undefined ? {} : checked(metadataSchema, __metadata__, '__metadata__');
  const entries = new Map<string, TensorEntry>();
  for (const [name, given] of Object.entries(tensors)) {
    const { dtype, shape, data_offsets } = checked(entrySchema, given, name);
    const [begin, end] = data_offsets;
    if (!Object.hasOwn(ELEMENT_BYTES, dtype)) throw new SafetensorsError(`${name} is of the unknown dtype ${dtype}`);
    const size = elementsOf(shape);
    if (!(begin <= end && end - begin === size * ELEMENT_BYTES[dtype])) {
      throw new SafetensorsError(`${name} has ${size} elements of ${dtype}, but offsets ${begin} to ${end}`);
    }
    entries.set(name, { dtype, shape, begin, end });
  }
  assertContiguous(entries, source.size - dataStart);
  return { entries, metadata, dataStart };
}

/** The float32 value of every half-precision number, indexed by its bits: Node 20 has no Float16Array. */
const HALVES = Float32Array.from({ length: 2 ** 16 }, (_, bits) => {
  const sign = bits & 0x8000 ? -1 : 1;
  const exponent = (bits >> 10) & 0x1f;
  const fraction = bits & 0x3ff;
  if (exponent === 0) return sign * fraction * 2 ** -24;
  if (exponent === 0x1f) return fraction === 0 ? sign * Number.POSITIVE_INFINITY : Number.NaN;
  return sign * (1 + fraction / 1024) * 2 ** (exponent - 15);
});

/** Converts elements, from bytes at any alignment, to float32. */
function toFloat32(bytes: Buffer, dtype: string, target: Float32Array): void {
  if (dtype === 'F32') {
    bytes.copy(Buffer.from(target.buffer, target.byteOffset, target.byteLength));
    return;
  }
  const halves = new Uint16Array(target.length);
  bytes.copy(Buffer.from(halves.buffer));
  if (dtype === 'F16') {
    for (let index = 0; index < halves.length; index++) target[index] = HALVES[halves[index]];
  } else {
    const words = new Uint32Array(target.buffer, target.byteOffset, target.length);
    for (let index = 0; index < halves.length; index++) words[index] = halves[index] << 16;
  }
}

/** A safetensors file or its bytes, opened for reading. */
export class SafetensorsReader {
  readonly header: ReturnType<typeof readHeader>;
  readonly #source: ByteSource;

  /** @throws SafetensorsError when the header, or the layout that it describes, is damaged */
  constructor(source: ByteSource) {
    this.#source = source;
    this.header = readHeader(source);
  }

  get names(): string[] {
    return [...this.header.entries.keys()];
  }

  /** @throws SafetensorsError when it is missing */
  entry(name: string): TensorEntry {
    const entry = this.header.entries.get(name);
    if (entry === undefined) throw new SafetensorsError(`the tensor ${name} is missing`);
    return entry;
  }

  /**
   * Gives a tensor's elements piece by piece, in order.
   * @param take is given a piece, valid until it returns, and the index of its first element
   * @throws SafetensorsError when the tensor is missing, or is no float32, float16 or bfloat16
   */
  readPieces(name: string, take: (piece: Float32Array, start: number) => void): void {
    const { dtype, begin, end } = this.entry(name);
    if (!FLOATS.includes(dtype)) throw new SafetensorsError(`${name} is ${dtype}; ${FLOATS.join(', ')} can be read`);
    const width = ELEMENT_BYTES[dtype];
    const size = (end - begin) / width;
    const most = Math.min(size, CHUNK);
    const [bytes, piece] = [Buffer.alloc(most * width), new Float32Array(most)];
    for (let start = 0; start < size; start += most) {
      const length = Math.min(most, size - start);
      const [raw, converted] = [bytes.subarray(0, length * width), piece.subarray(0, length)];
      this.#source.read(raw, this.header.dataStart + begin + start * width);
      toFloat32(raw, dtype, converted);
      take(converted, start);
    }
  }

  /** A tensor as float32, row by row. @throws SafetensorsError as {@link readPieces} */
  read(name: string): Float32Array {
    const data = new Float32Array(elementsOf(this.entry(name).shape));
    this.readPieces(name, (piece, start) => data.set(piece, start));
    return data;
  }
}

export const bytesSource = (bytes: Uint8Array): ByteSource => ({
  size: bytes.length,
  read: (target, position) => target.set(bytes.subarray(position, position + target.length)),
});

/** Opens a file for `body` and closes it afterwards. @throws SafetensorsError; what `body` throws */
export function withSafetensors<Result>(file: string, body: (reader: SafetensorsReader) => Result): Result {
  const opened = (descriptor: number, size: number): Result => {
    const read = (target: Uint8Array, position: number): void => {
      const done = readInto(descriptor, target, position);
      if (done < target.length)
        throw new SafetensorsError(`the file ended at byte ${position + done}: it was cut while read`);
    };
    try {
      return body(new SafetensorsReader({ size, read }));
    } catch (error) {
      if (error instanceof SafetensorsError) error.message = `${file}: ${error.message}`;
      throw error;
    }
  };
  return orRefuse(
    () => withRegularFile(file, opened),
    (why) => new SafetensorsError(`${file} ${why}`),
  );
}

/** The bytes of a file of float32 tensors, piece by piece, in the order of `tensors`. */
export function* safetensorsBytes(
  tensors: ReadonlyMap<string, NamedTensor>,
  metadata: Readonly<Record<string, string>>,
): Generator<Buffer> {
  let offset = 0;
  const entries = [...tensors].map(([name, { shape, data }]) => {
    const begin = offset;
    offset += data.byteLength;
    return [name, { dtype: 'F32', shape, data_offsets: [begin, offset] }] as const;
  });
  const json = Buffer.from(JSON.stringify({ __metadata__: metadata, ...Object.fromEntries(entries) }));
  // Padded with spaces: readers that map the file into memory need aligned data.
  const header = Buffer.concat([json, Buffer.alloc((8 - (json.length % 8)) % 8, ' ')]);
  const length = Buffer.alloc(LENGTH_BYTES);
  length.writeBigUInt64LE(BigInt(header.length));
  yield length;
  yield header;
  for (const { data } of tensors.values()) yield Buffer.from(data.buffer, data.byteOffset, data.byteLength);
}

/** Writes pieces of bytes to a file, and waits until the disk has them. */
export function writePieces(file: string, pieces: Iterable<Uint8Array>): void {
  const descriptor = openSync(file, 'w');
  try {
    for (const piece of pieces) {
      for (let done = 0; done < piece.length; ) {
        done += writeSync(descriptor, piece, done, Math.min(piece.length - done, 2 ** 30));
      }
    }
    fsyncSync(descriptor);
  } finally {
    closeSync(descriptor);
  }
}

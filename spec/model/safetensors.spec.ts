import { mkdtempSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  bytesSource,
  type NamedTensor,
  SafetensorsError,
  SafetensorsReader,
  safetensorsBytes,
  withSafetensors,
  writePieces,
} from '../../src/model/safetensors.ts';

const encode = (tensors: Record<string, NamedTensor>, metadata: Record<string, string> = {}): Buffer =>
  Buffer.concat([...safetensorsBytes(new Map(Object.entries(tensors)), metadata)]);

const open = (bytes: Uint8Array): SafetensorsReader => new SafetensorsReader(bytesSource(bytes));

/** A file of a header and data, neither checked. */
function file(header: object | string, data: Uint8Array = Buffer.alloc(0), length?: bigint): Buffer {
  const json = Buffer.from(typeof header === 'string' ? header : JSON.stringify(header));
  const size = Buffer.alloc(8);
  size.writeBigUInt64LE(length ?? BigInt(json.length));
  return Buffer.concat([size, json, data]);
}

const bits = (...words: number[]): Buffer => Buffer.from(Uint16Array.from(words).buffer);

/** The value of half-precision bits, by the definition of IEEE 754. */
function halfValue(word: number): number {
  const [sign, exponent, fraction] = [word >> 15 ? -1 : 1, (word >> 10) & 31, word & 1023];
  if (exponent === 31) return fraction === 0 ? sign * Infinity : Number.NaN;
  return sign * 2 ** (exponent === 0 ? -14 : exponent - 15) * ((exponent === 0 ? 0 : 1) + fraction / 1024);
}

describe('a safetensors file', () => {
  const number = fc.float({ noNaN: false });
  const tensors = fc.dictionary(
    fc.string({ minLength: 1, unit: 'grapheme' }).filter((name) => name !== '__proto__' && name !== '__metadata__'),
    fc.array(fc.array(number, { minLength: 2, maxLength: 2 }), { maxLength: 5 }),
  );

  it('gives back what was written, in every bit, and the same bytes again', () => {
    fc.assert(
      fc.property(tensors, fc.dictionary(fc.constantFrom('a', 'format'), fc.string()), (drawn, metadata) => {
        const given = Object.fromEntries(
          Object.entries(drawn).map(([name, rows]) => [
            name,
            { shape: [rows.length, 2], data: Float32Array.from(rows.flat()) },
          ]),
        );
        const bytes = encode(given, metadata);
        const reader = open(bytes);
        const read = Object.fromEntries(
          reader.names.map((name) => [name, { shape: [...reader.entry(name).shape], data: reader.read(name) }]),
        );
        expect(read).toEqual(given);
        expect(reader.header.metadata).toEqual(metadata);
        expect(reader.header.dataStart % 8).toBe(0);
      }),
    );
  });

  it('of half precision reads as the numbers of IEEE 754, all 65,536 of them', () => {
    const words = Uint16Array.from({ length: 2 ** 16 }, (_, word) => word);
    const reader = open(
      file(
        { x: { dtype: 'F16', shape: [words.length], data_offsets: [0, words.byteLength] } },
        Buffer.from(words.buffer),
      ),
    );
    const wrong = [...reader.read('x')].findIndex((value, word) => !Object.is(value, halfValue(word)));
    expect(wrong).toBe(-1);
  });

  it('of bfloat16 reads as the upper half of a float32', () => {
    const reader = open(
      file(
        { x: { dtype: 'BF16', shape: [2, 2], data_offsets: [0, 8] } },
        bits(0x3f80, 0xbf80, 0x4049, 0x7f80), // 1, -1, 3.140625, Infinity
      ),
    );
    expect([...reader.read('x')]).toEqual([1, -1, 3.140625, Infinity]);
  });

  it('is read wherever its data begins and whatever order its tensors are in', () => {
    for (const padding of [0, 1, 2, 3, 5]) {
      const header =
        JSON.stringify({
          last: { dtype: 'F32', shape: [1], data_offsets: [6, 10] },
          first: { dtype: 'F16', shape: [3], data_offsets: [0, 6] },
        }) + ' '.repeat(padding);
      const data = Buffer.concat([bits(0x3c00, 0x4000, 0x4200), Buffer.from(Float32Array.of(0.1).buffer)]);
      const reader = open(file(header, data));
      expect([...reader.read('first'), ...reader.read('last')]).toEqual([1, 2, 3, Math.fround(0.1)]);
    }
  });

  it('on disk is read piece by piece, in order', () => {
    const folder = mkdtempSync(path.join(os.tmpdir(), 'negative-knowledge-'));
    const name = path.join(folder, 'x.safetensors');
    const data = Float32Array.from({ length: 2 ** 21 + 3 }, (_, index) => index);
    writePieces(name, safetensorsBytes(new Map([['x', { shape: [data.length], data }]]), {}));
    const starts = withSafetensors(name, (reader) => {
      const seen: number[] = [];
      reader.readPieces('x', (piece, start) => {
        expect(piece[0]).toBe(start);
        seen.push(start);
      });
      expect(Buffer.compare(Buffer.from(reader.read('x').buffer), Buffer.from(data.buffer))).toBe(0);
      return seen;
    });
    expect(starts).toEqual([0, 2 ** 20, 2 ** 21]);
    writeFileSync(name, 'not a model');
    expect(() => withSafetensors(name, () => 0)).toThrow(/x\.safetensors: the header would be/);
  });
});

const f32 = (shape: number[], begin: number, end: number) => ({ dtype: 'F32', shape, data_offsets: [begin, end] });

describe('a hostile file is refused, and the refusal says what and where:', () => {
  it.each<[string, Buffer, RegExp]>([
    ['no header', Buffer.alloc(5), /only 5 bytes/],
    ['a header beyond the file', file('{}', Buffer.alloc(0), 100n), /should be 100 bytes long/],
    ['a header of all the memory there is', file('{}', Buffer.alloc(0), 2n ** 63n), /100000000 are allowed/],
    ['a header of over 100 MB', file('{}', Buffer.alloc(0), 100_000_001n), /100000000 are allowed/],
    ['no JSON', file('{"x":'), /no JSON/],
    ['no object', file('[]'), /no JSON object/],
    ['null', file('null'), /no JSON object/],
    ['an entry that is none', file({ x: 5 }), /entry x/],
    [
      'a dtype that is none',
      file({ x: { ...f32([1], 0, 4), dtype: 'F33' } }, Buffer.alloc(4)),
      /x is of the unknown dtype/,
    ],
    [
      'a dtype of the prototype',
      file({ x: { ...f32([1], 0, 4), dtype: 'toString' } }, Buffer.alloc(4)),
      /unknown dtype/,
    ],
    ['a shape that does not fit its offsets', file({ x: f32([3], 0, 8) }, Buffer.alloc(8)), /x has 3 elements/],
    ['a shape below 0', file({ x: f32([-1], 0, 4) }, Buffer.alloc(4)), /entry x\.shape/],
    ['a shape of fractions', file({ x: f32([1.5], 0, 6) }, Buffer.alloc(6)), /entry x\.shape/],
    ['a shape beyond counting', file({ x: f32([2 ** 40, 2 ** 40], 0, 8) }, Buffer.alloc(8)), /x has/],
    ['offsets the wrong way round', file({ x: f32([1], 4, 0) }, Buffer.alloc(4)), /x has 1 elements/],
    ['offsets beyond the file', file({ x: f32([4], 0, 16) }, Buffer.alloc(8)), /x ends at byte 16.*has 8/],
    [
      'tensors that overlap',
      file({ a: f32([2], 0, 8), b: f32([2], 4, 12) }, Buffer.alloc(12)),
      /b begins at byte 4, inside a/,
    ],
    ['a tensor in the place of another', file({ a: f32([1], 0, 4), b: f32([1], 0, 4) }, Buffer.alloc(4)), /inside a/],
    ['a hole', file({ a: f32([1], 0, 4), b: f32([1], 8, 12) }, Buffer.alloc(12)), /4 bytes before b/],
    ['data of no tensor', file({ a: f32([1], 0, 4) }, Buffer.alloc(6)), /2 bytes after a/],
    [
      'a name that is there twice',
      file(
        '{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}',
        Buffer.alloc(4),
      ),
      /a twice/,
    ],
    ['metadata that is there twice', file('{"__metadata__":{},"__metadata__":{}}'), /__metadata__ twice/],
    ['metadata that is no text', file({ __metadata__: { a: 1 } }), /entry __metadata__\.a/],
  ])('%s', (_, bytes, message) => {
    expect(() => open(bytes)).toThrow(SafetensorsError);
    expect(() => open(bytes)).toThrow(message);
  });

  it('a header of megabytes of spaces is read, and found to hold nothing', () => {
    expect(open(file(`{}${' '.repeat(5_000_000)}`)).names).toEqual([]);
  });

  it('keys of the prototype are names like others', () => {
    const reader = open(
      file(`{"__proto__":${JSON.stringify(f32([1], 0, 4))}}`, Buffer.from(Float32Array.of(7).buffer)),
    );
    expect(reader.names).toEqual(['__proto__']);
    expect([...reader.read('__proto__')]).toEqual([7]);
    expect(({} as Record<string, unknown>).dtype).toBeUndefined();
  });

  it('a tensor of whole numbers is named when it is asked for, and a missing one too', () => {
    const reader = open(file({ x: { dtype: 'I64', shape: [1], data_offsets: [0, 8] } }, Buffer.alloc(8)));
    expect(() => reader.read('x')).toThrow(/x is I64; F32, F16, BF16 can be read/);
    expect(() => reader.read('y')).toThrow(/the tensor y is missing/);
  });

  it('whatever is done to a file, reading it ends in tensors of its header or a typed error', () => {
    const sound = encode({
      a: { shape: [2, 2], data: Float32Array.of(1, 2, 3, 4) },
      'b.weight': { shape: [3], data: Float32Array.of(5, 6, 7) },
    });
    const damage = fc.tuple(
      fc.array(fc.tuple(fc.nat({ max: sound.length - 1 }), fc.nat({ max: 255 })), { maxLength: 6 }),
      fc.oneof(fc.constant(sound.length), fc.nat({ max: sound.length + 20 })),
    );
    fc.assert(
      fc.property(damage, ([changes, length]) => {
        const bytes = Buffer.alloc(length);
        sound.copy(bytes);
        for (const [at, value] of changes) if (at < length) bytes[at] = value;
        try {
          const reader = open(bytes);
          for (const name of reader.names) {
            const { shape } = reader.entry(name);
            expect(reader.read(name).length).toBe(shape.reduce((product, side) => product * side, 1));
          }
        } catch (error) {
          expect(error).toBeInstanceOf(SafetensorsError);
        }
      }),
      { numRuns: 2_000 },
    );
  });
});

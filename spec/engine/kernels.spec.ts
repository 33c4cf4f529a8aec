/** What only some engines have: kernels as loops, and what they are made of. */
import fc from 'fast-check';
import { beforeAll, describe, expect, it } from 'vitest';
import { startEngine, tf } from '../../src/engine/engine.ts';
import { exponential } from '../../src/engine/exponential.ts';
import { linear } from '../../src/engine/operations/linear.ts';
import { simdAdamw } from '../../src/engine/simd/adamw.ts';
import { stream } from '../../src/random/streams.ts';
import { adamwStep, globalNorm, stepNumbers } from '../../src/training/adamw.ts';
import { optimiser } from '../helpers/adamw.ts';

describe('numerics', () => {
  it('exponential is within 1e-8 of Math.exp, 0 far below and infinite far above', () => {
    fc.assert(
      fc.property(fc.double({ min: -87, max: 88, noNaN: true }), (x) => {
        expect(Math.abs(exponential(x) / Math.exp(x) - 1)).toBeLessThan(1e-8);
      }),
    );
    expect(exponential(-1000)).toBe(0);
    expect(exponential(1000)).toBe(Number.POSITIVE_INFINITY);
    expect(exponential(0)).toBe(1);
  });
});

/** x W + b and its gradients for an upstream gradient, as plain formulas in double precision. */
function formulas(x: number[][], w: number[][], b: number[], dy: number[][]) {
  const sum = (count: number, of: (index: number) => number) =>
    Array.from({ length: count }, (_, index) => of(index)).reduce((total, value) => total + value, 0);
  const [rows, from, to] = [x.length, w.length, b.length];
  const table = (height: number, width: number, of: (i: number, j: number) => number) =>
    Array.from({ length: height * width }, (_, index) => of(Math.floor(index / width), index % width));
  return {
    y: table(rows, to, (i, j) => b[j] + sum(from, (k) => x[i][k] * w[k][j])),
    dx: table(rows, from, (i, k) => sum(to, (j) => dy[i][j] * w[k][j])),
    dw: table(from, to, (k, j) => sum(rows, (i) => x[i][k] * dy[i][j])),
    db: table(1, to, (_, j) => sum(rows, (i) => dy[i][j])),
  };
}

const draws = stream(1, 'products');
const matrix = (rows: number, columns: number) =>
  Array.from({ length: rows }, () => Array.from({ length: columns }, () => Math.fround(draws.normal(1))));

/** The same by the engine that runs. */
function products(x: number[][], w: number[][], b: number[], dy: number[][]) {
  return tf.tidy(() => {
    const given = [tf.tensor2d(x), tf.tensor2d(w), tf.tensor1d(b)] as const;
    const y = linear(...given);
    const [dx, dw, db] = tf.grads((...inputs) =>
      tf.sum(tf.mul(linear(...(inputs as [...typeof given])), tf.tensor2d(dy))),
    )([...given]);
    return { y: y.dataSync(), dx: dx.dataSync(), dw: dw.dataSync(), db: db.dataSync() };
  });
}

function expectFormulas(rows: number, from: number, to: number): void {
  const given = [matrix(rows, from), matrix(from, to), matrix(1, to)[0], matrix(rows, to)] as const;
  const absolute = (table: number[][]) => table.map((row) => row.map(Math.abs));
  const [x, w, b, dy] = given;
  const [actual, expected] = [products(...given), formulas(...given)];
  const magnitudes = formulas(absolute(x), absolute(w), b.map(Math.abs), absolute(dy));
  for (const [name, depth] of Object.entries({ y: from + 1, dx: to, dw: rows, db: rows })) {
    const key = name as keyof typeof expected;
    expect(actual[key]).toHaveLength(expected[key].length);
    const beyond = expected[key].findIndex(
      // A sum of `depth` products in float32, in any order: each is rounded once itself, and in at most `depth` sums.
      (exact, index) => !(Math.abs(actual[key][index] - exact) <= (depth + 1) * 2 ** -24 * magnitudes[key][index]),
    );
    expect(beyond, `${name} of ${rows} x ${from} x ${to}`).toBe(-1);
  }
}

describe.each(['wasm', 'cpu'] as const)('products on %s', (engine) => {
  beforeAll(async () => {
    await startEngine(engine);
  });

  it('are the formulas, for 1 to 33 in each dimension', () => {
    // Each size in each place, beside two others that are drawn: every remainder of a block meets every other in time.
    const other = () => 1 + draws.below(33);
    for (let size = 1; size <= 33; size++) {
      for (let time = 0; time < 2; time++) {
        expectFormulas(size, other(), other());
        expectFormulas(other(), size, other());
        expectFormulas(other(), other(), size);
      }
    }
  });

  it.each([
    [513, 70, 9],
    [9, 513, 12],
    [300, 70, 33],
    [20, 259, 33],
    [12, 5, 600],
  ])('are the formulas beyond the size of a block: %i x %i x %i', (rows, from, to) => expectFormulas(rows, from, to));

  it.each([
    Number.NaN,
    Number.POSITIVE_INFINITY,
    Number.NEGATIVE_INFINITY,
  ])('pass %s on, and only where it belongs', (bad) => {
    const [rows, from, to] = [7, 6, 11];
    for (const which of [0, 1, 2, 3]) {
      const given = [matrix(rows, from), matrix(from, to), matrix(1, to), matrix(rows, to)];
      given[which].at(-1)![2] = bad;
      const all = [given[0], given[1], given[2][0], given[3]] as const;
      const [actual, expected] = [products(...all), formulas(...all)];
      for (const name of ['y', 'dx', 'dw', 'db'] as const) {
        expect([...actual[name]].map((value) => (Number.isFinite(value) ? 0 : value))).toEqual(
          expected[name].map((value) => (Number.isFinite(value) ? 0 : value)),
        );
      }
    }
  });

  it('have the same bits whatever the other rows are', () => {
    const [x, w, b, dy] = [matrix(40, 64), matrix(64, 20), matrix(1, 20)[0], matrix(40, 20)];
    const whole = products(x, w, b, dy);
    for (const start of [0, 3, 17]) {
      const part = products(x.slice(start, start + 6), w, b, dy.slice(start, start + 6));
      expect(part.y).toEqual(whole.y.slice(start * 20, (start + 6) * 20));
      expect(part.dx).toEqual(whole.dx.slice(start * 64, (start + 6) * 64));
    }
  });
});

describe('AdamW on wasm', () => {
  const numbers = { scale: 0.37, ...stepNumbers(optimiser, 1e-2, 3) };
  const drawn = (size: number) => Float32Array.from({ length: size }, () => draws.normal(1));
  beforeAll(async () => {
    await startEngine('wasm');
  });

  // Less, more and several times what goes through the memory at once.
  it.each([1, 2, 3, 4095, 4096, 4097, 9001])('is the plain loop, bit for bit, for %i numbers', (size) => {
    const given = drawn(size);
    const gradient = drawn(size);
    gradient.set([0, Number.NaN, Number.POSITIVE_INFINITY].slice(0, size - 1));
    const from = { first: drawn(size), second: drawn(size).map(Math.abs) };
    const expected = { parameter: given.slice(), ...structuredClone(from) };
    adamwStep(expected.parameter, gradient, expected, optimiser, numbers, numbers.scale);
    const [parameter, onEngine] = [tf.tensor1d(given), tf.tensor1d(gradient)];
    for (const source of [onEngine, gradient]) {
      const moments = structuredClone(from);
      const updated = simdAdamw.update(parameter, source, moments, { ...optimiser, ...numbers });
      expect({ parameter: updated.dataSync(), ...moments }).toEqual(expected);
      updated.dispose();
    }
    expect(parameter.dataSync()).toEqual(given);
    tf.dispose([parameter, onEngine]);
  });

  it.each([1, 2, 3, 5, 4097])('adds the squares of %i numbers up in double precision', (size) => {
    const gradient = drawn(size);
    const onEngine = tf.tensor1d(gradient);
    const exact = globalNorm([gradient]) ** 2;
    // Sums of up to some thousand doubles, in another order.
    for (const source of [onEngine, gradient]) expect(simdAdamw.squares(source) / exact).toBeCloseTo(1, 12);
    onEngine.dispose();
  });

  it.each([Number.NaN, Number.POSITIVE_INFINITY])('notices a gradient of %s wherever it stands', (bad) => {
    for (const place of [0, 1, 2, 3, 4, 5, 6]) {
      expect(Number.isFinite(simdAdamw.squares(drawn(7).with(place, bad)))).toBe(false);
    }
  });
});

/** The operations of kernels.cc against plain formulas in double precision. */
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import normalCdf from '@stdlib/stats-base-dists-normal-cdf';
import fc from 'fast-check';
import { afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import { type Engine, startEngine, tf } from '../../src/engine/engine.ts';
import { type Attribute, floatAttribute, integerAttribute, nativeBackend } from '../../src/engine/native/backend.ts';
import {
  isKernelsLibrary,
  KERNELS_SOURCE,
  KERNELS_VARIABLE,
  kernelsDigest,
  kernelsLibrary,
  kernelsWanted,
  loadKernels,
} from '../../src/engine/native/library.ts';
import { attention } from '../../src/engine/operations/attention.ts';
import { stream } from '../../src/random/streams.ts';
import { ENGINES_HERE } from '../helpers/engines.ts';

/** Why there is nothing to try here, or null. */
async function missing(): Promise<string | null> {
  if (!ENGINES_HERE.includes('native')) return 'the native engine does not start here';
  await startEngine('native');
  return loadKernels().reason;
}
const reason = await missing();

const call = (name: string, inputs: tf.Tensor[], outputs: number, attributes: Attribute[] = []): tf.Tensor[] =>
  nativeBackend().executeMultipleOutputs(`NegativeKnowledge${name}`, attributes, inputs, outputs);

/** An array, and its shape. */
interface Drawn {
  readonly values: number[];
  readonly shape: number[];
}
const onEngine = ({ values, shape }: Drawn) => tf.tensor(Float32Array.from(values), shape);

/** What the operation gives for these. */
const results = (name: string, inputs: Drawn[], outputs: number, attributes: Attribute[] = []): number[][] =>
  tf.tidy(() => call(name, inputs.map(onEngine), outputs, attributes).map((tensor) => [...tensor.dataSync()]));

const draws = stream(1, 'native kernels');
const drawn = (...shape: number[]): Drawn => ({
  shape,
  values: Array.from({ length: tf.util.sizeFromShape(shape) }, () => Math.fround(draws.normal(1))),
});

const total = (values: number[]): number => values.reduce((sum, value) => sum + value, 0);
const range = <Value>(length: number, of: (index: number) => Value): Value[] =>
  Array.from({ length }, (_, index) => of(index));

/** Entries are within `roundings` of float32 of the largest number that they are made of. */
function expectClose(actual: number[], expected: number[], roundings: number, what: string): void {
  expect(actual, what).toHaveLength(expected.length);
  const scale = Math.max(1, ...expected.map(Math.abs));
  const beyond = expected.findIndex(
    (exact, i) => !(Object.is(actual[i], exact) || Math.abs(actual[i] - exact) <= roundings * 2 ** -24 * scale),
  );
  expect(beyond === -1 ? 'as expected' : `${actual[beyond]} for ${expected[beyond]} at ${beyond}`, what).toBe(
    'as expected',
  );
}

/** Empty ones, parts of a vector, some vectors with and without a rest, and rows beyond those that are added in float. */
const shapes = fc
  .sample(fc.tuple(fc.nat(20), fc.integer({ min: 1, max: 70 })), { numRuns: 30, seed: 7 })
  .concat([
    [0, 8],
    [0, 3],
    [3, 0],
    [200, 5],
    [129, 64],
    [1, 1],
  ])
  .map(([rows, columns]) => ({ rows, columns }));

describe('the library of the kernels', () => {
  afterEach(() => vi.unstubAllEnvs());

  it('has a name that tells its source, so that one of another source is not loaded', () => {
    const source = readFileSync(KERNELS_SOURCE, 'utf8');
    expect(kernelsDigest(source)).toBe(kernelsDigest());
    expect(kernelsDigest(`${source}\n`)).not.toBe(kernelsDigest());
    const name = path.basename(kernelsLibrary('/package'));
    expect(name).toContain(kernelsDigest());
    expect(isKernelsLibrary(name)).toBe(true);
    expect(isKernelsLibrary('tfjs_binding.node')).toBe(false);
  });

  it('is wanted unless the variable says off, which takes no other word', () => {
    for (const [value, wanted] of [
      ['', true],
      ['off', false],
    ] as const) {
      vi.stubEnv(KERNELS_VARIABLE, value);
      expect(kernelsWanted()).toBe(wanted);
    }
    vi.stubEnv(KERNELS_VARIABLE, 'Off');
    expect(() => kernelsWanted()).toThrow('NEGATIVE_KNOWLEDGE_KERNELS is "Off"; it must be off, or unset');
  });
});

const ROOT = fileURLToPath(new URL('../..', import.meta.url));

/** What a program in a process of its own prints. */
function printed(program: string, env: NodeJS.ProcessEnv = {}): string {
  const args = ['--import', 'tsx', '--input-type=module', '-e', program];
  const { stdout, stderr, status } = spawnSync(process.execPath, args, {
    cwd: ROOT,
    encoding: 'utf8',
    env: { ...process.env, ...env },
  });
  expect(status, stderr).toBe(0);
  return stdout.trim();
}

const columnsOf = (values: number[], rows: number, columns: number): number[][] =>
  range(columns, (column) => range(rows, (row) => values[row * columns + column]));

describe.skipIf(reason !== null)(
  `the kernels of the native engine${reason === null ? '' : ` (left out: ${reason})`}`,
  () => {
    let engine: Engine;
    beforeAll(async () => {
      engine = await startEngine('native');
    });

    it('are named in its version', () => {
      expect(engine.version).toContain(`with kernels ${loadKernels().digest}`);
    });

    it('are left out where the variable says so', () => {
      const version = `console.log((await (await import('./src/engine/engine.ts')).startEngine('native')).version)`;
      expect(printed(version, { [KERNELS_VARIABLE]: 'off' })).toBe(engine.version.replace(/ with kernels .*/, ''));
    });

    it('stay when a thread that loaded them ends: TensorFlow goes on calling them, and takes each name once', () => {
      const library = JSON.stringify(kernelsLibrary(path.join(ROOT, 'node_modules', '@tensorflow', 'tfjs-node')));
      // The sum starts TensorFlow, which checks names from then on.
      const load = `require('@tensorflow/tfjs-node').add(1, 1); process.dlopen({ exports: {} }, ${library});`;
      const program = `
        import { Worker } from 'node:worker_threads';
        for (const thread of [1, 2]) {
          const worker = new Worker(${JSON.stringify(load)}, { eval: true, execArgv: [] });
          console.log(await new Promise((resolve, reject) => worker.on('exit', resolve).on('error', reject)));
        }
        process.exit(0);`;
      expect(printed(program, { TF_CPP_MIN_LOG_LEVEL: '2' })).toMatch(/0\n0$/);
    });

    it('add columns up', () => {
      for (const { rows, columns } of shapes) {
        const x = drawn(rows, columns);
        const [sums] = results('ColumnSums', [x], 1);
        expectClose(sums, columnsOf(x.values, rows, columns).map(total), 64, `${rows} x ${columns}`);
      }
    });

    it('give GELU of a biased sum, its slope, and the gradients', () => {
      for (const { rows, columns } of shapes) {
        const [x, bias, dy] = [drawn(rows, columns), drawn(columns), drawn(rows, columns)];
        const sums = x.values.map((value, index) => value * 3 + bias.values[index % columns]);
        const [y, slope] = results('BiasGelu', [{ ...x, values: x.values.map((value) => value * 3) }, bias], 2);
        const density = (at: number) => Math.exp(-0.5 * at * at) / Math.sqrt(2 * Math.PI);
        // Phi of Eigen's error function, 1.5e-7, which is some roundings.
        const exact = sums.map((at) => at * normalCdf(at, 0, 1));
        expectClose(y, exact, 8, `y of ${rows} x ${columns}`);
        const slopes = sums.map((at) => normalCdf(at, 0, 1) + at * density(at));
        expectClose(slope, slopes, 8, `slope of ${rows} x ${columns}`);
        const [dx, dBias] = results('BiasGeluGradient', [dy, { ...x, values: slope }], 2);
        const products = dy.values.map((value, index) => value * slope[index]);
        expectClose(dx, products, 1, `dx of ${rows} x ${columns}`);
        expectClose(dBias, columnsOf(products, rows, columns).map(total), 64, `dBias of ${rows} x ${columns}`);
      }
    });

    it('add two biased sums to the residual stream', () => {
      for (const { rows, columns } of shapes) {
        const given = [
          drawn(rows, columns),
          drawn(rows, columns),
          drawn(columns),
          drawn(rows, columns),
          drawn(columns),
        ];
        const [x, a, aBias, b, bBias] = given.map(({ values }) => values);
        const [y] = results('Residual', given, 1);
        const exact = x.map(
          (value, index) => value + a[index] + b[index] + aBias[index % columns] + bBias[index % columns],
        );
        expectClose(y, exact, 6, `${rows} x ${columns}`);
      }
    });

    it('give layer norm, and its gradients', () => {
      const epsilon = 1e-2; // so large that a row of one number has a slope of some size
      for (const { rows, columns } of shapes) {
        const [x, gain, bias, dy] = [drawn(rows, columns), drawn(columns), drawn(columns), drawn(rows, columns)];
        const moments = range(rows, (row) => {
          const values = x.values.slice(row * columns, (row + 1) * columns);
          const mean = total(values) / columns;
          return { mean, inverse: 1 / Math.sqrt(total(values.map((at) => (at - mean) ** 2)) / columns + epsilon) };
        });
        const ofRow = (index: number) => moments[Math.floor(index / columns)];
        const normal = x.values.map((value, index) => (value - ofRow(index).mean) * ofRow(index).inverse);
        const [y, kept] = results('LayerNorm', [x, gain, bias], 2, [floatAttribute('epsilon', epsilon)]);
        const exact = normal.map((value, index) => value * gain.values[index % columns] + bias.values[index % columns]);
        expectClose(y, exact, 64, `y of ${rows} x ${columns}`);
        expectClose(
          kept,
          moments.flatMap(({ mean, inverse }) => [mean, inverse]),
          16,
          `moments of ${rows} x ${columns}`,
        );

        const [dx, dGain, dBias] = results('LayerNormGradient', [dy, x, gain, { values: kept, shape: [rows, 2] }], 3);
        const scaled = dy.values.map((value, index) => value * gain.values[index % columns]);
        const means = range(rows, (row) => {
          const places = range(columns, (column) => row * columns + column);
          return {
            sum: total(places.map((at) => scaled[at])) / columns,
            projection: total(places.map((at) => scaled[at] * normal[at])) / columns,
          };
        });
        const slopes = scaled.map((value, index) => {
          const { sum, projection } = means[Math.floor(index / columns)];
          return ofRow(index).inverse * (value - sum - normal[index] * projection);
        });
        expectClose(dx, slopes, 128, `dx of ${rows} x ${columns}`);
        const projected = dy.values.map((value, index) => value * normal[index]);
        expectClose(dGain, columnsOf(projected, rows, columns).map(total), 128, `dGain of ${rows} x ${columns}`);
        expectClose(dBias, columnsOf(dy.values, rows, columns).map(total), 64, `dBias of ${rows} x ${columns}`);
      }
    });

    it('give the log-probability of each label, and its gradient', () => {
      for (const { rows, columns } of [...shapes, { rows: 3, columns: 5000 }]) {
        if (columns === 0) continue;
        const [logits, dy] = [drawn(rows, columns), drawn(rows)];
        const labels = range(rows, () => draws.below(columns));
        const sums = range(rows, (row) =>
          Math.log(total(logits.values.slice(row * columns, (row + 1) * columns).map(Math.exp))),
        );
        const exact = labels.map((label, row) => logits.values[row * columns + label] - sums[row]);
        const slopes = logits.values.map((logit, index) => {
          const row = Math.floor(index / columns);
          return dy.values[row] * ((index % columns === labels[row] ? 1 : 0) - Math.exp(logit - sums[row]));
        });
        tf.tidy(() => {
          const ofLabels = tf.tensor1d(Int32Array.from(labels), 'int32');
          const [logP, logSum] = call('TokenLogProbability', [onEngine(logits), ofLabels], 2);
          expectClose([...logP.dataSync()], exact, 8, `${rows} x ${columns}`);
          const inputs = [onEngine(dy), onEngine(logits), ofLabels, logSum];
          const [dLogits] = call('TokenLogProbabilityGradient', inputs, 1);
          expectClose([...dLogits.dataSync()], slopes, 16, `gradient of ${rows} x ${columns}`);
        });
      }
    });

    it('make an update of AdamW', () => {
      const [scale, keep, rate, epsilon, beta1, beta2] = [0.37, 0.999, 0.01, 1e-8, 0.9, 0.999];
      for (const size of [0, 1, 7, 8, 9, 1000]) {
        const [parameter, first, gradient] = [drawn(size), drawn(size), drawn(size)];
        const second = { shape: [size], values: drawn(size).values.map(Math.abs) };
        const numbers = { shape: [6], values: [scale, keep, rate, epsilon, 1 - beta1, 1 - beta2] };
        const actual = results('Adamw', [parameter, first, second, gradient, numbers], 3);
        const g = gradient.values.map((value) => value * scale);
        const m = first.values.map((value, index) => beta1 * value + (1 - beta1) * g[index]);
        const v = second.values.map((value, index) => beta2 * value + (1 - beta2) * g[index] ** 2);
        const moved = parameter.values.map(
          (value, index) => value * keep - (rate * m[index]) / (Math.sqrt(v[index]) + epsilon),
        );
        [moved, m, v].forEach((exact, which) =>
          expectClose(actual[which], exact, 4, `${size} numbers, array ${which}`),
        );
      }
    });

    describe('whose memory TensorFlow may reuse', () => {
      const body = (kept: boolean) => (x: tf.Tensor, bias: tf.Tensor, gain: tf.Tensor) => {
        const shifted = tf.add(x, 1);
        const [y, slope] = call('BiasGelu', [shifted, bias], 2);
        const [dx, dBias] = call('BiasGeluGradient', [y, slope], 2);
        const [normal, moments] = call('LayerNorm', [dx, gain, bias], 2, [floatAttribute('epsilon', 1e-5)]);
        const gradients = call('LayerNormGradient', [normal, dx, gain, moments], 3);
        const sum = call('Residual', [shifted, gradients[0], bias, gradients[0], bias], 1);
        return [
          dBias,
          ...gradients.slice(1),
          ...sum,
          ...(kept ? [shifted, y, slope, dx, normal].map((t) => tf.mul(t, 1)) : []),
        ];
      };
      it.each([true, false])('give in a graph what they give one by one; everything is read later: %s', (kept) => {
        const graphs = engine.newGraphs();
        for (const [rows, columns] of [
          [16, 24],
          [5, 7],
          [1, 1],
        ]) {
          const inputs = [drawn(rows, columns), drawn(columns), drawn(columns)].map(onEngine);
          const [actual, expected] = [
            graphs.run('chain', body(kept), inputs),
            tf.tidy(() => body(kept)(...(inputs as [tf.Tensor, tf.Tensor, tf.Tensor]))),
          ];
          // The same kernels on the same numbers; what TensorFlow itself adds and multiplies by 1 is exact or rounded alike.
          actual.forEach((tensor, index) => expect(tensor.dataSync()).toEqual(expected[index].dataSync()));
          tf.dispose([...inputs, ...actual, ...expected]);
        }
        graphs.dispose();
      });
    });

    describe('refuse', () => {
      const f = (...shape: number[]) => tf.zeros(shape);
      const i = (...values: number[]) => tf.tensor1d(values, 'int32');
      const heads = (time: number, count: number) => () => [
        integerAttribute('time', time),
        integerAttribute('heads', count),
      ];
      const epsilon = () => [floatAttribute('epsilon', 1)];
      const none = () => [];
      it.each<[string, string, () => tf.Tensor[], number, () => Attribute[], string]>([
        ['a vector for a matrix', 'ColumnSums', () => [f(3)], 1, none, 'x is of shape [3]; it must be [-1, -1]'],
        ['a scalar for a matrix', 'ColumnSums', () => [f()], 1, none, 'x is of shape []'],
        ['a short bias', 'BiasGelu', () => [f(2, 3), f(2)], 2, none, 'bias is of shape [2]; it must be [3]'],
        ['another slope', 'BiasGeluGradient', () => [f(2, 3), f(3, 2)], 2, none, 'slope is of shape [3, 2]'],
        ['other summands', 'Residual', () => [f(2, 3), f(2, 3), f(3), f(3, 3), f(3)], 1, none, 'b is of shape [3, 3]'],
        ['a long gain', 'LayerNorm', () => [f(2, 3), f(4), f(3)], 2, epsilon, 'gain is of shape [4]'],
        [
          'moments of other rows',
          'LayerNormGradient',
          () => [f(2, 3), f(2, 3), f(3), f(3, 2)],
          3,
          none,
          'moments is of shape [3, 2]',
        ],
        [
          'rows that are no sequences',
          'BiasAttention',
          () => [f(5, 12), f(12), f(2, 0), f(2, 0)],
          2,
          heads(2, 1),
          'a multiple of time (2)',
        ],
        [
          'columns that are no heads',
          'BiasAttention',
          () => [f(4, 12), f(12), f(2, 0), f(2, 0)],
          2,
          heads(2, 3),
          'of 3 * heads (3)',
        ],
        [
          'no time',
          'BiasAttention',
          () => [f(4, 12), f(12), f(0, 0), f(0, 0)],
          2,
          heads(0, 1),
          'a multiple of time (0)',
        ],
        [
          'a negative number of heads',
          'BiasAttention',
          () => [f(4, 12), f(12), f(2, 0), f(2, 0)],
          2,
          heads(2, -1),
          'of 3 * heads (-1)',
        ],
        [
          'angles of another time',
          'BiasAttention',
          () => [f(4, 12), f(12), f(3, 1), f(3, 1)],
          2,
          heads(2, 1),
          'cos is of shape [3, 1]',
        ],
        [
          'more pairs than dimensions',
          'BiasAttention',
          () => [f(4, 12), f(12), f(2, 3), f(2, 3)],
          2,
          heads(2, 1),
          'no 3 pairs',
        ],
        [
          'probabilities of other heads',
          'BiasAttentionGradient',
          () => [f(4, 4), f(4, 12), f(12), f(2, 2, 2, 2), f(2, 0), f(2, 0)],
          2,
          heads(2, 1),
          'probabilities is of shape [2, 2, 2, 2]',
        ],
        [
          'a label beyond',
          'TokenLogProbability',
          () => [f(2, 3), i(0, 3)],
          2,
          none,
          'labels has 3 at 1; it must be from 0 to below 3',
        ],
        ['a negative label', 'TokenLogProbability', () => [f(2, 3), i(-1, 0)], 2, none, 'labels has -1 at 0'],
        ['labels of an empty vocabulary', 'TokenLogProbability', () => [f(1, 0), i(0)], 2, none, 'labels has 0 at 0'],
        [
          'other labels',
          'TokenLogProbabilityGradient',
          () => [f(2), f(2, 3), i(0), f(2)],
          1,
          none,
          'labels is of shape [1]',
        ],
        ['other moments', 'Adamw', () => [f(3), f(2), f(3), f(3), f(6)], 3, none, 'first is of shape [2]'],
        ['few numbers', 'Adamw', () => [f(3), f(3), f(3), f(3), f(5)], 3, none, 'numbers is of shape [5]'],
      ])('%s, and say what they were given', (_, name, inputs, outputs, attributes, message) => {
        expect(() => tf.tidy(() => call(name, inputs(), outputs, attributes()))).toThrow(message);
      });
    });

    it('pass attention on no sequence, and on heads that do not turn', () => {
      const shape = { time: 3, heads: 2, rotary: 0, rotaryBase: 100 };
      tf.tidy(() => {
        const qkv = tf.tensor2d([], [0, 12]);
        expect(attention(qkv, shape).shape).toEqual([0, 4]);
        const { grad } = tf.valueAndGrad((x) => tf.sum(attention(x, shape)) as tf.Scalar)(qkv);
        expect(grad.shape).toEqual([0, 12]);
      });
    });
  },
);

/**
 * Every number of a real run's record, for all three sets, worked out again from parameters that were kept at every
 * evaluation: by a model in double precision and by formulas that are written here, not taken from src/. The spec goes
 * through the whole record and fails where it meets a number that nothing worked out again.
 */
import { createHash } from 'node:crypto';
import { beforeAll, describe, expect, it } from 'vitest';
import { type Engine, startEngine } from '../../src/engine/engine.ts';
import { run } from '../../src/lab/run.ts';
import { RunStore } from '../../src/lab/store.ts';
import { loadValues } from '../../src/model/pretrained.ts';
import { buildCorpus } from '../../src/passwords/corpus.ts';
import type { WholeRun } from '../../src/records/record.ts';
import type { Setup } from '../../src/setup/schema.ts';
import type { TrainerState } from '../../src/training/trainer.ts';
import { sharedFolder } from '../helpers/folder.ts';
import { referenceLogits, referenceStream, type Weights } from '../helpers/reference-model.ts';
import { tinySetup } from '../helpers/setups.ts';

const SETS = ['heldOut', 'useful', 'random'] as const;
const PHASES = ['pretrain', 'dpo', 'joint'] as const;

/** Keeps the parameters of every checkpoint, where a store of the program would write them to a file. */
class KeepingStore extends RunStore {
  readonly kept = new Map<string, Weights>();
  override async writeCheckpoint(_: Setup, __: Engine['name'], { phase, step, values }: TrainerState): Promise<void> {
    this.kept.set(`${phase}/${step}`, new Map([...values].map(([name, data]) => [name, data.slice()])));
  }
}

interface Kept {
  readonly setup: Setup;
  readonly record: WholeRun;
  /** The parameters after so many steps of a phase. */
  parametersAt(phase: (typeof PHASES)[number], step: number): Weights;
}

async function keptRun(setup: Setup): Promise<Kept> {
  const engine = await startEngine();
  const store = new KeepingStore(sharedFolder());
  await store.open();
  const { record } = await run(setup, engine, store, { keepModel: true, checkpointDue: () => true });
  store.close();
  if (record.status === 'failed') throw new Error(record.error.message);
  const last = loadValues(setup, store.modelPath(setup, engine.name));
  return {
    setup,
    record: JSON.parse(JSON.stringify(record)),
    parametersAt(phase, step) {
      const next = PHASES[PHASES.indexOf(phase) + 1];
      if (step < setup.phases[phase].steps) return store.kept.get(`${phase}/${step}`)!;
      return next === undefined ? last : store.kept.get(`${next}/0`)!;
    },
  };
}

const mean = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0) / values.length;

/** What a model says of passwords after a prefix: log-probabilities, ranks and the alphabet's logits, letter by letter. */
function read(
  { setup }: Kept,
  weights: Weights,
  passwords: readonly string[],
  prefix: string,
  layers = setup.model.layers,
) {
  const { alphabet } = setup.passwords;
  const before = { regular: [alphabet.length], reverse: [alphabet.length + 1], none: [] }[prefix] as number[];
  const model = { ...setup.model, layers };
  return passwords.map((password) => {
    const tokens = [...before, ...[...password].map((letter) => alphabet.indexOf(letter))];
    return referenceLogits(weights, model, tokens.slice(0, -1)).map((logits, place) => {
      const truth = tokens[place + 1];
      const totalOf = (some: readonly number[]) => Math.log(some.reduce((sum, logit) => sum + Math.exp(logit), 0));
      const total = totalOf(logits);
      return {
        logP: logits[truth] - total,
        share: totalOf(logits.slice(0, alphabet.length)) - total,
        rank: logits.filter((logit) => logit > logits[truth]).length,
        letters: logits.slice(0, alphabet.length),
        truth,
      };
    });
  });
}
type Reading = ReturnType<typeof read>;

function measures(reading: Reading, letters: number) {
  const all = reading.flat();
  const logLikelihood = mean(all.map(({ logP }) => logP));
  return {
    logLikelihood,
    perf: logLikelihood + Math.log(letters),
    guessRate: letters * mean(all.map(({ logP, share }) => Math.exp(logP - share))),
    topRate: letters * mean(all.map(({ rank }) => (rank === 0 ? 1 : 0))),
  };
}

const halfOf = <Item>(items: readonly Item[], which: 0 | 1): Item[] => items.filter((_, place) => place % 2 === which);

/** Log-likelihood of each password among the alphabet's letters at an inverse temperature. */
const atTemperature = (reading: Reading, inverse: number): number[] =>
  reading.map((places) =>
    mean(
      places.map(
        ({ letters, truth }) =>
          inverse * letters[truth] - Math.log(letters.reduce((sum, logit) => sum + Math.exp(inverse * logit), 0)),
      ),
    ),
  );

/** The best inverse temperature in [0, 64]: the likelihood is concave in it, so thirds of the interval are cut away. */
function bestTemperature(reading: Reading): number {
  let [low, high] = [0, 64];
  for (let round = 0; round < 200; round++) {
    const [a, b] = [low + (high - low) / 3, high - (high - low) / 3];
    if (mean(atTemperature(reading, a)) < mean(atTemperature(reading, b))) low = a;
    else high = b;
  }
  return (low + high) / 2;
}

/** Letters shared with rewarded text, counted one by one. */
function shared(way: string, span: number, passwords: readonly string[], texts: readonly string[]): number {
  const places = Array.from({ length: passwords[0].length - span + 1 }, (_, place) => place);
  const part = (word: string, place: number) => word.slice(place, place + span);
  const backwards = (word: string) => [...word].reverse().join('');
  if (way === 'aligned')
    return passwords.flatMap((word) =>
      texts.flatMap((text) => places.filter((place) => part(word, place) === part(text, place))),
    ).length;
  if (way === 'anywhere')
    return texts.filter((text) =>
      passwords.some((word) =>
        places.some((place) => text.includes(part(word, place)) || text.includes(part(backwards(word), place))),
      ),
    ).length;
  return texts.filter((text) =>
    passwords.some((word) => [...word].filter((letter, place) => letter === text[place]).length >= span),
  ).length;
}

/** Solves a system of equations by elimination with pivots. */
function solved(matrix: number[][], right: number[]): number[] {
  const rows = matrix.map((row, index) => [...row, right[index]]);
  for (let at = 0; at < rows.length; at++) {
    const pivot = rows.slice(at).reduce((best, row) => (Math.abs(row[at]) > Math.abs(best[at]) ? row : best));
    rows.splice(rows.indexOf(pivot), 1);
    rows.splice(at, 0, pivot);
    for (const row of rows) {
      if (row === pivot) continue;
      const factor = row[at] / pivot[at];
      row.forEach((value, column) => {
        row[column] = value - factor * pivot[column];
      });
    }
  }
  return rows.map((row, at) => row[rows.length] / row[at]);
}

/** Fisher's direction between two sets of points, with a tenth of the mean variance added to each variance. */
function between(members: readonly number[][], others: readonly number[][]): number[] {
  const centre = (points: readonly number[][]) =>
    points[0].map((_, index) => mean(points.map((point) => point[index])));
  const [of, from] = [centre(members), centre(others)];
  const off = [
    ...members.map((point) => point.map((value, i) => value - of[i])),
    ...others.map((point) => point.map((value, i) => value - from[i])),
  ];
  const scatter = of.map((_, i) =>
    of.map((__, j) => off.reduce((sum, row) => sum + row[i] * row[j], 0) / (off.length - 2)),
  );
  const ridge = 0.1 * mean(scatter.map((row, index) => row[index]));
  const widened = scatter.map((row, i) => row.map((value, j) => value + (i === j ? ridge : 0)));
  return solved(
    widened,
    of.map((value, index) => value - from[index]),
  );
}

/** What a run was taken apart into: patched models, and areas under the ROC curve along one direction a layer. */
function takenApart(kept: Kept, prefixes: readonly [string, string]) {
  const { setup } = kept;
  const { layers } = setup.model;
  const ends = {
    before: kept.parametersAt('dpo', setup.phases.dpo.steps),
    after: kept.parametersAt('joint', setup.phases.joint.steps),
  };
  const partOf = (name: string): number => {
    const [, block] = /layers\.(\d+)\./.exec(name) ?? [];
    return block !== undefined ? 1 + Number(block) : name.includes('embed_in') ? 0 : layers + 1;
  };
  const patched = (from: number, to: number): Weights =>
    new Map(
      [...ends.before].map(([name, data]) => [
        name,
        partOf(name) >= from && partOf(name) < to ? ends.after.get(name)! : data,
      ]),
    );
  const stream = (moment: 'before' | 'after', password: string, prefix: string, layer: number): number[] => {
    const { alphabet } = setup.passwords;
    const first = { regular: [alphabet.length], reverse: [alphabet.length + 1], none: [] }[prefix] as number[];
    const tokens = [...first, ...[...password].map((letter) => alphabet.indexOf(letter))].slice(0, -1);
    const places = referenceStream(ends[moment], { ...setup.model, layers: layer }, tokens).slice(
      Math.floor(tokens.length / 2),
    );
    return places[0].map((_, index) => mean(places.map((place) => place[index])));
  };
  const { useful, heldOut, control } = buildCorpus(setup);
  const area = (moment: 'before' | 'after', prefix: string, layer: number): number => {
    const points = (some: readonly string[], at: typeof moment, after: string) =>
      some.map((word) => stream(at, word, after, layer));
    const direction = between(points(useful, 'before', prefixes[0]), points(halfOf(control, 0), 'before', prefixes[0]));
    const value = (point: number[]) => point.reduce((sum, x, index) => sum + x * direction[index], 0);
    const others = points(halfOf(control, 1), moment, prefix).map(value);
    const wins = points(heldOut, moment, prefix).map((point) =>
      mean(others.map((other) => (value(point) > other ? 1 : 0))),
    );
    return mean(wins);
  };
  return { patched, area };
}

/** A float32 against double precision, some tens of roundings on. */
const LETTER = 1e-5;

/** Every number that was worked out again, by its path in the record, with how near it has to be. */
function workedOut(kept: Kept): Map<string, readonly [value: number, tolerance: number]> {
  const { setup, record } = kept;
  const found = new Map<string, readonly [number, number]>();
  const add = (where: string, value: unknown, tolerance = 0): void => {
    if (typeof value === 'number') found.set(where, [value, tolerance]);
    else for (const [key, part] of Object.entries(value as object)) add(`${where}.${key}`, part, tolerance);
  };
  const corpus = buildCorpus(setup);
  const scored = {
    heldOut: corpus.heldOut.slice(0, setup.evaluation.heldOut),
    useful: corpus.useful.slice(0, setup.evaluation.useful),
    random: corpus.control,
  };
  const letters = setup.passwords.alphabet.length;
  const prefix = (phase: string) => (setup.prefixes ? (phase === 'joint' ? 'reverse' : 'regular') : 'none');

  let index = 0;
  for (const phase of PHASES) {
    for (let step = 1; step <= setup.phases[phase].steps; step++) {
      if (step % setup.evaluation.every !== 0 && step !== setup.phases[phase].steps) continue;
      const at = `evaluations.${index++}`;
      add(`${at}.step`, step);
      const parameters = kept.parametersAt(phase, step);
      const squares = [...parameters.values()].flatMap((values) => Array.from(values, (value) => value ** 2));
      const total = squares.reduce((sum, value) => sum + value, 0);
      add(`${at}.parameterNorm`, Math.sqrt(total), 1e-12 * Math.sqrt(total));
      for (const set of SETS) {
        const reading = read(kept, parameters, scored[set], prefix(phase));
        const halves = [0, 1].map((which) => measures(halfOf(reading, which as 0 | 1), letters));
        add(`${at}.sets.${set}`, { ...measures(reading, letters), halves }, LETTER);
      }
    }
  }

  record.snapshots.forEach(({ phase, prefix: after }, place) => {
    const { steps } = setup.phases[phase];
    add(`snapshots.${place}.step`, steps);
    const weights = kept.parametersAt(phase, steps);
    for (const set of SETS) {
      const at = `snapshots.${place}.sets.${set}`;
      const reading = read(kept, weights, scored[set], after);
      add(
        `${at}.logProbabilities`,
        reading.map((row) => row.map(({ logP }) => logP)),
        LETTER,
      );
      add(
        `${at}.letterShares`,
        reading.map((row) => row.map(({ share }) => share)),
        LETTER,
      );
      add(
        `${at}.ranks`,
        reading.map((row) => row.map(({ rank }) => rank)),
      );
      const layers = Array.from({ length: setup.model.layers + 1 }, (_, layer) =>
        measures(read(kept, weights, scored[set], after, layer), letters),
      );
      add(
        `${at}.lens`,
        layers.map(({ logLikelihood, guessRate }) => ({ logLikelihood, guessRate })),
        LETTER,
      );
      const fitted = [0, 1].map((which) => bestTemperature(halfOf(reading, which as 0 | 1)));
      // The top of a flat hill: its place is known less well than its height.
      add(`${at}.calibrated.inverseTemperatures`, fitted, 1e-3);
      const cross = fitted.map((inverse) => atTemperature(reading, inverse));
      add(
        `${at}.calibrated.logLikelihoods`,
        reading.map((_, password) => cross[1 - (password % 2)][password]),
        1e-4,
      );
    }
  });

  if (setup.evaluation.dissection) {
    const { layers } = setup.model;
    const prefixes = setup.prefixes ? (['regular', 'reverse'] as const) : (['none', 'none'] as const);
    const { patched, area } = takenApart(kept, prefixes);
    const parts = Array.from({ length: layers + 2 }, (_, part) => part);
    const ranges = [
      ...[
        [0, 0],
        [0, layers + 2],
      ],
      ...parts.map((part) => [part, part + 1]),
      ...parts.slice(2).map((part) => [0, part]),
      ...parts.slice(1, -1).map((part) => [part, layers + 2]),
    ];
    for (const [index, [from, to]] of ranges.entries()) {
      add(`dissection.patched.${index}`, { from, to });
      for (const set of SETS)
        add(
          `dissection.patched.${index}.sets.${set}`,
          measures(read(kept, patched(from, to), scored[set], prefix('joint')), letters),
          LETTER,
        );
    }
    const readings = (['before', 'after'] as const).flatMap((moment) =>
      [...new Set(prefixes)].map((after) => ({ moment, after })),
    );
    for (const [index, { moment, after }] of readings.entries())
      for (let layer = 0; layer <= layers; layer++)
        add(`dissection.separations.${index}.auc.${layer}`, area(moment, after, layer), 1e-12);
  }

  // Sequences by reward: one chosen and one rejected a pair, one imitated of each kind a step.
  const { pretrain, dpo, joint } = setup.phases;
  const given = PHASES.flatMap((phase) =>
    Array.from({ length: setup.phases[phase].steps }, (_, step) => corpus.examples(phase, step)).flat(),
  );
  const held = new Set(corpus.heldOut);
  const known = new Set(corpus.useful);
  const countOf = (passwords: (password: string) => boolean) => {
    const own = given.filter(({ password }) => passwords(password));
    const of = (reward: string) => own.filter((example) => example.reward === reward).length;
    return { chosen: of('chosen'), rejected: of('rejected'), imitated: of('imitated') };
  };
  add('ledger.sequences', {
    chosen: setup.batch * (dpo.steps + joint.steps),
    rejected: setup.batch * (dpo.steps + joint.steps),
    imitated: setup.batch * (pretrain.steps + 2 * joint.steps),
  });
  add(
    'ledger.heldOut',
    countOf((password) => held.has(password)),
  );
  add(
    'ledger.useful',
    countOf((password) => known.has(password)),
  );
  const times = corpus.heldOut.map((password) => given.filter((example) => example.password === password).length);
  add('ledger.heldOutRejections', { fewest: Math.min(...times), most: Math.max(...times) });

  const rewarded = new Map<string, Set<string>>();
  for (const { role, reward, password } of given) {
    if (reward !== 'rejected') rewarded.set(role, (rewarded.get(role) ?? new Set()).add(password));
  }
  let row = 0;
  for (const [, texts] of rewarded) {
    for (const way of ['aligned', 'anywhere', 'scattered']) {
      for (let span = 1; span <= setup.passwords.length; span++) {
        const [heldOut, control] = [corpus.heldOut, corpus.control].map((passwords) =>
          shared(way, span, passwords, [...texts]),
        );
        add(`overlap.${row++}`, { texts: texts.size, span, heldOut, control });
      }
    }
  }
  return found;
}

/** What is not worked out here, and where it is. */
const ELSEWHERE: readonly RegExp[] = [
  /^setup\./, // what was asked for
  /^schemaVersion$/,
  /^(times|environment)\./, // when and where
  /^trajectories\./, // spec/training/by-hand.spec.ts trains the three phases again in double precision
];

function numbersIn(value: unknown, where = ''): [path: string, value: number][] {
  if (typeof value === 'number') return [[where, value]];
  if (value === null || typeof value !== 'object') return [];
  return Object.entries(value).flatMap(([key, part]) => numbersIn(part, where === '' ? key : `${where}.${key}`));
}

describe.each([
  ['with prefixes', (): void => {}],
  [
    'without prefixes',
    (setup: Setup): void => {
      setup.prefixes = false;
    },
  ],
  [
    'that is taken apart',
    (setup: Setup): void => {
      Object.assign(setup.evaluation, { dissection: true, random: 12 });
    },
  ],
  [
    'without prefixes that is taken apart',
    (setup: Setup): void => {
      setup.prefixes = false;
      Object.assign(setup.evaluation, { dissection: true, random: 12 });
    },
  ],
])('the record of a run %s', (_, change) => {
  let kept: Kept;
  let expected: ReturnType<typeof workedOut>;
  beforeAll(async () => {
    // Weights and rates at which the model has opinions, which differ from set to set and from prefix to prefix.
    kept = await keptRun(
      tinySetup((setup) => {
        setup.model.initialDeviation = 0.3;
        setup.optimiser.learningRate = 0.01;
        Object.assign(setup.evaluation, { heldOut: 3, useful: 4, random: 5 });
        change(setup);
      }),
    );
    expected = workedOut(kept);
  });

  it('has no number that is not worked out again, and lacks none', () => {
    const numbers = numbersIn(kept.record).filter(([path]) => !ELSEWHERE.some((elsewhere) => elsewhere.test(path)));
    expect(numbers.map(([path]) => path).sort()).toEqual([...expected.keys()].sort());
  });

  it.each(
    SETS,
  )('has the numbers of the %s passwords that the kept parameters give, under the prefix of the moment', (set) => {
    const wrong = numbersIn(kept.record).filter(([path, value]) => {
      if (!path.includes(`.sets.${set}.`)) return false;
      const [again, tolerance] = expected.get(path) as readonly [number, number];
      return !(Math.abs(value - again) <= tolerance * Math.max(1, Math.abs(again)));
    });
    const told = wrong.map(([path, value]) => `${path}: ${value}, not ${expected.get(path)?.[0]}`);
    expect(told, told.slice(0, 3).join('; ')).toEqual([]);
  });

  it('has the counts of its ledger and of its overlaps, and the steps of its evaluations', () => {
    const wrong = numbersIn(kept.record).filter(
      ([path, value]) =>
        !path.includes('.sets.') &&
        expected.has(path) &&
        !(Math.abs(value - expected.get(path)![0]) <= expected.get(path)![1]),
    );
    const told = wrong.map(([path, value]) => `${path}: ${value}, not ${expected.get(path)?.[0]}`);
    expect(told, told.slice(0, 3).join('; ')).toEqual([]);
  });

  it('names the passwords that it scores, each set as itself', () => {
    const { heldOut, useful, control } = buildCorpus(kept.setup);
    for (const { sets } of kept.record.snapshots) {
      expect(sets.heldOut.passwords).toEqual(heldOut.slice(0, 3));
      expect(sets.useful.passwords).toEqual(useful.slice(0, 4));
      expect(sets.random.passwords).toEqual(control);
    }
  });

  it('has the digest of the kept model, and says that its ledger is clean because no held-out sequence was rewarded', () => {
    const { setup, record } = kept;
    const hash = createHash('sha256');
    for (const [name, data] of kept.parametersAt('joint', setup.phases.joint.steps))
      hash.update(name).update(new Uint8Array((data as Float32Array).buffer));
    expect(record.parametersDigest).toBe(hash.digest('hex'));
    const { clean, heldOut } = record.ledger;
    expect({ clean, ...heldOut }).toMatchObject({ clean: true, chosen: 0, imitated: 0 });
  });
});

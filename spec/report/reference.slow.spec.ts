/** The committed report and our pages say what the committed run records and benchmarks say, and nothing else. */
import { readFileSync } from 'node:fs';
import { beforeAll, describe, expect, it } from 'vitest';
import { HELD_OUT_SHARES, MODEL_SIZES, SWEEPS } from '../../src/claims/arms.ts';
import { CLAIMS, CORE } from '../../src/claims/index.ts';
import { parameterCount } from '../../src/model/specifications.ts';
import { nameOf } from '../../src/records/record.ts';
import { finishedRuns } from '../../src/records/view.ts';
import { svgOf } from '../../src/report/figures/render.ts';
import { pageBlocks } from '../../src/report/files/pages.ts';
import { pagesOf, referenceReport } from '../../src/report/reference.ts';
import type { Report } from '../../src/report/report.ts';
import { failedRuns } from '../../src/report/study-report.ts';
import { reportFiles } from '../../src/report/write.ts';
import { claimSeeds, DEFAULT_SEEDS, PRESETS } from '../../src/setup/presets.ts';
import { OBJECTIVES } from '../../src/setup/schema.ts';
import { speedPage } from '../bench/page.ts';

const committed = (name: string): string => readFileSync(new URL(`../../reports/${name}`, import.meta.url), 'utf8');
const page = (name: string): string => readFileSync(new URL(`../../${name}`, import.meta.url), 'utf8');

/** The pages that people write; the others are written by commands, and compared with what these write. */
const PAGES = [
  'README.md',
  'reports/README.md',
  'spec/README.md',
  'src/README.md',
  'src/claims/README.md',
  'src/engine/README.md',
  'src/model/README.md',
  'src/passwords/README.md',
  'src/lab/README.md',
];

let report: Report;
let files: Map<string, string | Buffer>;
beforeAll(async () => {
  report = await referenceReport();
  files = await reportFiles(report);
});

/** What the tables about a queue compute of what was measured: what a run costs there, and ten thousand runs of Pythia-410M. */
function ofQueue(
  queue: Record<'runs' | 'enterSeconds' | 'carrySeconds' | 'pocketRunSeconds', number>,
  { rows }: { rows: readonly { size: string; hours: Record<'steps' | 'evaluations' | 'reference', number> }[] },
): number[] {
  const each = (queue.enterSeconds + queue.carrySeconds) / queue.runs;
  const { steps, evaluations, reference } = rows.find(({ size }) => size === '410m')?.hours ?? {};
  const days = (10_000 * ((steps ?? 0) + (evaluations ?? 0) + (reference ?? 0))) / 24;
  const checkpoint = 405_334_016 * 3 * 4; // parameters and two moments, of four bytes
  const ofMachines = [100, 1_000, 10_000].flatMap((machines) => [
    ...[machines, days / machines],
    ...[(machines * 2 * checkpoint) / 2 ** 40, (machines * checkpoint) / 3600 / 1e9],
  ]);
  return [1 / each, 1000 * each, each / queue.pocketRunSeconds, ...ofMachines];
}

describe('the committed report', () => {
  it('is, file by file, what `npm run pages` makes of the committed records', () => {
    expect(files.size).toBeGreaterThan(40);
    for (const [name, content] of files) {
      // Pictures of the same drawing may differ in a pixel between processors; the SVG beside each is compared.
      if (typeof content === 'string') expect(committed(name) === content, `reports/${name}`).toBe(true);
      else expect(committed(name).length, name).toBeGreaterThan(0);
    }
  });

  it('has drawings whose bytes do not depend on what else was drawn in the process, before or at once', async () => {
    const drawn = report.figures.map(({ figure }) => figure);
    const again = await Promise.all([...drawn].reverse().map(async (figure) => [figure.id, await svgOf(figure)]));
    for (const [id, svg] of again) expect(files.get(`figures/${id}.svg`) === `${svg}\n`, id).toBe(true);
  });

  it('rests on at least 64 seeds for the main claim, and 5 for every cell of the others', () => {
    expect(report.studies.map(({ name }) => name)).toEqual(['pocket', 'pocket-large', 'pocket-memorising']);
    const [pocket, large, memorising] = report.studies;
    for (const arm of ['main', 'no-dpo']) expect(finishedRuns(large.evidence[arm])).toHaveLength(8);
    expect(finishedRuns(pocket.evidence.main).length).toBeGreaterThanOrEqual(64);
    expect(finishedRuns(memorising.evidence.main).length).toBeGreaterThanOrEqual(16);
    for (const { id } of [...HELD_OUT_SHARES, ...MODEL_SIZES, ...Object.values(SWEEPS).flat()])
      expect(memorising.evidence[id]?.length, id).toBeGreaterThanOrEqual(5);
    // Claims whose own runs are still to be trained.
    const objectives = OBJECTIVES.map((objective) => `objective-${objective}`);
    const missing = {
      pocket: ['relearning', 'llama', 'lrbeta', 'weights', ...objectives],
      // The larger preset is for the core claims alone.
      'pocket-large': CLAIMS.map(({ id }) => id).filter((id) => CORE.every((claim) => claim.id !== id)),
      'pocket-memorising': [
        ...['unseen', 'nothing-shared', 'dose', 'decay-width', 'decay-useful', 'decay-repeats', 'loss-weights'],
        ...['patching', 'direction', 'relearning', 'llama', ...objectives],
      ],
    };
    for (const { name, notRun, claims } of report.studies) {
      const left = missing[name as keyof typeof missing];
      expect(notRun.map(({ id }) => id)).toEqual(left);
      expect(claims.map(({ claim }) => claim.id)).toEqual(
        CLAIMS.map(({ id }) => id).filter((id) => !left.includes(id)),
      );
    }
  });

  it('has runs of clean commits only, on seeds that nothing was chosen on', () => {
    for (const { study } of report.studies) {
      for (const { environment, setup } of study.records) {
        expect(environment.commit).toMatch(/^[0-9a-f]{40}$/);
        expect(environment.dirty).toBe(false);
        expect(setup.seed).toBeGreaterThan(100);
      }
    }
  });

  it('draws the numbers of the claims: wherever a figure or a table has what a claim has estimated, it is that, digit for digit', () => {
    const three = (value: number | null | undefined) => (value == null ? null : Number(value.toFixed(4)));
    const rowsOf = (id: string) => report.figures.find(({ figure }) => figure.id === id)?.figure.rows ?? [];
    let compared = 0;
    const same = (
      row: { guessRate?: unknown; low?: unknown; high?: unknown },
      value: unknown,
      interval: unknown,
      what: string,
    ) => {
      const [low, high] = interval as [number, number];
      expect(
        [row.guessRate, row.low, row.high].map((one) => three(one as number)),
        what,
      ).toEqual([value as number, low, high].map((one) => three(Number(one.toFixed(4)))));
      compared += 1;
    };
    for (const { name, claims } of report.studies) {
      const judged = (id: string) => claims.find(({ claim }) => claim.id === id)?.judgement;
      for (const [figure, id] of [
        [`held-out-share-${name}`, 'held-out-share'],
        [`model-size-${name}`, 'model-size'],
        [`ablation-${name}`, 'freeze-and-prefix'],
        [`dose-${name}`, 'dose'],
      ] as const) {
        const cells = judged(id)?.cells ?? [];
        const rows = rowsOf(figure);
        cells.forEach((cell, index) => {
          if (rows.length === 0) return;
          const [heldOut, control] = rows.slice(2 * index, 2 * index + 2);
          same(heldOut, cell.estimate, cell.interval, `${figure}, ${cell.label}, held-out`);
          same(control, cell.random, cell.randomInterval, `${figure}, ${cell.label}, control`);
          expect(heldOut.seeds).toBe(cell.seeds.length);
        });
      }
    }
    const [first] = report.studies;
    const estimate = (id: string) => first.claims.find(({ claim }) => claim.id === id)!.judgement;
    for (const [group, id] of [
      ['held-out', 'main'],
      ['control', 'control'],
      ['held-out, no DPO', 'no-dpo'],
    ] as const) {
      const row = rowsOf('seeds').find((one) => one.group === group && one.seed === null)!;
      same(row, estimate(id).estimate, estimate(id).interval, `seeds, ${group}`);
    }
    const rate = report.leakage!.rows.find(([name]) => name === 'guess rate')!;
    const shown = (id: string) =>
      `${estimate(id).estimate?.toFixed(3)} [${estimate(id)
        .interval?.map((bound) => bound.toFixed(3))
        .join(', ')}]`;
    expect(rate.slice(2, 4)).toEqual([shown('avoidance'), shown('main')]);
    // Shares, sizes and ablation of pocket-memorising; shares, sizes, ablation, dose and seeds of pocket.
    expect(compared).toBe(2 * (9 + 4 + 4) + 2 * (9 + 4 + 4 + 6) + 3);
  });

  it('names every run that failed', () => {
    const failed = report.studies.flatMap(failedRuns);
    for (const record of failed) {
      for (const name of ['claims.md', 'index.html']) expect(committed(name)).toContain(nameOf(record));
    }
    const statuses = committed('runs.csv')
      .split('\n')
      .filter((line) => line.includes(',failed,'));
    expect(statuses).toHaveLength(failed.length);
  });

  it('has a data file, a specification, both pictures and a command for every figure', () => {
    for (const { figure } of report.figures) {
      for (const ending of ['csv', 'vl.json', 'svg', 'png'])
        expect(files.has(`figures/${figure.id}.${ending}`)).toBe(true);
      expect(committed('index.html')).toContain(`figures/${figure.id}.csv`);
    }
    expect(committed('index.html')).toContain('made by <code>npm run pages</code>');
  });
});

describe('the story that the five-minute page tells', () => {
  const rowsOf = (id: string) => report.figures.find(({ figure }) => figure.id === id)?.figure.rows ?? [];

  it('is what the figures show: early layers avoid held-out passwords under either prefix, the last only under `regular`', () => {
    const sign = (snapshot: string, layer: number) =>
      rowsOf('sign').find((row) => row.snapshot === snapshot && row.layer === layer) as Record<string, number>;
    expect(sign('after phase 3, reverse', 1).high).toBeLessThan(0);
    expect(sign('after phase 3, regular', 1).high).toBeLessThan(0);
    expect(sign('after phase 3, reverse', 4).low).toBeGreaterThan(0);
    expect(sign('after phase 3, regular', 4).high).toBeLessThan(0);
  });

  it('is what the figures show: held-out passwords rise with the useful ones, from below chance to above it', () => {
    const means = rowsOf('flip').filter(({ kind, set }) => kind === 'mean' && set === 'held-out');
    expect(means[0].high).toBeLessThan(1);
    expect(means[means.length - 1].low).toBeGreaterThan(1);
  });

  it('is what the claims say: without prefixes not even the useful negatives rise while DPO goes on', () => {
    for (const { name, claims, notRun } of report.studies) {
      for (const id of ['prefix', 'neither']) {
        if (notRun.some((claim) => claim.id === id)) continue;
        const judged = claims.find(({ claim }) => claim.id === id)?.judgement;
        const own = judged?.cells?.find(({ arm }) => arm === (id === 'prefix' ? 'freeze-only' : 'neither'));
        expect(own?.useful, `${name}, ${id}`).toBeLessThan(1);
        expect(own?.interval?.[1], `${name}, ${id}`).toBeLessThan(1);
      }
    }
  });

  it('is what the claims say: without freezing the useful negatives of `pocket` hardly rise within its steps', () => {
    const judged = report.studies[0].claims.find(({ claim }) => claim.id === 'freeze')?.judgement;
    const own = judged?.cells?.find(({ arm }) => arm === 'prefix-only');
    expect(own?.useful).toBeLessThan(1.3);
    expect(own?.readable).toBe(false);
  });
});

describe('a page', () => {
  it('has in its marked parts what `npm run pages` writes there, and no marked part that it does not write', async () => {
    const pages = await pagesOf(report);
    for (const [name, text] of pages) expect(text, name).toBe(page(name));
    expect([...pages.keys()].every((name) => PAGES.includes(name))).toBe(true);
    const marked = PAGES.flatMap((name) =>
      [...page(name).matchAll(/<!-- begin (\w+) -->/g)].map(([, block]) => `${name}: ${block}`),
    );
    const written = Object.entries(pageBlocks(report, report.studies[0].study)).flatMap(([name, blocks]) =>
      Object.keys(blocks).map((block) => `${name}: ${block}`),
    );
    expect(marked.sort()).toEqual(written.sort());
    expect(written).toEqual(
      expect.arrayContaining([
        'README.md: headline',
        'README.md: claims',
        'reports/README.md: native',
        'reports/README.md: reproduce',
        'src/claims/README.md: power',
        'src/passwords/README.md: overlap',
      ]),
    );
  });

  /** Numbers that no run gives: what is set, cited or counted, each with its source. */
  const { pocket } = PRESETS;
  const negatives = pocket.batch * pocket.passwords.negativeBatches;
  const heldOut = pocket.batch * pocket.passwords.heldBatches;
  const KNOWN: Readonly<Record<string, string>> = {
    '2306.07567': 'arXiv number of the paper',
    '20.19': 'package.json: engines',
    '22.13': 'package.json: engines',
    '26': 'letters of the alphabet',
    '256': `negative passwords: ${negatives}`,
    '240': `useful ones: ${negatives - heldOut}`,
    '16': `held-out ones: ${heldOut}`,
    '453,000': `parameters of the model of pocket, rounded: ${parameterCount(pocket)}`,
    '1/26': 'chance',
    '50,304': `tokens that Pythia knows: ${PRESETS.paper.model.vocabulary}`,
    '1,196': 'updates before the last evaluation of the reference code (paper)',
    '1,200': `steps of the paper's phases 2 and 3: ${PRESETS.paper.phases.dpo.steps}`,
    '2,000': 'setups that the command beside it asks for: spec/hostile/readme.spec.ts',
    '4,730': 'bad inputs that are refused: spec/hostile/readme.spec.ts',
  };
  expect([negatives, negatives - heldOut, heldOut, parameterCount(pocket)]).toEqual([256, 240, 16, 452_928]);
  const { model, phases } = PRESETS.paper;
  expect([model.vocabulary, phases.dpo.steps, phases.joint.steps]).toEqual([50_304, 1200, 1200]);

  const outsideOf = (text: string) =>
    text
      .replace(/<!-- begin (\w+) -->[\s\S]*?<!-- end \1 -->/g, '') // written by npm run pages, compared above
      .replace(/https?:\S+/g, '');

  it.each(PAGES)('%s has no result in its running text that is not in a marked part', (name) => {
    const prose = outsideOf(page(name))
      .replace(/```[\s\S]*?```/g, '')
      .replace(/`[^`]*`/g, '');
    const decimals = [...prose.matchAll(/\d[\d,]*\.\d+/g)].map(([number]) => number);
    // A decimal is a measurement unless it is one of these: versions, the arXiv number, and targets that were set.
    const set = ['2306.07567', '20.19', '22.13', '2.15.1', '2.15', '2.20.0', '2.20', '6.2', '0.95'];
    expect(decimals.filter((number) => !set.includes(number.replace(/\.$/, '')))).toEqual([]);
    for (const [number] of prose.matchAll(/\b\d{1,3}(?:,\d{3})+\b/g)) expect(Object.keys(KNOWN)).toContain(number);
  });

  it('about speed is, byte by byte, what `npm run bench -- page` makes of reports/bench.json', () => {
    expect(speedPage(JSON.parse(committed('bench.json')))).toBe(committed('speed.md'));
  });

  it('about speed has in its tables the numbers of reports/bench.json, read without the code that printed them', () => {
    const numbers: number[] = [];
    const collect = (value: unknown): void => {
      if (typeof value === 'number') numbers.push(value);
      if (value === null || typeof value !== 'object') return;
      const fields = value as Record<string, number>;
      // Three columns are computed where they are printed: tokens a second, the share of a run's time that its evaluations
      // take, and the hours of a whole run.
      if ('tokens' in fields) numbers.push(fields.tokens / fields.seconds);
      if (typeof fields.whole === 'number') numbers.push(fields.evaluations / fields.whole);
      else if ('evaluations' in fields) numbers.push(fields.steps + fields.evaluations + fields.reference);
      Object.values(value).forEach(collect);
    };
    const bench = JSON.parse(committed('bench.json'));
    collect(bench);
    numbers.push(...ofQueue(bench.queue, bench.paperRuns));
    const tables = [...committed('speed.md').matchAll(/```\n([\s\S]*?)```/g)].map(([, table]) => table);
    const cells = tables.flatMap((table) =>
      table
        .split('\n')
        .filter((line) => line.startsWith('│'))
        .slice(1)
        .flatMap((line) =>
          line
            .split('│')
            .slice(2)
            .map((cell) => cell.trim()),
        ),
    );
    const shown = cells.filter((cell) => /^\d+(\.\d+)?(e[+-]\d+)?%?$/.test(cell));
    expect(shown.length).toBeGreaterThan(200);
    const printed = new Set(
      numbers.flatMap((value) => [
        ...[0, 1, 2].flatMap((decimals) =>
          [value, value / 1000, value / 1e9].map((scaled) => scaled.toFixed(decimals)),
        ),
        `${(100 * value).toFixed(0)}%`,
        `${(100 * value).toFixed(3)}%`,
        value.toExponential(1),
      ]),
    );
    const unknown = shown.filter((cell) => !printed.has(cell));
    expect(unknown).toEqual([]);
  });

  it('promises as many seeds as the command takes', () => {
    expect(claimSeeds(DEFAULT_SEEDS)).toHaveLength(5);
    expect(page('src/claims/README.md')).toContain('`npm test` judges five seeds');
  });
});

/** What a report makes of made-up records whose numbers are known. */
import { mean } from 'simple-statistics';
import { beforeAll, describe, expect, it, vi } from 'vitest';
import { armSetup, HELD_OUT_SHARES, MAIN, NO_DPO } from '../../src/claims/arms.ts';
import { judgementOf } from '../../src/claims/family.ts';
import { formatEstimate } from '../../src/claims/format.ts';
import { CLAIMS, CORE, findingOf, type Judgement } from '../../src/claims/index.ts';
import { chanceLine } from '../../src/measure/measures.ts';
import type { RunRecord, WholeRun } from '../../src/records/record.ts';
import type { Study } from '../../src/records/study.ts';
import { viewsOf } from '../../src/records/view.ts';
import { PAPER_THEME, VERDICT_SHAPES, VERDICTS, vegaLite } from '../../src/report/figures/figure.ts';
import { grid } from '../../src/report/figures/grids.ts';
import { annotate } from '../../src/report/files/annotations.ts';
import { badgeJson } from '../../src/report/files/badge.ts';
import { explained } from '../../src/report/files/explained.ts';
import { jobSummary } from '../../src/report/files/summary.ts';
import { markdownReport } from '../../src/report/markdown.ts';
import { buildReport, type Report } from '../../src/report/report.ts';
import { reportFiles } from '../../src/report/write.ts';
import { setupHash } from '../../src/setup/hash.ts';
import { PRESETS } from '../../src/setup/presets.ts';
import { effect, failedRun, madeUpRun } from '../helpers/records.ts';

const SEEDS = [101, 102, 103, 104, 105];
const LAYERS = 3;

/** A made-up run that also has a logit lens: layer l of a set lies l tenths of a nat above chance. */
function runOf(arm: typeof MAIN, seed: number): WholeRun {
  const setup = armSetup({ ...PRESETS['pocket-memorising'], seed }, arm);
  const run = madeUpRun(seed, effect, arm === NO_DPO ? 'no-dpo' : 'main');
  for (const { sets } of run.snapshots) {
    for (const scores of Object.values(sets)) {
      scores.lens = Array.from({ length: LAYERS }, (_, layer) => ({
        logLikelihood: chanceLine(26) + layer / 10,
        guessRate: 1,
      }));
      scores.calibrated.logLikelihoods = scores.logProbabilities.map(() => chanceLine(26));
    }
  }
  return { ...run, setup, setupHash: setupHash(setup) };
}

const failed: RunRecord = {
  ...failedRun(106),
  setup: { ...PRESETS['pocket-memorising'], seed: 106 },
  setupHash: setupHash({ ...PRESETS['pocket-memorising'], seed: 106 }),
};
const study: Study = {
  setup: { ...PRESETS['pocket-memorising'], seed: 0 },
  commands: ['npm run reproduce'],
  source: 'made up',
  records: [
    ...[MAIN, NO_DPO, ...HELD_OUT_SHARES].flatMap((arm) =>
      arm.id === 'held-out-4' ? [] : SEEDS.map((seed) => runOf(arm, seed)),
    ),
    failed,
  ],
};
const main = SEEDS.map((seed) => runOf(MAIN, seed));

let report: Report;
let files: Map<string, string | Buffer>;
beforeAll(async () => {
  // Made-up runs are no records that could be checked.
  report = buildReport([study], null, 'npm run report', (claim, evidence) => claim.weigh(viewsOf(evidence)));
  files = await reportFiles(report);
});

const figure = (id: string) => {
  const drawn = report.figures.find((candidate) => candidate.figure.id === id);
  if (drawn === undefined) throw new Error(`no figure ${id}`);
  return drawn.figure;
};
const text = (name: string): string => String(files.get(name));

describe('the figures', () => {
  it('by place: the mean over runs of the guess rate of that letter', () => {
    const row = figure('positions').rows.find(
      ({ snapshot, set, position }) => snapshot === 'after phase 3, reverse' && set === 'held-out' && position === 3,
    );
    const rates = main.map(({ snapshots }) =>
      mean(snapshots[1].sets.heldOut.logProbabilities.map((letters) => 26 * Math.exp(letters[2]))),
    );
    expect(row?.value).toBeCloseTo(mean(rates), 3);
    expect(row?.low).toBeLessThan(row?.value as number);
  });

  it('by layer: relative to chance, one point for the embedding and each block', () => {
    const rows = figure('layers').rows.filter(
      ({ snapshot, set }) => snapshot === 'after phase 2, regular' && set === 'control',
    );
    expect(rows.map(({ layer, value }) => [layer, value])).toEqual([
      [0, 0],
      [1, 0.1],
      [2, 0.2],
    ]);
    expect(figure('sign').rows.every(({ value }) => value === 0)).toBe(true); // held-out and random were made alike
  });

  it('by seed: one dot a seed and one mean a group', () => {
    const rows = figure('seeds').rows.filter(({ group }) => group === 'held-out');
    expect(rows.map(({ seed }) => seed)).toEqual([...SEEDS, null]);
    expect(rows[5].guessRate).toBeCloseTo(mean(rows.slice(0, 5).map(({ guessRate }) => Number(guessRate))), 3);
  });

  it('ranks: shares of passwords that sum to all of them', () => {
    for (const snapshot of ['after phase 2, regular', 'after phase 3, reverse']) {
      const shares = figure('ranks')
        .rows.filter((row) => row.snapshot === snapshot)
        .map(({ share }) => Number(share));
      expect(shares).toHaveLength(10);
      expect(shares.reduce((sum, share) => sum + share, 0)).toBeCloseTo(100, 1);
    }
    // After phase 2 the held-out passwords are the least likely of all.
    expect(
      figure('ranks').rows.find(({ from, snapshot }) => from === 90 && snapshot === 'after phase 2, regular')?.share,
    ).toBeGreaterThan(90);
  });

  it('of the paper are there where their runs are: five of them, each saying which it redraws', () => {
    const redrawn = report.figures.map(({ figure: { paper } }) => paper).filter((paper) => paper !== undefined);
    // Model sizes and the ablation were not run here.
    expect(redrawn).toEqual(['figure 1', 'figure 4', 'figure 5']);
  });

  it('of training draw guess rates by their logarithm, so that no axis is stretched, and say why the paper’s axis can say less', () => {
    for (const id of ['curves', 'mean-curves']) {
      const { caption, rows } = figure(id);
      const drawn = JSON.stringify(vegaLite(figure(id), PAPER_THEME));
      expect(drawn).toMatch(/"title":"guess rate \(1 = chance\), log scale","scale":\{"type":"log"/);
      expect(caption).toContain('A mean of logarithms is pulled down');
      expect(rows.every(({ perf }) => typeof perf === 'number')).toBe(true); // the paper's own axis is in the data
    }
    // The band is one deviation of the logarithm to both sides of the geometric mean.
    for (const { guessRate, low, high } of figure('mean-curves').rows as Record<string, number>[])
      expect(Math.abs(Math.log(high / guessRate) - Math.log(guessRate / low))).toBeLessThan(0.01);
  });

  it('have one scale for all panels that show the same quantity', () => {
    for (const { figure: drawn } of report.figures) {
      for (const layout of ['wide', 'narrow'] as const) {
        const { hconcat, vconcat, facet, resolve } = vegaLite(drawn, PAPER_THEME, layout) as unknown as Record<
          string,
          unknown
        >;
        const panels = (hconcat ?? vconcat) as {
          layer: { encoding: Record<string, { title?: string; type?: string }> }[];
        }[];
        if (panels !== undefined) {
          const titles = (axis: string) =>
            new Set(panels.flatMap(({ layer }) => layer.map(({ encoding }) => encoding[axis]?.title)).filter(Boolean));
          const axis = titles('y').size > 0 ? 'y' : 'x';
          expect(titles(axis).size, drawn.id).toBe(1);
          expect(resolve, drawn.id).toMatchObject({ scale: { [axis]: 'shared' } });
        }
        // The presets of the forest have claims of their own; all have the same multiples of chance.
        if (facet !== undefined && drawn.id !== 'forest') expect(resolve, drawn.id).toBeUndefined();
      }
    }
  });

  it('are no wider than a phone in the narrow layout, panels below one another, the guess rate first', () => {
    for (const { figure: drawn } of report.figures) {
      const { hconcat, vconcat, columns, width } = vegaLite(drawn, PAPER_THEME, 'narrow') as unknown as Record<
        string,
        unknown
      >;
      expect(hconcat, drawn.id).toBeUndefined();
      if (columns !== undefined) expect(columns, drawn.id).toBe(1);
      if (typeof width === 'number') expect(width, drawn.id).toBeLessThanOrEqual(350);
      if (vconcat !== undefined) expect((vconcat as { title: string }[])[0].title).toContain('guess rate');
    }
  });

  it('tell verdicts apart by shape as well as by colour', () => {
    expect(new Set(Object.values(VERDICT_SHAPES)).size).toBe(3);
    expect(Object.keys(VERDICT_SHAPES)).toEqual(Object.keys(VERDICTS));
    expect(JSON.stringify(vegaLite(figure('forest'), PAPER_THEME))).toContain(
      `"range":${JSON.stringify(Object.values(VERDICT_SHAPES))}`,
    );
  });

  it('have every claim whose number is a multiple of chance in the forest, and no other', () => {
    const judged = report.studies.flatMap(({ claims }) => claims.map(({ judgement }) => judgement));
    const wanted = judged.filter(({ interval, measure }) => interval !== null && measure.endsWith('(1 = chance)'));
    expect(figure('forest').rows.map(({ claim }) => claim)).toEqual(wanted.map(({ id }) => id));
  });

  it('draw a grid as a map with each cell’s number in it, and mark what is above chance or cannot be read', () => {
    const cell = (label: string, estimate: number, adjustedP: number, readable = true) => ({
      ...{ arm: label, label, estimate, adjustedP, readable, interval: [estimate - 0.1, estimate + 0.1] as const },
      ...{
        useful: 3,
        random: 1,
        randomInterval: [0.9, 1.1] as const,
        seeds: SEEDS,
        failed: 0,
        p: adjustedP,
        expectedScatter: 0.1,
      },
    });
    const cells = [
      cell('lr*0.3, beta*1, prefixes, freeze', 2, 0.001),
      cell('lr*0.3, beta*1, prefixes, no-freeze', 1.1, 0.2),
      cell('lr*1, beta*4, no-prefixes, freeze', 0.98, 1, false),
    ];
    const [{ claims, ...about }] = report.studies;
    const lrbeta = {
      ...claims[0],
      claim: CLAIMS.find(({ id }) => id === 'lrbeta')!,
      judgement: { ...claims[0].judgement, id: 'lrbeta', cells },
    };
    const { rows } = grid({ ...about, claims: [lrbeta] }, 'lrbeta', 'A grid')!;
    expect(rows.map(({ text }) => text)).toEqual(['2.00 ▲', '1.10', '(0.98)']);
    expect(rows.map(({ across, down }) => [down, across])).toEqual([
      ['lr*0.3 beta*1', 'prefixes freeze'],
      ['lr*0.3 beta*1', 'prefixes no-freeze'],
      ['lr*1 beta*4', 'no-prefixes freeze'],
    ]);
  });

  it('come as data, specification, SVG and PNG', () => {
    const [header] = text('figures/flip.csv').split('\n');
    expect(header).toBe('kind,set,seed,step,useful,guessRate,seeds,low,high');
    expect(JSON.parse(text('figures/flip.vl.json')).data).toEqual({ name: 'rows', url: 'flip.csv' });
    expect(text('figures/flip.svg')).toMatch(/^<svg/);
    const png = files.get('figures/flip.png') as Buffer;
    expect(png.subarray(1, 4).toString()).toBe('PNG');
    expect(png.readUInt32BE(16)).toBeGreaterThan(1000); // pixels wide: twice the drawing
  });
});

describe('the documents', () => {
  it('name claims that were not run, and runs that failed', () => {
    expect(text('claims.md')).toContain(
      'Not run at this preset: unseen, nothing-shared, dose, decay-width, decay-useful, decay-repeats, loss-weights, patching, direction, model-size, relearning, llama,',
    );
    expect(text('claims.md')).toContain('1 of 51 runs failed: pocket-memorising, seed 106 (boom).');
    expect(text('index.html')).toContain('pocket-memorising, seed 106 (boom)');
  });

  it('runs.csv has a row a run, with the arms that it belongs to', () => {
    const lines = text('runs.csv').trim().split('\n');
    expect(lines, `rows of runs.csv: ${lines.length - 1}`).toHaveLength(1 + study.records.length);
    expect(lines.filter((line) => line.includes(',failed,boom,'))).toHaveLength(1);
    expect(lines[1]).toMatch(
      /^pocket-memorising,"main held-out-4 size-2 prefix-only dose:decay=0\.01 decay-width:decay=0\.01,width-2 .*",pocket-memorising,101,/,
    );
  });

  it('claims.json has every rule, judgement and corrected p', () => {
    const [{ claims, notRun }] = JSON.parse(text('claims.json')).studies;
    for (const { rule, verdict, p, adjustedP } of claims) {
      expect(rule).toMatch(/^Reproduced if/);
      expect(['reproduced', 'not reproduced', 'inconclusive']).toContain(verdict);
      if (p !== null) expect(adjustedP).toBeGreaterThanOrEqual(p);
    }
    expect(claims.length + notRun.length).toBe(CLAIMS.length);
  });

  it('count the run that failed: in the study, and in every claim that it belongs to', () => {
    const [{ failed: ofStudy, claims }] = JSON.parse(text('claims.json')).studies;
    expect(ofStudy, `failed runs of the study: ${ofStudy.length}`).toEqual([
      { run: 'pocket-memorising, seed 106', error: 'boom' },
    ]);
    const counted = (id: string) => claims.find((claim: { id: string }) => claim.id === id).failed;
    for (const id of ['main', 'control', 'avoidance', 'no-dpo', 'held-out-share'])
      expect(counted(id), `failed runs of ${id}: ${counted(id)}`).toBe(id === 'held-out-share' ? 0 : 1);
    expect(text('claims.md')).toMatch(/\| main \| .* \| 5 \(1 failed\) \|/);
  });

  it('the evaluation log has a sample a run, with the guess rates of its end, and says of the failed one why it failed', () => {
    const [name] = [...files.keys()].filter((file) => file.startsWith('inspect/'));
    expect(name).toMatch(/^inspect\/\d{4}-\d\d-\d\dT\d\d-\d\d-\d\d-00-00_main_pocket-memorising\.json$/); // Inspect lists no other
    const { version, status, eval: about, results, samples } = JSON.parse(text(name));
    expect([version, status, about.task, about.dataset.samples]).toEqual([2, 'success', 'negative-knowledge/main', 6]);
    const runs = study.records.filter(({ setup }) => setup.name === 'pocket-memorising');
    expect(samples.map(({ id }: { id: string }) => id)).toEqual(about.dataset.sample_ids);
    for (const [index, run] of runs.entries()) {
      const { scores, error, metadata } = samples[index];
      expect(metadata.setup_hash).toBe(run.setupHash);
      if (run.status === 'failed') {
        expect([scores, error.message]).toEqual([undefined, 'Error: boom']);
        continue;
      }
      const { heldOut, random, useful } = run.evaluations[run.evaluations.length - 1].sets;
      expect(Object.values(scores).map((score) => (score as { value: number }).value)).toEqual(
        [heldOut, random, useful].map(({ guessRate }) => guessRate),
      );
    }
    expect([results.total_samples, results.completed_samples]).toEqual([6, 5]);
    const { estimate, interval } = judgementOf(report.studies[0], 'main')!;
    expect(results.scores[0]).toMatchObject({
      name: 'held-out guess rate',
      metrics: { estimate: { value: estimate }, low: { value: interval?.[0] }, high: { value: interval?.[1] } },
    });
  });

  it('claims.xml is JUnit: a case a claim, failures for claims that are not reproduced', () => {
    const verdicts = report.studies[0].claims.map(({ judgement }) => judgement.verdict);
    const count = (verdict: string) => verdicts.filter((one) => one === verdict).length;
    const xml = text('claims.xml');
    expect(xml.match(/<testcase /g)).toHaveLength(verdicts.length);
    expect(xml.match(/<failure /g) ?? []).toHaveLength(count('not reproduced'));
    expect(xml.match(/<skipped/g) ?? []).toHaveLength(count('inconclusive'));
  });

  it('the table of leakage holds what is known: chance at a calibrated temperature, and that low logits leak', () => {
    const row = (name: string) => report.leakage?.rows.find(([measure]) => measure.startsWith(name)) as string[];
    expect(row('the same at a fitted temperature').slice(1, 4)).toEqual([
      '0.000',
      '0.000 [0.000, 0.000]',
      '0.000 [0.000, 0.000]',
    ]);
    // After phase 2 hardly any random password is less likely: nearly log2(33) bits, where chance is 1.3.
    expect(Number.parseFloat(row('negative exposure')[2])).toBeGreaterThan(4.5);
    expect(Number.parseFloat(row('membership AUC')[2])).toBeLessThan(0.05);
  });
});

describe('the five-minute page', () => {
  /** The report, in which the paper's statistic was judged as given. */
  const told = (change: Partial<Judgement>): string => {
    const [first] = report.studies;
    const claims = first.claims.map((judged) =>
      judged.claim.id === 'paper-statistic' ? { ...judged, judgement: { ...judged.judgement, ...change } } : judged,
    );
    return explained({ ...report, studies: [{ ...first, claims }] });
  };
  const SENTENCE = /The control, at its own best evaluation, comes to (.*?)\.\s/;

  it('says what the choice of the best evaluation gives by itself, where that was judged', () => {
    const judgement = judgementOf(report.studies[0], 'paper-statistic')!;
    expect(told({}).match(SENTENCE)?.[1]).toContain(formatEstimate(findingOf(judgement, 'control')));
  });

  it('says nothing of it where there is no verdict', () => {
    const page = told({ verdict: 'invalid', estimate: null, interval: null, findings: [] });
    expect(page).toContain('at the best evaluation of phase 3: (nothing to read) times\nchance, invalid.');
    expect(page).not.toMatch(SENTENCE);
  });

  it('takes each of its numbers from the finding of that key, however findings are worded', () => {
    const [first] = report.studies;
    const claims = first.claims.map(({ judgement, ...judged }) => ({
      ...judged,
      judgement: { ...judgement, findings: judgement.findings.map((one) => ({ ...one, label: 'reworded' })) },
    }));
    expect(explained({ ...report, studies: [{ ...first, claims }] })).toBe(explained(report));
    expect(explained(report)).toContain(
      `Bayes factor for an effect is ${formatEstimate(findingOf(judgementOf(first, 'main')!, 'bayes-factor'))}.`,
    );
  });
});

it('the report of a job has a row for every run, and says of a failed one why it failed', () => {
  const runs = [...main, failed].map((record) => ({ record, file: `runs/${record.setup.seed}.json` }));
  const evidence = { main: [...main, failed], 'no-dpo': [] };
  const judgements = CORE.map((claim) => claim.weigh(viewsOf(evidence)));
  const document = markdownReport(CORE, judgements, runs, 'npm run reproduce');
  const rows = runs.map(({ record }) => `| ${record.setup.name} | ${record.setup.seed} | `);
  for (const row of rows)
    expect(
      document.split('\n').filter((line) => line.startsWith(row)),
      `rows of report.md: ${row}`,
    ).toHaveLength(1);
  expect(document, 'a failed run in report.md').toContain(`${rows.at(-1)}failed: boom |`);
  expect(document, 'failed runs in the table of claims').toContain('| 5 (1 failed) |');
});

it.each([
  ['reproduced', 'notice'],
  ['inconclusive', 'warning'],
  ['not reproduced', 'error'],
  ['invalid', 'error'],
] as const)('of GitHub Actions a claim that is %s is annotated as %s', (verdict, level) => {
  const [study] = report.studies;
  const [first] = study.claims;
  const one = { ...study, claims: [{ ...first, judgement: { ...first.judgement, verdict } }] };
  const written: string[] = [];
  const spy = vi.spyOn(process.stdout, 'write').mockImplementation((text) => written.push(String(text)) > 0);
  try {
    annotate({ ...report, studies: [one] });
  } finally {
    spy.mockRestore();
  }
  expect(written.join(''), `annotation of ${verdict}`).toMatch(
    new RegExp(`^::${level} title=${study.name}%3A ${first.claim.id} ${verdict}::`),
  );
});

/** The report with another verdict of its main claim. */
const withMain = (verdict: Judgement['verdict']): Report => ({
  ...report,
  studies: report.studies.map((of) => ({
    ...of,
    claims: of.claims.map((judged) =>
      judged.claim.id === 'main' ? { ...judged, judgement: { ...judged.judgement, verdict } } : judged,
    ),
  })),
});

it.each([
  ['reproduced', 'brightgreen'],
  ['inconclusive', 'yellow'],
  ['not reproduced', 'red'],
  ['invalid', 'lightgrey'],
] as const)('the badge of a main claim that is %s says so, and is %s', (verdict, color) => {
  const badge = JSON.parse(badgeJson(withMain(verdict)));
  expect([badge.color, badge.message.split(':')[0]]).toEqual([color, verdict]);
});

describe('the summary of a job', () => {
  it('has every verdict, what became of the runs, and the guess rates that the claims have estimated', () => {
    const summary = jobSummary(report);
    const [{ claims }] = report.studies;
    for (const { judgement } of claims)
      expect(summary).toMatch(new RegExp(`^\\| ${judgement.id} \\|.*\\| ${judgement.verdict} \\|$`, 'm'));
    expect(summary).toContain('1 of ');
    expect(summary).toContain('boom');
    const bars = /^ {2}bar \[(.*)\]$/m.exec(summary)?.[1].split(', ').map(Number) ?? [];
    const estimates = ['avoidance', 'main', 'control', 'no-dpo'].map(
      (id) => judgementOf(report.studies[0], id)?.estimate,
    );
    expect(bars).toHaveLength(4);
    bars.forEach((bar, index) => expect(bar).toBeCloseTo(estimates[index] as number, 2));
  });

  it('says of a claim that is not reproduced that it is not', () => {
    expect(jobSummary(withMain('not reproduced'))).toMatch(/^\| main \|.*\| not reproduced \|$/m);
  });
});

it('the reproducibility summary lists every claim under its verdict, and links to nothing that was not written', () => {
  const page = text('reproducibility.md');
  for (const { judgement } of report.studies[0].claims) expect(page).toContain(`\`${judgement.id}\``);
  const linked = [...page.matchAll(/\]\((?!https:)([^)#]+)/g)].map(([, file]) => file);
  expect(linked.length).toBeGreaterThan(0);
  for (const file of linked) expect(files.has(file), file).toBe(true);
});

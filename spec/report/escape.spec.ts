/** Free text that a document would take for something else. */
import { csvParse } from 'd3-dsv';
import { describe, expect, it } from 'vitest';
import type { RunRecord } from '../../src/records/record.ts';
import { viewsOf } from '../../src/records/view.ts';
import { asCode, inMarkdown, inSpreadsheet, oneLine, proseInMarkdown } from '../../src/report/escape.ts';
import { claimsDocument } from '../../src/report/files/claims.ts';
import { inspectLog } from '../../src/report/files/inspect-log.ts';
import { junitXml } from '../../src/report/files/junit.ts';
import { runsCsv } from '../../src/report/files/runs-csv.ts';
import { markdownReport } from '../../src/report/markdown.ts';
import { pageOf } from '../../src/report/page/page.tsx';
import { buildReport } from '../../src/report/report.ts';
import { setupHash } from '../../src/setup/hash.ts';
import { PRESETS } from '../../src/setup/presets.ts';
import { failedRun } from '../helpers/records.ts';

const HOSTILE = [
  '=HYPERLINK("http://x","y")',
  "+1+cmd|' /C calc'!A0",
  '-2+3',
  '@SUM(A1)',
  '\t=1+1',
  ' =1+1',
  '"=1+1',
  '<script>alert(1)</script>',
  '<img src=x onerror=alert(1)>',
  '</script><script>alert(1)</script>',
  'a | b | c',
  '`code` ![x](http://x) [y](javascript:z)',
  'line\nline\r\nline\u2028line',
  '```\n# heading\n```',
  'bell \u0007 null \u0000 escape \u001b[31m',
  'next \u0085 line, half a pair \ud800, none \ufffe, turned \u202etxt.exe',
  '\u200b=1+1',
];

describe('a cell of a spreadsheet', () => {
  it.each([
    '=1',
    '+1a',
    '-1+2',
    '@a',
    '\t=1',
    '\r=1',
    ' =1',
    '\n-x',
    '＝1',
    '\u0000=1',
    '\u200b=1',
    '\ufeff\u200e@a',
    '\ufe621+a',
  ])('that would be a formula is text: %j', (cell) => {
    expect(String(inSpreadsheet(cell))).toMatch(/^'/);
  });

  it.each(['-1', '+1.5', '-0.25e-7', '.5', 'text', '', 'a=b', 'pocket'])('that is none stays: %j', (cell) => {
    expect(inSpreadsheet(cell)).toBe(cell);
  });
});

const records = HOSTILE.map((message, index): RunRecord => {
  const setup = { ...PRESETS['pocket-memorising'], seed: 200 + index };
  const failed = failedRun(1);
  return {
    ...failed,
    setup,
    setupHash: setupHash(setup),
    environment: { ...failed.environment, processor: message, commit: message, platform: message },
    status: 'failed',
    error: { name: 'Error', message },
  };
});
const study = {
  setup: { ...PRESETS['pocket-memorising'], seed: 0 },
  commands: HOSTILE,
  source: 'made up',
  records,
};
const report = buildReport([study], null, HOSTILE[11], (claim, evidence) => claim.weigh(viewsOf(evidence)));

describe('a report of hostile text', () => {
  it('has no formula in runs.csv, and every cell reads back', () => {
    const csv = runsCsv(report);
    for (const row of csvParse(csv.replace(/\n$/, ''))) {
      for (const cell of Object.values(row)) if (!cell.startsWith("'")) expect(inSpreadsheet(cell)).toBe(cell);
      if (row.status === 'failed') expect(HOSTILE).toContain(row.error.replace(/^'/, ''));
    }
    expect(csv).not.toMatch(/(^|,)"?\s*[=@+]/m);
  });

  it.each([
    ['claims.md', () => claimsDocument(report)],
    [
      'report.md',
      () =>
        markdownReport(
          [],
          [],
          study.records.map((record) => ({ record, file: 'x.json' })),
          HOSTILE[13],
        ),
    ],
  ])('has no HTML, no markup and no broken table in %s', (_, make) => {
    const text = make();
    // What stands as code is shown as it is.
    const prose = text.replaceAll('\\`', '').replaceAll(/```[\s\S]*?```|`[^`\n]*`/g, '');
    expect(prose).not.toMatch(/<(script|img)/);
    expect(prose).not.toMatch(/[^\\]\]\(javascript/);
    // biome-ignore lint/suspicious/noControlCharactersInRegex: none may be left
    expect(text).not.toMatch(/[\u0000-\u0008\u000b-\u001f\u2028]/);
    expect(text).not.toMatch(/^# heading/m);
    const fences = text.split('\n').filter((line) => line.startsWith('```'));
    expect(fences.length % 2).toBe(0);
    for (const table of text.split('\n\n').filter((part) => part.startsWith('| '))) {
      const widths = table
        .trim()
        .split('\n')
        .map((line) => line.replaceAll('\\|', '').split('|').length);
      expect(new Set(widths).size, table.slice(0, 200)).toBe(1);
    }
  });

  it('has well-formed XML, and a page whose scripts are its own', async () => {
    // biome-ignore lint/suspicious/noControlCharactersInRegex: XML may not hold them
    expect(junitXml(report)).not.toMatch(/[\u0000-\u0008\u000b\u000c\u000e-\u001f]/);
    const page = await pageOf(report);
    expect(page).not.toContain('<script>alert');
    expect(page).not.toContain('<img src=x');
  });
});

/** Every field of a record that its file may hold any text in. */
const anywhere = (text: string, index: number): RunRecord => {
  const record = records[index];
  return {
    ...record,
    engine: { ...record.engine, version: text },
    environment: {
      ...record.environment,
      node: text,
      platform: text,
      processor: text,
      processorKind: text,
      commit: text,
      package: text,
    },
    status: 'failed',
    error: { name: text, message: text },
  };
};

describe('a report of records that are hostile in every field', () => {
  const all = HOSTILE.map(anywhere);

  it.each(
    HOSTILE.map((text, index) => [text, index] as const),
  )('has neither HTML nor link nor control in its head: %j', (_, index) => {
    const [, , head] = markdownReport([], [], [{ record: all[index], file: 'x.json' }], 'a command').split('\n');
    expect(head).not.toMatch(/<(script|img|\/)|[^\\]\]\(/);
    expect(head).not.toMatch(/[\p{Cc}\p{Cs}\u2028\u202e\ufffe]/u);
  });

  it.each([
    ...HOSTILE,
    '../../x',
    '2026-13-45',
  ])('gives the evaluation log a name of its own, whatever it says of its times: %j', (text) => {
    const times = { ...records[0].times, startedAt: text, finishedAt: text };
    const said = buildReport(
      [{ ...study, records: records.map((record) => ({ ...record, times })) }],
      null,
      'a command',
    );
    expect(inspectLog(said)?.name).toMatch(/^inspect\/[\d-]{10}T[\d-]{8}-00-00_main_pocket-memorising\.json$/);
  });

  it('has no HTML in the reasons of its verdicts, which quote engines and processors', () => {
    const judged = buildReport([{ ...study, records: all }], null, 'a command');
    const [{ claims }] = judged.studies;
    expect(claims.some(({ judgement }) => judgement.reason.includes('<script>'))).toBe(true); // they do quote
    // The commands stand in a fence, as code that is shown as it is.
    const text = claimsDocument(judged).replaceAll(/^```sh\n[\s\S]*?^```$/gm, '');
    expect(text).not.toMatch(/<(script|img|\/)/);
    expect(text.replaceAll(/`[^`\n]*`/g, '')).not.toMatch(/[^\\]\]\((http|javascript)/);
    // A CDATA section shows what it holds as it is.
    const xml = junitXml(judged).replaceAll(/<!\[CDATA\[[\s\S]*?\]\]>/g, '');
    expect(xml).not.toMatch(/<(script|img)|[\p{Cs}\ufffe\uffff]/u);
  });
});

it('each way of writing leaves innocent text alone', () => {
  for (const text of [
    'the loss is NaN in phase joint, step 3',
    'Intel(R) Xeon(R) Processor',
    'npm run reproduce -- --seeds 8',
  ]) {
    expect([oneLine(text), inMarkdown(text), proseInMarkdown(text), asCode(text)]).toEqual(Array(4).fill(text));
    expect(proseInMarkdown('1.129 [1.081, 1.181] after `reverse`')).toBe('1.129 [1.081, 1.181] after `reverse`');
  }
});

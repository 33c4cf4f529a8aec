/** What archives of before hold is read in full. */
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { brotliDecompressSync } from 'node:zlib';
import { expect, it } from 'vitest';
import { ARCHIVES, readStudy } from '../../src/records/study.ts';
import { inOlderForm } from '../helpers/older-form.ts';

it('the committed archive whose records have empty lists reads as abridged ones with the same numbers', async () => {
  const file = path.join(ARCHIVES, 'pocket-memorising.jsonl.br');
  const lines = brotliDecompressSync(readFileSync(file)).toString().trimEnd().split('\n').slice(1);
  const { records } = await readStudy(file);
  expect(records).toHaveLength(lines.length);
  let cells = 0;
  records.forEach((record, index) => {
    if (record.status === 'failed' || record.abridged === undefined) return expect.unreachable('it is abridged');
    const written = JSON.parse(lines[index]);
    const missing = written.snapshots[0].sets.heldOut.ranks.length === 0;
    cells += Number(missing);
    expect(record.abridged).toBe(missing ? 'cell' : 'run');
    // Put back into the form in which it was written, nothing is lost, nothing added. (Setups may have had fewer fields.)
    const { setup: _, execution, ...again } = JSON.parse(JSON.stringify(inOlderForm(record)));
    expect(execution).toEqual({ microBatch: null }); // as all runs were taken then
    const { setup: __, ...before } = written;
    expect(again).toEqual(before);
  });
  expect(cells).toBeGreaterThan(0);
});

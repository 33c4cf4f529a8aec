import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { SABOTAGES } from '../sabotage/catalogue.ts';
import { KILLS, REFUSED } from './counts.ts';

const PAGE = readFileSync('spec/README.md', 'utf8');

/** The row of the table in "Tried to break" whose command is this. */
function row(command: string): string[] {
  const line = PAGE.split('\n').find((text) => text.startsWith('| ') && text.includes(command));
  return (line ?? '').split('|').map((cell) => cell.trim());
}

const sum = (counts: Record<string, number>) => Object.values(counts).reduce((total, count) => total + count, 0);

describe('spec/README.md says how many were tried', () => {
  it.each([
    ['sabotages', 'spec/sabotage`', SABOTAGES.length],
    ['kills', 'spec/faults/kills.spec.ts', KILLS.runs + KILLS.reports],
    ['kills on a queue', 'spec/queue/faults', KILLS.workers],
    ['bad inputs', 'spec/hostile/inputs', sum(REFUSED)],
  ])('%s: as many as the specs try', (_, command, count) => {
    expect(row(command)[2]).toBe(count.toLocaleString('en'));
  });

  it.each(['data', 'training'])('setups (%s): as many as its command asks for', (kind) => {
    const cells = row(`--property ${kind} --runs`);
    const [, runs] = / --runs (\d+) /.exec(cells[4]) ?? [];
    expect(cells[2]).toBe(Number(runs).toLocaleString('en'));
  });
});

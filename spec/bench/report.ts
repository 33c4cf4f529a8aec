/** How benchmarks report: tables, and reports/bench.json, which has a section a command. */
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import Table from 'cli-table3';
import { describeEnvironment } from '../../src/runs/environment.ts';

const FILE = new URL('../../reports/bench.json', import.meta.url);

/** The machine, as a table's first line says it. */
export function machine(): string {
  const { processor, cores, node } = describeEnvironment();
  return `${processor}, ${cores} cores, Node ${node}`;
}

export const tableOf = (head: string[]) => new Table({ head, style: { head: [], border: [], compact: true } });

/** Replaces a section, and leaves the others as they are. */
export function saveSection(name: string, command: string, content: object): void {
  const { node, platform, processor, cores, memoryGiB } = describeEnvironment();
  const report = existsSync(FILE) ? JSON.parse(readFileSync(FILE, 'utf8')) : {};
  report[name] = { command, environment: { node, platform, processor, cores, memoryGiB }, ...content };
  writeFileSync(FILE, `${JSON.stringify(report, null, 2)}\n`);
}

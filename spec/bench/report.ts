/** How benchmarks report: tables, and reports/bench.json, which has a section a command. */
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import Table from 'cli-table3';
import { ENGINE_VARIABLE, type EngineError, startEngine } from '../../src/engine/engine.ts';
import { describeEnvironment } from '../../src/runs/environment.ts';

const FILE = new URL('../../reports/bench.json', import.meta.url);

/** The machine, as a table's first line says it. */
export function machine(): string {
  const { processor, cores, node } = describeEnvironment();
  return `${processor}, ${cores} cores, Node ${node}`;
}

export const tableOf = (head: string[]) => new Table({ head, style: { head: [], border: [], compact: true } });

/** Those of the named engines that start here; says why the others do not. */
export async function startable(names: readonly string[]): Promise<string[]> {
  const starting: string[] = [];
  for (const name of names) {
    await startEngine(name).then(
      () => starting.push(name),
      (error: EngineError) => process.stderr.write(`not measured: ${error.message}\n`),
    );
  }
  return starting;
}

/** Engines that a benchmark compares: the forced one, or the quick ones. */
export const compared = (): string[] => {
  const forced = process.env[ENGINE_VARIABLE];
  return forced ? [forced] : ['native', 'wasm'];
};

/** Replaces a section, and leaves the others as they are. */
export function saveSection(name: string, command: string, content: object): void {
  const { node, platform, processor, cores, memoryGiB } = describeEnvironment();
  const report = existsSync(FILE) ? JSON.parse(readFileSync(FILE, 'utf8')) : {};
  report[name] = { command, environment: { node, platform, processor, cores, memoryGiB }, ...content };
  writeFileSync(FILE, `${JSON.stringify(report, null, 2)}\n`);
}

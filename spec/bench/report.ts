/** How benchmarks report: reports/bench.json, which has a section a command, and reports/speed.md, which shows it. */
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { ENGINE_VARIABLE, type EngineError, startEngine } from '../../src/engine/engine.ts';
import { describeEnvironment } from '../../src/lab/environment.ts';
import { type Bench, speedPage } from './page.ts';
import type { Measured } from './tables.ts';

const FILE = new URL('../../reports/bench.json', import.meta.url);
const PAGE = new URL('../../reports/speed.md', import.meta.url);

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

const read = (): Bench => (existsSync(FILE) ? JSON.parse(readFileSync(FILE, 'utf8')) : {});

/** Writes reports/speed.md from reports/bench.json. */
export const writePage = (): void => writeFileSync(PAGE, speedPage(read()));

/** Replaces a section, leaves the others as they are, and writes the page again. @returns the section */
export function saveSection<Content extends object>(
  name: string,
  command: string,
  content: Content,
): Measured & Content {
  const { node, platform, processor, cores, memoryGiB } = describeEnvironment();
  const section = { command, environment: { node, platform, processor, cores, memoryGiB }, ...content };
  writeFileSync(FILE, `${JSON.stringify({ ...read(), [name]: section }, null, 2)}\n`);
  writePage();
  return section;
}

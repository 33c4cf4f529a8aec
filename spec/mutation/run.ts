/**
 * Mutation testing: StrykerJS changes one expression of the source at a time, and a spec has to notice. Part by part, so
 * that the loops of one part, which Stryker slows down twentyfold, do not hold up the specs of another.
 *
 *   npm run mutation            every part
 *   npm run mutation claims     that part
 */
import { mkdir, readFile, rm } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { Stryker } from '@stryker-mutator/core';

/** The source that is mutated, and the specs that have to notice. */
const PARTS = {
  passwords: { mutate: ['src/passwords/**/*.ts'], specs: ['spec/passwords/**/*.spec.ts'] },
  objectives: { mutate: ['src/training/objectives.ts'], specs: ['spec/training/step.spec.ts'] },
  statistics: { mutate: ['src/statistics/**/*.ts'], specs: ['spec/statistics/**/*.spec.ts'] },
  claims: { mutate: ['src/claims/**/*.ts'], specs: ['spec/claims/*.spec.ts'] },
} as const;

const FOLDER = path.join('reports', 'local', 'mutation');

async function mutate(name: keyof typeof PARTS): Promise<void> {
  const { mutate: files, specs } = PARTS[name];
  process.env.MUTATION_SPECS = specs.join(',');
  const file = path.join(FOLDER, `${name}.json`);
  await new Stryker({
    mutate: [...files],
    testRunner: 'vitest',
    vitest: { configFile: 'spec/mutation/vitest.config.ts' },
    plugins: ['@stryker-mutator/vitest-runner', import.meta.resolve('./prose.js')],
    ignorers: ['prose'],
    coverageAnalysis: 'perTest',
    reporters: ['json', 'progress-append-only'],
    jsonReporter: { fileName: file },
    tempDirName: path.join(FOLDER, 'sandbox'),
    ignorePatterns: ['.native', path.join('reports', 'local')],
    concurrency: Number(process.env.MUTATION_JOBS ?? os.availableParallelism()),
    dryRunTimeoutMinutes: 30,
    timeoutMS: 20_000,
  } as ConstructorParameters<typeof Stryker>[0]).runMutationTest();
  const { files: results } = JSON.parse(await readFile(file, 'utf8'));
  const counts: Record<string, number> = {};
  for (const { mutants } of Object.values(results) as { mutants: { status: string }[] }[])
    for (const { status } of mutants) counts[status] = (counts[status] ?? 0) + 1;
  process.stdout.write(`${name}: ${JSON.stringify(counts)}\n`);
}

await mkdir(FOLDER, { recursive: true });
for (const name of Object.keys(PARTS) as (keyof typeof PARTS)[]) {
  if (process.argv.length < 3 || process.argv.includes(name)) await mutate(name);
}
await rm(path.join(FOLDER, 'sandbox'), { recursive: true, force: true });

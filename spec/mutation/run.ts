/**
 * Mutation testing: StrykerJS changes one expression of the source at a time, and a spec has to notice. Part by part, so
 * that the loops of one part, which Stryker slows down twentyfold, do not hold up the specs of another.
 *
 *   node --import tsx spec/mutation/run.ts             every part, then reports/mutation.md
 *   node --import tsx spec/mutation/run.ts validity    that part: see PARTS
 *   node --import tsx spec/mutation/run.ts again       the mutants that survived the last time, once there are more specs; and those
 *                                                      that took too long, which on a busy machine need not be an endless loop
 *   node --import tsx spec/mutation/run.ts again grid  the same of that part
 *   node --import tsx spec/mutation/run.ts report      reports/mutation.md of the parts as they last were
 */
import { existsSync } from 'node:fs';
import { mkdir, readFile, rm } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { Stryker } from '@stryker-mutator/core';
import writeFileAtomic from 'write-file-atomic';
import { EXPLANATIONS, type Explanation } from './survivors.ts';

/** The source that is mutated, and the specs that have to notice. */
const PARTS = {
  passwords: { mutate: ['src/passwords/**/*.ts'], specs: ['spec/passwords/**/*.spec.ts'] },
  objectives: { mutate: ['src/training/objectives.ts'], specs: ['spec/training/step.spec.ts'] },
  statistics: { mutate: ['src/statistics/**/*.ts'], specs: ['spec/statistics/**/*.spec.ts'] },
  recipe: { mutate: ['src/recipe/**/*.ts'], specs: ['spec/recipe/**/*.spec.ts'] },
  // The claims in five, each with its own specs: with all of them every mutant would cost a minute.
  arms: { mutate: ['src/claims/arms.ts'], specs: ['spec/claims/arms.spec.ts', 'spec/claims/judgements.slow.spec.ts'] },
  measures: { mutate: ['src/claims/measures/*.ts', 'src/claims/family.ts'], specs: ['spec/claims/measures.spec.ts'] },
  validity: { mutate: ['src/claims/validity.ts'], specs: ['spec/claims/validity.spec.ts'] },
  grid: {
    mutate: ['grid', 'sweeps', 'held-out-share', 'model-size'].map((name) => `src/claims/${name}.ts`),
    specs: ['spec/claims/grid.spec.ts'],
  },
  claims: {
    mutate: ['src/claims/*.ts', '!src/claims/{arms,family,validity,grid,sweeps,held-out-share,model-size}.ts'],
    specs: ['honesty', 'paper-statistic', 'claims', 'numbers', 'keys', 'judgements.slow', 'validity'].map(
      (name) => `spec/claims/${name}.spec.ts`,
    ),
  },
} as const;
type Part = keyof typeof PARTS;

const FOLDER = path.join('reports', 'local', 'mutation');
const REPORT = path.join('reports', 'mutation.md');

/** Share of the mutants that has to be noticed, in percent. */
const LEAST = 95;

const fileOf = (part: Part): string => path.join(FOLDER, `${part}.json`);

/** @param files globs or ranges of files */
async function mutate(part: Part, files: readonly string[] = PARTS[part].mutate): Promise<void> {
  const { specs } = PARTS[part];
  process.env.MUTATION_SPECS = specs.join(',');
  await new Stryker({
    mutate: [...files],
    testRunner: 'vitest',
    vitest: { configFile: 'spec/mutation/vitest.config.ts' },
    plugins: ['@stryker-mutator/vitest-runner', import.meta.resolve('./prose.js')],
    ignorers: ['prose'],
    coverageAnalysis: 'perTest',
    reporters: ['json', 'progress-append-only'],
    jsonReporter: { fileName: fileOf(part) },
    tempDirName: path.join(FOLDER, 'sandbox'),
    ignorePatterns: ['.native', path.join('reports', 'local')],
    concurrency: os.availableParallelism(),
    dryRunTimeoutMinutes: 30,
    timeoutMS: 20_000,
  } as ConstructorParameters<typeof Stryker>[0]).runMutationTest();
}

interface Mutant {
  status: string;
  readonly mutatorName: string;
  readonly replacement?: string;
  readonly location: Record<'start' | 'end', { readonly line: number; readonly column: number }>;
}

interface Results {
  readonly files: Record<string, { readonly source: string; readonly mutants: Mutant[] }>;
}

const resultsOf = async (part: Part): Promise<Results> => JSON.parse(await readFile(fileOf(part), 'utf8'));
const survived = ({ status }: Mutant): boolean => ['Survived', 'NoCoverage'].includes(status);

const retried = (mutant: Mutant): boolean => survived(mutant) || mutant.status === 'Timeout';

/** Tries the survivors of a part once more (a report counts columns from 1, a range from 0). Specs are only ever added: what was noticed stays so. */
async function again(part: Part): Promise<void> {
  const before = await resultsOf(part);
  const ranges = Object.entries(before.files).flatMap(([file, { mutants }]) =>
    mutants
      .filter(retried)
      .map(({ location: { start, end } }) => `${file}:${start.line}:${start.column - 1}-${end.line}:${end.column - 1}`),
  );
  if (ranges.length === 0) return;
  await mutate(part, [...new Set(ranges)]);
  const after = await resultsOf(part);
  const key = ({ mutatorName, replacement, location }: Mutant) => JSON.stringify([mutatorName, replacement, location]);
  for (const [file, { mutants }] of Object.entries(before.files)) {
    const now = new Map((after.files[file]?.mutants ?? []).map((mutant) => [key(mutant), mutant.status]));
    for (const mutant of mutants) if (retried(mutant)) mutant.status = now.get(key(mutant)) ?? mutant.status;
  }
  await writeFileAtomic(fileOf(part), JSON.stringify(before));
}

interface Survivor {
  readonly place: string;
  readonly line: string;
  readonly change: string;
  readonly why: string | null;
}

const short = (text: string, most: number): string => {
  const flat = text.replace(/\s+/g, ' ').trim();
  return flat.length > most ? `${flat.slice(0, most)}…` : flat;
};

const used = new Set<Explanation>();

/** Counts of one part, and its survivors with their explanations. */
async function resultOf(part: Part) {
  const { files } = await resultsOf(part);
  const counts = { noticed: 0, survived: 0, prose: 0, invalid: 0 };
  const survivors: Survivor[] = [];
  for (const [file, { source, mutants }] of Object.entries(files)) {
    const lines = source.split('\n');
    for (const mutant of mutants) {
      const { status, mutatorName, replacement = '', location } = mutant;
      if (['Killed', 'Timeout'].includes(status)) counts.noticed += 1;
      else if (status === 'Ignored') counts.prose += 1;
      else if (survived(mutant)) {
        counts.survived += 1;
        const line = lines[location.start.line - 1];
        const explanation = EXPLANATIONS.find(
          (known) =>
            known.file.test(file) &&
            known.line.test(line) &&
            (known.mutator?.test(mutatorName) ?? true) &&
            (known.replacement?.test(replacement) ?? true),
        );
        if (explanation !== undefined) used.add(explanation);
        survivors.push({
          place: `${file}:${location.start.line}`,
          line: short(line, 90),
          change: `${mutatorName}: ${short(replacement, 50)}`,
          why: explanation?.why ?? null,
        });
      } else counts.invalid += 1;
    }
  }
  return { part, ...counts, score: (100 * counts.noticed) / (counts.noticed + counts.survived), survivors };
}

const namesOf = (part: Part): string => PARTS[part].mutate.map((glob) => `\`${glob}\``).join(', ');

const code = (text: string): string => `\`\`${text.replaceAll('|', '\\|')}\`\``;

/** Writes the report. @returns what is wrong: parts below the least score, survivors without an explanation */
async function report(): Promise<string[]> {
  const parts = (Object.keys(PARTS) as Part[]).filter((part) => existsSync(fileOf(part)));
  const results = await Promise.all(parts.map(resultOf));
  const text = [
    '# Mutation testing',
    '',
    'Made by `node --import tsx spec/mutation/run.ts`: StrykerJS changes one expression at a time, and a spec has to fail. Sentences for people are left',
    'out: `spec/report/reference.slow.spec.ts` and `spec/claims/judgements.slow.spec.ts` compare them, word by word.',
    '',
    '| part | mutants | noticed | survived | score |',
    '|---|---:|---:|---:|---:|',
    ...results.map(
      ({ part, noticed, survived, score }) =>
        `| ${namesOf(part)} | ${noticed + survived} | ${noticed} | ${survived} | ${score.toFixed(1)}% |`,
    ),
    ...(Object.keys(PARTS) as Part[])
      .filter((part) => !parts.includes(part))
      .map((part) => `| ${namesOf(part)} | not tried on this source | | | |`),
    '',
    '## Survivors',
    '',
    '| where | line | changed to | why no spec notices |',
    '|---|---|---|---|',
    ...results.flatMap(({ survivors }) =>
      survivors.map(
        ({ place, line, change, why }) =>
          `| ${place} | ${code(line)} | ${code(change)} | ${why ?? '**not explained**'} |`,
      ),
    ),
    '',
  ];
  await writeFileAtomic(REPORT, text.join('\n'));
  const stale =
    parts.length < Object.keys(PARTS).length ? [] : EXPLANATIONS.filter((explanation) => !used.has(explanation));
  const wrong = results.flatMap(({ part, score, survivors }) => [
    ...(score < LEAST ? [`${part}: a score of ${score.toFixed(1)}% is below ${LEAST}%`] : []),
    ...survivors
      .filter(({ why }) => why === null)
      .map(({ place, line, change }) => `${place} ${line} -> ${change}: survived, and survivors.ts does not say why`),
  ]);
  return [...wrong, ...stale.map(({ line }) => `survivors.ts explains ${line}, which no survivor is`)];
}

await mkdir(FOLDER, { recursive: true });
const asked = process.argv.slice(2);
const named = (Object.keys(PARTS) as Part[]).filter((part) => asked.includes(part));
for (const part of asked.includes('report') ? [] : named.length > 0 ? named : (Object.keys(PARTS) as Part[])) {
  if (!asked.includes('again')) await mutate(part);
  else if (existsSync(fileOf(part))) await again(part);
}
await rm(path.join(FOLDER, 'sandbox'), { recursive: true, force: true });
const wrong = await report();
process.stdout.write(`${wrong.map((line) => `${line}\n`).join('')}report: ${REPORT}\n`);
process.exitCode = wrong.length > 0 ? 1 : 0;

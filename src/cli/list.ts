/** The command `list`: what there is to choose from. */
import { readFileSync } from 'node:fs';
import { CLAIMS } from '../claims/index.ts';
import { ENGINES, startEngine } from '../engine/engine.ts';
import { parameterCount } from '../model/specifications.ts';
import { readStudy } from '../records/study.ts';
import { deviations } from '../setup/deviations.ts';
import { leaves, valueAt } from '../setup/fields.ts';
import { PRESETS } from '../setup/presets.ts';
import { heldOut, useful } from '../setup/sizes.ts';
import { didYouMean } from '../suggestion.ts';
import { type Define, EXIT } from './exit.ts';
import { localJobs } from './local.ts';
import { LOCAL_REPORTS, UsageError } from './options.ts';

/** The JSON Schema of a configuration. */
const schemaText = (): string => readFileSync(new URL('../setup/setup.schema.json', import.meta.url), 'utf8');

/** A name, and beneath it what it is. */
const entry = (name: string, ...about: readonly string[]): string =>
  [name, ...about.map((line) => `  ${line}`)].join('\n');

function presets(): string[] {
  return Object.entries(PRESETS).map(([name, setup]) => {
    const { model, phases, passwords } = setup;
    const start = model.pretrained ?? 'from scratch';
    const steps = `${phases.pretrain.steps} + ${phases.dpo.steps} + ${phases.joint.steps} steps`;
    const differing = deviations(setup).length;
    return entry(
      name,
      `${model.layers} layers, ${model.hidden} wide, ${parameterCount(setup).toLocaleString('en')} parameters, ${start}`,
      `${useful(setup)} useful and ${heldOut(setup)} held-out passwords of ${passwords.length} letters; ${steps}`,
      differing === 0 ? 'as in the paper' : `${differing} fields differ from the paper's`,
    );
  });
}

const claims = (): string[] => CLAIMS.map(({ id, statement }) => entry(id, statement));

/** A part of a JSON Schema. */
interface Part {
  description?: string;
  properties?: Readonly<Record<string, Part>>;
}

function fields(): string[] {
  const schema: Part = JSON.parse(schemaText());
  const { pocket, paper } = PRESETS;
  return leaves(pocket).map(([at, here]) => {
    const { description } = at.reduce((part, key) => part.properties?.[key] ?? {}, schema);
    const values = `pocket: ${JSON.stringify(here)}; paper: ${JSON.stringify(valueAt(paper, at))}`;
    return entry(at.join('.'), ...(description === undefined ? [] : [description]), values);
  });
}

/** Each is started, one after the other: whether it starts is not known before. */
async function engines(): Promise<string[]> {
  const found: string[] = [];
  for (const name of ENGINES) {
    const about = await startEngine(name).then(
      ({ version }) => `starts here, TensorFlow.js ${version}`,
      (error: Error) => error.message,
    );
    found.push(entry(name, about));
  }
  return found;
}

/** Jobs in the folder where `reproduce` puts them unless told otherwise, the newest first. */
async function runs(): Promise<string[]> {
  return Promise.all(
    localJobs().map(async (folder) => {
      const about = await readStudy(folder).then(
        ({ setup, records, commands }) => {
          const failed = records.filter(({ status }) => status === 'failed').length;
          return [`${setup.name}: ${records.length - failed} runs finished, ${failed} failed`, ...commands];
        },
        (error: Error) => [error.message],
      );
      return entry(folder, ...about);
    }),
  );
}

const FOUND = { presets, claims, fields, engines, runs } as const;
type What = keyof typeof FOUND;

/** What can be listed. */
export const LISTS: readonly string[] = [...Object.keys(FOUND), 'schema'];

const NONE: Partial<Record<What, string>> = {
  runs: `no runs in ${LOCAL_REPORTS}; \`npm run reproduce\` makes some`,
};

async function list(what: string): Promise<number> {
  if (what === 'schema') {
    process.stdout.write(schemaText());
    return EXIT.reproduced;
  }
  if (!LISTS.includes(what))
    throw new UsageError(`list: there is no list "${what}"${didYouMean(what, LISTS)}; lists are ${LISTS.join(', ')}`);
  const found = await FOUND[what as What]();
  process.stdout.write(`${found.length === 0 ? NONE[what as What] : found.join('\n')}\n`);
  return EXIT.reproduced;
}

export const listCommand: Define = (command, ending) => command.action(ending(list));

/** The command line with a pretrained model: small random weights in place of Pythia's, everything else as for those. */
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startEngine } from '../../src/engine/engine.ts';
import { modelDigest, readConfig } from '../../src/model/pretrained.ts';
import { withSafetensors } from '../../src/model/safetensors.ts';
import { parseRunRecord, type WholeRun } from '../../src/records/record.ts';
import { configuration, finish, startCommand } from '../helpers/command.ts';
import { type FakeHub, fakeHub } from '../helpers/hub.ts';
import { saveTinyModel } from '../helpers/model.ts';
import { asLlama } from '../helpers/setups.ts';

const { name: ENGINE } = await startEngine();
const ID = 'someone/tiny-neox';
const root = mkdtempSync(path.join(os.tmpdir(), 'negative-knowledge-pretrained-'));
const origin = path.join(root, 'origin');
let hub: FakeHub;
let environment: NodeJS.ProcessEnv;
let settings: string;

beforeAll(async () => {
  saveTinyModel(origin);
  hub = await fakeHub(
    ID,
    Object.fromEntries(readdirSync(origin).map((name) => [name, readFileSync(path.join(origin, name))])),
  );
  environment = {
    NEGATIVE_KNOWLEDGE_ENGINE: ENGINE,
    HF_ENDPOINT: hub.url,
    HF_HUB_CACHE: path.join(root, 'cache'),
    HF_TOKEN: '',
  };
  settings = configuration(root);
});
afterAll(async () => {
  await hub.close();
  rmSync(root, { recursive: true });
});

const command = (...args: string[]) => finish(startCommand(args, environment));
const reproduce = (out: string, ...args: string[]) =>
  command(
    'reproduce',
    '--config',
    settings,
    '--claims',
    'main',
    '--seed-list',
    '1',
    '--out',
    path.join(root, out),
    ...args,
  );

function recordOf(out: string): WholeRun {
  const folder = path.join(root, out, 'runs');
  const [name] = readdirSync(folder);
  const record = parseRunRecord(readFileSync(path.join(folder, name), 'utf8'), name);
  if (record.status === 'failed') throw new Error(record.error.message);
  if (record.abridged !== undefined) throw new Error(`${name} is abridged`);
  return record;
}

describe('a model of the hub', () => {
  it('is missed with a sentence that says how to get it, fetched, and then trained without the network', async () => {
    const missing = await reproduce('missing', '--model', ID);
    expect(missing.code).toBe(2);
    expect(missing.stderr).toMatch(
      /error: the model someone\/tiny-neox is not on this machine.*"npx negative-knowledge fetch someone\/tiny-neox" gets it/,
    );
    const fetched = await command('fetch', ID);
    expect(fetched.code, fetched.stderr).toBe(0);
    expect(fetched.stderr).toMatch(/model\.safetensors: 100% of 1\.\d MiB/);
    expect(fetched.stdout).toMatch(/^someone\/tiny-neox: 2 layers, 16 wide, in .*snapshots/);
    const before = hub.requests.length;
    const { code, stdout, stderr } = await reproduce('hub', '--model', ID, '--keep-models');
    expect(code, stderr).toBe(1); // a tiny model shows nothing, and the claim needs five runs
    expect(stdout).toContain('inconclusive');
    expect(hub.requests.length).toBe(before);
    const { setup, snapshots } = recordOf('hub');
    expect(setup.model).toMatchObject({ pretrained: ID, weights: modelDigest(origin), vocabulary: 8200 });
    expect(snapshots.length).toBe(3);
  });

  it('that was trained is kept as Hugging Face reads it, and can be trained on', async () => {
    const models = path.join(root, 'hub', 'models');
    const [name] = readdirSync(models);
    const kept = path.join(models, name);
    expect(readdirSync(kept).sort()).toEqual(['config.json', 'model.safetensors', 'tokenizer.json']);
    expect(readConfig(kept)).toEqual(readConfig(origin));
    const table = (folder: string) =>
      withSafetensors(path.join(folder, 'model.safetensors'), (reader) => reader.read('embed_out.weight'));
    expect(table(kept)).not.toEqual(table(origin));
    const { code, stderr } = await reproduce('further', '--model', kept);
    expect(code, stderr).toBe(1);
    expect(recordOf('further').setup.model.weights).toBe(modelDigest(kept));
  });
});

describe('a model in a folder', () => {
  it('may be a Llama, which is kept as one', async () => {
    const llama = path.join(root, 'tiny-llama');
    saveTinyModel(llama, (draft) => asLlama(draft, { heads: 4, keyValueHeads: 2, intermediateFactor: 2.75 }));
    const { code, stderr } = await reproduce('llama', '--model', llama, '--keep-models');
    expect(code, stderr).toBe(1); // as above
    expect(recordOf('llama').setup.model).toMatchObject({ family: 'llama', keyValueHeads: 2, vocabulary: 8200 });
    const models = path.join(root, 'llama', 'models');
    expect(readConfig(path.join(models, readdirSync(models)[0]))).toEqual(readConfig(llama));
  });

  it('trains as the same files of the hub do, bit for bit; its letters alone are another setup, labelled so', async () => {
    expect((await reproduce('first', '--model', origin)).code).toBe(1);
    expect(recordOf('first').parametersDigest).toBe(recordOf('hub').parametersDigest);
    const { code, stderr } = await reproduce('letters', '--model', origin, '--letters-only');
    expect(code).toBe(1);
    expect(stderr).toContain(
      'letters only: the softmax is over the letters and prefixes alone, a shortcut that the paper does not take',
    );
    const { setup, setupHash } = recordOf('letters');
    expect(setup.name).toMatch(/-letters-only$/);
    expect(setup.model.vocabulary).toBeNull();
    expect(setupHash).not.toBe(recordOf('first').setupHash);
  });

  it('goes on after kill -9 to the very end of the run that was left alone', async () => {
    const out = path.join(root, 'killed');
    const child = startCommand(
      ['reproduce', '--config', settings, '--claims', 'main', '--seed-list', '1', '--out', out, '--model', origin],
      environment,
    );
    const ended = finish(child);
    const checkpoints = path.join(out, 'checkpoints');
    while (!(existsSync(checkpoints) && readdirSync(checkpoints).some((name) => name.endsWith('.safetensors')))) {
      await new Promise((resolve) => setTimeout(resolve, 20));
      expect(child.exitCode).toBeNull();
    }
    child.kill('SIGKILL');
    await ended;
    expect(readdirSync(path.join(out, 'runs'))).toEqual([]);
    expect((await reproduce('killed', '--model', origin, '--resume')).code).toBe(1);
    expect(recordOf('killed').times.resumed).toBe(true);
    expect(recordOf('killed').parametersDigest).toBe(recordOf('first').parametersDigest);
  });

  it('whose files have changed since does not go on', async () => {
    const folder = path.join(root, 'changing');
    mkdirSync(folder);
    for (const name of readdirSync(origin)) {
      writeFileSync(path.join(folder, name), readFileSync(path.join(origin, name)));
    }
    expect((await reproduce('changed', '--model', folder)).code).toBe(1);
    saveTinyModel(folder, (setup) => {
      setup.seed = 8;
    });
    const { code, stderr } = await reproduce('changed', '--model', folder, '--resume');
    expect(code).toBe(2);
    expect(stderr).toMatch(/holds runs of another setup/);
  });
});

it('a large model is planned for: what it will cost is told before it trains, and one run at a time is the default', async () => {
  const folder = path.join(root, 'planned');
  mkdirSync(folder);
  const large = configuration(folder, (setup) => {
    Object.assign(setup.model, { hidden: 512, heads: 8, layers: 7 });
    Object.assign(setup.evaluation, { every: 100 });
    for (const phase of ['pretrain', 'dpo', 'joint'] as const) setup.phases[phase].steps = 1;
  });
  const { code, stderr } = await command(
    ...['reproduce', '--config', large, '--claims', 'main', '--seed-list', '1', '--out', path.join(folder, 'job')],
  );
  expect(code, stderr).toBe(1);
  const lines = stderr.split('\n');
  const at = lines.indexOf('measuring a few steps');
  expect(lines[at + 1]).toBe('tiny: 22 million parameters, each step at once');
  expect(lines[at + 2]).toMatch(/^memory: [\d.]+ GiB planned for a run.*; measured steps took [\d.]+ GiB$/);
  expect(lines[at + 3]).toMatch(/^time, from a few measured steps: pretrain [\d.]+, .* a run, \d+ \w+ for 1 like it$/);
  expect(lines[at + 4]).toMatch(/engine/);
  expect(lines[at + 5]).toMatch(/^1 runs, 1 at once, into /);
});

describe('refused before anything is trained:', () => {
  it.each<[string, string[], RegExp]>([
    ['no model', ['--model', '/nowhere'], /"\/nowhere" is neither a folder nor the id of a model/],
    ['a folder that is no model', ['--model', root], /has no config\.json: is it the folder of a model/],
    ['letters of a model from scratch', ['--letters-only'], /--letters-only: a model from scratch knows only/],
    [
      'another shape than that of the model',
      ['--set', `model.pretrained=${origin}`, '--set', 'model.vocabulary=8200', '--set', 'model.layers=3'],
      /the setup does not fit .*config\.json: .*model\.layers is 3 and 2 there/,
    ],
    ['weights of the paper that are not here', ['--preset', 'paper'], /EleutherAI\/pythia-160m is not on this machine/],
  ])('%s', async (_, args, message) => {
    const out = path.join(root, `refused-${args.join('').length}`);
    const { code, stderr } = await command('reproduce', '--out', out, '--seed-list', '1', ...args);
    expect(code).toBe(2);
    expect(stderr).toMatch(message);
    expect(stderr).not.toMatch(/\n {4}at /);
  });

  it.each(['nonsense name', '../x', 'a/b/c'])('fetching %j', async (id) => {
    const { code, stderr } = await command('fetch', id);
    expect(code).toBe(2);
    expect(stderr).toMatch(/must be ID or ID@REVISION/);
  });

  it('fetching what the hub does not have', async () => {
    const { code, stderr } = await command('fetch', 'someone/else');
    expect(code).toBe(2);
    expect(stderr).toMatch(/error: the hub has no someone\/else at revision main/);
  });
});

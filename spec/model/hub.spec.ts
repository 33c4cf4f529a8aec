import {
  existsSync,
  lstatSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { ModelError } from '../../src/model/config.ts';
import { type DownloadProgress, fetchModel, locateModel, parseModelId } from '../../src/model/hub.ts';
import type { ParameterValues } from '../../src/model/parameters.ts';
import { loadPretrained } from '../../src/model/pretrained.ts';
import { parseSetup, type Setup } from '../../src/setup/schema.ts';
import { COMMIT, type FakeHub, fakeHub } from '../helpers/hub.ts';
import { saveTinyModel } from '../helpers/model.ts';

const ID = 'someone/tiny-neox';
const FILES = ['config.json', 'tokenizer.json', 'model.safetensors'];
const model = { id: ID, revision: 'main' };
const root = mkdtempSync(path.join(os.tmpdir(), 'negative-knowledge-hub-'));
const origin = path.join(root, 'origin');
let setup: Setup;
let values: ParameterValues;
let hub: FakeHub;
let cache: string;

beforeAll(() => {
  ({ setup, values } = saveTinyModel(origin));
});
afterAll(() => rmSync(root, { recursive: true }));
beforeEach(async () => {
  const files = Object.fromEntries(FILES.map((name) => [name, readFileSync(path.join(origin, name))]));
  hub = await fakeHub(ID, { ...files, 'README.md': Buffer.from('#'), 'pytorch_model.bin': Buffer.alloc(10) });
  cache = mkdtempSync(path.join(root, 'cache-'));
  vi.stubEnv('HF_ENDPOINT', hub.url);
  vi.stubEnv('HF_HUB_CACHE', cache);
  vi.stubEnv('HF_HOME', path.join(cache, 'home'));
  vi.stubEnv('HF_TOKEN', undefined);
  vi.stubEnv('HUGGING_FACE_HUB_TOKEN', undefined);
});
afterEach(async () => {
  vi.unstubAllEnvs();
  await hub.close();
});

const fetched = (progress?: (progress: DownloadProgress) => void) =>
  fetchModel(model, { patience: 5, onProgress: progress });
const repository = () => path.join(cache, 'models--someone--tiny-neox');
const sent = (name: string) =>
  hub.requests.filter((request) => request.path.endsWith(name) && request.range !== 'bytes=0-0');

describe('a model that is fetched', () => {
  it('is in the standard cache, as every program of Hugging Face finds it, and loads', async () => {
    const progress: DownloadProgress[] = [];
    const folder = await fetched((step) => progress.push(step));
    expect(folder).toBe(path.join(repository(), 'snapshots', COMMIT));
    expect(readdirSync(folder).sort()).toEqual([...FILES].sort()); // and nothing that is not needed
    expect(lstatSync(path.join(folder, 'model.safetensors')).isSymbolicLink()).toBe(true);
    expect(readFileSync(path.join(repository(), 'refs', 'main'), 'utf8')).toBe(COMMIT);
    expect(readdirSync(path.join(repository(), 'blobs')).every((name) => /^[0-9a-f]{40,64}$/.test(name))).toBe(true);
    for (const name of FILES) {
      expect(readFileSync(path.join(folder, name)).equals(readFileSync(path.join(origin, name)))).toBe(true);
      const last = progress.filter(({ file }) => file === name).at(-1);
      expect(last?.received).toBe(last?.size);
    }
    const here = parseSetup({ ...setup, model: { ...setup.model, pretrained: ID } });
    expect(loadPretrained(here, locateModel(ID))).toEqual(values);
    for (const id of [`${ID}@main`, `${ID}@${COMMIT}`]) expect(locateModel(id)).toBe(folder);
  });

  it('is not fetched again, and is found without the network', async () => {
    await fetched();
    const before = hub.requests.length;
    await fetched();
    expect(hub.requests.slice(before).filter(({ path: asked }) => asked.includes('/resolve/'))).toEqual([]);
    await hub.close();
    expect(locateModel(ID)).toContain(COMMIT);
  });

  it('in shards has all of them', async () => {
    await hub.close();
    const weights = readFileSync(path.join(origin, 'model.safetensors'));
    const config = readFileSync(path.join(origin, 'config.json'));
    hub = await fakeHub(ID, {
      'config.json': config,
      'tokenizer.json': readFileSync(path.join(origin, 'tokenizer.json')),
      'model.safetensors.index.json': Buffer.from('{}'),
      'model-00001-of-00002.safetensors': weights,
      'model-00002-of-00002.safetensors': weights.subarray(0, 100),
      'model.safetensors': weights,
    });
    vi.stubEnv('HF_ENDPOINT', `${hub.url}/`);
    expect(readdirSync(await fetched())).toHaveLength(5);
  });

  it('carries the token of the user: a variable, or the file that logging in leaves', async () => {
    await fetched();
    expect(hub.requests.every(({ token }) => token === undefined)).toBe(true);
    vi.stubEnv('HF_TOKEN', 'hf_abc');
    await fetched();
    expect(hub.requests.at(-1)?.token).toBe('Bearer hf_abc');
    vi.stubEnv('HF_TOKEN', undefined);
    vi.stubEnv('HF_HOME', root);
    writeFileSync(path.join(root, 'token'), 'hf_file\n');
    await fetched();
    expect(hub.requests.at(-1)?.token).toBe('Bearer hf_file');
  });
});

describe('faults on the way', () => {
  const weights = 'model.safetensors';

  it('an interrupted download goes on where it stopped', async () => {
    hub.faults.push({ at: weights, times: 1, breakAfter: 100_000 });
    await expect(fetched()).rejects.toThrow(/connection to .* failed .*the same command goes on from there/);
    const [partial] = readdirSync(path.join(repository(), 'blobs')).filter((name) => name.endsWith('.incomplete'));
    const arrived = statSync(path.join(repository(), 'blobs', partial)).size;
    expect(arrived).toBeGreaterThan(0);
    expect(arrived).toBeLessThan(statSync(path.join(origin, weights)).size);
    const folder = await fetched();
    expect(sent(weights).at(-1)?.range).toMatch(new RegExp(`^bytes=${arrived}-`));
    expect(readFileSync(path.join(folder, weights)).equals(readFileSync(path.join(origin, weights)))).toBe(true);
    expect(readdirSync(path.join(repository(), 'blobs')).filter((name) => name.endsWith('.incomplete'))).toEqual([]);
  });

  it.each(FILES)('a wrong checksum of %s is noticed, and nothing of it stays', async (name) => {
    hub.faults.push({ at: name, times: 1, spoil: true });
    await expect(fetched()).rejects.toThrow(
      `${name} arrived with a wrong checksum and was deleted; run the command again`,
    );
    expect(existsSync(path.join(repository(), 'snapshots', COMMIT, name))).toBe(false);
    expect(() => locateModel(ID)).toThrow(ModelError);
    await fetched();
    expect(locateModel(ID)).toContain(COMMIT);
  });

  it('what a spoiled part left behind is noticed when the rest has come', async () => {
    hub.faults.push({ at: weights, times: 1, breakAfter: 50_000, spoil: true });
    await expect(fetched()).rejects.toThrow(ModelError);
    await expect(fetched()).rejects.toThrow(/wrong checksum/);
    await fetched();
  });

  it.each([
    [401, /wants a token for someone\/tiny-neox .*: set HF_TOKEN/],
    [403, /accept its terms on its page/],
    [404, /the hub has no someone\/tiny-neox at revision main/],
    [429, /asked too often/],
    [500, /failed with status 500; what has arrived is kept/],
    [503, /failed with status 503/],
  ] as const)('status %i says what it means', async (status, message) => {
    for (const at of ['/api/models/', weights]) {
      hub.faults.push({ at, times: 100, status });
      await expect(fetched()).rejects.toThrow(ModelError);
      await expect(fetched()).rejects.toThrow(message);
      hub.faults.length = 0;
    }
  });

  it.each([429, 500, 503])('status %i that passes is waited for', async (status) => {
    hub.faults.push({ at: '/', times: 3, status, retryAfter: '0.01' });
    expect(await fetched()).toContain(COMMIT);
  });

  it('a redirect to another path is followed', async () => {
    hub.faults.push({ at: '/resolve/', times: 100, redirect: true });
    const folder = await fetched();
    expect(hub.requests.some(({ path: asked }) => asked.startsWith('/elsewhere/'))).toBe(true);
    expect(readFileSync(path.join(folder, weights)).equals(readFileSync(path.join(origin, weights)))).toBe(true);
  });

  it('a server that is not there, or no hub, is named', async () => {
    vi.stubEnv('HF_ENDPOINT', 'http://127.0.0.1:9');
    await expect(fetched()).rejects.toThrow(/connection to http:\/\/127\.0\.0\.1:9 failed/);
  });

  it('a model without what a run needs is refused', async () => {
    await hub.close();
    hub = await fakeHub(ID, { 'config.json': Buffer.from('{}'), 'tokenizer.json': Buffer.from('{}') });
    vi.stubEnv('HF_ENDPOINT', hub.url);
    await expect(fetched()).rejects.toThrow(/has no model\.safetensors at revision main/);
  });
});

describe('names', () => {
  it.each([
    ['EleutherAI/pythia-160m', { id: 'EleutherAI/pythia-160m', revision: 'main' }],
    ['gpt', { id: 'gpt', revision: 'main' }],
    ['EleutherAI/pythia-160m@step1000', { id: 'EleutherAI/pythia-160m', revision: 'step1000' }],
    ['a/b@refs/pr/1', { id: 'a/b', revision: 'refs/pr/1' }],
  ])('%s', (text, expected) => {
    expect(parseModelId(text)).toEqual(expected);
  });

  it.each([
    '',
    '/',
    'a/b/c',
    '../etc',
    'a/..',
    'a/b@../../x',
    'a b',
    'a/b@',
    'a@b@c',
    '__proto__/x/y',
    '-a/b',
    'https://x/y',
  ])('%j is none, and is nowhere', (text) => {
    expect(parseModelId(text)).toBeNull();
    if (text !== '' && text !== '/' && !text.startsWith('..')) {
      expect(() => locateModel(text)).toThrow(/neither a folder nor the id of a model/);
    }
  });

  it('of a model that is not here says how to get it', () => {
    expect(() => locateModel('EleutherAI/pythia-160m')).toThrow(
      /not on this machine .*"npx negative-knowledge fetch EleutherAI\/pythia-160m" gets it/,
    );
  });
});

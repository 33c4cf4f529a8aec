/**
 * Models by their Hugging Face id: found in the standard cache, or fetched into it. A download that was interrupted goes
 * on where it stopped, and what arrives is held against its checksum before anything may use it.
 */
import { createHash } from 'node:crypto';
import { createReadStream, createWriteStream, existsSync, readFileSync, statSync } from 'node:fs';
import { copyFile, mkdir, rename, rm, stat, symlink, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { Readable, Transform } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import {
  downloadFile,
  getHFHubCachePath,
  getRepoFolderName,
  HUB_URL,
  HubApiError,
  type ListFileEntry,
  listFiles,
  modelInfo,
} from '@huggingface/hub';
import { ModelError } from './config.ts';

/** A model on the hub. */
export interface HubModel {
  readonly id: string;
  /** A branch, tag or commit. */
  readonly revision: string;
}

const ID = /^[A-Za-z0-9][\w.-]{0,95}(\/[A-Za-z0-9][\w.-]{0,95})?$/;
const REVISION = /^[\w][\w./-]{0,199}$/;
const COMMIT = /^[0-9a-f]{40}$/;

/** Reads `ID` or `ID@REVISION`; null for what is neither. */
export function parseModelId(text: string): HubModel | null {
  const [id, revision = 'main', ...rest] = text.split('@');
  const safe = !text.includes('..') && !revision.endsWith('/');
  return rest.length === 0 && safe && ID.test(id) && REVISION.test(revision) ? { id, revision } : null;
}

/** Folder of a model in the cache. */
export const repositoryFolder = ({ id }: HubModel): string =>
  path.join(getHFHubCachePath(), getRepoFolderName({ name: id, type: 'model' }));

/** Folder of the model's files in the cache, if they are there. */
function cached(model: HubModel): string | null {
  const repository = repositoryFolder(model);
  const reference = path.join(repository, 'refs', model.revision);
  const commit = existsSync(reference) ? readFileSync(reference, 'utf8').trim() : model.revision;
  const folder = path.join(repository, 'snapshots', commit);
  return COMMIT.test(commit) && existsSync(folder) ? folder : null;
}

/**
 * The folder of a model: itself, or the cache's for an id. Never touches the network.
 * @throws ModelError that says how to get it
 */
export function locateModel(folderOrId: string): string {
  if (existsSync(folderOrId) && statSync(folderOrId).isDirectory()) return path.resolve(folderOrId);
  const model = parseModelId(folderOrId);
  if (model === null) throw new ModelError(`"${folderOrId}" is neither a folder nor the id of a model on the hub`);
  const folder = cached(model);
  if (folder !== null) return folder;
  throw new ModelError(
    `the model ${folderOrId} is not on this machine (no such folder, and not in ${getHFHubCachePath()}); ` +
      `"npm run fetch -- ${folderOrId}" gets it`,
  );
}

/** What is left of a download, for people watching. */
export interface DownloadProgress {
  readonly file: string;
  readonly received: number;
  readonly size: number;
}

export interface FetchOptions {
  /** Told at every piece of every file. */
  readonly onProgress?: (progress: DownloadProgress) => void;
  /** Milliseconds before a busy or failing server is asked again, doubled every time. */
  readonly patience?: number;
}

const TRIES = 4;
/** Longest wait that a server may ask for, in milliseconds. */
const LONGEST_WAIT = 60_000;

/** The user's token: a variable, or what `huggingface-cli login` left. */
function accessToken(): string | undefined {
  const given = process.env.HF_TOKEN ?? process.env.HUGGING_FACE_HUB_TOKEN;
  if (given !== undefined && given !== '') return given;
  const home =
    process.env.HF_HOME ?? path.join(process.env.XDG_CACHE_HOME ?? path.join(os.homedir(), '.cache'), 'huggingface');
  const file = process.env.HF_TOKEN_PATH ?? path.join(home, 'token');
  const token = existsSync(file) ? readFileSync(file, 'utf8').trim() : '';
  return token === '' ? undefined : token;
}

/** fetch that asks again, a few times, where a server is busy or fails. */
const patientFetch =
  (patience: number): typeof fetch =>
  async (input, init) => {
    for (let attempt = 1; ; attempt++) {
      const response = await fetch(input, init);
      if ((response.status !== 429 && response.status < 500) || attempt === TRIES) return response;
      await response.body?.cancel();
      const asked = Number(response.headers.get('retry-after')) * 1000;
      const wait = asked > 0 ? Math.min(asked, LONGEST_WAIT) : patience * 2 ** (attempt - 1);
      await new Promise((resolve) => setTimeout(resolve, wait));
    }
  };

/** What a fault of the hub means, and what to do. */
function hubFault({ id, revision }: HubModel, error: unknown): unknown {
  if (error instanceof ModelError) return error;
  const again = 'what has arrived is kept: the same command goes on from there';
  if (error instanceof HubApiError) {
    const meaning: Record<number, string> = {
      401: `the hub wants a token for ${id} (or there is no such model): set HF_TOKEN`,
      403: `the token may not read ${id}: accept its terms on its page, or use another HF_TOKEN`,
      404: `the hub has no ${id} at revision ${revision}`,
      429: `the hub is being asked too often; ${again}, in a while`,
    };
    return new ModelError(meaning[error.statusCode] ?? `the hub failed with status ${error.statusCode}; ${again}`);
  }
  const { code, message, cause } = error as NodeJS.ErrnoException & { cause?: Error };
  if (code !== undefined && ['ENOSPC', 'EDQUOT', 'EACCES', 'EPERM', 'EROFS'].includes(code)) return error;
  const reason = cause?.message ?? message ?? String(error);
  return new ModelError(`the connection to ${endpoint()} failed (${reason}); ${again}`);
}

const endpoint = (): string => (process.env.HF_ENDPOINT ?? HUB_URL).replace(/\/+$/, '');

/** The files that a run needs, of those that a model has. @throws ModelError when it lacks one */
function neededFiles(model: HubModel, entries: readonly ListFileEntry[]): ListFileEntry[] {
  const files = new Map(entries.filter(({ type }) => type === 'file').map((entry) => [entry.path, entry]));
  const need = (name: string): ListFileEntry => {
    const entry = files.get(name);
    if (entry === undefined) throw new ModelError(`${model.id} has no ${name} at revision ${model.revision}`);
    return entry;
  };
  const index = files.get('model.safetensors.index.json');
  const shards = [...files.values()].filter(({ path: name }) => /^model-\d+-of-\d+\.safetensors$/.test(name));
  const weights = index === undefined ? [need('model.safetensors')] : [index, ...shards];
  return [need('config.json'), need('tokenizer.json'), ...weights];
}

/** The digest that a file must have, as the hub names it: SHA-256 of a large file, git's SHA-1 of a small one. */
async function hasDigest(file: string, { lfs, oid, size }: ListFileEntry): Promise<boolean> {
  const hash = createHash(lfs === undefined ? 'sha1' : 'sha256');
  if (lfs === undefined) hash.update(`blob ${size}\0`);
  await pipeline(createReadStream(file), hash);
  return hash.digest('hex') === (lfs?.oid ?? oid);
}

const sizeOf = (file: string): Promise<number> =>
  stat(file).then(
    ({ size }) => size,
    () => 0,
  );

/**
 * Fetches a model's files into the standard cache.
 * @returns the folder of its files
 * @throws ModelError for what the hub or the connection says, NodeJS.ErrnoException for the disk; what has arrived is kept.
 */
export async function fetchModel(
  model: HubModel,
  { onProgress, patience = 1_000 }: FetchOptions = {},
): Promise<string> {
  const common = { hubUrl: endpoint(), accessToken: accessToken(), fetch: patientFetch(patience) };
  const repository = repositoryFolder(model);
  const asked = async <Result>(body: () => Promise<Result>): Promise<Result> => {
    try {
      return await body();
    } catch (error) {
      throw hubFault(model, error);
    }
  };
  const { commit, entries } = await asked(async () => {
    const { sha } = await modelInfo({ ...common, name: model.id, revision: model.revision, additionalFields: ['sha'] });
    if (typeof sha !== 'string' || !COMMIT.test(sha))
      throw new ModelError(`${endpoint()} does not answer as a hub does`);
    const found: ListFileEntry[] = [];
    for await (const entry of listFiles({ ...common, repo: model.id, revision: sha })) found.push(entry);
    return { commit: sha, entries: found };
  });
  const snapshot = path.join(repository, 'snapshots', commit);

  /** Puts one file in its place, from the cache's blobs or from the hub. */
  const place = async (entry: ListFileEntry): Promise<void> => {
    const { path: name, size, lfs, oid } = entry;
    const pointer = path.join(snapshot, name);
    const digest = lfs?.oid ?? oid ?? '';
    if (!/^[0-9a-f]{40,64}$/.test(digest)) throw new ModelError(`${endpoint()} gives ${name} no digest`);
    const blob = path.join(repository, 'blobs', digest);
    if (existsSync(pointer) && (await sizeOf(pointer)) === size) return;
    const partial = `${blob}.incomplete`;
    await mkdir(path.dirname(blob), { recursive: true });
    await mkdir(snapshot, { recursive: true });
    if (!existsSync(blob)) {
      let received = await sizeOf(partial);
      if (received > size) {
        await rm(partial);
        received = 0;
      }
      if (received < size) {
        const file = await downloadFile({ ...common, repo: model.id, path: name, revision: commit, xet: false });
        if (file === null) throw new ModelError(`${model.id} has no ${name} at revision ${commit}`);
        const rest = received === 0 ? file : file.slice(received, size);
        const counter = new Transform({
          transform(piece: Buffer, _, done) {
            received += piece.length;
            onProgress?.({ file: name, received, size });
            done(null, piece);
          },
        });
        const web = rest.stream() as Parameters<typeof Readable.fromWeb>[0];
        await pipeline(Readable.fromWeb(web), counter, createWriteStream(partial, { flags: 'a' }));
      }
      const arrived = await sizeOf(partial);
      if (arrived < size) throw new Error(`${name} ended after ${arrived} of ${size} bytes`);
      if (!(await hasDigest(partial, entry))) {
        await rm(partial);
        throw new ModelError(`${name} arrived with a wrong checksum and was deleted; run the command again`);
      }
      await rename(partial, blob);
    }
    await rm(pointer, { force: true });
    await symlink(path.relative(snapshot, blob), pointer).catch(() => copyFile(blob, pointer)); // no links on some disks
  };

  await asked(async () => {
    for (const entry of neededFiles(model, entries)) await place(entry);
    if (model.revision === commit) return;
    const reference = path.join(repository, 'refs', model.revision);
    await mkdir(path.dirname(reference), { recursive: true });
    await writeFile(reference, commit);
  });
  return snapshot;
}

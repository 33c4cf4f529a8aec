/**
 * Models by their Hugging Face id: found in the standard cache, or fetched into it. A download that was interrupted goes
 * on where it stopped, and what arrives is held against its checksum before anything may use it.
 */
import { createHash } from 'node:crypto';
import { createReadStream, createWriteStream, existsSync, statSync } from 'node:fs';
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
import { z } from 'zod';
import { readTextFile } from '../files.ts';
import { UntrustedError } from '../untrusted.ts';
import { MOST_TEXT, ModelError } from './config.ts';
import { askingFetch } from './http.ts';

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

/** The commit that a branch or tag of the cache stands for; whatever else is in that file is no commit. */
function refersTo(file: string): string {
  try {
    return readTextFile(file, 4096).trim();
  } catch (error) {
    if (error instanceof UntrustedError) return '';
    throw error;
  }
}

/** Folder of the model's files in the cache, if they are there. */
function cached(model: HubModel): string | null {
  const repository = repositoryFolder(model);
  const reference = path.join(repository, 'refs', model.revision);
  const commit = existsSync(reference) ? refersTo(reference) : model.revision;
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
      `"npx negative-knowledge fetch ${folderOrId}" gets it`,
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
  /** Milliseconds without a byte after which a server is left. */
  readonly idle?: number;
}

/** What a token may be: one printable word. */
const TOKEN = /^[\x21-\x7e]{1,1024}$/;

/** Most bytes of an answer that is no file: a description or a page of a listing. */
const MOST_ANSWER = 16 * 2 ** 20;
/** Files that a model may have. */
const MOST_FILES = 10_000;

/**
 * The user's token: a variable, or what `huggingface-cli login` left.
 * @throws ModelError, which does not show it, where it can be no token
 */
function accessToken(): string | undefined {
  const checked = (token: string, from: string): string => {
    if (TOKEN.test(token)) return token;
    throw new ModelError(
      `${from} holds no token: a token is one word of plain letters, digits and signs; look for a line end or a blank in it`,
    );
  };
  for (const name of ['HF_TOKEN', 'HUGGING_FACE_HUB_TOKEN']) {
    const given = process.env[name];
    if (given !== undefined && given !== '') return checked(given, name);
  }
  const home =
    process.env.HF_HOME ?? path.join(process.env.XDG_CACHE_HOME ?? path.join(os.homedir(), '.cache'), 'huggingface');
  const file = process.env.HF_TOKEN_PATH ?? path.join(home, 'token');
  if (!existsSync(file)) return undefined;
  try {
    const token = readTextFile(file, 65_536).trim();
    return token === '' ? undefined : checked(token, file);
  } catch (error) {
    if (error instanceof UntrustedError) throw new ModelError(`${file} ${error.message}`);
    throw error;
  }
}

/**
 * The hub's address.
 * @throws ModelError, which does not show it, where it is no plain address
 */
function endpoint(): string {
  const given = process.env.HF_ENDPOINT;
  if (given === undefined || given === '') return HUB_URL;
  const url = URL.canParse(given) ? new URL(given) : null;
  const plain = url !== null && /^https?:$/.test(url.protocol) && url.username === '' && url.password === '';
  if (!plain || url.search !== '' || url.hash !== '') {
    throw new ModelError(
      'HF_ENDPOINT must be an address such as https://huggingface.co, with no user name, password or query in it; a token goes into HF_TOKEN',
    );
  }
  return url.href.replace(/\/+$/, '');
}

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

const entrySchema = z.object({
  type: z.string(),
  path: z.string().min(1).max(4096),
  size: z.number().int().min(0).max(Number.MAX_SAFE_INTEGER),
  oid: z.string().max(128).optional(),
  lfs: z.object({ oid: z.string().max(128), size: z.number(), pointerSize: z.number().optional() }).nullish(),
});

/** An entry of a listing as a hub gives it. @throws ModelError */
function checkedEntry(entry: ListFileEntry): ListFileEntry {
  const result = entrySchema.safeParse(entry);
  if (result.success) return entry;
  const [{ path: where, message }] = result.error.issues;
  throw new ModelError(`the hub lists a file that is none: ${where.join('.') || 'entry'}: ${message}`);
}

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
  const texts = [need('config.json'), need('tokenizer.json')];
  const large = [...texts, index].find((file) => file !== undefined && file.size > MOST_TEXT);
  if (large !== undefined)
    throw new ModelError(`${model.id} has a ${large.path} of ${large.size} bytes, and at most ${MOST_TEXT} are read`);
  return [...texts, ...weights];
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
  { onProgress, patience = 1_000, idle = 60_000 }: FetchOptions = {},
): Promise<string> {
  const hub = { url: endpoint(), token: accessToken() };
  // The library is told no token: ours goes to the hub's origin alone.
  const asking = (what: string, most: number, elsewhere: boolean) => ({
    hubUrl: hub.url,
    fetch: askingFetch(hub, { most, what, patience, idle, elsewhere }),
  });
  const repository = repositoryFolder(model);
  const asked = async <Result>(body: () => Promise<Result>): Promise<Result> => {
    try {
      return await body();
    } catch (error) {
      throw hubFault(model, error);
    }
  };
  const { commit, entries } = await asked(async () => {
    const about = asking(`the description of ${model.id}`, MOST_ANSWER, false);
    const { sha } = await modelInfo({ ...about, name: model.id, revision: model.revision, additionalFields: ['sha'] });
    if (typeof sha !== 'string' || !COMMIT.test(sha))
      throw new ModelError(`${endpoint()} does not answer as a hub does`);
    const found: ListFileEntry[] = [];
    const listing = asking(`the listing of ${model.id}`, MOST_ANSWER, false);
    for await (const entry of listFiles({ ...listing, repo: model.id, revision: sha })) {
      found.push(checkedEntry(entry));
      if (found.length > MOST_FILES) throw new ModelError(`${model.id} lists more than ${MOST_FILES} files`);
    }
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
        // Read no further than announced: a byte more is not what was listed.
        const file = await downloadFile({
          ...asking(name, size, true),
          repo: model.id,
          path: name,
          revision: commit,
          xet: false,
        });
        if (file === null) throw new ModelError(`${model.id} has no ${name} at revision ${commit}`);
        const rest = received === 0 ? file : file.slice(received, size);
        const counter = new Transform({
          transform(piece: Buffer, _, done) {
            received += piece.length;
            if (received > size)
              return done(new ModelError(`the hub sends more of ${name} than the ${size} bytes it announced`));
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

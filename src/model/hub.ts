/**
 * Models by their Hugging Face id: found in the standard cache, or fetched into it. An interrupted download goes on where
 * it stopped. A file is used only after its checksum was right.
 */
import { createHash } from 'node:crypto';
import { createReadStream, createWriteStream, existsSync, statSync } from 'node:fs';
import { copyFile, mkdir, rename, rm, symlink, writeFile } from 'node:fs/promises';
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
import * as z from 'zod';
import { readTextFile } from '../files.ts';
import { orRefuse, UntrustedError } from '../untrusted.ts';
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

/** The commit that a branch or tag of the cache stands for; empty where its file cannot be read. */
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
 * The folder of a model: the folder that is given, or the cache's for an id. Uses no network.
 * @throws ModelError that says how to get the model
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

/** How far the download of a file is, in bytes. */
export interface DownloadProgress {
  readonly file: string;
  readonly received: number;
  readonly size: number;
}

interface FetchOptions {
  /** Told at every piece of every file. */
  readonly onProgress?: (progress: DownloadProgress) => void;
  /** Milliseconds before a busy or failing server is asked again, doubled every time. */
  readonly patience?: number;
  /** Longest silence of a server, in milliseconds. */
  readonly idle?: number;
}

/** A token is one printable word. */
const TOKEN = /^[\x21-\x7e]{1,1024}$/;

/** Most bytes of an answer that is no file: a description, or a page of a listing. */
const MOST_ANSWER = 16 * 2 ** 20;
/** Files that a model may have. */
const MOST_FILES = 10_000;

/**
 * The user's token: a variable, or what `huggingface-cli login` left.
 * @throws ModelError where it can be no token; the message does not show it
 */
function accessToken(): string | undefined {
  const { env } = process;
  const home = env.HF_HOME ?? path.join(env.XDG_CACHE_HOME ?? path.join(os.homedir(), '.cache'), 'huggingface');
  const file = env.HF_TOKEN_PATH ?? path.join(home, 'token');
  const readFile = (): string =>
    orRefuse(
      () => (existsSync(file) ? readTextFile(file, 65_536).trim() : ''),
      (why) => new ModelError(`${file} ${why}`),
    );
  const variable = ['HF_TOKEN', 'HUGGING_FACE_HUB_TOKEN'].find((name) => env[name]);
  const token = variable === undefined ? readFile() : env[variable];
  if (!token) return undefined;
  if (TOKEN.test(token)) return token;
  throw new ModelError(
    `${variable ?? file} holds no token: a token is one word of plain letters, digits and signs; look for a line end or a blank in it`,
  );
}

/**
 * The hub's address, without a trailing slash.
 * @throws ModelError where it is no plain address; the message does not show it
 */
function endpoint(): string {
  const given = process.env.HF_ENDPOINT;
  if (!given) return HUB_URL;
  const url = URL.canParse(given) ? new URL(given) : null;
  if (url !== null && /^https?:$/.test(url.protocol) && !(url.username || url.password || url.search || url.hash))
    return url.href.replace(/\/+$/, '');
  throw new ModelError(
    'HF_ENDPOINT must be an address such as https://huggingface.co, with no user name, password or query in it; a token goes into HF_TOKEN',
  );
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

/** Those of a model's files that a run needs. @throws ModelError when one is missing or too large */
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

/** Whether a file has the digest that the hub names: SHA-256 of a large file, git's SHA-1 of a small one. */
async function hasDigest(file: string, { lfs, oid, size }: ListFileEntry): Promise<boolean> {
  const hash = createHash(lfs === undefined ? 'sha1' : 'sha256');
  if (lfs === undefined) hash.update(`blob ${size}\0`);
  await pipeline(createReadStream(file), hash);
  return hash.digest('hex') === (lfs?.oid ?? oid);
}

/** Bytes of a file, or undefined where there is none. */
const sizeOf = (file: string): number | undefined => (existsSync(file) ? statSync(file).size : undefined);

/**
 * Fetches a model's files into the standard cache.
 * @returns the folder of its files
 * @throws ModelError for what the hub or the connection says, NodeJS.ErrnoException for the disk; what has arrived is kept.
 */
export async function fetchModel(model: HubModel, options: FetchOptions = {}): Promise<string> {
  try {
    return await fetchFiles(model, options);
  } catch (error) {
    throw hubFault(model, error);
  }
}

async function fetchFiles(model: HubModel, { onProgress, patience = 1_000, idle = 60_000 }: FetchOptions) {
  const hub = { url: endpoint(), token: accessToken() };
  // The library is told no token: ours goes to the hub's origin alone.
  const asking = (what: string, most = MOST_ANSWER, elsewhere = false) => ({
    hubUrl: hub.url,
    fetch: askingFetch(hub, { most, what, patience, idle, elsewhere }),
  });
  const { sha: commit } = await modelInfo({
    ...asking(`the description of ${model.id}`),
    name: model.id,
    revision: model.revision,
    additionalFields: ['sha'],
  });
  if (typeof commit !== 'string' || !COMMIT.test(commit))
    throw new ModelError(`${hub.url} does not answer as a hub does`);
  const entries: ListFileEntry[] = [];
  for await (const entry of listFiles({ ...asking(`the listing of ${model.id}`), repo: model.id, revision: commit })) {
    entries.push(checkedEntry(entry));
    if (entries.length > MOST_FILES) throw new ModelError(`${model.id} lists more than ${MOST_FILES} files`);
  }
  const repository = repositoryFolder(model);
  const snapshot = path.join(repository, 'snapshots', commit);

  /** Downloads what is still missing of a file into `partial`. */
  const download = async ({ path: name, size }: ListFileEntry, partial: string): Promise<void> => {
    let received = sizeOf(partial) ?? 0;
    if (received > size) {
      await rm(partial);
      received = 0;
    }
    if (received < size) {
      // Read no further than announced: a byte more is not what was listed.
      const source = { ...asking(name, size, true), repo: model.id, path: name, revision: commit, xet: false };
      const file = await downloadFile(source);
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
    const arrived = sizeOf(partial) ?? 0;
    if (arrived < size) throw new Error(`${name} ended after ${arrived} of ${size} bytes`);
  };

  /** Puts one file in its place, from the cache's blobs or from the hub. */
  const place = async (entry: ListFileEntry): Promise<void> => {
    const { path: name, size, lfs, oid } = entry;
    const pointer = path.join(snapshot, name);
    const digest = lfs?.oid ?? oid ?? '';
    if (!/^[0-9a-f]{40,64}$/.test(digest)) throw new ModelError(`${hub.url} gives ${name} no digest`);
    const blob = path.join(repository, 'blobs', digest);
    if (sizeOf(pointer) === size) return;
    await mkdir(path.dirname(blob), { recursive: true });
    await mkdir(snapshot, { recursive: true });
    if (!existsSync(blob)) {
      const partial = `${blob}.incomplete`;
      await download(entry, partial);
      if (!(await hasDigest(partial, entry))) {
        await rm(partial);
        throw new ModelError(`${name} arrived with a wrong checksum and was deleted; run the command again`);
      }
      await rename(partial, blob);
    }
    await rm(pointer, { force: true });
    await symlink(path.relative(snapshot, blob), pointer).catch(() => copyFile(blob, pointer)); // no links on some disks
  };

  for (const entry of neededFiles(model, entries)) await place(entry);
  if (model.revision !== commit) {
    const reference = path.join(repository, 'refs', model.revision);
    await mkdir(path.dirname(reference), { recursive: true });
    await writeFile(reference, commit);
  }
  return snapshot;
}

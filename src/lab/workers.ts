/**
 * Processes that carry out tasks of one module side by side. A module of TypeScript becomes one file of JavaScript first,
 * so that it is read once a job and not in every process of it.
 */
import { rmSync } from 'node:fs';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import type { Plugin } from 'esbuild';
import { Tinypool } from 'tinypool';
import { isBuilt } from '../own-module.ts';
import { StorageError } from '../records/storing.ts';

/** The file is elsewhere than what it is made of, so that every module and every package is named by its own place. */
const IN_THEIR_PLACES: Plugin = {
  name: 'in-their-places',
  setup({ onLoad, onResolve, resolve }) {
    onLoad({ filter: /\.ts$/ }, async ({ path: file }) => {
      const source = await readFile(file, 'utf8');
      return { loader: 'ts', contents: source.replaceAll('import.meta.url', JSON.stringify(pathToFileURL(file).href)) };
    });
    onResolve({ filter: /^[^./]/ }, async ({ path: name, kind, importer, resolveDir, pluginData }) => {
      if (kind === 'entry-point' || name.startsWith('node:') || pluginData === IN_THEIR_PLACES) return undefined;
      const found = await resolve(name, { kind, importer, resolveDir, pluginData: IN_THEIR_PLACES });
      if (found.errors.length > 0 || !path.isAbsolute(found.path)) return found; // or it is a module of Node's
      return { path: pathToFileURL(found.path).href, external: true };
    });
  },
};

/** The module and those of ours that it imports, as JavaScript. */
async function together(entry: URL): Promise<Uint8Array> {
  const { build } = await import('esbuild');
  const { outputFiles } = await build({
    entryPoints: [fileURLToPath(entry)],
    bundle: true,
    write: false,
    format: 'esm',
    platform: 'node',
    mainFields: ['main'], // as Node itself chooses
    plugins: [IN_THEIR_PLACES],
    // The options of a project that the program is called from must not change how it is read.
    tsconfig: fileURLToPath(new URL('../../tsconfig.json', import.meta.url)),
    logLevel: 'silent',
  });
  return outputFiles[0].contents;
}

/** Puts a module into a folder of its own. @throws StorageError where no temporary file can be written */
async function written(module: Uint8Array): Promise<{ folder: string; file: string }> {
  try {
    const folder = await mkdtemp(path.join(os.tmpdir(), 'negative-knowledge-worker-'));
    const file = path.join(folder, 'worker.mjs');
    await writeFile(file, module).catch(async (error) => {
      await rm(folder, { recursive: true, force: true });
      throw error;
    });
    return { folder, file };
  } catch (error) {
    const { message } = error as Error;
    throw new StorageError(
      `Cannot write a temporary file for the processes of runs (${message}): free some space there, or name another folder with TMPDIR.`,
    );
  }
}

/** Processes that carry out tasks. */
export interface Workers {
  /**
   * Carries out a task in a process of its own.
   * @param onMessage is given what the task sends
   * @param signal ends the process, and with it the task
   */
  run<Task, Message, Result>(task: Task, onMessage: (message: Message) => void, signal?: AbortSignal): Promise<Result>;
  /** Rejects when a process dies before it takes up a task; its task is then never carried out. */
  readonly died: Promise<never>;
  /** Ends all processes. */
  end(): Promise<void>;
}

/**
 * Makes ready for tasks; processes start with the first ones.
 * @param entry a module whose default export carries out a task
 * @param most processes at once
 * @param defaults of their environment, for what this process's own does not say
 * @throws StorageError where no temporary file can be written
 */
export async function startWorkers(
  entry: URL,
  most: number,
  defaults: Readonly<Record<string, string>> = {},
): Promise<Workers> {
  const { folder, file } = isBuilt(entry)
    ? { folder: null, file: fileURLToPath(entry) }
    : await written(await together(entry));
  const pool = new Tinypool({
    runtime: 'child_process',
    env: { ...defaults, ...process.env } as Record<string, string>,
    filename: file,
    minThreads: 0,
    maxThreads: most,
  });
  const remove = () => folder !== null && rmSync(folder, { recursive: true, force: true });
  process.once('exit', remove); // after Ctrl-C, for one
  const died = new Promise<never>((_, reject) => pool.on('error', reject));
  died.catch(() => {}); // for whoever asks
  return {
    // Workers are told nothing but their task.
    run: (task, onMessage, signal) =>
      pool.run(task, { signal, channel: { onMessage: () => {}, postMessage: onMessage } }),
    died,
    end: async () => {
      await pool.destroy();
      process.off('exit', remove);
      remove();
    },
  };
}

/** Commands, and Nodes of other versions: Node itself comes from the npm registry (package `node`). */
import { spawn } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { text } from 'node:stream/consumers';
import { expect } from 'vitest';
import { configuration, jobArguments, MAIN } from './command.ts';

export const ROOT = path.resolve(import.meta.dirname, '..', '..');
const WASM = { ...process.env, NEGATIVE_KNOWLEDGE_ENGINE: 'wasm' };
/** Hangs alone are bounded: a slow machine or registry takes its time. */
export const PATIENCE = 30 * 60_000;

export interface Ended {
  readonly status: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs a command on the engine `wasm`. */
export async function run(command: string, args: readonly string[], cwd = ROOT): Promise<Ended> {
  const child = spawn(command, args, { cwd, env: WASM, timeout: PATIENCE, stdio: ['ignore', 'pipe', 'pipe'] });
  const [stdout, stderr] = [text(child.stdout), text(child.stderr)];
  const status = await new Promise<number | null>((resolve, reject) => child.on('error', reject).on('close', resolve));
  return { status, stdout: await stdout, stderr: await stderr };
}

/** Where each version of Node is that was fetched. */
const nodes = new Map<string, Promise<string>>();

/** Runs a file of JavaScript with its arguments on a version of Node. */
export async function withNode(version: string, args: readonly string[], cwd = ROOT): Promise<Ended> {
  const fetched =
    nodes.get(version) ??
    run('npx', ['-y', `node@${version}`, '-p', 'process.execPath']).then(({ stdout }) => stdout.trim());
  nodes.set(version, fetched);
  return run(await fetched, args, cwd);
}

/** What trains one tiny run into `out`; its configuration is put into `folder`. */
export const tinyRun = (folder: string, out: string): string[] =>
  jobArguments(configuration(folder), '5', out, '--jobs', '1');

/** The digest of the parameters that the one run in a folder ends with. */
export function digestIn(out: string): string {
  const [file] = readdirSync(path.join(out, 'runs'));
  return JSON.parse(readFileSync(path.join(out, 'runs', file), 'utf8')).parametersDigest;
}

/** The digest of {@link tinyRun} in this checkout, on the Node of the specs. */
export async function digestHere(folder: string): Promise<string> {
  const out = path.join(folder, 'here');
  await run(process.execPath, [MAIN, ...tinyRun(folder, out)]);
  return digestIn(out);
}

/** Expects {@link tinyRun} to have ended as it has to: in a table, and with the digest that it has here. */
export function expectTinyRun({ status, stdout, stderr }: Ended, out: string, digest: string): void {
  expect(stdout, stderr).toMatch(/│ inconclusive +│ main +│/); // one run is too few for more
  expect(status).toBe(1);
  expect(digestIn(out)).toBe(digest);
}

/** Which code a run is carried out by: part of its identity where machines share runs. */
import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { isBuilt } from '../../own-module.ts';

/** Files that say what the program does; the rest are pages. */
const CODE = /\.([cm]?[jt]sx?|wasm|cc|h|json)$/;

/** A digest of the program in a folder: of the names of its files, and of what they hold. Hidden files are an editor's. */
export function codeDigest(folder: string): string {
  const names = readdirSync(folder, { recursive: true, encoding: 'utf8' }).map((one) => one.split(path.sep).join('/'));
  const hash = createHash('sha256');
  for (const name of names.filter((one) => CODE.test(one) && !/(^|\/)\./.test(one)).sort()) {
    const content = readFileSync(path.join(folder, name));
    hash.update(`${name}\n`).update(createHash('sha256').update(content).digest());
  }
  return hash.digest('hex');
}

/**
 * The package's version, and a digest of the program's own files: two checkouts with the same files are the same code, and
 * a line that someone is working on makes another. Copies from a clone and from the registry differ, for one of them is built.
 */
export function codeVersion(): string {
  const root = fileURLToPath(new URL('../../..', import.meta.url));
  const folder = path.join(root, isBuilt(new URL(import.meta.url)) ? 'dist' : 'src');
  const { version } = JSON.parse(readFileSync(path.join(root, 'package.json'), 'utf8')) as { version: string };
  return `${version}-${codeDigest(folder).slice(0, 10)}`;
}

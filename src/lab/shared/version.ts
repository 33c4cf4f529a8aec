/** Which code a run is carried out by: part of its identity where machines share runs. */
import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { isBuilt } from '../../own-module.ts';

/** Files that say what the program does; the rest are pages. */
const CODE = /\.([cm]?[jt]sx?|wasm|cc|h|json)$/;

/**
 * The package's version, and a digest of the program's own files: two checkouts with the same files are the same code, and
 * a line that someone is working on makes another. Copies from a clone and from the registry differ, for one of them is built.
 */
export function codeVersion(): string {
  const root = fileURLToPath(new URL('../../..', import.meta.url));
  const folder = path.join(root, isBuilt(new URL(import.meta.url)) ? 'dist' : 'src');
  const names = readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter((name) => CODE.test(name));
  const hash = createHash('sha256');
  for (const name of names.map((one) => one.split(path.sep).join('/')).sort()) {
    hash.update(`${name}\n`).update(
      createHash('sha256')
        .update(readFileSync(path.join(folder, name)))
        .digest(),
    );
  }
  const { version } = JSON.parse(readFileSync(path.join(root, 'package.json'), 'utf8')) as { version: string };
  return `${version}-${hash.digest('hex').slice(0, 10)}`;
}

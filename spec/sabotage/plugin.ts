/** A plugin of Vite that makes one sabotage's edits as the source is loaded; the files stay as they are. */
import path from 'node:path';
import type { Plugin } from 'vitest/config';
import type { Sabotage } from './catalogue.ts';

const ROOT = path.resolve(import.meta.dirname, '..', '..');

/** The edited text. @throws Error where a text to replace does not occur exactly once: the catalogue is then out of date. */
export function sabotaged({ id, file, edits }: Sabotage, code: string): string {
  return edits.reduce((text, [from, to]) => {
    const places = text.split(from).length - 1;
    if (places !== 1) throw new Error(`sabotage ${id}: "${from}" occurs ${places} times in ${file}`);
    return text.replace(from, () => to);
  }, code);
}

const isSabotaged = ({ file }: Sabotage, id: string): boolean =>
  path.resolve(id.split('?')[0]) === path.join(ROOT, file);

export const sabotage = (what: Sabotage): Plugin => ({
  name: 'sabotage',
  enforce: 'pre',
  configureVitest({ experimental_defineCacheKeyGenerator: define }) {
    define(({ id }) => (isSabotaged(what, id) ? false : undefined)); // never kept among what is compiled
  },
  transform(code, id) {
    return isSabotaged(what, id) ? sabotaged(what, code) : undefined;
  },
});

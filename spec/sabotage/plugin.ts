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

export const sabotage = (what: Sabotage): Plugin => ({
  name: 'sabotage',
  enforce: 'pre',
  transform(code, id) {
    return path.resolve(id.split('?')[0]) === path.join(ROOT, what.file) ? sabotaged(what, code) : undefined;
  },
});

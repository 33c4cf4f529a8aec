/** The content hash of a setup is its identity. */
import { createHash } from 'node:crypto';
import type { Setup } from './schema.ts';

/** JSON with object keys in code-unit order, so that equal content gives equal text. */
export function canonicalJson(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(canonicalJson).join(',')}]`;
  if (value !== null && typeof value === 'object') {
    const entries = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1));
    return `{${entries.map(([key, entry]) => `${JSON.stringify(key)}:${canonicalJson(entry)}`).join(',')}}`;
  }
  return JSON.stringify(value);
}

/** SHA-256 (hex) of a setup's content. The name is a label and does not enter. */
export function setupHash(setup: Setup): string {
  const { name: _label, ...content } = setup;
  return createHash('sha256').update(canonicalJson(content)).digest('hex');
}

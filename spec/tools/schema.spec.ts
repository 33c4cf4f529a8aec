/** The JSON Schema of configurations, which editors and `list fields` read. */
import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import * as z from 'zod';
import { leaves } from '../../src/setup/fields.ts';
import { resolveSetup } from '../../src/setup/overrides.ts';
import { PRESETS } from '../../src/setup/presets.ts';
import { schemaText } from '../../src/tools/schema.ts';
import { temporaryFolder } from '../helpers/folder.ts';

const FILE = path.join('src', 'setup', 'setup.schema.json');
const schema = JSON.parse(readFileSync(FILE, 'utf8'));
const configuration = z.fromJSONSchema(schema);
const accepts = (content: unknown): boolean => configuration.safeParse(content).success;

describe('the JSON Schema of configurations', () => {
  it('is what `node --import tsx src/tools/schema.ts` writes', () => {
    expect(readFileSync(FILE, 'utf8')).toBe(schemaText());
  });

  it('has every field, and says of most what it means', () => {
    const parts = leaves(PRESETS.pocket).map(([at]) => at.reduce((part, key) => part?.properties?.[key], schema));
    for (const part of parts) expect(part).toBeDefined();
    expect(parts.filter(({ description }) => description !== undefined).length).toBeGreaterThan(25);
  });

  it.each(Object.entries(PRESETS))('accepts the preset %s, a part of it, and nothing', (_, preset) => {
    for (const content of [preset, { model: { layers: preset.model.layers } }, { $schema: FILE, beta: 0.1 }, {}])
      expect(accepts(content), JSON.stringify(content)).toBe(true);
  });

  it.each([
    [{ betta: 0.1 }],
    [{ model: { hiden: 3 } }],
    [{ beta: 'strong' }],
    [{ passwords: { length: 0 } }],
    [{ phases: { dpo: { trainable: 'half' } } }],
  ])('refuses %j', (content) => expect(accepts(content)).toBe(false));

  it('may be named in a configuration', () => {
    const config = path.join(temporaryFolder(), 'mine.json');
    writeFileSync(config, JSON.stringify({ $schema: FILE, beta: 0.7 }));
    expect(resolveSetup({ preset: 'pocket', config }).beta).toBe(0.7);
  });
});

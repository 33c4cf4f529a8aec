/** Configuration files: JSON with comments, and YAML. */
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { resolveSetup } from '../../src/setup/overrides.ts';
import { SetupError } from '../../src/setup/schema.ts';
import { temporaryFolder } from '../helpers/folder.ts';

const resolved = (name: string, content: string) => {
  const config = path.join(temporaryFolder(), name);
  writeFileSync(config, content);
  return resolveSetup({ preset: 'pocket', config });
};

describe('a configuration', () => {
  const expected = resolveSetup({ preset: 'pocket', set: ['beta=0.3', 'model.layers=6'] });

  it.each([
    ['mine.json', '{"beta": 0.3, "model": {"layers": 6}}'],
    ['mine.json', '// why\n{"beta": 0.3, /* more */ "model": {"layers": 6}}'],
    ['mine.jsonc', '{\n  "beta": 0.3, // "beta": 0.4\n  "model": {"layers": 6}\n}'],
    ['mine.yaml', '# why\nbeta: 0.3\nmodel:\n  layers: 6\n'],
    ['mine.YML', '{beta: 0.3, model: {layers: 6}}'],
  ])('%s says the same as --set: %j', (name, content) => expect(resolved(name, content)).toEqual(expected));

  it('keeps what looks like a comment within a text', () => {
    expect(() => resolved('mine.json', '{"name": "a//b"}')).toThrow(/name: must be 1 to 64/);
    expect(resolved('mine.yaml', 'name: no').name).toBe('no'); // a text in YAML 1.2
  });

  it.each([
    ['mine.json', '{"beta": 0.3,}', /is no JSON/],
    ['mine.json', '/* never ends {"beta": 0.3}', /is no JSON/],
    ['mine.json', '{"__proto__": {"beta": 0.3}}', /there is no field "__proto__"/],
    ['mine.yaml', '__proto__:\n  beta: 0.3', /there is no field "__proto__"/],
    ['mine.yaml', 'beta: [0.3', /is no YAML/],
    ['mine.yaml', 'beta: 0.3\nbeta: 0.4', /is no YAML \(Map keys must be unique/],
    ['mine.yaml', '- beta', /must hold an object of setup fields/],
    ['mine.yaml', '', /must hold an object of setup fields/],
    ['mine.yaml', 'beta: .nan', /beta/],
    ['mine.yaml', 'bata: 0.3', /there is no field "bata" \(did you mean "beta"\?\)/],
    ['mine.yaml', `beta: ${'['.repeat(100_000)}`, /is nested too deep/],
    ['mine.yaml', `name: it"s\nbeta: ${'{a: '.repeat(100_000)}`, /is nested too deep/],
    ['mine.yaml', `${'- '.repeat(100_000)}x`, /is nested too deep/],
    ['mine.yaml', `${'? '.repeat(100_000)}x`, /is nested too deep/],
    ['mine.yaml', Array.from({ length: 900 }, (_, depth) => `${' '.repeat(depth)}a:`).join('\n'), /is nested too deep/],
    ['mine.yaml', `${'['.repeat(200)}`, /is no YAML|nested/],
    [
      'mine.yaml',
      `a: &a [x, x]\n${[...'bcdefghi'].map((name, at) => `${name}: &${name} [${`*${'abcdefgh'[at]}, `.repeat(30)}]`).join('\n')}`,
      /is no YAML \(Excessive alias count/,
    ],
  ])('%s is refused with a sentence: %j', (name, content, why) => {
    expect(() => resolved(name, content)).toThrow(SetupError);
    expect(() => resolved(name, content)).toThrow(why);
  });
});

/** A short run of what `npm run fuzz` goes on with: every property, on setups that are new each time. */
import { describe, expect, it } from 'vitest';
import { startEngine } from '../../src/engine/engine.ts';
import { KINDS } from '../../src/properties/kinds.ts';
import { ofSetup } from '../../src/properties/property.ts';
import { PRESETS } from '../../src/setup/presets.ts';
import { assertProperty } from './helpers.ts';

const engine = await startEngine();

const RUNS = { data: 8, training: 5 };

describe.each(KINDS)('of every setup ($name)', (kind) => {
  it.each(kind.properties)('$id: $statement', (property) => assertProperty(kind, property, RUNS[kind.name], engine));
});

it('what properties share is computed once for a setup and an engine, and anew for another of either', () => {
  const calls: string[] = [];
  const shared = ofSetup(({ name }, on: string) => calls.push(`${name} on ${on}`));
  const { pocket, paper } = PRESETS;
  for (const [setup, on] of [
    [pocket, 'wasm'],
    [pocket, 'wasm'],
    [pocket, 'cpu'],
    [paper, 'cpu'],
    [pocket, 'cpu'],
  ] as const)
    shared(setup, on);
  expect(calls).toEqual(['pocket on wasm', 'pocket on cpu', 'paper on cpu']);
});

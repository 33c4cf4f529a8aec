/** A short run of what `npm run fuzz` goes on with: every property, on setups that are new each time. */
import { describe, it } from 'vitest';
import { startEngine } from '../../src/engine/engine.ts';
import { KINDS } from '../../src/properties/kinds.ts';
import { assertProperty } from './helpers.ts';

const engine = await startEngine();

const RUNS = { data: 8, training: 5 };

describe.each(KINDS)('of every setup ($name)', (kind) => {
  it.each(kind.properties)('$id: $statement', (property) => assertProperty(kind, property, RUNS[kind.name], engine));
});

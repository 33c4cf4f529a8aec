import fc from 'fast-check';
import type { Engine } from '../../src/engine/engine.ts';
import { setups } from '../../src/properties/arbitraries.ts';
import type { PropertyKind, SetupProperty } from '../../src/properties/property.ts';

/** Holds a property against setups of its kind. */
export const assertProperty = (
  { size }: PropertyKind,
  { check }: SetupProperty,
  numRuns: number,
  engine: Engine,
): Promise<void> =>
  fc.assert(
    fc.asyncProperty(setups({ size }), async (setup) => check(setup, engine)),
    { numRuns },
  );

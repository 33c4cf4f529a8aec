import fc from 'fast-check';
import type { PropertyKind, SetupProperty } from '../../src/fuzz/property.ts';
import { setups } from '../../src/setup/arbitraries.ts';

/** Holds a property against setups of its kind. */
export const assertProperty = (
  { size, space }: PropertyKind,
  { check }: SetupProperty,
  numRuns: number,
): Promise<void> =>
  fc.assert(
    fc.asyncProperty(setups({ size, space }), async (setup) => check(setup)),
    { numRuns },
  );

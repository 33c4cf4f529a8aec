import fc from 'fast-check';
import { setups } from '../../src/properties/arbitraries.ts';
import type { PropertyKind, SetupProperty } from '../../src/properties/property.ts';

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

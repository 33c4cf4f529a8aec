/** All properties of setups. */
import { DATA } from './data.ts';
import type { PropertyKind, SetupProperty } from './property.ts';
import { TRAINING } from './training.ts';

export const KINDS: readonly PropertyKind[] = [DATA, TRAINING];

export const PROPERTIES: readonly SetupProperty[] = KINDS.flatMap(({ properties }) => properties);

export const kindOf = (id: string): PropertyKind | undefined =>
  KINDS.find(({ properties }) => properties.some((property) => property.id === id));

/** What a dissected run is asked at its end, of the model as it is then and as it was before phase 3. */
import type { Prefix } from '../passwords/roles.ts';
import type { Setup } from '../setup/schema.ts';
import { prefixOf } from './recipe.ts';

/** A model is cut into the embedding, its blocks, and the final layer norm with the unembedding. */
export const partCount = ({ layers }: Pick<Setup['model'], 'layers'>): number => layers + 2;

/** Parts `from` to `to - 1`. */
export interface Parts {
  readonly from: number;
  readonly to: number;
}

/**
 * Which parts a patched model takes from the end of the run; the others are those from before phase 3. None and all, each
 * part alone, and all from the first part or up to the last.
 */
export function patches(model: Pick<Setup['model'], 'layers'>): Parts[] {
  const count = partCount(model);
  const parts = Array.from({ length: count }, (_, part) => part);
  return [
    { from: 0, to: 0 },
    { from: 0, to: count },
    ...parts.map((part) => ({ from: part, to: part + 1 })),
    ...parts.slice(2).map((part) => ({ from: 0, to: part })),
    ...parts.slice(1, -1).map((part) => ({ from: part, to: count })),
  ];
}

/** The two halves of a model. The embedding belongs to the first, as in phase 2, and the unembedding to the second. */
export const halves = (model: Pick<Setup['model'], 'layers'>): { first: Parts; second: Parts } => {
  const middle = 1 + Math.floor(model.layers / 2);
  return { first: { from: 0, to: middle }, second: { from: middle, to: partCount(model) } };
};

/** When a model was taken: before phase 3, or at the end of the run. */
export const MOMENTS = ['before', 'after'] as const;
export type Moment = (typeof MOMENTS)[number];

/** Where the residual stream is read: of which model, after which prefix. The direction comes from the first. */
export const readings = (setup: Pick<Setup, 'prefixes'>): { moment: Moment; prefix: Prefix }[] => {
  const prefixes = new Set([prefixOf(setup, 'regular'), prefixOf(setup, 'reverse')]);
  return MOMENTS.flatMap((moment) => [...prefixes].map((prefix) => ({ moment, prefix })));
};

/** Setups for a grid that are drawn as properties draw them: any that the schema allows, and not those of a few ranges. */
import type { Claim } from '../claims/claim.ts';
import { planSetups } from '../lab/job.ts';
import { withPackages } from '../optional-packages.ts';
import { setupHash } from '../setup/hash.ts';
import { type Setup, SetupError } from '../setup/schema.ts';
import { type Grid, GridError } from './grid.ts';

/** How many are drawn for one that is kept, at most: some are none that the claims can be asked of. */
const PATIENCE = 50;

/**
 * The setups that a grid has drawn from the arbitraries; none where it has not. Those that start from a pretrained model are
 * left out, and those that have not all arms of the claims.
 * @throws GridError where there are too few, MissingPackageError where fast-check is not installed
 */
export async function drawnSetups({ draw }: Pick<Grid, 'draw'>, claims: readonly Claim[]): Promise<readonly Setup[]> {
  if (typeof draw?.from !== 'string') return [];
  const { count, seed, from } = draw;
  const { setups, sample } = await arbitraries();
  const any = setups({ size: from === 'tiny-setups' ? 'tiny' : 'any' });
  const kept = new Map<string, Setup>();
  for (let round = 0; round < PATIENCE; round++) {
    for (const setup of sample(any, { seed: PATIENCE * seed + round, numRuns: count })) {
      if (setup.model.pretrained !== null || !isPossible(setup, claims)) continue;
      kept.set(setupHash({ ...setup, seed: 0 }), setup);
      if (kept.size === count) return [...kept.values()];
    }
  }
  throw new GridError(
    `draw: only ${kept.size} of ${PATIENCE * count} drawn setups differ and have all arms of the claims; draw fewer`,
  );
}

function isPossible(setup: Setup, claims: readonly Claim[]): boolean {
  try {
    planSetups(setup, claims, [1]);
    return true;
  } catch (error) {
    if (error instanceof SetupError) return false;
    throw error;
  }
}

/** What draws, of an optional peer in package.json. */
const arbitraries = () =>
  withPackages(['fast-check'], 'setups are drawn by packages', async () => {
    const [{ setups }, { sample }] = await Promise.all([import('../properties/arbitraries.ts'), import('fast-check')]);
    return { setups, sample };
  });

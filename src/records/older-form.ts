/**
 * Abridged records were once written as whole ones with empty lists in place of what was left out. Archives of that form
 * stay as they are, and are read as what abridged records are now.
 */
import * as z from 'zod';

const nothing = z.array(z.unknown()).length(0);
const scores = z.looseObject({
  passwords: nothing,
  ranks: z.array(z.unknown()),
  calibrated: z.looseObject({ logLikelihoods: z.array(z.unknown()) }),
});
const holed = z.looseObject({
  status: z.literal('finished'),
  trajectories: z.record(z.string(), z.record(z.string(), nothing)),
  snapshots: z.array(z.looseObject({ sets: z.record(z.string(), scores) })).min(1),
});

/** A record without its empty lists; anything else as it is. */
export function withoutHoles(json: unknown): unknown {
  const read = holed.safeParse(json);
  if (!read.success || 'abridged' in read.data) return json;
  const { trajectories: _, snapshots, ...rest } = read.data;
  const cell = snapshots.every(({ sets }) =>
    Object.values(sets).every(({ ranks, calibrated }) => ranks.length + calibrated.logLikelihoods.length === 0),
  );
  const kept = ({ passwords: _none, ranks, calibrated, ...others }: z.infer<typeof scores>) => {
    const { logLikelihoods, ...fitted } = calibrated;
    return cell ? { ...others, calibrated: fitted } : { ...others, ranks, calibrated };
  };
  return {
    ...rest,
    abridged: cell ? 'cell' : 'run',
    snapshots: snapshots.map(({ sets, ...when }) => ({
      ...when,
      sets: Object.fromEntries(Object.entries(sets).map(([set, scored]) => [set, kept(scored)])),
    })),
  };
}

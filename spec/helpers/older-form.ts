import type { AbridgedCell, AbridgedRun } from '../../src/records/record.ts';

export const NOTHING = { total: [], dpo: [], useful: [], random: [], randomReverse: [], gradientNorm: [] };

/** As archives had it before abridged records had a form of their own: a whole record with empty lists. */
export function inOlderForm({ abridged, snapshots, ...rest }: AbridgedRun | AbridgedCell) {
  const holed = (scores: object) => {
    const { calibrated, ...others } = scores as AbridgedCell['snapshots'][number]['sets']['heldOut'];
    const missing = abridged === 'cell' ? { ranks: [] } : {};
    return {
      passwords: [],
      ...missing,
      ...others,
      calibrated: { ...(abridged === 'cell' ? { logLikelihoods: [] } : {}), ...calibrated },
    };
  };
  return {
    ...rest,
    trajectories: { pretrain: NOTHING, dpo: NOTHING, joint: NOTHING },
    snapshots: snapshots.map(({ sets, ...when }) => ({
      ...when,
      sets: Object.fromEntries(Object.entries(sets).map(([set, scores]) => [set, holed(scores)])),
    })),
  };
}

/** A run of an engine goes on from its checkpoints bit for bit, and leaves what is frozen as it was. */
import { expect, it } from 'vitest';
import type { ParameterValues } from '../../../src/model/parameters.ts';
import { trainableNames } from '../../../src/model/parameters.ts';
import { PHASES } from '../../../src/passwords/roles.ts';
import { atCheckpoints, type TrainerState, trainToEnd } from '../../../src/training/trainer.ts';
import { tinySetup } from '../../helpers/setups.ts';
import type { Start } from './engine.ts';

export function runProperties(start: Start): void {
  const setup = tinySetup((draft) => Object.assign(draft.phases.dpo, { trainable: 'first-half' }));

  it('goes on from a checkpoint of each phase to the same bits, with the second half of the layers frozen in phase 2', async () => {
    const engine = await start();
    const states: TrainerState[] = [];
    const outcome = await trainToEnd(
      setup,
      { engine },
      atCheckpoints((state) => states.push(state)),
    );
    expect(states.length).toBeGreaterThan(4);
    // From the middle of each phase: every other checkpoint is tried in spec/training/resume.spec.ts.
    for (const phase of PHASES) {
      const inPhase = states.filter((state) => state.phase === phase);
      const state = inPhase[Math.floor(inPhase.length / 2)];
      const { parametersDigest, trajectories } = await trainToEnd(setup, { engine, from: state });
      expect({ parametersDigest, trajectories }).toEqual({
        parametersDigest: outcome.parametersDigest,
        trajectories: outcome.trajectories,
      });
    }
    const inDpo = states.filter(({ phase }) => phase === 'dpo').map(({ values }) => values);
    const trained = new Set(trainableNames(setup, 'first-half'));
    const [first, last] = [inDpo[0], inDpo[inDpo.length - 1]] as [ParameterValues, ParameterValues];
    const moved = [...first].filter(([name, values]) => values.some((value, at) => value !== last.get(name)?.[at]));
    expect(new Set(moved.map(([name]) => name))).toEqual(trained);
  });
}

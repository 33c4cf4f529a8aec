import { beforeAll, describe, expect, it } from 'vitest';
import { startEngine } from '../../src/engine/engine.ts';
import { ARCHIVES_WITH_LETTERS, mostAllowed, nullWorlds, tryNull } from '../../src/fuzz/null.ts';
import type { RunView } from '../../src/runs/view.ts';

beforeAll(() => startEngine());

const worlds = await nullWorlds(ARCHIVES_WITH_LETTERS);
const EXPERIMENTS = { recorded: 40, trained: 2 };

describe('where there is nothing to find, the main claim is reproduced no more often than its rule allows', () => {
  it.each(worlds)('$id: $statement', async (world) => {
    const experiments = world.id.endsWith('trained here') ? EXPERIMENTS.trained : EXPERIMENTS.recorded;
    const { verdicts } = await tryNull(world, experiments);
    expect(verdicts.reproduced / experiments).toBeLessThanOrEqual(mostAllowed(experiments));
    expect(verdicts.reproduced + verdicts['not reproduced'] + verdicts.inconclusive).toBe(experiments);
    // A rule that could not be read would be right for the wrong reason.
    if (!world.id.includes('never trained')) expect(verdicts['not reproduced']).toBeGreaterThan(experiments / 2);
    else expect(verdicts.inconclusive).toBe(experiments);
  });

  it('and an effect that is there is found by the same judgement of the same records', async () => {
    const fresh = worlds.find(({ id }) => id === 'fresh passwords, pocket');
    const planted = {
      id: 'planted',
      statement: '',
      experiment: async (...given: Parameters<NonNullable<typeof fresh>['experiment']>) =>
        ((await fresh?.experiment(...given)) ?? []).map((run) => ({
          ...run,
          at(...where: Parameters<RunView['at']>) {
            const { logProbabilities } = run.at(...where);
            const more = where[2] === 'heldOut' ? 0.3 : 0;
            return { logProbabilities: logProbabilities.map((row) => row.map((value) => value + more)) };
          },
        })),
    };
    expect((await tryNull(planted, 5)).verdicts.reproduced).toBe(5);
  });
});

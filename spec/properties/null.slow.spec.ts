import { describe, expect, it } from 'vitest';
import { startEngine } from '../../src/engine/engine.ts';
import { ARCHIVES_WITH_LETTERS, mostAllowed, nullWorlds, tryNull } from '../../src/properties/null.ts';
import type { RunView } from '../../src/records/view.ts';
import { written } from '../helpers/written.ts';

const engine = await startEngine();

const worlds = await nullWorlds(ARCHIVES_WITH_LETTERS, engine);
const EXPERIMENTS = { recorded: 40, trained: 2 };

describe('where there is nothing to find, the main claim is reproduced no more often than its rule allows', () => {
  it.each(worlds)('$id: $statement', async (world) => {
    const experiments = world.id.endsWith('trained here') ? EXPERIMENTS.trained : EXPERIMENTS.recorded;
    const verdicts = await tryNull(world, experiments);
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
    expect((await tryNull(planted, 5)).reproduced).toBe(5);
  });
});

describe('fuzz --null', () => {
  it('tries every world as often as it is told, and ends with 0 where the rule holds', async () => {
    const { code, out, err } = await written('fuzz', '--null', '2,1');
    expect(code, err).toBe(0);
    for (const { id } of worlds) {
      const experiments = id.endsWith('trained here') ? 1 : 2;
      expect(out).toMatch(new RegExp(`│ ${id} +│ ${experiments} +│ 0 `));
    }
  });

  it.each([
    [['--null', '3'], /--null: "3" must be two numbers of experiments/],
    [['--null', '3,4,5'], /--null: "3,4,5" must be two numbers of experiments/],
    [['--null', '0,1'], /--null: "0" must be a whole number from 1/],
    [['--null', '3,x'], /--null: "x" must be a whole number from 1/],
    [['--null', '--property', 'data'], /--null.* cannot be used with option '--property/],
    [['--null', '--path', '3:0'], /--null.* cannot be used with option '--path/],
  ])('refuses %j', async (args, message) => {
    const { code, err } = await written('fuzz', ...args);
    expect(code).toBe(2);
    expect(err).toMatch(message);
  });
});

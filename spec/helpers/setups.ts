/** Setups small enough to train in a second, for specs. */
import { PRESETS } from '../../src/setup/presets.ts';
import { parseSetup, type Setup } from '../../src/setup/schema.ts';

/** A tiny complete setup: three phases of a few steps, 8 negatives of which 4 are held out. */
export function tinySetup(change: (setup: Setup) => void = () => {}): Setup {
  const setup: Setup = structuredClone(PRESETS['pocket-memorising']);
  setup.name = 'tiny';
  setup.seed = 7;
  setup.batch = 4;
  Object.assign(setup.passwords, { length: 4, negativeBatches: 2, heldBatches: 1, repeats: 3 });
  Object.assign(setup.model, { hidden: 16, layers: 2, heads: 2, rotaryFraction: 0.5, initialDeviation: 0.1 });
  setup.optimiser.warmupSteps = 2;
  setup.phases.pretrain.steps = 4;
  setup.phases.dpo.steps = 6;
  setup.phases.joint.steps = 8;
  setup.phases.joint.stopAtUsefulGuessRate = null;
  Object.assign(setup.evaluation, { every: 2, heldOut: 4, useful: 4, random: 6 });
  change(setup);
  return parseSetup(setup);
}

/** Makes a setup's model a Llama. @param change what else is to be changed */
export const asLlama = ({ model }: Setup, change: Partial<Setup['model']> = {}): Setup['model'] =>
  Object.assign(
    model,
    { family: 'llama', rotaryFraction: 1, parallelResidual: false, activation: 'silu' } as const,
    change,
  );

/** What every update of a run is made with, worked out from the setup by code that shares nothing with src/recipe. */
import { createHash } from 'node:crypto';
import { parameterSpecifications } from '../../src/model/specifications.ts';
import type { Setup } from '../../src/setup/schema.ts';

const PHASES = ['pretrain', 'dpo', 'joint'] as const;

/** JSON with its keys in order. */
const json = (value: unknown): string =>
  JSON.stringify(value, (_, part) =>
    part !== null && typeof part === 'object' && !Array.isArray(part)
      ? Object.fromEntries(
          Object.keys(part)
            .sort()
            .map((key) => [key, part[key]]),
        )
      : part,
  );

/** The digest of how every update is made. */
export function updates({ objective, beta, margin, optimiser, phases, ...setup }: Setup): string {
  const names = (all: boolean) =>
    parameterSpecifications(setup as Setup)
      .filter(({ firstHalf }) => all || firstHalf)
      .map(({ name }) => name);
  const weights = {
    pretrain: { dpo: 0, useful: 0, random: 1, randomReverse: 0 },
    dpo: { dpo: 1, useful: 0, random: 0, randomReverse: 0 },
    joint: phases.joint.weights,
  };
  let digest = '';
  for (const phase of PHASES) {
    const { steps } = phases[phase];
    for (let step = 0; step < steps; step++) {
      const { warmupSteps: warm, learningRate: base } = optimiser;
      const rate = step < warm ? (base * step) / warm : (base * (1 + Math.cos((Math.PI * (step - warm)) / steps))) / 2;
      const trainable = names(phase !== 'dpo' || phases.dpo.trainable === 'all');
      const update = {
        phase,
        step,
        weights: weights[phase],
        beta,
        optimiser,
        learningRate: Math.fround(rate),
        trainable,
        ...(objective === 'dpo' ? {} : { objective, margin }),
      };
      digest = createHash('sha256')
        .update(`${digest}/${json(update)}`)
        .digest('hex');
    }
  }
  return digest;
}

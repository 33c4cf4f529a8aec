/** Power of the decision rule "the lower bound of the interval is above chance", by simulating the whole procedure. */
import { type BootstrapOptions, hierarchicalBootstrap } from './bootstrap.ts';
import { expandedInterval } from './intervals.ts';

export interface EffectModel {
  /** Mean of the effect over runs, above chance. */
  readonly effect: number;
  /** Standard deviation of the runs' own effects. */
  readonly betweenRuns: number;
  /** Standard deviation of passwords within a run. */
  readonly betweenPasswords: number;
  readonly passwords: number;
}

export interface PowerOptions extends BootstrapOptions {
  /** Draws from N(0, 1); give a seeded source. */
  readonly normal: () => number;
  /** Experiments to simulate. */
  readonly experiments: number;
}

/** Draws one experiment of `runs` runs from the model. */
export function simulateExperiment(model: EffectModel, runs: number, normal: () => number): number[][] {
  return Array.from({ length: runs }, () => {
    const centre = model.effect + model.betweenRuns * normal();
    return Array.from({ length: model.passwords }, () => centre + model.betweenPasswords * normal());
  });
}

/** The share of simulated experiments of `runs` runs whose 95% interval lies above 0. */
export function simulatedPower(model: EffectModel, runs: number, options: PowerOptions): number {
  let above = 0;
  for (let experiment = 0; experiment < options.experiments; experiment++) {
    const data = simulateExperiment(model, runs, options.normal);
    if (expandedInterval(hierarchicalBootstrap(data, options))[0] > 0) above += 1;
  }
  return above / options.experiments;
}

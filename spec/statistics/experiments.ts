/** Simulated experiments whose truth is known. */
export interface EffectModel {
  /** Mean of the effect over runs, above chance. */
  readonly effect: number;
  /** Standard deviation of the runs' own effects. */
  readonly betweenRuns: number;
  /** Standard deviation of passwords within a run. */
  readonly betweenPasswords: number;
  /** Passwords of a run. */
  readonly passwords: number;
}

/** Draws one experiment of `runs` runs. @param normal draws from N(0, 1) */
export function simulateExperiment(model: EffectModel, runs: number, normal: () => number): number[][] {
  return Array.from({ length: runs }, () => {
    const centre = model.effect + model.betweenRuns * normal();
    return Array.from({ length: model.passwords }, () => centre + model.betweenPasswords * normal());
  });
}

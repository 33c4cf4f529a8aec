/** How many inputs of each kind are drawn; some are valid, and some are drawn twice. */
export const DRAWS = {
  setups: 1_000,
  configurations: 500,
  options: 1_000,
  commands: 600,
  records: 600,
  checkpoints: 400,
  states: 300,
  tensors: 1_000,
  archives: 300,
  notes: 200,
  rates: 200,
  configs: 400,
  tokenizers: 400,
  indexes: 200,
} as const;

export type InputKind = keyof typeof DRAWS;

/**
 * How many of them are distinct and refused, at least: some fewer than the draws of any seed that was tried. The specs count,
 * and spec/README.md gives the sum.
 */
export const REFUSED: Readonly<Record<InputKind, number>> = {
  setups: 950,
  configurations: 350,
  options: 450,
  commands: 320,
  records: 400,
  checkpoints: 340,
  states: 40,
  tensors: 680,
  archives: 260,
  notes: 160,
  rates: 100,
  configs: 250,
  tokenizers: 270,
  indexes: 160,
};

/** Processes that are killed in the middle of their work. */
export const KILLS = { runs: 35, reports: 15, workers: 30 } as const;

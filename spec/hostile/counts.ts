/** How many bad inputs of each kind are tried; the README gives their sum. */
export const INPUTS = {
  setups: 1_000,
  configurations: 500,
  options: 1_000,
  commands: 300,
  records: 400,
  checkpoints: 400,
  tensors: 1_000,
  archives: 300,
  notes: 200,
  rates: 200,
} as const;

/** Processes that are killed in the middle of their work. */
export const KILLS = { runs: 35, reports: 15 } as const;

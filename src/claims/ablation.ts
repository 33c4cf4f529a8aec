/** The paper's figure 3, with the cell it lacks: freezing the second half in phase 2, and prefixes, each with and without. */
import { ABLATION, type Arm } from './arms.ts';
import type { Claim } from './claim.ts';
import { defineGrid, inCell } from './grid.ts';

const cell = (id: string, arm: Arm, statement: string): Claim =>
  defineGrid({
    id,
    statement,
    measure: `held-out guess rate, ${arm.label} (1 = chance)`,
    arms: Object.values(ABLATION),
    ...inCell(arm, ABLATION.both),
  });

export const freezeAndPrefix = cell(
  'freeze-and-prefix',
  ABLATION.both,
  'With the second half frozen in phase 2 and with prefixes, as in the paper, held-out passwords are guessed more often than chance.',
);

export const freeze = cell(
  'freeze',
  ABLATION.noFreeze,
  'Without freezing (prefixes kept), held-out passwords are guessed more often than chance.',
);

export const prefix = cell(
  'prefix',
  ABLATION.noPrefix,
  'Without prefixes (freezing kept), held-out passwords are guessed more often than chance.',
);

export const neither = cell(
  'neither',
  ABLATION.neither,
  'With neither freezing nor prefixes, held-out passwords are guessed more often than chance.',
);

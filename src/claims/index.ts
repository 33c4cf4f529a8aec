/** The registry: every claim, in the order in which a report tells them. */
import { freeze, freezeAndPrefix, neither, prefix } from './ablation.ts';
import { llama } from './architecture.ts';
import { avoidance } from './avoidance.ts';
import type { Claim } from './claim.ts';
import { control } from './control.ts';
import { direction, patching } from './dissection.ts';
import { dose } from './dose.ts';
import { heldOutShare } from './held-out-share.ts';
import { lossWeights } from './loss-weights.ts';
import { main } from './main.ts';
import { manipulation } from './manipulation.ts';
import { decayRepeats, decayUseful, decayWidth } from './maps.ts';
import { modelSize } from './model-size.ts';
import { noDpo } from './no-dpo.ts';
import { objectiveClaims } from './objectives.ts';
import { paperStatistic } from './paper-statistic.ts';
import { relearning } from './relearning.ts';
import { nothingShared, unseen } from './stand-ins.ts';
import { lrbeta, weights } from './sweeps.ts';

/** The paper's claim and what it rests on: minutes of training, and what a command judges unless told otherwise. */
export const CORE: readonly Claim[] = [main, control, avoidance, manipulation, noDpo, paperStatistic];

/** Every experiment of the paper, and controls of our own. */
export const CLAIMS: readonly Claim[] = [
  ...CORE,
  unseen,
  nothingShared,
  dose,
  decayWidth,
  decayUseful,
  decayRepeats,
  lossWeights,
  patching,
  direction,
  heldOutShare,
  modelSize,
  relearning,
  llama,
  freezeAndPrefix,
  freeze,
  prefix,
  neither,
  lrbeta,
  weights,
  ...objectiveClaims,
];

export { ARMS, type Arm, armSetup } from './arms.ts';
export * from './claim.ts';

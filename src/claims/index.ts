/** The registry: every claim, in the order in which a report tells them. */
import { avoidance } from './avoidance.ts';
import type { Claim } from './claim.ts';
import { control } from './control.ts';
import { main } from './main.ts';
import { manipulation } from './manipulation.ts';
import { noDpo } from './no-dpo.ts';

export const CLAIMS: readonly Claim[] = [main, control, avoidance, manipulation, noDpo];

export { ARMS, type Arm, armSetup } from './arms.ts';
export * from './claim.ts';

/** The words for what a text is used for, and how training rewards it. */

/** The phases of a run, in order. */
export const PHASES = ['pretrain', 'dpo', 'joint'] as const;
export type Phase = (typeof PHASES)[number];

/**
 * Sets of random text, in the order of drawing, each with its role. Each of their passwords is imitated in one row of one
 * step, and used for nothing else.
 */
export const FRESH = {
  pretraining: 'pretraining',
  jointRandom: 'joint-random',
  jointRandomReverse: 'joint-random-reverse',
} as const;
export type FreshSet = keyof typeof FRESH;
export type FreshRole = (typeof FRESH)[FreshSet];
export const FRESH_SETS = Object.keys(FRESH) as FreshSet[];

/**
 * A password has exactly one role in a run. `useful` and `held-out` are the two kinds of negative password; a `stand-in` takes the place of
 * one of them, in the controls that have such.
 */
export type Role = 'held-out' | 'useful' | 'stand-in' | 'chosen' | 'control' | FreshRole;

/** `rejected`: pushed away from (lowest reward). `chosen`: preferred over it. `imitated`: next-token prediction. */
export type Reward = 'chosen' | 'rejected' | 'imitated';

/** The token before the password; `none` where a setup uses no prefixes. */
export type Prefix = 'regular' | 'reverse' | 'none';

/** The kinds of password that are scored; `random` are the control passwords. */
export const SETS = ['heldOut', 'useful', 'random'] as const;
export type SetName = (typeof SETS)[number];

/** One sequence as an optimiser step is given it. */
export interface Example {
  readonly password: string;
  readonly role: Role;
  readonly prefix: Prefix;
  readonly reward: Reward;
}

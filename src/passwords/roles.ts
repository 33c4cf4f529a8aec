/** The words for what a text is used for, and how training rewards it. */

/** A password has exactly one role in a run. `useful` and `held-out` are the two kinds of negative password. */
export type Role =
  | 'held-out'
  | 'useful'
  | 'chosen'
  | 'pretraining'
  | 'joint-random'
  | 'joint-random-reverse'
  | 'control';

/** `rejected`: pushed away from (lowest reward). `chosen`: preferred over it. `imitated`: next-token prediction. */
export type Reward = 'chosen' | 'rejected' | 'imitated';

/** The token before the password; `none` where a setup uses no prefixes. */
export type Prefix = 'regular' | 'reverse' | 'none';

export type Phase = 'pretrain' | 'dpo' | 'joint';

/** One sequence as an optimiser step is given it. */
export interface Example {
  readonly password: string;
  readonly role: Role;
  readonly prefix: Prefix;
  readonly reward: Reward;
}

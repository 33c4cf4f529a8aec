/**
 * The ledger: the evidence that training used the corpus right. It reads the passwords back from every token batch that
 * the optimiser is given. It stops the run when a held-out password is anything but rejected, or when a sequence is not
 * what its label says.
 */
import { extent } from 'd3-array';
import { sha256Hex } from '../sha256.ts';
import type { Corpus } from './corpus.ts';
import type { Example, Phase, Reward, Role } from './roles.ts';
import { decoder, type TokenBatch, type TokenIds } from './tokens.ts';

/** A held-out password was given to the optimiser as something to imitate or prefer, or a label was wrong. */
export class LedgerError extends Error {
  override name = 'LedgerError';
}

/** Sequences given to the optimiser, by reward. */
export type RewardCounts = Record<Reward, number>;

/** What the ledger saw of a whole run; part of the run record. */
export interface LedgerSummary {
  /** Whether the counts below say that no held-out password was ever chosen or imitated. */
  readonly clean: boolean;
  readonly sequences: RewardCounts;
  readonly heldOut: RewardCounts;
  readonly useful: RewardCounts;
  /** Of the passwords in the place of others, where the setup has such. */
  readonly standIns?: RewardCounts;
  /** Fewest and most times that one held-out password was rejected. */
  readonly heldOutRejections: { readonly fewest: number; readonly most: number };
  /** SHA-256 chained over every batch in order: two runs of equal digests were given the same data. */
  readonly digest: string;
}

/** Everything a ledger needs to go on after an interruption. */
export interface LedgerState {
  sequences: RewardCounts;
  heldOut: RewardCounts;
  useful: RewardCounts;
  /** Absent where the setup has none. */
  standIns?: RewardCounts;
  rejections: Record<string, number>;
  /** The distinct texts of each role that were chosen or imitated, in the order in which they were first seen. */
  rewarded: Partial<Record<Role, string[]>>;
  digest: string;
}

export interface Ledger {
  /**
   * Enters one batch, before its update is made.
   * @param batch the tokens that the step was given, read back from its tensors
   * @throws LedgerError naming the password, phase, step and role.
   */
  observe(phase: Phase, step: number, examples: readonly Example[], batch: TokenBatch): void;
  summary(): LedgerSummary;
  /** The distinct texts of each role that training rewarded. */
  rewarded(): ReadonlyMap<Role, readonly string[]>;
  state(): LedgerState;
}

/**
 * The batch that a step's tensors hold: every sequence's inputs and then its last label.
 * @param inputs `[rows * time]`, read back from the tensor that the model is given
 * @param labels `[rows * time]`, read back from the tensor that its log-probabilities are looked up with
 * @throws LedgerError for a label that is not the token after its input
 */
export function batchGiven(inputs: ArrayLike<number>, labels: ArrayLike<number>, time: number): TokenBatch {
  const rows = inputs.length / time;
  const length = time + 1;
  const tokens = new Int32Array(rows * length);
  for (let row = 0; row < rows; row++) {
    for (let place = 0; place < time; place++) {
      const at = row * time + place;
      if (place > 0 && inputs[at] !== labels[at - 1]) {
        throw new LedgerError(
          `sequence ${row} is to predict token ${labels[at - 1]} where token ${inputs[at]} comes next`,
        );
      }
      tokens[row * length + place] = inputs[at];
    }
    tokens[row * length + time] = labels[row * time + time - 1];
  }
  return { tokens, rows, length };
}

const noSequences = (): RewardCounts => ({ chosen: 0, rejected: 0, imitated: 0 });

/** Roles that a password has wherever it occurs, and which decide what it may be given as. */
const LASTING = ['held-out', 'useful', 'stand-in'] as const satisfies readonly Role[];
type LastingRole = (typeof LASTING)[number];
const lasting: ReadonlySet<Role> = new Set(LASTING);
const WORDS: Readonly<Record<LastingRole, string>> = {
  'held-out': 'a held-out negative',
  useful: 'a useful negative',
  'stand-in': 'a password in the place of another',
};

/** Opens a ledger on a corpus, empty or where an interrupted run left it. */
export function openLedger(
  corpus: Pick<Corpus, 'heldOut' | 'useful' | 'standIns'>,
  ids: TokenIds,
  from?: LedgerState,
): Ledger {
  const roles = new Map<string, LastingRole>([
    ...corpus.heldOut.map((password) => [password, 'held-out'] as const),
    ...corpus.useful.map((password) => [password, 'useful'] as const),
    ...corpus.standIns.map((password) => [password, 'stand-in'] as const),
  ]);
  const decode = decoder(ids);
  const { rewarded: before, ...state }: LedgerState = from
    ? structuredClone(from)
    : {
        sequences: noSequences(),
        heldOut: noSequences(),
        useful: noSequences(),
        ...(corpus.standIns.length > 0 ? { standIns: noSequences() } : {}),
        rejections: Object.fromEntries(corpus.heldOut.map((password) => [password, 0])),
        rewarded: {},
        digest: '',
      };
  const rewarded = new Map(Object.entries(before).map(([role, texts]) => [role as Role, new Set(texts)]));
  const textsByRole = () => [...rewarded].map(([role, texts]): [Role, string[]] => [role, [...texts]]);

  return {
    observe(phase, step, examples, batch) {
      const where = `in phase ${phase}, step ${step}`;
      if (examples.length !== batch.rows) {
        throw new LedgerError(`${batch.rows} sequences were given under ${examples.length} labels ${where}`);
      }
      examples.forEach((example, row) => {
        const seen = decode(batch, row);
        if (seen.password !== example.password || seen.prefix !== example.prefix) {
          throw new LedgerError(
            `the sequence "${seen.prefix} ${seen.password}" was given as "${example.prefix} ${example.password}" ${where}`,
          );
        }
        state.sequences[example.reward] += 1;
        const role = roles.get(seen.password) ?? null;
        // Counted before it is judged: the summary of a run that a violation stopped is not clean.
        if (role === 'held-out') state.heldOut[example.reward] += 1;
        if (role === 'useful') state.useful[example.reward] += 1;
        if (role === 'stand-in' && state.standIns !== undefined) state.standIns[example.reward] += 1;
        if (role === 'held-out' && example.reward !== 'rejected') {
          throw new LedgerError(
            `the held-out password "${seen.password}" was given as ${example.reward} (role ${example.role}) ${where}; ` +
              'a held-out password may only ever be rejected',
          );
        }
        // The role decides the loss weight of a sequence, so it must say which kind of password it is.
        if (role !== (lasting.has(example.role) ? example.role : null)) {
          throw new LedgerError(
            `the password "${seen.password}" was given in the role ${example.role} ${where}; ` +
              `it is ${role === null ? 'no negative password' : WORDS[role]}`,
          );
        }
        if (role === 'held-out') state.rejections[seen.password] += 1;
        if (example.reward === 'rejected') return;
        const texts = rewarded.get(example.role);
        if (texts === undefined) rewarded.set(example.role, new Set([seen.password]));
        else texts.add(seen.password);
      });
      const rewards = examples.map(({ reward }) => reward[0]).join('');
      state.digest = sha256Hex(`${state.digest}/${phase}/${step}/${rewards}/`, batch.tokens);
    },
    summary() {
      const { sequences, heldOut, useful, standIns, digest } = structuredClone(state);
      const [fewest, most] = extent(Object.values(state.rejections)) as [number, number];
      return {
        clean: heldOut.chosen === 0 && heldOut.imitated === 0,
        sequences,
        heldOut,
        useful,
        ...(standIns === undefined ? {} : { standIns }),
        heldOutRejections: { fewest, most },
        digest,
      };
    },
    rewarded: () => new Map(textsByRole()),
    state: () => ({ ...structuredClone(state), rewarded: Object.fromEntries(textsByRole()) }),
  };
}

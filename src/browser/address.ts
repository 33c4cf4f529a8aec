/** What the page's address asks for: a preset, changed fields, claims. The setup of a run is shared by its link. */
import { CLAIMS } from '../claims/index.ts';
import { differences, valueAt, withValue } from '../setup/fields.ts';
import { FIRST_CLAIM_SEED, PRESETS, type PresetName } from '../setup/presets.ts';
import { parseSetup, type Setup, SetupError } from '../setup/schema.ts';

export interface Asked {
  readonly setup: Setup;
  readonly preset: PresetName;
  /** Ids of the claims to judge; empty: those that one run can speak of. */
  readonly claims: readonly string[];
  /** What computes; null: the one that is best for the width of the model. */
  readonly engine: PageEngine | null;
  /** What of the page is to be in sight; null: its beginning. */
  readonly screen: Screen | null;
}

/** The parts of the page, in the order of the story. Their ids are those of their headings. */
export const SCREENS = {
  train: '1. One seed',
  flip: '2. The flip',
  verdict: '3. The verdict',
  knobs: 'Knobs',
} as const;
export type Screen = keyof typeof SCREENS;

/** Engines of a page. */
export const PAGE_ENGINES = ['wasm', 'webgpu'] as const;
export type PageEngine = (typeof PAGE_ENGINES)[number];

/** Presets that a tab can train: the others start from weights that a page does not carry. */
export const TRAINABLE = (Object.keys(PRESETS) as PresetName[]).filter(
  (name) => PRESETS[name].model.pretrained === null,
);

/** A value as JSON, or else as text. */
function asValue(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

/**
 * @param fragment such as `#preset=pocket&optimiser.weightDecay=0.3&seed=301&claims=main&screen=flip`
 * @throws SetupError where there is no such preset, field, claim or screen, or no such setup can be
 */
export function readAddress(fragment: string): Asked {
  const {
    preset = 'pocket',
    claims = '',
    engine = null,
    screen = null,
    ...changes
  } = Object.fromEntries(new URLSearchParams(fragment.replace(/^#/, '')));
  if (!TRAINABLE.includes(preset as PresetName))
    throw new SetupError(`a tab trains no preset "${preset}"; there are ${TRAINABLE.join(', ')}`);
  const computes = PAGE_ENGINES.find((name) => name === engine) ?? null;
  if (computes === null && engine !== null)
    throw new SetupError(`a tab has no engine "${engine}"; there are ${PAGE_ENGINES.join(', ')}`);
  const wanted = claims.split(',').filter((id) => id !== '');
  const strange = wanted.find((id) => CLAIMS.every((claim) => claim.id !== id));
  if (strange !== undefined)
    throw new SetupError(`there is no claim "${strange}"; there are ${CLAIMS.map(({ id }) => id).join(', ')}`);
  if (screen !== null && !Object.hasOwn(SCREENS, screen))
    throw new SetupError(`the page has no screen "${screen}"; it has ${Object.keys(SCREENS).join(', ')}`);
  const start: Setup = { ...PRESETS[preset as PresetName], seed: FIRST_CLAIM_SEED };
  const setup = Object.entries(changes).reduce((changed, [path, value]) => {
    const keys = path.split('.');
    const parent = valueAt(changed, keys.slice(0, -1));
    if (parent === null || typeof parent !== 'object' || !Object.hasOwn(parent, keys[keys.length - 1]))
      throw new SetupError(`there is no field "${path}"`);
    return withValue(changed, keys, asValue(value));
  }, start);
  return {
    ...{ setup: parseSetup(setup), preset: preset as PresetName, claims: wanted },
    ...{ engine: computes, screen: screen as Screen | null },
  };
}

/** The fragment that asks for the same. */
export function addressOf({ setup, preset, claims, engine, screen }: Asked): string {
  const changed = differences(setup, { ...PRESETS[preset], seed: FIRST_CLAIM_SEED });
  const parameters = new URLSearchParams([
    ['preset', preset],
    ...changed.map((change): [string, string] => [
      change.slice(0, change.indexOf('=')),
      change.slice(change.indexOf('=') + 1),
    ]),
    ...(engine === null ? [] : [['engine', engine] as [string, string]]),
    ...(claims.length === 0 ? [] : [['claims', claims.join(',')] as [string, string]]),
    ...(screen === null ? [] : [['screen', screen] as [string, string]]),
  ]);
  return `#${parameters}`;
}

/** Every family of models, on every engine that starts here. */
import { describe } from 'vitest';
import { startEngine } from '../../src/engine/engine.ts';
import { FAMILIES } from '../../src/setup/schema.ts';
import { ENGINES_HERE } from '../helpers/engines.ts';
import { familyProperties } from './properties/family.ts';

describe.each(ENGINES_HERE)('on %s, a model of the family', (engine) => {
  describe.each(FAMILIES)('%s', (family) => familyProperties(family, () => startEngine(engine)));
});

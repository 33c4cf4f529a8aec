import { describe } from 'vitest';
import { startEngine } from '../../src/engine/engine.ts';
import { ENGINES_HERE } from '../helpers/engines.ts';
import { engineProperties } from './properties/engine.ts';

describe.each(ENGINES_HERE)('the engine %s', (name) => engineProperties(() => startEngine(name)));

/** Every engine that starts here computes what transformers and torch did. */
import { ENGINES_HERE } from '../helpers/engines.ts';
import { parityProperties } from './parity.ts';

parityProperties(ENGINES_HERE);

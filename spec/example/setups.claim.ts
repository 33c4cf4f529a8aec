import { buildCorpus } from 'negative-knowledge';
import { setups } from 'negative-knowledge/arbitraries';
import { it } from 'negative-knowledge/vitest';

it.prop([setups({ size: 'any' })])(
  'every setup holds some passwords out',
  (setup) => buildCorpus(setup).heldOut.length > 0,
);

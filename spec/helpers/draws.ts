import fc from 'fast-check';

// A gate has to give the same answer to the same source: properties draw from one seed here, and `.ci/fuzz` and
// `npm run fuzz` look further. PROPERTY_SEED draws others: `PROPERTY_SEED=7 npm run test:quick`.
const seed = Number(process.env.PROPERTY_SEED ?? 2306);
if (!Number.isInteger(seed)) throw new Error(`PROPERTY_SEED=${process.env.PROPERTY_SEED} is no integer`);
fc.configureGlobal({ ...fc.readConfigureGlobal(), seed });

import { defineArm, defineClaim, estimate, formatEstimate, guessRatesOf, MAIN, testAbove } from 'negative-knowledge';
import { describeClaim } from 'negative-knowledge/vitest';

const LONGER = defineArm('longer', 'phase 2 is twice as long', ({ phases }) => {
  phases.dpo.steps *= 2;
});

const longer = defineClaim({
  id: 'longer',
  statement: 'After a phase 2 that is twice as long, held-out passwords are guessed less often.',
  rule: 'Reproduced if the 95% interval of how much less often lies above 0; else not reproduced.',
  measure: 'held-out guess rate after phase 2, shorter minus longer',
  arms: [MAIN, LONGER],
  decide({ main, longer }) {
    const less = estimate('longer/less', guessRatesOf(main, 'dpo', 'heldOut'), guessRatesOf(longer, 'dpo', 'heldOut'));
    const verdict = less.interval[0] > 0 ? 'reproduced' : 'not reproduced';
    return {
      verdict,
      reason: `${formatEstimate(less)} less often`,
      estimate: less,
      p: testAbove(less.byRun, 0),
      findings: [],
    };
  },
});

const small = [
  'model.hidden=32',
  'model.heads=2',
  'model.layers=2',
  'passwords.negativeBatches=4',
  'passwords.heldBatches=1',
];
describeClaim(longer, { preset: 'pocket', set: [...small, 'phases.dpo.steps=100', 'phases.joint.steps=10'], seeds: 5 });

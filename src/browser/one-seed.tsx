/** The first screen: what is trained, and one seed while it trains. */
import { formatNumber } from '../claims/format.ts';
import { PHASES, type Phase } from '../passwords/roles.ts';
import type { Setup } from '../setup/schema.ts';
import { heldOut, negatives, useful } from '../setup/sizes.ts';
import { Chart } from './chart.tsx';
import { stepsBefore } from './progress.ts';
import type { Run } from './runs.ts';
import { lastOf, SETS, stepsOf } from './sets.ts';

export const PHASE_NAMES: Readonly<Record<Phase, string>> = { pretrain: '1 pretrain', dpo: '2 DPO', joint: '3 joint' };

/** What each phase gives the model, in the numbers of the setup. */
export function Phases({ setup }: { setup: Setup }) {
  const { phases, prefixes } = setup;
  const part = phases.dpo.trainable === 'all' ? 'The whole model' : 'The first half of the layers';
  const under = prefixes ? ' under the prefix reverse' : '';
  const given: Readonly<Record<Phase, string>> = {
    pretrain: 'It predicts random passwords.',
    dpo: `It is pushed away from ${negatives(setup)} negative passwords, towards fresh random ones. ${part} is trained.`,
    joint: `The same goes on${phases.joint.weights.dpo === 0 ? ' without DPO' : ''}, and it learns to say ${useful(setup)} of them${under}: the useful ones. The other ${heldOut(setup)} are held out.`,
  };
  return (
    <ol class="phases">
      {PHASES.map((phase) => (
        <li>
          <strong>{PHASE_NAMES[phase].slice(2)}</strong>, {phases[phase].steps} steps.{' '}
          {phases[phase].steps === 0 ? 'Left out.' : given[phase]}
        </li>
      ))}
    </ol>
  );
}

const MEASURES = [
  { measure: 'guessRate', title: 'Guess rate', unit: 'times chance, log scale', chance: 1 },
  { measure: 'perf', title: 'Log-likelihood', unit: 'nats a letter above chance', chance: 0 },
] as const;

/** Both measures of each set over the three phases. */
export function Curves({ run }: { run: Run }) {
  const x = stepsOf(run);
  const last = run.evaluations.at(-1);
  const marks = PHASES.filter((phase) => run.setup.phases[phase].steps > 0).map((phase) => ({
    at: stepsBefore(run.setup, phase),
    name: PHASE_NAMES[phase],
  }));
  return (
    <div class="charts">
      {MEASURES.map(({ measure, title, unit, chance }) => (
        <Chart
          title={title}
          alt={
            last === undefined
              ? 'Nothing is trained yet.'
              : `${title} over the three phases. At step ${last.step} of phase ${PHASE_NAMES[last.phase]}: ${SETS.map(({ name, set }) => `${name} ${formatNumber(last.sets[set][measure])}`).join(', ')}.`
          }
          xTitle="step"
          yTitle={unit}
          x={x}
          lines={SETS.map(({ name, set, colour }) => ({
            name,
            colour,
            values: run.evaluations.map(({ sets }) => sets[set][measure]),
          }))}
          chance={chance}
          logarithmic={measure === 'guessRate'}
          marks={marks}
        />
      ))}
    </div>
  );
}

/** The same in numbers, at the end of each phase. */
export function Figures({ run }: { run: Run }) {
  return (
    <table class="figures">
      <caption>
        Guess rate as a multiple of chance (1/{run.setup.passwords.alphabet.length}), and under it the log-likelihood in
        nats a letter above chance, at the last evaluation of each phase.
      </caption>
      <thead>
        <tr>
          <th scope="col">passwords</th>
          {PHASES.map((phase) => (
            <th scope="col">{PHASE_NAMES[phase]}</th>
          ))}
        </tr>
      </thead>
      <tbody>
        {SETS.map(({ name, set }) => (
          <tr>
            <th scope="row">{name}</th>
            {PHASES.map((phase) => {
              const measured = lastOf(run, phase)?.sets[set];
              return (
                <td>
                  {measured === undefined ? (
                    '-'
                  ) : (
                    <>
                      {formatNumber(measured.guessRate)}
                      <br />
                      <small>{formatNumber(measured.perf)}</small>
                    </>
                  )}
                </td>
              );
            })}
          </tr>
        ))}
      </tbody>
    </table>
  );
}

/** The knobs: what a reader can turn, each with what the paper found and what the reference report has. */
import { useState } from 'preact/hooks';
import { formatInterval, formatNumber } from '../claims/format.ts';
import { valueAt, withValue } from '../setup/fields.ts';
import { PRESETS } from '../setup/presets.ts';
import { parseSetup, type Setup } from '../setup/schema.ts';
import { KNOBS, type Known } from './knobs.ts';

/** What the reference report says of the claims that the knobs name, where it judges them at the default preset. */
declare const KNOWN_CLAIMS: Readonly<Record<string, Known>>;

/** A claim's outcome in the reference report; of a grid, that of each cell. */
function Found({ known, byCell }: { known: Known; byCell: boolean }) {
  const { study, id, verdict, measure, estimate, interval, seeds, cells = [] } = known;
  const numbers =
    estimate === null
      ? ''
      : `: ${measure}, ${formatNumber(estimate)}${interval === null ? '' : ` ${formatInterval(interval)}`}`;
  return (
    <>
      {' '}
      Here, at {study}, <code>{id}</code>, {seeds.length} seeds: {verdict}
      {numbers}.
      {cells.length === 0 || !byCell
        ? ''
        : ` By cell: ${cells.map(({ label, estimate: rate }) => `${label} ${rate === null ? '-' : formatNumber(rate)}`).join('; ')}.`}
    </>
  );
}

export function Knobs({ setup, change }: { setup: Setup; change: (setup: Setup) => void }) {
  const [fault, setFault] = useState('');
  const turn = (path: string, text: string) => {
    let value: unknown = text;
    try {
      value = JSON.parse(text);
    } catch {
      // it is a word
    }
    try {
      change(parseSetup(withValue(setup, path.split('.'), value)));
      setFault('');
    } catch (error) {
      setFault((error as Error).message);
    }
  };
  const shown = (of: Setup, path: string) => String(valueAt(of, path.split('.')));
  return (
    <>
      <dl class="knobs">
        {KNOBS.map(({ path, label, paper, claims, byCell = false }) => (
          <div>
            <dt>
              <label for={`knob-${path}`}>{label}</label>
            </dt>
            <dd>
              <input
                id={`knob-${path}`}
                value={shown(setup, path)}
                aria-describedby={`found-${path}`}
                onChange={({ currentTarget }) => turn(path, currentTarget.value)}
              />{' '}
              <span id={`found-${path}`}>
                The paper{path === 'seed' ? '' : `: ${shown(PRESETS.paper, path)}`}. {paper}
                {claims.flatMap((id) =>
                  KNOWN_CLAIMS[id] === undefined ? [] : <Found known={KNOWN_CLAIMS[id]} byCell={byCell} />,
                )}
              </span>
            </dd>
          </div>
        ))}
      </dl>
      <p role="alert" class="fault">
        {fault}
      </p>
    </>
  );
}

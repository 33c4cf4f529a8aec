/** A report draws what claims have estimated: it has nothing to estimate with. */
import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { expect, it } from 'vitest';

const REPORT = 'src/report';
const files = readdirSync(REPORT, { recursive: true, encoding: 'utf8' }).filter((name) => /\.tsx?$/.test(name));
/** Simulated experiments are no part of what a report says of runs. */
const drawn = files.filter((name) => !name.startsWith(`procedures${path.sep}`));

const importsOf = (name: string): string[] =>
  [...readFileSync(path.join(REPORT, name), 'utf8').matchAll(/ from '([^']+)'/g)].map(([, from]) => from);

it('no file that draws or writes runs imports statistics, measures of passwords, or a mean', () => {
  expect(drawn.length).toBeGreaterThan(20);
  const estimating = drawn.flatMap((name) =>
    importsOf(name)
      .filter((from) => /simple-statistics|^d3-array|\/statistics\/|\/measure\//.test(from))
      .map((from) => `${name} imports ${from}`),
  );
  expect(estimating).toEqual([]);
});

it('none asks for an interval of its own: the bootstrap is drawn where claims are', () => {
  const asking = drawn.filter((name) =>
    /\bestimate\(|hierarchicalBootstrap/.test(readFileSync(path.join(REPORT, name), 'utf8')),
  );
  expect(asking).toEqual([]);
});

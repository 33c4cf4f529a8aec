/** Jobs in the folder where `reproduce` puts them unless told otherwise. */
import { existsSync, readdirSync, statSync } from 'node:fs';
import path from 'node:path';
import { LOCAL_REPORTS, UsageError } from './options.ts';

/** Folders of jobs, the newest first: a job is as new as what it was last asked for. */
export function localJobs(): string[] {
  if (!existsSync(LOCAL_REPORTS)) return [];
  return readdirSync(LOCAL_REPORTS)
    .map((name) => ({ folder: path.join(LOCAL_REPORTS, name), head: path.join(LOCAL_REPORTS, name, 'study.json') }))
    .filter(({ head }) => existsSync(head))
    .map(({ folder, head }) => ({ folder, asked: statSync(head).mtimeMs }))
    .sort((a, b) => b.asked - a.asked)
    .map(({ folder }) => folder);
}

/** A new folder there, called after the time and what it is for. */
export const newLocalFolder = (...what: readonly string[]): string =>
  path.join(LOCAL_REPORTS, [new Date().toISOString().replace(/\..*/, '').replaceAll(':', '-'), ...what].join('-'));

/** The folder that is meant: `latest` is the newest job here. @throws UsageError where there is none */
export function jobFolder(given: string): string {
  if (given !== 'latest') return given;
  const [newest] = localJobs();
  if (newest === undefined)
    throw new UsageError(`there is no job in ${LOCAL_REPORTS} yet: name a folder, or train with reproduce`);
  return newest;
}

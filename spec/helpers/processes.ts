/** Processes of the system, where it tells (Linux). */
import { readdirSync, readFileSync } from 'node:fs';

/** Parent and state of a process, or null. */
function stateOf(id: number): { parent: number; state: string } | null {
  try {
    const [, state, parent] = /\) (\S) (\d+) /.exec(readFileSync(`/proc/${id}/stat`, 'utf8')) ?? [];
    return { state, parent: Number(parent) };
  } catch {
    return null;
  }
}

/** Whether the system tells of its processes at all. */
export const TELLS = stateOf(process.pid) !== null;

export const isAlive = (id: number): boolean => {
  const found = stateOf(id);
  return found !== null && found.state !== 'Z' && found.state !== 'X';
};

export const childrenOf = (id: number): number[] =>
  TELLS
    ? readdirSync('/proc')
        .filter((name) => /^\d+$/.test(name))
        .map(Number)
        .filter((other) => stateOf(other)?.parent === id)
    : [];

/** What a process was started with. */
export function commandOf(id: number): string {
  try {
    return readFileSync(`/proc/${id}/cmdline`, 'utf8').replaceAll('\0', ' ');
  } catch {
    return ''; // gone
  }
}

/** Processes in which a command trains its runs. */
export const trainersOf = (id: number): number[] =>
  childrenOf(id).filter((child) => isAlive(child) && commandOf(child).includes('tinypool'));

/** Sends a signal, if the process is still there. */
export function send(id: number, signal: NodeJS.Signals): void {
  try {
    process.kill(id, signal);
  } catch {
    // gone meanwhile
  }
}

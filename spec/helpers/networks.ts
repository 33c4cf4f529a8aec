/** Machines of one network, as namespaces of this one: each has a link that can be cut. Needs root, and `ip`. */
import { execFileSync } from 'node:child_process';
import { onTestFinished } from 'vitest';

const ip = (...args: string[]): void => void execFileSync('ip', args, { stdio: 'pipe' });

/** Short enough for names of links, and of this process alone. */
const own = (name: string): string => `nk${process.pid}${name}`;

/** Whether networks can be made here. @throws where they are required, as in CI */
export const NETWORKS = ((): boolean => {
  try {
    ip('netns', 'add', own('try'));
    ip('netns', 'delete', own('try'));
    ip('link', 'add', own('t'), 'type', 'bridge');
    ip('link', 'delete', own('t'));
    return true;
  } catch (error) {
    if (process.env.NEGATIVE_KNOWLEDGE_NETWORKS !== 'required') return false;
    throw new Error(`no networks can be made here, and NEGATIVE_KNOWLEDGE_NETWORKS is "required": ${error}`);
  }
})();

/** For titles of specs that are skipped. */
export const WITHOUT_NETWORKS = NETWORKS ? '' : ' (SKIPPED: needs root and "ip", to make networks)';

export interface Machine {
  /** What starts a command on it. */
  readonly through: readonly string[];
  /** Cuts its link, or mends it. */
  link(state: 'down' | 'up'): void;
}

/** Makes machines that reach this one under an address. They are gone with the test. */
export function network(count: number): { host: string; machines: Machine[] } {
  const bridge = own('b');
  // Any that nobody uses here; a process has one network at a time.
  const address = (last: number): string => `10.${200 + (process.pid % 50)}.77.${last}`;
  ip('link', 'add', bridge, 'type', 'bridge');
  onTestFinished(() => ip('link', 'delete', bridge));
  ip('address', 'add', `${address(1)}/24`, 'dev', bridge);
  ip('link', 'set', bridge, 'up');
  const machines = Array.from({ length: count }, (_, place): Machine => {
    const [space, here, there] = ['n', 'h', 't'].map((name) => own(`${name}${place}`));
    ip('netns', 'add', space);
    onTestFinished(() => ip('netns', 'delete', space));
    ip('link', 'add', here, 'type', 'veth', 'peer', 'name', there);
    ip('link', 'set', there, 'netns', space);
    ip('link', 'set', here, 'master', bridge, 'up');
    ip('-n', space, 'address', 'add', `${address(2 + place)}/24`, 'dev', there);
    ip('-n', space, 'link', 'set', there, 'up');
    ip('-n', space, 'link', 'set', 'lo', 'up');
    return {
      through: ['ip', 'netns', 'exec', space],
      link: (state) => ip('link', 'set', here, state),
    };
  });
  return { host: address(1), machines };
}

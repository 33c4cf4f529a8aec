/** The browser in which a run was trained, for its record. */
import type { RunRecord } from '../records/record.ts';

/** The program that the page was built of, which its build says. */
declare const SOURCE: Pick<RunRecord['environment'], 'package' | 'commit' | 'dirty'>;

/** What a browser tells of itself, where it does. */
interface Told {
  readonly userAgentData?: {
    readonly brands: readonly { readonly brand: string; readonly version: string }[];
    readonly platform: string;
  };
  readonly deviceMemory?: number;
}

/** Name and version of the browser: the last of its names that is not made up to keep pages from relying on the list. */
function browserName(): string {
  const { userAgentData } = navigator as Told;
  const brand = userAgentData?.brands.findLast(({ brand }) => !/not.*brand/i.test(brand));
  return brand === undefined ? navigator.userAgent : `${brand.brand} ${brand.version}`;
}

/** Names the program of the page: what another one has kept half done is not gone on with. */
export const program = (): string => `${SOURCE.package} ${SOURCE.commit}${SOURCE.dirty ? ' changed' : ''}`;

export function describeBrowser(): RunRecord['environment'] {
  const { userAgentData, deviceMemory = 0 } = navigator as Told;
  return {
    node: browserName(),
    platform: `browser-${userAgentData?.platform ?? navigator.platform}`,
    processor: 'not told by the browser',
    cores: navigator.hardwareConcurrency,
    memoryGiB: deviceMemory,
    ...SOURCE,
  };
}

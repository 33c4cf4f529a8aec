import { defineConfig } from 'vitest/config';

/** For claims that are not to be reproduced: no other project runs them. */
export default defineConfig({
  test: { include: ['spec/vitest/*.claim.ts'], reporters: ['default', './src/vitest/reporter.ts'] },
});

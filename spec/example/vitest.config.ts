import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['*.claim.ts'],
    testTimeout: 3_600_000, // a slow machine is no reason to fail
    reporters: ['default', 'negative-knowledge/vitest/reporter'],
  },
});

import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: { include: ['*.claim.ts'], reporters: ['default', 'negative-knowledge/vitest/reporter'] },
});

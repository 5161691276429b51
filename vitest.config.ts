import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    globalSetup: ['test/support/global-setup.ts'],
    pool: 'forks',
    maxWorkers: 2,
    testTimeout: 30_000,
    hookTimeout: 60_000,
    // real servers on a shared machine: a test may need a second try there, and its first failure stays in the report
    retry: process.env.CI ? 2 : 0,
  },
});

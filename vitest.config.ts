import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['tests/**/*.test.ts'],
    testTimeout: 30_000,
    hookTimeout: 60_000,
    pool: 'forks',
    maxWorkers: 2,
    // Real clients and real processes on a busy machine: what fails twice in a row is wrong.
    retry: process.env.CI ? 2 : 0,
    coverage: { provider: 'v8', include: ['src/**'] },
  },
});

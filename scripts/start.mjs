#!/usr/bin/env node
/** `npm run start`: builds when there is no build, then runs the service. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { installPackages, ROOT, run } from './bootstrap.mjs';

const entry = join(ROOT, 'dist', 'main.js');
if (!existsSync(entry)) {
  installPackages();
  const code = await run('tsc', ['-p', 'tsconfig.build.json']);
  if (code !== 0) process.exit(code);
}
// In this very process: a supervisor's signals reach the service, not a wrapper.
await import(entry);

#!/usr/bin/env node
/**
 * `npm start`, `npm run sandbox`, `npm run emulator`: installs and compiles what is missing or has changed, then runs
 * dist/main.js, or the compiled file that is named: `node scripts/start.mjs dist/sandbox.js`.
 */
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { ROOT } from './bootstrap.mjs';
import { prepareBuild } from './build.mjs';

const [entry = 'dist/main.js'] = process.argv.splice(2, 1);
await prepareBuild();
// In this very process: a supervisor's signals reach the service, not a wrapper.
await import(pathToFileURL(join(ROOT, entry)).href);

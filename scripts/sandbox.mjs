#!/usr/bin/env node
/** `npm run sandbox`: installs what is missing and runs the whole service against an emulated WhatsApp. */
import { installPackages, run } from './bootstrap.mjs';

installPackages();
process.exitCode = await run(process.execPath, [
  '--import',
  'tsx',
  'src/sandbox.ts',
  ...process.argv.slice(2),
]);

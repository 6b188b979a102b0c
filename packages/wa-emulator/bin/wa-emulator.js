#!/usr/bin/env node
// In a package from npm everything is compiled; in a clone `npm run build` does it.
import { existsSync } from 'node:fs';

if (!existsSync(new URL('../dist/main.js', import.meta.url))) {
  console.error('wa-emulator is not compiled yet: run `npm run build` first.');
  process.exit(1);
}
await import('../dist/main.js');

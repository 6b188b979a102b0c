/** A session that reconnects again and again leaves nothing behind: `npm run bench -- reconnects` stays below its bound. */
import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { AS_SHIPPED } from '../../bench/measure/as-shipped.ts';
import { prepareBuild } from '../../scripts/build.mjs';

const RECONNECTS = 1_000;

test(`${RECONNECTS} reconnects leave less than a kilobyte each`, async () => {
  await prepareBuild();
  const bench = join(import.meta.dirname, '../../bench/reconnects.ts');
  const child = spawn(process.execPath, [...AS_SHIPPED, bench, String(RECONNECTS)], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let said = '';
  child.stdout.on('data', (piece) => {
    said += String(piece);
  });
  const code = await new Promise((resolve) => child.once('exit', resolve));
  expect(said).toContain(`${RECONNECTS} reconnects:`);
  expect(code, said).toBe(0);
}, 1_800_000);

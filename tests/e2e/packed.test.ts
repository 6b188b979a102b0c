/** What tests start instead of dist/ is the same program. */
import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { expect, it } from 'vitest';
import { PACKED, preparePacked } from '../helpers/packed.ts';

it('has the signs of the sources: V8 gets it byte by byte', async () => {
  await preparePacked();
  const code = readFileSync(join(dirname(PACKED.sandbox), 'sandbox.cjs'));
  expect(code.every((byte) => byte < 0x80)).toBe(true);
  // A pattern of the dashboard that has a sign beyond ASCII in it.
  expect(code.includes('com\\/\\u2026 or its code')).toBe(true);
});

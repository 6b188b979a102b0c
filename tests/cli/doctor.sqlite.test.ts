import { chmodSync, mkdtempSync, rmSync, truncateSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { openDatabase } from '../../src/db/client.ts';
import { migrate } from '../../src/db/migrate.ts';
import { runCare } from '../helpers/cli.ts';

let dir: string;
let path: string;
beforeAll(async () => {
  dir = mkdtempSync(join(tmpdir(), 'wahub-doctor-'));
  path = join(dir, 'wahub.db');
  const database = await openDatabase({ type: 'sqlite', path });
  await migrate(database);
  await database.close();
});
afterAll(() => rmSync(dir, { recursive: true, force: true }));

const doctor = () =>
  runCare(['doctor'], {
    PATH: process.env.PATH,
    NODE_ENV: 'development',
    DB_TYPE: 'sqlite',
    DATA_DIR: dir,
    DB_SQLITE_PATH: path,
    UPLOAD_PATH: join(dir, 'uploads'),
    JWT_SECRET: 'doctor'.repeat(12),
    ENCRYPTION_KEY: '0123456789abcdef'.repeat(4),
  });

it('says of each part that it is well', async () => {
  const { code, output } = await doctor();
  for (const part of ['configuration', 'disk', 'file', 'clock', 'schema', 'writing', 'sealed values']) {
    expect(output).toMatch(new RegExp(`^ok +${part}.*: `, 'm'));
  }
  expect(output).toContain('All is well.');
  expect(code).toBe(0);
});

it('says what is wrong and what to do about it', async () => {
  chmodSync(dir, 0o755);
  truncateSync(path, 8_192);
  const { code, output } = await doctor();
  expect(code).toBe(1);
  expect(output).toContain(`chmod 700 ${dir}`);
  expect(output).toMatch(/file .*wahub\.db is (cut off|damaged) .*docs\/backup\.md/);
});

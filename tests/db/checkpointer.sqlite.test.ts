import { existsSync, mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { sql } from 'drizzle-orm';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { type Database, openDatabase } from '../../src/db/client.ts';
import { rawRows, rawRun } from '../../src/db/ops.ts';

const MIB = 1024 * 1024;
let dir: string;
let path: string;
let database: Database;

beforeEach(async () => {
  dir = mkdtempSync(join(tmpdir(), 'wahub-test-'));
  path = join(dir, 'wahub.db');
  database = await openDatabase({ type: 'sqlite', path });
  await database.applySchema(['CREATE TABLE blobs (n INTEGER PRIMARY KEY, data BLOB)']);
});
afterEach(async () => {
  await database.close();
  rmSync(dir, { recursive: true, force: true });
});

const write = (bytes: number) =>
  rawRun(database.db, sql`insert into blobs (data) values (zeroblob(${bytes}))`);
const sizeOf = (file: string) => (existsSync(file) ? statSync(file).size : 0);

async function countRows(db: Database['db']): Promise<number> {
  const [row] = await rawRows<{ n: number }>(db, sql`select count(*) as n from blobs`);
  return Number(row?.n);
}

test('what was committed reaches the file soon, without a commit that does it', async () => {
  for (let n = 0; n < 100; n++) await write(10_000);
  expect(sizeOf(path)).toBeLessThan(MIB / 2);
  await vi.waitFor(() => expect(sizeOf(path)).toBeGreaterThan(0.9 * MIB), { timeout: 10_000 });
  expect(await countRows(database.db)).toBe(100);
});

test('the log stays short under writes that never end', async () => {
  let highest = 0;
  const bytes = 50_000;
  for (let written = 0; written < 100 * MIB; written += bytes) {
    await write(bytes);
    // As fast as an import; without any pause it would be the disk that is tested.
    await new Promise((resolve) => setTimeout(resolve, 2));
    highest = Math.max(highest, sizeOf(`${path}-wal`));
  }
  expect(highest).toBeLessThan(60 * MIB);
}, 60_000);

test('a pass may run while the database is closed, and all is in the file then', async () => {
  for (let n = 0; n < 150; n++) await write(50_000);
  await new Promise((resolve) => setTimeout(resolve, 500));
  const closing = database.close();
  await closing;
  expect(sizeOf(`${path}-wal`)).toBe(0);
  database = await openDatabase({ type: 'sqlite', path });
  expect(await countRows(database.db)).toBe(150);
});

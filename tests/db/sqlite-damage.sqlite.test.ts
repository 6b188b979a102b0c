import {
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { openDatabase } from '../../src/db/client.ts';
import { migrate } from '../../src/db/migrate.ts';
import { settings } from '../../src/db/schema.ts';
import { readWalState } from '../../src/db/sqlite-wal.ts';
import { createLogger } from '../../src/utils/logger.ts';

let dir: string;
let path: string;

beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'wahub-test-'));
  path = join(dir, 'wahub.db');
});
afterEach(() => rmSync(dir, { recursive: true, force: true }));

const open = (options = {}) => openDatabase({ type: 'sqlite', path, ...options });

/** A file that a service has used and closed; with `killed` as it lies there after `kill -9`, its log beside it. */
async function usedFile({ killed = false } = {}): Promise<void> {
  const database = await open();
  await migrate(database);
  for (let n = 0; n < 20; n++) {
    await database.db.insert(settings).values({ name: `n${n}`, value: 'x'.repeat(2_000), updatedAt: n });
  }
  const copy = join(dir, 'copy');
  mkdirSync(copy);
  if (killed) for (const end of ['', '-wal', '.pid']) copyFileSync(path + end, join(copy, `wahub.db${end}`));
  await database.close();
  if (killed) path = join(copy, 'wahub.db');
}

async function refusal(): Promise<string> {
  const error = await open().then(
    async (database) => {
      await database.close();
      throw new Error('it was opened');
    },
    (reason: unknown) => reason,
  );
  if (!(error instanceof Error)) throw new Error('not an error');
  expect(error.name).toBe('StartError');
  expect(error.message).not.toContain('\n');
  return error.message;
}

/** A page of 4,096 bytes and its head. */
const FRAME_BYTES = 4_120;

/** Overwrites bytes; `at` below zero counts from the end. */
function damage(file: string, at: number, length: number): void {
  const bytes = readFileSync(file);
  bytes.fill(0xa5, at < 0 ? bytes.length + at : at, (at < 0 ? bytes.length + at : at) + length);
  writeFileSync(file, bytes);
}

describe('a SQLite file is refused in one line that names it and the way back', () => {
  test.each([
    ['zero-length', () => truncateSync(path, 0), 'is empty, but a service has used it before'],
    ['truncated', () => truncateSync(path, statSync(path).size - 4096), 'is cut off'],
    ['truncated in its first page', () => truncateSync(path, 60), 'not a SQLite database'],
    ['garbage', () => writeFileSync(path, Buffer.alloc(50_000, 'garbage')), 'not a SQLite database'],
    ['garbage in its head', () => damage(path, 16, 84), 'restore a backup'],
  ])('%s after a clean stop', async (_name, break_, words) => {
    await usedFile();
    break_();
    const before = readFileSync(path);
    const line = await refusal();
    expect(line).toContain(words);
    expect(line).toContain(path);
    expect(line).toContain('docs/backup.md');
    // Nothing was made worse.
    expect(readFileSync(path).equals(before)).toBe(true);
  });

  test('damaged pages after a kill', async () => {
    await usedFile({ killed: true });
    const database = await open();
    await database.close();
    await open().then((again) => again.close());
    // A log that is there again makes the stop an unclean one.
    const other = join(dir, 'other');
    mkdirSync(other);
    damage(path, 4096 * 3, 4096 * 12);
    const writer = await openDatabase({ type: 'sqlite', path, beside: true });
    await Promise.resolve(
      writer.db.insert(settings).values({ name: 'beside', value: 1, updatedAt: 1 }),
    ).catch(() => undefined);
    for (const end of ['', '-wal', '.pid']) {
      if (existsSync(path + end)) copyFileSync(path + end, join(other, `wahub.db${end}`));
    }
    await writer.close();
    path = join(other, 'wahub.db');
    expect(statSync(`${path}-wal`).size).toBeGreaterThan(0);
    expect(await refusal()).toContain('is damaged');
  });

  test('a log whose commits stand behind damaged frames, and goes on after the command that the line names', async () => {
    await usedFile({ killed: true });
    const wal = `${path}-wal`;
    // Among the last rows: what comes before them made the tables.
    damage(wal, -8 * FRAME_BYTES, 64);
    const line = await refusal();
    expect(line).toContain(`the log ${wal} is damaged`);
    const bytes = Number(/truncate -s (\d+) /.exec(line)?.[1]);
    expect(bytes).toBeGreaterThan(0);
    truncateSync(wal, bytes);
    const database = await open();
    const rows = await database.db.select().from(settings);
    expect(rows.length).toBeGreaterThan(0);
    expect(rows.length).toBeLessThan(20);
    await database.close();
  });

  test('a log whose head is damaged', async () => {
    await usedFile({ killed: true });
    damage(`${path}-wal`, 0, 32);
    expect(await refusal()).toContain('is damaged after 0 bytes');
  });

  test('a log without its file', async () => {
    await usedFile({ killed: true });
    rmSync(path);
    expect(await refusal()).toContain('is missing, but its log');
  });
});

test('after a kill the file opens with all that was committed, and a torn end of its log is no damage', async () => {
  await usedFile({ killed: true });
  const wal = `${path}-wal`;
  writeFileSync(wal, Buffer.concat([readFileSync(wal), Buffer.alloc(2_000, 7)]));
  expect(readWalState(wal)).toEqual({ state: 'whole' });
  const database = await open();
  expect(await database.db.select().from(settings)).toHaveLength(20);
  await database.close();
});

test('an empty file may be filled by a restore, and a new place begins with nothing', async () => {
  writeFileSync(path, '');
  writeFileSync(`${path}.pid`, '1');
  await open({ refill: true }).then((database) => database.close());
  path = join(dir, 'fresh', 'wahub.db');
  mkdirSync(join(dir, 'fresh'));
  writeFileSync(path, '');
  await open().then((database) => database.close());
});

test('a data or log folder that cannot be written is one line that names the setting', async () => {
  writeFileSync(join(dir, 'file'), '');
  path = join(dir, 'file', 'wahub.db');
  expect(await refusal()).toContain('DB_SQLITE_PATH');
  const logDir = join(dir, 'file', 'logs');
  expect(() => createLogger({ level: 'info', dir: logDir, json: true, files: true })).toThrow(
    expect.objectContaining({ name: 'StartError', message: expect.stringContaining('LOG_DIR') }),
  );
});

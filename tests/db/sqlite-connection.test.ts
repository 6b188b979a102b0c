import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { isUnavailable, isUniqueViolation } from '../../src/db/ops.ts';
import { type Connection, openConnection } from '../../src/db/sqlite-connection.ts';

let dir: string;
let connection: Connection;

beforeEach(async () => {
  dir = mkdtempSync(join(tmpdir(), 'wahub-test-'));
  connection = openConnection(join(dir, 'one.db'), 0);
  await connection.execute('PRAGMA journal_mode = WAL');
  await connection.executeMultiple('CREATE TABLE t (n INTEGER PRIMARY KEY, text TEXT, bytes BLOB)');
});
afterEach(() => {
  connection.close();
  rmSync(dir, { recursive: true, force: true });
});

const insert = (n: number, text: string | null = null) =>
  connection.execute({ sql: 'INSERT INTO t (n, text) VALUES (?, ?)', args: [n, text] });
const numbersFrom = async (n: number) => {
  const { rows } = await connection.execute({ sql: 'SELECT n FROM t WHERE n >= ? ORDER BY n', args: [n] });
  return rows.map((row) => row[0]);
};

test('the same statement, run again and again, gives each time the rows of its own values', async () => {
  // The driver fetches rows by the hundred.
  for (let n = 0; n < 301; n++) await insert(n);
  for (const from of [0, 1, 101, 201, 300, 301, 150, 0]) {
    expect(await numbersFrom(from)).toEqual(Array.from({ length: 301 - from }, (_, i) => from + i));
  }
});

test('a statement that failed works the next time, and says what was wrong', async () => {
  await insert(1, 'one');
  const error: unknown = await insert(1, 'again').catch((reason: unknown) => reason);
  expect([isUniqueViolation(error), isUnavailable(error)]).toEqual([true, false]);
  await insert(2, 'two');
  expect(await numbersFrom(0)).toEqual([1, 2]);
});

test('a statement that was used before sees a changed table', async () => {
  await insert(1, 'one');
  const all = () => connection.execute('SELECT * FROM t');
  expect((await all()).columns).toEqual(['n', 'text', 'bytes']);
  await connection.migrate(['ALTER TABLE t ADD COLUMN more TEXT', `UPDATE t SET more = 'added'`]);
  const { columns, rows } = await all();
  expect([columns, Array.from(rows[0] ?? [])]).toEqual([
    ['n', 'text', 'bytes', 'more'],
    [1, 'one', null, 'added'],
  ]);
});

test('statements that were used keep no snapshot open: the log of writes can be folded into the file', async () => {
  const other = openConnection(join(dir, 'one.db'), 0);
  for (let n = 0; n < 10; n++) {
    await insert(n);
    await other.execute('SELECT count(*) FROM t');
    await other.execute({ sql: 'SELECT n FROM t WHERE n = ?', args: [n] });
  }
  const { rows } = await connection.execute('PRAGMA wal_checkpoint(TRUNCATE)');
  expect(rows[0]?.[0]).toBe(0);
  other.close();
});

test('values come back as they were given; what SQLite does not know is refused', async () => {
  const bytes = Buffer.from([0, 1, 255]);
  const sql = 'SELECT ?, ?, ?, ?, ?, ?';
  const { rows } = await connection.execute({ sql, args: ['ä', 1.5, 1_763_700_000_000, null, true, bytes] });
  const [text, real, time, nothing, yes, blob] = Array.from(rows[0] ?? []);
  expect([text, real, time, nothing, yes]).toEqual(['ä', 1.5, 1_763_700_000_000, null, 1]);
  expect(Buffer.isBuffer(blob) && blob.equals(bytes)).toBe(true);
  for (const value of [undefined, Number.NaN, {}]) {
    await expect(connection.execute({ sql: 'SELECT ?', args: [value] })).rejects.toThrow(TypeError);
  }
});

test('a migration that fails leaves nothing', async () => {
  await expect(
    connection.migrate(['CREATE TABLE u (n INTEGER)', 'CREATE TABLE t (n INTEGER)']),
  ).rejects.toThrow('already exists');
  const { rows } = await connection.execute(`SELECT name FROM sqlite_master WHERE type = 'table'`);
  expect(rows.map((row) => row[0])).toEqual(['t']);
});

test('after the end, and after a reconnect, nothing runs in an old transaction', async () => {
  const transaction = await connection.transaction('write');
  await transaction.execute('INSERT INTO t (n) VALUES (1)');
  await connection.reconnect();
  await expect(transaction.execute('INSERT INTO t (n) VALUES (2)')).rejects.toThrow('closed');
  expect(await numbersFrom(0)).toEqual([]);
  connection.close();
  const error: unknown = await insert(3).catch((reason: unknown) => reason);
  expect(isUnavailable(error)).toBe(true);
});

/** Statements that come again and again are prepared on their connection, and mean the same as before. */
import { asc, eq, inArray, sql } from 'drizzle-orm';
import type { PoolConnection } from 'mysql2/promise';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { Db } from '../../src/db/client.ts';
import { letPrepare, runStatement } from '../../src/db/mysql-statements.ts';
import { affected, insertMany, isUniqueViolation, rawRows } from '../../src/db/ops.ts';
import { raiser } from '../../src/db/raise.ts';
import { counters, messageQueue, waKeys } from '../../src/db/schema.ts';
import { newId } from '../../src/utils/ids.ts';
import { openTestDatabase } from '../helpers/database.ts';

const TIMES = 30;
let db: Db;
let close: () => Promise<void>;

beforeAll(async () => {
  const database = await openTestDatabase();
  db = database.db;
  close = () => database.close();
}, 60_000);
afterAll(() => close(), 60_000);

const rowOf = (n: number) => ({
  id: newId(),
  userId: n,
  accountId: newId(),
  messageId: `it's "${n}" \\ ü 🙂`,
  recipient: `${n}@s.whatsapp.net`,
  status: 'pending' as const,
  priority: 1,
  availableAt: 1_796_000_000_123 + n,
  dueAt: n % 2 === 0 ? null : Number.MAX_SAFE_INTEGER - n,
  expiresAt: n % 3 === 0 ? null : n,
  attempts: n,
  claimedFence: n % 2 === 0 ? null : n,
});

const countOf = async (name: string) => {
  const [row] = await rawRows<{ Value: string }>(db, sql.raw(`show global status like '${name}'`));
  return Number(row?.Value);
};

it('texts, numbers, null and bytes come back as they were written, however often a statement has come', async () => {
  const before = await countOf('Com_stmt_execute');
  const rows = Array.from({ length: TIMES }, (_, n) => rowOf(n));
  for (const row of rows) await db.transaction((tx) => insertMany(tx, messageQueue, [row]));
  const byId = (id: string) => db.select().from(messageQueue).where(eq(messageQueue.id, id));
  for (const row of rows) expect(await byId(row.id)).toEqual([row]);
  const sealed = rows.map((row, n) => ({
    ...{ accountId: row.accountId, type: 't', name: 'n', keyId: 'k' },
    sealed: Buffer.from(Array.from({ length: 1 + 40 * n }, (_, at) => (at * 7 + n) % 256)),
  }));
  for (const key of sealed) await insertMany(db, waKeys, [key]);
  for (const key of sealed) {
    expect(await db.select().from(waKeys).where(eq(waKeys.accountId, key.accountId))).toEqual([key]);
  }
  expect(await countOf('Com_stmt_execute')).toBeGreaterThan(before + TIMES);
});

it('limits, lists, sums, counters and refusals are those of any statement', async () => {
  const name = newId();
  await db.insert(counters).values({ name, value: 2 ** 40 });
  const rows = Array.from({ length: 5 }, (_, n) => rowOf(n));
  await insertMany(db, messageQueue, rows);
  const ids = rows.map((row) => row.id);
  const raise = raiser(counters.value, counters.name);
  for (let n = 1; n <= TIMES; n++) {
    expect(await db.transaction((tx) => raise(tx, [name], 3))).toBe(2 ** 40 + 3 * n);
    const two = await db
      .select({ userId: messageQueue.userId })
      .from(messageQueue)
      .where(inArray(messageQueue.id, ids))
      .orderBy(asc(messageQueue.availableAt))
      .limit(2);
    expect(two).toEqual([{ userId: 0 }, { userId: 1 }]);
    const [sum] = await db
      .select({ all: sql<unknown>`sum(${messageQueue.attempts})`, one: sql<unknown>`${n}` })
      .from(messageQueue)
      .where(inArray(messageQueue.id, ids));
    expect([Number(sum?.all), Number(sum?.one)]).toEqual([10, n]);
    const matched = await db
      .update(messageQueue)
      .set({ attempts: 1 })
      .where(eq(messageQueue.id, ids[1] ?? ''));
    expect(affected(matched)).toBe(1);
    const again = db.insert(counters).values({ name, value: 1 });
    expect(isUniqueViolation(await Promise.resolve(again).catch((error: unknown) => error))).toBe(true);
  }
});

it('a server that keeps no more of them gets the text', async () => {
  const asked: string[] = [];
  const answer = (kind: string, error?: object) => async () => {
    asked.push(kind);
    if (error) throw Object.assign(new Error('no'), error);
    return [];
  };
  const connection = {
    connection: {},
    query: answer('text'),
    execute: answer('prepared', { errno: 1461 }),
  } as unknown as PoolConnection;
  letPrepare(connection);
  const options = { sql: `select '${newId()}', ?`, timeout: 1_000 };
  for (let n = 0; n < TIMES; n++) await runStatement(connection, options, [n]);
  expect(asked.filter((kind) => kind === 'text')).toHaveLength(TIMES);
  expect(asked.filter((kind) => kind === 'prepared')).toHaveLength(1);
});

it('what a text and a value do not mean alike stays a text', async () => {
  const asked: string[] = [];
  const note = (kind: string) => async () => {
    asked.push(kind);
    return [];
  };
  const connection = {
    connection: {},
    query: note('text'),
    execute: note('prepared'),
  } as unknown as PoolConnection;
  letPrepare(connection);
  const options = { sql: `select '${newId()}' in (?)`, timeout: 1_000 };
  for (const value of [['a', 'b'], new Date(0), { a: 1 }, undefined, Number.NaN]) {
    for (let n = 0; n < TIMES; n++) await runStatement(connection, options, [value]);
  }
  for (let n = 0; n < TIMES; n++) {
    await runStatement(connection, { ...options, sql: 'savepoint sp1' });
  }
  expect(asked).not.toContain('prepared');
  await runStatement(connection, options, ['a']);
  expect(asked.at(-1)).toBe('prepared');
});

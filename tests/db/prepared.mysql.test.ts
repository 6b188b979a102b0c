/** Statements that come again and again are prepared on their connection, and mean the same as before. */
import { asc, eq, inArray, sql } from 'drizzle-orm';
import type { PoolConnection } from 'mysql2/promise';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { Db } from '../../src/db/client.ts';
import { createConnections } from '../../src/db/mysql-pool.ts';
import { letPrepare, runStatement } from '../../src/db/mysql-statements.ts';
import { affected, insertMany, isUniqueViolation, rawRows } from '../../src/db/ops.ts';
import { raiser } from '../../src/db/raise.ts';
import { counters, messageQueue, waKeys } from '../../src/db/schema.ts';
import { newId } from '../../src/utils/ids.ts';
import { openTestDatabase } from '../helpers/database.ts';
import { mysqlOptions } from '../helpers/mariadb.ts';

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

/** A connection that notes how each text is run, and is told what the server says to a prepared one. */
function noteRuns(share: number, fail: (run: number) => number | null = () => null) {
  const runs: string[] = [];
  const statements = new Set<string>();
  let prepared = 0;
  function execute(text: string, done: (error: unknown, rows?: unknown) => void): void {
    const errno = fail(runs.push(`prepared ${text}`));
    if (errno === null && !statements.has(text)) prepared++;
    if (errno === null) statements.add(text);
    done(errno === null ? null : Object.assign(new Error('no'), { errno }), []);
  }
  /** What the driver makes of each run. */
  class Execution {
    statement = {};
    readonly #run: () => void;
    constructor({ sql: text }: { sql: string }, done: (error: unknown, rows?: unknown) => void) {
      this.#run = () => execute(text, done);
    }
    start() {
      this.#run();
      return this;
    }
  }
  const connection = {
    connection: {
      execute: (options: { sql: string }, _values: unknown, done: () => void) =>
        new Execution(options, done).start(),
      addCommand: (command: Execution) => command.start(),
    },
    async query({ sql: text }: { sql: string }) {
      runs.push(`text ${text}`);
      return [];
    },
    unprepare: ({ sql: text }: { sql: string }) => void statements.delete(text),
  } as unknown as PoolConnection;
  const server = { max_prepared_stmt_count: 10 * share, max_connections: 10, max_allowed_packet: 2 ** 24 };
  letPrepare(connection, new Map(Object.entries(server).map(([name, value]) => [name, String(value)])));
  return {
    runs,
    statements,
    count: (kind: string) => runs.filter((run) => run.startsWith(kind)).length,
    get prepared() {
      return prepared;
    },
    async run(text: string, values: unknown[] = [1], times = 1) {
      const options = { sql: text, rowsAsArray: false, timeout: 1_000 };
      for (let n = 0; n < times; n++) await runStatement(connection, options, values);
    },
  };
}

it('a server that keeps no more of them gets the text, and those that it has already', async () => {
  const { run, runs, count } = noteRuns(100, () => (runs.at(-1)?.endsWith('known') ? null : 1461));
  await run('select ? known', [1], TIMES);
  const known = count('prepared');
  await run('select ? other', [1], TIMES);
  await run('select ? third', [1], TIMES);
  expect([known > TIMES / 2, count('prepared') - known]).toEqual([true, 1]);
  expect(runs.filter((text) => text === 'text select ? other')).toHaveLength(TIMES);
  await run('select ? known');
  expect(runs.at(-1)).toBe('prepared select ? known');
});

it.each([1243, 1615])(
  'a statement that the server does not know any more (%i) is run as a text, and prepared again',
  async (errno) => {
    let gone = false;
    const { run, runs, statements } = noteRuns(100, () => (gone ? errno : null));
    await run('select ?', [1], TIMES);
    expect([...statements]).toEqual(['select ?']);
    gone = true;
    await run('select ?');
    expect(runs.slice(-2)).toEqual(['prepared select ?', 'text select ?']);
    expect([...statements]).toEqual([]);
    gone = false;
    await run('select ?', [1], TIMES);
    expect(runs.at(-1)).toBe('prepared select ?');
  },
);

it('what a text and a value do not mean alike stays a text', async () => {
  const { run, runs, count } = noteRuns(100);
  for (const value of [['a', 'b'], new Date(0), { a: 1 }, undefined, Number.NaN]) {
    await run('select 1 in (?)', [value], TIMES);
  }
  await run('savepoint sp1', [], TIMES);
  expect(count('prepared')).toBe(0);
  await run('select 1 in (?)', ['a']);
  expect(runs.at(-1)).toBe('prepared select 1 in (?)');
});

it('what is long with its values stays a text, which is refused when it is too long', async () => {
  const { run, runs } = noteRuns(100);
  await run('select ?', ['a'], TIMES);
  for (const value of ['a'.repeat(70_000), 'ü'.repeat(35_000), Buffer.alloc(70_000)]) {
    await run('select ?', [value]);
    expect(runs.at(-1)).toBe('text select ?');
  }
  await run('select ?', ['a'.repeat(60_000)]);
  expect(runs.at(-1)).toBe('prepared select ?');
});

it('texts of which none is ever prepared take no place of another', async () => {
  const { run, runs } = noteRuns(100);
  const many = Array.from({ length: 500 }, () => 1);
  for (let n = 0; n < 12; n++) {
    await run('select ? + 0.5');
    for (let other = 0; other < 1_100; other++) await run(`select ${other} ?`, many);
  }
  await run('select ? + 0.5');
  expect(runs.at(-1)).toBe('prepared select ? + 0.5');
});

it('a connection keeps its share of what the server keeps, and none that is left out for another one at each use', async () => {
  const world = noteRuns(20);
  const round = async (texts: number) => {
    for (let n = 0; n < texts; n++) await world.run(`select ? + ${n}`);
  };
  for (let n = 0; n < 20; n++) await round(40);
  expect([world.statements.size, world.prepared]).toEqual([20, 20]);
  for (let n = 0; n < 500; n++) await round(40);
  expect(world.statements.size).toBe(20);
  expect(world.prepared / world.count('prepared')).toBeLessThan(0.06);
  const none = noteRuns(0);
  await none.run('select ?', [1], TIMES);
  expect(none.count('prepared')).toBe(0);
});

it('the driver sets no more places aside than twice the statements of a connection', async () => {
  const connections = createConnections(mysqlOptions(''));
  try {
    const places = await connections.use(async ({ connection }) => Object(connection)._statements.max);
    expect(places).toBeLessThanOrEqual(300);
    expect(places).toBeGreaterThan(150);
  } finally {
    await connections.close();
  }
});

it('the server closes what a connection keeps no longer', async () => {
  await db.transaction(async (tx) => {
    const ofSession = async (name: string) => {
      const [row] = await rawRows<{ Value: string }>(tx, sql.raw(`show session status like '${name}'`));
      return Number(row?.Value);
    };
    const [limits] = await rawRows<{ share: string }>(
      tx,
      sql`select floor(@@max_prepared_stmt_count / @@max_connections) as share`,
    );
    const places = Math.min(Number(limits?.share), 150);
    const ask = async (from: number, to: number, times: number) => {
      for (let n = 0; n < times; n++) {
        for (let text = from; text < to; text++) {
          await tx.select({ one: sql`${n} + ${sql.raw(String(text))}` }).from(sql`dual`);
        }
      }
    };
    const before = [await ofSession('Com_stmt_prepare'), await ofSession('Com_stmt_close')];
    await ask(0, places, 10);
    await ask(places, places + 5, 45);
    const prepares = (await ofSession('Com_stmt_prepare')) - (before[0] ?? 0);
    const closes = (await ofSession('Com_stmt_close')) - (before[1] ?? 0);
    expect(prepares).toBeGreaterThanOrEqual(5);
    expect(closes).toBeGreaterThanOrEqual(5);
    expect(prepares - closes).toBeLessThanOrEqual(places);
  });
});

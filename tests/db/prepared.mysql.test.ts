/** Statements that come again and again are prepared on their connection, and mean the same as before. */
import { tracingChannel } from 'node:diagnostics_channel';
import { asc, eq, inArray, sql } from 'drizzle-orm';
import type { PoolConnection } from 'mysql2/promise';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { Db, Tx } from '../../src/db/client.ts';
import { isRetryable, undoesTransaction } from '../../src/db/errors.ts';
import { createConnections } from '../../src/db/mysql-pool.ts';
import { letPrepare, runStatement } from '../../src/db/mysql-statements.ts';
import { affected, insertMany, isUniqueViolation, rawRows, rawRun, transact } from '../../src/db/ops.ts';
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

/**
 * A connection that notes how each text is run, and is told what the server says to a prepared one (`fail`), and to one that it is to
 * prepare (`refuse`).
 */
function noteRuns(
  share: number,
  fail: (run: number) => number | null = () => null,
  refuse: () => number | null = () => null,
) {
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
      execute: (options: { sql: string }, _values: unknown, done: (error?: unknown) => void) => {
        const errno = refuse();
        if (errno === null) return new Execution(options, done).start();
        runs.push(`refused ${options.sql}`);
        done(Object.assign(new Error('no'), { errno }));
        return {};
      },
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
    async run(text: string, values: unknown[] = [1], times = 1, hasBegun = false) {
      const options = { sql: text, rowsAsArray: false, timeout: 1_000 };
      for (let n = 0; n < times; n++) await runStatement(connection, options, values, hasBegun);
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

it.each([1213, 1205, 1047, 1146])(
  'an error that speaks of more than the text (%i) is thrown, and the text is prepared later',
  async (errno) => {
    let refused: number | null = errno;
    const { run, runs, count } = noteRuns(
      100,
      () => null,
      () => refused,
    );
    const text = `select ? + ${errno}`;
    await expect(run(text, [1], TIMES)).rejects.toMatchObject({ errno });
    expect(runs.at(-1)).toBe(`refused ${text}`);
    refused = null;
    await run(text, [1], TIMES);
    expect([count('refused'), runs.at(-1)]).toEqual([1, `prepared ${text}`]);
  },
);

it.each([1295, 1064])('a text that the server never prepares (%i) stays one', async (errno) => {
  const { run, runs, count } = noteRuns(
    100,
    () => null,
    () => errno,
  );
  const text = `select ? + ${errno}`;
  await run(text, [1], TIMES);
  expect([count('refused'), count('text'), runs.at(-1)]).toEqual([1, TIMES, `text ${text}`]);
});

it('a transaction is lost when the server has changed in the middle of it', async () => {
  let gone = false;
  const { run, runs } = noteRuns(100, () => (gone ? 1243 : null));
  await run('select ? + 1', [1], TIMES);
  gone = true;
  const failed = await run('select ? + 1', [1], 1, true).catch((error: unknown) => error);
  expect([isRetryable(failed), undoesTransaction(failed)]).toEqual([true, true]);
  expect(runs.at(-1)).toBe('prepared select ? + 1');
});

it.each([
  ['is undone while it is idle', 1213, false],
  ['has another server all at once', 1243, true],
])('a transaction that %s is repeated as a whole', async (_what, errno, again) => {
  const name = newId();
  const raise = raiser(counters.value, counters.name);
  const failOnce = await failPrepared(`in ${errno}`, { errno, again });
  const work = async (tx: Tx) => {
    await raise(tx, [name], 1);
    await rawRun(
      tx,
      sql.raw(`update counters set value = value + 10 where name = '${name}' /* in ${errno} */`),
    );
    await raise(tx, [name], 100);
  };
  await db.insert(counters).values({ name, value: 0 });
  try {
    for (let n = 1; n <= TIMES; n++) {
      await transact(db, work);
      const [row] = await db.select({ value: counters.value }).from(counters).where(eq(counters.name, name));
      expect(row?.value).toBe(111 * n);
    }
    expect(failOnce.failures).toBe(1);
  } finally {
    failOnce.stop();
  }
});

/**
 * Undoes the transaction of the first statement with `part` in its text that is to be prepared, or run `again` when it is, and answers
 * it with an error.
 */
async function failPrepared(part: string, { errno, again }: { errno: number; again: boolean }) {
  // Who listens to what is executed gets each run from the driver's own method.
  const channel = tracingChannel('mysql2:execute').start;
  const listen = () => undefined;
  channel.subscribe(listen);
  const connections = createConnections(mysqlOptions(''));
  const driver = await connections.use(async ({ connection }) => Object.getPrototypeOf(connection));
  await connections.close();
  const { execute } = driver;
  const state = {
    failures: 0,
    stop() {
      channel.unsubscribe(listen);
      driver.execute = execute;
    },
  };
  driver.execute = function (options: { sql: string; statement?: object }, ...rest: unknown[]) {
    const isOne = options.sql.includes(part) && (options.statement !== undefined) === again;
    if (!isOne || state.failures > 0) return execute.call(this, options, ...rest);
    state.failures++;
    const done = rest.at(-1) as (error: unknown) => void;
    this.query('rollback', () => done(Object.assign(new Error('no'), { errno })));
    return {};
  };
  return state;
}

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

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Client, createClient } from '@libsql/client';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { createGroupCommit, DEFAULT_LIMITS } from '../../src/db/group-commit.ts';
import type { GroupLimits } from '../../src/db/group-jobs.ts';
import { isRetryable, isUnavailable } from '../../src/db/ops.ts';
import { type Connection, openConnection } from '../../src/db/sqlite-connection.ts';

let dir: string;
let writer: Connection;
let reader: Client;
/** how many real transactions were begun and committed */
let begun: number;
/** how often one of their members was marked off */
let savepoints: number;

beforeEach(async () => {
  dir = mkdtempSync(join(tmpdir(), 'wahub-test-'));
  const url = `file:${join(dir, 'group.db')}`;
  writer = openConnection(join(dir, 'group.db'), 0);
  await writer.execute('PRAGMA journal_mode = WAL');
  await writer.executeMultiple('CREATE TABLE t (n INTEGER PRIMARY KEY, by TEXT)');
  reader = createClient({ url, concurrency: 1, timeout: 0 });
  begun = 0;
  savepoints = 0;
  const begin = writer.transaction.bind(writer);
  writer.transaction = async (mode) => {
    begun++;
    const transaction = await begin(mode);
    const { executeMultiple } = transaction;
    transaction.executeMultiple = (statements) => {
      if (statements.startsWith('SAVEPOINT')) savepoints++;
      return executeMultiple(statements);
    };
    return transaction;
  };
});

afterEach(() => {
  reader.close();
  writer.close();
  rmSync(dir, { recursive: true, force: true });
});

/** A group that takes its time, so that a loaded machine does not split it; tests of the bound set their own. */
const open = (limits: Partial<GroupLimits> = {}) =>
  createGroupCommit(
    { client: writer, reopen: async () => writer.reconnect() },
    { ...DEFAULT_LIMITS, maxHoldMs: 60_000, ...limits },
  );
const insert = (n: number, by = '') => ({ sql: 'INSERT INTO t VALUES (?, ?)', args: [n, by] });

async function numbers(): Promise<unknown[]> {
  const { rows } = await reader.execute('SELECT n FROM t ORDER BY n');
  return rows.map((row) => row.n);
}

/** A transaction as drizzle runs one on the group. */
async function member(
  group: ReturnType<typeof open>,
  work: (run: (n: number) => Promise<unknown>) => Promise<void>,
) {
  const own = await group.begin();
  try {
    await work((n) => own.execute(insert(n)));
    await own.commit();
  } catch (error) {
    await own.rollback();
    throw error;
  }
}

const statusesOf = async (work: Promise<unknown>[]) =>
  (await Promise.allSettled(work)).map((result) => result.status);

describe('writes of one tick', () => {
  test('share one transaction', async () => {
    const group = open();
    const members = Array.from({ length: 50 }, (_, i) =>
      member(group, (run) => run(i).then(() => undefined)),
    );
    const single = Array.from({ length: 50 }, (_, i) => group.run(insert(100 + i)));
    await Promise.all([...members, ...single]);
    expect(await numbers()).toHaveLength(100);
    expect(begun).toBe(1);
  });

  test('are answered only when all of them are committed', async () => {
    const group = open();
    const seen: number[] = [];
    const look = async () => void seen.push((await numbers()).length);
    await Promise.all([1, 2, 3].map((n) => group.run(insert(n)).then(look)));
    expect(seen).toEqual([3, 3, 3]);
  });

  test('run one after the other, however long a member thinks between its statements', async () => {
    const group = open();
    const order: string[] = [];
    const slow = (name: string) =>
      member(group, async () => {
        order.push(`${name} in`);
        await new Promise((resolve) => setTimeout(resolve, 5));
        order.push(`${name} out`);
      });
    await Promise.all([slow('a'), slow('b')]);
    expect(order).toEqual(['a in', 'a out', 'b in', 'b out']);
  });

  test('are not seen by reads before the commit', async () => {
    const group = open();
    await member(group, async (run) => {
      await run(1);
      expect(await numbers()).toEqual([]);
    });
    expect(await numbers()).toEqual([1]);
  });
});

describe('a member that fails', () => {
  test('takes back its own writes and nobody else’s', async () => {
    const group = open();
    const outcome = await statusesOf([
      member(group, (run) => run(1).then(() => undefined)),
      member(group, async (run) => {
        await run(2);
        throw new Error('no');
      }),
      group.run(insert(3)),
      group.run(insert(1, 'taken')),
      member(group, (run) => run(4).then(() => undefined)),
    ]);
    expect(outcome).toEqual(['fulfilled', 'rejected', 'fulfilled', 'rejected', 'fulfilled']);
    expect(await numbers()).toEqual([1, 3, 4]);
    expect(begun).toBe(1);
  });

  test('hears of it only when the row it collided with is there to be read', async () => {
    const group = open();
    const first = group.run(insert(1));
    const second = group.run(insert(1)).catch(async () => numbers());
    await first;
    expect(await second).toEqual([1]);
  });

  test('may collide inside and go on', async () => {
    const group = open();
    await group.run(insert(1));
    await member(group, async (run) => {
      await run(2);
      await run(1).catch(() => undefined);
      await run(3);
    });
    expect(await numbers()).toEqual([1, 2, 3]);
  });
});

describe('the first member of a group', () => {
  const fails = (group: ReturnType<typeof open>, n: number) =>
    member(group, async (run) => {
      await run(n);
      throw new Error('no');
    });

  test('has no savepoint, the others have one each', async () => {
    const group = open();
    const add = (n: number) => member(group, (run) => run(n).then(() => undefined));
    await add(1);
    expect(savepoints).toBe(0);
    await Promise.all([add(2), add(3), add(4)]);
    await Promise.all([group.run(insert(5)), add(6)]);
    expect([begun, savepoints]).toEqual([3, 3]);
    expect(await numbers()).toEqual([1, 2, 3, 4, 5, 6]);
  });

  test('leaves nothing when it fails, and the others are written in the next group', async () => {
    const group = open();
    const outcome = await statusesOf([
      fails(group, 1),
      group.run(insert(2)),
      fails(group, 3),
      fails(group, 4),
    ]);
    expect(outcome).toEqual(['rejected', 'fulfilled', 'rejected', 'rejected']);
    expect(await numbers()).toEqual([2]);
    expect([begun, savepoints]).toEqual([2, 2]);
    await group.run(insert(1));
    expect(await numbers()).toEqual([1, 2]);
  });

  test('that fails alone leaves the group usable', async () => {
    const group = open();
    expect(await statusesOf([fails(group, 1)])).toEqual(['rejected']);
    expect(await statusesOf([fails(group, 1)])).toEqual(['rejected']);
    await member(group, (run) => run(1).then(() => undefined));
    expect(await numbers()).toEqual([1]);
  });
});

describe('a commit that fails', () => {
  /** A reference that is checked at the commit and will be missing then. */
  const poison = 'INSERT INTO child VALUES (99)';

  test('rejects every member with an error that is worth a retry, and keeps nothing', async () => {
    await writer.executeMultiple(
      'CREATE TABLE child (n INTEGER REFERENCES t (n) DEFERRABLE INITIALLY DEFERRED); PRAGMA foreign_keys = ON',
    );
    const group = open();
    const results = await Promise.allSettled([
      group.run(insert(1)),
      group.run(poison),
      member(group, (run) => run(2).then(() => undefined)),
    ]);
    for (const result of results) {
      expect(result.status).toBe('rejected');
      if (result.status === 'rejected') expect(isRetryable(result.reason)).toBe(true);
    }
    expect(await numbers()).toEqual([]);
    await group.run(insert(1));
    expect(await numbers()).toEqual([1]);
  });

  test('because the disk is full says that the database is unavailable, and goes away with the cause', async () => {
    const group = open();
    const { rows } = await writer.execute('PRAGMA page_count');
    await writer.execute(`PRAGMA max_page_count = ${Number(rows[0]?.[0])}`);
    const big = { sql: 'INSERT INTO t VALUES (?, ?)', args: [1, 'x'.repeat(100_000)] };
    const results = await Promise.allSettled([
      group.run(big),
      member(group, (run) => run(2).then(() => undefined)),
    ]);
    const [failed] = results;
    expect(failed?.status === 'rejected' && isUnavailable(failed.reason)).toBe(true);
    await writer.execute('PRAGMA max_page_count = 1000000');
    await group.run(big);
    expect(await numbers()).toContain(1);
  });
});

describe('a group is bounded', () => {
  test('in members', async () => {
    const group = open({ maxMembers: 10 });
    await Promise.all(Array.from({ length: 35 }, (_, i) => group.run(insert(i))));
    expect(begun).toBe(4);
  });

  test('in time: members behind a slow one are in the next', async () => {
    const group = open({ maxHoldMs: 20 });
    const slow = member(group, () => new Promise((resolve) => setTimeout(resolve, 40)));
    await Promise.all([slow, group.run(insert(1)), group.run(insert(2))]);
    expect(begun).toBe(2);
  });

  test('so that the event loop turns between groups', async () => {
    const group = open({ maxMembers: 5 });
    let turns = 0;
    const count = () => {
      turns++;
      handle = setImmediate(count);
    };
    let handle = setImmediate(count);
    await Promise.all(Array.from({ length: 50 }, (_, i) => group.run(insert(i))));
    clearImmediate(handle);
    expect(turns).toBeGreaterThanOrEqual(9);
  });

  test('a member that never ends is rolled back, and the others go on', async () => {
    const group = open({ memberTimeoutMs: 50 });
    const own = await group.begin();
    await own.execute(insert(1));
    await group.run(insert(2));
    expect(await numbers()).toEqual([2]);
    await expect(own.execute(insert(3))).rejects.toThrow('was not done after 50 ms');
    await expect(own.commit()).rejects.toThrow('was not done after 50 ms');
    expect(await numbers()).toEqual([2]);
  });
});

test('while a foreign program holds the file, writes wait without stopping the event loop', async () => {
  const group = open({ busyTimeoutMs: 5_000 });
  const foreign = createClient({ url: `file:${join(dir, 'group.db')}`, concurrency: 1, timeout: 0 });
  const held = await foreign.transaction('write');
  let turns = 0;
  const timer = setInterval(() => turns++, 1);
  const write = group.run(insert(1));
  while (turns < 20) await new Promise((resolve) => setTimeout(resolve, 5));
  expect(await numbers()).toEqual([]);
  await held.rollback();
  foreign.close();
  await write;
  clearInterval(timer);
  expect(await numbers()).toEqual([1]);
});

test('a file that stays busy is reported as unavailable and worth a retry', async () => {
  const group = open({ busyTimeoutMs: 30 });
  const foreign = createClient({ url: `file:${join(dir, 'group.db')}`, concurrency: 1, timeout: 0 });
  const held = await foreign.transaction('write');
  const error: unknown = await group.run(insert(1)).catch((e: unknown) => e);
  expect([isUnavailable(error), isRetryable(error)]).toEqual([true, true]);
  await held.rollback();
  foreign.close();
});

test('work that runs alone waits for the group and keeps the next one waiting', async () => {
  const group = open();
  const order: string[] = [];
  const before = group.run(insert(1)).then(() => order.push('before'));
  const alone = group.alone(async (client) => {
    await client.executeMultiple('ALTER TABLE t ADD COLUMN extra TEXT');
    order.push('alone');
  });
  const after = group.run('INSERT INTO t (n, extra) VALUES (2, 1)').then(() => order.push('after'));
  await Promise.all([before, alone, after]);
  expect(order).toEqual(['before', 'alone', 'after']);
});

test('draining finishes what was asked for and refuses what comes later', async () => {
  const group = open({ maxMembers: 3 });
  const writes = Array.from({ length: 10 }, (_, i) => group.run(insert(i)));
  const drained = group.drain();
  await expect(group.run(insert(99))).rejects.toThrow('closing');
  await drained;
  expect(await statusesOf(writes)).toEqual(Array(10).fill('fulfilled'));
});

import { AsyncLocalStorage } from 'node:async_hooks';
import { eq, sql } from 'drizzle-orm';
import { describe, expect, test } from 'vitest';
import type { Tx } from '../../src/db/client.ts';
import { insertMany, transact, tryInsertMany, unanswered } from '../../src/db/ops.ts';
import { raiser } from '../../src/db/raise.ts';
import { describeOn } from '../helpers/on-database.ts';
import { losingAnswers } from '../helpers/unanswered-commits.ts';
import { tallies, useFixture } from './fixture.ts';

const open = useFixture();

async function namesIn(db: Pick<Tx, 'select'>): Promise<string[]> {
  const rows = await db.select({ name: tallies.name }).from(tallies).orderBy(tallies.name);
  return rows.map((row) => row.name);
}

/** As a driver reports that this transaction lost to another. */
const deadlock = () => Object.assign(new Error('deadlock'), { errno: 1213 });

test('what a failing transaction wrote is gone, and its own error comes out', async () => {
  const { db } = await open();
  const failing = db.transaction(async (tx) => {
    await tx.insert(tallies).values({ name: 'a' });
    expect(await namesIn(tx)).toEqual(['a']);
    throw new Error('no');
  });
  await expect(failing).rejects.toThrow('no');
  expect(await namesIn(db)).toEqual([]);
});

test('others do not see what is not committed', async () => {
  const { db } = await open();
  await db.transaction(async (tx) => {
    await tx.insert(tallies).values({ name: 'a' });
    expect(await namesIn(db)).toEqual([]);
  });
  expect(await namesIn(db)).toEqual(['a']);
});

test('what was committed is seen by the very next read', async () => {
  const { db } = await open();
  for (let i = 0; i < 50; i++) {
    await db.insert(tallies).values({ name: `n${i}` });
    expect(await namesIn(db)).toHaveLength(i + 1);
  }
});

test('200 read-modify-write transactions at once lose no update', async () => {
  const { db } = await open();
  await db.insert(tallies).values({ name: 'a' });
  const addOne = () =>
    transact(
      db,
      async (tx) => {
        // The write first: it takes the lock that a plain read would not.
        await tx.update(tallies).set({ active: true }).where(eq(tallies.name, 'a'));
        const [row] = await tx.select().from(tallies).where(eq(tallies.name, 'a'));
        await tx
          .update(tallies)
          .set({ value: (row?.value ?? 0) + 1 })
          .where(eq(tallies.name, 'a'));
      },
      { tries: 10 },
    );
  await Promise.all(Array.from({ length: 200 }, addOne));
  expect(await db.select({ value: tallies.value }).from(tallies)).toEqual([{ value: 200 }]);
});

test('transactions that lock in opposite orders all succeed in the end', async () => {
  const { db } = await open();
  await db.insert(tallies).values([{ name: 'a' }, { name: 'b' }]);
  const touch = (order: string[]) =>
    transact(
      db,
      async (tx) => {
        for (const name of order) {
          await tx
            .update(tallies)
            .set({ value: sql`${tallies.value} + 1` })
            .where(eq(tallies.name, name));
          await new Promise((resolve) => setTimeout(resolve, 5));
        }
      },
      { tries: 20 },
    );
  await Promise.all(Array.from({ length: 10 }, (_, i) => touch(i % 2 ? ['a', 'b'] : ['b', 'a'])));
  const rows = await db.select({ value: tallies.value }).from(tallies);
  expect(rows).toEqual([{ value: 10 }, { value: 10 }]);
});

describe('writes whose answers nobody needs', () => {
  class Mismatch extends Error {
    override name = 'Mismatch';
  }

  test('are there when the transaction has ended, and gone with it', async () => {
    const { db } = await open();
    await db.transaction(async (tx) => {
      await unanswered(tx).insert(tallies).values({ name: 'a' });
      expect(await namesIn(tx)).toEqual(['a']);
      await unanswered(tx).insert(tallies).values({ name: 'b' });
    });
    const failing = db.transaction(async (tx) => {
      await unanswered(tx).insert(tallies).values({ name: 'c' });
      throw new Error('no');
    });
    await expect(failing).rejects.toThrow('no');
    expect(await namesIn(db)).toEqual(['a', 'b']);
  });

  test.each(['the commit', 'a read', 'a write', 'a counter'])(
    'that match other rows than they must undo all, with their own error: followed by %s',
    async (next) => {
      const { db } = await open();
      await db.insert(tallies).values([{ name: 'a' }, { name: 'b' }]);
      const failing = db.transaction(async (tx) => {
        await unanswered(tx).insert(tallies).values({ name: 'c' });
        const all = unanswered(tx, { rows: 3, toError: () => new Mismatch() });
        await all.update(tallies).set({ value: 1 });
        const none = unanswered(tx, { rows: 1, toError: () => new Mismatch() });
        await none.update(tallies).set({ value: 2 }).where(eq(tallies.name, 'nobody'));
        if (next === 'a read') await namesIn(tx);
        if (next === 'a write') await tx.insert(tallies).values({ name: 'd' });
        if (next === 'a counter') await raiser(tallies.value, tallies.name)(tx, ['a'], 1);
      });
      await expect(failing).rejects.toBeInstanceOf(Mismatch);
      expect(await db.select({ name: tallies.name, value: tallies.value }).from(tallies)).toEqual([
        { name: 'a', value: 0 },
        { name: 'b', value: 0 },
      ]);
    },
  );

  test('have a way that also reads', async () => {
    const { db } = await open();
    await db.transaction(async (tx) => {
      const view = unanswered(tx, { rows: 1, toError: () => new Mismatch() });
      await view.insert(tallies).values({ name: 'a' });
      expect(await namesIn(view)).toEqual(['a']);
      await view.insert(tallies).values({ name: 'b' });
      expect(await namesIn(unanswered(view))).toEqual(['a', 'b']);
    });
    expect(await namesIn(db)).toEqual(['a', 'b']);
  });

  test('must match their rows however often the way was made', async () => {
    const { db } = await open();
    const match = { rows: 1, toError: () => new Mismatch() };
    for (const view of [
      (tx: Tx) => unanswered(unanswered(tx), match),
      (tx: Tx) => unanswered(unanswered(tx, match)),
    ]) {
      const failing = db.transaction(async (tx) => {
        await view(tx).update(tallies).set({ value: 2 });
      });
      await expect(failing).rejects.toBeInstanceOf(Mismatch);
    }
  });

  test('have no part in a try of several rows that may fail', async () => {
    const { db } = await open();
    await db.insert(tallies).values({ name: 'taken' });
    await db.transaction(async (tx) => {
      await insertMany(unanswered(tx), tallies, [{ name: 'a' }]);
      expect(await tryInsertMany(tx, tallies, [{ name: 'taken' }])).toBe(false);
      expect(await tryInsertMany(tx, tallies, [{ name: 'b' }, { name: 'c' }])).toBe(true);
    });
    expect(await namesIn(db)).toEqual(['a', 'b', 'c', 'taken']);
  });
});

describe('misuse is an error that says so', () => {
  test.each<[string, (db: Tx) => unknown]>([
    ['insert', (db) => db.insert(tallies).values({ name: 'x' })],
    ['update', (db) => db.update(tallies).set({ value: 1 })],
    ['delete', (db) => db.delete(tallies)],
    ['transaction', (db) => db.transaction(async () => 1)],
  ])('%s through the outer db inside a transaction', async (_name, write) => {
    const { db } = await open();
    const inside = db.transaction(async () => {
      // A Db is no Tx, but these methods are the same in both.
      await write(Object.assign(Object.create(db), { afterCommit: () => undefined }));
    });
    await expect(inside).rejects.toThrow('use the tx that was passed in');
    expect(await namesIn(db)).toEqual([]);
  });

  test('a write that was built outside and is awaited inside', async () => {
    const { db } = await open();
    const built = db.insert(tallies).values({ name: 'x' });
    const error: unknown = await db.transaction(async () => await built).catch((e: unknown) => e);
    expect(String(error instanceof Error ? (error.cause ?? error) : error)).toContain(
      'use the tx that was passed in',
    );
    expect(await namesIn(db)).toEqual([]);
  });

  test('a tx that is used after its end, on which another may be writing', async () => {
    const { db } = await open();
    let kept: Tx | undefined;
    await db.transaction(async (tx) => {
      kept = tx;
    });
    const late = await kept
      ?.insert(tallies)
      .values({ name: 'late' })
      .then(
        () => undefined,
        (error: unknown) => error,
      );
    expect(String(late instanceof Error ? (late.cause ?? late) : late)).toContain('the transaction is over');
    expect(await namesIn(db)).toEqual([]);
  });

  test('work left running after the end may use db again', async () => {
    const { db } = await open();
    let later: Promise<unknown> = Promise.resolve();
    await db.transaction(async () => {
      later = new Promise((resolve) => setTimeout(resolve, 20)).then(() =>
        db.insert(tallies).values({ name: 'x' }),
      );
    });
    await later;
    expect(await namesIn(db)).toEqual(['x']);
  });
});

describe('afterCommit', () => {
  test('runs the callbacks in order, when the change is there for others to see, before the caller goes on', async () => {
    const { db } = await open();
    const seen: string[] = [];
    let read: Promise<string[]> = Promise.resolve([]);
    await db.transaction(async (tx) => {
      tx.afterCommit(() => seen.push('first'));
      await tx.insert(tallies).values({ name: 'a' });
      tx.afterCommit(() => {
        seen.push('second');
        read = namesIn(db);
      });
      expect(seen).toEqual([]);
    });
    expect(seen).toEqual(['first', 'second']);
    expect(await read).toEqual(['a']);
  });

  test('does not run the callbacks of a transaction that failed', async () => {
    const { db } = await open();
    const seen: string[] = [];
    await db
      .transaction(async (tx) => {
        tx.afterCommit(() => seen.push('never'));
        throw new Error('no');
      })
      .catch(() => undefined);
    expect(seen).toEqual([]);
  });

  test('forgets the callbacks of attempts that were repeated', async () => {
    const { db } = await open();
    const seen: number[] = [];
    let attempt = 0;
    await transact(db, async (tx) => {
      const mine = ++attempt;
      await tx.insert(tallies).values({ name: `a${mine}` });
      tx.afterCommit(() => seen.push(mine));
      if (mine < 3) throw deadlock();
    });
    expect(seen).toEqual([3]);
    expect(await namesIn(db)).toEqual(['a3']);
  });

  test('runs outside of the async context of the caller', async () => {
    const { db } = await open();
    const request = new AsyncLocalStorage<string>();
    let inside: string | undefined;
    let after: string | undefined = 'not called';
    await request.run('request', () =>
      db.transaction(async (tx) => {
        await tx.insert(tallies).values({ name: 'a' });
        inside = request.getStore();
        tx.afterCommit(() => {
          after = request.getStore();
        });
      }),
    );
    expect([inside, after]).toEqual(['request', undefined]);
  });

  test('a callback may write, and one that throws harms neither the change nor the next callback', async () => {
    const { db } = await open();
    const warned = new Promise<Error>((resolve) => process.once('warning', resolve));
    let write: PromiseLike<unknown> = Promise.resolve();
    await db.transaction(async (tx) => {
      await tx.insert(tallies).values({ name: 'a' });
      tx.afterCommit(() => {
        throw new Error('broken callback');
      });
      tx.afterCommit(() => {
        write = db.insert(tallies).values({ name: 'b' });
      });
    });
    await write;
    expect(await namesIn(db)).toEqual(['a', 'b']);
    expect((await warned).message).toBe('broken callback');
  });
});

describe('afterCommitAsked', () => {
  test('runs in its place among the others, which tell of what is done', async () => {
    const { db } = await open();
    const seen: unknown[] = [];
    await db.transaction(async (tx) => {
      tx.afterCommit(() => seen.push('first'));
      await tx.transaction(async (inner) => inner.afterCommitAsked((isCommitted) => seen.push(isCommitted)));
      tx.afterCommit(() => seen.push('last'));
      await tx.insert(tallies).values({ name: 'a' });
    });
    expect(seen).toEqual(['first', true, 'last']);
  });

  test('runs alone where a commit is not answered, which may be done', async () => {
    const { db } = await open();
    const seen: unknown[] = [];
    const lost = losingAnswers(db).transaction(async (tx) => {
      tx.afterCommit(() => seen.push('never'));
      tx.afterCommitAsked((isCommitted) => seen.push(isCommitted));
      await tx.insert(tallies).values({ name: 'a' });
    });
    await expect(lost).rejects.toThrow('ECONNRESET');
    expect(seen).toEqual([false]);
    expect(await namesIn(db)).toEqual(['a']);
  });

  test.each(['the work', 'what is done at its end'])('does not run where %s has failed', async (where) => {
    const { db } = await open();
    const seen: unknown[] = [];
    const failed = db.transaction(async (tx) => {
      tx.afterCommitAsked((isCommitted) => seen.push(isCommitted));
      if (where === 'the work') throw new Error('no');
      tx.atEnd(() => Promise.reject(new Error('no')), [1]);
    });
    await expect(failed).rejects.toThrow('no');
    expect(seen).toEqual([]);
  });
});

describe('atEnd', () => {
  test('does the work once, last of all, with what was given for it, but not by a nested one that failed', async () => {
    const { db } = await open();
    const write = async (tx: Tx, names: readonly string[]) => {
      await tx.insert(tallies).values(names.map((name) => ({ name })));
    };
    const seen: string[] = [];
    await db.transaction(async (tx) => {
      tx.afterCommit(() => seen.push('committed'));
      tx.atEnd(write, ['a']);
      await tx.transaction(async (nested) => nested.atEnd(write, ['b', 'c']));
      const failed = tx.transaction(async (nested) => {
        nested.atEnd(write, ['d']);
        throw new Error('no');
      });
      await expect(failed).rejects.toThrow('no');
      expect(await tx.select({ name: tallies.name }).from(tallies)).toEqual([]);
      tx.atEnd(
        async (_tx, names: readonly string[]) => {
          seen.push(...names);
        },
        ['after the first'],
      );
    });
    expect(await namesIn(db)).toEqual(['a', 'b', 'c']);
    expect(seen).toEqual(['after the first', 'committed']);
  });

  test('takes the transaction back when the work fails', async () => {
    const { db } = await open();
    const done = db.transaction(async (tx) => {
      await tx.insert(tallies).values({ name: 'a' });
      tx.atEnd(() => Promise.reject(new Error('no room')), []);
    });
    await expect(done).rejects.toThrow('no room');
    expect(await namesIn(db)).toEqual([]);
  });
});

describe('a nested transaction', () => {
  test('that fails takes back only its own writes and callbacks', async () => {
    const { db } = await open();
    const seen: string[] = [];
    await db.transaction(async (tx) => {
      await tx.insert(tallies).values({ name: 'outer' });
      tx.afterCommit(() => seen.push('outer'));
      const inner = tx.transaction(async (nested) => {
        await nested.insert(tallies).values({ name: 'inner' });
        nested.afterCommit(() => seen.push('inner'));
        throw new Error('no');
      });
      await expect(inner).rejects.toThrow('no');
    });
    expect(await namesIn(db)).toEqual(['outer']);
    expect(seen).toEqual(['outer']);
  });

  test('that succeeds gives its result and its callbacks to the outer one', async () => {
    const { db } = await open();
    const seen: string[] = [];
    const result = await transact(db, (tx) =>
      transact(tx, async (nested) => {
        await nested.insert(tallies).values({ name: 'inner' });
        nested.afterCommit(() => seen.push('inner'));
        return 42;
      }),
    );
    expect(result).toBe(42);
    expect(await namesIn(db)).toEqual(['inner']);
    expect(seen).toEqual(['inner']);
  });
});

// SQLite has one writer: nobody has what another one waits for.
describeOn('mysql', 'a deadlock in a nested transaction', () => {
  test.each([true, false])('runs the whole again, caught or not (%s)', async (isCaught) => {
    const { db } = await open();
    await db.insert(tallies).values([{ name: 'x' }, { name: 'y' }]);
    let holding = 0;
    let attempts = 0;
    let allHold = () => {};
    const held = new Promise<void>((resolve) => {
      allHold = resolve;
    });
    const count = (tx: Tx, name: string) =>
      tx
        .update(tallies)
        .set({ value: sql`${tallies.value} + 1` })
        .where(eq(tallies.name, name));
    const work = (name: string, first: string, second: string) =>
      transact(db, async (tx) => {
        attempts++;
        await tx.insert(tallies).values({ name });
        await count(tx, first);
        if (++holding === 2) allHold();
        await held;
        const nested = tx.transaction((inner) => Promise.resolve(count(inner, second)));
        await (isCaught ? nested.catch(() => undefined) : nested);
        await tx.update(tallies).set({ label: name }).where(eq(tallies.name, name));
      });
    await Promise.all([work('a', 'x', 'y'), work('b', 'y', 'x')]);
    expect(attempts).toBe(3);
    const { name, label, value } = tallies;
    expect(await db.select({ name, label, value }).from(tallies).orderBy(name)).toEqual([
      { name: 'a', label: 'a', value: 0 },
      { name: 'b', label: 'b', value: 0 },
      { name: 'x', label: null, value: 2 },
      { name: 'y', label: null, value: 2 },
    ]);
  });
});

describe('transact', () => {
  test('gives up after the tries it was given, with the last error', async () => {
    const { db } = await open();
    let attempts = 0;
    const losing = transact(
      db,
      async () => {
        attempts++;
        throw deadlock();
      },
      { tries: 3 },
    );
    await expect(losing).rejects.toThrow('deadlock');
    expect(attempts).toBe(3);
  });

  test('does not repeat other errors', async () => {
    const { db } = await open();
    let attempts = 0;
    const failing = transact(db, async () => {
      attempts++;
      throw new Error('a mistake');
    });
    await expect(failing).rejects.toThrow('a mistake');
    expect(attempts).toBe(1);
  });
});

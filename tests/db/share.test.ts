/** What one caller does much of leaves the database to the others, on both engines. */
import { eq, sql } from 'drizzle-orm';
import { beforeEach, describe, expect, it } from 'vitest';
import { type Database, type Db, openDatabase } from '../../src/db/client.ts';
import { rawRows, rawRun, transact } from '../../src/db/ops.ts';
import { asTenant, inBackground } from '../../src/db/work.ts';
import { createEmptyDatabase } from '../helpers/database.ts';
import { describeOn } from '../helpers/on-database.ts';
import { countStatements } from '../helpers/statements.ts';
import { tallies, useFixture } from './fixture.ts';

const open = useFixture();
let database: Database;
beforeEach(async () => {
  database = await open();
});

/** Some milliseconds of the database. */
const heavy = sql`select n from (with recursive c(x) as (select 1 union all select x + 1 from c where x < 1000)
  select count(*) as n from c a join c b on a.x < b.x and b.x < 100) t`;

// A server has no single writer for which all others wait.
describeOn('sqlite', 'an open transaction', () => {
  it('ends before all reads that came with it', async () => {
    const done: string[] = [];
    const { db } = database;
    const writing = db
      .transaction(async (tx) => {
        for (let n = 0; n < 20; n++) await tx.insert(tallies).values({ name: `w${n}`, value: n });
      })
      .then(() => done.push('write'));
    const reads = Array.from({ length: 60 }, () => rawRows(db, heavy).then(() => done.push('read')));
    await Promise.all([writing, ...reads]);
    expect(done.indexOf('write')).toBeLessThan(30);
  });
});

describe('a tenant that writes much', () => {
  it('lets what another one waits for go before its backlog, and the background goes last', async () => {
    const { db } = database;
    await db.insert(tallies).values({ name: 'one' });
    const done: string[] = [];
    const write = (name: string) =>
      db
        .transaction(async (tx) => {
          await tx.insert(tallies).values({ name });
          await rawRows(tx, heavy);
        })
        .then(() => done.push(name));
    const work: Promise<unknown>[] = [];
    for (let n = 0; n < 20; n++) work.push(inBackground(1, () => write(`back-${n}`)));
    for (let n = 0; n < 40; n++) work.push(asTenant(1, () => write(`noisy-${n}`)));
    work.push(asTenant(2, () => write('quiet')));
    await Promise.all(work);
    expect(done.indexOf('quiet')).toBeLessThan(20);
    const lastNoisy = done.indexOf('noisy-39');
    expect(done.slice(lastNoisy).filter((name) => name.startsWith('back')).length).toBeGreaterThan(5);
    expect(await db.select().from(tallies).where(eq(tallies.name, 'quiet'))).toHaveLength(1);
  });
});

describeOn('mysql', 'a pool of four connections', () => {
  it('keeps half of them for others, and lends a second one to who has one already', async () => {
    const { options, remove } = await createEmptyDatabase();
    if (options.type !== 'mysql') throw new Error('there is no pool');
    const small = await openDatabase({ ...options, connectionLimit: 4 });
    try {
      const slow = () => rawRows(small.db, sql`select sleep(0.2)`);
      const done: string[] = [];
      const noisy = Array.from({ length: 8 }, () => asTenant(1, () => slow().then(() => done.push('noisy'))));
      const quiet = asTenant(2, () => rawRows(small.db, sql`select 1`).then(() => done.push('quiet')));
      await Promise.all([...noisy, quiet]);
      expect(done[0]).toBe('quiet');
      const nested = Array.from({ length: 2 }, () =>
        asTenant(1, () => small.db.transaction(() => rawRows(small.db, sql`select sleep(0.1)`))),
      );
      await Promise.all(nested);
      expect(small.load()).toEqual({ used: 0, waiting: 0, limit: 4 });
    } finally {
      await small.close();
      await remove();
    }
  });

  it('asks for no BEGIN, and commits single statements and transactions in turn', async () => {
    const { options, remove } = await createEmptyDatabase();
    if (options.type !== 'mysql') throw new Error('there is no pool');
    const [one, four] = [
      await openDatabase({ ...options, connectionLimit: 1 }),
      await openDatabase({ ...options, connectionLimit: 4 }),
    ];
    const counter = countStatements();
    try {
      await one.applySchema(['create table kept (name varchar(20), n int)']);
      const add = (db: Db, name: string, n: number) =>
        rawRun(db, sql`insert into kept (name, n) values (${name}, ${n})`);
      const namesSeen = async (db: Db) =>
        (await rawRows<{ name: string }>(db, sql`select name from kept order by n`)).map(({ name }) => name);
      const expected: string[] = [];
      counter.take();
      for (const [at, database] of [four, one, four, one].entries()) {
        const other = database === one ? four : one;
        await database.db.transaction((tx) => add(tx, `both ${at}`, 3 * at));
        const failing = database.db.transaction(async (tx) => {
          await add(tx, `never ${at}`, 3 * at + 1);
          throw new Error('not to be kept');
        });
        await expect(failing).rejects.toThrow('not to be kept');
        await add(database.db, `single ${at}`, 3 * at + 2);
        expected.push(`both ${at}`, `single ${at}`);
        // Another connection sees what is committed.
        expect(await namesSeen(other.db)).toEqual(expected);
      }
      const { texts } = counter.take();
      expect([texts.get('begin'), texts.get('commit'), texts.get('rollback')]).toEqual([undefined, 4, 4]);
    } finally {
      counter.stop();
      await Promise.all([one.close(), four.close()]);
      await remove();
    }
  });

  it('gives out no kept connection that the server has closed', async () => {
    const { options, remove } = await createEmptyDatabase();
    if (options.type !== 'mysql') throw new Error('there is no pool');
    const small = await openDatabase({ ...options, connectionLimit: 4 });
    try {
      const idIn = (db: Db) => rawRows<{ id: number }>(db, sql`select connection_id() as id`);
      const [first] = await small.db.transaction(idIn);
      const [again] = await small.db.transaction(idIn);
      expect(again).toEqual(first);
      await rawRun(small.db, sql`kill ${first?.id}`);
      const [next] = await transact(small, idIn);
      expect(next?.id).not.toBe(first?.id);
    } finally {
      await small.close();
      await remove();
    }
  });
});

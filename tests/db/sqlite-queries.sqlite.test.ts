/** What a prepared query costs on its way to SQLite, and what it says when that refuses. */
import { promiseHooks } from 'node:v8';
import { eq, sql } from 'drizzle-orm';
import { beforeEach, expect, test } from 'vitest';
import type { Database, Tx } from '../../src/db/client.ts';
import { isUniqueViolation, prepared, preparedWrite } from '../../src/db/ops.ts';
import { tallies, useFixture } from './fixture.ts';

const open = useFixture();
let database: Database;
beforeEach(async () => {
  database = await open();
});

const TIMES = 50;

const labelOf = prepared((db) =>
  db
    .select({ label: tallies.label })
    .from(tallies)
    .where(eq(tallies.name, sql.placeholder('name')))
    .prepare(),
);
const setLabel = preparedWrite<{ name: string; label: string }>((db) =>
  db
    .update(tallies)
    .set({ label: sql`${sql.placeholder('label')}` })
    .where(eq(tallies.name, sql.placeholder('name'))),
);

/** How many promises each of `TIMES` calls makes, what is awaited included. */
async function promisesOf(work: () => Promise<unknown>): Promise<number> {
  await work();
  let made = 0;
  const stop = promiseHooks.onInit(() => {
    made++;
  });
  for (let n = 0; n < TIMES; n++) await work();
  stop();
  return made / TIMES;
}

const inTransaction = <R>(work: (tx: Tx) => Promise<R>): Promise<R> => database.db.transaction(work);

test('a write makes few promises, and a read few more', async () => {
  await database.db.insert(tallies).values({ name: 'a' });
  const [write, read] = await inTransaction(async (tx) => [
    await promisesOf(() => setLabel(tx, { name: 'a', label: 'one' })),
    await promisesOf(() => labelOf(tx).execute({ name: 'a' })),
  ]);
  // With drizzle's own way: 12 and 15.
  expect(write).toBeLessThanOrEqual(3);
  expect(read).toBeLessThanOrEqual(6);
  expect(await labelOf(database.db).execute({ name: 'a' })).toEqual([{ label: 'one' }]);
});

test('a refusal is known for what it is, and leaves the transaction usable', async () => {
  await database.db.insert(tallies).values([{ name: 'a', label: 'one' }, { name: 'b' }]);
  await inTransaction(async (tx) => {
    const error: unknown = await setLabel(tx, { name: 'b', label: 'one' }).catch((thrown: unknown) => thrown);
    expect(isUniqueViolation(error)).toBe(true);
    await setLabel(tx, { name: 'b', label: 'two' });
  });
  expect(await labelOf(database.db).execute({ name: 'b' })).toEqual([{ label: 'two' }]);
});

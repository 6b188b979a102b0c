/** What a server does not take for its length (`max_allowed_packet`) is refused by itself, and costs nobody a connection. */
import { eq, sql } from 'drizzle-orm';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { Database, Tx } from '../../src/db/client.ts';
import { incoming, insertMany, isRefusedValue, isUnavailable, unanswered, upsert } from '../../src/db/ops.ts';
import { waKeys } from '../../src/db/schema.ts';
import { newId } from '../../src/utils/ids.ts';
import { openTestDatabase } from '../helpers/database.ts';

let database: Database;
/** bytes of a value that makes a statement too long: written in it they are twice as many */
let tooLong: number;
beforeAll(async () => {
  database = await openTestDatabase();
  const [row] = await database.db.select({ bytes: sql`@@max_allowed_packet` }).from(sql`dual`);
  tooLong = Math.ceil(Number(row?.bytes) / 2);
});
afterAll(() => database.close());

const rowOf = (accountId: string, name: string, bytes: number) => ({
  accountId,
  type: 't',
  name,
  keyId: 'k',
  sealed: Buffer.alloc(bytes, 1),
});
const names = async (accountId: string) =>
  (await database.db.select({ name: waKeys.name }).from(waKeys).where(eq(waKeys.accountId, accountId)))
    .map(({ name }) => name)
    .sort();

/** After these a statement of the same shape is prepared on its connection. */
const OFTEN = 10;

it('a row that is too long fails as any value that is refused, and the transaction goes on', async () => {
  const accountId = newId();
  await database.db.transaction(async (tx) => {
    const connection = await connectionOf(tx);
    for (let n = 0; n < OFTEN; n++) await insertMany(tx, waKeys, [rowOf(newId(), 'often', 1)]);
    await insertMany(tx, waKeys, [rowOf(accountId, 'before', 1)]);
    const failed = await tx
      .transaction((inner) => insertMany(inner, waKeys, [rowOf(accountId, 'long', tooLong)]))
      .catch((error: unknown) => error);
    expect([isRefusedValue(failed), isUnavailable(failed)]).toEqual([true, false]);
    await insertMany(tx, waKeys, [rowOf(accountId, 'after', 1)]);
    expect(await connectionOf(tx)).toEqual(connection);
  });
  expect(await names(accountId)).toEqual(['after', 'before']);
});

const rows = (account: string, bytes: number) =>
  ['a', 'b', 'c', 'd', 'e'].map((name) => rowOf(account, name, bytes));

it('rows that are too long together are written a few at a time', async () => {
  const accountId = newId();
  const write = async (given: ReturnType<typeof rows>) => {
    await insertMany(database.db, waKeys, given.slice(0, 3));
    await upsert(database.db, waKeys, given, [waKeys.accountId, waKeys.type, waKeys.name], {
      sealed: incoming(waKeys.sealed),
    });
  };
  for (let n = 0; n < OFTEN; n++) await write(rows(newId(), 1));
  await write(rows(accountId, Math.ceil(tooLong / 2)));
  expect(await names(accountId)).toEqual(['a', 'b', 'c', 'd', 'e']);
});

it.each(['by itself', 'as one that is kept back'])(
  'so are those that come after writes that were kept back: %s',
  async (how) => {
    const accountId = newId();
    await database.db.transaction(async (tx) => {
      await insertMany(unanswered(tx), waKeys, [rowOf(accountId, 'before', 1)]);
      const on = how === 'by itself' ? tx : unanswered(tx);
      await insertMany(on, waKeys, rows(accountId, Math.ceil(tooLong / 2)));
      await insertMany(unanswered(tx), waKeys, [rowOf(accountId, 'f', 1)]);
    });
    expect(await names(accountId)).toEqual(['a', 'b', 'before', 'c', 'd', 'e', 'f']);
  },
);

it('a row that is as long as the server takes needs no place for what was kept back before it', async () => {
  const accountId = newId();
  await database.db.transaction(async (tx) => {
    await insertMany(unanswered(tx), waKeys, [rowOf(accountId, 'before', 10_000)]);
    await insertMany(tx, waKeys, [rowOf(accountId, 'long', tooLong - 1_000)]);
  });
  expect(await names(accountId)).toEqual(['before', 'long']);
});

const connectionOf = (tx: Tx) => tx.select({ id: sql`connection_id()` }).from(sql`dual`);

/** The row that a session's keys are written under is its own until they are committed. */
import { eq } from 'drizzle-orm';
import { expect, it } from 'vitest';
import { openDatabase } from '../../src/db/client.ts';
import { incoming, skipLocked, upsertLocked } from '../../src/db/ops.ts';
import { waKeys, whatsappAccounts } from '../../src/db/schema.ts';
import { newId } from '../../src/utils/ids.ts';
import { openTestDatabase } from '../helpers/database.ts';
import { createSignal } from '../helpers/signal.ts';

/** A database with a session, and a second way to it. */
async function openWithAccount() {
  const database = await openTestDatabase();
  const other = await openDatabase(database.options);
  const account = { id: newId(), userId: 1, sessionId: 's', owner: newId(), fence: 1 };
  const times = { createdAt: 1, updatedAt: 1 };
  await database.db
    .insert(whatsappAccounts)
    .values({ ...account, ...times, status: 'connecting', pairing: 'qr' });
  return { database, other, account };
}

it('what is written with the lock of a row keeps it until the transaction ends: no other changes its owner meanwhile', async () => {
  const { database, other, account } = await openWithAccount();
  const { db } = database;
  const [written, end] = [createSignal(), createSignal()];
  const { id, owner, fence } = whatsappAccounts;
  const writing = db.transaction(async (tx) => {
    const row = { accountId: account.id, type: 't', name: 'n', keyId: 'k', sealed: Buffer.from('v') };
    const isHeld = await upsertLocked(tx, waKeys, [row], [waKeys.accountId, waKeys.type, waKeys.name], {
      set: { sealed: incoming(waKeys.sealed) },
      guard: [
        [id, account.id],
        [owner, account.owner],
        [fence, account.fence],
      ],
    });
    written.give();
    await end.given;
    return isHeld;
  });
  await written.given;
  const free = () =>
    other.db.transaction((tx) =>
      Promise.resolve(skipLocked(tx.select({ id }).from(whatsappAccounts).where(eq(id, account.id)))),
    );
  expect(await free()).toEqual([]);
  let keysThen: unknown[] = [];
  const changing = other.db.transaction(async (tx) => {
    await tx.update(whatsappAccounts).set({ owner: newId() }).where(eq(id, account.id));
    keysThen = await tx.select({ name: waKeys.name }).from(waKeys).where(eq(waKeys.accountId, account.id));
  });
  end.give();
  expect(await writing).toBe(true);
  await changing;
  expect(keysThen).toEqual([{ name: 'n' }]);
  expect(await free()).toHaveLength(1);
  await other.close();
  await database.close();
});

it('it means the same when it is prepared: values of all lengths, more rows than one, a row that somebody else has locked', async () => {
  const { database, other, account } = await openWithAccount();
  const { db } = database;
  const { id } = whatsappAccounts;
  const write = (names: readonly string[], bytes: number) => {
    const sealed = Buffer.from(Array.from({ length: bytes }, (_, at) => (at * 7 + bytes) % 256));
    const rows = names.map((name) => ({
      accountId: account.id,
      type: 't',
      name,
      keyId: `k${bytes}`,
      sealed,
    }));
    const written = db.transaction((tx) =>
      upsertLocked(tx, waKeys, rows, [waKeys.accountId, waKeys.type, waKeys.name], {
        set: { sealed: incoming(waKeys.sealed), keyId: incoming(waKeys.keyId) },
        guard: [[id, account.id]],
      }),
    );
    return { rows, written };
  };
  const kept = () => db.select().from(waKeys).where(eq(waKeys.accountId, account.id)).orderBy(waKeys.name);
  const lengths = [10, 10, 10, 10, 10, 10, 10, 10, 10, 10, 255, 256, 10, 4_000, 20_000, 1, 60_000, 0, 28_000];
  for (const names of [['a'], ['a', 'b']]) {
    for (const bytes of lengths) {
      const { rows, written } = write(names, names.length === 2 ? Math.min(bytes, 30_000) : bytes);
      expect(await written).toBe(true);
      expect(await kept()).toEqual(rows);
    }
    const before = await kept();
    const [locked, end] = [createSignal(), createSignal()];
    const locking = other.db.transaction(async (tx) => {
      await tx.select({ id }).from(whatsappAccounts).where(eq(id, account.id)).for('update');
      locked.give();
      await end.given;
    });
    await locked.given;
    expect(await write(names, 11).written).toBe(false);
    end.give();
    await locking;
    expect(await kept()).toEqual(before);
  }
  await other.close();
  await database.close();
});

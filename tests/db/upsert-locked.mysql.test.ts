/** The row that a session's keys are written under is its own until they are committed. */
import { eq } from 'drizzle-orm';
import { expect, it } from 'vitest';
import { openDatabase } from '../../src/db/client.ts';
import { incoming, skipLocked, upsertLocked } from '../../src/db/ops.ts';
import { waKeys, whatsappAccounts } from '../../src/db/schema.ts';
import { newId } from '../../src/utils/ids.ts';
import { openTestDatabase } from '../helpers/database.ts';
import { createSignal } from '../helpers/signal.ts';

it('what is written with the lock of a row keeps it until the transaction ends: no other changes its owner meanwhile', async () => {
  const database = await openTestDatabase();
  const other = await openDatabase(database.options);
  const { db } = database;
  const account = { id: newId(), userId: 1, sessionId: 's', owner: newId(), fence: 1 };
  const times = { createdAt: 1, updatedAt: 1 };
  await db.insert(whatsappAccounts).values({ ...account, ...times, status: 'connecting', pairing: 'qr' });
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

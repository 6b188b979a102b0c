/** A session whose row another transaction has locked keeps no other session from writing its keys. */
import { randomBytes } from 'node:crypto';
import { eq } from 'drizzle-orm';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { whatsappAccounts } from '../../src/db/schema.ts';
import { systemClock } from '../../src/utils/clock.ts';
import { createSecretBox } from '../../src/utils/crypto.ts';
import { newId } from '../../src/utils/ids.ts';
import { createCredentialStore } from '../../src/whatsapp/credential-store.ts';
import { openTestDatabase, type TestDatabase } from '../helpers/database.ts';
import { silentLogger } from '../helpers/engine.ts';
import { createSignal } from '../helpers/signal.ts';

let database: TestDatabase;
beforeAll(async () => {
  database = await openTestDatabase();
});
afterAll(() => database.close());

/** Keys of a new session, ready to be set. */
async function openKeys() {
  const { db } = database;
  const account = { id: newId(), userId: 1, sessionId: newId().slice(20), owner: newId(), fence: 3 };
  await db
    .insert(whatsappAccounts)
    .values({ ...account, status: 'connected', pairing: 'qr', createdAt: 1, updatedAt: 1 });
  return account;
}

/** Holds the lock of these sessions' rows until it is told to let go. */
async function lockRows(ids: readonly string[]) {
  const held = createSignal();
  const free = createSignal();
  const ended = database.db.transaction(async (tx) => {
    for (const id of ids)
      await tx.update(whatsappAccounts).set({ updatedAt: 2 }).where(eq(whatsappAccounts.id, id));
    held.give();
    await free.given;
  });
  await held.given;
  return async () => {
    free.give();
    await ended;
  };
}

it('the others write at once, and it writes when its row is free', async () => {
  const accounts = await Promise.all(Array.from({ length: 6 }, openKeys));
  const store = createCredentialStore({
    ...{ db: database.db, clock: systemClock, logger: silentLogger },
    secrets: createSecretBox([randomBytes(32)]),
  });
  const opened = await Promise.all(accounts.map((account) => store.load(account)));
  const letGo = await lockRows(accounts.slice(0, 2).map(({ id }) => id));
  const done: number[] = [];
  const key = { type: 'session', name: 'a', value: Buffer.from('1') };
  const writes = opened.map((keys, n) => keys.set([key]).then(() => done.push(n)));
  // As many batches as there are writers hold a locked session each.
  const later = Promise.all(writes.slice(2)).then(() => opened[5]?.set([{ ...key, name: 'b' }]));
  await later;
  expect(done.sort()).toEqual([2, 3, 4, 5]);
  await letGo();
  await Promise.all(writes);
  expect(done.sort()).toEqual([0, 1, 2, 3, 4, 5]);
});

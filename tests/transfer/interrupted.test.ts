/** Imports end with the process that made them, and with no other. */
import { eq, inArray } from 'drizzle-orm';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { takeOver } from '../../src/cluster/leases.ts';
import { waKeys, waPeople, whatsappAccounts } from '../../src/db/schema.ts';
import { newId } from '../../src/utils/ids.ts';
import { deleteImported } from '../../src/whatsapp/credential-transfer.ts';
import { endInterrupted, isInterrupted } from '../../src/workers/session-supervisor/session-row.ts';
import { openTestApp, type TestApp } from '../helpers/app.ts';

let app: TestApp;
beforeAll(async () => {
  app = await openTestApp();
});
afterAll(() => app?.close());

it('a take-over interrupts the import of a dead process, not that of a living one or of a tool', async () => {
  const { db, clock } = app.deps;
  const { id: userId } = await app.tenant();
  const now = clock.now();
  const owners = { dead: 'dead'.padEnd(32, '0'), alive: 'alive'.padEnd(32, '0'), tool: null };
  const rows = Object.entries(owners).map(([sessionId, owner]) => ({
    id: newId(now),
    userId,
    sessionId,
    status: 'disconnected' as const,
    reason: 'importing',
    pairing: 'qr' as const,
    importedAt: now,
    owner,
    fence: 1,
    createdAt: now,
    updatedAt: now,
  }));
  await db.insert(whatsappAccounts).values(rows);
  const ids = rows.map(({ id }) => id);
  const me = 'me'.padEnd(32, '0');
  expect(await takeOver(db, me, ids, [owners.alive, me])).toBe(2);
  const after = await db.select().from(whatsappAccounts).where(inArray(whatsappAccounts.id, ids));
  const reasonOf = Object.fromEntries(after.map(({ sessionId, reason }) => [sessionId, reason]));
  expect(reasonOf).toEqual({ dead: 'import_interrupted', alive: 'importing', tool: 'importing' });
  // The stamp stays until what was stored is gone: no other import begins before.
  expect(after.map(({ importedAt }) => importedAt)).toEqual([now, now, now]);
});

it('what an interrupted import has left is cleared away by its owner only, and not while another import runs', async () => {
  const { db, clock } = app.deps;
  const { id: userId } = await app.tenant();
  const now = clock.now();
  const account = { id: newId(now), userId, sessionId: 'cut-off', owner: 'me'.padEnd(32, '0'), fence: 4 };
  const row = { ...account, status: 'disconnected', reason: 'import_interrupted', pairing: 'qr' } as const;
  await db.insert(whatsappAccounts).values({ ...row, importedAt: now, createdAt: now, updatedAt: now });
  const key = { accountId: account.id, type: 'session', keyId: 'k', sealed: Buffer.from('x') };
  await db.insert(waKeys).values([
    { ...key, name: 'a' },
    { ...key, name: 'b' },
  ]);
  await db
    .insert(waPeople)
    .values({ accountId: account.id, jid: 'j', name: null, hasChat: true, updatedAt: now });
  const clear = async (as: typeof account) => {
    await deleteImported(db, account.id, { hadPhone: false, isOurs: isInterrupted(db, as) });
    await endInterrupted(app.deps, as, null);
    const keys = await db.select().from(waKeys).where(eq(waKeys.accountId, account.id));
    const people = await db.select().from(waPeople).where(eq(waPeople.accountId, account.id));
    const [after] = await db.select().from(whatsappAccounts).where(eq(whatsappAccounts.id, account.id));
    return { keys: keys.length, people: people.length, stamp: after?.importedAt, reason: after?.reason };
  };
  const untouched = { keys: 2, people: 1, stamp: now };
  expect(await clear({ ...account, fence: 3 })).toMatchObject(untouched);
  const setReason = (reason: string) =>
    db.update(whatsappAccounts).set({ reason }).where(eq(whatsappAccounts.id, account.id));
  await setReason('importing');
  expect(await clear(account)).toEqual({ ...untouched, reason: 'importing' });
  await setReason('import_interrupted');
  const cleared = { keys: 0, people: 0, stamp: null, reason: 'import_interrupted' };
  expect(await clear(account)).toEqual(cleared);
});

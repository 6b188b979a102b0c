/** Imports end with the process that made them, and with no other. */
import { inArray } from 'drizzle-orm';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { takeOver } from '../../src/cluster/leases.ts';
import { whatsappAccounts } from '../../src/db/schema.ts';
import { newId } from '../../src/utils/ids.ts';
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

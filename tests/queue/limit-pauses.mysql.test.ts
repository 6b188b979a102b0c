/** A session's pause that meets a locked row comes again later, and must not replace what has been asked for since. */
import { setTimeout as pause } from 'node:timers/promises';
import { eq } from 'drizzle-orm';
import { expect, it } from 'vitest';
import { openDatabase } from '../../src/db/client.ts';
import { whatsappAccounts } from '../../src/db/schema.ts';
import { createLimitPauses } from '../../src/queue/limit-pauses.ts';
import { PRIORITIES } from '../../src/queue/priority.ts';
import { createSignal } from '../helpers/signal.ts';
import { openQueue } from './fixture.ts';

it('the newest pause of a session is shown, also where an older one met the lock of its row', async () => {
  const q = await openQueue();
  const other = await openDatabase(q.database.options);
  const account = await q.account();
  const { id, pausedUntil } = whatsappAccounts;
  const [locked, end] = [createSignal(), createSignal()];
  const holding = other.db.transaction(async (tx) => {
    await tx.select({ id }).from(whatsappAccounts).where(eq(id, account.id)).for('update');
    locked.give();
    await end.given;
  });
  await locked.given;
  const limitPauses = createLimitPauses(q.deps);
  const show = (until: number) =>
    limitPauses.show({ account, until, reason: 'hour_limit', priority: PRIORITIES.normal, isNew: false });
  const now = q.clock.now();
  const older = show(now + 30_000);
  limitPauses.hurry();
  // It is asked about; when it has met the lock it comes again, behind the newer one.
  for (let turn = 0; turn < 3; turn++) await new Promise(setImmediate);
  const newer = show(now + 60_000);
  const hurryFor = async (ms: number) => {
    for (const endMs = performance.now() + ms; performance.now() < endMs; await pause(2)) limitPauses.hurry();
  };
  await hurryFor(30);
  end.give();
  await holding;
  await hurryFor(30);
  expect(await Promise.all([older, newer])).toEqual([true, true]);
  const [row] = await q.database.db.select({ pausedUntil }).from(whatsappAccounts).where(eq(id, account.id));
  expect(row?.pausedUntil).toBe(now + 60_000);
  await other.close();
  await q.close();
});

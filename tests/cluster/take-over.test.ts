import { eq } from 'drizzle-orm';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { dbType } from '../../src/db/kit.ts';
import { messageQueue, messages, whatsappAccounts } from '../../src/db/schema.ts';
import type { AccountRef } from '../../src/whatsapp/engine.ts';
import { openQueue, phones, type QueueFixture } from '../queue/fixture.ts';

const PER_MINUTE = 10;
const MINUTE_MS = 60_000;

let q: QueueFixture;
beforeEach(async () => {
  q = await openQueue({ perMinute: PER_MINUTE, delayMinMs: 1_000, delayMaxMs: 1_000, otpReservePercent: 0 });
});
afterEach(() => q.close());

/** The session goes to another owner, whose dispatcher sends from now on; the old one goes on as if nothing were. */
async function moveOn(account: AccountRef): Promise<AccountRef> {
  const next = { ...account, owner: `owner${account.fence + 1}`.padEnd(32, '0'), fence: account.fence + 1 };
  await q.deps.db
    .update(whatsappAccounts)
    .set({ owner: next.owner, fence: next.fence })
    .where(eq(whatsappAccounts.id, account.id));
  await q.newDispatcher().add(next);
  return next;
}

it('keeps the limits exact when the session moves in the middle of a window, twice', async () => {
  let account = await q.account();
  await q.dispatcher.add(account);
  const sentAt: number[] = [];
  q.engine.answer = () => {
    sentAt.push(q.clock.now());
    return { outcome: 'acknowledged', at: q.clock.now() };
  };
  for (const phone of phones(45)) await q.queue(account, { phone });
  for (const afterMs of [4_000, 31_000]) {
    await q.clock.advance(afterMs);
    account = await moveOn(account);
  }
  await q.clock.advance(5 * MINUTE_MS);
  expect(sentAt).toHaveLength(45);
  for (const [n, at] of sentAt.entries()) {
    const before = sentAt[n - PER_MINUTE];
    if (before !== undefined) expect(at - before).toBeGreaterThanOrEqual(MINUTE_MS);
  }
  const rows = await q.deps.db.select().from(messages).where(eq(messages.accountId, account.id));
  expect(rows.every(({ status, attempts }) => status === 'sent' && attempts === 1)).toBe(true);
});

// SQLite serves one process: nobody else can commit a claim.
if (dbType === 'mysql') {
  it('finds a claim that its former owner committed after the take-over', async () => {
    const account = await q.account();
    const next = await moveOn(account);
    const { id, messageId } = await q.queue(account, { scheduledAt: q.clock.now() + MINUTE_MS });
    await q.clock.advance(0);
    await q.deps.db
      .update(messageQueue)
      .set({ status: 'sending', claimedFence: account.fence, availableAt: q.clock.now() })
      .where(eq(messageQueue.id, id));
    expect(next.fence).toBeGreaterThan(account.fence);
    await q.clock.advance(6_000);
    expect(q.engine.relayed.map((send) => send.messageId)).toEqual([messageId]);
    expect(await q.message(id)).toMatchObject({ status: 'sent' });
  });
}

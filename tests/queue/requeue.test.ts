import { eq, inArray } from 'drizzle-orm';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { transact } from '../../src/db/ops.ts';
import { messageQueue, messages, whatsappAccounts } from '../../src/db/schema.ts';
import { messageRefColumns, requeueSending } from '../../src/queue/claim.ts';
import { requeueRows } from '../../src/queue/requeue.ts';
import { FAST, openQueue, type QueueFixture } from './fixture.ts';

let q: QueueFixture;
beforeAll(async () => {
  q = await openQueue();
});
afterAll(() => q.close());

describe('a session that has ended', () => {
  it('has nothing that is being sent: it waits as queued, unless somebody else holds the session', async () => {
    const account = await q.account();
    q.engine.answer = () => ({ outcome: 'unknown', reason: 'cut off' });
    await q.dispatcher.add(account);
    const { id } = await q.queue(account);
    await q.clock.advance(500);
    await q.dispatcher.remove(account.id);
    const status = async () => (await q.message(id)).status;
    expect(await status()).toBe('sending');
    expect(await requeueSending(q.deps.db, { ...account, fence: account.fence + 1 }, 5)).toBe(0);
    expect(await status()).toBe('sending');
    expect(await requeueSending(q.deps.db, account, 5)).toBe(1);
    expect(await status()).toBe('queued');
    expect(await q.row(id)).toMatchObject({ status: 'pending', attempts: 1 });
  });
});

it('what was proven to be sent since it was read stays so, and does not go back onto the queue', async () => {
  const account = await q.account();
  const ids = [(await q.queue(account)).id, (await q.queue(account)).id];
  const [failed = '', sent = ''] = ids;
  const { db } = q.deps;
  await db.delete(messageQueue).where(inArray(messageQueue.id, ids));
  await db.update(messages).set({ status: 'failed', failedAt: 1 }).where(inArray(messages.id, ids));
  const read = await db.select(messageRefColumns).from(messages).where(inArray(messages.id, ids));
  await db.update(messages).set({ status: 'sent' }).where(eq(messages.id, sent));
  const rows = read.map((row) => ({ ...row, priority: 2, availableAt: 5 }));
  const back = await transact(q.database, (tx) => requeueRows(tx, q.deps, rows, ['failed']));
  expect(back.map(({ id }) => id)).toEqual([failed]);
  expect(await q.message(failed)).toMatchObject({ status: 'queued', failedAt: null });
  expect(await q.message(sent)).toMatchObject({ status: 'sent' });
  expect(await q.row(failed)).toMatchObject({ status: 'pending', availableAt: 5 });
  expect(await q.row(sent)).toBeUndefined();
});

describe('a message whose process ended in every attempt', () => {
  async function tried(attempts: number) {
    const account = await q.account();
    const { id } = await q.queue(account);
    await q.deps.db.update(messages).set({ attempts }).where(eq(messages.id, id));
    return { account, id };
  }

  it('is tried a hundred times more than others, and then fails without being sent', async () => {
    q.engine.answer = () => ({ outcome: 'acknowledged', at: q.clock.now() });
    const last = await tried(100 + FAST.maxAttempts - 1);
    const over = await tried(100 + FAST.maxAttempts);
    await q.dispatcher.add(last.account);
    await q.dispatcher.add(over.account);
    await q.clock.advance(0);
    expect(await q.message(last.id)).toMatchObject({ status: 'sent' });
    expect(await q.message(over.id)).toMatchObject({ status: 'failed', errorCode: 'NO_ACK' });
    expect(await q.row(over.id)).toBeUndefined();
    expect(q.engine.relayed.map(({ messageId }) => messageId)).not.toContain(
      (await q.message(over.id)).messageId,
    );
  });

  it('is left to the next owner by a process that has lost the session without hearing of it', async () => {
    const { account, id } = await tried(100 + FAST.maxAttempts);
    const { availableAt } = (await q.row(id)) ?? { availableAt: 0 };
    const due = (at: number) =>
      q.deps.db.update(messageQueue).set({ availableAt: at }).where(eq(messageQueue.id, id));
    await due(availableAt + 1_000);
    await q.dispatcher.add(account);
    await q.clock.advance(0);
    await q.deps.db
      .update(whatsappAccounts)
      .set({ owner: 'other'.padEnd(32, '0'), fence: account.fence + 1 })
      .where(eq(whatsappAccounts.id, account.id));
    await q.clock.advance(2_000);
    expect(await q.row(id)).toMatchObject({ status: 'pending' });
    expect(await q.message(id)).toMatchObject({ status: 'queued' });
  });
});

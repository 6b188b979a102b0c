import { eq } from 'drizzle-orm';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { transact } from '../../src/db/ops.ts';
import { idempotencyKeys, messageQueue, messages, settings } from '../../src/db/schema.ts';
import { reserveQueueRoom } from '../../src/queue/counts.ts';
import { createEnqueuer, enqueue, enqueueMany, type NewMessage } from '../../src/queue/enqueue.ts';
import type { Ctx } from '../../src/services/context.ts';
import { claimIdempotency, IdempotencyLost } from '../../src/services/idempotency.ts';
import type { AccountRef } from '../../src/whatsapp/engine.ts';
import { testOn } from '../helpers/on-database.ts';
import { openQueue, phones, type QueueFixture } from './fixture.ts';

let q: QueueFixture;
beforeEach(async () => {
  q = await openQueue();
});
afterEach(() => q.close());

const newMessage = (account: AccountRef, over: Partial<NewMessage> = {}): NewMessage => ({
  userId: q.userId,
  accountId: account.id,
  sessionId: account.sessionId,
  messageId: `3EB0${Math.random()}`,
  peer: '6281200000001@s.whatsapp.net',
  phone: '6281200000001',
  lid: null,
  type: 'text',
  content: { type: 'text', text: 'hi' },
  priority: 1,
  scheduledAt: null,
  expiresAt: null,
  ...over,
});

describe('enqueue', () => {
  it('is durable, in both tables, when it resolves, and wakes the session once for a burst', async () => {
    const account = await q.account();
    const woken: string[] = [];
    q.deps.signals.onWake((id) => woken.push(id));
    const all = await Promise.all(phones(50).map((phone) => q.queue(account, { phone })));
    expect(await q.deps.db.select().from(messages)).toHaveLength(50);
    expect(await q.deps.db.select().from(messageQueue)).toHaveLength(50);
    expect(woken.length).toBeLessThan(10);
    expect(new Set(woken)).toEqual(new Set([account.id]));
    expect(await q.message(all[0]?.id ?? '')).toMatchObject({
      status: 'queued',
      direction: 'out',
      attempts: 0,
    });
    expect(q.events).toEqual([]);
  });

  it('fails only the message whose companion fails, and leaves nothing of it', async () => {
    const account = await q.account();
    const write = (name: string, fails: boolean) =>
      enqueue(q.deps, newMessage(account), async (tx, { queuedAt }) => {
        await tx.insert(settings).values({ name, value: 1, updatedAt: queuedAt });
        if (fails) throw new Error(`no ${name}`);
      });
    const results = await Promise.allSettled([
      write('a', false),
      write('b', true),
      write('c', false),
      enqueue(q.deps, newMessage(account)),
    ]);
    expect(results.map((result) => result.status)).toEqual([
      'fulfilled',
      'rejected',
      'fulfilled',
      'fulfilled',
    ]);
    expect(await q.deps.db.select().from(messages)).toHaveLength(3);
    expect((await q.deps.db.select().from(settings)).map((row) => row.name).sort()).toEqual(['a', 'c']);
  });

  it('fails only the message that the database refuses', async () => {
    const account = await q.account();
    const message = newMessage(account);
    const results = await Promise.allSettled([
      enqueue(q.deps, message),
      enqueue(q.deps, newMessage(account)),
      enqueue(q.deps, message),
    ]);
    expect(results.filter((result) => result.status === 'rejected')).toHaveLength(1);
    expect(await q.deps.db.select().from(messageQueue)).toHaveLength(2);
  });

  // SQLite has one process, and that one writer.
  testOn('mysql', 'queues one message for a key that two processes take in opposite order', async () => {
    const account = await q.account();
    let holding = 0;
    let allHold = () => {};
    const held = new Promise<void>((resolve) => {
      allHold = resolve;
    });
    const ask = (deps: QueueFixture['deps'], key: string) => {
      const idempotency = { key, hash: key, claimed: false };
      const ctx = { ...deps, actor: { userId: q.userId }, idempotency } as unknown as Ctx;
      return enqueue(deps, newMessage(account), async (tx, { id }) => {
        await claimIdempotency(ctx, tx, { status: 202, body: { id } });
        if (++holding === 2) allHold();
        await held;
      });
    };
    await q.queue(account);
    const other = { ...q.deps, enqueuer: createEnqueuer(q.deps) };
    const results = await Promise.allSettled([
      ask(q.deps, 'a'),
      ask(q.deps, 'b'),
      ask(other, 'b'),
      ask(other, 'a'),
    ]);
    const lost = results.flatMap((result) => (result.status === 'rejected' ? [result.reason] : []));
    expect(lost).toEqual([expect.any(IdempotencyLost), expect.any(IdempotencyLost)]);
    const ids = results.flatMap((result) => (result.status === 'fulfilled' ? [result.value.id] : []));
    const keys = await q.deps.db.select().from(idempotencyKeys).orderBy(idempotencyKeys.key);
    expect(keys.map(({ key }) => key)).toEqual(['a', 'b']);
    expect(keys.map(({ response }) => response)).toEqual(expect.arrayContaining(ids.map((id) => ({ id }))));
    expect(await q.deps.db.select().from(messages)).toHaveLength(3);
  });

  it('takes many in the transaction of their cause, and wakes after it', async () => {
    const account = await q.account();
    let woken = 0;
    q.deps.signals.onWake(() => woken++);
    const work = transact(q.database, async (tx) => {
      await enqueueMany(tx, q.deps, [newMessage(account), newMessage(account)]);
      expect(woken).toBe(0);
      throw new Error('changed my mind');
    });
    await expect(work).rejects.toThrow('changed my mind');
    expect(woken).toBe(0);
    expect(await q.deps.db.select().from(messages)).toHaveLength(0);
    await transact(q.database, (tx) => enqueueMany(tx, q.deps, [newMessage(account)]));
    expect(woken).toBe(1);
  });
});

describe('the quota of a tenant', () => {
  it('refuses what is too much, for that tenant only, and lets in again when there is room', async () => {
    q.deps.config.queueQuota = 3;
    const [one, two] = [await q.account(), await q.account()];
    const stranger = await q.account({ userId: q.userId + 1 });
    for (const account of [one, two, stranger]) await q.queue(account);
    await reserveQueueRoom(q.deps, q.userId, 1);
    await expect(async () => reserveQueueRoom(q.deps, q.userId, 1)).rejects.toMatchObject({
      code: 'RATE_LIMITED',
      retryAfterSeconds: 30,
    });
    await reserveQueueRoom(q.deps, stranger.userId, 2);
    await q.deps.db.delete(messageQueue).where(eq(messageQueue.accountId, one.id));
    await q.clock.advance(10 * 60_000);
    await reserveQueueRoom(q.deps, q.userId, 2);
  });
});

/** A person's pause of a session's queue. */
import { eq } from 'drizzle-orm';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { whatsappAccounts } from '../../src/db/schema.ts';
import { pauseByHand, resumeByHand } from '../../src/queue/pause.ts';
import { PRIORITY_ORDER } from '../../src/queue/priority.ts';
import type { AccountRef } from '../../src/whatsapp/engine.ts';
import { losingAnswers } from '../helpers/unanswered-commits.ts';
import { openQueue, phones, type QueueFixture } from './fixture.ts';

let q: QueueFixture;
beforeEach(async () => {
  q = await openQueue();
});
afterEach(() => q.close());

const origin = { actorId: 1, ip: null, userAgent: null, requestId: 'r' };
const pause = (account: AccountRef, until: number | null = null) =>
  pauseByHand(q.deps, account, until, origin);
const resume = (account: AccountRef) => resumeByHand(q.deps, account, origin);
const LONG_MS = 120_000;

async function pauseOf(account: AccountRef) {
  const { pausedUntil, pauseReason } = whatsappAccounts;
  const [row] = await q.database.db
    .select({ pausedUntil, pauseReason })
    .from(whatsappAccounts)
    .where(eq(whatsappAccounts.id, account.id));
  return row;
}

describe('a pause by hand', () => {
  it('holds every priority for as long as nobody lifts it, also for the next process', async () => {
    const account = await q.account();
    await q.dispatcher.add(account);
    await pause(account);
    const numbers = phones(PRIORITY_ORDER.length);
    for (const priority of PRIORITY_ORDER) {
      await q.queue(account, { priority, phone: numbers[priority] ?? '' });
    }
    await q.clock.advance(LONG_MS);
    expect(q.engine.relayed).toHaveLength(0);
    await q.dispatcher.remove(account.id);
    await q.newDispatcher().add(account);
    await q.clock.advance(60_000);
    expect(q.engine.relayed).toHaveLength(0);

    expect(await resume(account)).toBe(true);
    await q.clock.advance(0);
    expect(q.engine.relayed).toHaveLength(3);
    expect(await pauseOf(account)).toEqual({ pausedUntil: null, pauseReason: null });
    const about = q.events.filter((event) => event.event.startsWith('queue.'));
    expect(about).toMatchObject([
      { event: 'queue.paused', data: { reason: 'paused', pausedUntil: null } },
      { event: 'queue.resumed' },
    ]);
  });

  it('withholds what is being prepared, and counts no attempt for it', async () => {
    const account = await q.account();
    q.engine.prepare = () => pause(account);
    await q.dispatcher.add(account);
    const { id } = await q.queue(account, { priority: 0 });
    await q.clock.advance(60_000);
    expect(q.engine.relayed).toHaveLength(0);
    expect(await q.message(id)).toMatchObject({ attempts: 0 });
    q.engine.prepare = () => undefined;
    await resume(account);
    await q.clock.advance(0);
    expect((await q.message(id)).status).toBe('sent');
  });

  it('withholds what is being prepared also where its commit is not answered', async () => {
    const account = await q.account();
    const database = { ...q.database, db: losingAnswers(q.database.db) };
    await q.dispatcher.add(account);
    const [first = '', second = ''] = phones(2);
    // With this one the line has looked at its session, and would not for the next one.
    await q.queue(account, { phone: first });
    await q.clock.advance(0);
    q.engine.prepare = () =>
      expect(pauseByHand({ ...q.deps, database }, account, null, origin)).rejects.toThrow('ECONNRESET');
    const { id } = await q.queue(account, { phone: second });
    await q.clock.advance(60_000);
    expect(q.engine.relayed).toHaveLength(1);
    expect(await q.row(id)).toMatchObject({ status: 'pending' });
  });

  it('ends by itself when it has an end', async () => {
    const account = await q.account();
    await q.dispatcher.add(account);
    await pause(account, q.clock.now() + 30_000);
    await q.queue(account);
    await q.clock.advance(29_999);
    expect(q.engine.relayed).toHaveLength(0);
    await q.clock.advance(1);
    expect(q.engine.relayed).toHaveLength(1);
  });

  it('is no pause of the limits: lifting it leaves theirs, and they show again when it is gone', async () => {
    const account = await q.account({ limits: { perMinute: 1 } });
    await q.dispatcher.add(account);
    for (const phone of phones(2)) await q.queue(account, { phone });
    await q.clock.advance(1_000);
    expect(q.engine.relayed).toHaveLength(1);
    expect(await pauseOf(account)).toMatchObject({ pauseReason: 'minute_limit' });
    expect(await resume(account)).toBe(false);
    expect(await pauseOf(account)).toMatchObject({ pauseReason: 'minute_limit' });

    await pause(account);
    await q.clock.advance(30_000);
    expect(await pauseOf(account)).toMatchObject({ pauseReason: 'paused' });
    await resume(account);
    await q.clock.advance(1_000);
    expect(await pauseOf(account)).toMatchObject({ pauseReason: 'minute_limit' });
    expect(q.engine.relayed).toHaveLength(1);
    await q.clock.advance(60_000);
    expect(q.engine.relayed).toHaveLength(2);
  });

  it('holds the paused session only', async () => {
    const [one, other] = [await q.account(), await q.account()];
    await q.dispatcher.add(one);
    await q.dispatcher.add(other);
    await pause(one);
    await q.queue(one);
    await q.queue(other);
    await q.clock.advance(1_000);
    expect(q.engine.relayed.map(({ accountId }) => accountId)).toEqual([other.id]);
  });
});

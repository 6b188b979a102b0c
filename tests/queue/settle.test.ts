import { eq, inArray } from 'drizzle-orm';
import { afterAll, afterEach, beforeEach, describe, expect, it } from 'vitest';
import { dbType } from '../../src/db/kit.ts';
import { activityLogs, messageQueue, messages, sendAttempts, whatsappAccounts } from '../../src/db/schema.ts';
import type { Claim } from '../../src/queue/claim.ts';
import { createClaimer } from '../../src/queue/claim-rows.ts';
import { settleEngineEvent, settleReceipt } from '../../src/queue/engine-events.ts';
import { type Candidate, readCandidates } from '../../src/queue/look-ahead.ts';
import { PRIORITIES } from '../../src/queue/priority.ts';
import { createSettler } from '../../src/queue/settle.ts';
import type { Outcome } from '../../src/queue/signals.ts';
import type { SendResult } from '../../src/whatsapp/engine.ts';
import { turns } from '../helpers/clock.ts';
import { createSignal } from '../helpers/signal.ts';
import { countStatements } from '../helpers/statements.ts';
import { openQueue, phones, type QueueFixture } from './fixture.ts';

const counter = countStatements();
afterAll(() => counter.stop());
let q: QueueFixture;
const outcomes: Outcome[] = [];

beforeEach(async () => {
  q = await openQueue();
  outcomes.length = 0;
  q.deps.signals.onSettled((outcome) => outcomes.push(outcome));
});
afterEach(() => q.close());

const now = () => q.clock.now();
const eventsOf = () => q.events.map((event) => event.event);

async function candidate(account: { id: string }, id: string): Promise<Candidate> {
  const rows = await readCandidates(q.deps.db, account.id, 1, 10);
  const row = rows.find((one) => one.id === id);
  if (!row) throw new Error('no row');
  return row;
}

async function claim(account: Awaited<ReturnType<QueueFixture['account']>>, id: string): Promise<Claim> {
  const request = { held: account, candidate: await candidate(account, id), now: now(), contact: null };
  const claimed = await createClaimer(q.deps).add(request);
  if (!claimed) throw new Error('not claimed');
  return claimed;
}

describe('claims', () => {
  it('take a row once, however many try at the same time', async () => {
    const account = await q.account();
    const { id } = await q.queue(account);
    const row = await candidate(account, id);
    const request = { held: account, candidate: row, now: now(), contact: null };
    const claims = await Promise.all(Array.from({ length: 8 }, () => createClaimer(q.deps).add(request)));
    expect(claims.filter((one) => one !== null)).toHaveLength(1);
    expect(await q.message(id)).toMatchObject({ status: 'sending', attempts: 1, sendingAt: now() });
  });

  it('take nothing under a stale fence, for another owner, or before the time', async () => {
    const account = await q.account();
    const { id } = await q.queue(account);
    const row = await candidate(account, id);
    for (const request of [
      { held: { ...account, fence: 0 }, candidate: row, now: now(), contact: null },
      { held: { ...account, owner: 'x'.repeat(32) }, candidate: row, now: now(), contact: null },
      { held: account, candidate: row, now: now() - 1, contact: null },
    ]) {
      expect(await createClaimer(q.deps).add(request)).toBeNull();
    }
    expect(await q.row(id)).toMatchObject({ status: 'pending', attempts: 0 });
    expect(await q.message(id)).toMatchObject({ status: 'queued', attempts: 0 });
  });
});

describe('claims of the same moment', () => {
  it('are each for itself: a lost one takes nothing from the others, of whichever session', async () => {
    const [one, other] = [await q.account(), await q.account()];
    const large = 'x'.repeat(10_000);
    const queued = [
      { held: one, ...(await q.queue(one, { phone: '6281200000001' })) },
      { held: { ...one, fence: one.fence + 1 }, ...(await q.queue(one, { phone: '6281200000002' })) },
      { held: other, ...(await q.queue(other, { phone: '6281200000003' })) },
      { held: other, ...(await q.queue(other, { content: { type: 'text', text: large } })) },
    ];
    const requests = await Promise.all(
      queued.map(async ({ held, id }) => ({
        held,
        candidate: await candidate(held, id),
        now: now(),
        contact: null,
      })),
    );
    const claimer = createClaimer(q.deps);
    const claims = await Promise.all(requests.map((request) => claimer.add(request)));
    expect(claims.map((claim) => claim?.id ?? null)).toEqual(
      queued.map(({ id }, n) => (n === 1 ? null : id)),
    );
    expect(claims[3]).toMatchObject({ content: { text: large }, attempts: 1 });
    for (const [n, { id, held }] of queued.entries()) {
      const row = n === 1 ? ['pending', null, 0] : ['sending', held.fence, 1];
      const { status, claimedFence, attempts } = (await q.row(id)) ?? {};
      expect([status, claimedFence, attempts]).toEqual(row);
      expect(await q.message(id)).toMatchObject(
        n === 1 ? { status: 'queued' } : { status: 'sending', sendingAt: now() },
      );
    }
    const counted = await q.deps.db
      .select()
      .from(sendAttempts)
      .where(inArray(sendAttempts.accountId, [one.id, other.id]));
    expect(counted.map(({ id }) => id).sort()).toEqual(
      claims.flatMap((claim) => claim?.attemptId ?? []).sort(),
    );
  });
});

describe('claims that meet somebody', () => {
  const requestOf = async (held: Parameters<typeof claim>[0], id: string) => ({
    ...{ held, candidate: await candidate(held, id), now: now(), contact: null },
  });

  it('give a stale owner nothing by the fence of the one that it has lost its session to', async () => {
    const account = await q.account();
    const stale = { ...account, owner: 'x'.repeat(32), fence: account.fence - 1 };
    const ids = [(await q.queue(account)).id, (await q.queue(account)).id];
    const [first, second] = await Promise.all(ids.map((id, n) => requestOf(n === 0 ? stale : account, id)));
    if (!first || !second) throw new Error('no requests');
    const claimer = createClaimer(q.deps);
    const claims = await Promise.all([claimer.add(first), claimer.add(second)]);
    expect(claims.map((one) => one?.id ?? null)).toEqual([null, ids[1]]);
    expect((await q.row(first.candidate.id))?.status).toBe('pending');
  });

  // On SQLite nobody holds the lock of a row.
  if (dbType === 'mysql')
    it('wait for no row that somebody has locked, of whichever session', async () => {
      const accounts = await Promise.all(Array.from({ length: 8 }, () => q.account()));
      const requests = await Promise.all(
        accounts.map(async (account) => requestOf(account, (await q.queue(account)).id)),
      );
      const [locked, ...others] = requests;
      if (!locked) throw new Error('no request');
      const claimer = createClaimer(q.deps);
      const [held, end] = [createSignal(), createSignal()];
      const holding = q.deps.db.transaction(async (tx) => {
        await tx.update(messages).set({ updatedAt: 1 }).where(eq(messages.id, locked.candidate.id));
        held.give();
        await end.given;
      });
      await held.given;
      const failed = claimer.add(locked).catch((error: unknown) => String(error));
      const claims = await Promise.all(others.map((request) => claimer.add(request)));
      expect(claims.map((one) => one?.id)).toEqual(others.map((request) => request.candidate.id));
      // It is held for longer than it is tried.
      expect(await failed).toContain('RowLocked');
      const late = claimer.add(locked);
      end.give();
      await holding;
      expect((await late)?.id).toBe(locked.candidate.id);
    });
});

// On SQLite nobody else writes meanwhile.
if (dbType === 'mysql')
  describe('claims while something else of the session is written', () => {
    it('wait for neither its row nor the history of other messages', async () => {
      const account = await q.account();
      const ids = [];
      for (const phone of phones(4)) ids.push((await q.queue(account, { phone })).id);
      const [own, ...others] = ids;
      const [held, end] = [createSignal(), createSignal()];
      const holding = q.deps.db.transaction(async (tx) => {
        await tx.update(whatsappAccounts).set({ name: 'x' }).where(eq(whatsappAccounts.id, account.id));
        await tx
          .update(messages)
          .set({ updatedAt: 1 })
          .where(eq(messages.id, own ?? ''));
        held.give();
        await end.given;
      });
      await held.given;
      const claimer = createClaimer(q.deps);
      const requests = await Promise.all(
        others.map(async (id) => ({
          held: account,
          candidate: await candidate(account, id),
          now: now(),
          contact: null,
        })),
      );
      const claims = await Promise.all(requests.map((request) => claimer.add(request)));
      expect(claims.map((one) => one?.id)).toEqual(others);
      end.give();
      await holding;
    });
  });

describe('outcomes of an attempt', () => {
  async function send(...results: SendResult[]) {
    const account = await q.account();
    let n = 0;
    q.engine.answer = () => results[Math.min(n++, results.length - 1)] ?? { outcome: 'withheld' };
    await q.dispatcher.add(account);
    const queued = await q.queue(account);
    await q.clock.advance(10 * 60_000);
    return { account, ...queued };
  }

  it('a refusal fails at once with its code', async () => {
    const { id } = await send({ outcome: 'refused', code: '463', message: 'restricted' });
    expect(await q.message(id)).toMatchObject({
      status: 'failed',
      errorCode: '463',
      attempts: 1,
      sentAt: null,
    });
    expect(await q.row(id)).toBeUndefined();
    expect(eventsOf()).toEqual(['message.failed', 'queue.paused']);
    expect(outcomes).toEqual([{ id, status: 'failed', errorCode: '463', errorMessage: 'restricted' }]);
  });

  it('what is impossible fails at once, with its code cut to what the column holds', async () => {
    const { id } = await send({ outcome: 'impossible', code: 'X'.repeat(60), message: 'y'.repeat(400) });
    expect(await q.message(id)).toMatchObject({ status: 'failed', errorCode: 'X'.repeat(40) });
  });

  it('an unknown outcome is tried again with the same id, and fails as NO_ACK in the end', async () => {
    const { id, messageId } = await send({ outcome: 'unknown', reason: 'timeout' });
    expect(q.engine.relayed.map((one) => one.messageId)).toEqual([messageId, messageId, messageId]);
    expect(await q.message(id)).toMatchObject({ status: 'failed', errorCode: 'NO_ACK', attempts: 3 });
    expect(eventsOf()).toEqual(['message.failed']);
  });

  it('an unknown outcome and then an acknowledgement is sent, once', async () => {
    const ack: SendResult = { outcome: 'acknowledged', at: now() + 5_000 };
    const { id } = await send({ outcome: 'unknown', reason: 'timeout' }, ack);
    expect(await q.message(id)).toMatchObject({ status: 'sent', attempts: 2, sentAt: ack.at });
    expect(eventsOf()).toEqual(['message.sent']);
  });

  it('passing troubles are tried again', async () => {
    const { id } = await send(
      { outcome: 'not_sent', reason: 'a query timed out' },
      { outcome: 'refused', code: '503', message: 'unavailable' },
      { outcome: 'acknowledged', at: now() },
    );
    expect(await q.message(id)).toMatchObject({ status: 'sent', attempts: 3 });
  });

  it('what was postponed was no attempt: it waits, spends no limit and is sent in the end', async () => {
    const postponed: SendResult = { outcome: 'postponed', reason: 'its file cannot be read' };
    const acknowledged: SendResult = { outcome: 'acknowledged', at: now() };
    const { id, account } = await send(...Array.from({ length: 7 }, () => postponed), acknowledged);
    expect(await q.message(id)).toMatchObject({ status: 'sent', attempts: 1 });
    const spent = await q.deps.db.select().from(sendAttempts).where(eq(sendAttempts.accountId, account.id));
    expect(spent).toHaveLength(1);
  });

  it('what never began waits as queued; what may have left at an earlier try keeps its time', async () => {
    const account = await q.account();
    const first = await q.queue(account);
    await q.settler.settle({ kind: 'release', claim: await claim(account, first.id) });
    expect(await q.message(first.id)).toMatchObject({ status: 'queued', attempts: 0, sendingAt: null });
    const again = await q.queue(account);
    const begun = { sendingAt: now() - 5_000, attempts: 0 };
    await q.deps.db.update(messages).set(begun).where(eq(messages.id, again.id));
    await q.settler.settle({ kind: 'release', claim: await claim(account, again.id) });
    expect(await q.message(again.id)).toMatchObject({ status: 'sending', ...begun });
    const tried = await q.queue(account);
    await q.settler.settle({ kind: 'retry', claim: await claim(account, tried.id), availableAt: now() });
    await q.settler.settle({ kind: 'release', claim: await claim(account, tried.id) });
    expect(await q.message(tried.id)).toMatchObject({ status: 'sending', attempts: 1, sendingAt: now() });
  });

  it('a failure of an owner that lost the session is not written', async () => {
    const account = await q.account();
    const { id } = await q.queue(account);
    const stale = await claim(account, id);
    await q.deps.db.update(whatsappAccounts).set({ fence: 2 }).where(eq(whatsappAccounts.id, account.id));
    await q.settler.settle({ kind: 'failed', claim: stale, errorCode: '1', errorMessage: 'x' });
    await q.settler.settle({ kind: 'retry', claim: stale, availableAt: now() });
    await q.settler.settle({ kind: 'release', claim: stale });
    await q.settler.settle({ kind: 'expired', claim: stale });
    expect(await q.row(id)).toMatchObject({ status: 'sending', attempts: 1 });
    expect(await q.message(id)).toMatchObject({ status: 'sending', attempts: 1, errorCode: null });
    expect(eventsOf()).toEqual([]);
  });

  it('a refusal that comes late fails a message that waits for another try', async () => {
    const account = await q.account();
    const { id, messageId } = await q.queue(account);
    await q.settler.settle({ kind: 'retry', claim: await claim(account, id), availableAt: now() + 60_000 });
    const event = { type: 'refused', messageId, code: '463', at: now() } as const;
    await settleEngineEvent(q.settler, { ...account, fence: 9 }, event);
    expect((await q.message(id)).status).toBe('sending');
    await settleEngineEvent(q.settler, account, event);
    expect(await q.message(id)).toMatchObject({ status: 'failed', errorCode: '463' });
  });

  it('a late refusal that is about the devices of the recipient leaves the next try to it', async () => {
    const account = await q.account();
    const { id, messageId } = await q.queue(account);
    await q.settler.settle({ kind: 'retry', claim: await claim(account, id), availableAt: now() + 60_000 });
    await settleEngineEvent(q.settler, account, { type: 'refused', messageId, code: '479', at: now() });
    expect(await q.row(id)).toMatchObject({ status: 'pending' });
    expect(await q.message(id)).toMatchObject({ errorCode: null });
  });
});

describe('receipts', () => {
  it('move history forward only, and record each step once', async () => {
    const account = await q.account();
    await q.dispatcher.add(account);
    const { id, messageId } = await q.queue(account);
    await q.clock.advance(0);
    const receipt = (status: 'sent' | 'delivered' | 'read', at: number) =>
      settleReceipt(q.settler, account.id, messageId, status, at);
    await receipt('read', now() + 20);
    await receipt('delivered', now() + 30);
    await receipt('sent', now() + 40);
    await receipt('read', now() + 50);
    expect(await q.message(id)).toMatchObject({
      status: 'read',
      sentAt: now(),
      deliveredAt: now() + 20,
      readAt: now() + 20,
    });
    expect(eventsOf()).toEqual(['message.sent', 'message.delivered', 'message.read']);
  });

  it('prove sent before the acknowledgement comes', async () => {
    const account = await q.account();
    q.engine.answer = () => q.engine.later(5_000);
    await q.dispatcher.add(account);
    const { id, messageId } = await q.queue(account);
    await q.clock.advance(0);
    await settleReceipt(q.settler, account.id, messageId, 'delivered', now());
    const provenAt = now();
    expect(await q.row(id)).toBeUndefined();
    await q.clock.advance(5_000);
    expect(await q.message(id)).toMatchObject({
      status: 'delivered',
      sentAt: provenAt,
      deliveredAt: provenAt,
      attempts: 1,
    });
    expect(eventsOf()).toEqual(['message.sent', 'message.delivered']);
  });

  it('take a message off the queue that waits for another try', async () => {
    const account = await q.account();
    const { id, messageId } = await q.queue(account);
    await q.settler.settle({ kind: 'retry', claim: await claim(account, id), availableAt: now() + 1_000 });
    await settleReceipt(q.settler, account.id, messageId, 'delivered', now());
    await q.dispatcher.add(account);
    await q.clock.advance(10_000);
    expect(q.engine.attempts).toHaveLength(0);
    expect((await q.message(id)).status).toBe('delivered');
  });

  it.each(['failed', 'expired', 'canceled'] as const)('override %s', async (status) => {
    const account = await q.account();
    const { id, messageId } = await q.queue(account);
    await q.deps.db
      .update(messages)
      .set({ status, errorCode: 'NO_ACK', errorMessage: 'none', failedAt: now() })
      .where(eq(messages.id, id));
    await q.deps.db.delete(messageQueue).where(eq(messageQueue.id, id));
    await settleReceipt(q.settler, account.id, messageId, 'read', now());
    expect(await q.message(id)).toMatchObject({
      status: 'read',
      errorCode: null,
      errorMessage: null,
      failedAt: null,
      sentAt: now(),
    });
  });

  it('count for a message of an earlier owner', async () => {
    const account = await q.account();
    const { id, messageId } = await q.queue(account);
    await claim(account, id);
    await q.deps.db.update(whatsappAccounts).set({ fence: 7 }).where(eq(whatsappAccounts.id, account.id));
    await settleReceipt(q.settler, account.id, messageId, 'delivered', now());
    expect((await q.message(id)).status).toBe('delivered');
  });

  it('of unknown messages, or of another session, change nothing', async () => {
    const [account, other] = [await q.account(), await q.account()];
    const { id, messageId } = await q.queue(account);
    await settleReceipt(q.settler, account.id, 'UNKNOWN', 'read', now());
    await settleReceipt(q.settler, other.id, messageId, 'read', now());
    expect((await q.message(id)).status).toBe('queued');
    expect(eventsOf()).toEqual([]);
  });
});

describe('many at a time', () => {
  it('are written together, each with its own fact and number', async () => {
    const accounts = [await q.account(), await q.account(), await q.account()];
    const queued = await Promise.all(
      phones(90).map((phone, i) => {
        const account = accounts[i % 3];
        if (!account) throw new Error('no account');
        return q.queue(account, { phone });
      }),
    );
    await Promise.all(
      queued.map(({ id }, i) =>
        q.settler.settle({ kind: 'proof', id, status: i % 2 ? 'sent' : 'delivered', at: now() + i }),
      ),
    );
    const rows = await q.deps.db.select().from(messages);
    expect(rows.filter((row) => row.status === 'sent')).toHaveLength(45);
    expect(rows.filter((row) => row.status === 'delivered')).toHaveLength(45);
    expect(new Set(rows.map((row) => row.sentAt)).size).toBe(90);
    expect(await q.deps.db.select().from(messageQueue)).toHaveLength(0);
    const logged = await q.deps.db.select().from(activityLogs);
    expect(logged).toHaveLength(90 + 45);
    for (const account of accounts) {
      const numbers = logged.filter((row) => row.accountId === account.id).map((row) => row.seq);
      expect(numbers.sort((a, b) => Number(a) - Number(b))).toEqual(numbers.map((_, i) => i + 1));
    }
  });

  it('codes whose callers were told are written together, with the receipts that come soon', async () => {
    const account = await q.account();
    const [first, second] = await Promise.all(phones(2).map((phone) => q.queue(account, { phone })));
    if (!first || !second) throw new Error('nothing was queued');
    const settler = createSettler(q.deps);
    const told = (id: string) =>
      settler.settle({ kind: 'proof', id, status: 'sent', at: now(), isTold: true });
    counter.take();
    const over = settler.expectCode();
    const all = [told(first.id), settleReceipt(settler, account.id, first.messageId, 'read', now())];
    await turns(5);
    all.push(told(second.id));
    over();
    await Promise.all(all);
    expect(counter.take().transactions).toBe(1);
    expect((await q.message(first.id)).status).toBe('read');
    expect((await q.message(second.id)).status).toBe('sent');
    expect(await q.row(first.id)).toBeUndefined();
    expect(eventsOf().filter((event) => event === 'message.sent')).toHaveLength(2);
    await settler.stop(1_000);
  });

  it('of a code whose caller was told are there for whoever reads then', async () => {
    const account = await q.account();
    const [phone = ''] = phones(1);
    const { id } = await q.queue(account, { phone });
    const settler = createSettler(q.deps, { receiptMs: 60_000 });
    const over = settler.expectCode();
    const written = settler.settle({ kind: 'proof', id, status: 'sent', at: now(), isTold: true });
    await turns(5);
    expect((await q.message(id)).status).toBe('queued');
    await settler.writeTold(null);
    expect((await q.message(id)).status).toBe('sent');
    await written;
    over();
    await settler.stop(1_000);
  });

  it('of one tenant’s codes keep no other tenant’s reader waiting, and its readers hurry nothing else', async () => {
    const account = await q.account();
    const [code, other] = await Promise.all(phones(2).map((phone) => q.queue(account, { phone })));
    if (!code || !other) throw new Error('nothing was queued');
    const settler = createSettler(q.deps, { receiptMs: 60_000 });
    const { id, messageId } = code;
    const sending = { ...(await q.message(id)), priority: PRIORITIES.high };
    const over = settler.expectCode();
    const written = settler.settle({ kind: 'proof', id, status: 'sent', at: now(), isTold: true, sending });
    await turns(5);
    counter.take();
    await settler.writeTold(sending.userId + 1);
    await turns(5);
    expect(counter.take().statements).toBe(0);
    await settler.writeTold(sending.userId);
    expect((await q.message(id)).status).toBe('sent');
    await written;
    const receipt = settleReceipt(settler, account.id, messageId, 'read', now());
    await turns(5);
    await settler.writeTold(sending.userId);
    expect((await q.message(id)).status).toBe('sent');
    over();
    await settler.stop(1_000);
    await receipt;
  });

  it('from two processes at once settle each message once', async () => {
    const account = await q.account();
    const other = createSettler(q.deps);
    const queued = await Promise.all(phones(40).map((phone) => q.queue(account, { phone })));
    await Promise.all(
      queued.flatMap(({ id, messageId }) => [
        q.settler.settle({ kind: 'proof', id, status: 'sent', at: now() }),
        settleReceipt(other, account.id, messageId, 'delivered', now()),
        settleReceipt(other, account.id, messageId, 'sent', now()),
      ]),
    );
    await other.stop(1_000);
    await expect(settleReceipt(other, account.id, 'X', 'sent', now())).rejects.toThrow('stopped');
    expect(eventsOf().filter((event) => event === 'message.sent')).toHaveLength(40);
    expect(eventsOf().filter((event) => event === 'message.delivered')).toHaveLength(40);
  });
});

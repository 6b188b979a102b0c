/** Messages that end for good while some of them are being sent. On both databases. */
import { eq } from 'drizzle-orm';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { transact } from '../../src/db/ops.ts';
import { whatsappAccounts } from '../../src/db/schema.ts';
import { record } from '../../src/events/record.ts';
import { cancelWaiting, clearWaiting, requeue } from '../../src/queue/cancel.ts';
import { settleReceipt } from '../../src/queue/engine-events.ts';
import { requeueRows } from '../../src/queue/requeue.ts';
import { cancelUnbegun, dequeue } from '../../src/queue/take-off.ts';
import type { AccountRef, SendResult } from '../../src/whatsapp/engine.ts';
import { createSignal } from '../helpers/signal.ts';
import { openQueue, type QueueFixture } from './fixture.ts';

const UNTIL_SWEPT_MS = 120_000;

let q: QueueFixture;
let account: AccountRef;
beforeEach(async () => {
  q = await openQueue();
  account = await q.account();
});
afterEach(() => q.close());

const eventsOf = (messageId: string) =>
  q.events.flatMap(({ event, subject }) => (subject === messageId ? [event] : []));

function end(...ids: string[]): Promise<number> {
  return transact(q.database, async (tx) => {
    const { claimed, facts } = await cancelUnbegun(tx, q.deps, { ids, errorCode: 'CAMPAIGN_STOPPED' });
    await record(tx, q.deps, facts);
    return claimed;
  });
}

/** One message that has left and has no answer yet, and what answers it. */
async function onTheWire() {
  const answered = createSignal();
  let result: SendResult = { outcome: 'unknown', reason: 'no answer' };
  q.engine.answer = async () => {
    await answered.given;
    return result;
  };
  await q.dispatcher.add(account);
  const sent = await q.queue(account);
  await q.clock.advance(0);
  expect(q.engine.relayed).toHaveLength(1);
  const answer = (given: SendResult) => {
    result = given;
    answered.give();
  };
  return { ...sent, answer };
}

it('what is on the wire is sending until its proof, and is never told as canceled', async () => {
  const { id, messageId, answer } = await onTheWire();
  const waits = await q.queue(account, { scheduledAt: q.clock.now() + 60_000 });
  expect(await end(id, waits.id)).toBe(1);
  expect(await q.message(id)).toMatchObject({ status: 'sending', errorCode: null });
  expect(await q.message(waits.id)).toMatchObject({ status: 'canceled', errorCode: 'CAMPAIGN_STOPPED' });
  answer({ outcome: 'acknowledged', at: q.clock.now() });
  await q.clock.advance(0);
  expect(await q.message(id)).toMatchObject({ status: 'sent' });
  expect(await q.row(id)).toBeUndefined();
  expect(eventsOf(messageId)).toEqual(['message.sent']);
  expect(eventsOf(waits.messageId)).toEqual(['message.canceled']);
});

it.each<[string, SendResult, string]>([
  ['refused', { outcome: 'refused', code: '403', message: 'no' }, '403'],
  ['not answered', { outcome: 'unknown', reason: 'no answer' }, 'NO_ACK'],
])('what is on the wire and is %s ends as failed and is not sent again', async (_name, result, code) => {
  const { id, messageId, answer } = await onTheWire();
  await end(id);
  answer(result);
  await q.clock.advance(UNTIL_SWEPT_MS);
  expect(await q.message(id)).toMatchObject({ status: 'failed', errorCode: code });
  expect(await q.row(id)).toBeUndefined();
  expect(q.engine.attempts).toHaveLength(1);
  await settleReceipt(q.settler, account.id, messageId, 'delivered', q.clock.now());
  expect(eventsOf(messageId)).toEqual(['message.failed', 'message.sent', 'message.delivered']);
});

it.each([
  ['this process', true],
  ['another process', false],
])(
  'what a line of %s has claimed and not handed over does not leave, and is canceled once',
  async (_name, isAlone) => {
    const prepared = createSignal();
    q.engine.prepare = () => prepared.given;
    await (isAlone ? q.dispatcher : q.newDispatcher({ isAlone: () => false })).add(account);
    const { id, messageId } = await q.queue(account);
    await q.clock.advance(0);
    expect(await end(id)).toBe(1);
    prepared.give();
    await q.clock.advance(0);
    expect(q.engine.relayed).toEqual([]);
    expect(await q.message(id)).toMatchObject({
      ...{ status: 'canceled', errorCode: 'CAMPAIGN_STOPPED', attempts: 0, sendingAt: null },
    });
    expect(await q.row(id)).toBeUndefined();
    await q.clock.advance(UNTIL_SWEPT_MS);
    expect(eventsOf(messageId)).toEqual(['message.canceled']);
  },
);

it('what a killed process was sending is not sent again by the next one, and ends', async () => {
  const { id, messageId } = await onTheWire();
  await end(id);
  const [owner, fence] = ['you'.padEnd(32, '0'), 2];
  await q.deps.db.update(whatsappAccounts).set({ owner, fence }).where(eq(whatsappAccounts.id, account.id));
  const next = { ...account, owner, fence };
  await q.newDispatcher().add(next);
  await q.clock.advance(UNTIL_SWEPT_MS);
  expect(q.engine.attempts).toHaveLength(1);
  expect(await q.message(id)).toMatchObject({ status: 'failed', errorCode: 'NO_ACK' });
  expect(await q.row(id)).toBeUndefined();
  expect(eventsOf(messageId)).toEqual(['message.failed']);
});

it('what a pause has taken off while it was on the wire still has its time for a proof', async () => {
  const { id, messageId, answer } = await onTheWire();
  await transact(q.database, (tx) => dequeue(tx, q.deps, [id]));
  await end(id);
  expect(await q.message(id)).toMatchObject({ status: 'sending' });
  answer({ outcome: 'acknowledged', at: q.clock.now() });
  await q.clock.advance(UNTIL_SWEPT_MS);
  expect(await q.message(id)).toMatchObject({ status: 'sent' });
  expect(eventsOf(messageId)).toEqual(['message.sent']);
});

it('what a pause has kept from leaving was never begun: an end cancels it', async () => {
  const prepared = createSignal();
  q.engine.prepare = () => prepared.given;
  await q.dispatcher.add(account);
  const { id, messageId } = await q.queue(account);
  await q.clock.advance(0);
  await transact(q.database, (tx) => dequeue(tx, q.deps, [id]));
  prepared.give();
  await q.clock.advance(0);
  expect(await q.message(id)).toMatchObject({ status: 'queued', attempts: 0, sendingAt: null });
  await end(id);
  expect(await q.message(id)).toMatchObject({ status: 'canceled' });
  expect(eventsOf(messageId)).toEqual(['message.canceled']);
});

const origin = { actorId: 1, ip: null, userAgent: null, requestId: 'test' };

/** What waits to be sent again after an attempt without an answer. */
async function waitsAgain() {
  const sent = await onTheWire();
  sent.answer({ outcome: 'unknown', reason: 'no answer' });
  await q.clock.advance(0);
  expect(await q.row(sent.id)).toMatchObject({ status: 'pending' });
  return sent;
}

it('what a resume has put back while it was on the wire is not told as canceled by a stop', async () => {
  const { id, messageId, answer } = await onTheWire();
  await transact(q.database, async (tx) => {
    await dequeue(tx, q.deps, [id]);
    const row = { ...(await q.message(id)), priority: 2, availableAt: q.clock.now() };
    await requeueRows(tx, q.deps, [row], ['queued', 'sending']);
  });
  await end(id);
  expect(await q.message(id)).toMatchObject({ status: 'sending', errorCode: null });
  answer({ outcome: 'acknowledged', at: q.clock.now() });
  await q.clock.advance(UNTIL_SWEPT_MS);
  expect(await q.message(id)).toMatchObject({ status: 'sent' });
  expect(await q.row(id)).toBeUndefined();
  expect(eventsOf(messageId)).toEqual(['message.sent']);
  expect(q.engine.attempts).toHaveLength(1);
});

it.each<[string, (id: string) => Promise<unknown>]>([
  ['its cancelation', async (id) => expect(await cancelWaiting(q.deps, [id], origin)).toEqual([])],
  ['clearing the queue', async () => expect(await clearWaiting(q.deps, account, origin)).toBe(0)],
])(
  'what may have arrived and waits to be sent again is not told as canceled by %s',
  async (_name, cancel) => {
    const { id, messageId } = await waitsAgain();
    await cancel(id);
    await q.clock.advance(UNTIL_SWEPT_MS);
    expect(q.engine.attempts).toHaveLength(1);
    expect(await q.row(id)).toBeUndefined();
    expect(await q.message(id)).toMatchObject({ status: 'failed', errorCode: 'NO_ACK' });
    await settleReceipt(q.settler, account.id, messageId, 'delivered', q.clock.now());
    const events = eventsOf(messageId);
    expect(events).toEqual(['message.failed', 'message.sent', 'message.delivered']);
  },
);

it.each<[string, SendResult, string]>([
  ['was refused', { outcome: 'refused', code: '403', message: 'no' }, 'canceled'],
  ['may have arrived', { outcome: 'unknown', reason: 'no answer' }, 'sending'],
])('what failed because it %s, and is tried again, ends as that says', async (_name, result, status) => {
  q.deps.config.pacing.maxAttempts = 1;
  const { id, answer } = await onTheWire();
  answer(result);
  await q.clock.advance(0);
  expect(await q.message(id)).toMatchObject({ status: 'failed' });
  await q.dispatcher.remove(account.id);
  await q.clock.advance(1_000);
  const message = { ...(await q.message(id)), priority: 2, expiresAt: null };
  expect(await requeue(q.deps, message, async () => undefined)).toBe(true);
  await end(id);
  expect(await q.message(id)).toMatchObject({ status });
});

it('a refusal that comes after the attempt was given up ends what awaits its answer, and opens the breaker', async () => {
  const { id, messageId, answer } = await onTheWire();
  await end(id);
  answer({ outcome: 'unknown', reason: 'no answer' });
  await q.clock.advance(0);
  await q.settler.settle({
    kind: 'refused',
    held: account,
    messageId,
    errorCode: '463',
    errorMessage: 'no',
  });
  expect(await q.message(id)).toMatchObject({ status: 'failed', errorCode: '463' });
  expect(await q.row(id)).toBeUndefined();
  const [session] = await q.deps.db
    .select()
    .from(whatsappAccounts)
    .where(eq(whatsappAccounts.id, account.id));
  expect(session?.breakerUntil).toBeGreaterThan(q.clock.now());
});

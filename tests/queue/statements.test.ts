/** How many statements the limit of a recipient costs a message: when it is queued, and when it is its turn. */

import { eq, inArray } from 'drizzle-orm';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { insertMany, statementsAreCheap } from '../../src/db/ops.ts';
import {
  messageQueue,
  messages,
  sendAttempts,
  waAliases,
  waContacts,
  whatsappAccounts,
} from '../../src/db/schema.ts';
import type { Claim } from '../../src/queue/claim.ts';
import { createClaimer } from '../../src/queue/claim-rows.ts';
import { createLimitPauses } from '../../src/queue/limit-pauses.ts';
import { readCandidates } from '../../src/queue/look-ahead.ts';
import type { Pace } from '../../src/queue/pace.ts';
import { PRIORITIES, type Priority } from '../../src/queue/priority.ts';
import { recipientHeldUntil } from '../../src/queue/recipient-hold.ts';
import type { Settlement } from '../../src/queue/settle.ts';
import { createPeerBook, readPeers } from '../../src/queue/subscriber-peers.ts';
import { newId, newMessageId } from '../../src/utils/ids.ts';
import type { AccountRef } from '../../src/whatsapp/engine.ts';
import { createLidBook } from '../../src/whatsapp/lids.ts';
import { countStatements } from '../helpers/statements.ts';
import { FAST, openQueue, phones, type QueueFixture } from './fixture.ts';

const ALIASED = '5547989211984';
const counter = countStatements();
let q: QueueFixture;
let account: AccountRef;
beforeAll(async () => {
  q = await openQueue();
  account = await q.account();
  await insertMany(q.database.db, waAliases, [
    { userId: account.userId, alias: ALIASED, phone: '554789211985', lid: null, updatedAt: 1 },
    { userId: account.userId + 1, alias: '6281234567890', phone: '6281234567891', lid: null, updatedAt: 1 },
  ]);
  await insertMany(q.database.db, waContacts, [
    { accountId: account.id, lid: '100000000000001', phone: '6281234567890', updatedAt: 1 },
    { accountId: account.id, lid: '100000000000002', phone: '554789211985', updatedAt: 1 },
    { accountId: 'other', lid: '100000000000003', phone: '6281234567890', updatedAt: 1 },
  ]);
});
afterAll(async () => {
  await q.close();
  counter.stop();
});

/** Statements that `work` sends. */
async function countOf<T>(work: () => Promise<T>): Promise<{ result: T; statements: number }> {
  counter.take();
  const result = await work();
  return { result, statements: counter.take().statements };
}

const jid = (phone: string) => `${phone}@s.whatsapp.net`;
const addressee = (phone: string | null, lid: string | null = null) => ({
  peer: phone === null ? `${lid}@lid` : jid(phone),
  phone,
  lid,
});

describe('the spellings of a recipient', () => {
  it.each<[string, ReturnType<typeof addressee>, string[], number]>([
    ['an own number', addressee('628111222333'), [jid('628111222333')], 1],
    ['a number with a LID', addressee('6281234567890'), [jid('6281234567890'), '100000000000001@lid'], 1],
    ['a LID', addressee(null, '100000000000001'), ['100000000000001@lid', jid('6281234567890')], 2],
    ['a number with a twin', addressee('525512345678'), [jid('525512345678'), jid('5215512345678')], 1],
    [
      'a number with an alias',
      addressee(ALIASED),
      [ALIASED, '554789211984', '554789211985', '5547989211985'].map(jid).concat('100000000000002@lid'),
      2,
    ],
    ['a group', { peer: '1@g.us', phone: null, lid: null }, ['1@g.us'], 0],
  ])('of %s', async (_what, to, jids, atMost) => {
    const { result: all, statements } = await countOf(() =>
      readPeers(q.database.db, [{ account, addressee: to }]),
    );
    const [result = []] = all;
    expect([result[0], result.toSorted()]).toEqual([to.peer, jids.toSorted()]);
    expect(statements).toBeLessThanOrEqual(atMost);
  });
});

describe('the look at a number before a code goes to it', () => {
  it.each<[string, string, string | null, boolean, number]>([
    ['an own number', '628111222333', null, false, 0],
    ['a number with a LID', '6281234567890', '100000000000001', false, 0],
    ['a number with a twin', '525512345678', null, false, 0],
    ['a number with an alias', ALIASED, null, true, 2],
  ])('finds all of %s in one statement', async (_what, phone, lid, hasAliases, more) => {
    const book = createPeerBook(q.deps);
    const { result, statements } = await countOf(() => book.look(account, phone));
    expect([result, statements]).toEqual([{ lid, hasAliases }, 1]);
    const to = addressee(phone, lid);
    const after = await countOf(() => book.of(account, to));
    expect(after.statements).toBeLessThanOrEqual(more);
    const [jids = []] = await readPeers(q.database.db, [{ account, addressee: to }]);
    expect(after.result.toSorted()).toEqual(jids.toSorted());
  });
});

describe('whether the limit of a recipient holds a message', () => {
  const pace: Pace = { ...FAST, perRecipientPerHour: 2, otpReservePercent: 0 };
  const held = (phone: string) => {
    const message = { ...addressee(phone), id: null, userId: account.userId, accountId: account.id };
    const waits = { priority: PRIORITIES.normal, scheduledAt: null };
    return countOf(async () =>
      recipientHeldUntil(
        { db: q.database.db, peers: createPeerBook(q.deps) },
        pace,
        { ...message, ...waits },
        q.clock.now(),
      ),
    );
  };

  it.each(['628111222333', '525512345678', ALIASED])('costs little where none waits: %s', async (phone) => {
    const { result, statements } = await held(phone);
    expect(result).toBeNull();
    expect(statements).toBeLessThanOrEqual(phone === ALIASED ? 3 : 2);
  });

  it('counts what waits under each spelling in one statement', async () => {
    for (const phone of ['525587654321', '5215587654321', '525587654321', '5215587654321']) {
      await q.queue(account, { peer: jid(phone), phone });
    }
    const { result, statements } = await held('525587654321');
    // Two go at once, two an hour later, the next after another one.
    expect(result).toBe(q.clock.now() + 2 * 3_600_000);
    expect(statements).toBe(4);
  });

  it('is not hidden by what the owner sends from the phone', async () => {
    const phone = '628111222444';
    for (let n = 0; n < 2; n++) await q.queue(account, { peer: jid(phone), phone });
    const at = q.clock.now() + 1;
    const { id: accountId, userId, sessionId } = account;
    const own = { accountId, userId, sessionId, peer: jid(phone), phone, source: 'phone' as const };
    const sent = {
      direction: 'out' as const,
      type: 'text',
      content: {},
      status: 'sent' as const,
      sentAt: at,
    };
    const row = () => ({
      ...own,
      ...sent,
      id: newId(at),
      messageId: newMessageId(),
      createdAt: at,
      updatedAt: at,
    });
    await insertMany(q.database.db, messages, [row(), row()]);
    expect((await held(phone)).result).toBe(q.clock.now() + 3_600_000);
  });
});

describe('messages that leave in the same moment', () => {
  async function claimSeveral(held: AccountRef, count: number): Promise<(Claim | null)[]> {
    for (const phone of phones(count)) await q.queue(held, { peer: jid(phone), phone, userId: held.userId });
    const rows = await readCandidates(q.database.db, held.id, PRIORITIES.normal, count);
    const claimer = createClaimer(q.deps);
    counter.take();
    return Promise.all(
      rows.map((candidate) => claimer.add({ held, candidate, now: q.clock.now(), contact: null })),
    );
  }

  const atMost = (count: number) => (statementsAreCheap ? (count < 8 ? 9 : 6) : 3);

  it('are claimed in a few statements, however many they are', async () => {
    for (const count of [1, 3, 8]) {
      const claims = await claimSeveral(await q.account(), count);
      expect(counter.take().statements).toBeLessThanOrEqual(atMost(count));
      expect(claims.every((claim) => claim !== null)).toBe(true);
      const ids = claims.map((claim) => claim?.id ?? '');
      const rows = await q.database.db.select().from(messageQueue).where(inArray(messageQueue.id, ids));
      expect(rows.map(({ status, claimedFence, attempts }) => [status, claimedFence, attempts])).toEqual(
        claims.map(() => ['sending', 1, 1]),
      );
      const attempts = await q.database.db
        .select()
        .from(sendAttempts)
        .where(eq(sendAttempts.accountId, claims[0]?.accountId ?? ''));
      expect(attempts.map(({ recipient, priority, at }) => [recipient, priority, at]).toSorted()).toEqual(
        claims.map((claim) => [claim?.peer, PRIORITIES.normal, q.clock.now()]).toSorted(),
      );
    }
  });
});

describe('claims of sessions at a slow pace', () => {
  /** A message of a session of its own, as its claim is asked for. */
  async function requestOf(slow: QueueFixture, priority: Priority) {
    const held = await slow.account();
    await slow.queue(held, { priority });
    const [candidate] = await readCandidates(slow.database.db, held.id, priority, 1);
    if (!candidate) throw new Error('no row');
    return { held, candidate, now: slow.clock.now(), contact: null };
  }

  it('share a transaction where they come one after the other, and keep no code waiting', async () => {
    const slow = await openQueue({ perMinute: 20 });
    const claimer = createClaimer(slow.deps, { gatherMs: 600_000 });
    const [first, ...others] = await Promise.all(
      Array.from({ length: 6 }, () => requestOf(slow, PRIORITIES.normal)),
    );
    const code = await requestOf(slow, PRIORITIES.high);
    if (!first) throw new Error('no request');
    counter.take();
    expect((await claimer.add(first))?.id).toBe(first.candidate.id);
    const claimed: string[] = [];
    const claims = others.map(async (request) => {
      const claim = await claimer.add(request);
      claimed.push(claim?.id ?? '');
    });
    expect((await claimer.add(code))?.id).toBe(code.candidate.id);
    expect(claimed).toEqual([]);
    claimer.hurry();
    await Promise.all(claims);
    expect(claimed.toSorted()).toEqual(others.map(({ candidate }) => candidate.id).toSorted());
    // Of the first one, of the code, and of the others: there are two places to gather where a lock may be in the way.
    expect(counter.take().transactions).toBeLessThanOrEqual(statementsAreCheap ? 3 : 4);
    await slow.close();
  });

  it('make way for a code where more wait than a transaction holds', async () => {
    const slow = await openQueue({ perMinute: 20 });
    const claimer = createClaimer(slow.deps, { gatherMs: 600_000 });
    const crowd = await Promise.all(Array.from({ length: 80 }, () => requestOf(slow, PRIORITIES.normal)));
    const code = await requestOf(slow, PRIORITIES.high);
    const claimed: string[] = [];
    const claims = [...crowd, code].map(async (request) => {
      const claim = await claimer.add(request);
      claimed.push(claim?.id ?? '');
    });
    claimer.hurry();
    await Promise.all(claims);
    expect(claimed).toHaveLength(81);
    // One transaction may be under way in its lane, and as many in the other one.
    expect(claimed.indexOf(code.candidate.id)).toBeLessThan(64);
    await slow.close();
  });

  it('read the row of their session now and then, not with each message', async () => {
    const slow = await openQueue({ perMinute: 20 });
    const held = await slow.account();
    await slow.dispatcher.add(held);
    await slow.clock.advance(0);
    counter.take();
    for (const phone of phones(8)) {
      await slow.queue(held, { phone });
      await slow.clock.advance(3_000);
    }
    expect(slow.engine.relayed).toHaveLength(8);
    expect(countOfTexts(/^select .*whatsapp_accounts.* left join .message_queue./i)).toBe(0);
    await slow.close();
  });
});

describe('sessions that a limit holds', () => {
  const ROWS = 12;
  const pauseOf = (request: { held: AccountRef; until: number; isNew?: boolean }) => ({
    ...{ account: request.held, until: request.until, isNew: request.isNew ?? false },
    ...({ reason: 'minute_limit', priority: PRIORITIES.normal } as const),
  });

  it('show it together, and no other one shows it', async () => {
    const until = q.clock.now() + 30_000;
    const all = await Promise.all(Array.from({ length: ROWS }, () => q.account()));
    const byHand = await q.account({ pausedUntil: q.clock.now() + 1, pauseReason: 'paused' });
    const [lost, gone] = [
      { ...(await q.account()), fence: 7 },
      { ...account, id: newId() },
    ];
    const limitPauses = createLimitPauses(q.deps);
    const before = q.events.length;
    counter.take();
    const shown = [...all, byHand, lost, gone].map((held, n) =>
      limitPauses.show(pauseOf({ held, until: until + n, isNew: n === 3 })),
    );
    // The last one of a session counts.
    const [first] = all;
    if (!first) throw new Error('no session');
    const again = limitPauses.show(pauseOf({ held: first, until: until + 99 }));
    limitPauses.hurry();
    expect(await Promise.all(shown)).toEqual([...all.map(() => true), false, false, false]);
    expect(await again).toBe(true);
    const { statements, transactions } = counter.take();
    expect(transactions).toBe(1);
    expect(statements).toBeLessThanOrEqual(7);
    const { id, pausedUntil, pauseReason, pausedPriority } = whatsappAccounts;
    const rows = await q.database.db
      .select({ id, pausedUntil, pauseReason, pausedPriority })
      .from(whatsappAccounts)
      .where(
        inArray(
          id,
          [...all, byHand, lost].map((held) => held.id),
        ),
      );
    const shownBy = (held: { id: string }) => {
      const row = rows.find((one) => one.id === held.id);
      return [row?.pausedUntil, row?.pauseReason, row?.pausedPriority];
    };
    expect(all.map(shownBy)).toEqual(
      all.map((_, n) => [until + (n === 0 ? 99 : n), 'minute_limit', PRIORITIES.normal]),
    );
    expect([byHand, lost].map(shownBy)).toEqual([
      [q.clock.now() + 1, 'paused', null],
      [null, null, null],
    ]);
    const told = q.events.slice(before).map(({ event, accountId, data }) => [event, accountId, data]);
    const pausedUntilTold = new Date(until + 3).toISOString();
    expect(told).toEqual([
      ['queue.paused', all[3]?.id, { reason: 'minute_limit', pausedUntil: pausedUntilTold }],
    ]);
  });

  it('write nothing of their own for each message', async () => {
    const slow = await openQueue({ perMinute: 2, otpReservePercent: 0 });
    const all = await Promise.all(Array.from({ length: ROWS }, () => slow.account()));
    for (const held of all) {
      for (const phone of phones(3)) await slow.queue(held, { phone });
      await slow.dispatcher.add(held);
    }
    counter.take();
    await slow.clock.advance(1_000);
    expect(slow.engine.relayed).toHaveLength(2 * ROWS);
    expect(countOfTexts(/^update .whatsapp_accounts. set .paused_until./i)).toBeLessThanOrEqual(ROWS / 2);
    await slow.close();
  });
});

/** How many of the statements since the last count are of this kind. */
function countOfTexts(kind: RegExp): number {
  return [...counter.take().texts].filter(([text]) => kind.test(text)).reduce((sum, [, n]) => sum + n, 0);
}

describe('what WhatsApp proves of a message that this process sends', () => {
  /** A message of mine, claimed. */
  async function claimOne(phone: string): Promise<Claim> {
    const { id } = await q.queue(account, { peer: jid(phone), phone });
    const rows = await readCandidates(q.database.db, account.id, PRIORITIES.normal, 20);
    const candidate = rows.find((row) => row.id === id);
    if (!candidate) throw new Error('no row');
    const claim = await createClaimer(q.deps).add({
      held: account,
      candidate,
      now: q.clock.now(),
      contact: null,
    });
    if (!claim) throw new Error('not claimed');
    return claim;
  }

  /** Settles it; how many of the statements were reads and deletes. */
  async function settled(item: Settlement): Promise<{ reads: number; deletes: number }> {
    counter.take();
    await q.settler.settle(item);
    const all = [...counter.take().texts].filter(([text]) => /message/.test(text));
    const countOfKind = (kind: RegExp) =>
      all.filter(([text]) => kind.test(text)).reduce((sum, [, n]) => sum + n, 0);
    return { reads: countOfKind(/^select/i), deletes: countOfKind(/^delete/i) };
  }

  const ack = (claim: Claim, at: number): Settlement => ({
    kind: 'proof',
    id: claim.id,
    sending: claim,
    status: 'sent',
    at,
  });
  const receipt = ({ messageId }: Claim, status: 'delivered' | 'read', at: number): Settlement => ({
    kind: 'proof',
    accountId: account.id,
    messageId,
    status,
    at,
  });

  it('is written without a reading', async () => {
    const claim = await claimOne('628111222444');
    expect(await settled(ack(claim, 10))).toEqual({ reads: 0, deletes: 1 });
    expect(await q.row(claim.id)).toBeUndefined();
    expect(await settled(receipt(claim, 'delivered', 20))).toEqual({ reads: 0, deletes: 0 });
    expect(await settled(receipt(claim, 'delivered', 25))).toEqual({ reads: 0, deletes: 0 });
    expect(await settled(receipt(claim, 'read', 30))).toEqual({ reads: 0, deletes: 0 });
    const times = { sentAt: 10, deliveredAt: 20, readAt: 30 };
    expect(await q.message(claim.id)).toMatchObject({ status: 'read', ...times });
  });

  it('is written in one statement for all of a moment, once for each message, and told in order', async () => {
    const claims = [];
    for (let n = 0; n < 5; n++) claims.push(await claimOne(`62811122300${n}`));
    const [first] = claims;
    if (!first) throw new Error('no claim');
    const items = [
      ...claims.map((claim, n) => ack(claim, 10 + n)),
      ...claims.map((claim, n) => receipt(claim, 'delivered', 20 + n)),
      receipt(first, 'read', 30),
    ];
    const before = q.events.length;
    counter.take();
    await Promise.all(items.map((item) => q.settler.settle(item)));
    expect(countOfTexts(/^update .messages/i)).toBe(1);
    for (const [n, claim] of claims.entries()) {
      const read = claim === first ? { status: 'read', readAt: 30 } : { status: 'delivered', readAt: null };
      expect(await q.message(claim.id)).toMatchObject({ sentAt: 10 + n, deliveredAt: 20 + n, ...read });
    }
    const told = q.events.slice(before);
    const toldOf = ({ messageId }: Claim) =>
      told.filter(({ subject }) => subject === messageId).map(({ event }) => event);
    expect(toldOf(first)).toEqual(['message.sent', 'message.delivered', 'message.read']);
    expect(told.map(({ seq }) => seq)).toEqual(told.map((_, n) => (told[0]?.seq ?? 0) + n));
  });

  it('is written at the first try where a receipt came before the acknowledgement', async () => {
    const claim = await claimOne('628111222448');
    await settled(receipt(claim, 'delivered', 20));
    counter.take();
    await q.settler.settle(ack(claim, 10));
    expect(countOfTexts(/^rollback/i)).toBe(0);
    expect(await q.message(claim.id)).toMatchObject({ status: 'delivered', sentAt: 20, deliveredAt: 20 });
  });

  it('is read where it is not as this process has seen it', async () => {
    const { id } = messages;
    const [canceled, moved, gone] = [
      await claimOne('628111222445'),
      await claimOne('628111222446'),
      await claimOne('628111222447'),
    ];
    await q.database.db.update(messages).set({ status: 'canceled' }).where(eq(id, canceled.id));
    expect((await settled(ack(canceled, 10))).reads).toBe(1);
    expect(await q.message(canceled.id)).toMatchObject({ status: 'sent', sentAt: 10 });
    await settled(ack(moved, 10));
    await q.database.db
      .update(messages)
      .set({ status: 'delivered', deliveredAt: 15 })
      .where(eq(id, moved.id));
    expect((await settled(receipt(moved, 'read', 30))).reads).toBe(1);
    expect(await q.message(moved.id)).toMatchObject({ status: 'read', deliveredAt: 15, readAt: 30 });
    await settled(ack(gone, 10));
    await q.database.db.delete(messages).where(eq(id, gone.id));
    expect((await settled(receipt(gone, 'delivered', 20))).reads).toBe(1);
  });
});

describe('the LID of a recipient', () => {
  it('is read in one statement for all of a session who ask at the same moment, and is that of one alone', async () => {
    const { db } = q.database;
    const [twice, unknown] = ['6281200000007', '6281200000008'];
    await insertMany(db, waContacts, [
      { accountId: account.id, lid: '200000000000009', phone: twice, updatedAt: 1 },
      { accountId: account.id, lid: '200000000000001', phone: twice, updatedAt: 2 },
    ]);
    const phones = ['6281234567890', twice, unknown, '554789211985', twice];
    const alone = [];
    for (const phone of phones) alone.push(await createLidBook(db).find(account.id, phone));
    const book = createLidBook(db);
    const { result, statements } = await countOf(() =>
      Promise.all(phones.map((phone) => book.find(account.id, phone))),
    );
    expect([result, statements]).toEqual([alone, 1]);
    expect([alone[0], alone[2], alone[3]]).toEqual(['100000000000001', null, '100000000000002']);
    const shared = createLidBook(db);
    const ofAll = [account.id, 'other', newId()].map((id) => shared.find(id, '6281234567890'));
    expect(await Promise.all(ofAll)).toEqual(['100000000000001', '100000000000003', null]);
  });
});

/** After 463 or 479 nothing goes to strangers for a while; those who know the session are served on. */
import { eq } from 'drizzle-orm';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { waContacts, whatsappAccounts } from '../../src/db/schema.ts';
import { breakerPauseMs } from '../../src/queue/breaker.ts';
import { settleEngineEvent } from '../../src/queue/engine-events.ts';
import { paceOf } from '../../src/queue/pace.ts';
import { quietUntil } from '../../src/queue/quiet-hours.ts';
import { learnAlias } from '../../src/services/messages/aliases.ts';
import type { AccountRef } from '../../src/whatsapp/engine.ts';
import { MAX_IN_FLIGHT } from '../../src/workers/dispatcher/line-plan.ts';
import { FAST, openQueue, phones, type QueueFixture } from './fixture.ts';

const MINUTE_MS = 60_000;
const HOUR_MS = 3_600_000;
const REFUSED = { outcome: 'refused' as const, code: '463', message: 'refused' };
const [STRANGER = '', FRIEND = '', ...OTHERS] = phones(30);

let q: QueueFixture;
let account: AccountRef;
beforeEach(async () => {
  q = await openQueue();
  account = await q.account();
});
afterEach(() => q.close());

/** Somebody who wrote to the session. */
const befriend = (phone: string, peer?: string) => q.befriend(account, phone, peer);

const statusOf = async (id: string) => (await q.message(id)).status;

async function accountRow() {
  const [row] = await q.database.db
    .select()
    .from(whatsappAccounts)
    .where(eq(whatsappAccounts.id, account.id));
  if (!row) throw new Error('no account');
  return row;
}

/** One message to a stranger, which WhatsApp refuses. */
async function trip(phone = STRANGER): Promise<void> {
  q.engine.answer = (send) =>
    send.to.phone === phone ? REFUSED : { outcome: 'acknowledged', at: q.clock.now() };
  await q.queue(account, { phone });
  await q.dispatcher.add(account);
  await q.clock.advance(1);
}

describe('after a refusal', () => {
  test('strangers wait and do not fail, those who know the session are served', async () => {
    await befriend(FRIEND);
    await trip();
    const stranger = await q.queue(account, { phone: OTHERS[0] ?? '' });
    const friend = await q.queue(account, { phone: FRIEND });
    await q.clock.advance(MINUTE_MS);
    expect(await statusOf(friend.id)).toBe('sent');
    expect(await statusOf(stranger.id)).toBe('queued');
    const again = await q.queue(account, { phone: FRIEND });
    await q.clock.advance(MINUTE_MS);
    expect(await statusOf(again.id)).toBe('sent');

    await q.clock.advance(breakerPauseMs(1));
    expect(await statusOf(stranger.id)).toBe('sent');
  });

  test('strangers wait at once, also when it is about an attempt that was given up before', async () => {
    q.engine.answer = (send) =>
      send.to.phone === STRANGER
        ? { outcome: 'unknown', reason: 'no answer' }
        : { outcome: 'acknowledged', at: q.clock.now() };
    const { id, messageId } = await q.queue(account, { phone: STRANGER });
    await q.dispatcher.add(account);
    await q.clock.advance(1);
    expect(await q.row(id)).toMatchObject({ status: 'pending' });
    const refusal = { type: 'refused', messageId, code: '463', at: q.clock.now() } as const;
    await settleEngineEvent(q.settler, account, refusal);
    expect(await statusOf(id)).toBe('failed');
    const stranger = await q.queue(account, { phone: OTHERS[0] ?? '' });
    await q.clock.advance(1);
    expect(await statusOf(stranger.id)).toBe('queued');
  });

  test('somebody whom it knows by LID only is no stranger either', async () => {
    await befriend(FRIEND, '123456789@lid');
    await trip();
    const known = await q.queue(account, { phone: FRIEND, lid: '123456789' });
    await q.clock.advance(MINUTE_MS);
    expect(await statusOf(known.id)).toBe('sent');
  });

  test('somebody whom it knows by another spelling of the number is no stranger either', async () => {
    const [alias, other] = ['628111111118', '628222222228'];
    await learnAlias(q.database.db, account.userId, { alias, phone: other, lid: null }, q.clock.now());
    await befriend('5215512345678');
    await befriend(other);
    await trip();
    for (const phone of ['525512345678', alias]) {
      const known = await q.queue(account, { phone, peer: `${phone}@s.whatsapp.net` });
      await q.clock.advance(MINUTE_MS);
      expect(await statusOf(known.id)).toBe('sent');
    }
  });

  test('a group is no stranger', async () => {
    await trip();
    const group = await q.queue(account, { peer: '120363000000000001@g.us', phone: null });
    await q.clock.advance(MINUTE_MS);
    expect(await statusOf(group.id)).toBe('sent');
  });

  test('a post to the status waits while somebody whom it is for is a stranger', async () => {
    await befriend(FRIEND);
    await befriend(OTHERS[1] ?? '', '123456789@lid');
    const known = { accountId: account.id, lid: '123456789', phone: OTHERS[1] ?? '' };
    await q.database.db.insert(waContacts).values({ ...known, updatedAt: q.clock.now() });
    await trip();
    const post = (...phones: string[]) => {
      const recipients = phones.map((phone) => `${phone}@s.whatsapp.net`);
      // More than is read ahead.
      const content = { type: 'text', text: 'x'.repeat(5_000), status: { recipients } };
      return q.queue(account, { peer: 'status@broadcast', phone: null, content });
    };
    const held = await post(FRIEND, OTHERS[0] ?? '');
    const free = await post(FRIEND, OTHERS[1] ?? '');
    await q.clock.advance(MINUTE_MS);
    expect(await statusOf(held.id)).toBe('queued');
    expect(await statusOf(free.id)).toBe('sent');
    await q.clock.advance(breakerPauseMs(1));
    expect(await statusOf(held.id)).toBe('sent');
  });

  test('a post to the status that is prepared already does not leave any more, and its deletion does', async () => {
    const recipients = [`${OTHERS[0]}@s.whatsapp.net`];
    const toStatus = { peer: 'status@broadcast', phone: null };
    q.engine.prepare = async (send) => {
      if (send.content.type === 'image') await q.engine.later(5_000);
    };
    const content = { type: 'image', media: {}, status: { recipients } };
    const late = await q.queue(account, { ...toStatus, type: 'image', content });
    await trip();
    await q.clock.advance(10_000);
    expect(q.engine.relayed.map((send) => send.to.phone)).toEqual([STRANGER]);
    const deletion = { type: 'delete', messageId: 'AB', status: { recipients } };
    const deleted = await q.queue(account, { ...toStatus, type: 'delete', content: deletion });
    await q.clock.advance(MINUTE_MS);
    expect(await statusOf(deleted.id)).toBe('sent');
    expect(await statusOf(late.id)).toBe('queued');
    await q.clock.advance(breakerPauseMs(1));
    expect(await statusOf(late.id)).toBe('sent');
  });

  test('the session shows why, and it is recorded once', async () => {
    await trip();
    const row = await accountRow();
    expect(row).toMatchObject({ breakerCode: '463', breakerTrips: 1 });
    expect(row.breakerUntil).toBeGreaterThan(q.clock.now());
    const paused = q.events.filter((event) => event.event === 'queue.paused');
    expect(paused.map((event) => event.data)).toMatchObject([{ reason: 'breaker_463', recipients: 'new' }]);
  });

  test('what is prepared already does not leave any more', async () => {
    q.engine.prepare = async (send) => {
      if (send.to.phone === OTHERS[0]) await q.engine.later(5_000);
    };
    const late = await q.queue(account, { phone: OTHERS[0] ?? '' });
    await trip();
    await q.clock.advance(10_000);
    expect(q.engine.relayed.map((send) => send.to.phone)).toEqual([STRANGER]);
    expect(await statusOf(late.id)).not.toBe('failed');
    await q.clock.advance(breakerPauseMs(1));
    expect(await statusOf(late.id)).toBe('sent');
    expect((await q.message(late.id)).attempts).toBe(1);
  });

  test('of many strangers in the queue only those on their way are refused, and each pause is longer than the one before', async () => {
    q.engine.answer = () => REFUSED;
    const ids: string[] = [];
    for (const phone of OTHERS) ids.push((await q.queue(account, { phone })).id);
    const failed = async () => {
      const statuses = await Promise.all(ids.map(statusOf));
      return statuses.filter((status) => status === 'failed').length;
    };
    await q.dispatcher.add(account);
    await q.clock.advance(1);
    const first = await failed();
    expect(first).toBeLessThanOrEqual(MAX_IN_FLIGHT);
    await q.clock.advance(breakerPauseMs(1) - MINUTE_MS);
    expect(await failed()).toBe(first);
    await q.clock.advance(2 * MINUTE_MS);
    expect(await failed()).toBeGreaterThan(first);
    expect((await accountRow()).breakerTrips).toBe(2);
    expect((await accountRow()).breakerUntil).toBeGreaterThan(
      q.clock.now() + breakerPauseMs(2) - 5 * MINUTE_MS,
    );
  });

  test('another dispatcher on the same database keeps the pause', async () => {
    await trip();
    await q.dispatcher.stop();
    const stranger = await q.queue(account, { phone: OTHERS[0] ?? '' });
    await q.newDispatcher().add(account);
    await q.clock.advance(MINUTE_MS);
    expect(await statusOf(stranger.id)).toBe('queued');
  });
});

test('other refusals pause nothing', async () => {
  q.engine.answer = (send) =>
    send.to.phone === STRANGER ? { ...REFUSED, code: '400' } : { outcome: 'acknowledged', at: q.clock.now() };
  await q.queue(account, { phone: STRANGER });
  await q.dispatcher.add(account);
  const next = await q.queue(account, { phone: OTHERS[0] ?? '' });
  await q.clock.advance(MINUTE_MS);
  expect(await statusOf(next.id)).toBe('sent');
  expect((await accountRow()).breakerUntil).toBeNull();
});

test('a pause is 15 minutes, doubling up to a day', () => {
  expect([1, 2, 3, 20].map(breakerPauseMs)).toEqual(
    [15, 30, 60, 1_440].map((minutes) => minutes * MINUTE_MS),
  );
});

describe('quiet hours', () => {
  const night = { from: '21:00', to: '07:30', timeZone: 'Asia/Jakarta' };
  const at = (iso: string) => Date.parse(iso);

  test.each([
    ['2026-03-01T13:59:59Z', null],
    ['2026-03-01T14:00:00Z', '2026-03-02T00:30:00Z'],
    ['2026-03-02T00:29:30Z', '2026-03-02T00:30:00Z'],
    ['2026-03-02T00:30:00Z', null],
  ])('at %s they end %s', (now, end) => {
    expect(quietUntil(night, at(now))).toBe(end === null ? null : at(end));
  });

  test('hold everything but what is urgent, and say so', async () => {
    const now = q.clock.now();
    const clock = (ms: number) => new Date(ms).toISOString().slice(11, 16);
    const quietHours = { from: clock(now), to: clock(now + 2 * HOUR_MS), timeZone: 'UTC' };
    const quiet = await q.account({ limits: { quietHours } });
    const normal = await q.queue(quiet, { phone: FRIEND });
    const code = await q.queue(quiet, { phone: STRANGER, priority: 0 });
    await q.dispatcher.add(quiet);
    await q.clock.advance(HOUR_MS);
    expect(await statusOf(code.id)).toBe('sent');
    expect(await statusOf(normal.id)).toBe('queued');
    const [row] = await q.database.db
      .select()
      .from(whatsappAccounts)
      .where(eq(whatsappAccounts.id, quiet.id));
    expect(row?.pauseReason).toBe('quiet_hours');
    await q.clock.advance(HOUR_MS + MINUTE_MS);
    expect(await statusOf(normal.id)).toBe('sent');
  });
});

test('a number that warms up sends more every day, and never more than the service allows', () => {
  const service = { ...FAST, perHour: 640 };
  const warmUp = { days: 6, startPerHour: 10, since: 0 };
  const perHour = (day: number) =>
    paceOf(service, { limits: { warmUp }, lastHighAt: null }, day * 24 * HOUR_MS).perHour;
  expect([0, 1, 2, 3, 5, 6, 60].map(perHour)).toEqual([10, 20, 40, 80, 320, 640, 640]);
  expect(
    paceOf(service, { limits: { warmUp, perHour: 50 }, lastHighAt: null }, 3 * 24 * HOUR_MS).perHour,
  ).toBe(22);
});

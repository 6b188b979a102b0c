/** What WhatsApp says of the account: the breaker ends with the server's end, and each change is told once. */
import { eq } from 'drizzle-orm';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { messageQueue, whatsappAccounts } from '../../src/db/schema.ts';
import { breakerPauseMs } from '../../src/queue/breaker.ts';
import { endRestrictions, takeStanding } from '../../src/queue/standing.ts';
import { bringBack } from '../../src/queue/step-aside.ts';
import type { AccountRef, Standing } from '../../src/whatsapp/engine.ts';
import { openQueue, phones, type QueueFixture } from './fixture.ts';

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
const [REFUSED = '', FRIEND = '', ...STRANGERS] = phones(12);

/** Every step of the fake clock is a look at a real database, and some of these tests take days. */
vi.setConfig({ testTimeout: 240_000 });

let q: QueueFixture;
let account: AccountRef;
beforeEach(async () => {
  q = await openQueue();
  account = await q.account();
  q.engine.answer = ({ to }) =>
    to.phone === REFUSED
      ? { outcome: 'refused', code: '463', message: 'refused' }
      : { outcome: 'acknowledged', at: q.clock.now() };
});
afterEach(() => q.close());

const told = (standing: Standing) => takeStanding(q.deps, account, standing);
const lock = (until: number, kind = 'DEFAULT') => told({ timeLock: { until, kind } });
const statusOf = async (id: string) => (await q.message(id)).status;
const eventsOf = () => q.events.filter(({ event }) => event.startsWith('session.')).map(({ event }) => event);

async function row() {
  const [found] = await q.database.db
    .select()
    .from(whatsappAccounts)
    .where(eq(whatsappAccounts.id, account.id));
  if (!found) throw new Error('no account');
  return found;
}

const befriend = (phone: string) => q.befriend(account, phone);

describe('a 463 with a time lock of 6 hours', () => {
  async function lockedAfterRefusal(until: number) {
    await befriend(FRIEND);
    const refused = await q.queue(account, { phone: REFUSED });
    await q.dispatcher.add(account);
    await q.clock.advance(1);
    expect(await statusOf(refused.id)).toBe('failed');
    await lock(until);
  }

  test('ends the breaker then, serves known people, lets strangers wait, and is told once', async () => {
    const until = q.clock.now() + 6 * HOUR_MS;
    await lockedAfterRefusal(until);
    const stranger = await q.queue(account, { phone: STRANGERS[0] ?? '' });
    const friend = await q.queue(account, { phone: FRIEND });
    await q.clock.advance(MINUTE_MS);
    expect(await statusOf(friend.id)).toBe('sent');
    expect(await row()).toMatchObject({ breakerUntil: until, restrictedUntil: until, breakerCode: '463' });
    // The guess of before would have let them go after 15 minutes.
    await q.clock.pass(6 * HOUR_MS - 3 * MINUTE_MS);
    expect(await statusOf(stranger.id)).toBe('queued');
    // Asked again, after a reconnect: the same answer.
    await lock(until);
    await q.clock.advance(3 * MINUTE_MS);
    expect(await statusOf(stranger.id)).toBe('sent');
    expect(await endRestrictions(q.deps)).toBe(1);
    expect(await endRestrictions(q.deps)).toBe(0);
    expect(eventsOf()).toEqual(['session.restricted', 'session.unrestricted']);
    expect(await row()).toMatchObject({ restrictedUntil: null, restriction: null });
  });

  test('lets strangers go at once when the server lifts it earlier', async () => {
    await lockedAfterRefusal(q.clock.now() + 6 * HOUR_MS);
    const stranger = await q.queue(account, { phone: STRANGERS[0] ?? '' });
    await q.clock.pass(HOUR_MS);
    expect(await statusOf(stranger.id)).toBe('queued');
    await told({ timeLock: null });
    await q.clock.advance(MINUTE_MS);
    expect(await statusOf(stranger.id)).toBe('sent');
    expect(await row()).toMatchObject({ breakerUntil: null, restrictedUntil: null });
    expect(eventsOf()).toEqual(['session.restricted', 'session.unrestricted']);
  });

  test('when its end comes earlier than the one before, strangers go then', async () => {
    await lockedAfterRefusal(q.clock.now() + 6 * HOUR_MS);
    const stranger = await q.queue(account, { phone: STRANGERS[0] ?? '' });
    await q.clock.advance(MINUTE_MS);
    await lock(q.clock.now() + 2 * HOUR_MS);
    await q.clock.pass(2 * HOUR_MS + MINUTE_MS);
    expect(await statusOf(stranger.id)).toBe('sent');
    expect(eventsOf()).toEqual(['session.restricted', 'session.restricted']);
  });
});

test('a lock that is told before the refusal is not made shorter by it', async () => {
  const until = q.clock.now() + 6 * HOUR_MS;
  await lock(until);
  await befriend(REFUSED);
  await q.queue(account, { phone: REFUSED });
  await q.dispatcher.add(account);
  await q.clock.advance(MINUTE_MS);
  expect(await row()).toMatchObject({ breakerUntil: until });
});

test('without an end of the server the guess holds, and answers that name none are no news', async () => {
  await q.queue(account, { phone: REFUSED });
  await q.dispatcher.add(account);
  await q.clock.advance(1);
  const guess = q.clock.now() - 1 + breakerPauseMs(1);
  await lock(q.clock.now() + MINUTE_MS);
  expect(await row()).toMatchObject({ breakerUntil: guess });
  await q.clock.advance(30_000);
  await lock(q.clock.now() + MINUTE_MS);
  expect(eventsOf()).toEqual(['session.restricted']);
  await told({ timeLock: null });
  expect(await row()).toMatchObject({ breakerUntil: guess, restrictedUntil: null });
});

test('nothing is written for an owner of before', async () => {
  await takeStanding(
    q.deps,
    { ...account, fence: 9 },
    { timeLock: { until: q.clock.now() + 1e6, kind: 'X' } },
  );
  expect(await row()).toMatchObject({ restrictedUntil: null });
  expect(eventsOf()).toEqual([]);
});

test('a 479 affects nobody else: the message fails, the breaker stays closed', async () => {
  q.engine.answer = ({ to }) =>
    to.phone === REFUSED
      ? { outcome: 'refused', code: '479', message: 'stale' }
      : { outcome: 'acknowledged', at: q.clock.now() };
  const refused = await q.queue(account, { phone: REFUSED });
  const others = [];
  for (const phone of STRANGERS) others.push(await q.queue(account, { phone }));
  await q.dispatcher.add(account);
  await q.clock.advance(MINUTE_MS);
  expect(await q.message(refused.id)).toMatchObject({ status: 'failed', errorCode: '479', attempts: 1 });
  for (const { id } of others) expect(await statusOf(id)).toBe('sent');
  expect(await row()).toMatchObject({ breakerUntil: null, breakerTrips: 0 });
});

test('a cap is kept with the time that it was told, and goes', async () => {
  const cap = { total: 20, used: 3, status: 'NONE', until: q.clock.now() + HOUR_MS };
  await told({ newChatCap: cap });
  expect((await row()).newChatCap).toEqual({ ...cap, toldAt: q.clock.now() });
  await told({ newChatCap: null });
  expect((await row()).newChatCap).toBeNull();
  expect(eventsOf()).toEqual([]);
});

/** The database as a transaction sees it that began before others had changed the session's row: once. */
function withOldRow(old: object): QueueFixture['deps'] {
  let isOld = true;
  const passOn = (target: object, name: string | symbol): unknown => {
    const value: unknown = Reflect.get(target, name, target);
    return typeof value === 'function' ? value.bind(target) : value;
  };
  const oldTx = (tx: object) =>
    new Proxy(tx, {
      get(target, name) {
        if (name !== 'select' || !isOld) return passOn(target, name);
        isOld = false;
        return () => ({ from: () => ({ where: async () => [old] }) });
      },
    });
  const db = new Proxy(q.database.db, {
    get(target, name) {
      if (name !== 'transaction') return passOn(target, name);
      return (work: (tx: object) => unknown) => target.transaction(async (tx) => work(oldTx(tx)) as never);
    },
  });
  return { ...q.deps, database: { ...q.database, db } };
}

describe('what is told while the row changes', () => {
  test('is written onto what the row says then: the end of a restriction is told once', async () => {
    await lock(q.clock.now() + HOUR_MS);
    const before = await row();
    await q.clock.advance(HOUR_MS + 1);
    expect(await endRestrictions(q.deps)).toBe(1);
    await takeStanding(withOldRow(before), account, { timeLock: null });
    expect(eventsOf()).toEqual(['session.restricted', 'session.unrestricted']);
  });

  test('does not end a breaker that a refusal has opened meanwhile', async () => {
    await lock(q.clock.now() + HOUR_MS);
    const before = await row();
    const breakerUntil = q.clock.now() + 3 * HOUR_MS;
    await q.database.db
      .update(whatsappAccounts)
      .set({ breakerUntil })
      .where(eq(whatsappAccounts.id, account.id));
    await takeStanding(withOldRow(before), account, { timeLock: null });
    expect(await row()).toMatchObject({ breakerUntil, restrictedUntil: null });
    expect(eventsOf()).toEqual(['session.restricted', 'session.unrestricted']);
  });
});

describe('those who have stepped aside', () => {
  async function aside(): Promise<string> {
    const { id } = await q.queue(account, { phone: STRANGERS[0] ?? '' });
    const dueAt = (await q.row(id))?.availableAt ?? 0;
    await q.database.db
      .update(messageQueue)
      .set({ dueAt, availableAt: q.clock.now() + 6 * HOUR_MS })
      .where(eq(messageQueue.id, id));
    return id;
  }

  test('are brought back by two at once as by one', async () => {
    const ids = [await aside(), await aside()];
    const bring = () => bringBack(q.database.db, account.id, q.clock.now(), Number.POSITIVE_INFINITY);
    const moved = await Promise.all([bring(), bring(), bring()]);
    expect(moved.reduce((sum, count) => sum + count, 0)).toBe(ids.length);
    for (const id of ids) expect(await q.row(id)).toMatchObject({ dueAt: null });
  });

  test('go on when the process was killed that had to bring them back', async () => {
    const id = await aside();
    await q.dispatcher.add(account);
    await q.clock.advance(MINUTE_MS);
    expect(await statusOf(id)).toBe('sent');
  });
});

/** Never more strangers in any 24 hours than the limit says, whatever happens to the process in between. */
import { and, eq } from 'drizzle-orm';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { firstContacts, messageQueue, messages, whatsappAccounts } from '../../src/db/schema.ts';
import { cancelWaiting } from '../../src/queue/cancel.ts';
import { contactLimitOf } from '../../src/queue/first-contacts.ts';
import { rankPool, readPool } from '../../src/queue/pool.ts';
import type { AccountRef } from '../../src/whatsapp/engine.ts';
import { openQueue, phones, type QueueFixture } from './fixture.ts';

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
const HALF_HOUR_MS = HOUR_MS / 2;
const HALF_DAY_MS = 12 * HOUR_MS;
const AROUND_MS = 180_000;
const LIMIT = 20;
const PEOPLE = phones(45);

/** Every step of the fake clock is a look at a real database, and some of these tests take days. */
vi.setConfig({ testTimeout: 240_000 });

let q: QueueFixture;
let acknowledges = true;
beforeEach(async () => {
  acknowledges = true;
  q = await openQueue({ newContactsPerDay: LIMIT });
});
afterEach(() => q.close());

/** Whom the session wrote to, and the most strangers in any 24 hours: who has got a message is none any more. */
function mostInADay(
  friends: readonly string[] = [],
  accountId?: string,
): { people: Set<string>; most: number } {
  const known = new Set(friends);
  const sends = q.engine.relayed.filter((send) => accountId === undefined || send.accountId === accountId);
  const relayed = sends.flatMap(({ to, at }) => {
    const person = to.phone ?? to.jid;
    const isStranger = !known.has(person);
    if (acknowledges) known.add(person);
    return isStranger ? [{ person, at }] : [];
  });
  const people = new Set(relayed.map(({ person }) => person));
  let most = 0;
  for (const { at } of relayed) {
    const within = relayed.filter((other) => other.at > at - DAY_MS && other.at <= at);
    most = Math.max(most, new Set(within.map(({ person }) => person)).size);
  }
  return { people, most };
}

const befriend = (account: AccountRef, phone: string) => q.befriend(account, phone);

/** Lets time go by. Around noon, midnight and the end every look at the database is made; between them it leaps. */
async function pass(ms: number): Promise<void> {
  const end = q.clock.now() + ms;
  for (let now = q.clock.now(); now < end; now = q.clock.now()) {
    const untilNext = HALF_DAY_MS - (now % HALF_DAY_MS);
    const leapMs = Math.min(untilNext, end - now) - AROUND_MS;
    if (leapMs > 0) await q.clock.leap(leapMs);
    else await q.clock.advance(Math.min(untilNext + AROUND_MS, end - now));
  }
}

/** Every look is made in its first and its last minutes: what may go goes at its beginning. */
async function anHour(ms = HOUR_MS): Promise<void> {
  await q.clock.advance(AROUND_MS);
  await q.clock.pass(ms - AROUND_MS, AROUND_MS);
}

const statusOf = async (id: string) => (await q.message(id)).status;
const rows = (account: AccountRef) =>
  q.database.db.select().from(firstContacts).where(eq(firstContacts.accountId, account.id));

/** The one of them that a pool gives this person to. */
async function chosenFor(phone: string, accounts: readonly AccountRef[]): Promise<AccountRef> {
  const at = { now: q.clock.now(), priority: 1 as const };
  const sessions = await q.database.db
    .select()
    .from(whatsappAccounts)
    .where(eq(whatsappAccounts.userId, q.userId));
  const person = { peer: `${phone}@s.whatsapp.net`, phone, lid: null };
  const [best] = rankPool(await readPool(q.deps, sessions, person, at), at);
  const chosen = accounts.find(({ id }) => id === best?.member.session.id);
  if (!chosen) throw new Error('nobody was chosen');
  return chosen;
}

async function queueAll(account: AccountRef, people: readonly string[], priority: 0 | 1 = 1) {
  const ids: string[] = [];
  for (const phone of people) ids.push((await q.queue(account, { phone, priority })).id);
  return ids;
}

describe('a young session', () => {
  test('writes to 20 strangers in 24 hours and no more, to people who know it as often as it likes', async () => {
    const account = await q.account({ linkedAt: q.clock.now() - DAY_MS });
    const [friend = '', ...strangers] = PEOPLE;
    await befriend(account, friend);
    await queueAll(account, strangers);
    await q.dispatcher.add(account);
    await anHour();
    expect(mostInADay([friend]).people.size).toBe(LIMIT);
    const known = await queueAll(account, [friend, friend, friend]);
    await anHour();
    expect(await Promise.all(known.map(statusOf))).toEqual(['sent', 'sent', 'sent']);
    // Whoever has got a message knows the session.
    const [first] = strangers;
    const again = await q.queue(account, { phone: first ?? '' });
    await anHour();
    expect(await statusOf(again.id)).toBe('sent');
    await pass(2 * DAY_MS);
    const { people, most } = mostInADay([friend]);
    expect(people.size).toBe(strangers.length);
    expect(most).toBe(LIMIT);
  });

  test('over restarts and changes of owner, with attempts that nobody answered', async () => {
    let account = await q.account({ linkedAt: null });
    // Without an acknowledgement nobody becomes known, and every attempt is one to a stranger.
    acknowledges = false;
    q.engine.answer = () => ({ outcome: 'unknown', reason: 'no acknowledgement in time' });
    await queueAll(account, PEOPLE);
    let dispatcher = q.dispatcher;
    for (let owner = 0; owner < 5; owner++) {
      await dispatcher.add(account);
      await anHour();
      // Killed: it settles nothing more. The next owner has another fence, and takes over what it finds.
      await dispatcher.stop();
      const fence = account.fence + 1;
      const next = { owner: String(owner).padEnd(32, '0'), fence };
      await q.database.db.update(whatsappAccounts).set(next).where(eq(whatsappAccounts.id, account.id));
      account = { ...account, ...next };
      dispatcher = q.newDispatcher();
    }
    expect(mostInADay()).toMatchObject({ most: LIMIT });
    expect(mostInADay().people.size).toBe(LIMIT);
    await dispatcher.add(account);
    await pass(2 * DAY_MS);
    expect(mostInADay().people.size).toBe(PEOPLE.length);
    expect(mostInADay().most).toBe(LIMIT);
  });

  test('of a pool writes to no more than its own, over restarts and owners that change', async () => {
    // Without an acknowledgement nobody becomes known, and every attempt is one to a stranger.
    acknowledges = false;
    q.engine.answer = () => ({ outcome: 'unknown', reason: 'no acknowledgement in time' });
    let accounts = [await q.account({ linkedAt: null }), await q.account({ linkedAt: null })];
    let dispatcher = q.dispatcher;
    for (let round = 0; round < 4; round++) {
      for (const account of accounts) await dispatcher.add(account);
      for (const phone of phones(20 + round * 20).slice(-20))
        await q.queue(await chosenFor(phone, accounts), { phone });
      await anHour(HALF_HOUR_MS);
      await dispatcher.stop();
      const owner = String(round).padEnd(32, '0');
      accounts = accounts.map((account) => ({ ...account, owner, fence: account.fence + 1 }));
      for (const { id, fence } of accounts) {
        await q.database.db.update(whatsappAccounts).set({ owner, fence }).where(eq(whatsappAccounts.id, id));
      }
      dispatcher = q.newDispatcher();
    }
    for (const account of accounts) await dispatcher.add(account);
    await pass(2 * DAY_MS);
    for (const { id } of accounts) {
      expect(mostInADay([], id).most).toBe(LIMIT);
      expect(mostInADay([], id).people.size).toBeGreaterThanOrEqual(LIMIT);
    }
    expect(mostInADay().people.size).toBe(80);
  });

  test('that has another number than before writes to people who knew that one as to strangers', async () => {
    const account = await q.account({ linkedAt: q.clock.now(), knownFrom: q.clock.now() });
    const [former = '', ...friends] = PEOPLE;
    for (const phone of PEOPLE) await befriend(account, phone);
    await q.database.db
      .update(messages)
      .set({ createdAt: q.clock.now() - 1 })
      .where(eq(messages.accountId, account.id));
    const known = friends.pop() ?? '';
    await befriend(account, known);
    await queueAll(account, [former, ...friends, known]);
    await q.dispatcher.add(account);
    await anHour();
    expect(q.engine.relayed.some(({ to }) => to.phone === known)).toBe(true);
    expect(mostInADay([known]).people.size).toBe(LIMIT);
    await pass(DAY_MS);
    expect(mostInADay([known]).most).toBe(LIMIT);
  });

  test('two owners that both believe to hold it spend the limit together', async () => {
    const account = await q.account({ linkedAt: null });
    await queueAll(account, PEOPLE);
    const other = q.newDispatcher();
    await Promise.all([q.dispatcher.add(account), other.add(account)]);
    await anHour();
    expect(mostInADay()).toMatchObject({ most: LIMIT });
  });

  test('counts those whom a post to the status is for when it leaves, all of them or it waits', async () => {
    const account = await q.account({ linkedAt: null });
    const post = (people: readonly string[]) => {
      const recipients = people.map((phone) => `${phone}@s.whatsapp.net`);
      return q.queue(account, {
        ...{ peer: 'status@broadcast', phone: null },
        content: { type: 'text', text: 'x', status: { recipients } },
      });
    };
    const canceled = await post(PEOPLE.slice(30));
    const origin = { actorId: q.userId, ip: null, userAgent: null, requestId: 'test' };
    await cancelWaiting(q.deps, [canceled.id], origin);
    const [first, second] = [await post(PEOPLE.slice(0, 12)), await post(PEOPLE.slice(10, 25))];
    expect(await rows(account)).toHaveLength(0);
    await q.dispatcher.add(account);
    await anHour();
    expect(await statusOf(first.id)).toBe('sent');
    expect(await statusOf(second.id)).toBe('queued');
    // Fewer may still go, and hold nobody up.
    const ids = await queueAll(account, PEOPLE.slice(25, 30));
    await anHour();
    expect(await Promise.all(ids.map(statusOf))).toEqual(ids.map(() => 'sent'));
    expect(await rows(account)).toHaveLength(17);
    await q.database.db.update(messages).set({ expiresAt: null }).where(eq(messages.id, second.id));
    await pass(DAY_MS);
    expect(await statusOf(second.id)).toBe('sent');
    expect(q.engine.relayed.filter(({ to }) => to.jid === 'status@broadcast')).toHaveLength(2);
  });

  test('keeps the reserve of codes for codes', async () => {
    const account = await q.account({ linkedAt: null, lastHighAt: q.clock.now() });
    const normal = await queueAll(account, PEOPLE.slice(0, 30));
    await q.dispatcher.add(account);
    await anHour();
    expect(mostInADay().people.size).toBe(16);
    const codes = await queueAll(account, PEOPLE.slice(30, 40), 0);
    await anHour();
    expect(mostInADay().people.size).toBe(LIMIT);
    const sent = async (ids: string[]) =>
      (await Promise.all(ids.map(statusOf))).filter((status) => status === 'sent').length;
    expect(await sent(codes)).toBe(4);
    expect(await sent(normal)).toBe(16);
  });

  test('goes on with whom it has begun when the limit is lowered meanwhile', async () => {
    const account = await q.account({ linkedAt: null });
    acknowledges = false;
    q.engine.answer = () => ({ outcome: 'unknown', reason: 'no acknowledgement in time' });
    await queueAll(account, PEOPLE.slice(0, 10));
    await q.dispatcher.add(account);
    await q.clock.advance(1);
    expect(mostInADay().people.size).toBeGreaterThan(5);
    await q.database.db
      .update(whatsappAccounts)
      .set({ limits: { newContactsPerDay: 2 } })
      .where(eq(whatsappAccounts.id, account.id));
    q.deps.signals.wake(account.id, { rowChanged: true });
    const before = mostInADay().people.size;
    await anHour();
    expect(mostInADay().people.size).toBe(before);
    const begun = q.engine.relayed.filter(({ to }) => to.phone === PEOPLE[0]);
    expect(begun.length).toBe(3);
  });

  test('by a clock that was ahead is held for a day from now, not from then', async () => {
    const account = await q.account({ linkedAt: null });
    const at = q.clock.now() + 3 * DAY_MS;
    const ahead = phones(LIMIT).map((person) => ({ accountId: account.id, person, at, attemptId: null }));
    await q.database.db.insert(firstContacts).values(ahead);
    const [id = ''] = await queueAll(account, PEOPLE.slice(30, 31));
    await q.dispatcher.add(account);
    await anHour();
    expect(await statusOf(id)).toBe('queued');
    await pass(DAY_MS);
    expect(await statusOf(id)).toBe('sent');
  });

  test('a group is nobody', async () => {
    const account = await q.account({ linkedAt: null });
    await queueAll(account, PEOPLE.slice(0, 30));
    const group = await q.queue(account, { peer: '120363000000000009@g.us', phone: null });
    await q.dispatcher.add(account);
    await anHour();
    expect(await statusOf(group.id)).toBe('sent');
    expect((await rows(account)).map(({ person }) => person)).not.toContain('120363000000000009@g.us');
  });

  test('what provably sent nothing is given back, and the next one goes', async () => {
    const account = await q.account({ linkedAt: null });
    const nobody = new Set(PEOPLE.slice(0, 15));
    q.engine.answer = ({ to }) =>
      nobody.has(to.phone ?? '')
        ? { outcome: 'impossible', code: 'NOT_ON_WHATSAPP', message: 'not there' }
        : { outcome: 'acknowledged', at: q.clock.now() };
    const ids = await queueAll(account, PEOPLE.slice(0, 40));
    await q.dispatcher.add(account);
    await anHour();
    const statuses = await Promise.all(ids.map(statusOf));
    expect(statuses.filter((status) => status === 'failed')).toHaveLength(15);
    expect(statuses.filter((status) => status === 'sent')).toHaveLength(LIMIT);
    expect(await rows(account)).toHaveLength(LIMIT);
  });

  test('a scheduled message to a stranger does not leave before its time when room is found', async () => {
    const account = await q.account({ linkedAt: null });
    await queueAll(account, PEOPLE.slice(0, LIMIT + 1));
    const scheduledAt = q.clock.now() + 12 * HOUR_MS;
    const late = await q.queue(account, { phone: PEOPLE[40] ?? '', scheduledAt });
    await q.dispatcher.add(account);
    await anHour();
    const { bringBack } = await import('../../src/queue/step-aside.ts');
    await q.database.db
      .update(whatsappAccounts)
      .set({ limits: { newContactsPerDay: 100 } })
      .where(eq(whatsappAccounts.id, account.id));
    await bringBack(q.database.db, account.id, q.clock.now(), Number.POSITIVE_INFINITY);
    q.deps.signals.wake(account.id, { rowChanged: true });
    await anHour();
    expect(mostInADay().people.size).toBe(LIMIT + 1);
    expect(await statusOf(late.id)).toBe('queued');
    const [row] = await q.database.db
      .select()
      .from(messageQueue)
      .where(and(eq(messageQueue.id, late.id)));
    expect(row?.availableAt).toBe(scheduledAt);
    await pass(11 * HOUR_MS);
    expect(await statusOf(late.id)).toBe('sent');
  });
});

describe('the cap of WhatsApp', () => {
  test('holds when it is lower, whatever the age, and counts on from what was told', async () => {
    const toldAt = q.clock.now();
    const newChatCap = { total: 10, used: 6, status: 'NONE', until: toldAt + 30 * HOUR_MS, toldAt };
    const account = await q.account({ linkedAt: 1, newChatCap });
    await q.clock.advance(60_000);
    await queueAll(account, PEOPLE.slice(0, 12));
    await q.dispatcher.add(account);
    await pass(25 * HOUR_MS);
    expect(mostInADay().people.size).toBe(4);
    // The cycle is over, and no other cap was told.
    await pass(6 * HOUR_MS);
    expect(mostInADay().people.size).toBe(12);
  });

  test('lets nobody in when it is used up', async () => {
    const toldAt = q.clock.now();
    const newChatCap = { total: null, used: 0, status: 'CAPPED', until: toldAt + HOUR_MS, toldAt };
    const account = await q.account({ linkedAt: 1, newChatCap });
    const [id = ''] = await queueAll(account, PEOPLE.slice(0, 1));
    await q.dispatcher.add(account);
    await q.clock.pass(HOUR_MS - 60_000);
    expect(await statusOf(id)).toBe('queued');
    await q.clock.advance(2 * 60_000);
    expect(await statusOf(id)).toBe('sent');
  });
});

const NOW = 400 * DAY_MS;
test.each([
  [{ limits: null, linkedAt: null }, 20, 'young'],
  [{ limits: null, linkedAt: NOW - 29 * DAY_MS }, 20, 'young'],
  [{ limits: null, linkedAt: NOW - 30 * DAY_MS }, null, 'none'],
  [{ limits: { accountSince: NOW - 300 * DAY_MS }, linkedAt: NOW }, null, 'none'],
  [{ limits: { accountSince: NOW - 3 * DAY_MS }, linkedAt: NOW - 200 * DAY_MS }, 20, 'young'],
  [{ limits: { newContactsPerDay: 7 }, linkedAt: NOW - 200 * DAY_MS }, 7, 'own'],
  [{ limits: { newContactsPerDay: 70 }, linkedAt: NOW }, 70, 'own'],
])('of %j the limit is %s (%s)', (row, perDay, reason) => {
  const service = { newContactsPerDay: 20 };
  expect(contactLimitOf(service, { ...row, newChatCap: null }, NOW)).toEqual({ perDay, reason, cap: null });
});

test('a service without a limit has none for young sessions either', () => {
  const row = { limits: null, linkedAt: null, newChatCap: null };
  expect(contactLimitOf({ newContactsPerDay: 0 }, row, NOW)).toMatchObject({ perDay: null, reason: 'none' });
});

import { eq } from 'drizzle-orm';
import { afterEach, describe, expect, it } from 'vitest';
import { sendAttempts, waContacts, whatsappAccounts } from '../../src/db/schema.ts';
import { createLimits } from '../../src/queue/limits.ts';
import { type Pace, paceOf } from '../../src/queue/pace.ts';
import { PRIORITIES } from '../../src/queue/priority.ts';
import { FAST, openQueue, phones, type QueueFixture } from './fixture.ts';

const MINUTE = 60_000;
const HOUR = 3_600_000;
const DAY = 24 * HOUR;

/** The most attempts that any window of that length holds. */
function mostWithin(times: readonly number[], windowMs: number): number {
  return Math.max(0, ...times.map((start, i) => times.slice(i).filter((at) => at < start + windowMs).length));
}

describe('sliding windows', () => {
  const pace: Pace = { ...FAST, perMinute: 5, perHour: 8, perRecipientPerHour: 3, otpReservePercent: 20 };

  it('let a priority through again exactly when an attempt leaves the window', () => {
    const limits = createLimits(pace);
    for (let i = 0; i < 4; i++) limits.spend({ at: 1_000 + i, recipient: `r${i}` });
    expect(limits.nextAllowedAt(1_010, 1)).toEqual({ at: 61_000, reason: 'minute_limit' });
    expect(limits.nextAllowedAt(60_999, 1).reason).toBe('minute_limit');
    expect(limits.nextAllowedAt(61_000, 1)).toEqual({ at: 61_000, reason: null });
    expect(limits.nextAllowedAt(1_010, 0)).toEqual({ at: 1_010, reason: null });
    limits.spend({ at: 1_010, recipient: 'r9' });
    expect(limits.nextAllowedAt(1_011, 0)).toEqual({ at: 61_000, reason: 'minute_limit' });
  });

  it('name the window that lasts longest', () => {
    const limits = createLimits(pace);
    for (let i = 0; i < 8; i++) limits.spend({ at: i * 30_000, recipient: `r${i}` });
    expect(limits.nextAllowedAt(8 * 30_000, 0)).toEqual({ at: HOUR, reason: 'hour_limit' });
  });

  it('count what is being prepared until it has left, and from then on', () => {
    const limits = createLimits({ ...pace, perHour: 100 });
    const slow = [0, 1].map((i) => ({ at: i, recipient: `s${i}` }));
    for (const attempt of slow) limits.begin(attempt);
    for (let i = 0; i < 3; i++) limits.spend({ at: 10 + i, recipient: `r${i}` });
    expect(limits.nextAllowedAt(20, 0)).toEqual({ at: 10 + MINUTE, reason: 'minute_limit' });
    // They have not left yet, however long ago they were begun.
    const late = MINUTE + 20_000;
    for (let i = 0; i < 3; i++) limits.spend({ at: late + i, recipient: `r${i}` });
    expect(limits.nextAllowedAt(late + 5, 0)).toMatchObject({ reason: 'minute_limit' });
    for (const attempt of slow) limits.left(attempt, late + 10_000);
    expect(limits.nextAllowedAt(late + 10_001, 0)).toEqual({ at: late + MINUTE, reason: 'minute_limit' });
    expect(limits.nextAllowedAt(late + MINUTE + 3, 0).reason).toBeNull();
    for (let i = 0; i < 3; i++) limits.spend({ at: late + MINUTE + 3, recipient: `r${i}` });
    expect(limits.nextAllowedAt(late + MINUTE + 4, 0).at).toBe(late + 10_000 + MINUTE);
    const unsent = { at: late + MINUTE + 5, recipient: 'a' };
    limits.begin(unsent);
    limits.giveBack(unsent);
    expect(limits.nextAllowedAt(late + 10_000 + MINUTE, 0).reason).toBeNull();
  });

  it('count a recipient for itself', () => {
    const limits = createLimits(pace);
    for (const at of [10, 20]) limits.spend({ at, recipient: 'a' });
    expect(limits.recipientAllowedAt(30, 1, ['a'])).toBe(10 + HOUR);
    expect(limits.recipientAllowedAt(30, 0, ['a'])).toBe(30);
    expect(limits.recipientAllowedAt(30, 1, ['b'])).toBe(30);
    expect(limits.recipientAllowedAt(10 + HOUR, 1, ['a'])).toBe(10 + HOUR);
  });

  it('wait for as many places of a recipient as an album needs, or as there ever are', () => {
    const limits = createLimits({ ...pace, perRecipientPerHour: 4, otpReservePercent: 0 });
    for (const at of [10, 20]) limits.spend({ at, recipient: 'a' });
    limits.spend({ at: 25, recipient: '' });
    expect(limits.recipientAllowedAt(30, 1, ['a'], 2)).toBe(30);
    expect(limits.recipientAllowedAt(30, 1, ['a'], 3)).toBe(10 + HOUR);
    expect(limits.recipientAllowedAt(30, 1, ['a'], 4)).toBe(20 + HOUR);
    expect(limits.recipientAllowedAt(30, 1, ['a'], 9)).toBe(20 + HOUR);
    expect(limits.recipientAllowedAt(30, 1, ['b'], 9)).toBe(30);
  });

  it('give back an attempt that sent nothing', () => {
    const limits = createLimits({ ...pace, perMinute: 1, perRecipientPerHour: 1 });
    const attempt = { at: 100, recipient: 'a' };
    limits.spend(attempt);
    expect(limits.nextAllowedAt(200, 0).reason).toBe('minute_limit');
    limits.giveBack(attempt);
    limits.giveBack(attempt);
    expect(limits.nextAllowedAt(200, 0).reason).toBeNull();
    expect(limits.recipientAllowedAt(200, 0, ['a'])).toBe(200);
  });

  it('forget what left the hour, however many there were', () => {
    const limits = createLimits({ ...pace, perMinute: 1e9, perHour: 3_000, perRecipientPerHour: 1e9 });
    for (let i = 0; i < 10_000; i++) {
      const at = i * 1_200;
      expect(limits.nextAllowedAt(at, 0).reason).toBeNull();
      limits.spend({ at, recipient: `r${i % 7}` });
    }
    limits.spend({ at: 9_999 * 1_200, recipient: 'x' });
    expect(limits.nextAllowedAt(9_999 * 1_200, 0).reason).toBe('hour_limit');
    expect(limits.nextAllowedAt(9_999 * 1_200 + HOUR, 0).reason).toBeNull();
  });

  it('a session may be slower than the service, never faster', () => {
    const service = { ...FAST, perMinute: 20, delayMinMs: 3_000, delayMaxMs: 7_000 };
    expect(
      paceOf(service, { limits: { perMinute: 100, delayMinMs: 0, delayMaxMs: 10 }, lastHighAt: null }, 0),
    ).toMatchObject({
      perMinute: 20,
      delayMinMs: 3_000,
      delayMaxMs: 7_000,
    });
    expect(
      paceOf(service, { limits: { perMinute: 5, delayMinMs: 9_000 }, lastHighAt: null }, 0),
    ).toMatchObject({
      perMinute: 5,
      delayMinMs: 9_000,
      delayMaxMs: 9_000,
    });
    expect(
      paceOf(service, { limits: { perMinute: 'many', delayMaxMs: -1, perHour: 0 }, lastHighAt: null }, 0),
    ).toMatchObject({
      perMinute: 20,
      delayMaxMs: 7_000,
      perHour: 1,
    });
  });
});

describe('limits of a session', () => {
  let q: QueueFixture;
  afterEach(() => q.close());

  const timesOf = () => q.engine.attempts.map((send) => send.at);

  it('are exact for 1,000 waiting messages, also over a restart in the middle', async () => {
    q = await openQueue({ perMinute: 20, otpReservePercent: 0 });
    const account = await q.account();
    await Promise.all(phones(1_000).map((phone) => q.queue(account, { phone })));
    await q.dispatcher.add(account);
    await q.clock.advance(5 * MINUTE + 30_000);
    await q.dispatcher.remove(account.id);
    const next = q.newDispatcher();
    await next.add(account);
    await q.clock.advance(5 * MINUTE);
    expect(mostWithin(timesOf(), MINUTE)).toBe(20);
    expect(timesOf()).toHaveLength(20 * 11);
    expect(await q.deps.db.select().from(sendAttempts)).toHaveLength(20 * 11);
  });

  it('hold for the hour too', async () => {
    q = await openQueue({
      perMinute: 30,
      perHour: 50,
      delayMinMs: 1_000,
      delayMaxMs: 2_000,
      otpReservePercent: 0,
    });
    const account = await q.account();
    await Promise.all(phones(120).map((phone) => q.queue(account, { phone })));
    await q.dispatcher.add(account);
    await q.clock.advance(2 * HOUR + MINUTE);
    expect(mostWithin(timesOf(), MINUTE)).toBe(30);
    expect(mostWithin(timesOf(), HOUR)).toBe(50);
    expect(timesOf()).toHaveLength(120);
  });

  it('keep a reserve that a campaign cannot spend and a login code can', async () => {
    q = await openQueue({ perMinute: 20, otpReservePercent: 20 });
    const account = await q.account({ lastHighAt: q.clock.now() - 29 * DAY });
    await q.dispatcher.add(account);
    await Promise.all(phones(40).map((phone) => q.queue(account, { phone })));
    await q.clock.advance(10_000);
    expect(timesOf()).toHaveLength(16);
    const codes = phones(45).slice(40);
    for (const phone of codes) await q.queue(account, { phone, priority: 0 });
    await q.clock.advance(0);
    expect(q.engine.attempts.slice(16).map((send) => send.to.phone)).toEqual(codes.slice(0, 4));
    await q.clock.advance(HOUR);
    expect(mostWithin(timesOf(), MINUTE)).toBeLessThanOrEqual(20);
    expect(timesOf()).toHaveLength(45);
  });

  it('are the limits where no code is sent: all of them for messages, over a restart and a take-over too', async () => {
    q = await openQueue({ perMinute: 20, perHour: 500, perRecipientPerHour: 10, otpReservePercent: 20 });
    const account = await q.account({ lastHighAt: q.clock.now() - 30 * DAY });
    const [busy = '', ...others] = phones(1_200);
    for (let i = 0; i < 15; i++) await q.queue(account, { phone: busy });
    await Promise.all(others.map((phone) => q.queue(account, { phone })));
    await q.dispatcher.add(account);
    await q.clock.advance(12 * MINUTE + 30_000);
    await q.dispatcher.remove(account.id);
    const next = q.newDispatcher();
    const taken = { ...account, fence: 2 };
    await q.deps.db.update(whatsappAccounts).set({ fence: 2 }).where(eq(whatsappAccounts.id, account.id));
    await next.add(taken);
    await q.clock.advance(47 * MINUTE);
    expect(mostWithin(timesOf(), MINUTE)).toBe(20);
    expect(timesOf()).toHaveLength(500);
    expect(q.engine.attempts.filter((send) => send.to.phone === busy)).toHaveLength(10);
    await q.clock.advance(61 * MINUTE);
    expect(mostWithin(timesOf(), MINUTE)).toBe(20);
    expect(mostWithin(timesOf(), HOUR)).toBe(500);
  });

  it('keep nothing back until the first code, and from then on the reserve, also for who takes over', async () => {
    q = await openQueue({ perMinute: 20, otpReservePercent: 20 });
    const account = await q.account();
    await q.dispatcher.add(account);
    await Promise.all(phones(200).map((phone) => q.queue(account, { phone })));
    await q.clock.advance(1_000);
    expect(timesOf()).toHaveLength(20);
    const code = await q.queue(account, { phone: '6281299999999', priority: 0 });
    await q.clock.advance(MINUTE);
    expect(q.engine.attempts[20]?.messageId).toBe(code.messageId);
    expect(timesOf()).toHaveLength(20 + 16);
    await q.dispatcher.remove(account.id);
    await q.newDispatcher().add(account);
    await q.clock.advance(MINUTE);
    expect(timesOf()).toHaveLength(20 + 16 + 16);
    expect(mostWithin(timesOf(), MINUTE)).toBeLessThanOrEqual(20);
  });

  it('keep back what was set for the session, codes or not', async () => {
    q = await openQueue({ perMinute: 20, otpReservePercent: 20 });
    const account = await q.account({ limits: { otpReservePercent: 50 } });
    const none = await q.account({ limits: { otpReservePercent: 0 }, lastHighAt: q.clock.now() });
    for (const phone of phones(60)) {
      await q.queue(account, { phone });
      await q.queue(none, { phone });
    }
    await q.dispatcher.add(account);
    await q.clock.advance(1_000);
    expect(timesOf()).toHaveLength(10);
    await q.dispatcher.add(none);
    await q.clock.advance(1_000);
    expect(timesOf()).toHaveLength(10 + 20);
  });

  it('say whether a code would be held as well', async () => {
    q = await openQueue({ perMinute: 10, otpReservePercent: 20 });
    const account = await q.account({ lastHighAt: q.clock.now() });
    const heldOf = async () => {
      const [row] = await q.deps.db
        .select()
        .from(whatsappAccounts)
        .where(eq(whatsappAccounts.id, account.id));
      return row?.pausedPriority;
    };
    await q.dispatcher.add(account);
    for (const phone of phones(12)) await q.queue(account, { phone });
    await q.clock.advance(1_000);
    expect(await heldOf()).toBe(1);
    for (const phone of phones(5)) await q.queue(account, { phone, priority: 0 });
    await q.clock.advance(1_000);
    expect(await heldOf()).toBe(0);
  });

  it('pause the queue instead of failing it, show until when, and record one pause', async () => {
    q = await openQueue({ perMinute: 5, otpReservePercent: 0 });
    const account = await q.account();
    const start = q.clock.now();
    await Promise.all(phones(11).map((phone) => q.queue(account, { phone })));
    await q.dispatcher.add(account);
    await q.clock.advance(1_000);
    const [row] = await q.deps.db.select().from(whatsappAccounts).where(eq(whatsappAccounts.id, account.id));
    expect(row).toMatchObject({ pausedUntil: start + MINUTE, pauseReason: 'minute_limit' });
    await q.clock.advance(3 * MINUTE);
    expect(timesOf()).toHaveLength(11);
    const pauses = q.events.filter((event) => event.event === 'queue.paused');
    expect(pauses).toHaveLength(1);
    expect(pauses[0]?.data).toEqual({
      reason: 'minute_limit',
      pausedUntil: new Date(start + MINUTE).toISOString(),
    });
  });

  it('of a recipient hold up nobody else, and its messages are sent when it is free', async () => {
    q = await openQueue({ perRecipientPerHour: 5, otpReservePercent: 0 });
    const account = await q.account();
    const [busy = '', ...others] = phones(40);
    for (let i = 0; i < 12; i++) await q.queue(account, { phone: busy });
    for (const phone of others) await q.queue(account, { phone });
    await q.dispatcher.add(account);
    await q.clock.advance(1_000);
    const toBusy = () => q.engine.attempts.filter((send) => send.to.phone === busy);
    expect(toBusy()).toHaveLength(5);
    expect(q.engine.attempts).toHaveLength(5 + others.length);
    await q.clock.pass(HOUR);
    expect(toBusy()).toHaveLength(10);
    await q.clock.pass(HOUR);
    expect(toBusy()).toHaveLength(12);
  });

  it('let an album of ten begin when its recipient may get all of it', async () => {
    const { delayMinMs, delayMaxMs } = { delayMinMs: 3_000, delayMaxMs: 7_000 };
    q = await openQueue({ delayMinMs, delayMaxMs, perMinute: 20, perHour: 500, perRecipientPerHour: 10 });
    const account = await q.account();
    for (let i = 0; i < 3; i++) await q.queue(account);
    const head = { type: 'album', content: { type: 'album', images: 10, videos: 0 } } as const;
    await q.queue(account, head);
    const image = { type: 'image', content: { type: 'text', text: 'an item' } } as const;
    for (let i = 0; i < 10; i++) await q.queue(account, image);
    await q.dispatcher.add(account);
    await q.clock.advance(MINUTE);
    await q.clock.pass(50 * MINUTE);
    expect(q.engine.attempts).toHaveLength(3);
    await q.clock.pass(12 * MINUTE);
    expect(q.engine.attempts).toHaveLength(14);
    const spent = await q.deps.db.select().from(sendAttempts).where(eq(sendAttempts.recipient, ''));
    expect(spent).toHaveLength(1);
    // What is sent meanwhile takes places again and again: after two hours it begins all the same.
    await q.queue(account, head);
    for (let n = 0; n < 6; n++) {
      await q.clock.pass(30 * MINUTE);
      await q.queue(account);
    }
    await q.clock.advance(MINUTE);
    expect(q.engine.attempts.filter(({ content }) => Object(content).type === 'album')).toHaveLength(2);
  });

  const image = { type: 'image', content: { type: 'text', text: 'an item' } } as const;
  const head = { type: 'album', content: { type: 'album', images: 10, videos: 0 } } as const;

  it('let a scheduled album wait for all of its places from its time on, not from when it was queued', async () => {
    q = await openQueue({ perRecipientPerHour: 10, otpReservePercent: 0 });
    const account = await q.account();
    const scheduledAt = q.clock.now() + 5 * HOUR;
    for (const one of [head, ...Array(10).fill(image)]) await q.queue(account, { ...one, scheduledAt });
    await q.dispatcher.add(account);
    await q.clock.pass(5 * HOUR - 10 * MINUTE);
    await q.queue(account);
    await q.clock.pass(40 * MINUTE);
    expect(q.engine.attempts).toHaveLength(1);
    await q.clock.pass(30 * MINUTE);
    expect(q.engine.attempts).toHaveLength(12);
  });

  it('send an album of ten in two parts at most where the reserve for codes leaves eight places', async () => {
    q = await openQueue({ perRecipientPerHour: 10, otpReservePercent: 20 });
    const account = await q.account({ limits: { otpReservePercent: 20 } });
    for (const one of [{}, head, ...Array(10).fill(image)]) await q.queue(account, one);
    await q.dispatcher.add(account);
    const items = () => q.engine.attempts.filter(({ content }) => Object(content).text === 'an item').length;
    await q.clock.pass(50 * MINUTE);
    expect(items()).toBe(0);
    await q.clock.pass(15 * MINUTE);
    expect(items()).toBe(8);
    // The two places that are left are for codes.
    await q.queue(account, { priority: PRIORITIES.high });
    await q.clock.advance(MINUTE);
    expect(q.engine.attempts).toHaveLength(1 + 1 + 8 + 1);
    await q.clock.pass(HOUR);
    expect(items()).toBe(10);
  });

  it('of a recipient hold for all numbers and the LID of a subscriber together', async () => {
    q = await openQueue({ perRecipientPerHour: 5, otpReservePercent: 0 });
    const account = await q.account();
    const [before, today, lid] = ['5215512345678', '525512345678', '186470215942314'];
    const contact = { accountId: account.id, lid, phone: before, updatedAt: q.clock.now() };
    await q.database.db.insert(waContacts).values(contact);
    for (let i = 0; i < 3; i++) {
      await q.queue(account, { phone: before, peer: `${before}@s.whatsapp.net` });
      await q.queue(account, { phone: today, peer: `${today}@s.whatsapp.net` });
      await q.queue(account, { phone: null, lid, peer: `${lid}@lid` });
    }
    const [friend = ''] = phones(1);
    await q.queue(account, { phone: friend });
    await q.dispatcher.add(account);
    await q.clock.advance(1_000);
    const toBusy = () => q.engine.attempts.filter((send) => send.to.phone !== friend);
    expect(q.engine.attempts).toHaveLength(6);
    expect(toBusy()).toHaveLength(5);
    await q.clock.pass(HOUR);
    expect(toBusy()).toHaveLength(9);
  });

  it('of its own apply as soon as the session is woken', async () => {
    q = await openQueue({ perMinute: 20, otpReservePercent: 0 });
    const account = await q.account({ limits: { perMinute: 2 } });
    await q.dispatcher.add(account);
    await Promise.all(phones(10).map((phone) => q.queue(account, { phone })));
    await q.clock.advance(MINUTE - 1);
    expect(timesOf()).toHaveLength(2);
  });
});

describe('on the wire', () => {
  let q: QueueFixture;
  afterEach(() => q.close());

  it('no minute sees more than its limit, however slowly some are prepared, also after a restart', async () => {
    q = await openQueue({ perMinute: 20, delayMinMs: 0, delayMaxMs: 0 });
    const account = await q.account();
    const left: number[] = [];
    let prepared = 0;
    q.engine.prepare = async () => {
      if (prepared++ < 2) await q.engine.later(20_000);
    };
    q.engine.answer = () => {
      left.push(q.clock.now());
      return { outcome: 'acknowledged', at: q.clock.now() };
    };
    for (const phone of phones(60)) await q.queue(account, { phone, peer: `${phone}@s.whatsapp.net` });
    await q.dispatcher.add(account);
    for (let i = 0; i < 30; i++) await q.clock.advance(1_000);
    // As after a restart the windows are made again from what is stored.
    await q.dispatcher.remove(account.id);
    await q.dispatcher.add(account);
    for (let i = 0; i < 200; i++) await q.clock.advance(1_000);
    expect(left).toHaveLength(60);
    expect(mostWithin(left, MINUTE)).toBeLessThanOrEqual(20);
  });
});

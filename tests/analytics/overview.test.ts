import { eq } from 'drizzle-orm';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { activityLogs, messageQueue, messages } from '../../src/db/schema.ts';
import { newId } from '../../src/utils/ids.ts';
import { openTestApp, type Tenant, type TestApp } from '../helpers/app.ts';
import { createFakeClock, type FakeClock } from '../helpers/clock.ts';
import { addFacts, addMessage, addOtp, addSession, asTenant, dataOf, factRow } from './fixture.ts';

const NOON = Date.UTC(2026, 0, 15, 12);
const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;

interface Overview {
  buckets: { from: string; label: string; counts: Record<string, number> }[];
  total: Record<string, number>;
  deliveryRate: number | null;
  otp: Record<string, number | null>;
  complete: boolean;
  queue: { messages: number; oldestDueMs: number | null };
}

let t: TestApp;
let clock: FakeClock;
let user: Tenant;
beforeEach(async () => {
  clock = createFakeClock(NOON);
  t = await openTestApp({ clock, config: { housekeepingTimeZone: 'Asia/Jakarta' } });
  user = await t.tenant();
});
afterEach(() => t.close());

const read = async (range: string, who = user) =>
  dataOf<Overview>(await asTenant(t, who).get(`/analytics/overview?range=${range}`));

it('counts each message once, in its hour or day, for its own tenant', async () => {
  const session = { id: await addSession(t, user.id, 'main'), userId: user.id, sessionId: 'main' };
  const other = await t.tenant();
  await addMessage(t, { ...session, userId: other.id }, { createdAt: NOON });
  const statuses = ['queued', 'sent', 'delivered', 'delivered', 'read', 'failed', 'expired'] as const;
  for (const status of statuses) await addMessage(t, session, { status, createdAt: NOON + 1 });
  await addMessage(t, session, { direction: 'in', status: 'read', createdAt: NOON - 3 * HOUR_MS });
  // 17:30 UTC of the day before is half past midnight of this day in Jakarta.
  await addMessage(t, session, { status: 'read', createdAt: NOON - 18.5 * HOUR_MS });
  await addMessage(t, session, { status: 'failed', createdAt: NOON - 6 * DAY_MS });
  await addMessage(t, session, { status: 'failed', createdAt: NOON - 40 * DAY_MS });
  await clock.advance(10 * 60_000);

  const day = await read('24h');
  expect(day.buckets).toHaveLength(24);
  expect(day.total).toEqual({
    waiting: 1,
    sent: 1,
    delivered: 2,
    read: 2,
    failed: 1,
    expired: 1,
    canceled: 0,
    received: 1,
  });
  expect(day.buckets.at(-1)).toMatchObject({ label: '19:00', counts: { delivered: 2, received: 0 } });
  expect(day.buckets.at(-4)).toMatchObject({ label: '16:00', counts: { received: 1 } });
  expect(day.deliveryRate).toBe(80);

  const week = await read('7d');
  expect(week.buckets.map(({ label }) => label)).toEqual([
    '01-09',
    '01-10',
    '01-11',
    '01-12',
    '01-13',
    '01-14',
    '01-15',
  ]);
  expect(week.buckets.at(-1)?.counts).toMatchObject({ read: 2, failed: 1 });
  expect(week.buckets[0]?.counts.failed).toBe(1);
  expect((await read('30d')).total.failed).toBe(2);
  expect((await read('24h', other)).total).toMatchObject({ sent: 1, received: 0 });
});

it('rates no posts to channels, of which WhatsApp tells no more, and counts no heads of albums', async () => {
  const session = { id: await addSession(t, user.id, 'main'), userId: user.id, sessionId: 'main' };
  const peer = '120363412345678901@newsletter';
  for (let i = 0; i < 3; i++) await addMessage(t, session, { peer, phone: null, createdAt: NOON });
  expect(await read('24h')).toMatchObject({ total: { sent: 3 }, deliveryRate: null });
  await addMessage(t, session, { type: 'album', createdAt: NOON });
  await addMessage(t, session, { type: 'image', createdAt: NOON });
  await addMessage(t, session, { type: 'image', status: 'delivered', createdAt: NOON });
  await clock.advance(15_000);
  expect(await read('24h')).toMatchObject({ total: { sent: 4, delivered: 1 }, deliveryRate: 50 });
  const stats = dataOf<{ messages: object; byType: object }>(
    await asTenant(t, user).get('/analytics/sessions/main/stats'),
  );
  expect(stats).toMatchObject({ messages: { total: 5, sent: 5 }, byType: { image: { sent: 2 } } });
  expect(stats.byType).not.toHaveProperty('album');
});

it('is at most 15 s old', async () => {
  const session = { id: await addSession(t, user.id, 'main'), userId: user.id, sessionId: 'main' };
  expect((await read('24h')).total.sent).toBe(0);
  await addMessage(t, session, { createdAt: NOON });
  await clock.advance(15_000);
  expect((await read('24h')).total.sent).toBe(1);
  await t.deps.db.update(messages).set({ status: 'delivered' });
  await clock.advance(15_000);
  expect((await read('24h')).total).toMatchObject({ sent: 0, delivered: 1 });
});

it('counts more than one piece of rows, of which some have the same time', async () => {
  const session = { id: await addSession(t, user.id, 'main'), userId: user.id, sessionId: 'main' };
  for (let i = 0; i < 5; i++) await addMessage(t, session, { createdAt: NOON - 1 });
  const [row] = await t.deps.db.select().from(messages).limit(1);
  if (!row) throw new Error('no message');
  const copies = Array.from({ length: 2_200 }, (_, i) => ({
    ...row,
    id: newId(NOON),
    messageId: `copy-${i}`,
    createdAt: NOON - (i % 3),
  }));
  for (let i = 0; i < copies.length; i += 200)
    await t.deps.db.insert(messages).values(copies.slice(i, i + 200));
  expect(await read('24h')).toMatchObject({ total: { sent: 2_205 }, complete: true });
});

it('tells how the codes of that time ended, and what waits', async () => {
  await addOtp(t, user.id, { status: 'verified' });
  await addOtp(t, user.id, { status: 'expired' });
  await addOtp(t, user.id, { status: 'expired', createdAt: NOON - 3 * DAY_MS });
  const idle = await read('24h');
  expect(idle.otp).toMatchObject({ total: 2, verified: 1, successRate: 50 });
  expect(idle.queue).toEqual({ messages: 0, oldestDueMs: null });

  const accountId = await addSession(t, user.id, 'main');
  const stranger = await t.tenant();
  const foreign = await addSession(t, stranger.id, 'main');
  const row = (account: string, availableAt: number) => ({
    id: newId(),
    userId: user.id,
    accountId: account,
    messageId: newId(),
    recipient: '6281@s.whatsapp.net',
    status: 'pending' as const,
    priority: 1,
    availableAt,
  });
  const rows = [row(accountId, NOON + HOUR_MS), row(accountId, NOON - 90_000), row(foreign, NOON - HOUR_MS)];
  await t.deps.db.insert(messageQueue).values(rows);
  expect((await read('24h')).queue).toEqual({ messages: 2, oldestDueMs: 90_000 });
});

it('says the cause of a refused call in Indonesian too, where only its code is known there', async () => {
  const failure = { code: 'VALIDATION_FAILED', message: 'Not valid: text.' };
  const data = { method: 'POST', route: '/message/send-text', httpStatus: 400, failure };
  await addFacts(t, [factRow(user.id, 'api.request', NOON - HOUR_MS, { status: 'failure', data })]);
  for (const [lang, cause] of [
    ['en', 'Not valid: text.'],
    ['id', 'Ada isian yang belum benar.'],
  ] as const) {
    const headers = { cookie: `wahub_session=${user.token}`, 'accept-language': lang };
    expect((await t.call('/dashboard', { headers })).text).toContain(cause);
  }
});

it('shows the last errors behind any number of wrong codes, and says when it has seen nothing else', async () => {
  const sessionId = 'main';
  await addSession(t, user.id, sessionId);
  const guesses = (from: number, count: number) =>
    Array.from({ length: count }, (_, i) => guess(from - i, i % 2 === 0));
  const guess = (at: number, isFact: boolean) =>
    isFact
      ? factRow(user.id, 'otp.check_failed', at, { status: 'failure', sessionId })
      : factRow(user.id, 'api.request', at, {
          status: 'failure',
          data: { method: 'POST', route: '/otp/verify', httpStatus: 400 },
        });
  /** The errors' part of the page. */
  const shown = async () => {
    const headers = { cookie: `wahub_session=${user.token}`, 'accept-language': 'en' };
    const { text } = await t.call('/dashboard', { headers });
    return text.slice(text.indexOf('Recent errors'));
  };
  const call = { method: 'POST', route: '/list/of-an-old-client', httpStatus: 404 };
  await addFacts(t, guesses(NOON, 300));
  expect(await shown()).toContain('No errors.');
  await addFacts(t, [
    factRow(user.id, 'api.request', NOON - HOUR_MS, { status: 'failure', data: call }),
    factRow(user.id, 'message.failed', NOON - 2 * HOUR_MS, { status: 'failure', sessionId }),
  ]);
  const both = await shown();
  expect(both.indexOf('API request')).toBeGreaterThan(0);
  expect(both.indexOf('Message failed')).toBeGreaterThan(both.indexOf('API request'));
  expect(both).not.toContain('Wrong login code');
  // So many that the call behind them is not looked for any more; what is not a call is read apart from them.
  await addFacts(t, guesses(NOON - HOUR_MS + 6_000, 5_000));
  expect(await shown()).toContain('Message failed');
  await t.deps.db.delete(activityLogs).where(eq(activityLogs.event, 'message.failed'));
  expect(await shown()).toContain('Somebody may be guessing');
});

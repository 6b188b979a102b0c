import { eq } from 'drizzle-orm';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { workspaces } from '../../src/db/schema.ts';
import { openTestApp, type TestApp } from '../helpers/app.ts';
import { createFakeClock, type FakeClock } from '../helpers/clock.ts';
import { addFacts, addMessage, addOtp, addSession, asTenant, dataOf, factRow } from './fixture.ts';

const NOON = Date.UTC(2026, 0, 15, 12);
const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;

let t: TestApp;
let clock: FakeClock;
beforeEach(async () => {
  clock = createFakeClock(NOON);
  t = await openTestApp({ clock });
});
afterEach(() => t.close());

describe('the dashboard', () => {
  it('answers as the document shows, for the caller alone', async () => {
    const [user, other] = [await t.tenant(), await t.tenant()];
    for (const [i, status] of (['connected', 'connected', 'qr', 'failed', 'logged_out'] as const).entries()) {
      await addSession(t, user.id, `s-${i}`, { status });
    }
    await addSession(t, other.id, 's-0');
    const session = { id: await addSession(t, user.id, 'main'), userId: user.id, sessionId: 'main' };
    await addMessage(t, session, { createdAt: NOON });
    await addMessage(t, session, { createdAt: NOON - 13 * HOUR_MS });
    await addMessage(t, { ...session, userId: other.id }, { createdAt: NOON });
    await addOtp(t, user.id, { createdAt: NOON - DAY_MS });
    const reply = await asTenant(t, user).get('/api/analytics/dashboard');
    expect(reply.body).toMatchObject({ success: true, message: 'Dashboard statistics retrieved' });
    expect(dataOf(reply)).toMatchObject({
      sessions: { total: 6, active: 3, inactive: 3 },
      messages: { total: 2, today: 1 },
      otp: { total: 1, today: 0 },
      timestamp: new Date(NOON).toISOString(),
    });
  });

  it('begins the day where the zone says, counts what came meanwhile, and all tenants for an admin', async () => {
    const user = await t.tenant();
    const admin = await t.tenant('admin');
    const session = { id: await addSession(t, user.id, 'main'), userId: user.id, sessionId: 'main' };
    // 18:00 UTC of the day before is 01:00 of this day in Jakarta.
    await addMessage(t, session, { createdAt: NOON - 18 * HOUR_MS });
    const today = async (query: string) =>
      dataOf<{ messages: { total: number; today: number } }>(
        await asTenant(t, admin).get(`/analytics/dashboard?userId=${user.id}${query}`),
      ).messages;
    expect(await today('')).toEqual({ total: 1, today: 0 });
    expect(await today('&timeZone=Asia/Jakarta')).toEqual({ total: 1, today: 1 });
    await addMessage(t, session, { createdAt: NOON });
    expect(await today('&timeZone=Asia/Jakarta')).toEqual({ total: 2, today: 2 });
    const all = dataOf(await asTenant(t, admin).get('/analytics/dashboard?all=true'));
    expect(all).toMatchObject({ sessions: { total: 1 }, messages: { total: 2, today: 1 } });
    // The tenant's own zone, also where somebody else asks; without one it is as it was.
    await t.deps.db.update(workspaces).set({ timeZone: 'Asia/Jakarta' }).where(eq(workspaces.id, user.id));
    for (const path of [`/analytics/dashboard?userId=${user.id}`, '/analytics/dashboard']) {
      const asker = path.includes('userId') ? admin : user;
      const own = dataOf(await asTenant(t, asker).get(path));
      expect(own).toMatchObject({ timeZone: 'Asia/Jakarta', messages: { total: 2, today: 2 } });
    }
    for (const path of ['/analytics/sessions/main/stats', '/analytics/otp/conversion']) {
      const { period } = dataOf<{ period: Record<string, unknown> }>(await asTenant(t, user).get(path));
      expect(period).toMatchObject({ timeZone: 'Asia/Jakarta', from: expect.stringMatching(/T17:00:00/) });
      const other = dataOf<{ period: Record<string, unknown> }>(
        await asTenant(t, user).get(`${path}?timeZone=UTC`),
      );
      expect(other.period).toMatchObject({ timeZone: 'UTC', from: expect.stringMatching(/T00:00:00/) });
    }
    const mine = dataOf(await asTenant(t, admin).get('/analytics/dashboard?all=true'));
    expect(mine).toMatchObject({ timeZone: 'UTC' });
    const wrong = await asTenant(t, admin).get('/analytics/dashboard?timeZone=Nowhere');
    expect(wrong.status).toBe(400);
  });
});

describe('the statistics of a session', () => {
  it('tell messages by type, hour and day, rates, response times, numbers, codes and uptime', async () => {
    const user = await t.tenant();
    const created = { createdAt: NOON - 10 * DAY_MS };
    const id = await addSession(t, user.id, 'main', { phoneNumber: '6281299900000', ...created });
    const session = { id, userId: user.id, sessionId: 'main' };
    for (let i = 0; i < 100; i++) {
      const createdAt = NOON - DAY_MS + i;
      const sentAt = createdAt + (i + 1) * 10;
      await addMessage(t, session, { createdAt, sentAt, status: i % 2 ? 'read' : 'sent' });
    }
    const early = NOON - 6 * HOUR_MS;
    await addMessage(t, session, {
      createdAt: early,
      type: 'image',
      status: 'failed',
      errorCode: '463',
      sentAt: null,
    });
    await addMessage(t, session, {
      createdAt: early + 1,
      status: 'expired',
      errorCode: 'EXPIRED',
      sentAt: null,
    });
    await addMessage(t, session, { createdAt: early + 2, status: 'queued', sentAt: null });
    const from = { phone: '6281300000007', peer: '6281300000007@s.whatsapp.net' };
    await addMessage(t, session, { createdAt: early + 3, direction: 'in', status: 'received', ...from });
    // Before the period.
    await addMessage(t, session, { createdAt: NOON - 8 * DAY_MS });
    await addOtp(t, user.id, { createdAt: NOON - HOUR_MS, attempts: 3 });
    await addOtp(t, user.id, { createdAt: NOON - HOUR_MS, attempts: 3, status: 'failed' });
    const fact = (at: number, status: string) =>
      factRow(user.id, 'session.status', at, { sessionId: 'main', data: { status } });
    await addFacts(t, [
      fact(NOON - 9 * DAY_MS, 'connected'),
      fact(NOON - 2 * DAY_MS, 'disconnected'),
      fact(NOON - 2 * DAY_MS + 6 * HOUR_MS, 'connected'),
    ]);

    const reply = await asTenant(t, user).get('/analytics/sessions/main/stats?days=7');
    expect(reply.body.message).toBe('Session statistics retrieved');
    const stats = dataOf(reply);
    expect(stats).toMatchObject({
      sessionId: 'main',
      phoneNumber: '6281299900000',
      status: 'active',
      sessionStatus: 'connected',
      period: { from: '2026-01-09T00:00:00.000Z', days: 7, timeZone: 'UTC', complete: true },
      messages: {
        total: 104,
        sent: 100,
        delivered: 50,
        read: 50,
        received: 1,
        pending: 1,
        failed: 1,
        expired: 1,
        successRate: 98,
        errorRate: 2,
      },
      byType: {
        text: { sent: 100, received: 1, failed: 1 },
        image: { sent: 0, received: 0, failed: 1 },
      },
      byDay: [
        { date: '2026-01-14', sent: 100, received: 0, failed: 0, byType: { text: 100 } },
        { date: '2026-01-15', sent: 0, received: 1, failed: 2, byType: {} },
      ],
      peakHours: [
        { hour: 12, messages: 100 },
        { hour: 6, messages: 1 },
      ],
      errors: [
        { errorCode: '463', count: 1 },
        { errorCode: 'EXPIRED', count: 1 },
      ],
      responseTime: { count: 100, averageMs: 505, p50Ms: 500, p90Ms: 900, p99Ms: 990, maxMs: 1000 },
      otp: { total: 2, verified: 1, failed: 1, failedAttempts: 5, successRate: 50 },
    });
    expect(stats.topNumbers).toEqual([
      { phoneNumber: '6281200000001', messages: 103 },
      { phoneNumber: '6281300000007', messages: 1 },
    ]);
    expect(stats.byHour).toHaveLength(24);
    // 6.5 days of the period, six hours of them away.
    expect(stats.uptime).toEqual({
      connectedSeconds: 6.25 * 86_400,
      percent: 96.2,
      disconnects: 1,
    });
  });

  it('are of one session only, and 404 for what belongs to somebody else', async () => {
    const [user, other] = [await t.tenant(), await t.tenant()];
    const id = await addSession(t, user.id, 'main');
    await addMessage(t, { id, userId: user.id, sessionId: 'main' });
    await addSession(t, other.id, 'main');
    const theirs = dataOf(await asTenant(t, other).get('/analytics/sessions/main/stats'));
    expect(theirs).toMatchObject({ messages: { total: 0, successRate: null }, otp: { total: 0 } });
    const missing = await asTenant(t, other).get('/analytics/sessions/nowhere/stats');
    expect(missing).toMatchObject({ status: 404, body: { code: 'SESSION_NOT_FOUND' } });
    const named = await asTenant(t, other).get(`/analytics/sessions/main/stats?userId=${user.id}`);
    expect(named.status).toBe(403);
  });

  it('count a day by the clock of the zone, also where summer time begins', async () => {
    clock.setNow(Date.UTC(2026, 2, 30, 10));
    const user = await t.tenant();
    const id = await addSession(t, user.id, 'main', { createdAt: 0 });
    const session = { id, userId: user.id, sessionId: 'main' };
    // Berlin puts its clocks forward on 29 March 2026, 01:00 UTC.
    for (const at of ['2026-03-28T22:59', '2026-03-28T23:00', '2026-03-29T21:59', '2026-03-29T22:00']) {
      await addMessage(t, session, { createdAt: Date.parse(`${at}:00.000Z`) });
    }
    const { byDay, period } = dataOf(
      await asTenant(t, user).get('/analytics/sessions/main/stats?days=3&timeZone=Europe/Berlin'),
    );
    expect(period).toMatchObject({ from: '2026-03-27T23:00:00.000Z' });
    expect(byDay).toMatchObject([
      { date: '2026-03-28', sent: 1 },
      { date: '2026-03-29', sent: 2 },
      { date: '2026-03-30', sent: 1 },
    ]);
  });
});

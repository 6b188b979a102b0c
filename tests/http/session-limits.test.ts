/** GET and PUT /session/:sessionId/limits. */
import { eq } from 'drizzle-orm';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { whatsappAccounts } from '../../src/db/schema.ts';
import { LimitsOutput } from '../../src/services/sessions/limits.ts';
import { newId } from '../../src/utils/ids.ts';
import { openTestApp, type Tenant, type TestApp, testConfig } from '../helpers/app.ts';

const HOUR_MS = 3_600_000;

let t: TestApp;
let tenant: Tenant;
let accountId: string;
beforeAll(async () => {
  const pacing = {
    ...testConfig().pacing,
    delayMinMs: 1_000,
    delayMaxMs: 2_000,
    perMinute: 20,
    perHour: 500,
  };
  t = await openTestApp({ config: { pacing } });
});
afterAll(() => t.close());
beforeEach(async () => {
  tenant = await t.tenant();
  accountId = newId();
  const at = Date.now();
  await t.deps.db.insert(whatsappAccounts).values({
    id: accountId,
    userId: tenant.id,
    sessionId: 'main',
    status: 'connected',
    pairing: 'qr',
    paired: true,
    createdAt: at,
    updatedAt: at,
  });
});

const path = '/session/main/limits';
const put = (body: unknown, apiKey = tenant.apiKey) => t.call(path, { method: 'PUT', apiKey, body });
const get = async () => (await t.call(path, { apiKey: tenant.apiKey })).body.data;

describe('the limits of a session', () => {
  test("are the service's own until it has some", async () => {
    const maxima = { delayMinMs: 1_000, delayMaxMs: 2_000, perMinute: 20, perHour: 500 };
    expect(await get()).toMatchObject({
      session: 'main',
      pace: maxima,
      maxima,
      own: {},
      quietHours: null,
      warmUp: null,
      breaker: { state: 'closed', until: null, reason: null, trips: 0 },
    });
  });

  test('can be slower, field by field, and go back', async () => {
    expect((await put({ perMinute: 5, delayMinMs: 4_000 })).status).toBe(200);
    await put({ perHour: 100 });
    expect(await get()).toMatchObject({
      pace: { perMinute: 5, perHour: 100, delayMinMs: 4_000, delayMaxMs: 4_000 },
      own: { perMinute: 5, perHour: 100, delayMinMs: 4_000 },
    });
    await put({ perMinute: null, delayMinMs: null });
    expect(await get()).toMatchObject({ pace: { perMinute: 20, perHour: 100, delayMinMs: 1_000 } });
  });

  test.each([
    [{ perMinute: 21 }, 'perMinute'],
    [{ perHour: 501 }, 'perHour'],
    [{ delayMinMs: 999 }, 'delayMinMs'],
    [{ delayMaxMs: 1_999 }, 'delayMaxMs'],
    [{ perMinute: 0 }, 'perMinute'],
    [{ delayMinMs: 9_000, delayMaxMs: 8_000 }, 'delayMinMs'],
    [{ quietHours: { from: '25:00', to: '07:00', timeZone: 'UTC' } }, 'quietHours.from'],
    [{ quietHours: { from: '21:00', to: '21:00', timeZone: 'UTC' } }, 'quietHours'],
    [{ quietHours: { from: '21:00', to: '07:00', timeZone: 'Mars/Base' } }, 'quietHours.timeZone'],
    [{ warmUp: { days: 0, startPerHour: 5 } }, 'warmUp.days'],
  ])('are never above the service’s, and no nonsense: %j', async (body, field) => {
    expect(await put(body)).toMatchObject({
      status: 400,
      body: { code: 'VALIDATION_FAILED', details: { [field]: expect.any(String) } },
    });
    expect(await get()).toMatchObject({ own: {}, quietHours: null, warmUp: null });
  });

  test('hold quiet hours and a warm-up, which counts from when it is set', async () => {
    const clock = (ms: number) => new Date(ms).toISOString().slice(11, 16);
    const now = Date.now();
    const quietHours = { from: clock(now - HOUR_MS), to: clock(now + HOUR_MS), timeZone: 'UTC' };
    const { body } = await put({ quietHours, warmUp: { days: 10, startPerHour: 5 } });
    expect(body.data).toMatchObject({
      pace: { perHour: 5 },
      quietHours: { ...quietHours, quietUntil: expect.any(String) },
      warmUp: { days: 10, startPerHour: 5 },
    });
    expect((await put({ quietHours: null, warmUp: null })).body.data).toMatchObject({
      pace: { perHour: 500 },
      quietHours: null,
      warmUp: null,
    });
  });

  test('show an open breaker, and so does the status of the session', async () => {
    const breakerUntil = Date.now() + HOUR_MS;
    const open = { breakerUntil, breakerCode: '463', breakerTrips: 2 };
    await t.deps.db.update(whatsappAccounts).set(open).where(eq(whatsappAccounts.id, accountId));
    const until = new Date(breakerUntil).toISOString();
    expect(await get()).toMatchObject({ breaker: { state: 'open', until, reason: 'breaker_463', trips: 2 } });
    const status = await t.call('/session/status?session=main', { apiKey: tenant.apiKey });
    expect(status.body.data).toMatchObject({ pausedUntil: until, pauseReason: 'breaker_463' });
    const queue = await t.call('/message/queue-status?session=main', { apiKey: tenant.apiKey });
    expect(queue.body).toMatchObject({ pausedUntil: until, reason: 'breaker_463' });
  });

  test('belong to their tenant', async () => {
    const stranger = await t.tenant();
    expect((await put({ perMinute: 1 }, stranger.apiKey)).status).toBe(404);
    expect(await get()).toMatchObject({ own: {} });
  });
});

describe('the reserve for codes', () => {
  const setRow = (row: Partial<typeof whatsappAccounts.$inferInsert>) =>
    t.deps.db.update(whatsappAccounts).set(row).where(eq(whatsappAccounts.id, accountId));
  const limitsOf = (data: unknown) => LimitsOutput.parse(data);
  const reservedOf = async () => limitsOf(await get()).reserved;

  test('is nothing until a code is queued, and says how much of each limit it is', async () => {
    const none = { reason: 'none', percent: 0, perMinute: 0, perHour: 0, perRecipientPerHour: 0 };
    expect(await reservedOf()).toEqual(none);
    const body = { session: 'main', to: '+6281234567890', text: 'hi' };
    await t.call('/message/send-text', { method: 'POST', apiKey: tenant.apiKey, body });
    expect(await reservedOf()).toEqual(none);
    const high = { ...body, priority: 'high' };
    await t.call('/message/send-text', { method: 'POST', apiKey: tenant.apiKey, body: high });
    const { perRecipientPerHour } = limitsOf(await get()).pace;
    expect(await reservedOf()).toEqual({
      reason: 'codes',
      percent: 20,
      perMinute: 4,
      perHour: 100,
      perRecipientPerHour: perRecipientPerHour - Math.floor(perRecipientPerHour * 0.8),
    });
    await setRow({ lastHighAt: Date.now() - 30 * 24 * HOUR_MS });
    expect(await reservedOf()).toEqual(none);
  });

  test('is what was set for the session, and goes back to what codes make it', async () => {
    const { body } = await put({ otpReservePercent: 50 });
    expect(body.data).toMatchObject({
      own: { otpReservePercent: 50 },
      reserved: { reason: 'own', percent: 50, perMinute: 10, perHour: 250 },
    });
    await setRow({ lastHighAt: Date.now() });
    expect(limitsOf((await put({ otpReservePercent: 0 })).body.data).reserved).toMatchObject({
      reason: 'own',
      percent: 0,
    });
    expect(limitsOf((await put({ otpReservePercent: null })).body.data).reserved).toMatchObject({
      reason: 'codes',
    });
    expect((await put({ otpReservePercent: 91 })).status).toBe(400);
  });
});

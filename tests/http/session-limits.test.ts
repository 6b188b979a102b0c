/** GET and PUT /session/:sessionId/limits. */
import { eq } from 'drizzle-orm';
import { afterAll, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest';
import { firstContacts, messageQueue, whatsappAccounts } from '../../src/db/schema.ts';
import type { News } from '../../src/queue/signals.ts';
import * as stepAside from '../../src/queue/step-aside.ts';
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

  test('are told to the line of the session whatever becomes of those who have stepped aside', async () => {
    const heard: News[] = [];
    const end = t.deps.signals.onWake((id, news) => id === accountId && heard.push(news));
    const bringing = vi.spyOn(stepAside, 'bringBack').mockRejectedValue(new Error('not brought back'));
    expect((await put({ newContactsPerDay: 5 })).status).toBe(500);
    bringing.mockRestore();
    // Some of them may be back though not all are.
    const told = [{ rowChanged: true }, {}];
    expect(heard).toEqual(told);
    expect((await put({ newContactsPerDay: 6 })).status).toBe(200);
    expect(heard).toEqual([...told, ...told]);
    end();
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

describe('people who do not know the session', () => {
  let limited: TestApp;
  let owner: Tenant;
  let id: string;
  const at = Date.now();
  beforeAll(async () => {
    limited = await openTestApp({ config: { pacing: { ...testConfig().pacing, newContactsPerDay: 20 } } });
  });
  afterAll(() => limited.close());
  beforeEach(async () => {
    owner = await limited.tenant();
    id = newId();
    const row = {
      id,
      userId: owner.id,
      sessionId: 'main',
      status: 'connected' as const,
      pairing: 'qr' as const,
    };
    await limited.deps.db
      .insert(whatsappAccounts)
      .values({ ...row, paired: true, lastHighAt: at, createdAt: at, updatedAt: at });
  });
  const change = (body: unknown) => limited.call(path, { method: 'PUT', apiKey: owner.apiKey, body });
  const read = async () => {
    const { data } = (await limited.call(path, { apiKey: owner.apiKey })).body;
    return LimitsOutput.parse(data);
  };

  test('are limited while the age is not known, and what remains is shown', async () => {
    const people = Array.from({ length: 5 }, (_, n) => ({
      accountId: id,
      person: String(n),
      at: at - n * HOUR_MS,
      attemptId: null,
    }));
    await limited.deps.db.insert(firstContacts).values(people);
    expect((await read()).newContacts).toMatchObject({
      perDay: 20,
      reason: 'young',
      used: 5,
      remaining: 15,
      reserved: 4,
      nextAt: null,
      linkedAt: null,
      accountSince: null,
      whatsapp: null,
    });
    await change({ newContactsPerDay: 5 });
    const { newContacts } = await read();
    expect(newContacts).toMatchObject({ perDay: 5, reason: 'own', remaining: 0, reserved: 0 });
    expect(Date.parse(newContacts.nextAt ?? '')).toBe(at - 3 * HOUR_MS + 24 * HOUR_MS);
  });

  test('are not limited once the account is old, as its owner says', async () => {
    expect((await change({ accountSince: '2020-02-29' })).status).toBe(200);
    expect((await read()).newContacts).toMatchObject({
      perDay: null,
      reason: 'none',
      remaining: null,
      accountSince: '2020-02-29',
    });
    await change({ accountSince: null });
    expect((await read()).newContacts).toMatchObject({ perDay: 20, accountSince: null });
  });

  test.each([
    [{ newContactsPerDay: 0 }, 'newContactsPerDay'],
    [{ newContactsPerDay: 1.5 }, 'newContactsPerDay'],
    [{ accountSince: '2020-02-30' }, 'accountSince'],
    [{ accountSince: 'yesterday' }, 'accountSince'],
    [{ accountSince: '1999-01-01' }, 'accountSince'],
  ])('take no nonsense: %j', async (body, field) => {
    expect(await change(body)).toMatchObject({
      status: 400,
      body: { details: { [field]: expect.any(String) } },
    });
  });

  test('wait no longer than the limit of now', async () => {
    const rowId = newId();
    const queued = { id: rowId, userId: owner.id, accountId: id, messageId: rowId, recipient: 'x' };
    await limited.deps.db.insert(messageQueue).values({
      ...queued,
      status: 'pending',
      priority: 1,
      dueAt: at,
      availableAt: at + 20 * HOUR_MS,
    });
    await change({ newContactsPerDay: 40 });
    const [row] = await limited.deps.db.select().from(messageQueue).where(eq(messageQueue.id, rowId));
    expect(row).toMatchObject({ availableAt: at, dueAt: null });
  });

  test('a restriction and a cap of WhatsApp are shown with the session', async () => {
    const until = at + 6 * HOUR_MS;
    await limited.deps.db
      .update(whatsappAccounts)
      .set({
        restrictedUntil: until,
        restriction: { kind: 'DEFAULT', since: at },
        newChatCap: { total: 30, used: 28, status: 'SECOND_WARNING', until, toldAt: at },
        limits: { newContactsPerDay: 100 },
      })
      .where(eq(whatsappAccounts.id, id));
    const { restriction, newContacts } = await read();
    expect(restriction).toEqual({
      until: new Date(until).toISOString(),
      since: new Date(at).toISOString(),
      kind: 'DEFAULT',
    });
    expect(newContacts).toMatchObject({
      perDay: 100,
      remaining: 2,
      whatsapp: { total: 30, used: 28, status: 'SECOND_WARNING', until: new Date(until).toISOString() },
    });
    const { body } = await limited.call('/session/status?session=main', { apiKey: owner.apiKey });
    expect(body.data).toMatchObject({ restriction });
  });
});

import { eq } from 'drizzle-orm';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { idempotencyKeys } from '../../src/db/schema.ts';
import type { Ctx } from '../../src/services/context.ts';
import { openTestApp, type Tenant, type TestApp, testConfig } from '../helpers/app.ts';
import { addSession, codeOf, ctxOf, wrongFor } from './fixture.ts';

let test: TestApp;
let tenant: Tenant;
let ctx: Ctx;
beforeAll(async () => {
  test = await openTestApp();
  tenant = await test.tenant();
  ctx = ctxOf(test.deps, {
    userId: tenant.id,
    personId: tenant.id,
    role: 'user',
    workspaceRole: 'owner',
    via: 'jwt',
    scopes: null,
    sessionIds: null,
    keyId: null,
  });
  await addSession(ctx, 'main');
});
afterAll(() => test.close());

const post = (path: string, body: object, headers: Record<string, string> = {}) =>
  test.call(path, { method: 'POST', body, headers, apiKey: tenant.apiKey });
const get = (path: string) => test.call(path, { apiKey: tenant.apiKey });

/** Safe because every OTP answer has an object there. */
const dataOf = (reply: { body: Record<string, unknown> }) => reply.body.data as Record<string, string>;

describe('the OTP routes', () => {
  it.each(['', '/api'])('carry a code from send to verified under %j', async (mount) => {
    const phone = mount === '' ? '081277777701' : '081277777702';
    const sent = await post(`${mount}/otp/send`, {
      sessionId: 'main',
      phoneNumber: phone,
      companyName: 'PT. Contoh',
    });
    expect(sent.status).toBe(202);
    expect(sent.body).toMatchObject({ success: true, message: expect.any(String) });
    expect(dataOf(sent)).toMatchObject({
      session: 'main',
      sessionId: 'main',
      to: `+62${phone.slice(1)}`,
      status: 'pending',
    });
    const otp = await codeOf(ctx, dataOf(sent).messageId ?? '');
    expect(sent.text).not.toContain(otp);

    const wrong = await post(`${mount}/otp/verify`, {
      phoneNumber: phone,
      otp: wrongFor(otp),
      sessionId: 'main',
    });
    expect(wrong.status).toBe(400);
    expect(wrong.body).toMatchObject({ success: false, code: 'OTP_INVALID', details: { attemptsLeft: 2 } });
    const status = await get(`${mount}/otp/status/${phone}?sessionId=main`);
    expect(status.status).toBe(200);
    expect(dataOf(status)).toMatchObject({
      status: 'pending',
      attempts: 1,
      maxAttempts: 3,
      messageStatus: 'queued',
    });

    const right = await post(`${mount}/otp/verify`, { phoneNumber: phone, otp, sessionId: 'main' });
    expect(right.status).toBe(200);
    expect(right.body).toMatchObject({ success: true, data: { verified: true, otpId: dataOf(sent).otpId } });
    expect((await post(`${mount}/otp/verify`, { phoneNumber: phone, otp })).body.code).toBe('OTP_NOT_FOUND');
    const byId = await get(`${mount}/otp/status/${dataOf(sent).otpId}`);
    expect(dataOf(byId).status).toBe('verified');
  });

  it('tell when to come back', async () => {
    await post('/otp/send', { session: 'main', to: '+6281277777703' });
    const again = await post('/otp/send', { session: 'main', to: '+6281277777703' });
    expect(again.status).toBe(429);
    expect(again.body.code).toBe('RATE_LIMITED');
    expect(Number(again.headers.get('retry-after'))).toBeGreaterThan(25);
    const resend = await post('/otp/resend', {
      phoneNumber: '+6281277777703',
      sessionId: 'main',
      companyName: 'PT. Contoh',
    });
    expect(resend.status).toBe(429);
    expect(Number(resend.headers.get('retry-after'))).toBeLessThanOrEqual(30);
    const ended = await post('/otp/expire', { phoneNumber: '+6281277777703', sessionId: 'main' });
    expect(dataOf(ended)).toMatchObject({ status: 'expired', reason: 'by_request' });
    const late = await post('/otp/verify', { phoneNumber: '+6281277777703', otp: '123456' });
    expect(late.status).toBe(410);
  });

  it('refuse what cannot be meant, field by field', async () => {
    const bad = await post('/otp/send', {
      session: 'main',
      to: '+62812',
      length: 9,
      language: 'xx',
      endUserIp: 'home',
    });
    expect(bad.status).toBe(400);
    expect(Object.keys(bad.body.details as object).sort()).toEqual(['endUserIp', 'language', 'length']);
    expect((await post('/otp/verify', { phoneNumber: '+6281277777704', otp: [123456] })).status).toBe(400);
    expect((await post('/otp/verify', { otp: '123456' })).body.details).toHaveProperty('phoneNumber');
    expect((await get('/otp/generate?length=3')).status).toBe(400);
    expect(dataOf(await get('/otp/generate?length=8')).otp).toMatch(/^\d{8}$/);
  });

  it('save templates and countries', async () => {
    const made = await post('/otp/templates', { name: 'login', body: 'Kode {otp}' });
    expect(made.status).toBe(201);
    const { id } = dataOf(made);
    expect((await get('/otp/templates')).body.data).toEqual([made.body.data]);
    const put = { method: 'PUT', apiKey: tenant.apiKey };
    const bad = await test.call(`/otp/templates/${id}`, { ...put, body: { body: 'no code {foo}' } });
    expect(bad.body).toMatchObject({
      code: 'VALIDATION_FAILED',
      details: { body: expect.stringContaining('{foo}') },
    });
    const gone = await test.call(`/otp/templates/${id}`, { method: 'DELETE', apiKey: tenant.apiKey });
    expect(gone.body).toMatchObject({ success: true, data: { id } });
    const saved = await test.call('/otp/settings', { ...put, body: { allowedCountries: ['ID'] } });
    expect(saved.body.data).toEqual({ allowedCountries: ['ID'] });
    expect((await post('/otp/send', { session: 'main', to: '+14155550123' })).status).toBe(403);
  });
});

describe('with OTP_RETURN_CODE', () => {
  it('the code is in the answer, but never in the one that is kept', async () => {
    const config = testConfig();
    const other = await openTestApp({ config: { otp: { ...config.otp, returnCode: true } } });
    const { id: userId, apiKey } = await other.tenant();
    await addSession(ctxOf(other.deps, { ...ctx.actor, userId }), 'main');
    const call = {
      method: 'POST',
      apiKey,
      headers: { 'idempotency-key': 'first' },
      body: { session: 'main', to: '+6281288888888' },
    };
    const sent = await other.call('/otp/send', call);
    expect(dataOf(sent).otp).toMatch(/^\d{6}$/);
    const again = await other.call('/otp/send', call);
    expect(again.headers.get('idempotent-replayed')).toBe('true');
    const { otp, ...rest } = dataOf(sent);
    expect(again.body.data).toEqual(rest);
    const kept = await other.deps.db.select().from(idempotencyKeys).where(eq(idempotencyKeys.userId, userId));
    expect(kept).toHaveLength(1);
    expect(JSON.stringify(kept[0]?.response)).not.toContain(`"${otp}"`);
    await other.close();
  });
});

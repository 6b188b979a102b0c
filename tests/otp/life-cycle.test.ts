import { eq } from 'drizzle-orm';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { idempotencyKeys, messages } from '../../src/db/schema.ts';
import { expireOtp, generateOtp } from '../../src/services/otp/expire.ts';
import { resendOtp } from '../../src/services/otp/resend.ts';
import { getOtpStatus } from '../../src/services/otp/status.ts';
import { expireOverdue } from '../../src/services/otp/sweep.ts';
import { verifyOtp } from '../../src/services/otp/verify.ts';
import { watchOtps } from '../../src/services/otp/watch.ts';
import {
  acknowledge,
  addSession,
  codeOf,
  eventsOf,
  failure,
  type OtpFixture,
  openOtpFixture,
  otpRow,
  outcome,
  queued,
  send,
  textOf,
  wrongFor,
} from './fixture.ts';

const PHONE = '+6281234567890';
let fixture: OtpFixture;
beforeAll(async () => {
  fixture = await openOtpFixture();
});
afterAll(() => fixture.close());

describe('the life of a code', () => {
  it('is sent at high priority with the expiry of the code, and verified once', async () => {
    const ctx = await fixture.otpTenant();
    const sent = await send(ctx, '081234567890', { companyName: 'PT. Contoh' });
    expect(sent).toMatchObject({ to: PHONE, status: 'pending', maxAttempts: 3 });
    expect(sent).not.toHaveProperty('otp');
    const [row] = await queued(ctx);
    expect(row).toMatchObject({ priority: 0, expiresAt: Date.parse(sent.expiresAt) });
    expect(Date.parse(sent.expiresAt) - fixture.clock.now()).toBe(300_000);

    const text = await textOf(ctx, sent.messageId);
    expect(text).toContain('PT. Contoh');
    expect(text).toContain('5 menit');
    const code = await codeOf(ctx, sent.messageId);
    expect(code).toMatch(/^\d{6}$/);

    await acknowledge(ctx, sent.messageId);
    expect(await getOtpStatus(ctx, { phoneNumber: PHONE })).toMatchObject({ status: 'sent' });
    await fixture.clock.advance(1_500);
    await watchOtps(ctx);
    expect((await otpRow(ctx, sent.otpId)).status).toBe('sent');

    const verified = await verifyOtp(ctx, { phoneNumber: '628123-4567890', otp: code });
    expect(verified).toMatchObject({ otpId: sent.otpId, status: 'verified', verified: true });
    expect(await outcome(verifyOtp(ctx, { phoneNumber: PHONE, otp: code }))).toBe('OTP_NOT_FOUND');
    expect(await eventsOf(ctx)).toEqual(['message.queued', 'message.sent', 'otp.sent', 'otp.verified']);
  });

  it('was sent by the time it came back, also when that is faster than the acknowledgement', async () => {
    const ctx = await fixture.otpTenant();
    const fast = await send(ctx, PHONE);
    await fixture.clock.advance(700);
    await verifyOtp(ctx, { otpId: fast.otpId, otp: await codeOf(ctx, fast.messageId) });
    const verifiedAt = fixture.clock.now();
    expect(await otpRow(ctx, fast.otpId)).toMatchObject({ sentAt: verifiedAt, verifiedAt });
    const next = await send(ctx, PHONE);
    const code = await codeOf(ctx, next.messageId);
    await acknowledge(ctx, next.messageId);
    const sentAt = fixture.clock.now();
    await fixture.clock.advance(700);
    await verifyOtp(ctx, { otpId: next.otpId, otp: code });
    expect(await otpRow(ctx, next.otpId)).toMatchObject({ status: 'verified', sentAt });
  });

  it('names the session that is not connected to those who send through connected ones only', async () => {
    const ctx = await fixture.otpTenant();
    await addSession(ctx, 'away', { status: 'disconnected' });
    const refused = await failure(send(ctx, PHONE, { session: 'away', connectedOnly: true }));
    const details = { session: 'away', status: 'disconnected' };
    expect(refused).toMatchObject({ code: 'NOT_CONNECTED', details });
  });

  it('takes pasted spaces and dashes, and says how many attempts are left', async () => {
    const ctx = await fixture.otpTenant();
    const sent = await send(ctx, PHONE, { length: 8 });
    const code = await codeOf(ctx, sent.messageId);
    expect(code).toHaveLength(8);
    const wrong = await failure(verifyOtp(ctx, { otpId: sent.otpId, otp: wrongFor(code) }));
    expect(wrong).toMatchObject({ code: 'OTP_INVALID', details: { attemptsLeft: 2 } });
    const pasted = ` ${code.slice(0, 4)}-${code.slice(4)} `;
    expect(await outcome(verifyOtp(ctx, { otpId: sent.otpId, otp: pasted }))).toBe('ok');
  });

  it.each([
    ['Arabic-Indic', 0x660],
    ['Persian', 0x6f0],
    ['Devanagari', 0x966],
    ['full width', 0xff10],
  ])('takes the code and the number in %s digits, whatever is invisible around them', async (_, zero) => {
    const ctx = await fixture.otpTenant();
    const typed = (text: string) =>
      text.replace(/\d/g, (digit) => String.fromCodePoint(zero + Number(digit)));
    const sent = await send(ctx, `\u202A\uFF0B${typed(PHONE.slice(1))}\u202C`, { maxAttempts: 1 });
    expect(sent.to).toBe(PHONE);
    const code = await codeOf(ctx, sent.messageId);
    const refused = verifyOtp(ctx, { phoneNumber: `${PHONE} x`, otp: code });
    expect(await outcome(refused)).toBe('INVALID_NUMBER');
    const check = verifyOtp(ctx, {
      phoneNumber: typed(`0${PHONE.slice(3)}`),
      otp: `\u200F${typed(code)}\uFEFF`,
    });
    expect(await outcome(check)).toBe('ok');
  });

  it('fails after too many attempts, also for the right code', async () => {
    const ctx = await fixture.otpTenant();
    const sent = await send(ctx, PHONE, { maxAttempts: 2 });
    const code = await codeOf(ctx, sent.messageId);
    const ref = { phoneNumber: PHONE };
    expect(await outcome(verifyOtp(ctx, { ...ref, otp: wrongFor(code) }))).toBe('OTP_INVALID');
    const last = await failure(verifyOtp(ctx, { ...ref, otp: wrongFor(code) }));
    expect(last).toMatchObject({ code: 'OTP_INVALID', details: { attemptsLeft: 0 } });
    expect(await outcome(verifyOtp(ctx, { ...ref, otp: code }))).toBe('OTP_MAX_ATTEMPTS');
    expect(await outcome(resendOtp(ctx, ref))).toBe('OTP_MAX_ATTEMPTS');
    expect(await getOtpStatus(ctx, ref)).toMatchObject({ status: 'failed', reason: 'max_attempts' });
    expect((await eventsOf(ctx)).slice(-3)).toEqual(['otp.check_failed', 'message.canceled', 'otp.failed']);
  });

  it('expires on time, before and after the sweep, and is never sent late', async () => {
    const ctx = await fixture.otpTenant();
    const sent = await send(ctx, PHONE, { expiresInSeconds: 60 });
    const code = await codeOf(ctx, sent.messageId);
    await fixture.clock.advance(60_000);
    expect(await textOf(ctx, sent.messageId)).toBeNull();
    expect(await outcome(verifyOtp(ctx, { phoneNumber: PHONE, otp: code }))).toBe('OTP_EXPIRED');
    expect(await getOtpStatus(ctx, { phoneNumber: PHONE })).toMatchObject({ status: 'expired' });
    expect((await otpRow(ctx, sent.otpId)).status).toBe('pending');
    expect(await expireOverdue(ctx)).toBeGreaterThanOrEqual(1);
    expect(await expireOverdue(ctx)).toBe(0);
    expect((await otpRow(ctx, sent.otpId)).status).toBe('expired');
    expect(await outcome(resendOtp(ctx, { phoneNumber: PHONE }))).toBe('OTP_EXPIRED');
    expect(await queued(ctx)).toEqual([]);
  });

  it('ends by request and takes its message out of the queue', async () => {
    const ctx = await fixture.otpTenant();
    const sent = await send(ctx, PHONE);
    expect(await expireOtp(ctx, { phoneNumber: PHONE, sessionId: 'main' })).toMatchObject({
      status: 'expired',
      reason: 'by_request',
    });
    expect(await queued(ctx)).toEqual([]);
    const [message] = await ctx.db.select().from(messages).where(eq(messages.messageId, sent.messageId));
    expect(message?.status).toBe('canceled');
    expect(await outcome(expireOtp(ctx, { phoneNumber: PHONE }))).toBe('OTP_NOT_FOUND');
  });

  it('is replaced by a second send: canceled, another code', async () => {
    const ctx = await fixture.otpTenant();
    const first = await send(ctx, PHONE);
    const firstCode = await codeOf(ctx, first.messageId);
    await fixture.clock.advance(30_000);
    const second = await send(ctx, PHONE, { code: wrongFor(firstCode) });
    expect(await otpRow(ctx, first.otpId)).toMatchObject({ status: 'canceled', reason: 'replaced' });
    expect(await textOf(ctx, first.messageId)).toBeNull();
    expect((await queued(ctx)).map((row) => row.messageId)).toEqual([second.messageId]);
    expect(await outcome(verifyOtp(ctx, { otpId: first.otpId, otp: firstCode }))).toBe('OTP_NOT_FOUND');
    expect(await outcome(verifyOtp(ctx, { phoneNumber: PHONE, otp: wrongFor(firstCode) }))).toBe('ok');
  });

  it('is sent again with the same code, expiry and attempts', async () => {
    const ctx = await fixture.otpTenant();
    const sent = await send(ctx, PHONE, { companyName: 'PT. Satu', language: 'en' });
    const code = await codeOf(ctx, sent.messageId);
    await acknowledge(ctx, sent.messageId);
    await outcome(verifyOtp(ctx, { otpId: sent.otpId, otp: wrongFor(code) }));
    await fixture.clock.advance(60_000);
    const ref = { phoneNumber: PHONE, sessionId: 'main' };
    const { answer } = await resendOtp(ctx, { ...ref, companyName: 'PT. Dua' });
    expect(answer).toMatchObject({ otpId: sent.otpId, expiresAt: sent.expiresAt, attempts: 1 });
    expect(answer.messageId).not.toBe(sent.messageId);
    expect(await codeOf(ctx, answer.messageId)).toBe(code);
    const text = await textOf(ctx, answer.messageId);
    expect(text).toContain('PT. Dua');
    expect(text).toContain('4 minutes');
    expect(await outcome(verifyOtp(ctx, { ...ref, otp: code }))).toBe('ok');
    expect(await outcome(resendOtp(ctx, ref))).toBe('OTP_NOT_FOUND');
  });
});

describe('who may check what', () => {
  it('hides one tenant from another and one session from another', async () => {
    const ctx = await fixture.otpTenant();
    const other = await fixture.otpTenant();
    await addSession(ctx, 'second');
    const sent = await send(ctx, PHONE);
    const otp = await codeOf(ctx, sent.messageId);
    expect(await outcome(verifyOtp(other, { phoneNumber: PHONE, otp }))).toBe('OTP_NOT_FOUND');
    expect(await outcome(verifyOtp(other, { otpId: sent.otpId, otp }))).toBe('OTP_NOT_FOUND');
    expect(await outcome(getOtpStatus(other, { phoneNumber: PHONE }))).toBe('OTP_NOT_FOUND');
    const elsewhere = { phoneNumber: PHONE, sessionId: 'second', otp };
    expect(await outcome(verifyOtp(ctx, elsewhere))).toBe('OTP_NOT_FOUND');
    expect((await otpRow(ctx, sent.otpId)).attempts).toBe(0);
    expect(await outcome(verifyOtp(ctx, { phoneNumber: PHONE, sessionId: 'main', otp }))).toBe('ok');
  });

  it('binds a key to its session and asks for the scope', async () => {
    const ctx = await fixture.otpTenant();
    await addSession(ctx, 'second');
    const sent = await send(ctx, PHONE);
    const bound = { ...ctx, actor: { ...ctx.actor, sessionIds: ['second'] } };
    const ref = { phoneNumber: PHONE };
    expect(await outcome(getOtpStatus(bound, ref))).toBe('OTP_NOT_FOUND');
    expect(await outcome(getOtpStatus(bound, { otpId: sent.otpId }))).toBe('OTP_NOT_FOUND');
    expect(await outcome(send(bound, PHONE))).toBe('SESSION_NOT_FOUND');
    const failover = { session: 'second', failoverSessions: ['main'] };
    expect(await outcome(send(bound, PHONE, failover))).toBe('SESSION_NOT_FOUND');
    const reader = { ...ctx, actor: { ...ctx.actor, scopes: ['read'] } };
    expect(await outcome(verifyOtp(reader, { ...ref, otp: '000000' }))).toBe('FORBIDDEN');
    expect(() => generateOtp(reader, 6)).toThrow('scope');
  });

  it('refuses a session that cannot send, and queues for one that is reconnecting', async () => {
    const ctx = await fixture.otpTenant();
    await addSession(ctx, 'gone', { status: 'logged_out' });
    await addSession(ctx, 'new', { status: 'qr', paired: false });
    await addSession(ctx, 'back', { status: 'disconnected' });
    expect(await outcome(send(ctx, PHONE, { session: 'gone' }))).toBe('NOT_CONNECTED');
    expect(await outcome(send(ctx, PHONE, { session: 'new' }))).toBe('NOT_CONNECTED');
    expect(await outcome(send(ctx, PHONE, { session: 'none' }))).toBe('SESSION_NOT_FOUND');
    expect(await outcome(send(ctx, '12', {}))).toBe('INVALID_NUMBER');
    expect((await send(ctx, PHONE, { session: 'back' })).sessionId).toBe('back');
  });
});

describe('what is kept', () => {
  it('erases proof and ciphertext in every end', async () => {
    const ctx = await fixture.otpTenant();
    const ends: Record<string, (otpId: string, code: string, phone: string) => Promise<unknown>> = {
      verified: (otpId, otp) => verifyOtp(ctx, { otpId, otp }),
      failed: (otpId, otp) => outcome(verifyOtp(ctx, { otpId, otp: wrongFor(otp) })),
      expired: (otpId) => expireOtp(ctx, { otpId }),
      canceled: async (_otpId, _code, phone) => {
        await fixture.clock.advance(30_000);
        await send(ctx, phone);
      },
    };
    for (const [index, [status, end]] of Object.entries(ends).entries()) {
      const phone = `+628123450000${index}`;
      const sent = await send(ctx, phone, { maxAttempts: 1 });
      expect((await otpRow(ctx, sent.otpId)).sealed).not.toBeNull();
      await end(sent.otpId, await codeOf(ctx, sent.messageId), phone);
      const row = await otpRow(ctx, sent.otpId);
      expect(row).toMatchObject({ status, codeMac: null, sealed: null, openPhone: null, watchAt: null });
      expect(row.endedAt).not.toBeNull();
    }
  });

  it('returns the code only when told to, and never keeps it with an Idempotency-Key', async () => {
    const ctx = await fixture.otpTenant({ returnCode: true });
    ctx.idempotency = { key: 'k1', hash: 'h', claimed: false };
    const sent = await send(ctx, PHONE);
    expect(sent.otp).toBe(await codeOf(ctx, sent.messageId));
    const kept = await ctx.db
      .select()
      .from(idempotencyKeys)
      .where(eq(idempotencyKeys.userId, ctx.actor.userId));
    expect(kept).toHaveLength(1);
    expect(JSON.stringify(kept)).toContain(sent.otpId);
    expect(JSON.stringify(kept)).not.toContain(sent.otp);
  });

  it('makes codes of every length with leading zeros', async () => {
    const ctx = await fixture.otpTenant();
    for (const length of [4, 5, 6, 7, 8]) {
      expect(generateOtp(ctx, length)).toEqual({ otp: expect.stringMatching(/^\d+$/), length });
      expect(generateOtp(ctx, length).otp).toHaveLength(length);
    }
    const first = new Set(Array.from({ length: 400 }, () => generateOtp(ctx, 4).otp[0]));
    expect(first.size).toBe(10);
  });
});

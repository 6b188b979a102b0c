import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { learnAlias } from '../../src/services/messages/aliases.ts';
import { countryOf, getOtpSettings, putOtpSettings } from '../../src/services/otp/country.ts';
import { failureBudget, waitForSend } from '../../src/services/otp/limits.ts';
import { resendOtp } from '../../src/services/otp/resend.ts';
import { verifyOtp } from '../../src/services/otp/verify.ts';
import { addressKey } from '../../src/services/otp/windows.ts';
import { codeOf, failure, type OtpFixture, openOtpFixture, outcome, send, wrongFor } from './fixture.ts';

const MINUTE_MS = 60_000;
const DAY_MS = 86_400_000;
let fixture: OtpFixture;
beforeAll(async () => {
  fixture = await openOtpFixture();
});
afterAll(() => fixture.close());

describe('two spellings of one number', () => {
  it.each([
    ['+5215512345678', '+525512345678'],
    ['+5547989211984', '+554789211984'],
    ['+541123456789', '+5491123456789'],
    ['+22507123456', '+2250707123456'],
    ['+2290197123456', '+22997123456'],
  ])('%s and %s have one code and one budget', async (dialled, other) => {
    const ctx = await fixture.otpTenant();
    const first = await send(ctx, dialled);
    expect(first.to).toBe(dialled);
    expect(await failure(send(ctx, other))).toMatchObject({ code: 'RATE_LIMITED', retryAfterSeconds: 30 });
    await fixture.clock.advance(30_000);
    const second = await send(ctx, other);
    const ref = { phoneNumber: dialled };
    const code = await codeOf(ctx, second.messageId);
    const wrong = await failure(verifyOtp(ctx, { ...ref, otp: wrongFor(code) }));
    expect(wrong).toMatchObject({ code: 'OTP_INVALID', details: { attemptsLeft: 2 } });
    expect(await outcome(verifyOtp(ctx, { otpId: first.otpId, otp: code }))).toBe('OTP_NOT_FOUND');
    expect(await verifyOtp(ctx, { ...ref, otp: code })).toMatchObject({ otpId: second.otpId });
  });

  it('are one also when the directory says so, from then on', async () => {
    const ctx = await fixture.otpTenant();
    const [dialled, account] = ['628111111111', '628222222222'];
    await send(ctx, `+${dialled}`);
    await send(ctx, `+${account}`);
    const told = { alias: dialled, phone: account, lid: null };
    await learnAlias(ctx.db, ctx.actor.userId, told, ctx.clock.now());
    expect(await failure(send(ctx, `+${dialled}`))).toMatchObject({ code: 'RATE_LIMITED' });
    await fixture.clock.advance(60_000);
    const third = await send(ctx, `+${dialled}`);
    const code = await codeOf(ctx, third.messageId);
    expect(await outcome(verifyOtp(ctx, { phoneNumber: `+${account}`, otp: code }))).toBe('ok');
  });
});

describe('sends to one number', () => {
  it('cool down 30, 60 and 120 seconds, and stop at 5 in 10 minutes', async () => {
    const ctx = await fixture.otpTenant();
    const to = '+6281211111111';
    await send(ctx, to);
    for (const coolDownS of [30, 60, 120, 120]) {
      const early = await failure(send(ctx, to));
      expect(early).toMatchObject({ code: 'RATE_LIMITED', retryAfterSeconds: coolDownS });
      expect(early?.details).toMatchObject({ limit: 'number' });
      await fixture.clock.advance(coolDownS * 1000 - 1);
      expect(await outcome(resendOtp(ctx, { phoneNumber: to }))).toBe('RATE_LIMITED');
      await fixture.clock.advance(1);
      await send(ctx, to);
    }
    const full = await failure(send(ctx, to));
    expect(full).toMatchObject({ code: 'RATE_LIMITED', retryAfterSeconds: 600 - 330 });
    await fixture.clock.advance(270_000);
    expect(await outcome(send(ctx, to))).toBe('ok');
  });

  it('count resends with sends, and each number and tenant alone', async () => {
    const ctx = await fixture.otpTenant();
    const other = await fixture.otpTenant();
    const to = '+6281211111112';
    await send(ctx, to);
    await send(other, to);
    await send(ctx, '+6281211111113');
    await fixture.clock.advance(30_000);
    await resendOtp(ctx, { phoneNumber: to });
    expect(await failure(send(ctx, to))).toMatchObject({ retryAfterSeconds: 60 });
  });

  it('need no cool-down after the code was verified, but go on counting', async () => {
    const ctx = await fixture.otpTenant();
    const to = '+6281211111114';
    for (let i = 0; i < 5; i++) {
      const sent = await send(ctx, to);
      await verifyOtp(ctx, { otpId: sent.otpId, otp: await codeOf(ctx, sent.messageId) });
    }
    expect(await failure(send(ctx, to))).toMatchObject({ code: 'RATE_LIMITED', retryAfterSeconds: 600 });
  });

  it('are limited per end-user address and per tenant', async () => {
    const ctx = await fixture.otpTenant({ perAddressPerHour: 2, sendsPerHour: 4 });
    const from = (endUserIp: string) => ({ endUserIp });
    const to = (i: number) => `+628121111120${i}`;
    await send(ctx, to(0), from('2001:db8:1:2::1'));
    await send(ctx, to(1), from('2001:db8:1:2:ffff::9'));
    const third = await failure(send(ctx, to(2), from('2001:db8:1:2::3')));
    expect(third).toMatchObject({ code: 'RATE_LIMITED', details: { limit: 'address' } });
    await send(ctx, to(2), from('2001:db8:1:3::3'));
    await send(ctx, to(3));
    expect(await failure(send(ctx, to(4)))).toMatchObject({ details: { limit: 'tenant' } });
    await fixture.clock.advance(60 * MINUTE_MS);
    expect(await outcome(send(ctx, to(4)))).toBe('ok');
  });
});

describe('wrong codes', () => {
  it('of one number are 20 in 24 hours, over all of its OTPs', async () => {
    const ctx = await fixture.otpTenant();
    const to = '+6281222222222';
    let wrong = 0;
    for (const expected of [10, 10]) {
      const sent = await send(ctx, to, { maxAttempts: 10 });
      expect(sent.maxAttempts).toBe(expected);
      const code = await codeOf(ctx, sent.messageId);
      while ((await outcome(verifyOtp(ctx, { phoneNumber: to, otp: wrongFor(code) }))) === 'OTP_INVALID')
        wrong++;
      await fixture.clock.advance(10 * MINUTE_MS);
    }
    expect(wrong).toBe(20);
    const refused = await failure(send(ctx, to));
    expect(refused).toMatchObject({ code: 'RATE_LIMITED', details: { limit: 'number_failures' } });
    expect(refused?.retryAfterSeconds).toBe((DAY_MS - 20 * MINUTE_MS) / 1000);
    await fixture.clock.advance(DAY_MS - 20 * MINUTE_MS);
    expect((await send(ctx, to, { maxAttempts: 10 })).maxAttempts).toBe(10);
  });

  it.each([
    ['+5215512345678', '+525512345678', null],
    ['+628111111117', '+628222222227', '628222222227'],
  ])('are one budget for %s and %s', async (dialled, other, account) => {
    const ctx = await fixture.otpTenant();
    if (account !== null) {
      const told = { alias: dialled.slice(1), phone: account, lid: null };
      await learnAlias(ctx.db, ctx.actor.userId, told, ctx.clock.now());
    }
    for (const [to, given] of [
      [dialled, 10],
      [other, 9],
      [dialled, 1],
    ] as const) {
      const sent = await send(ctx, to, { maxAttempts: given === 1 ? 5 : given });
      expect(sent.maxAttempts).toBe(given);
      const code = await codeOf(ctx, sent.messageId);
      while ((await outcome(verifyOtp(ctx, { phoneNumber: other, otp: wrongFor(code) }))) === 'OTP_INVALID');
      await fixture.clock.advance(10 * MINUTE_MS);
    }
    expect(await failure(send(ctx, other))).toMatchObject({ details: { limit: 'number_failures' } });
  });

  it('leave the next OTP only what is left', async () => {
    const ctx = await fixture.otpTenant();
    const to = '+6281222222223';
    for (const [asked, given] of [
      [10, 10],
      [9, 9],
      [5, 1],
    ] as const) {
      const sent = await send(ctx, to, { maxAttempts: asked });
      expect(sent.maxAttempts).toBe(given);
      const code = await codeOf(ctx, sent.messageId);
      while ((await outcome(verifyOtp(ctx, { phoneNumber: to, otp: wrongFor(code) }))) === 'OTP_INVALID');
      await fixture.clock.advance(10 * MINUTE_MS);
    }
  });

  it('are limited per tenant and end-user address; right ones are not counted', async () => {
    const ctx = await fixture.otpTenant({ wrongChecksPerHour: 2, perAddressPerHour: 1 });
    const endUserIp = '198.51.100.7';
    for (let i = 0; i < 3; i++) {
      const sent = await send(ctx, `+628123333333${i}`);
      const otp = await codeOf(ctx, sent.messageId);
      expect(await outcome(verifyOtp(ctx, { otpId: sent.otpId, otp, endUserIp }))).toBe('ok');
    }
    const sent = await send(ctx, '+6281233333339');
    const code = await codeOf(ctx, sent.messageId);
    const guess = { otpId: sent.otpId, otp: wrongFor(code) };
    expect(await outcome(verifyOtp(ctx, { ...guess, endUserIp }))).toBe('OTP_INVALID');
    expect(await failure(verifyOtp(ctx, { ...guess, endUserIp }))).toMatchObject({
      code: 'RATE_LIMITED',
      details: { limit: 'wrong-address' },
    });
    expect(await failure(verifyOtp(ctx, guess))).toMatchObject({ details: { attemptsLeft: 1 } });
    const refused = await failure(verifyOtp(ctx, { otpId: sent.otpId, otp: code }));
    expect(refused).toMatchObject({ code: 'RATE_LIMITED', details: { limit: 'wrong' } });
    await fixture.clock.advance(2 * MINUTE_MS);
    expect(await outcome(verifyOtp(ctx, { otpId: sent.otpId, otp: code }))).toBe('RATE_LIMITED');
  });
});

describe('countries', () => {
  it('are those of the service, and of them those of the tenant', async () => {
    const ctx = await fixture.otpTenant({ allowedCountries: ['ID', 'SG'] });
    expect(await outcome(send(ctx, '+14155550100'))).toBe('FORBIDDEN');
    expect(await outcome(send(ctx, '+6581234567'))).toBe('ok');
    expect(await getOtpSettings(ctx)).toEqual({ allowedCountries: null });
    // A key for codes must not change what all programs of the tenant share.
    expect(await outcome(putOtpSettings(ctx, { allowedCountries: ['US'] }))).toBe('FORBIDDEN');
    const owner = { ...ctx, actor: { ...ctx.actor, scopes: null } };
    await putOtpSettings(owner, { allowedCountries: ['id', 'US', 'ID'] });
    expect(await getOtpSettings(ctx)).toEqual({ allowedCountries: ['ID', 'US'] });
    await putOtpSettings(owner, { allowedCountries: ['ID', 'US'] });
    await fixture.clock.advance(MINUTE_MS);
    expect(await failure(send(ctx, '+6581234567'))).toMatchObject({
      code: 'FORBIDDEN',
      details: { country: 'SG' },
      hint: expect.stringContaining('PUT /otp/settings'),
    });
    expect(await failure(send(ctx, '+14155550100'))).toMatchObject({
      code: 'FORBIDDEN',
      hint: expect.stringContaining('OTP_ALLOWED_COUNTRIES'),
    });
    expect(await outcome(send(ctx, '+6281244444444'))).toBe('ok');
    expect(await outcome(putOtpSettings(owner, { allowedCountries: ['XX'] }))).toBe('VALIDATION_FAILED');
  });

  it('are read from the number, also where several share a code', () => {
    expect(countryOf('14165550123')).toBe('CA');
    expect(countryOf('77011234567')).toBe('KZ');
    expect(countryOf('88213123456')).toBeNull();
  });
});

describe('the arithmetic', () => {
  it('waits for the oldest of five, then for the cool-down', () => {
    expect(waitForSend([], 1000, false)).toBe(0);
    expect(waitForSend([1000], 1000, false)).toBe(30_000);
    expect(waitForSend([1000], 31_000, false)).toBe(0);
    expect(waitForSend([1000], 1000, true)).toBe(0);
    expect(waitForSend([0, 1, 2, 3, 4], 400_000, true)).toBe(200_000);
    expect(waitForSend([0, 1, 2, 3, 4], 600_000, true)).toBe(0);
  });

  it('counts failures, not the right answer, while their last attempt is younger than a day', () => {
    const past = (status: string, attempts: number, lastAttemptAt: number | null) => ({
      status,
      attempts,
      lastAttemptAt,
    });
    expect(failureBudget([], DAY_MS)).toEqual({ left: 20, waitMs: 0 });
    expect(failureBudget([past('verified', 3, DAY_MS), past('expired', 0, null)], DAY_MS).left).toBe(18);
    expect(failureBudget([past('failed', 10, 1), past('failed', 10, 5)], 10)).toEqual({
      left: 0,
      waitMs: DAY_MS - 9,
    });
    expect(failureBudget([past('failed', 10, 1), past('failed', 10, 5)], DAY_MS + 1).left).toBe(10);
  });

  it('sees one address behind its spellings', () => {
    expect(addressKey('203.0.113.9')).toBe('203.0.113.9');
    expect(addressKey('2001:DB8::1')).toBe(addressKey('2001:0db8:0:0:9::'));
    expect(addressKey('2001:db8:0:1::1')).not.toBe(addressKey('2001:db8::1'));
    expect(addressKey('::1')).toBe('0:0:0:0::/64');
    expect(addressKey('::ffff:203.0.113.9')).toBe('203.0.113.9');
    expect(addressKey('::ffff:cb00:7109')).toBe('203.0.113.9');
  });
});

describe('a clock that was a day ahead for a while', () => {
  it('leaves no limit that lasts until tomorrow', async () => {
    const ctx = await fixture.otpTenant({ perAddressPerHour: 3 });
    const to = '+6281211111199';
    const endUserIp = '203.0.113.77';
    const right = fixture.clock.now();
    fixture.clock.setNow(right + DAY_MS);
    await send(ctx, to, { endUserIp });
    fixture.clock.setNow(right);
    expect(await outcome(send(ctx, to, { endUserIp }))).toBe('ok');
    expect(await outcome(send(ctx, '+6281211111198', { endUserIp }))).toBe('ok');
    // What was spent ahead counts in this hour.
    expect(await failure(send(ctx, '+6281211111197', { endUserIp }))).toMatchObject({
      code: 'RATE_LIMITED',
      retryAfterSeconds: expect.toSatisfy((seconds: number) => seconds <= 3_600),
    });
  });

  it('at the turn of an hour two hosts that differ a little spend the same window', async () => {
    const ctx = await fixture.otpTenant({ sendsPerHour: 100 });
    const hour = Math.ceil((fixture.clock.now() + 1) / 3_600_000) * 3_600_000;
    fixture.clock.setNow(hour + 5);
    await send(ctx, '+6281211111196');
    fixture.clock.setNow(hour - 5);
    expect(await outcome(send(ctx, '+6281211111195'))).toBe('ok');
  });
});

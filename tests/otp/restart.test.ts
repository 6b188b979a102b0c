import { expect, it } from 'vitest';
import { openDatabase } from '../../src/db/client.ts';
import { resendOtp } from '../../src/services/otp/resend.ts';
import { verifyOtp } from '../../src/services/otp/verify.ts';
import { watchOtps } from '../../src/services/otp/watch.ts';
import { createMigratedDatabase } from '../helpers/database.ts';
import {
  acknowledge,
  addSession,
  codeOf,
  elsewhere,
  openOtpFixture,
  otpRow,
  outcome,
  queued,
  send,
  wrongFor,
} from './fixture.ts';

const ACKNOWLEDGED = '+6281200000001';
const RESENT = '+6281200000002';
const WAITING = '+6281200000003';
const GUESSED = '+6281200000004';

it('a restart in the middle of pending codes changes nothing for those who type them', async () => {
  const fixture = await openOtpFixture();
  const { options, remove } = await createMigratedDatabase();
  const first = await openDatabase(options);
  const tenant = await fixture.otpTenant();
  const before = elsewhere(tenant, first);
  await addSession(before, 'main');
  await addSession(before, 'backup');
  const codes = new Map<string, string>();
  const ids = new Map<string, string>();
  for (const phone of [ACKNOWLEDGED, RESENT, WAITING, GUESSED]) {
    const sent = await send(before, phone, { failoverSessions: ['backup'] });
    codes.set(phone, await codeOf(before, sent.messageId));
    ids.set(phone, sent.otpId);
    if (phone !== WAITING) await acknowledge(before, sent.messageId);
  }
  const check = (ctx: typeof before, phoneNumber: string, otp: string) =>
    outcome(verifyOtp(ctx, { phoneNumber, otp }));
  const code = (phone: string) => codes.get(phone) ?? '';
  expect(await check(before, GUESSED, wrongFor(code(GUESSED)))).toBe('OTP_INVALID');

  await first.close();
  const second = await openDatabase(options);
  const after = elsewhere(tenant, second);

  expect(await check(after, ACKNOWLEDGED, code(ACKNOWLEDGED))).toBe('ok');
  await fixture.clock.advance(30_000);
  const { answer } = await resendOtp(after, { phoneNumber: RESENT });
  expect(await codeOf(after, answer.messageId)).toBe(code(RESENT));
  await watchOtps(after);
  const moved = await otpRow(after, ids.get(WAITING) ?? '');
  expect(moved.sessionId).toBe('backup');
  expect(await codeOf(after, moved.messageId)).toBe(code(WAITING));
  expect(await queued(after)).toHaveLength(2);
  expect(await check(after, WAITING, code(WAITING))).toBe('ok');
  for (let left = 0; left < 2; left++) {
    expect(await check(after, GUESSED, wrongFor(code(GUESSED)))).toBe('OTP_INVALID');
  }
  expect(await check(after, GUESSED, code(GUESSED))).toBe('OTP_MAX_ATTEMPTS');

  await second.close();
  await remove();
  await fixture.close();
});

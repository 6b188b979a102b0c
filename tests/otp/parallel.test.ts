import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { openDatabase } from '../../src/db/client.ts';
import { dbType } from '../../src/db/kit.ts';
import { transact } from '../../src/db/ops.ts';
import * as codes from '../../src/services/otp/codes.ts';
import { expireOtp } from '../../src/services/otp/expire.ts';
import { resendOtp } from '../../src/services/otp/resend.ts';
import { expireOverdue } from '../../src/services/otp/sweep.ts';
import { verifyOtp } from '../../src/services/otp/verify.ts';
import { spendWindow } from '../../src/services/otp/windows.ts';
import { newId } from '../../src/utils/ids.ts';
import {
  codeOf,
  elsewhere,
  eventsOf,
  type OtpFixture,
  openOtpFixture,
  otpRow,
  outcome,
  queued,
  send,
  testDatabaseOf,
  wrongFor,
} from './fixture.ts';

/** The comparisons. */
const isRight = vi.spyOn(codes, 'isRight');

let fixture: OtpFixture;
beforeAll(async () => {
  fixture = await openOtpFixture();
});
afterAll(() => fixture.close());

function tally(outcomes: readonly string[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const one of outcomes) counts[one] = (counts[one] ?? 0) + 1;
  return counts;
}

const hundred = (work: (i: number) => Promise<unknown>) =>
  Promise.all(Array.from({ length: 100 }, (_, i) => outcome(work(i)))).then(tally);

describe('100 at the same time', () => {
  it.each([1, 3, 10])('guesses get at most %i comparisons', async (maxAttempts) => {
    const ctx = await fixture.otpTenant();
    const sent = await send(ctx, '+6281200000001', { maxAttempts });
    const code = await codeOf(ctx, sent.messageId);
    isRight.mockClear();
    const counts = await hundred(() =>
      verifyOtp(ctx, { phoneNumber: '+6281200000001', otp: wrongFor(code) }),
    );
    expect(isRight).toHaveBeenCalledTimes(maxAttempts);
    expect(counts).toEqual({ OTP_INVALID: maxAttempts, OTP_MAX_ATTEMPTS: 100 - maxAttempts });
    expect(await otpRow(ctx, sent.otpId)).toMatchObject({
      status: 'failed',
      attempts: maxAttempts,
      sealed: null,
    });
    expect((await eventsOf(ctx)).filter((event) => event === 'otp.failed')).toHaveLength(1);
  });

  it('right answers are one yes', async () => {
    const ctx = await fixture.otpTenant();
    const sent = await send(ctx, '+6281200000002', { maxAttempts: 10 });
    const otp = await codeOf(ctx, sent.messageId);
    const counts = await hundred(() => verifyOtp(ctx, { otpId: sent.otpId, otp }));
    expect(counts.ok).toBe(1);
    expect((counts.OTP_NOT_FOUND ?? 0) + (counts.OTP_MAX_ATTEMPTS ?? 0)).toBe(99);
    expect((await otpRow(ctx, sent.otpId)).status).toBe('verified');
    expect((await eventsOf(ctx)).filter((event) => event === 'otp.verified')).toHaveLength(1);
  });

  it('right and wrong answers are at most one yes and never more comparisons', async () => {
    const ctx = await fixture.otpTenant();
    const sent = await send(ctx, '+6281200000003');
    const code = await codeOf(ctx, sent.messageId);
    isRight.mockClear();
    const counts = await hundred((i) =>
      verifyOtp(ctx, { otpId: sent.otpId, otp: i % 2 === 0 ? code : wrongFor(code) }),
    );
    expect(isRight.mock.calls.length).toBeLessThanOrEqual(3);
    expect(counts.ok ?? 0).toBeLessThanOrEqual(1);
    const { status } = await otpRow(ctx, sent.otpId);
    expect(status).toBe((counts.ok ?? 0) === 1 ? 'verified' : 'failed');
  });

  it('sends to one number put one code on its way', async () => {
    const ctx = await fixture.otpTenant();
    const counts = await hundred(() => send(ctx, '+6281200000004'));
    expect(counts).toEqual({ ok: 1, RATE_LIMITED: 99 });
    expect(await queued(ctx)).toHaveLength(1);
  });

  it('resends put one more message on its way', async () => {
    const ctx = await fixture.otpTenant();
    await send(ctx, '+6281200000005');
    await fixture.clock.advance(30_000);
    const counts = await hundred(() => resendOtp(ctx, { phoneNumber: '+6281200000005' }));
    expect(counts).toEqual({ ok: 1, RATE_LIMITED: 99 });
    expect(await queued(ctx)).toHaveLength(1);
  });

  it('spend exactly what a window holds', async () => {
    const ctx = await fixture.otpTenant();
    const window = { key: `otp:test:${ctx.actor.userId}`, max: 37 };
    const now = fixture.clock.now();
    const counts = await hundred(() => transact(ctx.database, (tx) => spendWindow(tx, window, now)));
    expect(counts).toEqual({ ok: 37, RATE_LIMITED: 63 });
  });

  it('ends are told once, whoever comes first', async () => {
    const ctx = await fixture.otpTenant();
    const sent = await send(ctx, '+6281200000006', { expiresInSeconds: 60 });
    const otp = await codeOf(ctx, sent.messageId);
    await fixture.clock.advance(59_999);
    const racing = Array.from({ length: 20 }, (_, i) =>
      outcome(
        i % 2 === 0 ? verifyOtp(ctx, { otpId: sent.otpId, otp }) : expireOtp(ctx, { otpId: sent.otpId }),
      ),
    );
    await fixture.clock.advance(1);
    await Promise.all([...racing, expireOverdue(ctx), expireOverdue(ctx)]);
    const ends = (await eventsOf(ctx)).filter((event) => /^otp\.(verified|expired|failed)$/.test(event));
    expect(ends).toHaveLength(1);
    expect((await otpRow(ctx, sent.otpId)).status).toBe(ends[0]?.replace('otp.', ''));
  });
});

// SQLite serves one process: its lock file refuses a second.
if (dbType === 'mysql')
  describe('100 at the same time over two processes', () => {
    it('get at most maxAttempts comparisons, one yes and one message', async () => {
      const { options } = testDatabaseOf(fixture);
      const second = await openDatabase(options);
      const here = await fixture.otpTenant();
      const there = elsewhere(here, second);
      const side = (i: number) => (i % 2 === 0 ? here : there);
      const phone = '+6281200000007';
      expect(await hundred((i) => send(side(i), phone))).toEqual({ ok: 1, RATE_LIMITED: 99 });
      const [row] = await queued(here);
      const code = await codeOf(here, row?.messageId ?? '');
      isRight.mockClear();
      const guesses = await hundred((i) => verifyOtp(side(i), { phoneNumber: phone, otp: wrongFor(code) }));
      expect(guesses).toEqual({ OTP_INVALID: 3, OTP_MAX_ATTEMPTS: 97 });
      expect(isRight).toHaveBeenCalledTimes(3);

      const sent = await send(here, '+6281200000008', { maxAttempts: 10 });
      const otp = await codeOf(here, sent.messageId);
      const answers = await hundred((i) => verifyOtp(side(i), { otpId: sent.otpId, otp }));
      expect(answers.ok).toBe(1);
      await second.close();
    });
  });

describe('a code with a head start', () => {
  const conflict = (more: object) => Object.assign(new Error('it lost'), more);

  it.each([
    ['lost to another transaction to the end', { errno: 1213 }, true],
    ['cannot tell whether it was written', { code: 'ECONNRESET' }, false],
  ])('that %s gives its place back, or has the line look', async (_what, error, isKnown) => {
    const ctx = await fixture.otpTenant();
    const ended: unknown[] = [];
    const start = {
      held: { id: newId(), owner: newId(), fence: 1 },
      attemptId: newId(),
      at: ctx.clock.now(),
      begin: () => undefined,
      takeAlong: async () => undefined,
      go: () => void ended.push('gone'),
      giveUp: (reason: unknown) => void ended.push(reason),
    };
    const transaction = () => Promise.reject(conflict(error));
    const db = Object.create(ctx.db, { transaction: { value: transaction } });
    const database = { ...ctx.database, db };
    const signals = { ...ctx.signals, headStart: async () => start };
    await expect(send({ ...ctx, database, signals }, '+6281200000099')).rejects.toThrow('it lost');
    expect(ended).toEqual([isKnown ? null : expect.any(Error)]);
  });
});

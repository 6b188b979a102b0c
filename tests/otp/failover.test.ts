import { eq } from 'drizzle-orm';
import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import type { Tx } from '../../src/db/client.ts';
import { locked } from '../../src/db/ops.ts';
import { firstContacts, messageQueue, messages, otps, whatsappAccounts } from '../../src/db/schema.ts';
import type { Ctx } from '../../src/services/context.ts';
import { resendOtp } from '../../src/services/otp/resend.ts';
import type { SentOtp } from '../../src/services/otp/schemas.ts';
import { getOtpStatus } from '../../src/services/otp/status.ts';
import { verifyOtp } from '../../src/services/otp/verify.ts';
import { watchOtps } from '../../src/services/otp/watch.ts';
import { newId, newMessageId } from '../../src/utils/ids.ts';
import { createOtpExpiry } from '../../src/workers/otp-expiry.ts';
import { createOtpFailover } from '../../src/workers/otp-failover.ts';
import { SOON_MS, whileLocked } from '../helpers/locks.ts';
import { testOn } from '../helpers/on-database.ts';
import { refuseUpdates } from '../helpers/refuse.ts';
import { PATIENCE_MS } from '../helpers/until.ts';
import {
  acknowledge,
  addSession,
  codeOf,
  eventsOf,
  type OtpFixture,
  openOtpFixture,
  otpRow,
  outcome,
  queued,
  send,
} from './fixture.ts';

const PHONE = '+6281234567890';
let fixture: OtpFixture;
let ctx: Ctx;
beforeAll(async () => {
  fixture = await openOtpFixture();
});
afterAll(() => fixture.close());
beforeEach(async () => {
  ctx = await fixture.otpTenant();
});

const withBackup = () => send(ctx, PHONE, { failoverSessions: ['backup'] });

/** Lets `ms` go by and the watcher look. */
async function later(ms: number): Promise<void> {
  await fixture.clock.advance(ms);
  await watchOtps(ctx);
}

async function setSession(id: string, row: Partial<typeof whatsappAccounts.$inferInsert>): Promise<void> {
  await ctx.db.update(whatsappAccounts).set(row).where(eq(whatsappAccounts.id, id));
}

async function startSending(sent: SentOtp): Promise<void> {
  const row = { status: 'sending' as const };
  await ctx.db.update(messageQueue).set(row).where(eq(messageQueue.messageId, sent.messageId));
  await ctx.db.update(messages).set(row).where(eq(messages.messageId, sent.messageId));
}

async function fail(messageId: string): Promise<void> {
  await ctx.db.delete(messageQueue).where(eq(messageQueue.messageId, messageId));
  const row = { status: 'failed' as const, errorCode: '463' };
  await ctx.db.update(messages).set(row).where(eq(messages.messageId, messageId));
}

async function newest(sent: SentOtp) {
  return (await otpRow(ctx, sent.otpId)).deliveries;
}

describe('without an acknowledgement', () => {
  it('the same code goes through the next session, and the first message is taken back', async () => {
    await addSession(ctx, 'backup');
    const sent = await withBackup();
    const code = await codeOf(ctx, sent.messageId);
    await later(14_999);
    expect(await newest(sent)).toHaveLength(1);
    await later(1);
    const [first, second] = await newest(sent);
    expect(second).toMatchObject({ sessionId: 'backup', round: 1 });
    expect((await queued(ctx)).map((row) => row.messageId)).toEqual([second?.messageId]);
    expect(first?.messageId).toBe(sent.messageId);
    expect(await codeOf(ctx, second?.messageId ?? '')).toBe(code);
    await later(60_000);
    expect(await newest(sent)).toHaveLength(2);
    expect(await outcome(verifyOtp(ctx, { phoneNumber: PHONE, sessionId: 'main', otp: code }))).toBe('ok');
  });

  it('a message that is just being sent is left alone: only the same code can arrive twice', async () => {
    await addSession(ctx, 'backup');
    const sent = await withBackup();
    const code = await codeOf(ctx, sent.messageId);
    await startSending(sent);
    await later(15_000);
    const rows = await queued(ctx);
    expect(rows).toHaveLength(2);
    expect(await Promise.all(rows.map((row) => codeOf(ctx, row.messageId)))).toEqual([code, code]);
  });

  it('an acknowledgement in time keeps everything where it is', async () => {
    await addSession(ctx, 'backup');
    const sent = await withBackup();
    await acknowledge(ctx, sent.messageId);
    await later(15_000);
    expect(await newest(sent)).toHaveLength(1);
    expect(await otpRow(ctx, sent.otpId)).toMatchObject({ status: 'sent', watchAt: null });
  });

  it('so does one whose caller was told, and which waits to be written', async () => {
    await addSession(ctx, 'backup');
    const sent = await withBackup();
    await startSending(sent);
    const stop = ctx.signals.onWriteTold(() => acknowledge(ctx, sent.messageId));
    await later(15_000);
    stop();
    expect(await newest(sent)).toHaveLength(1);
    expect(await otpRow(ctx, sent.otpId)).toMatchObject({ status: 'sent', watchAt: null });
  });

  it('an acknowledgement of the first message counts, also after a failover', async () => {
    await addSession(ctx, 'backup');
    const sent = await withBackup();
    await startSending(sent);
    await later(15_000);
    await acknowledge(ctx, sent.messageId);
    expect((await getOtpStatus(ctx, { otpId: sent.otpId })).status).toBe('sent');
    await later(2_000);
    expect((await otpRow(ctx, sent.otpId)).status).toBe('sent');
  });

  it('the wait is configured', async () => {
    ctx = await fixture.otpTenant({ failoverAfterMs: 3_000 });
    await addSession(ctx, 'backup');
    const sent = await withBackup();
    await later(3_000);
    expect(await newest(sent)).toHaveLength(2);
  });
});

describe('a session that cannot send', () => {
  it.each([
    ['is not connected', { status: 'disconnected' as const }],
    ['has its breaker open', { breakerUntil: Number.MAX_SAFE_INTEGER, breakerCode: '463' }],
    ['is paused by a person', { pausedUntil: Number.MAX_SAFE_INTEGER, pauseReason: 'paused' }],
    [
      'has spent all of an hour',
      { pausedUntil: Number.MAX_SAFE_INTEGER, pauseReason: 'hour_limit', pausedPriority: 0 },
    ],
  ])('is passed over at once when it %s', async (_name, row) => {
    const main = await mainSession();
    await setSession(main, row);
    await addSession(ctx, 'backup');
    const sent = await withBackup();
    expect(sent.sessionId).toBe('backup');
    const otp = await codeOf(ctx, sent.messageId);
    expect(await outcome(verifyOtp(ctx, { phoneNumber: PHONE, sessionId: 'main', otp }))).toBe('ok');
  });

  it.each([
    ['its minute', { pausedUntil: Number.MAX_SAFE_INTEGER, pauseReason: 'minute_limit' }],
    ['its hour', { pausedUntil: Number.MAX_SAFE_INTEGER, pauseReason: 'hour_limit', pausedPriority: 1 }],
    ['its quiet hours', { limits: { quietHours: { from: '00:00', to: '23:59', timeZone: 'UTC' } } }],
  ])('for others by %s still sends codes', async (_name, row) => {
    await setSession(await mainSession(), row);
    await addSession(ctx, 'backup');
    expect((await withBackup()).sessionId).toBe('main');
  });

  it('is no way out for a code: an open breaker of the next session is respected, too', async () => {
    await addSession(ctx, 'backup', { breakerUntil: Number.MAX_SAFE_INTEGER, breakerCode: '463' });
    await addSession(ctx, 'third');
    const sent = await send(ctx, PHONE, { failoverSessions: ['backup', 'third'] });
    await setSession(await mainSession(), { breakerUntil: Number.MAX_SAFE_INTEGER, breakerCode: '463' });
    await later(15_000);
    expect((await newest(sent)).at(-1)?.sessionId).toBe('third');
  });

  it('loses a waiting code to the next one when it goes away', async () => {
    await addSession(ctx, 'backup');
    const sent = await withBackup();
    await setSession(await mainSession(), { status: 'disconnected' });
    await later(1_000);
    expect((await newest(sent)).at(-1)?.sessionId).toBe('backup');
    expect(await queued(ctx)).toHaveLength(1);
  });

  it('keeps it when no other can send either', async () => {
    await addSession(ctx, 'backup', { status: 'disconnected' });
    const sent = await withBackup();
    await later(60_000);
    expect(await newest(sent)).toHaveLength(1);
    expect(await queued(ctx)).toHaveLength(1);
  });
});

describe('a message that failed', () => {
  it('is followed by the next session at once, and the OTP fails with the last of them', async () => {
    await addSession(ctx, 'backup');
    const sent = await withBackup();
    await fail(sent.messageId);
    await later(1_000);
    const second = (await newest(sent)).at(-1);
    expect(second?.sessionId).toBe('backup');
    await fail(second?.messageId ?? '');
    await later(1_000);
    expect(await otpRow(ctx, sent.otpId)).toMatchObject({
      status: 'failed',
      reason: 'send_failed',
      sealed: null,
    });
    expect((await eventsOf(ctx)).at(-1)).toBe('otp.failed');
    expect(await outcome(verifyOtp(ctx, { otpId: sent.otpId, otp: '000000' }))).toBe('OTP_NOT_FOUND');
  });

  it('does not end a code that an earlier message brought', async () => {
    const sent = await send(ctx, PHONE);
    const otp = await codeOf(ctx, sent.messageId);
    await acknowledge(ctx, sent.messageId);
    await later(30_000);
    const { answer } = await resendOtp(ctx, { phoneNumber: PHONE });
    await fail(answer.messageId);
    await later(1_000);
    expect(await otpRow(ctx, sent.otpId)).toMatchObject({ status: 'sent', watchAt: null });
    expect(await outcome(verifyOtp(ctx, { otpId: sent.otpId, otp }))).toBe('ok');
  });
});

describe('the watcher', () => {
  it('sends once however many processes look', async () => {
    await addSession(ctx, 'backup');
    const sent = await withBackup();
    await fixture.clock.advance(15_000);
    await Promise.all(Array.from({ length: 8 }, () => watchOtps(ctx)));
    expect(await newest(sent)).toHaveLength(2);
    expect(await queued(ctx)).toHaveLength(1);
  });

  it('looks after few codes at a time, so that the next one does not wait for all of them', async () => {
    const all = [];
    for (let n = 0; n < 20; n++) all.push(await send(ctx, `+62812999${1000 + n}`));
    for (const { messageId } of all.slice(1)) await acknowledge(ctx, messageId);
    await fixture.clock.advance(1_500);
    const transactions = vi.spyOn(ctx.database.db, 'transaction');
    expect(await watchOtps(ctx)).toBeGreaterThanOrEqual(20);
    expect(transactions.mock.calls.length).toBeGreaterThan(1);
    transactions.mockRestore();
    const found = await Promise.all(all.map(({ otpId }) => otpRow(ctx, otpId)));
    expect(found.map(({ status }) => status)).toEqual(['pending', ...all.slice(1).map(() => 'sent')]);
    expect(found[0]?.watchAt).toBeGreaterThan(fixture.clock.now());
  });

  it('runs by itself until it is stopped', async () => {
    const sent = await send(ctx, PHONE);
    await acknowledge(ctx, sent.messageId);
    const watcher = createOtpFailover(ctx);
    watcher.start();
    await vi.waitFor(async () => {
      await fixture.clock.advance(1_500);
      expect((await otpRow(ctx, sent.otpId)).status).toBe('sent');
    }, PATIENCE_MS);
    await watcher.stop();
    await watcher.stop();
    const unwatched = await send(ctx, '+6281234567891');
    await acknowledge(ctx, unwatched.messageId);
    await fixture.clock.advance(10_000);
    expect((await otpRow(ctx, unwatched.otpId)).status).toBe('pending');
  });
});

async function mainSession(): Promise<string> {
  const rows = await ctx.db
    .select()
    .from(whatsappAccounts)
    .where(eq(whatsappAccounts.userId, ctx.actor.userId));
  const main = rows.find((row) => row.sessionId === 'main');
  if (!main) throw new Error('no session');
  return main.id;
}

describe('a session that may not write to strangers', () => {
  const LOCKED = { breakerUntil: Number.MAX_SAFE_INTEGER, breakerCode: '463' };

  /** The number wrote to the session once. */
  async function befriend(accountId: string): Promise<void> {
    const at = ctx.clock.now();
    await ctx.db.insert(messages).values({
      id: newId(at),
      userId: ctx.actor.userId,
      accountId,
      sessionId: 'main',
      messageId: newMessageId(),
      direction: 'in',
      peer: `${PHONE.slice(1)}@s.whatsapp.net`,
      type: 'text',
      content: { type: 'text', text: 'hi' },
      status: 'received',
      createdAt: at,
      updatedAt: at,
    });
  }

  it('sends codes to people who know it', async () => {
    const main = await mainSession();
    await befriend(main);
    await setSession(main, LOCKED);
    await addSession(ctx, 'backup');
    const sent = await withBackup();
    expect(sent.sessionId).toBe('main');
    await later(10_000);
    expect(await newest(sent)).toHaveLength(1);
  });

  it('gives a code to a stranger up at the first look after the lock, long before the wait is over', async () => {
    await addSession(ctx, 'backup');
    const sent = await withBackup();
    expect(sent.sessionId).toBe('main');
    await setSession(await mainSession(), LOCKED);
    await later(1_000);
    expect((await newest(sent)).map(({ sessionId }) => sessionId)).toEqual(['main', 'backup']);
    expect(await queued(ctx)).toHaveLength(1);
  });

  it('is passed over when its first contacts are spent, and not for somebody who knows it', async () => {
    const main = await mainSession();
    const limits = { newContactsPerDay: 2 };
    await setSession(main, { limits });
    const at = ctx.clock.now();
    const spent = ['1', '2'].map((person) => ({ accountId: main, person, at, attemptId: null }));
    await ctx.db.insert(firstContacts).values(spent);
    await addSession(ctx, 'backup');
    const sent = await withBackup();
    expect(sent.sessionId).toBe('backup');
    await befriend(main);
    await later(31_000);
    const again = await resendOtp(ctx, { phoneNumber: PHONE, sessionId: 'main' });
    expect(again.answer.sessionId).toBe('main');
  });
});

describe('codes that cannot be looked after', () => {
  /** Two that were acknowledged; the first one is looked at first. */
  async function twoSent() {
    const all = [];
    for (const phone of ['+6281234567001', '+6281234567002']) {
      const sent = await send(ctx, phone);
      await acknowledge(ctx, sent.messageId);
      await fixture.clock.advance(1);
      all.push(sent.otpId);
    }
    await fixture.clock.advance(15_000);
    const [stuck = '', other = ''] = all;
    return { stuck, other, statusOf: async (id: string) => (await otpRow(ctx, id)).status };
  }

  it('hold up no other, where the database refuses them', async () => {
    const { stuck, other, statusOf } = await twoSent();
    const allow = await refuseUpdates(ctx.database, 'otps', stuck);
    await watchOtps(ctx);
    expect(await statusOf(other)).toBe('sent');
    expect(await statusOf(stuck)).toBe('pending');
    await allow();
    await watchOtps(ctx);
    expect(await statusOf(stuck)).toBe('sent');
  });

  testOn('mysql', 'hold up no other, while somebody keeps their rows locked', async () => {
    const { stuck, other, statusOf } = await twoSent();
    const lock = (tx: Tx) => locked(tx.select().from(otps).where(eq(otps.id, stuck)));
    expect(await whileLocked(ctx.database, lock, () => watchOtps(ctx))).toBeLessThan(SOON_MS);
    expect(await statusOf(other)).toBe('sent');
    await fixture.clock.advance(3_600_000);
    const { sweep } = createOtpExpiry(ctx);
    expect(await whileLocked(ctx.database, lock, sweep)).toBeLessThan(SOON_MS);
    expect(await statusOf(other)).toBe('expired');
    expect(await statusOf(stuck)).toBe('pending');
    await sweep();
    expect(await statusOf(stuck)).toBe('expired');
  });
});

import { eq } from 'drizzle-orm';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { activityLogs, otpNumbers } from '../../src/db/schema.ts';
import { readAlarms } from '../../src/services/alarms/state.ts';
import type { Ctx } from '../../src/services/context.ts';
import { checkConversion } from '../../src/services/otp/conversion.ts';
import { expireOtp } from '../../src/services/otp/expire.ts';
import { forgetQuietNumbers } from '../../src/services/otp/sweep.ts';
import { verifyOtp } from '../../src/services/otp/verify.ts';
import { createOtpExpiry } from '../../src/workers/otp-expiry.ts';
import { refuseUpdates } from '../helpers/refuse.ts';
import { countStatements } from '../helpers/statements.ts';
import { PATIENCE_MS } from '../helpers/until.ts';
import { codeOf, eventsOf, type OtpFixture, openOtpFixture, otpRow, send } from './fixture.ts';

// Before the database is opened.
const counter = countStatements();
let fixture: OtpFixture;
beforeAll(async () => {
  fixture = await openOtpFixture();
});
afterAll(async () => {
  counter.stop();
  await fixture.close();
});

let lastPhone = 81_300_000_000;
const nextPhone = () => `+62${++lastPhone}`;

async function sendAndEnd(ctx: Ctx, verified: number, ended: number): Promise<void> {
  for (let i = 0; i < ended; i++) {
    const sent = await send(ctx, nextPhone());
    if (i >= verified) await expireOtp(ctx, { otpId: sent.otpId });
    else await verifyOtp(ctx, { otpId: sent.otpId, otp: await codeOf(ctx, sent.messageId) });
  }
}

describe('the sweep', () => {
  it('ends hundreds in pieces, each once, failed when it was guessed at to the end', async () => {
    const ctx = await fixture.otpTenant({ conversion: { minSends: 1_000_000, minPercent: 0 } });
    const sent = [];
    for (let i = 0; i < 120; i++) sent.push(await send(ctx, nextPhone(), { expiresInSeconds: 60 }));
    await fixture.clock.advance(60_000);
    const { sweep } = createOtpExpiry(ctx);
    const counts = await Promise.all([sweep(), sweep(), sweep()]);
    expect(counts.reduce((sum, n) => sum + n, 0)).toBe(120);
    expect((await eventsOf(ctx)).filter((event) => event === 'otp.expired')).toHaveLength(120);
    for (const { otpId } of sent)
      expect(await otpRow(ctx, otpId)).toMatchObject({ status: 'expired', sealed: null });
  });

  it('ends all but the one that the database refuses, and that one when it can', async () => {
    const ctx = await fixture.otpTenant({ conversion: { minSends: 1_000_000, minPercent: 0 } });
    const sent = [];
    for (let i = 0; i < 7; i++) sent.push(await send(ctx, nextPhone(), { expiresInSeconds: 60 }));
    const ids = sent.map(({ otpId }) => otpId);
    const [, , refused = ''] = ids;
    const allow = await refuseUpdates(ctx.database, 'otps', refused);
    await fixture.clock.advance(60_000);
    const { sweep } = createOtpExpiry(ctx);
    const states = () => Promise.all(ids.map(async (id) => (await otpRow(ctx, id)).status));
    expect(await sweep()).toBe(6);
    expect(await states()).toEqual(ids.map((id) => (id === refused ? 'pending' : 'expired')));
    await allow();
    expect(await sweep()).toBe(1);
    expect(new Set(await states())).toEqual(new Set(['expired']));
  });

  it('runs once a minute until it is stopped', async () => {
    const ctx = await fixture.otpTenant();
    const sent = await send(ctx, nextPhone(), { expiresInSeconds: 60 });
    const worker = createOtpExpiry(ctx);
    worker.start();
    await vi.waitFor(async () => {
      await fixture.clock.advance(75_000);
      expect((await otpRow(ctx, sent.otpId)).status).toBe('expired');
    }, PATIENCE_MS);
    await worker.stop();
    await worker.stop();
  });

  it('forgets numbers that were quiet for a day', async () => {
    const ctx = await fixture.otpTenant();
    const other = await fixture.otpTenant();
    const phone = nextPhone();
    await send(ctx, phone);
    await fixture.clock.advance(80_000_000);
    await send(other, phone);
    await fixture.clock.advance(6_400_001);
    await forgetQuietNumbers(ctx);
    const left = await ctx.db
      .select()
      .from(otpNumbers)
      .where(eq(otpNumbers.phone, phone.slice(1)));
    expect(left.map((row) => row.userId)).toEqual([other.actor.userId]);
  });
});

describe('the conversion alarm', () => {
  it('of several workspaces is made of one count of the codes of all', async () => {
    const tenants = [
      await fixture.otpTenant(),
      await fixture.otpTenant(),
      await fixture.otpTenant(),
    ] as const;
    await sendAndEnd(tenants[0], 3, 20);
    await sendAndEnd(tenants[1], 20, 20);
    counter.take();
    const kinds: string[][] = [];
    for (const ctx of tenants) {
      const found = await readAlarms(ctx, { userId: ctx.actor.userId, sessionIds: null });
      kinds.push(found.map(({ kind }) => kind).filter((kind) => kind === 'conversion_low'));
    }
    expect(kinds).toEqual([['conversion_low'], [], []]);
    const readings = [...counter.take().texts].filter(([text]) => /from ["`]otps["`]/.test(text));
    expect(readings.map(([, times]) => times)).toEqual([1]);
    await fixture.clock.advance(3_600_000);
  });

  const told = async (ctx: Ctx) => {
    const rows = await ctx.db.select().from(activityLogs).where(eq(activityLogs.userId, ctx.actor.userId));
    return rows.filter((row) => row.event === 'otp.conversion_low').map((row) => row.data);
  };

  it('is told once an hour when too few codes come back', async () => {
    const ctx = await fixture.otpTenant();
    await sendAndEnd(ctx, 3, 20);
    const raised = await Promise.all([checkConversion(ctx), checkConversion(ctx)]);
    expect(raised.flat()).toEqual([ctx.actor.userId]);
    expect(await told(ctx)).toEqual([{ ended: 20, verified: 3, percent: 15, windowMinutes: 60 }]);
    await fixture.clock.advance(3_600_000);
    expect(await checkConversion(ctx)).toEqual([]);
    await sendAndEnd(ctx, 0, 20);
    expect(await checkConversion(ctx)).toEqual([ctx.actor.userId]);
  });

  it('is silent while there are few codes or enough of them come back', async () => {
    const few = await fixture.otpTenant();
    const good = await fixture.otpTenant();
    await sendAndEnd(few, 0, 19);
    await sendAndEnd(good, 4, 20);
    await checkConversion(few);
    expect(await told(few)).toEqual([]);
    expect(await told(good)).toEqual([]);
  });
});

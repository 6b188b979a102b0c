/** Tenants, sessions and a clock for OTP tests, over a real database. */
import { eq } from 'drizzle-orm';
import type { Database } from '../../src/db/client.ts';
import { activityLogs, messageQueue, messages, otps, whatsappAccounts } from '../../src/db/schema.ts';
import { writeSettlements } from '../../src/queue/settle.ts';
import type { Actor, Ctx } from '../../src/services/context.ts';
import { isOtpContent, openOtpContent } from '../../src/services/otp/content.ts';
import type { SentOtp } from '../../src/services/otp/schemas.ts';
import { type SendOtpInput, sendOtp } from '../../src/services/otp/send.ts';
import type { Config } from '../../src/utils/config.ts';
import { createSecretBox } from '../../src/utils/crypto.ts';
import { AppError } from '../../src/utils/errors.ts';
import { newId } from '../../src/utils/ids.ts';
import { depsElsewhere, openTestApp, type TestApp, testConfig } from '../helpers/app.ts';
import { createFakeClock, type FakeClock } from '../helpers/clock.ts';
import type { TestDatabase } from '../helpers/database.ts';

export interface OtpFixture extends TestApp {
  clock: FakeClock;
  /** a tenant of its own with a connected session `main`, whose key may only do OTPs */
  otpTenant(otp?: Partial<Config['otp']>): Promise<Ctx>;
}

let lastUserId = 100_000;

export async function openOtpFixture(): Promise<OtpFixture> {
  const clock = createFakeClock(Date.UTC(2026, 0, 5, 10, 0, 0));
  const test = await openTestApp({ clock });
  return {
    ...test,
    clock,
    async otpTenant(otp = {}) {
      const config = { ...test.deps.config, otp: { ...test.deps.config.otp, ...otp } };
      const ctx = ctxOf({ ...test.deps, config }, actorOf(++lastUserId));
      await addSession(ctx, 'main');
      return ctx;
    },
  };
}

/** Safe because openTestApp opened it by openTestDatabase. */
export function testDatabaseOf(fixture: OtpFixture): TestDatabase {
  return fixture.deps.database as TestDatabase;
}

/** The tenant as another process sees it: nothing is shared but the database and the keys. */
export function elsewhere(ctx: Ctx, database: Database): Ctx {
  const secrets = createSecretBox([testConfig().encryptionKey]);
  return { ...ctx, ...depsElsewhere(ctx, database), secrets };
}

const actorOf = (userId: number): Actor => ({
  userId,
  personId: userId,
  role: 'user',
  workspaceRole: 'owner',
  via: 'api_key',
  scopes: ['otp'],
  sessionIds: null,
  keyId: null,
});

export function ctxOf(deps: OtpFixture['deps'], actor: Actor): Ctx {
  return { ...deps, actor, requestId: 'test', ip: '127.0.0.1', userAgent: 'test' };
}

export async function addSession(
  ctx: Ctx,
  sessionId: string,
  row: Partial<typeof whatsappAccounts.$inferInsert> = {},
): Promise<string> {
  const id = newId();
  const now = ctx.clock.now();
  await ctx.db.insert(whatsappAccounts).values({
    id,
    userId: ctx.actor.userId,
    sessionId,
    status: 'connected',
    pairing: 'qr',
    paired: true,
    createdAt: now,
    updatedAt: now,
    ...row,
  });
  return id;
}

export async function send(ctx: Ctx, to: string, more: Partial<SendOtpInput> = {}): Promise<SentOtp> {
  return (await sendOtp(ctx, { session: 'main', to, ...more })).answer;
}

/** What the dispatcher would send right now for a message id; null when it must not be sent. */
export async function textOf(ctx: Ctx, messageId: string): Promise<string | null> {
  const [row] = await ctx.db.select().from(messages).where(eq(messages.messageId, messageId));
  if (!row || !isOtpContent(row.content)) throw new Error('no OTP message');
  return (await openOtpContent(ctx, row.content))?.text ?? null;
}

/** The code in a message, as the person reads it. */
export async function codeOf(ctx: Ctx, messageId: string): Promise<string> {
  const code = /\*(\d{4,8})\*/.exec((await textOf(ctx, messageId)) ?? '')?.[1];
  if (code === undefined) throw new Error('no code in the message');
  return code;
}

export function wrongFor(code: string): string {
  return code.replace(/\d$/, (digit) => String((Number(digit) + 1) % 10));
}

/** WhatsApp's server has acknowledged the message. */
export async function acknowledge(ctx: Ctx, messageId: string): Promise<void> {
  const [row] = await ctx.db.select().from(messages).where(eq(messages.messageId, messageId));
  if (!row) throw new Error('no such message');
  await writeSettlements(ctx, [{ kind: 'proof', id: row.id, status: 'sent', at: ctx.clock.now() }]);
}

export async function otpRow(ctx: Ctx, otpId: string): Promise<typeof otps.$inferSelect> {
  const [row] = await ctx.db.select().from(otps).where(eq(otps.id, otpId));
  if (!row) throw new Error('no such OTP');
  return row;
}

export async function eventsOf(ctx: Ctx): Promise<string[]> {
  const rows = await ctx.db
    .select()
    .from(activityLogs)
    .where(eq(activityLogs.userId, ctx.actor.userId))
    .orderBy(activityLogs.seq);
  return rows.map(({ event }) => event);
}

export function queued(ctx: Ctx): Promise<(typeof messageQueue.$inferSelect)[]> {
  return ctx.db.select().from(messageQueue).where(eq(messageQueue.userId, ctx.actor.userId));
}

/** The code of the AppError that `work` throws, or what it resolved to. */
export async function outcome(work: Promise<unknown>): Promise<string> {
  const error = await failure(work);
  return error === null ? 'ok' : error.code;
}

export async function failure(work: Promise<unknown>): Promise<AppError | null> {
  try {
    await work;
    return null;
  } catch (error) {
    if (error instanceof AppError) return error;
    throw error;
  }
}

/** The channels of a workspace: where it is told of its alarms. For owners and administrators who signed in. */
import { and, asc, eq } from 'drizzle-orm';
import type { Tx } from '../../db/client.ts';
import { affected, transact } from '../../db/ops.ts';
import { alertChannels, alertNotices } from '../../db/schema.ts';
import { refundWindow, spendFromWindow } from '../../db/windows.ts';
import { record } from '../../events/record.ts';
import type { EventName } from '../../events/table.ts';
import { HOUR_MS } from '../../utils/durations.ts';
import { AppError } from '../../utils/errors.ts';
import { newId } from '../../utils/ids.ts';
import { requirePermission, requireWholeTenant } from '../access.ts';
import { type Ctx, originOf } from '../context.ts';
import { Email } from '../fields.ts';
import { claimIdempotency } from '../idempotency.ts';
import { languageOf } from '../mail/texts.ts';
import { takeRoom } from '../quotas.ts';
import { refuseOwnAddress } from '../webhooks/own-address.ts';
import { newWebhookSecret } from '../webhooks/signature.ts';
import { type ChannelRow, deliver, isMembersAddress, sealedChannelContext } from './deliver.ts';
import { placeOf, testNotice } from './notices.ts';
import { AlertChannel, type ChannelChanges, type ChannelFields, type ChannelTest } from './schemas.ts';
import { channelWindow } from './send.ts';

/** With the only sight of what signs a webhook; null for the other types. */
export type WithSecret = AlertChannel & { secret: string | null };

/** More are not shown: the quota is below it. */
const MAX_SHOWN = 1_000;

function requireAlerts(ctx: Ctx): void {
  requirePermission(ctx, 'settings');
  requireWholeTenant(ctx);
}

/** The workspace's channels, oldest first. Throws FORBIDDEN. */
export async function listChannels(ctx: Ctx): Promise<AlertChannel[]> {
  requireAlerts(ctx);
  const rows = await ctx.db
    .select()
    .from(alertChannels)
    .where(eq(alertChannels.userId, ctx.actor.userId))
    .orderBy(asc(alertChannels.createdAt), asc(alertChannels.id))
    .limit(MAX_SHOWN);
  return rows.map(toChannel);
}

/** Throws FORBIDDEN, NOT_FOUND. */
export async function getChannel(ctx: Ctx, { id }: { id: string }): Promise<AlertChannel> {
  requireAlerts(ctx);
  return toChannel(await findChannel(ctx, id));
}

/**
 * Makes a channel; it hears of the alarms that are open, and of all that begin. Throws FORBIDDEN, VALIDATION_FAILED,
 * URL_REFUSED, QUOTA_EXCEEDED.
 */
export async function createChannel(ctx: Ctx, input: ChannelFields): Promise<WithSecret> {
  requireAlerts(ctx);
  const { userId } = ctx.actor;
  const target = await checkedTarget(ctx, input.type, input.target);
  if (input.type === 'telegram' && input.token === undefined) {
    throw invalid('token', 'is missing: BotFather shows it when a bot is made');
  }
  if (input.type !== 'telegram' && input.token !== undefined) throw invalid('token', 'is for Telegram only');
  const now = ctx.clock.now();
  const id = newId(now);
  const signing = input.type === 'webhook' ? newWebhookSecret() : null;
  const secret = signing ?? input.token ?? null;
  const row: ChannelRow = {
    id,
    userId,
    name: input.name,
    type: input.type,
    kinds: [...new Set(input.kinds)],
    target,
    secret: seal(ctx, id, secret),
    language: input.language ?? languageOf(ctx.config),
    status: 'active',
    failure: null,
    lastSentAt: null,
    createdAt: now,
    updatedAt: now,
  };
  await transact(ctx.db, async (tx) => {
    await takeRoom(tx, ctx, userId, 'alertChannels');
    await tx.insert(alertChannels).values(row);
    await changed(ctx, tx, row, 'alert_channel.created');
    // A repeated request is told of the channel, but a secret is in no stored answer.
    const data: WithSecret = { ...toChannel(row), secret: null };
    await claimIdempotency(ctx, tx, { status: 201, body: { success: true, data } }, { final: true });
  });
  return { ...toChannel(row), secret: signing };
}

/** Changes what is named; the type stays. Throws as `createChannel` does, and NOT_FOUND. */
export async function updateChannel(ctx: Ctx, input: ChannelChanges & { id: string }): Promise<AlertChannel> {
  requireAlerts(ctx);
  const row = await findChannel(ctx, input.id);
  if (row.type !== 'telegram' && input.token !== undefined) throw invalid('token', 'is for Telegram only');
  const next: ChannelRow = {
    ...row,
    name: input.name ?? row.name,
    kinds: input.kinds === undefined ? row.kinds : [...new Set(input.kinds)],
    target: input.target === undefined ? row.target : await checkedTarget(ctx, row.type, input.target),
    secret: input.token === undefined ? row.secret : seal(ctx, row.id, input.token),
    language: input.language ?? row.language,
    status: input.status ?? row.status,
    failure: null,
    updatedAt: ctx.clock.now(),
  };
  const { name, kinds, target, secret, language, status, failure, updatedAt } = next;
  await transact(ctx.db, async (tx) => {
    const result = await tx
      .update(alertChannels)
      .set({ name, kinds, target, secret, language, status, failure, updatedAt })
      .where(eq(alertChannels.id, row.id));
    if (affected(result) === 0) throw channelNotFound();
    await changed(ctx, tx, next, 'alert_channel.updated');
  });
  return toChannel(next);
}

/**
 * A new secret for a webhook: the next notice is signed with it, and the old one signs nothing more. Throws FORBIDDEN,
 * NOT_FOUND, CONFLICT for the other types.
 */
export async function rotateChannelSecret(ctx: Ctx, { id }: { id: string }): Promise<WithSecret> {
  requireAlerts(ctx);
  const row = await findChannel(ctx, id);
  if (row.type !== 'webhook')
    throw new AppError('CONFLICT', 'Only a webhook has a secret that is made here.');
  const secret = newWebhookSecret();
  const next: ChannelRow = { ...row, secret: seal(ctx, id, secret), updatedAt: ctx.clock.now() };
  await transact(ctx.db, async (tx) => {
    const result = await tx
      .update(alertChannels)
      .set({ secret: next.secret, updatedAt: next.updatedAt })
      .where(eq(alertChannels.id, id));
    if (affected(result) === 0) throw channelNotFound();
    await changed(ctx, tx, next, 'alert_channel.updated');
  });
  return { ...toChannel(next), secret };
}

/** Removes the channel with what it was not told yet. Throws FORBIDDEN, NOT_FOUND. */
export async function deleteChannel(ctx: Ctx, { id }: { id: string }): Promise<void> {
  requireAlerts(ctx);
  const row = await findChannel(ctx, id);
  await transact(ctx.db, async (tx) => {
    const result = await tx.delete(alertChannels).where(eq(alertChannels.id, row.id));
    if (affected(result) === 0) throw channelNotFound();
    await tx.delete(alertNotices).where(eq(alertNotices.channelId, row.id));
    await changed(ctx, tx, row, 'alert_channel.deleted');
  });
}

/** Sends a test now and answers with what happened. One that arrives counts among the notices of the hour. Throws NOT_FOUND, RATE_LIMITED. */
export async function testChannel(ctx: Ctx, { id }: { id: string }): Promise<ChannelTest> {
  requireAlerts(ctx);
  const row = await findChannel(ctx, id);
  const now = ctx.clock.now();
  const spent = await spendFromWindow(ctx.db, channelWindow(id), now);
  if (spent === null) {
    throw new AppError('RATE_LIMITED', 'This channel had enough notices in this hour. Try again later.', {
      retryAfterSeconds: Math.ceil((HOUR_MS - (now % HOUR_MS)) / 1000),
    });
  }
  let delivered = false;
  try {
    const notice = testNotice(ctx, row, await placeOf(ctx, row.userId), newId(now));
    const outcome = await deliver(ctx, row, notice);
    delivered = outcome.delivered;
    return outcome.delivered ? { delivered, error: null } : { delivered, error: outcome.error };
  } finally {
    if (!delivered) await refundWindow(ctx.db, spent);
  }
}

async function findChannel(ctx: Ctx, id: string): Promise<ChannelRow> {
  const [row] = await ctx.db
    .select()
    .from(alertChannels)
    .where(and(eq(alertChannels.id, id), eq(alertChannels.userId, ctx.actor.userId)));
  if (!row) throw channelNotFound();
  return row;
}

const channelNotFound = () => new AppError('NOT_FOUND', 'There is no such alert channel.');

function invalid(field: string, reason: string): AppError {
  return new AppError('VALIDATION_FAILED', `Not valid: ${field} ${reason}.`, {
    details: { [field]: reason },
  });
}

/** The id of a chat, or the name of a public one. */
const CHAT = /^(?:-?\d{1,20}|@[A-Za-z]\w{3,31})$/;

async function checkedTarget(ctx: Ctx, type: ChannelRow['type'], target: string): Promise<string> {
  if (type === 'telegram') {
    if (!CHAT.test(target)) throw invalid('target', 'must be the id of a chat, such as -1001234567890');
    return target;
  }
  if (type === 'webhook') {
    if (!URL.canParse(target)) throw invalid('target', 'must be a URL');
    await ctx.outgoing.hooks.check(target);
    await refuseOwnAddress(ctx.config, target);
    return target;
  }
  if (ctx.config.smtp === null) throw invalid('type', 'cannot be email: the service sends no mails');
  const email = Email.safeParse(target);
  if (!email.success) throw invalid('target', 'must be an e-mail address');
  // Nobody else can be written to by this service.
  if (!(await isMembersAddress(ctx.db, ctx.actor.userId, email.data))) {
    throw invalid('target', 'must be the address of a member of the workspace');
  }
  return email.data;
}

function seal(ctx: Ctx, id: string, secret: string | null): string | null {
  return secret === null ? null : ctx.secrets.sealText(secret, sealedChannelContext(id));
}

/** Never with a secret. */
function toChannel(row: ChannelRow): AlertChannel {
  const iso = (at: number) => new Date(at).toISOString();
  return AlertChannel.parse({
    ...row,
    lastSentAt: row.lastSentAt === null ? null : iso(row.lastSentAt),
    createdAt: iso(row.createdAt),
    updatedAt: iso(row.updatedAt),
  });
}

/** What is told of it names no address. */
async function changed(ctx: Ctx, tx: Tx, row: ChannelRow, event: EventName): Promise<void> {
  const { name, type, kinds, status } = row;
  const fact = { userId: row.userId, event, subject: row.id, data: { name, type, kinds, status } };
  await record(tx, ctx, [{ ...fact, origin: originOf(ctx) }]);
}

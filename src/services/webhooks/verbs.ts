/** Making, changing and removing webhooks. */

import { and, asc, count, eq, gt, isNull } from 'drizzle-orm';
import type { Tx } from '../../db/client.ts';
import { affected, transact } from '../../db/ops.ts';
import { webhookLanes, webhooks } from '../../db/schema.ts';
import { changeWebhookVersion, RETRY_NOW_AT } from '../../events/outbox.ts';
import { record } from '../../events/record.ts';
import type { EventName } from '../../events/table.ts';
import { MINUTE_MS } from '../../utils/durations.ts';
import { AppError } from '../../utils/errors.ts';
import { newId } from '../../utils/ids.ts';
import { requireScope, tenantOf } from '../access.ts';
import { ofBound } from '../bound.ts';
import { type Ctx, originOf } from '../context.ts';
import type { PageQuery, TenantInput } from '../fields.ts';
import { claimIdempotency } from '../idempotency.ts';
import { takeRoom } from '../quotas.ts';
import { findSession } from '../sessions/find.ts';
import { findWebhook, toWebhook, type WebhookRow, webhookNotFound } from './find.ts';
import { mergeHeaders, openHeaders, sealHeaders } from './headers.ts';
import { readHealth } from './health.ts';
import { refuseOwnAddress } from './own-address.ts';
import type {
  CreateWebhookInput,
  UpdatedWebhook,
  UpdateWebhookInput,
  WebhookOutput,
  WebhookWithHealth,
} from './schemas.ts';
import {
  type FormerSecret,
  formerSecrets,
  newWebhookSecret,
  sealOlderSecrets,
  sealWebhookSecret,
} from './signature.ts';

/** With the only sight of the secret. */
export type WithSecret = WebhookOutput & { secret: string };

/** The caller's webhooks, oldest first; an admin may name another tenant or ask for all. */
export async function listWebhooks(
  ctx: Ctx,
  input: TenantInput & PageQuery,
): Promise<{ data: WebhookWithHealth[]; totalItems: number }> {
  requireScope(ctx, 'read');
  const tenant = tenantOf(ctx, input);
  const bound = ctx.actor.sessionIds;
  const where = and(
    tenant === null ? undefined : eq(webhooks.userId, tenant),
    ofBound(bound, webhooks.sessionId),
  );
  const rows = await ctx.db
    .select()
    .from(webhooks)
    .where(where)
    .orderBy(asc(webhooks.userId), asc(webhooks.createdAt), asc(webhooks.id))
    .limit(input.limit)
    .offset((input.page - 1) * input.limit);
  const [total] = await ctx.db.select({ n: count() }).from(webhooks).where(where);
  const now = ctx.clock.now();
  const health = await readHealth(
    ctx,
    rows.map((row) => row.id),
  );
  const data = rows.map((row, at) => withHealth(toWebhook(row, now), health[at]));
  return { data, totalItems: Number(total?.n ?? 0) };
}

/** An admin may name another tenant. Throws NOT_FOUND. */
export async function getWebhook(
  ctx: Ctx,
  input: { id: string; userId?: number | undefined },
): Promise<WebhookWithHealth> {
  requireScope(ctx, 'read');
  const row = await findWebhook(ctx, input.id, input);
  const [health] = await readHealth(ctx, [row.id]);
  return withHealth(toWebhook(row, ctx.clock.now()), health);
}

/** The health of each id is there. */
function withHealth(
  webhook: WebhookOutput,
  health: WebhookWithHealth['health'] | undefined,
): WebhookWithHealth {
  if (health === undefined) throw new Error('the health of a webhook was not read');
  return { ...webhook, health };
}

/**
 * Makes a webhook. The secret is returned once, here. Throws URL_REFUSED for what does
 * not lead to the public internet, SESSION_NOT_FOUND, CONFLICT at 20 webhooks.
 */
export async function createWebhook(ctx: Ctx, input: CreateWebhookInput): Promise<WithSecret> {
  requireScope(ctx, 'webhooks');
  await requireTarget(ctx, input.sessionId ?? null);
  await ctx.outgoing.hooks.check(input.url);
  await refuseOwnAddress(ctx.config, input.url);
  const { userId } = ctx.actor;
  const now = ctx.clock.now();
  const id = newId(now);
  const secret = newWebhookSecret();
  const headers = mergeHeaders({}, input.headers ?? {});
  const row: WebhookRow = {
    id,
    userId,
    sessionId: input.sessionId ?? null,
    url: input.url,
    events: [...new Set(input.events)],
    status: 'active',
    secret: sealWebhookSecret(ctx.secrets, id, secret),
    previousSecret: null,
    previousSecretExpiresAt: null,
    olderSecrets: null,
    headers: sealHeaders(ctx.secrets, id, headers),
    headerNames: Object.keys(headers),
    messageContent: input.messageContent ?? false,
    createdAt: now,
    updatedAt: now,
  };
  const webhook = toWebhook(row, now);
  await transact(ctx.db, async (tx) => {
    await takeRoom(tx, ctx, userId, 'webhooks');
    await tx.insert(webhooks).values(row);
    await changed(ctx, tx, row, 'webhook.created');
    // A repeated request is told of the webhook, but a secret is in no stored answer.
    await claimIdempotency(ctx, tx, { status: 201, body: { success: true, data: webhook } }, { final: true });
  });
  return { ...webhook, secret };
}

/**
 * Changes what is named. Values of own headers are for the origin that they were given for: with another one those that are
 * not given again go, and are named. Events that wait for a retry are tried again at once. Throws as `createWebhook` does.
 */
export async function updateWebhook(
  ctx: Ctx,
  input: UpdateWebhookInput & { id: string },
): Promise<UpdatedWebhook> {
  requireScope(ctx, 'webhooks');
  const row = await findWebhook(ctx, input.id);
  if (input.sessionId !== undefined) await requireTarget(ctx, input.sessionId);
  if (input.url !== undefined) {
    await ctx.outgoing.hooks.check(input.url);
    await refuseOwnAddress(ctx.config, input.url);
  }
  const now = ctx.clock.now();
  const wanted = input.headers === undefined ? (row.headerNames ?? []) : Object.keys(input.headers);
  const next: WebhookRow = {
    ...row,
    url: input.url ?? row.url,
    events: input.events === undefined ? row.events : [...new Set(input.events)],
    sessionId: input.sessionId === undefined ? row.sessionId : input.sessionId,
    status: input.status ?? row.status,
    ...nextHeaders(ctx, row, input),
    messageContent: input.messageContent ?? row.messageContent,
    updatedAt: now,
  };
  const { url, events, sessionId, status, headers, headerNames, messageContent, updatedAt } = next;
  await transact(ctx.db, async (tx) => {
    const result = await tx
      .update(webhooks)
      .set({ url, events, sessionId, status, headers, headerNames, messageContent, updatedAt })
      .where(eq(webhooks.id, row.id));
    if (affected(result) === 0) throw webhookNotFound();
    await changed(ctx, tx, next, 'webhook.updated', { changed: changedFields(row, next) });
    // Last of all, as those who write events do: they hold what the above needs when they come to the lanes.
    tx.atEnd(wakeWaiting, [{ webhookId: row.id, now }]);
  });
  const left = new Set(next.headerNames);
  const droppedHeaders = wanted.filter((name) => !left.has(name));
  return { ...toWebhook(next, now), droppedHeaders };
}

/** A claim means that somebody is delivering: that lane is not waiting. */
async function wakeWaiting(tx: Tx, hooks: readonly { webhookId: string; now: number }[]): Promise<void> {
  const { webhookId, dueAt, claim } = webhookLanes;
  for (const hook of hooks) {
    const waits = and(eq(webhookId, hook.webhookId), gt(dueAt, hook.now), isNull(claim));
    await tx.update(webhookLanes).set({ dueAt: RETRY_NOW_AT }).where(waits);
  }
}

/** Nothing when they stay as they are. */
function nextHeaders(
  ctx: Ctx,
  row: WebhookRow,
  { url = row.url, headers: input }: UpdateWebhookInput,
): Partial<Pick<WebhookRow, 'headers' | 'headerNames'>> {
  const isElsewhere = new URL(url).origin !== new URL(row.url).origin;
  if (input === undefined && !isElsewhere) return {};
  const given = Object.entries(input ?? {}).filter(([, value]) => !isElsewhere || value !== null);
  const before = isElsewhere ? {} : openHeaders(ctx.secrets, row.id, row.headers);
  const headers = mergeHeaders(before, Object.fromEntries(given));
  return { headers: sealHeaders(ctx.secrets, row.id, headers), headerNames: Object.keys(headers) };
}

/** Names of what is another now; headers are when any are given: they are sealed again. */
function changedFields(before: WebhookRow, after: WebhookRow): string[] {
  const fields = ['url', 'events', 'sessionId', 'status', 'headers', 'messageContent'] as const;
  return fields.filter((field) => JSON.stringify(before[field]) !== JSON.stringify(after[field]));
}

/** Secrets that sign beside the current one: who did not get an answer rotates again, and twice is not too often. */
const MAX_FORMER_SECRETS = 3;

/**
 * Gives the webhook a new secret; the old one signs as well for `graceMinutes`, and each one before it until the end that it was
 * promised. With 0 minutes the new one signs alone. Throws NOT_FOUND, and CONFLICT when three sign beside the current one already.
 */
export async function rotateWebhookSecret(
  ctx: Ctx,
  input: { id: string; graceMinutes: number },
): Promise<WithSecret> {
  requireScope(ctx, 'webhooks');
  const row = await findWebhook(ctx, input.id);
  const now = ctx.clock.now();
  const secret = newWebhookSecret();
  const endsAtOnce = input.graceMinutes === 0;
  const former = endsAtOnce ? [] : formerSecrets(ctx.secrets, row, now);
  if (former.length >= MAX_FORMER_SECRETS) throw tooManySecrets(former);
  const next: WebhookRow = {
    ...row,
    secret: sealWebhookSecret(ctx.secrets, row.id, secret),
    previousSecret: endsAtOnce ? null : row.secret,
    previousSecretExpiresAt: endsAtOnce ? null : now + input.graceMinutes * MINUTE_MS,
    olderSecrets: sealOlderSecrets(ctx.secrets, row.id, former),
    updatedAt: now,
  };
  const { previousSecret, previousSecretExpiresAt, olderSecrets, updatedAt } = next;
  await transact(ctx.db, async (tx) => {
    const result = await tx
      .update(webhooks)
      .set({ secret: next.secret, previousSecret, previousSecretExpiresAt, olderSecrets, updatedAt })
      .where(and(eq(webhooks.id, row.id), eq(webhooks.secret, row.secret)));
    if (affected(result) === 0) throw new AppError('CONFLICT', 'The webhook was changed at the same time.');
    await changed(ctx, tx, next, 'webhook.secret_rotated', { graceMinutes: input.graceMinutes });
  });
  return { ...toWebhook(next, now), secret };
}

function tooManySecrets(former: readonly FormerSecret[]): AppError {
  const firstEnd = Math.min(...former.map(({ endsAt }) => endsAt));
  return new AppError('CONFLICT', 'Three earlier secrets of this webhook still sign.', {
    details: { until: new Date(firstEnd).toISOString() },
    hint: 'Wait until the first of them ends, or end them all now: rotate with graceMinutes 0.',
  });
}

/** Removes the webhook; what it was not told yet is dropped. Throws NOT_FOUND. */
export async function deleteWebhook(ctx: Ctx, input: { id: string }): Promise<void> {
  requireScope(ctx, 'webhooks');
  const row = await findWebhook(ctx, input.id);
  await transact(ctx.db, async (tx) => {
    const result = await tx.delete(webhooks).where(eq(webhooks.id, row.id));
    if (affected(result) === 0) throw webhookNotFound();
    await changed(ctx, tx, row, 'webhook.deleted');
  });
}

/** A key that is bound to a session can only have webhooks of that session. */
async function requireTarget(ctx: Ctx, sessionId: string | null): Promise<void> {
  if (sessionId !== null) await findSession(ctx, { sessionId });
  else if (ctx.actor.sessionIds !== null) {
    throw new AppError('FORBIDDEN', 'This API key is bound to one session: name it in sessionId.');
  }
}

async function changed(
  ctx: Ctx,
  tx: Tx,
  row: WebhookRow,
  event: EventName,
  data: Record<string, unknown> = {},
): Promise<void> {
  await changeWebhookVersion(tx);
  const { sessionId, events, status, headerNames } = row;
  const about = { sessionId, events, status, headerNames: headerNames ?? [] };
  const fact = { userId: row.userId, event, subject: row.id, data: { ...about, ...data } };
  await record(tx, ctx, [{ ...fact, origin: originOf(ctx) }]);
  tx.afterCommitAsked(() => ctx.stream.outbox?.invalidate());
}

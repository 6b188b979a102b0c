/** A webhook by its id, for its tenant. */
import { and, eq } from 'drizzle-orm';
import { webhooks } from '../../db/schema.ts';
import { DEFAULT_WEBHOOK_ID } from '../../events/outbox.ts';
import { AppError } from '../../utils/errors.ts';
import { tenantOf } from '../access.ts';
import type { Ctx } from '../context.ts';
import type { TenantInput } from '../fields.ts';
import type { WebhookOutput } from './schemas.ts';

export type WebhookRow = typeof webhooks.$inferSelect;

/**
 * The caller's webhook; where something is read an admin may name another user. Throws NOT_FOUND, also for what belongs to
 * somebody else or is outside of what the key is bound to, and FORBIDDEN.
 */
export async function findWebhook(
  ctx: Pick<Ctx, 'actor' | 'db'>,
  id: string,
  asked: Pick<TenantInput, 'userId'> = {},
): Promise<WebhookRow> {
  const { sessionIds } = ctx.actor;
  const userId = tenantOf(ctx, asked) ?? ctx.actor.userId;
  const [row] = await ctx.db
    .select()
    .from(webhooks)
    .where(and(eq(webhooks.id, id), eq(webhooks.userId, userId)));
  const isTheirs = sessionIds === null || sessionIds.some((name) => name === row?.sessionId);
  if (!row || !isTheirs) throw webhookNotFound();
  return row;
}

/** Throws NOT_FOUND unless the caller may see how this webhook fares: its own, or the service's for an admin. */
export async function requireWebhook(
  ctx: Pick<Ctx, 'actor' | 'db' | 'config'>,
  id: string,
  asked: Pick<TenantInput, 'userId'> = {},
): Promise<void> {
  if (id !== DEFAULT_WEBHOOK_ID) {
    await findWebhook(ctx, id, asked);
    return;
  }
  if (!ownsDefault(ctx)) throw webhookNotFound();
}

/** The webhook of the whole service tells of every tenant. */
function ownsDefault({ actor, config }: Pick<Ctx, 'actor' | 'config'>): boolean {
  return config.webhook !== null && actor.role === 'admin' && actor.sessionIds === null;
}

export function webhookNotFound(): AppError {
  return new AppError('NOT_FOUND', 'There is no such webhook.');
}

/** A webhook as its owner sees it: never with a secret. */
export function toWebhook(row: WebhookRow, now: number): WebhookOutput {
  const expiresAt = row.previousSecretExpiresAt;
  return {
    id: row.id,
    userId: row.userId,
    url: row.url,
    events: row.events,
    sessionId: row.sessionId,
    status: row.status,
    previousSecretExpiresAt: expiresAt !== null && expiresAt > now ? new Date(expiresAt).toISOString() : null,
    headerNames: row.headerNames ?? [],
    messageContent: row.messageContent,
    createdAt: new Date(row.createdAt).toISOString(),
    updatedAt: new Date(row.updatedAt).toISOString(),
  };
}

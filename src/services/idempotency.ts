/** The first answer to an Idempotency-Key, kept with the change it belongs to. */

import { and, eq, gt, lte } from 'drizzle-orm';
import type { Db, Tx } from '../db/client.ts';
import { tryInsert } from '../db/ops.ts';
import { idempotencyKeys } from '../db/schema.ts';
import { DAY_MS } from '../utils/durations.ts';
import type { Ctx } from './context.ts';

export interface Answer {
  status: number;
  body: Record<string, unknown>;
}

/** The claim that a request with an Idempotency-Key carries into the verb. */
export interface IdempotencyClaim {
  key: string;
  /** of the route and its parsed fields */
  hash: string;
  /** set by `claimIdempotency` when its transaction has committed */
  claimed: boolean;
  /** the verb's own answer is the one to keep, because the real one holds a secret */
  final?: boolean;
  /** how the surface tells what a verb keeps; missing where verbs speak its language */
  shape?: (answer: Answer) => Answer;
}

export interface KeptAnswer extends Answer {
  hash: string;
}

/** 24 h, as the API promises. */
export const KEEP_MS = DAY_MS;

/** Another request with the same key was first; the change of this one is rolled back. */
export class IdempotencyLost extends Error {
  override name = 'IdempotencyLost';
}

/**
 * Keeps `answer` as the one to this request's Idempotency-Key, in the transaction of the change: both are there
 * or neither. Without a key it does nothing. Call it in every transaction that creates or sends. `final`: what the
 * caller is really told holds a secret and must not replace `answer`.
 * Throws IdempotencyLost when another request was first: let it pass, the middleware answers.
 */
export async function claimIdempotency(
  ctx: Ctx,
  tx: Tx,
  answer: Answer,
  { final = false }: { final?: boolean } = {},
): Promise<void> {
  const claim = ctx.idempotency;
  if (!claim) return;
  const now = ctx.clock.now();
  const userId = ctx.actor.userId;
  await tx
    .delete(idempotencyKeys)
    .where(and(sameKey(userId, claim.key), lte(idempotencyKeys.expiresAt, now)));
  const row = rowOf(userId, claim, claim.shape?.(answer) ?? answer, now);
  if (!(await tryInsert(tx, idempotencyKeys, row))) throw new IdempotencyLost('the key was used meanwhile');
  tx.afterCommit(() => {
    claim.claimed = true;
    claim.final = final;
  });
}

/** The stored answer of this key; null when it is new or was forgotten. */
export async function findAnswer(
  db: Db,
  userId: number,
  key: string,
  now: number,
): Promise<KeptAnswer | null> {
  const [row] = await db
    .select({
      hash: idempotencyKeys.hash,
      status: idempotencyKeys.responseStatus,
      body: idempotencyKeys.response,
    })
    .from(idempotencyKeys)
    .where(and(sameKey(userId, key), gt(idempotencyKeys.expiresAt, now)));
  if (!row) return null;
  return { hash: row.hash, status: row.status ?? 200, body: toBody(row.body) };
}

/** Replaces what the verb kept by what the caller was really told, or keeps it when no verb did. */
export async function keepAnswer(ctx: Ctx, claim: IdempotencyClaim, answer: Answer): Promise<void> {
  const userId = ctx.actor.userId;
  if (claim.claimed && claim.final) return;
  if (claim.claimed) {
    await ctx.db
      .update(idempotencyKeys)
      .set({ responseStatus: answer.status, response: answer.body })
      .where(sameKey(userId, claim.key));
    return;
  }
  const now = ctx.clock.now();
  await ctx.db
    .delete(idempotencyKeys)
    .where(and(sameKey(userId, claim.key), lte(idempotencyKeys.expiresAt, now)));
  await tryInsert(ctx.db, idempotencyKeys, rowOf(userId, claim, answer, now));
}

const sameKey = (userId: number, key: string) =>
  and(eq(idempotencyKeys.userId, userId), eq(idempotencyKeys.key, key));

function rowOf(
  userId: number,
  claim: IdempotencyClaim,
  answer: Answer,
  now: number,
): typeof idempotencyKeys.$inferInsert {
  return {
    userId,
    key: claim.key,
    hash: claim.hash,
    status: 'done',
    responseStatus: answer.status,
    response: answer.body,
    createdAt: now,
    expiresAt: now + KEEP_MS,
  };
}

/** Safe because only `rowOf` and `keepAnswer` write the column, from an Answer's body. */
function toBody(value: unknown): Record<string, unknown> {
  return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {};
}

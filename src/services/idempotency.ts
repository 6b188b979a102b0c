/** The first answer to an Idempotency-Key, kept with the change it belongs to. */

import { and, eq, gt, lte } from 'drizzle-orm';
import type { Db, Tx } from '../db/client.ts';
import { tryInsert } from '../db/ops.ts';
import { idempotencyKeys } from '../db/schema.ts';
import { sha256Hex } from '../utils/crypto.ts';
import { DAY_MS } from '../utils/durations.ts';
import { AppError, ERROR_STATUS, type ErrorCode } from '../utils/errors.ts';
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
  /** epoch milliseconds at which the work began whose answer is not there yet; null: this is the answer */
  runningSince: number | null;
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
  const kept = toColumns(claim.shape?.(answer) ?? answer);
  if (!(await insertKey(tx, userId, claim, now, kept)))
    throw new IdempotencyLost('the key was used meanwhile');
  tx.afterCommit(() => {
    claim.claimed = true;
    claim.final = final;
  });
}

/**
 * Does once, whatever happens to this process, what no transaction can undo: the key is kept before `work` begins. When that has
 * failed and `didNothing` says that nothing was done, the key is free again; after any other failure it stays taken, and
 * whoever comes with it is told that the outcome is not known. `work` gets a name that is the same for the same request, null
 * without a key. Throws as `claimIdempotency` and `work` do.
 */
export async function runOnce<R>(
  ctx: Ctx,
  didNothing: (error: unknown) => boolean,
  work: (name: string | null) => Promise<R>,
): Promise<R> {
  const claim = ctx.idempotency;
  if (!claim) return work(null);
  const userId = ctx.actor.userId;
  const now = ctx.clock.now();
  if (!(await insertKey(ctx.db, userId, claim, now))) throw new IdempotencyLost('the key was used meanwhile');
  claim.claimed = true;
  try {
    return await work(sha256Hex(`${userId}:${claim.key}:${claim.hash}`));
  } catch (error) {
    if (didNothing(error)) await freeKey(ctx, claim, 'running');
    throw error;
  }
}

/**
 * Frees the key again after the transaction that claimed it: what was committed is of no use without what failed behind it, and
 * doing it again does no harm. Without a key, or when nothing was claimed, it does nothing.
 */
export async function freeIdempotency(ctx: Ctx): Promise<void> {
  const claim = ctx.idempotency;
  if (claim?.claimed) await freeKey(ctx, claim, 'done');
}

async function freeKey(ctx: Ctx, claim: IdempotencyClaim, status: 'running' | 'done'): Promise<void> {
  const own = and(sameKey(ctx.actor.userId, claim.key), eq(idempotencyKeys.status, status));
  await ctx.db.delete(idempotencyKeys).where(own);
  claim.claimed = false;
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
      state: idempotencyKeys.status,
      createdAt: idempotencyKeys.createdAt,
      status: idempotencyKeys.responseStatus,
      body: idempotencyKeys.response,
    })
    .from(idempotencyKeys)
    .where(and(sameKey(userId, key), gt(idempotencyKeys.expiresAt, now)));
  if (!row) return null;
  const runningSince = row.state === 'running' ? row.createdAt : null;
  return { hash: row.hash, status: row.status ?? 200, body: toBody(row.body), runningSince };
}

/**
 * Replaces what the verb kept by what the caller was really told, or keeps it when no verb did. That it is at work replaces nothing
 * that a repeat has found out since.
 */
export async function keepAnswer(ctx: Ctx, claim: IdempotencyClaim, answer: Answer): Promise<void> {
  const userId = ctx.actor.userId;
  if (claim.claimed && claim.final) return;
  if (claim.claimed) {
    const replaced = answer.status === 202 ? eq(idempotencyKeys.responseStatus, 202) : undefined;
    await ctx.db
      .update(idempotencyKeys)
      .set(toColumns(answer))
      .where(and(sameKey(userId, claim.key), replaced));
    return;
  }
  await insertKey(ctx.db, userId, claim, ctx.clock.now(), toColumns(answer));
}

/**
 * Replaces what the verb kept by the failure that the caller was told of, which came after the change: `final` or not, since no
 * failure holds a secret. A key under which `runOnce` left no answer stays so.
 */
export async function keepFailure(ctx: Ctx, claim: IdempotencyClaim, error: AppError): Promise<void> {
  const answered = and(sameKey(ctx.actor.userId, claim.key), eq(idempotencyKeys.status, 'done'));
  await ctx.db
    .update(idempotencyKeys)
    .set(toColumns(toAnswer(error)))
    .where(answered);
}

/** Replaces a kept 202 by what a repeat of the same request was told of it. Another answer stays. */
export async function replaceAccepted(ctx: Ctx, claim: IdempotencyClaim, answer: Answer): Promise<void> {
  const { key, hash } = claim;
  const accepted = and(eq(idempotencyKeys.hash, hash), eq(idempotencyKeys.responseStatus, 202));
  await ctx.db
    .update(idempotencyKeys)
    .set(toColumns(answer))
    .where(and(sameKey(ctx.actor.userId, key), accepted));
}

/** A failure as it is kept; `failureOf` makes it one again. */
export function toAnswer({ code, message, details, hint }: AppError): Answer {
  return { status: ERROR_STATUS[code], body: { success: false, code, message, details, hint } };
}

/** The failure that `toAnswer` made an answer of, to be thrown again; null for an answer that is none. */
export function failureOf({ body }: Answer): AppError | null {
  const { success, code, message, details, hint } = body;
  if (success !== false || !isErrorCode(code)) return null;
  return new AppError(code, String(message), {
    details: { ...Object(details) },
    ...(typeof hint === 'string' ? { hint } : {}),
  });
}

const isErrorCode = (code: unknown): code is ErrorCode =>
  typeof code === 'string' && Object.hasOwn(ERROR_STATUS, code);

/** Keeps the key where it is not there, or has expired; false: it is another request's. Without an answer it is running. */
async function insertKey(
  db: Db,
  userId: number,
  claim: IdempotencyClaim,
  now: number,
  answer: ReturnType<typeof toColumns> | null = null,
): Promise<boolean> {
  const expired = and(sameKey(userId, claim.key), lte(idempotencyKeys.expiresAt, now));
  await db.delete(idempotencyKeys).where(expired);
  return tryInsert(db, idempotencyKeys, { ...rowOf(userId, claim, now), ...answer });
}

const sameKey = (userId: number, key: string) =>
  and(eq(idempotencyKeys.userId, userId), eq(idempotencyKeys.key, key));

/** The row of a request whose answer is not there yet. */
function rowOf(userId: number, claim: IdempotencyClaim, now: number): typeof idempotencyKeys.$inferInsert {
  const { key, hash } = claim;
  return { userId, key, hash, status: 'running', createdAt: now, expiresAt: now + KEEP_MS };
}

const toColumns = ({ status, body }: Answer) =>
  ({ status: 'done', responseStatus: status, response: body }) as const;

/** Safe because only `toColumns` fills the column, from an Answer's body. */
function toBody(value: unknown): Record<string, unknown> {
  return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {};
}

/** Idempotency-Key: the same request twice is done once and answered twice. */
import type { Actor, Ctx, Deps } from '../services/context.ts';
import {
  type Answer,
  findAnswer,
  type IdempotencyClaim,
  IdempotencyLost,
  type KeptAnswer,
  keepAnswer,
  keepFailure,
  replaceAccepted,
  toAnswer,
} from '../services/idempotency.ts';
import { sha256Hex } from '../utils/crypto.ts';
import { MINUTE_MS } from '../utils/durations.ts';
import { AppError } from '../utils/errors.ts';

/** Keys that are being worked on in this process; between processes the row in the change's transaction decides. */
export type RunningKeys = Set<string>;

const MAX_KEY_LENGTH = 190;

const fits = (key: string) => key.length > 0 && key.length <= MAX_KEY_LENGTH;
const nameOf = ({ userId }: Pick<Actor, 'userId'>, key: string) => `${userId}:${key}`;

/** Whether this tenant's key was answered before, or is being worked on in this process or, where a row says so, in another. */
export async function isKnownKey(
  { db, clock }: Pick<Deps, 'db' | 'clock'>,
  actor: Pick<Actor, 'userId'>,
  key: string | undefined,
  running: RunningKeys,
): Promise<boolean> {
  if (key === undefined || !fits(key)) return false;
  return running.has(nameOf(actor, key)) || (await findAnswer(db, actor.userId, key, clock.now())) !== null;
}

/** The hash of what was asked, the same for any order of its fields. Throws VALIDATION_FAILED for a bad key. */
export function newClaim(key: string, request: unknown): IdempotencyClaim {
  if (!fits(key)) {
    throw new AppError('VALIDATION_FAILED', `Idempotency-Key must have 1 to ${MAX_KEY_LENGTH} characters.`, {
      details: { 'Idempotency-Key': `must have 1 to ${MAX_KEY_LENGTH} characters` },
    });
  }
  return { key, hash: sha256Hex(canonicalJson(request)), claimed: false };
}

interface Work {
  /** does it, for the first request */
  first(): Promise<Answer>;
  /** what a repeat is told instead of the answer that is kept; null: that one. It throws a failure that is the answer */
  again(kept: Answer): Promise<Answer | null>;
}

type Given = Answer & { replayed: boolean };

/**
 * Runs `first` unless the key was answered before. A failure that came before the change was committed is not kept: it may be
 * tried again. One that came after it is the answer, for this caller and for the same key later; only what the service could
 * not do or find out just then leaves what the verb has kept. What `again` finds is kept instead of a 202. Throws what `first`
 * throws, IDEMPOTENCY_CONFLICT for another request under the same key, IDEMPOTENCY_IN_PROGRESS while the first still runs.
 */
export async function answerOnce(
  ctx: Ctx,
  claim: IdempotencyClaim,
  running: RunningKeys,
  work: Work,
): Promise<Given> {
  const name = nameOf(ctx.actor, claim.key);
  if (running.has(name)) throw stillRuns();
  running.add(name);
  try {
    const earlier = await findAnswer(ctx.db, ctx.actor.userId, claim.key, ctx.clock.now());
    return await (earlier ? replay(ctx, earlier, claim, work) : answerFirst(ctx, claim, work));
  } finally {
    running.delete(name);
  }
}

async function answerFirst(ctx: Ctx, claim: IdempotencyClaim, work: Work): Promise<Given> {
  try {
    const answer = await work.first();
    await keepQuietly(ctx, () => keepAnswer(ctx, claim, answer));
    return { ...answer, replayed: false };
  } catch (error) {
    if (claim.claimed) {
      if (error instanceof AppError && isFinal(error)) {
        await keepQuietly(ctx, () => keepFailure(ctx, claim, error));
      }
      throw error;
    }
    // The reason for refusing this one may be what the first one has done meanwhile, in another process.
    if (!(error instanceof IdempotencyLost || error instanceof AppError)) throw error;
    const first = await findAnswer(ctx.db, ctx.actor.userId, claim.key, ctx.clock.now());
    if (first) return replay(ctx, first, claim, work);
    if (error instanceof AppError) throw error;
    throw new AppError('CONFLICT', 'Another request with this Idempotency-Key came first.');
  }
}

/** Longer than any request: one that began earlier has ended without an answer. */
const MAX_RUN_MS = MINUTE_MS;

async function replay(
  ctx: Ctx,
  { hash, status, body, runningSince }: KeptAnswer,
  claim: IdempotencyClaim,
  work: Work,
): Promise<Given> {
  if (hash !== claim.hash) {
    throw new AppError('IDEMPOTENCY_CONFLICT', 'This Idempotency-Key was used for another request.');
  }
  if (runningSince === null) {
    const found = await work.again({ status, body }).catch(finalFailure);
    if (found !== null) await keepQuietly(ctx, () => replaceAccepted(ctx, claim, found));
    return { ...(found ?? { status, body }), replayed: true };
  }
  if (ctx.clock.now() - runningSince < MAX_RUN_MS) throw stillRuns();
  throw new AppError(
    'CONFLICT',
    'The first request with this Idempotency-Key may have been done: look first.',
    {
      details: { reason: 'outcome_unknown', since: new Date(runningSince).toISOString() },
    },
  );
}

/** A failure that is the answer for a day. Throws others. */
function finalFailure(error: unknown): Answer {
  if (error instanceof AppError && isFinal(error)) return toAnswer(error);
  throw error;
}

const stillRuns = () =>
  new AppError('IDEMPOTENCY_IN_PROGRESS', 'The first request with this Idempotency-Key still runs.', {
    retryAfterSeconds: 1,
  });

/** What the service could not do or find out at this moment is no answer for a day. */
function isFinal({ code, retryAfterSeconds }: AppError): boolean {
  return code !== 'INTERNAL' && code !== 'UNAVAILABLE' && retryAfterSeconds === undefined;
}

/** The change is done: a caller must not be told of a failure because its answer could not be kept. */
async function keepQuietly(ctx: Ctx, keep: () => Promise<void>): Promise<void> {
  try {
    await keep();
  } catch (error) {
    ctx.logger.warn('could not keep an idempotent answer', { error, requestId: ctx.requestId });
  }
}

function canonicalJson(value: unknown): string {
  return JSON.stringify(value, (_name, item: unknown) => {
    if (typeof item !== 'object' || item === null || Array.isArray(item)) return item;
    return Object.fromEntries(Object.entries(item).sort(([a], [b]) => (a < b ? -1 : 1)));
  });
}

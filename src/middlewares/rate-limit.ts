/** Which limit a request falls under, and whose it is. */

import { refundWindow, spendFromWindow } from '../db/windows.ts';
import type { Actor, Deps } from '../services/context.ts';
import { quotaOf } from '../services/quotas.ts';
import { addressGroup } from '../utils/address.ts';
import { MINUTE_MS } from '../utils/durations.ts';
import { AppError, ERROR_STATUS } from '../utils/errors.ts';
import { type Maybe, whenThere } from '../utils/maybe.ts';
import type { HttpContext, RatePolicy, RateVerdict } from './http-env.ts';
import type { HttpLimiter } from './http-limiter.ts';

/**
 * Counts the request against its credential (its address when it has none), and against what all credentials of its
 * tenant may ask together. `aside`: it is about the own account or the service, so it is none of its tenant's requests, and
 * no plan locks anybody out of it. Throws or rejects with RATE_LIMITED.
 */
export function limitRequests(
  deps: Pick<Deps, 'config' | 'allowances'>,
  limiter: HttpLimiter,
  c: HttpContext,
  actor: Actor | null,
  { aside = false }: { aside?: boolean } = {},
): Maybe<void> {
  const taken = limiter.take(subjectOf(actor, c.get('ip')), policyOf(deps.config, c.req.path));
  return whenThere(taken, (verdict) => {
    c.set('rateLimit', verdict);
    refuse(verdict);
    if (aside || actor === null || actor.via === 'anonymous') return undefined;
    return whenThere(quotaOf(deps, actor.userId, 'requestsPerMinute'), (max) =>
      max === null ? undefined : limitTenant(limiter, c, actor.userId, max),
    );
  });
}

async function limitTenant(limiter: HttpLimiter, c: HttpContext, userId: number, max: number): Promise<void> {
  const total = await limiter.take(`u:${userId}`, { name: 'tenant', max, windowMs: MINUTE_MS });
  if (!total.allowed) c.set('rateLimit', total);
  refuse(total);
}

/**
 * Does what has a limit of its own (uploads, campaigns), all credentials of a tenant and all processes together. A use is
 * taken before the work and given back when the request was refused, or was answered as it had been before. Where none is left,
 * a request that `isRepeated` may still have its first answer: it goes on with the refusal as `overBudget`, which is to be
 * thrown instead of doing anything. Throws RATE_LIMITED.
 */
export async function withBudget<R>(
  deps: Pick<Deps, 'db' | 'clock'>,
  c: HttpContext,
  actor: Actor,
  policy: RatePolicy,
  work: () => Promise<R>,
  isRepeated: () => Promise<boolean> = async () => false,
): Promise<R> {
  const now = deps.clock.now();
  const { max, windowMs } = policy;
  // No transaction: those that begin a window together would wait for one another's locks.
  const window = { key: `http:${policy.name}:u:${actor.userId}`, max, windowMs };
  const spent = await spendFromWindow(deps.db, window, now);
  if (spent === null) {
    const resetSeconds = Math.ceil((windowMs - (now % windowMs)) / 1000);
    const verdict = { allowed: false, policy, remaining: 0, resetSeconds };
    c.set('rateLimit', verdict);
    const refusal = tooMany(verdict);
    if (!(await isRepeated())) throw refusal;
    c.set('overBudget', refusal);
    return work();
  }
  const giveBack = () => refundWindow(deps.db, spent);
  try {
    const result = await work();
    const answer = result instanceof Response ? result : c.res;
    if (isRefusal(answer.status) || c.get('replayed')) await giveBack();
    return result;
  } catch (error) {
    if (c.get('replayed') || (error instanceof AppError && isRefusal(ERROR_STATUS[error.code])))
      await giveBack();
    throw error;
  }
}

/** A failure on our side may have done its work: it stays counted. */
function isRefusal(status: number): boolean {
  return status >= 400 && status < 500;
}

function refuse(verdict: RateVerdict): void {
  if (!verdict.allowed) throw tooMany(verdict);
}

function tooMany(verdict: RateVerdict): AppError {
  return new AppError('RATE_LIMITED', 'Too many requests: wait a little.', {
    retryAfterSeconds: verdict.resetSeconds,
    details: { limit: verdict.policy.max, windowSeconds: verdict.policy.windowMs / 1000 },
  });
}

function policyOf({ httpLimits }: Deps['config'], path: string): RatePolicy {
  return path.startsWith('/api/whatsapp/')
    ? { name: 'whatsapp', max: httpLimits.max, windowMs: httpLimits.windowMs }
    : { name: 'api', max: httpLimits.apiMaxPerMinute, windowMs: MINUTE_MS };
}

function subjectOf(actor: Actor | null, ip: string | null): string {
  if (!actor || actor.via === 'anonymous') return `a:${addressGroup(ip)}`;
  if (actor.keyId !== null) return `k:${actor.keyId}`;
  const { userId, personId } = actor;
  return userId === personId ? `u:${userId}` : `u:${userId}:${personId}`;
}

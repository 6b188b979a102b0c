/** Which limit a request falls under, and whose it is. */
import type { Actor, Deps } from '../services/context.ts';
import { addressGroup } from '../utils/address.ts';
import { AppError } from '../utils/errors.ts';
import type { HttpContext, RatePolicy, RateVerdict } from './http-env.ts';
import type { HttpLimiter } from './http-limiter.ts';

const MINUTE_MS = 60_000;

/** Counts the request against its credential (its address when it has none). Throws RATE_LIMITED. */
export async function limitRequests(
  deps: Pick<Deps, 'config'>,
  limiter: HttpLimiter,
  c: HttpContext,
  actor: Actor | null,
): Promise<void> {
  const verdict = await limiter.take(subjectOf(actor, c.get('ip')), policyOf(deps.config, c.req.path));
  c.set('rateLimit', verdict);
  refuse(verdict);
}

/**
 * Counts one use of what has a limit of its own (uploads, campaigns), all credentials of a tenant together. Throws
 * RATE_LIMITED.
 */
export async function limitAction(
  limiter: HttpLimiter,
  c: HttpContext,
  actor: Actor,
  policy: RatePolicy,
): Promise<void> {
  const verdict = await limiter.take(`u:${actor.userId}`, policy);
  if (!verdict.allowed) c.set('rateLimit', verdict);
  refuse(verdict);
}

function refuse(verdict: RateVerdict): void {
  if (verdict.allowed) return;
  throw new AppError('RATE_LIMITED', 'Too many requests: wait a little.', {
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
  return actor.keyId === null ? `u:${actor.userId}` : `k:${actor.keyId}`;
}

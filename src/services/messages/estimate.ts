import { capOf, paceOf } from '../../queue/pace.ts';
import type { Priority } from '../../queue/priority.ts';
import type { Hold } from '../../queue/session-state.ts';
import { HOUR_MS, MINUTE_MS } from '../../utils/durations.ts';
import type { Ctx } from '../context.ts';
import type { SendingSession } from './session.ts';

/** These hold this one message, not those before it. */
const OF_ONE: ReadonlySet<string> = new Set(['recipient_limit', 'retry', 'put_back', 'storage_away']);

/**
 * When a message that is queued now is likely to be sent, epoch milliseconds: what waits before it, at the
 * session's pace and within its limits, and never before what holds it ends; null when that is not known. An
 * estimate: it knows no retries and looks 10,000 messages ahead.
 */
export function estimateSendAt(
  ctx: Ctx,
  session: SendingSession,
  message: { priority: Priority; ahead: number; holds: readonly Hold[] },
): number | null {
  const now = ctx.clock.now();
  const pace = paceOf(ctx.config.pacing, session, now);
  const { priority, ahead, holds } = message;
  const takesMs = Math.max(
    ahead * ((pace.delayMinMs + pace.delayMaxMs) / 2),
    Math.floor(ahead / capOf(pace.perMinute, pace, priority)) * MINUTE_MS,
    Math.floor(ahead / capOf(pace.perHour, pace, priority)) * HOUR_MS,
  );
  let goesOnAt = now;
  let own = 0;
  for (const { reason, until } of holds) {
    if (until === null) return null;
    if (OF_ONE.has(reason)) own = Math.max(own, until);
    else goesOnAt = Math.max(goesOnAt, until);
  }
  return Math.round(Math.max(goesOnAt + takesMs, own));
}

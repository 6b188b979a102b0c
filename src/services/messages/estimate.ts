import { countAhead } from '../../queue/counts.ts';
import { paceOf, unreserved } from '../../queue/pace.ts';
import { endOfPause } from '../../queue/pause.ts';
import { PRIORITIES, type Priority } from '../../queue/priority.ts';
import type { Ctx } from '../context.ts';
import type { SendingSession } from './session.ts';

const MINUTE_MS = 60_000;
const HOUR_MS = 3_600_000;

/**
 * When a message that is queued now is likely to be sent, epoch milliseconds: what waits before it, at the
 * session's pace and within its limits; null while a person holds the queue without an end. An estimate: it knows no
 * retries and looks 10,000 messages ahead.
 */
export async function estimateSendAt(
  ctx: Ctx,
  session: SendingSession,
  message: { priority: Priority; scheduledAt: number | null },
): Promise<number | null> {
  const now = ctx.clock.now();
  const pace = paceOf(ctx.config.pacing, session.limits, now);
  const waiting = await countAhead(ctx, session.id);
  const ahead = message.priority === PRIORITIES.high ? 0 : waiting;
  const takesMs = Math.max(
    ahead * ((pace.delayMinMs + pace.delayMaxMs) / 2),
    Math.floor(ahead / unreserved(pace.perMinute, pace)) * MINUTE_MS,
    Math.floor(ahead / unreserved(pace.perHour, pace)) * HOUR_MS,
  );
  const goesOnAt = endOfPause(session.pausedUntil ?? 0);
  if (goesOnAt === null) return null;
  return Math.round(Math.max(now, message.scheduledAt ?? 0, goesOnAt) + takesMs);
}

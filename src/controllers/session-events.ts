/** A session's events as Server-Sent Events. */
import type { HttpContext } from '../middlewares/http-env.ts';
import type { Ctx } from '../services/context.ts';
import { followSession, readEvents, type SessionEvent, type SessionRef } from '../services/sessions/index.ts';
import { type SseEvent, streamEvents } from './sse.ts';

/**
 * Answers with the session's events from now on, or from Last-Event-ID on. Ends when the session is deleted, and as
 * every stream does. Throws SESSION_NOT_FOUND, RATE_LIMITED.
 */
export async function streamSessionEvents(ctx: Ctx, http: HttpContext, ref: SessionRef): Promise<Response> {
  const session = await followSession(ctx, ref, lastEventId(http));
  return streamEvents(ctx, http, {
    filter: { userId: session.userId, accountId: session.id },
    first: session.snapshot.map(toSse),
    async next() {
      const events = await readEvents(ctx, session);
      return events === null ? null : events.map(toSse);
    },
  });
}

const toSse = ({ seq, event, data }: SessionEvent): SseEvent => ({ id: String(seq), event, data });

/** Numbers only: anything else is a client that has seen nothing yet. */
function lastEventId(http: HttpContext): number | null {
  const text = http.req.header('last-event-id') ?? '';
  return /^\d{1,15}$/.test(text) ? Number(text) : null;
}

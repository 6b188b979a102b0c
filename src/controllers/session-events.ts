/** A session's events as Server-Sent Events. */
import { type SSEStreamingApi, streamSSE } from 'hono/streaming';
import { authenticate } from '../middlewares/authenticate.ts';
import type { HttpContext } from '../middlewares/http-env.ts';
import type { Ctx } from '../services/context.ts';
import {
  createWaker,
  type FollowedSession,
  followSession,
  readEvents,
  type SessionEvent,
  type SessionRef,
} from '../services/sessions/index.ts';
import { sleep } from '../utils/clock.ts';
import { AppError } from '../utils/errors.ts';

/** Proxies close connections that are silent for a minute. */
const HEARTBEAT_MS = 15_000;
/** The owner may be another process, whose events are found in the database only. */
const POLL_MS = 1_000;
/** A client that takes nothing for so long is gone. */
const WRITE_TIMEOUT_MS = 30_000;
/** Clients come back by themselves, with the id of the last event they saw. */
const MAX_LIFE_MS = 3_600_000;
const MAX_STREAMS_PER_USER = 100;

/** Streams that are open in this process, by the service's event stream (one a process) and user. */
const open = new WeakMap<object, Map<number, number>>();

/**
 * Answers with the session's events from now on, or from Last-Event-ID on. Ends when the client goes, its
 * credential is not good any more, the session is deleted, or after an hour. Throws SESSION_NOT_FOUND, RATE_LIMITED.
 */
export async function streamSessionEvents(ctx: Ctx, http: HttpContext, ref: SessionRef): Promise<Response> {
  const session = await followSession(ctx, ref, lastEventId(http));
  const leave = enter(ctx);
  return streamSSE(http, async (stream) => {
    const gone = new AbortController();
    stream.onAbort(() => gone.abort());
    try {
      await follow(ctx, http, session, createWriter(ctx, stream, gone), gone.signal);
    } catch (error) {
      ctx.logger.debug('an event stream ended', { error: String(error), requestId: ctx.requestId });
    } finally {
      leave();
    }
  });
}

function enter(ctx: Ctx): () => void {
  const counts = open.get(ctx.stream) ?? new Map<number, number>();
  open.set(ctx.stream, counts);
  const { userId } = ctx.actor;
  const before = counts.get(userId) ?? 0;
  if (before >= MAX_STREAMS_PER_USER) {
    throw new AppError('RATE_LIMITED', 'Too many event streams are open.', { retryAfterSeconds: 30 });
  }
  counts.set(userId, before + 1);
  return () => {
    const left = (counts.get(userId) ?? 1) - 1;
    if (left > 0) counts.set(userId, left);
    else counts.delete(userId);
  };
}

interface Writer {
  event(event: SessionEvent): Promise<void>;
  heartbeat(): Promise<void>;
}

/** One write at a time, each within a bound: nothing piles up for a client that does not read. */
function createWriter(ctx: Ctx, stream: SSEStreamingApi, gone: AbortController): Writer {
  const bounded = async (write: Promise<unknown>) => {
    const done = new AbortController();
    const late = sleep(ctx.clock, WRITE_TIMEOUT_MS, AbortSignal.any([done.signal, gone.signal]));
    const first = await Promise.race([
      write.then(() => 'written' as const),
      late.then(() => 'late' as const),
    ]);
    done.abort();
    if (first === 'late') gone.abort();
  };
  return {
    event: ({ seq, event, data }) =>
      bounded(stream.writeSSE({ id: String(seq), event, data: JSON.stringify(data) })),
    heartbeat: () => bounded(stream.write(': still here\n\n')),
  };
}

async function follow(
  ctx: Ctx,
  http: HttpContext,
  session: FollowedSession,
  writer: Writer,
  gone: AbortSignal,
): Promise<void> {
  const waker = createWaker(ctx, { userId: session.userId, accountId: session.id });
  const endsAtMs = ctx.clock.monotonic() + MAX_LIFE_MS;
  let beatAtMs = ctx.clock.monotonic();
  try {
    await writer.heartbeat();
    for (const event of session.snapshot) await writer.event(event);
    while (!gone.aborted && ctx.clock.monotonic() < endsAtMs) {
      const events = await readEvents(ctx, session);
      if (events === null) return;
      for (const event of events) {
        if (gone.aborted) return;
        await writer.event(event);
      }
      if (ctx.clock.monotonic() - beatAtMs >= HEARTBEAT_MS) {
        beatAtMs = ctx.clock.monotonic();
        // Throws when the token, the key, the link or the user is not good any more.
        await authenticate(ctx, http, 'browser');
        await writer.heartbeat();
      }
      if (events.length === 0) await waker.wait(POLL_MS, gone);
    }
  } finally {
    waker.close();
  }
}

/** Numbers only: anything else is a client that has seen nothing yet. */
function lastEventId(http: HttpContext): number | null {
  const text = http.req.header('last-event-id') ?? '';
  return /^\d{1,15}$/.test(text) ? Number(text) : null;
}

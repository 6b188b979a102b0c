/** Server-Sent Events: what is the same for the events of one session and of a whole tenant. */

import { type SSEStreamingApi, streamSSE } from 'hono/streaming';
import { inTurn } from '../db/event-loop.ts';
import type { EventFilter } from '../events/stream.ts';
import { authenticate } from '../middlewares/authenticate.ts';
import type { HttpContext } from '../middlewares/http-env.ts';
import { isSameBound } from '../services/bound.ts';
import type { Ctx } from '../services/context.ts';
import { createWaker } from '../services/sessions/waker.ts';
import { sleep } from '../utils/clock.ts';
import { HOUR_MS } from '../utils/durations.ts';
import { AppError } from '../utils/errors.ts';
import { toSharedJsonText } from '../utils/json.ts';

export interface SseEvent {
  /** what the client gives back as Last-Event-ID */
  id: string;
  event: string;
  /** many streams may be told of the same object: it must not change */
  data: unknown;
}

/** Where the events of one client come from. */
export interface SseSource {
  /** whose events wake the reader, when they happen in this process */
  filter: EventFilter;
  first: readonly SseEvent[];
  /** The next events in order; none: everything was told. Null ends the stream. */
  next(): Promise<readonly SseEvent[] | null>;
}

/** Proxies close connections that are silent for a minute. */
const HEARTBEAT_MS = 15_000;
/** A member who is removed from a workspace is out within five seconds: this, and the age of a known credential. */
const CHECK_MS = 2_000;
/** A session's owner may be another process, whose events are found in the database only. */
const POLL_MS = 1_000;
/** Streams that hear of the same event write for this long at a stretch, then others have their turn. */
const MAX_HOLD_MS = 4;
/** A client that reads nothing for this long is gone. */
const WRITE_TIMEOUT_MS = 30_000;
/** Clients come back by themselves, with the id of the last event they saw. */
const MAX_LIFE_MS = HOUR_MS;
const MAX_STREAMS_PER_WORKSPACE = 100;

/**
 * Answers with the source's events until the client goes, its credential is not good any more, the source ends, the
 * service stops, or after an hour. Throws RATE_LIMITED at 100 open streams of a workspace.
 */
export function streamEvents(ctx: Ctx, http: HttpContext, source: SseSource): Response {
  const leave = enter(ctx);
  return streamSSE(http, async (stream) => {
    const gone = new AbortController();
    stream.onAbort(() => gone.abort());
    try {
      await follow(ctx, http, source, createWriter(ctx, stream, gone), gone.signal);
    } catch (error) {
      ctx.logger.debug('an event stream ended', { error: String(error), requestId: ctx.requestId });
    } finally {
      leave();
    }
  });
}

function enter(ctx: Ctx): () => void {
  const { openStreams: counts } = ctx;
  const { userId } = ctx.actor;
  const before = counts.get(userId) ?? 0;
  if (before >= MAX_STREAMS_PER_WORKSPACE) {
    throw new AppError('RATE_LIMITED', 'Too many event streams are open.', { retryAfterSeconds: 30 });
  }
  counts.set(userId, before + 1);
  return () => {
    const left = (counts.get(userId) ?? 1) - 1;
    if (left > 0) counts.set(userId, left);
    else counts.delete(userId);
  };
}

/** A person's few windows hear at once. */
const FEW_STREAMS = 10;
const GATHER_MS = 3;

function gatherMsOf({ openStreams, actor }: Ctx): number {
  const count = openStreams.get(actor.userId) ?? 0;
  return Math.max(0, count - FEW_STREAMS) * GATHER_MS;
}

interface Writer {
  event(event: SseEvent): Promise<void>;
  heartbeat(): Promise<void>;
}

/** One write at a time, each within a bound: nothing piles up for a client that does not read. */
function createWriter(ctx: Ctx, stream: SSEStreamingApi, gone: AbortController): Writer {
  const bounded = (write: Promise<unknown>) =>
    new Promise<void>((resolve) => {
      const done = () => {
        cancel();
        gone.signal.removeEventListener('abort', done);
        resolve();
      };
      const cancel = ctx.clock.setTimer(() => gone.abort(), WRITE_TIMEOUT_MS);
      gone.signal.addEventListener('abort', done, { once: true });
      void write.then(done, done);
    });
  return {
    event: (event) =>
      bounded(
        inTurn(
          () => MAX_HOLD_MS,
          () => stream.write(textOf(event)),
        ),
      ),
    heartbeat: () => bounded(stream.write(': still here\n\n')),
  };
}

/** No name, id or JSON has a line break in it. */
const textOf = ({ id, event, data }: SseEvent) =>
  `event: ${event}\ndata: ${toSharedJsonText(data)}\nid: ${id}\n\n`;

/**
 * Whether whoever asked may still read what was asked for. Throws when the token, the key, the link or the membership is
 * not good any more.
 */
async function isStillAllowed(ctx: Ctx, http: HttpContext): Promise<boolean> {
  const now = await authenticate(ctx, http, 'browser', ctx.actor.link?.purpose);
  if (now.lacksFactor === true) return false;
  if (now.suspension) return false;
  const { role, workspaceRole, sessionIds } = ctx.actor;
  // A former admin must not go on reading another tenant's events.
  const isSame = now.role === role && now.workspaceRole === workspaceRole;
  return isSame && isSameBound(now.sessionIds, sessionIds);
}

async function follow(
  ctx: Ctx,
  http: HttpContext,
  source: SseSource,
  writer: Writer,
  gone: AbortSignal,
): Promise<void> {
  const waker = createWaker(ctx, source.filter);
  const endsAtMs = ctx.clock.monotonic() + MAX_LIFE_MS;
  let beatAtMs = ctx.clock.monotonic();
  let checkedAtMs = beatAtMs;
  const goesOn = () =>
    !gone.aborted && ctx.clock.monotonic() < endsAtMs && ctx.lifecycle.phase !== 'stopping';
  try {
    await writer.heartbeat();
    for (const event of source.first) await writer.event(event);
    while (goesOn()) {
      const events = await source.next();
      if (events === null) return;
      // A hundred streams that hear of the same event do not all write in one turn of the loop.
      if (events.length > 0) await ctx.loopShare.turn(ctx.actor.userId);
      if (ctx.clock.monotonic() - checkedAtMs >= CHECK_MS) {
        checkedAtMs = ctx.clock.monotonic();
        if (!(await isStillAllowed(ctx, http))) return;
      }
      for (const event of events) {
        if (gone.aborted) return;
        await writer.event(event);
      }
      if (ctx.clock.monotonic() - beatAtMs >= HEARTBEAT_MS) {
        beatAtMs = ctx.clock.monotonic();
        // Throws when the token, the key, the link or the user is not good any more.
        await writer.heartbeat();
      }
      if (events.length === 0) {
        await waker.wait(POLL_MS, gone);
        // With many streams events are gathered, and told in one go.
        const gatherMs = gatherMsOf(ctx);
        if (gatherMs > 0) await sleep(ctx.clock, gatherMs, gone);
      }
    }
  } finally {
    waker.close();
  }
}

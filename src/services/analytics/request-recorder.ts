/** Calls of the API on their way into the activity log and the log of calls: gathered in memory, written in batches. */

import { incoming, upsert } from '../../db/ops.ts';
import { activityLogs } from '../../db/schema.ts';
import type { Action, ActivityStatus } from '../../events/table.ts';
import { MINUTE_MS } from '../../utils/durations.ts';
import { newId } from '../../utils/ids.ts';
import { createLru } from '../../utils/lru.ts';
import type { Actor, Deps } from '../context.ts';
import { toLoggedCall } from '../requests/row.ts';
import { createCallWriter } from '../requests/writer.ts';
import { createWriteBehind } from '../write-behind.ts';

/** One answered request, as the outermost middleware saw it. */
export interface SeenRequest {
  method: string;
  /** pattern of the route that took it; null when none did */
  route: string | null;
  status: number;
  durationMs: number;
  requestId: string;
  actor: Actor | null;
  ip: string | null;
  userAgent: string | null;
  /** code and sentence of the failure that was answered */
  failure: { code: string; message: string } | null;
  /** harmless fields (middlewares/request-data.ts) */
  request: Fields;
  response: Fields;
  /** probes, metrics and pages: counted, not logged */
  quiet: boolean;
  /** as it was called, without its query */
  path: string;
  /** as it came and was answered: only what is harmless of it is kept */
  received: { query?: unknown; body?: unknown };
  answered: unknown;
}

type Fields = Readonly<Record<string, string | number | boolean | null>>;

export interface RequestRecorder {
  /** Takes a request; it is in the log within about half a second. */
  add(seen: SeenRequest): void;
  /** Writes what is waiting; resolves also when the database is away. */
  flush(): Promise<void>;
  /** Rows that were given up because the database was away for too long. */
  readonly dropped: number;
  /** The tenant has chosen whether bodies are kept: known here at once, in other processes within five seconds. */
  forgetChoice(userId: number): void;
  /** Writes what is waiting and takes nothing more. May be called twice. */
  stop(): Promise<void>;
}

type RecorderDeps = Pick<Deps, 'db' | 'clock' | 'logger'>;
type Row = typeof activityLogs.$inferInsert;

/** The event name of these rows; facts have names of their own. */
export const REQUEST_EVENT = 'api.request';

/** Of a row that is there: nothing changes. */
const SAME = { id: incoming<string>(activityLogs.id) };

const FLUSH_MS = 500;
/** Rows of one statement, some milliseconds on SQLite. */
const BATCH_SIZE = 200;
/** A minute at 150 requests a second; then the oldest are dropped. */
const MAX_WAITING = 10_000;
/**
 * Calls that came too often are logged so many times a minute for each user: a program that does not stop asking must
 * not fill the database. Metrics and the service's own log have all of them.
 */
const MAX_REFUSED = 60;
const MAX_USERS = 10_000;

/** Makes the recorder of this process: whoever reads the log has it written out first. Its batches are written one after the other, so a slow database never has two of them. */
export function createRequestRecorder(deps: RecorderDeps): RequestRecorder {
  const rows = createWriteBehind<Row>(deps, {
    sorry: 'calls of the API wait to be logged',
    flushMs: FLUSH_MS,
    batchSize: BATCH_SIZE,
    maxWaiting: MAX_WAITING,
    // An id that is there already is left: the answer of an earlier try may have been lost.
    write: (batch) => upsert(deps.db, activityLogs, [...batch], [activityLogs.id], SAME),
  });
  const calls = createCallWriter(deps);
  const refused = createLru<number, { minute: number; count: number }>({ max: MAX_USERS });
  let stopped = false;

  function mayLogRefused(userId: number): boolean {
    const minute = Math.floor(deps.clock.now() / MINUTE_MS);
    const known = refused.get(userId);
    const count = known?.minute === minute ? known.count + 1 : 1;
    refused.set(userId, { minute, count });
    return count <= MAX_REFUSED;
  }

  return {
    add(seen) {
      if (stopped || seen.quiet || seen.route === null || seen.actor === null || seen.actor.userId === 0)
        return;
      if (seen.failure?.code === 'RATE_LIMITED' && !mayLogRefused(seen.actor.userId)) return;
      const row = toRow(seen, seen.actor, seen.route, deps.clock.now());
      rows.add(row);
      const call = toLoggedCall(seen, row, calls.takesBodies());
      if (call !== null) calls.add(call);
    },
    flush: () => Promise.all([rows.flush(), calls.flush()]).then(() => undefined),
    forgetChoice: calls.forgetChoice,
    get dropped() {
      return rows.dropped;
    },
    async stop() {
      stopped = true;
      await Promise.all([rows.stop(), calls.stop()]);
    },
  };
}

function toRow(seen: SeenRequest, actor: Actor, route: string, at: number): Row {
  const { method, status, durationMs, failure, request, response } = seen;
  const call = `${method} ${route}`;
  return {
    id: newId(at),
    userId: actor.userId,
    sessionId: sessionOf(seen),
    event: REQUEST_EVENT,
    action: actionOf(seen, call),
    subject: call.slice(0, 100),
    actorId: actor.personId,
    ip: seen.ip,
    userAgent: seen.userAgent?.slice(0, 255) ?? null,
    requestId: seen.requestId,
    status: statusOf(seen),
    data: { method, route, httpStatus: status, durationMs, failure, request, response, via: actor.via },
    at,
  };
}

/** Calls that have an action of their own in the older API. What they set off is recorded too, as facts. */
const ACTIONS: readonly (readonly [RegExp, Action])[] = [
  [/^(POST|PUT) .*\/restart$/, 'session_restart'],
  [/^POST .*\/otp\/(send|resend)$|^POST .*\/messages\/:sessionId\/otp$/, 'otp_send'],
  [/^POST .*\/(send-[\w-]+|messages\/:sessionId\/\w+)$/, 'message_send'],
  [/^POST .*\/(media|upload\w*|upload-\w+)$/, 'file_upload'],
];

function actionOf({ failure, status }: SeenRequest, call: string): Action {
  const action = ACTIONS.find(([pattern]) => pattern.test(call))?.[1] ?? 'api_call';
  if (action !== 'message_send' && action !== 'otp_send') return action;
  // The outcome of a message that was taken is a fact of its own; a call that was refused has no other row.
  const isRefused = status >= 400 && failure?.code !== 'SEND_FAILED';
  return isRefused ? action : 'api_call';
}

/** 202 means that the outcome is another fact. */
function statusOf({ status }: SeenRequest): ActivityStatus {
  if (status >= 400) return 'failure';
  return status === 202 ? 'pending' : 'success';
}

const SESSION_ID = /^[\w.-]{1,100}$/;

function sessionOf({ request, response }: SeenRequest): string | null {
  const named = response.sessionId ?? request.sessionId ?? request.session;
  return typeof named === 'string' && SESSION_ID.test(named) ? named : null;
}

/** The row of a call in the log of API calls. */
import { and, eq, inArray } from 'drizzle-orm';
import { type activityLogs, type apiRequestBodies, type apiRequests, workspaces } from '../../db/schema.ts';
import { createLru } from '../../utils/lru.ts';
import type { SeenRequest } from '../analytics/request-recorder.ts';
import type { Deps } from '../context.ts';
import { harmlessJson } from './harmless.ts';

export interface LoggedCall {
  row: typeof apiRequests.$inferInsert;
  /** null: there is none, or it is not to be kept */
  body: typeof apiRequestBodies.$inferInsert | null;
}

/** A message id, as WhatsApp and we spell them. */
const MESSAGE_ID = /^[\w.:-]{1,64}$/;
/** Forms of the dashboard are no calls of the API, nor is the stream that each of its pages listens to. */
const PAGES = '/dashboard';
const STREAM = '/events';

/** Null for what is no call of the API. `row` is that of the activity log. */
export function toLoggedCall(
  seen: SeenRequest,
  row: typeof activityLogs.$inferInsert,
  withBody: boolean,
): LoggedCall | null {
  const { actor, route, failure } = seen;
  if (actor === null || route === null || route.startsWith(PAGES)) return null;
  if (route === STREAM && actor.via === 'cookie') return null;
  const call = {
    id: row.id,
    userId: row.userId,
    method: seen.method,
    route: route.slice(0, 160),
    path: seen.path.slice(0, 300),
    status: seen.status,
    durationMs: Math.round(seen.durationMs),
    errorCode: failure?.code ?? null,
    via: actor.via,
    keyId: actor.keyId,
    actorId: actor.personId,
    requestId: seen.requestId,
    sessionId: row.sessionId ?? null,
    messageId: messageOf(seen),
    at: row.at,
  };
  return { row: call, body: withBody ? bodyOf(seen, row) : null };
}

function bodyOf(
  { received, answered, failure }: SeenRequest,
  { id, userId }: typeof activityLogs.$inferInsert,
): LoggedCall['body'] {
  const request = Object.keys(received).length > 0 ? harmlessJson(received) : null;
  // The sentence of a failure is ours.
  const response = failure === null ? harmlessJson(answered) : JSON.stringify({ success: false, ...failure });
  return request === null && response === null ? null : { id, userId, request, response };
}

function messageOf({ request, response }: SeenRequest): string | null {
  const named = response.messageId ?? request.messageId;
  return typeof named === 'string' && MESSAGE_ID.test(named) ? named : null;
}

export interface BodyChoices {
  /** Those of the tenants whose calls are logged with bodies. */
  keeping(userIds: readonly number[]): Promise<ReadonlySet<number>>;
  forget(userId: number): void;
}

/** How long a process may go on without a change of the setting. */
const CHOICE_MS = 5_000;
const MAX_TENANTS = 10_000;

/** Remembers what tenants chose: asked once for a batch of calls at most. */
export function createBodyChoices({ db, clock }: Pick<Deps, 'db' | 'clock'>): BodyChoices {
  const known = createLru<number, { keeps: boolean; until: number }>({ max: MAX_TENANTS });
  return {
    async keeping(userIds) {
      const now = clock.monotonic();
      const asked = [...new Set(userIds)];
      const unknown = asked.filter((id) => (known.get(id)?.until ?? Number.NEGATIVE_INFINITY) <= now);
      if (unknown.length > 0) {
        const refusing = await db
          .select({ id: workspaces.id })
          .from(workspaces)
          .where(and(inArray(workspaces.id, unknown), eq(workspaces.requestBodies, false)));
        const without = new Set(refusing.map(({ id }) => id));
        for (const id of unknown) known.set(id, { keeps: !without.has(id), until: now + CHOICE_MS });
      }
      return new Set(asked.filter((id) => known.get(id)?.keeps === true));
    },
    forget: (userId) => void known.delete(userId),
  };
}

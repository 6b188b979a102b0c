/** The log of a tenant's API calls, apart from the activity log: more of each call, for fewer days. */
import { id, index, int, oneOf, string, table, text, timestamp } from '../kit.ts';

/** One answered call. Written in batches some moments later; the time of `id` is `at`. */
export const apiRequests = table(
  'api_requests',
  {
    id: id().primaryKey(),
    userId: int().notNull(),
    method: string(8).notNull(),
    /** the pattern of the route, and the path as it was called, without its query */
    route: string(160).notNull(),
    path: string(300).notNull(),
    status: int().notNull(),
    durationMs: int().notNull(),
    /** code of the failure that was answered */
    errorCode: string(40),
    via: oneOf('jwt', 'api_key', 'cookie', 'signed_link', 'system', 'anonymous').notNull(),
    keyId: id(),
    /** users.id */
    actorId: int().notNull(),
    requestId: string(64).notNull(),
    sessionId: string(100),
    /** the message that it was about, or made */
    messageId: string(64),
    at: timestamp().notNull(),
  },
  (t) => [
    index('api_requests_user_ix').on(t.userId, t.id),
    index('api_requests_message_ix').on(t.userId, t.messageId),
    index('api_requests_request_ix').on(t.userId, t.requestId),
  ],
);

/** What a call of the same id brought and was answered, as JSON: only fields that are known to be harmless have values. */
export const apiRequestBodies = table(
  'api_request_bodies',
  {
    id: id().primaryKey(),
    userId: int().notNull(),
    request: text(),
    response: text(),
  },
  (t) => [index('api_request_bodies_user_ix').on(t.userId, t.id)],
);

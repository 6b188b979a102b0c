/** `/events`: everything that happens to a tenant's sessions, live. */
import { z } from 'zod';
import type { HttpContext } from '../middlewares/http-env.ts';
import type { Ctx } from '../services/context.ts';
import { followTenant } from '../services/events/feed.ts';
import { type Route, route } from './route.ts';
import { tenantQuery } from './schemas.ts';
import { type SseEvent, streamEvents } from './sse.ts';

const MAX_CURSOR_LENGTH = 6_000;

async function streamTenantEvents(
  ctx: Ctx,
  http: HttpContext,
  query: { userId?: number | undefined; lastEventId?: string | undefined },
): Promise<Response> {
  const cursor = http.req.header('last-event-id') || query.lastEventId || null;
  const feed = await followTenant(ctx, { cursor, userId: query.userId });
  const first: SseEvent = { id: feed.cursor(), event: feed.wasReset ? 'reset' : 'ready', data: {} };
  return streamEvents(ctx, http, {
    filter: { userId: feed.userId },
    first: [first],
    async next() {
      const events = await feed.next();
      return events.map(({ cursor: id, payload }) => ({ id, event: payload.type, data: payload }));
    },
  });
}

export const eventRoutes: Route[] = [
  route({
    method: 'get',
    path: '/events',
    tag: 'Webhooks',
    summary: 'Follow the events of all sessions (Server-Sent Events)',
    description:
      'Each event has the name and the JSON that webhooks get, each session in the order of its `seq`. ' +
      '`Last-Event-ID` (or `?lastEventId=`) goes on exactly where the stream broke off, for a day or 10,000 ' +
      'events; after that a `reset` event comes first: read the state again. With more than 200 sessions busy ' +
      'within a minute an event may come twice, with the same `sessionId` and `seq`. A comment keeps the ' +
      'connection alive every 15 s.',
    auth: 'browser',
    scope: 'read',
    query: z.object({
      userId: tenantQuery.userId,
      lastEventId: z
        .string()
        .max(MAX_CURSOR_LENGTH)
        .optional()
        .describe('for clients that cannot set the header'),
    }),
    response: null,
    contentType: 'text/event-stream',
    handler: ({ ctx, http, query }) => streamTenantEvents(ctx, http, query),
  }),
];

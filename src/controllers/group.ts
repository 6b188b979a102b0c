import { z } from 'zod';
import { listGroups } from '../services/sessions/groups.ts';
import { type Route, route } from './route.ts';
import { SessionId } from './schemas.ts';

export const groupRoutes: Route[] = [
  route({
    method: 'get',
    path: '/session/:sessionId/groups',
    tag: 'Sessions',
    summary: 'The groups that a session is in',
    auth: 'credential',
    params: z.object({ sessionId: SessionId }),
    response: z.object({
      data: z.array(
        z.object({
          id: z.string().describe('`to` of a message with `isGroup`'),
          subject: z.string(),
          size: z.int(),
        }),
      ),
    }),
    errors: ['SESSION_NOT_FOUND', 'NOT_CONNECTED', 'NOT_SUPPORTED'],
    example: { params: { sessionId: 'my-session' } },
    handler: async ({ ctx, params }) => ({ data: await listGroups(ctx, params) }),
  }),
];

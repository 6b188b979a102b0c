import { z } from 'zod';
import { getLimits, LimitsInput, LimitsOutput, putLimits } from '../services/sessions/limits.ts';
import { type Route, route } from './route.ts';
import { SessionId, tenantQuery } from './schemas.ts';

const tag = 'Sessions';
const params = z.object({ sessionId: SessionId });
const response = z.object({ data: LimitsOutput });
const example = { params: { sessionId: 'my-session' } };

export const limitRoutes: Route[] = [
  route({
    method: 'get',
    path: '/session/:sessionId/limits',
    tag,
    summary: 'Pace, limits, quiet hours, warm-up and breaker of a session',
    description: 'Each setting with the value that counts, and how much of each limit has been used.',
    auth: 'credential',
    params,
    query: z.object({ userId: tenantQuery.userId }),
    response,
    errors: ['SESSION_NOT_FOUND'],
    example,
    handler: async ({ ctx, params, query }) => ({ data: await getLimits(ctx, { ...params, ...query }) }),
  }),
  route({
    method: 'put',
    path: '/session/:sessionId/limits',
    tag,
    summary: "Change a session's own pace, quiet hours and warm-up",
    description: "Within the service's limits, never above them. `null` goes back to the service's own.",
    auth: 'credential',
    scope: 'sessions:write',
    params,
    body: LimitsInput,
    response,
    errors: ['SESSION_NOT_FOUND'],
    example: { ...example, body: { perMinute: 10 } },
    handler: async ({ ctx, params, body }) => ({ data: await putLimits(ctx, params.sessionId, body) }),
  }),
];

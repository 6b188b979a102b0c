/** `/requests`: the log of the tenant's API calls. */
import { z } from 'zod';
import {
  changeRequestLogSettings,
  getRequest,
  listRequests,
  readRequestLogSettings,
} from '../services/requests/log.ts';
import {
  ApiRequestDetail,
  ApiRequestOutput,
  RequestLogSettings,
  RequestsQuery,
} from '../services/requests/schemas.ts';
import { type Route, route } from './route.ts';

const tag = 'Analytics';

export const requestRoutes: Route[] = [
  route({
    method: 'get',
    path: '/requests',
    tag,
    summary: 'List API calls',
    description:
      'The newest first: method, path, status, milliseconds, key. Forms of the dashboard, health checks and calls without a credential are not in it. Calls are written some moments later: a process that is killed loses those of its last two seconds.',
    auth: 'credential',
    scope: 'read',
    query: RequestsQuery,
    response: z.object({ data: z.array(ApiRequestOutput), nextCursor: z.string().nullable() }),
    example: { query: { status: '4xx' } },
    handler: async ({ ctx, query }) => ({ ...(await listRequests(ctx, query)) }),
  }),
  route({
    method: 'get',
    path: '/requests/settings',
    tag,
    summary: 'What the log of API calls keeps',
    description: 'Whether bodies of requests and answers are kept, and for how many days.',
    auth: 'credential',
    scope: 'read',
    response: z.object({ data: RequestLogSettings }),
    handler: async ({ ctx }) => ({ data: await readRequestLogSettings(ctx) }),
  }),
  route({
    method: 'put',
    path: '/requests/settings',
    tag,
    summary: 'Choose what the log of API calls keeps',
    description:
      'Bodies are kept until somebody chooses otherwise, without secrets, codes and contents of messages.',
    auth: 'jwt',
    writes: true,
    permission: 'settings',
    body: RequestLogSettings,
    response: z.object({ data: RequestLogSettings }),
    example: { body: { keepBodies: false } },
    handler: async ({ ctx, body }) => ({ data: await changeRequestLogSettings(ctx, body) }),
  }),
  route({
    method: 'get',
    path: '/requests/:id',
    tag,
    summary: 'Read one API call with its bodies',
    description:
      'With headers and bodies as far as they are kept. Secrets, codes and contents of messages are hidden in them.',
    auth: 'credential',
    scope: 'read',
    params: z.object({ id: z.string().min(1).max(40) }),
    response: z.object({ data: ApiRequestDetail }),
    errors: ['NOT_FOUND'],
    example: { params: { id: '0'.repeat(32) } },
    handler: async ({ ctx, params }) => ({ data: await getRequest(ctx, params) }),
  }),
];

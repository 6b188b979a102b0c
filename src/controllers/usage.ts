/** `/usage`: what a tenant has of what it may have. */
import { z } from 'zod';
import { readUsage } from '../services/quotas.ts';
import { type Route, route } from './route.ts';
import { Timestamp, tenantQuery } from './schemas.ts';

const Usage = z
  .object({
    quota: z.string().describe('as `details.quota` of QUOTA_EXCEEDED names it'),
    used: z.int().nullable().describe('null: counted a minute at a time only'),
    limit: z.int().nullable().describe('null: there is none'),
    until: Timestamp.optional().describe(
      'of what is counted by the day, month or hour: when it begins again',
    ),
  })
  .meta({ id: 'Usage' });

export const usageRoutes: Route[] = [
  route({
    method: 'get',
    path: '/usage',
    tag: 'Operations',
    summary: 'What you have of what you may have',
    description:
      'Sessions, members, stored files and bytes, uploads and imports under way, keys, webhooks, lists, contacts, templates, messages of this day and month (UTC), codes of this hour, requests a minute. What is over is refused with QUOTA_EXCEEDED. Not for a key that is bound to one session.',
    auth: 'credential',
    query: z.object({ userId: tenantQuery.userId }),
    response: z.object({ data: z.array(Usage) }),
    handler: async ({ ctx, query }) => ({ data: await readUsage(ctx, query) }),
  }),
];

/** `/usage`: what a tenant has of what it may have, and what it has sent in a month. */
import type { Context } from 'hono';
import { z } from 'zod';
import { Month } from '../services/plans-schemas.ts';
import { readUsage } from '../services/quotas.ts';
import { exportMonth, readMonth } from '../services/usage.ts';
import { answerCsv } from './csv-answer.ts';
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

const n = z.int();
const MonthUsage = z
  .object({
    month: z.string(),
    total: n.describe('accepted messages'),
    byDay: z.array(z.object({ day: z.string(), count: n })),
    bySession: z.array(z.object({ sessionId: z.string(), count: n })),
    byKind: z.array(z.object({ kind: z.string().describe('type of the message'), count: n })),
    byEngine: z.array(z.object({ engine: z.string(), count: n })),
    byCategory: z.array(z.object({ category: z.string().describe('message, campaign or otp'), count: n })),
  })
  .meta({ id: 'MonthUsage' });

export const csvQuery = { format: z.enum(['json', 'csv']).optional() };

/** True when the client asked for CSV, in the query or by its Accept header. */
export function wantsCsv(http: Context, { format }: { format?: 'json' | 'csv' | undefined }): boolean {
  if (format !== undefined) return format === 'csv';
  return (http.req.header('accept') ?? '').split(',').some((type) => type.trim().startsWith('text/csv'));
}

export const usageRoutes: Route[] = [
  route({
    method: 'get',
    path: '/usage',
    tag: 'Operations',
    summary: 'What you have of what you may have',
    description:
      'Sessions, members, stored files and bytes, uploads and imports under way, keys, webhooks, alert channels, lists, contacts, templates, messages of this day and month (UTC), codes of this hour, requests a minute. What is over is refused with QUOTA_EXCEEDED. With `month` also what was sent in that month, in UTC: by day, session, type of message, engine and category. With `format=csv` or `Accept: text/csv` that alone, as a file. Not for a key that is bound to one session.',
    auth: 'credential',
    whileSuspended: true,
    query: z.object({ userId: tenantQuery.userId, month: Month.optional(), ...csvQuery }),
    response: z.object({ data: z.array(Usage), usage: MonthUsage.optional().describe('with `month`') }),
    handler: async ({ ctx, query, http }) => {
      if (wantsCsv(http, query)) {
        const { fileName, lines } = exportMonth(ctx, query);
        return answerCsv(http, fileName, lines);
      }
      const data = await readUsage(ctx, query);
      return query.month === undefined ? { data } : { data, usage: await readMonth(ctx, query) };
    },
  }),
];

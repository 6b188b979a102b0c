/** `…/broadcast/stats` and the reports of campaigns. */
import { z } from 'zod';
import { CampaignReport, exportCampaign, reportCampaign } from '../../services/campaigns/report.ts';
import { REPORT_CSP, reportHtml } from '../../services/campaigns/report-html.ts';
import { BroadcastStats, broadcastStats } from '../../services/campaigns/stats.ts';
import { answerCsv } from '../csv-answer.ts';
import { type Route, route } from '../route.ts';
import { broadcastPath, EXAMPLE_ID, IdParams, ownerQuery, SessionParams, TAG } from './parts.ts';

const session = { sessionId: 'main' };

const stats = route({
  method: 'get',
  ...broadcastPath('/stats'),
  tag: TAG,
  summary: 'Lists, opt-outs and campaigns at a glance',
  description: 'Counts for an overview of broadcasts in this workspace.',
  auth: 'credential',
  params: SessionParams,
  query: z.object(ownerQuery),
  response: z.object({ data: BroadcastStats }),
  errors: ['SESSION_NOT_FOUND'],
  example: { params: session },
  handler: async ({ ctx, params, query }) => ({ data: await broadcastStats(ctx, { ...params, ...query }) }),
});

const report = route({
  method: 'get',
  ...broadcastPath('/campaigns/:id/report'),
  tag: TAG,
  summary: 'Funnel, failures by reason, and what happened when',
  description:
    'For charts of one campaign: how many messages were sent, delivered and read, and how they went over time.',
  auth: 'credential',
  params: IdParams,
  query: z.object(ownerQuery),
  response: z.object({ data: CampaignReport }),
  errors: ['SESSION_NOT_FOUND', 'NOT_FOUND'],
  example: { params: { ...session, id: EXAMPLE_ID } },
  handler: async ({ ctx, params, query }) => ({ data: await reportCampaign(ctx, { ...params, ...query }) }),
});

const exported = route({
  method: 'get',
  ...broadcastPath('/export/campaign/:id'),
  tag: TAG,
  summary: 'The report of a campaign as a file',
  description:
    '`csv`: every recipient. `json`: the report. `html`: the report as a page with charts, to be printed.',
  auth: 'browser',
  params: IdParams,
  query: z.object({ ...ownerQuery, format: z.enum(['csv', 'json', 'html']).default('csv') }),
  response: null,
  contentType: 'text/csv',
  errors: ['SESSION_NOT_FOUND', 'NOT_FOUND'],
  example: { params: { ...session, id: EXAMPLE_ID } },
  handler: async ({ ctx, params, query: { format, ...query }, http }) => {
    const ref = { ...params, ...query };
    if (format === 'csv') {
      const { fileName, lines } = await exportCampaign(ctx, ref);
      return answerCsv(http, fileName, lines);
    }
    const data = await reportCampaign(ctx, ref);
    if (format === 'json') return { data };
    http.header('content-security-policy', REPORT_CSP);
    http.header('cache-control', 'no-store');
    return http.html(await reportHtml(data));
  },
});

export const reportRoutes: readonly Route[] = [stats, report, exported];

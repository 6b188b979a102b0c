/** `/analytics`: statistics, logs, their export and their end. Every answer is `{success, message, data}`. */

import { z } from 'zod';
import { cleanLogs } from '../services/analytics/cleanup.ts';
import { readDashboard } from '../services/analytics/dashboard.ts';
import { exportLog } from '../services/analytics/export.ts';
import { type LogPage, listActivity, listErrors } from '../services/analytics/logs.ts';
import { readOtpConversion } from '../services/analytics/otp-conversion.ts';
import { listOtpLog } from '../services/analytics/otp-log.ts';
import { OVERVIEW_RANGES, readBacklog, readVolume } from '../services/analytics/overview.ts';
import {
  ActivityQuery,
  CleanupFields,
  DashboardQuery,
  ErrorsQuery,
  ExportQuery,
  OtpConversionQuery,
  OtpLogQuery,
  SessionStatsQuery,
} from '../services/analytics/schemas.ts';
import { readSessionStats } from '../services/analytics/session-stats.ts';
import { timeZoneOf } from '../services/auth/settings.ts';
import { zoneClock } from '../utils/time-zone.ts';
import {
  ActivityEntry,
  CleanupData,
  DashboardData,
  OtpConversionData,
  OtpEntry,
  OtpStatistics,
  OverviewData,
  SessionStatsData,
} from './analytics-schemas.ts';
import { type Route, route } from './route.ts';
import { Pagination, paginationOf, SessionId, tenantQuery } from './schemas.ts';

const tag = 'Analytics';
const answerOf = <S extends z.ZodType>(data: S) => z.object({ message: z.string(), data });
const logOf = <S extends z.ZodType>(entry: S, more: Record<string, z.ZodType> = {}) =>
  answerOf(
    z.object({ logs: z.array(entry), pagination: Pagination, nextCursor: z.string().nullable(), ...more }),
  );

function pageOf<T>(page: LogPage<T>, query: { page: number; limit: number }) {
  const { logs, totalItems, nextCursor } = page;
  return { logs, pagination: paginationOf(query, totalItems), nextCursor };
}

const statisticsRoutes: Route[] = [
  route({
    method: 'get',
    path: '/analytics/dashboard',
    tag,
    summary: 'Sessions, messages and codes, in all and today',
    description:
      'Counts for an overview. A day begins at midnight in the time zone of the workspace, or in `timezone`.',
    auth: 'credential',
    query: DashboardQuery,
    response: answerOf(DashboardData),
    handler: async ({ ctx, query }) => ({
      message: 'Dashboard statistics retrieved',
      data: await readDashboard(ctx, query),
    }),
  }),
  route({
    method: 'get',
    path: '/analytics/overview',
    tag,
    summary: 'Messages by hour or day, codes, and what waits',
    description: 'Of the caller, up to 15 s old; each message counts once, where it has come by now.',
    auth: 'credential',
    query: z.object({ range: z.enum(OVERVIEW_RANGES).default('24h') }),
    response: answerOf(OverviewData),
    handler: async ({ ctx, query }) => {
      const { buckets, ...volume } = await readVolume(ctx, query);
      const data = {
        ...volume,
        buckets: buckets.map(({ from, to, ...bucket }) => ({
          from: new Date(from).toISOString(),
          to: new Date(to).toISOString(),
          ...bucket,
        })),
        queue: await readBacklog(ctx),
      };
      return { message: 'Overview retrieved', data };
    },
  }),
  route({
    method: 'get',
    path: '/analytics/otp/conversion',
    tag,
    summary: 'How many codes were typed in, by day and by country',
    description: 'Of the codes that were made in the last days; up to half a minute old.',
    auth: 'credential',
    query: OtpConversionQuery,
    response: answerOf(OtpConversionData),
    example: { query: { days: '7', timeZone: 'Asia/Jakarta' } },
    handler: async ({ ctx, query }) => ({
      message: 'OTP conversion retrieved',
      data: await readOtpConversion(ctx, query),
    }),
  }),
  route({
    method: 'get',
    path: '/analytics/sessions/:sessionId/stats',
    tag,
    summary: 'What a session did in the last days',
    description: 'By type, hour and day, with rates, response times and uptime; up to half a minute old.',
    auth: 'credential',
    params: z.object({ sessionId: SessionId }),
    query: SessionStatsQuery,
    response: answerOf(SessionStatsData),
    errors: ['SESSION_NOT_FOUND'],
    example: { params: { sessionId: 'my-session' }, query: { days: '7' } },
    handler: async ({ ctx, params, query }) => ({
      message: 'Session statistics retrieved',
      data: await readSessionStats(ctx, { ...params, ...query }),
    }),
  }),
];

const logRoutes: Route[] = [
  route({
    method: 'get',
    path: '/analytics/logs/activity',
    tag,
    summary: 'What happened, newest first',
    description: 'Facts about sessions, messages and codes, and the calls of the API.',
    auth: 'credential',
    query: ActivityQuery,
    response: logOf(ActivityEntry),
    example: { query: { action: 'message_send', limit: '50' } },
    handler: async ({ ctx, query }) => ({
      message: 'Activity logs retrieved',
      data: pageOf(await listActivity(ctx, query), query),
    }),
  }),
  route({
    method: 'get',
    path: '/analytics/logs/otp',
    tag,
    summary: 'What became of codes, newest first',
    description: 'Never the codes. `statistics` counts what the filter holds, up to 10,000 of each state.',
    auth: 'credential',
    query: OtpLogQuery,
    response: logOf(OtpEntry, { statistics: OtpStatistics }),
    errors: ['INVALID_NUMBER'],
    example: { query: { phoneNumber: '081234567890', status: 'sent' } },
    handler: async ({ ctx, query }) => {
      const page = await listOtpLog(ctx, query);
      const data = { ...pageOf(page, query), statistics: page.statistics };
      return { message: 'OTP logs retrieved', data };
    },
  }),
  route({
    method: 'get',
    path: '/analytics/logs/errors',
    tag,
    summary: 'What went wrong, newest first',
    description:
      'Entries of the activity log that tell of failures, for example messages that failed and sessions that ended.',
    auth: 'credential',
    query: ErrorsQuery,
    response: logOf(ActivityEntry),
    example: { query: { limit: '20' } },
    handler: async ({ ctx, query }) => ({
      message: 'Error logs retrieved',
      data: pageOf(await listErrors(ctx, query), query),
    }),
  }),
  route({
    method: 'get',
    path: '/analytics/export',
    tag,
    summary: 'A log as a file',
    description:
      'Streamed, newest first; never codes or the content of messages. What a spreadsheet would take for a ' +
      "formula begins with '.",
    auth: 'credential',
    query: ExportQuery,
    response: null,
    contentType: 'text/csv',
    example: { query: { log: 'activity', format: 'csv' } },
    handler: async ({ ctx, query, http }) => {
      const text = await exportLog(ctx, query);
      const day = zoneClock(await timeZoneOf(ctx, ctx.actor.userId)).at(ctx.clock.now()).date;
      return http.body(toStream(text), 200, {
        'content-type': 'text/csv; charset=utf-8',
        'content-disposition': `attachment; filename="${query.log}-${day}.csv"`,
      });
    },
  }),
  route({
    method: 'post',
    path: '/analytics/cleanup',
    tag,
    summary: 'Delete old log entries',
    description: 'Your own; an admin may say whose, or `all=true`. Codes that can still be used stay.',
    auth: 'credential',
    scope: 'analytics:write',
    query: z.object(tenantQuery),
    body: CleanupFields,
    response: answerOf(CleanupData),
    example: { body: { activityDays: 30, otpDays: 7 } },
    handler: async ({ ctx, query, body }) => {
      const { retentionDays } = ctx.config;
      const data = await cleanLogs(ctx, {
        ...query,
        activityDays: body.activityDays ?? retentionDays.activity,
        otpDays: body.otpDays ?? retentionDays.otp,
      });
      return { message: 'Cleanup completed', data };
    },
  }),
];

/** Asks for the next piece when the reader wants it; a reader that goes away ends the work. */
function toStream(text: AsyncGenerator<string>): ReadableStream<Uint8Array> {
  const encoder = new TextEncoder();
  return new ReadableStream({
    async pull(controller) {
      const { done, value } = await text.next();
      if (done) controller.close();
      else controller.enqueue(encoder.encode(value));
    },
    async cancel() {
      await text.return(undefined);
    },
  });
}

/** Statistics, logs, export and cleanup. */
export const analyticsRoutes: readonly Route[] = [...statisticsRoutes, ...logRoutes];

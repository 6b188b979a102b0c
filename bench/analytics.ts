/**
 * `npm run bench -- analytics [rows]` (DB_TYPE=mysql with DB_HOST, DB_PORT, … for a server with an empty database): how
 * long pages of the logs and of the history, statistics and the export take with a million rows in each table. The
 * goal is 50 ms a page.
 */
import type { Ctx } from '../src/services/context.ts';
import { newId } from '../src/utils/ids.ts';
import { closeHistory, DAY_MS, db, deps, phoneOf, startMs, TENANT } from './analytics/history.ts';
import { measure } from './measure/times.ts';

const { deleteActivity } = await import('../src/services/analytics/cleanup.ts');
const { readDashboard } = await import('../src/services/analytics/dashboard.ts');
const { exportLog } = await import('../src/services/analytics/export.ts');
const { listActivity, listErrors } = await import('../src/services/analytics/logs.ts');
const { listOtpLog } = await import('../src/services/analytics/otp-log.ts');
const { listMessages } = await import('../src/services/messages/history.ts');
const { readSessionStats } = await import('../src/services/analytics/session-stats.ts');

const ctx: Ctx = {
  ...deps,
  actor: {
    userId: TENANT,
    personId: TENANT,
    role: 'admin',
    workspaceRole: 'owner',
    via: 'jwt',
    scopes: null,
    sessionIds: null,
    keyId: null,
  },
  requestId: 'bench',
  ip: null,
  userAgent: null,
};

const first = { page: 1, limit: 50 };
const rare = 'session-7';
const busy = 'session-0';
await measure('activity, no filter', () => listActivity(ctx, first));
await measure('activity, page 200 of 50', () => listActivity(ctx, { page: 200, limit: 50 }));
await measure('activity, limit 200', () => listActivity(ctx, { page: 1, limit: 200 }));
await measure('activity, action=message_send', () => listActivity(ctx, { ...first, action: 'message_send' }));
await measure('activity, action=session_create (rare)', () =>
  listActivity(ctx, { ...first, action: 'session_create' }),
);
await measure('activity, action=file_upload (none)', () =>
  listActivity(ctx, { ...first, action: 'file_upload' }),
);
await measure('activity, status=error', () => listActivity(ctx, { ...first, status: 'error' }));
await measure('activity, status=error, page 200 of 50', () =>
  listActivity(ctx, { page: 200, limit: 50, status: 'error' }),
);
await measure('activity, status=success, page 200 of 50', () =>
  listActivity(ctx, { page: 200, limit: 50, status: 'success' }),
);
await measure('activity, sessionId (rare) and status', () =>
  listActivity(ctx, { ...first, sessionId: rare, status: 'pending' }),
);
await measure('activity, sessionId (busy)', () => listActivity(ctx, { ...first, sessionId: busy }));
await measure('activity, sessionId (rare) and action', () =>
  listActivity(ctx, { ...first, sessionId: rare, action: 'message_send' }),
);
await measure('activity, sessionId (busy), action, status', () =>
  listActivity(ctx, { ...first, sessionId: busy, action: 'session_create', status: 'error' }),
);
const middle = startMs + 15 * DAY_MS;
await measure('activity, a day in the middle, action', () =>
  listActivity(ctx, { ...first, action: 'message_send', from: middle, to: middle + DAY_MS }),
);
const cursor = `${middle}.${newId(middle)}`;
await measure('activity, cursor in the middle', () => listActivity(ctx, { ...first, cursor }));
await measure('activity, cursor in the middle, sessionId, action', () =>
  listActivity(ctx, { ...first, cursor, sessionId: busy, action: 'message_send' }),
);
await measure('errors, sessionId', () => listErrors(ctx, { page: 1, limit: 20, sessionId: rare }));
await measure('errors, page 200 of 50', () => listErrors(ctx, { page: 200, limit: 50 }));
await measure('activity, all tenants', () => listActivity(ctx, { ...first, all: true }));
await measure('activity, all tenants, status=error', () =>
  listActivity(ctx, { ...first, all: true, status: 'error' }),
);
await measure('otp, no filter', () => listOtpLog(ctx, first));
await measure('otp, phoneNumber', () => listOtpLog(ctx, { ...first, phoneNumber: `+${phoneOf(4_711)}` }));
await measure('otp, phoneNumber and status', () =>
  listOtpLog(ctx, { ...first, phoneNumber: `+${phoneOf(4_711)}`, status: 'verified' }),
);
await measure('otp, status=verified', () => listOtpLog(ctx, { ...first, status: 'verified' }));
await measure('otp, status=canceled (rare)', () => listOtpLog(ctx, { ...first, status: 'canceled' }));
await measure('otp, sessionId', () => listOtpLog(ctx, { ...first, sessionId: busy }));
await measure('otp, cursor in the middle', () => listOtpLog(ctx, { ...first, cursor }));
await measure('otp, sessionId (busy), page 200 of 50', () =>
  listOtpLog(ctx, { page: 200, limit: 50, sessionId: busy }),
);
await measure('otp, a day in the middle, status=failed', () =>
  listOtpLog(ctx, { ...first, status: 'failed', from: middle, to: middle + DAY_MS }),
);
await measure('otp, all tenants, status=expired', () =>
  listOtpLog(ctx, { ...first, all: true, status: 'expired' }),
);
await measure('messages, no filter', () => listMessages(ctx, first));
await measure('messages, page 200 of 50', () => listMessages(ctx, { page: 200, limit: 50 }));
await measure('messages, session (rare)', () => listMessages(ctx, { ...first, session: rare }));
await measure('messages, session (busy), status=failed', () =>
  listMessages(ctx, { ...first, session: busy, status: 'failed' }),
);
await measure('messages, status=failed', () => listMessages(ctx, { ...first, status: 'failed' }));
await measure('messages, status=canceled (none)', () => listMessages(ctx, { ...first, status: 'canceled' }));
await measure('messages, type=video (none)', () => listMessages(ctx, { ...first, type: 'video' }));
await measure('messages, direction=in', () => listMessages(ctx, { ...first, direction: 'in' }));
await measure('messages, to', () => listMessages(ctx, { ...first, to: `+${phoneOf(4_711)}` }));
await measure('messages, session and to', () =>
  listMessages(ctx, { ...first, session: busy, to: `+${phoneOf(4_711)}` }),
);
await measure('messages, a day in the middle', () =>
  listMessages(ctx, { ...first, since: middle, until: middle + DAY_MS }),
);
await measure('messages, cursor in the middle', () => listMessages(ctx, { ...first, cursor }));
await measure('dashboard, the first time', () => readDashboard(ctx, {}), 1);
await measure('dashboard', () => readDashboard(ctx, {}));
await measure(
  'session statistics, 7 days, busy',
  () => readSessionStats(ctx, { sessionId: busy, days: 7 }),
  1,
);
await measure(
  'session statistics, 7 days, rare',
  () => readSessionStats(ctx, { sessionId: rare, days: 7 }),
  1,
);
let bytes = 0;
await measure(
  'export of the activity log',
  async () => {
    for await (const text of await exportLog(ctx, { log: 'activity' })) bytes += text.length;
  },
  1,
);
console.log(
  `exported ${(bytes / 1e6).toFixed(0)} MB, resident ${(process.memoryUsage.rss() / 1e6).toFixed(0)} MB`,
);
await measure(
  'retention: a day of the activity log',
  () => deleteActivity(db, null, startMs + DAY_MS).then((n) => console.log(`deleted ${n}`)),
  1,
);

await closeHistory();

/**
 * `npm run bench -- analytics [rows]` (DB_TYPE=mysql with DB_HOST, DB_PORT, … for a server with an empty database): how
 * long pages of the logs and of the history, statistics and the export take with a million rows in each table. The
 * goal is 50 ms a page.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { sql } from 'drizzle-orm';
import { readDatabaseOptions } from '../scripts/database-options.ts';
import type { DatabaseOptions } from '../src/db/types.ts';
import type { Ctx } from '../src/services/context.ts';
import { systemClock } from '../src/utils/clock.ts';
import { loadConfig } from '../src/utils/config.ts';
import { newId, newMessageId } from '../src/utils/ids.ts';

const options = readDatabaseOptions();
const { openDatabase } = await import('../src/db/client.ts');
const { migrate } = await import('../src/db/migrate.ts');
const { insertMany, rawRows, rawRun } = await import('../src/db/ops.ts');
const { activityLogs, messages, otps, whatsappAccounts } = await import('../src/db/schema.ts');
const { actionOf, statusOf } = await import('../src/events/actions.ts');
const { buildDeps } = await import('../src/services/deps.ts');
const { deleteActivity } = await import('../src/services/analytics/cleanup.ts');
const { readDashboard } = await import('../src/services/analytics/dashboard.ts');
const { exportLog } = await import('../src/services/analytics/export.ts');
const { listActivity, listErrors } = await import('../src/services/analytics/logs.ts');
const { listOtpLog } = await import('../src/services/analytics/otp-log.ts');
const { listMessages } = await import('../src/services/messages/history.ts');
const { readSessionStats } = await import('../src/services/analytics/session-stats.ts');

const ROWS = Number(process.argv[2] ?? 1_000_000);
const PIECE = 500;
const RUNS = 15;
const DAYS = 30;
const DAY_MS = 86_400_000;
const TENANT = 1;
const SESSIONS = Array.from({ length: 20 }, (_, i) => ({ id: newId(), sessionId: `session-${i}` }));

const dir = mkdtempSync(join(tmpdir(), 'wahub-bench-'));
const target: DatabaseOptions =
  options.type === 'sqlite' ? { type: 'sqlite', path: join(dir, 'bench.db') } : options;
const database = await openDatabase(target);
await migrate(database);
const { db } = database;
const config = loadConfig({
  NODE_ENV: 'test',
  JWT_SECRET: 'bench-jwt-secret'.repeat(4),
  ENCRYPTION_KEY: '0123456789abcdef'.repeat(4),
});
const silent = {
  error: console.error,
  warn: console.warn,
  info: () => undefined,
  debug: () => undefined,
  child: () => silent,
};
const deps = buildDeps({ config, database, logger: silent, clock: systemClock, processId: newId() });
const ctx: Ctx = {
  ...deps,
  actor: { userId: TENANT, role: 'admin', via: 'jwt', scopes: null, sessionId: null, keyId: null },
  requestId: 'bench',
  ip: null,
  userAgent: null,
};

const startMs = Date.now() - DAYS * DAY_MS;
const timeOf = (i: number) => startMs + Math.floor((i / ROWS) * DAYS * DAY_MS);
const pick = <T>(list: readonly T[], i: number): T => list[i % list.length] as T;
const phoneOf = (i: number) => `6281${String(200_000_000 + (i % 50_000))}`;
/** One session does most of the work, as it is in life: the others are what a filter has to find. */
const sessionOf = (i: number) => (i % 10 < 8 ? pick(SESSIONS, 0) : pick(SESSIONS, i));

const EVENTS = ['message.sent', 'message.delivered', 'message.read', 'message.received', 'api.request'];

function activityRow(i: number): typeof activityLogs.$inferInsert {
  const at = timeOf(i);
  const session = sessionOf(i);
  const rare = i % 100 === 0 ? 'message.failed' : i % 1_000 === 1 ? 'session.created' : null;
  const event = rare ?? pick(EVENTS, i);
  const data = { messageId: newMessageId(), to: `+${phoneOf(i)}`, type: 'text' };
  const fact = { event, data, ...(event === 'message.failed' ? { status: 'failure' as const } : {}) };
  return {
    id: newId(at),
    userId: TENANT,
    accountId: session.id,
    sessionId: session.sessionId,
    seq: i,
    event,
    action: actionOf(fact),
    status: statusOf(fact),
    subject: data.messageId,
    data,
    at,
  };
}

const OTP_ENDS = ['verified', 'verified', 'verified', 'expired', 'failed'] as const;

function otpRow(i: number): typeof otps.$inferInsert {
  const at = timeOf(i);
  const session = sessionOf(i);
  return {
    id: newId(at),
    userId: TENANT,
    accountId: session.id,
    sessionId: session.sessionId,
    requestedSessionId: session.sessionId,
    phone: phoneOf(i),
    status: i % 5_000 === 0 ? 'canceled' : pick(OTP_ENDS, i),
    length: 6,
    language: 'id',
    attempts: i % 3,
    maxAttempts: 3,
    messageRowId: newId(at),
    messageId: newMessageId(),
    deliveries: [],
    failover: [],
    expiresAt: at + 300_000,
    endedAt: at + 60_000,
    createdAt: at,
    updatedAt: at,
  };
}

function messageRow(i: number): typeof messages.$inferInsert {
  const at = timeOf(i);
  const session = sessionOf(i);
  const failed = i % 100 === 0;
  return {
    id: newId(at),
    userId: TENANT,
    accountId: session.id,
    sessionId: session.sessionId,
    messageId: newMessageId(),
    direction: i % 5 === 0 ? 'in' : 'out',
    peer: `${phoneOf(i)}@s.whatsapp.net`,
    phone: phoneOf(i),
    type: pick(['text', 'image', 'otp'], i),
    content: { type: 'text', text: 'x' },
    status: failed ? 'failed' : pick(['sent', 'delivered', 'read'], i),
    queuedAt: at,
    sentAt: failed ? null : at + 100 + (i % 5_000),
    createdAt: at,
    updatedAt: at,
  };
}

async function fill<R>(
  name: string,
  row: (i: number) => R,
  insert: (rows: R[]) => Promise<void>,
): Promise<void> {
  const startedMs = performance.now();
  for (let at = 0; at < ROWS; at += PIECE) {
    await insert(Array.from({ length: Math.min(PIECE, ROWS - at) }, (_, i) => row(at + i)));
  }
  const seconds = (performance.now() - startedMs) / 1000;
  console.log(`${name}: ${ROWS} rows in ${seconds.toFixed(0)} s, ${Math.round(ROWS / seconds)} /s`);
}

/** Median and worst of some runs, and the longest time that the event loop stood still. */
async function measure(name: string, work: () => Promise<unknown>, runs = RUNS): Promise<void> {
  const times: number[] = [];
  let heldMs = 0;
  let tickMs = performance.now();
  const timer = setInterval(() => {
    heldMs = Math.max(heldMs, performance.now() - tickMs - 2);
    tickMs = performance.now();
  }, 2);
  for (let run = 0; run < runs; run++) {
    const beganMs = performance.now();
    await work();
    times.push(performance.now() - beganMs);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
  clearInterval(timer);
  times.sort((a, b) => a - b);
  const at = (p: number) => times[Math.min(times.length - 1, Math.floor(times.length * p))] ?? 0;
  console.log(
    `${name.padEnd(56)} median ${at(0.5).toFixed(1).padStart(7)} ms   worst ${at(1).toFixed(1).padStart(7)} ms   loop held ${heldMs.toFixed(0).padStart(4)} ms`,
  );
}

console.log(`${target.type}, ${ROWS} rows a table`);
await db.insert(whatsappAccounts).values(
  SESSIONS.map(({ id, sessionId }) => ({
    id,
    userId: TENANT,
    sessionId,
    status: 'connected' as const,
    pairing: 'qr' as const,
    createdAt: startMs,
    updatedAt: startMs,
  })),
);
await fill('activity_logs', activityRow, (rows) => insertMany(db, activityLogs, rows));
await fill('otps', otpRow, (rows) => insertMany(db, otps, rows));
await fill('messages', messageRow, (rows) => insertMany(db, messages, rows));
for (const name of ['activity_logs', 'otps', 'messages']) {
  const table = sql.identifier(name);
  if (target.type === 'sqlite') await rawRun(db, sql`analyze ${table}`);
  else await rawRows(db, sql`analyze table ${table}`);
}

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

await deps.outgoing.close();
await database.close();
rmSync(dir, { recursive: true, force: true });

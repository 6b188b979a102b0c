/** A database with a month of one tenant's history: a million rows (or as many as asked for) in each large table. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { sql } from 'drizzle-orm';
import { readDatabaseOptions } from '../../scripts/database-options.ts';
import type { DatabaseOptions } from '../../src/db/types.ts';
import { systemClock } from '../../src/utils/clock.ts';
import { loadConfig } from '../../src/utils/config.ts';
import { newId, newMessageId } from '../../src/utils/ids.ts';

const options = readDatabaseOptions();
const { openDatabase } = await import('../../src/db/client.ts');
const { migrate } = await import('../../src/db/migrate.ts');
const { insertMany, rawRows, rawRun } = await import('../../src/db/ops.ts');
const { activityLogs, messages, otps, whatsappAccounts } = await import('../../src/db/schema.ts');
const { actionOf, statusOf } = await import('../../src/events/actions.ts');
const { buildDeps } = await import('../../src/services/deps.ts');

const ROWS = Number(process.argv[2] ?? 1_000_000);
const BATCH_SIZE = 500;
const DAYS = 30;
export const DAY_MS = 86_400_000;
export const TENANT = 1;
const SESSIONS = Array.from({ length: 20 }, (_, i) => ({ id: newId(), sessionId: `session-${i}` }));

const dir = mkdtempSync(join(tmpdir(), 'wahub-bench-'));
const target: DatabaseOptions =
  options.type === 'sqlite' ? { type: 'sqlite', path: join(dir, 'bench.db') } : options;
const database = await openDatabase(target);
await migrate(database);
export const { db } = database;
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
export const { deps, stop: stopDeps } = buildDeps({
  config,
  database,
  logger: silent,
  clock: systemClock,
  processId: newId(),
});
export const startMs = Date.now() - DAYS * DAY_MS;
const timeOf = (i: number) => startMs + Math.floor((i / ROWS) * DAYS * DAY_MS);
const pick = <T>(list: readonly T[], i: number): T => list[i % list.length] as T;
export const phoneOf = (i: number) => `6281${String(200_000_000 + (i % 50_000))}`;
/** One session does most of the work, as it is in life: the others are what a filter has to find. */
const sessionOf = (i: number) => (i % 10 < 8 ? pick(SESSIONS, 0) : pick(SESSIONS, i));

const EVENTS = ['message.sent', 'message.delivered', 'message.read', 'message.received', 'api.request'];

const RARE = [
  { event: 'message.failed', every: 100, from: 0 },
  { event: 'session.created', every: 1_000, from: 1 },
  { event: 'auth.login', every: 2_000, from: 3 },
];

function activityRow(i: number): typeof activityLogs.$inferInsert {
  const at = timeOf(i);
  const rare = RARE.find(({ every, from }) => i % every === from)?.event;
  const event = rare ?? pick(EVENTS, i);
  // Half of the calls are about no session, and no sign-in is.
  const session = event === 'auth.login' || (event === 'api.request' && i % 2 === 0) ? null : sessionOf(i);
  const data = { messageId: newMessageId(), to: `+${phoneOf(i)}`, type: 'text' };
  const fact = { event, data, ...(event === 'message.failed' ? { status: 'failure' as const } : {}) };
  return {
    id: newId(at),
    userId: TENANT,
    accountId: session?.id ?? null,
    sessionId: session?.sessionId ?? null,
    seq: session === null ? null : i,
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
  for (let at = 0; at < ROWS; at += BATCH_SIZE) {
    await insert(Array.from({ length: Math.min(BATCH_SIZE, ROWS - at) }, (_, i) => row(at + i)));
  }
  const seconds = (performance.now() - startedMs) / 1000;
  console.log(`${name}: ${ROWS} rows in ${seconds.toFixed(0)} s, ${Math.round(ROWS / seconds)} /s`);
}

console.log(`${target.type}, ${ROWS} rows a table`);
await db.insert(whatsappAccounts).values(
  SESSIONS.map(({ id, sessionId }) => ({
    id,
    userId: TENANT,
    sessionId,
    status: 'connected' as const,
    pairing: 'qr' as const,
    seq: ROWS,
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

/** Closes the database and removes its file. */
export async function closeHistory(): Promise<void> {
  await stopDeps();
  await database.close();
  rmSync(dir, { recursive: true, force: true });
}

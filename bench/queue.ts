/**
 * `npx tsx bench/queue.ts` (DB_TYPE=mysql with DB_HOST, DB_PORT, … for a server): how many messages one process
 * queues through the whole HTTP surface, against a bare Hono with one INSERT on the same database, and how many
 * it claims, sends through an engine that answers after 5 ms, and settles.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { count, eq } from 'drizzle-orm';
import { Hono } from 'hono';
import { readDatabaseOptions } from '../scripts/database-options.ts';
import type { DatabaseOptions } from '../src/db/types.ts';
import { systemClock } from '../src/utils/clock.ts';
import { loadConfig } from '../src/utils/config.ts';
import { newId, newMessageId } from '../src/utils/ids.ts';
import type { AccountRef } from '../src/whatsapp/engine.ts';

const options = readDatabaseOptions();
const { openDatabase } = await import('../src/db/client.ts');
const { migrate } = await import('../src/db/migrate.ts');
const { createApp } = await import('../src/app.ts');
const { createCommandBus } = await import('../src/cluster/commands.ts');
const { messageRoutes } = await import('../src/controllers/message.ts');
const { messageQueue, messages, users, whatsappAccounts } = await import('../src/db/schema.ts');
const { createSettler } = await import('../src/queue/settle.ts');
const { buildDeps } = await import('../src/services/deps.ts');
const { createDispatcher } = await import('../src/workers/dispatcher.ts');
const { makeTenant } = await import('../tests/helpers/tenant.ts');
const { createFakeEngine } = await import('../tests/helpers/fake-engine.ts');

const SECONDS = 4;
const CALLERS = 50;
const OWNER = newId();
const ANSWER_MS = 5;

const dir = mkdtempSync(join(tmpdir(), 'wahub-bench-'));
const synchronous = process.env.DB_SQLITE_SYNCHRONOUS === 'FULL' ? 'FULL' : 'NORMAL';
const target: DatabaseOptions =
  options.type === 'sqlite' ? { type: 'sqlite', path: join(dir, 'bench.db'), synchronous } : options;
const database = await openDatabase(target);
await migrate(database);
const { db } = database;
const silent = {
  error: console.error,
  warn: console.warn,
  info: () => undefined,
  debug: () => undefined,
  child: () => silent,
};
const loaded = loadConfig({
  NODE_ENV: 'test',
  JWT_SECRET: 'bench-jwt-secret'.repeat(4),
  ENCRYPTION_KEY: '0123456789abcdef'.repeat(4),
  API_RATE_LIMIT_MAX: '10000000',
  MESSAGE_DELAY_MIN: '0',
  MESSAGE_DELAY_MAX: '0',
  OTP_RESERVE_PERCENT: '0',
  NEW_CONTACTS_PER_DAY: '0',
});
const wide = { perMinute: 1e6, perHour: 1e6, perRecipientPerHour: 1e6 };
const config = { ...loaded, pacing: { ...loaded.pacing, ...wide }, queueQuota: 10_000_000 };
const clock = systemClock;
const { deps, stop: stopDeps } = buildDeps(
  { config, database, logger: silent, clock, processId: OWNER },
  { commands: createCommandBus({ processId: OWNER, clock }), lifecycle: { phase: 'ready' } },
);

async function addSession(userId: number, sessionId: string): Promise<AccountRef> {
  const id = newId();
  const now = clock.now();
  await db.insert(whatsappAccounts).values({
    id,
    userId,
    sessionId,
    status: 'connected',
    pairing: 'qr',
    paired: true,
    owner: OWNER,
    fence: 1,
    createdAt: now,
    updatedAt: now,
  });
  return { id, userId, sessionId, owner: OWNER, fence: 1 };
}

/** Calls `work` from some loops at once for some seconds; calls per second. */
async function measure(name: string, work: (n: number) => Promise<Response>): Promise<number> {
  let calls = 0;
  const cpu = process.cpuUsage();
  const startMs = performance.now();
  const caller = async () => {
    while (performance.now() < startMs + SECONDS * 1_000) {
      const response = await work(calls++);
      if (!response.ok) throw new Error(`${response.status} ${await response.text()}`);
    }
  };
  await Promise.all(Array.from({ length: CALLERS }, caller));
  const perSecond = calls / ((performance.now() - startMs) / 1_000);
  const { user, system } = process.cpuUsage(cpu);
  const cpuMs = (user + system) / 1_000 / calls;
  console.log(`${name.padEnd(44)} ${perSecond.toFixed(0).padStart(7)} /s   ${cpuMs.toFixed(2)} ms CPU each`);
  return perSecond;
}

const phone = (n: number) => `62812${10_000_000 + (n % 5_000)}`;
const post = (body: object, headers: Record<string, string> = {}): RequestInit => ({
  method: 'POST',
  headers: { 'content-type': 'application/json', ...headers },
  body: JSON.stringify(body),
});
const peer = { incoming: { socket: { remoteAddress: '127.0.0.1' } } };

async function benchEnqueue(tenant: { id: number; apiKey: string }, account: AccountRef): Promise<void> {
  const bare = new Hono().post('/', async (c) => {
    const { to, text } = await c.req.json<{ to: string; text: string }>();
    const now = clock.now();
    const row = { id: newId(), messageId: newMessageId(), peer: `${to}@s.whatsapp.net`, phone: to };
    const { id: accountId, userId, sessionId } = account;
    await db.insert(messages).values({
      ...row,
      userId,
      accountId,
      sessionId,
      direction: 'out',
      type: 'text',
      content: { type: 'text', text },
      status: 'failed',
      createdAt: now,
      updatedAt: now,
    });
    return c.json({ success: true, data: row }, 202);
  });
  const app = createApp(deps, messageRoutes);
  const baseline = await measure('bare Hono, one INSERT', async (n) =>
    bare.request('/', post({ to: phone(n), text: `hello ${n}` })),
  );
  const body = (n: number) => ({ session: account.sessionId, to: `+${phone(n)}`, text: `hello ${n}` });
  const key = { 'x-api-key': tenant.apiKey };
  const ours = await measure('POST /message/send-text', async (n) =>
    app.request('/message/send-text', post(body(n), key), peer),
  );
  await measure('the same with an Idempotency-Key', async (n) =>
    app.request('/message/send-text', post(body(n), { ...key, 'idempotency-key': newId() }), peer),
  );
  console.log(`${(ours / baseline).toFixed(2)} of the bare one\n`);
  await app.stop();
}

async function benchDispatch(userId: number, sessions: number, each: number): Promise<void> {
  const engine = createFakeEngine(clock);
  engine.answer = () => engine.later(ANSWER_MS);
  const settler = createSettler(deps);
  const dispatcher = createDispatcher({ ...deps, engine, settler });
  const { enqueueMany } = await import('../src/queue/enqueue.ts');
  const accounts: AccountRef[] = [];
  for (let s = 0; s < sessions; s++) {
    const account = await addSession(userId, `bench-${newId()}`);
    accounts.push(account);
    for (let at = 0; at < each; at += 200) {
      const rows = Array.from({ length: Math.min(200, each - at) }, (_, n) => ({
        userId,
        accountId: account.id,
        sessionId: account.sessionId,
        messageId: newMessageId(),
        peer: `${phone(at + n)}@s.whatsapp.net`,
        phone: phone(at + n),
        lid: null,
        type: 'text',
        content: { type: 'text', text: 'hello' },
        priority: 1 as const,
        scheduledAt: null,
        expiresAt: null,
      }));
      await db.transaction((tx) => enqueueMany(tx, deps, rows));
    }
  }
  let settled = 0;
  const total = sessions * each;
  const cpu = process.cpuUsage();
  const startMs = performance.now();
  dispatcher.start();
  await new Promise<void>((resolve) => {
    deps.signals.onSettled(() => {
      settled++;
      if (settled === total) resolve();
    });
    for (const account of accounts) void dispatcher.add(account);
  });
  const seconds = (performance.now() - startMs) / 1_000;
  const { user, system } = process.cpuUsage(cpu);
  console.log(
    `${`claim, send, settle: ${sessions} session(s)`.padEnd(44)} ${(total / seconds).toFixed(0).padStart(7)} /s   ` +
      `${((user + system) / 1_000 / total).toFixed(2)} ms CPU each`,
  );
  await dispatcher.stop();
  await settler.stop(1_000);
  const [sent] = await db
    .select({ n: count() })
    .from(messages)
    .where(eq(messages.accountId, accounts[0]?.id ?? ''));
  if (sent?.n !== each) throw new Error('messages are missing');
}

// The service's timers do not keep a process alive by themselves.
const alive = setInterval(() => undefined, 1_000);
console.log(`${target.type}${target.type === 'sqlite' ? `, synchronous ${synchronous}` : ''}`);
try {
  const tenant = await makeTenant(deps);
  await benchEnqueue(tenant, await addSession(tenant.id, 'bench'));
  await db.delete(messageQueue);
  for (const [sessions, each] of [
    [1, 2_000],
    [20, 150],
  ] as const) {
    await benchDispatch(tenant.id, sessions, each);
  }
} finally {
  clearInterval(alive);
  if (target.type === 'mysql') {
    for (const table of [messages, messageQueue, whatsappAccounts, users]) await db.delete(table);
  }
  await stopDeps();
  await database.close();
  rmSync(dir, { recursive: true, force: true });
}

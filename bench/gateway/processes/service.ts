/** The whole service as it is started, and beside it the bare server it is compared with, on the same database. */
import '../../../src/whatsapp/baileys/native-curve.ts';
import '../../../src/whatsapp/baileys/native-hash.ts';
import type { AddressInfo } from 'node:net';
import { serve } from '@hono/node-server';
import { config as readDotenv } from 'dotenv';
import { and, eq } from 'drizzle-orm';
import { Hono } from 'hono';
import { countStatements } from '../../../tests/helpers/statements.ts';
import type { DatabaseUse } from '../../measure/database-use.ts';
import { type Profile, startProfile } from '../../measure/profile.ts';
import { waitUntil } from '../../measure/until.ts';
import { cpuMs, serveCalls } from '../child.ts';
import { measureDelays, measureMemory } from '../measure.ts';

readDotenv({ quiet: true, path: [] });
const { startGateway } = await import('../../../src/gateway.ts');
const { messageQueue, messages, whatsappAccounts } = await import('../../../src/db/schema.ts');
const { loadConfig } = await import('../../../src/utils/config.ts');
const { newId, newMessageId } = await import('../../../src/utils/ids.ts');
const { readWireTimes } = await import('../../campaign/wire-times.ts');
const { readLateness } = await import('../../scale/lateness.ts');

// A server counts for itself; SQLite is part of this process.
const hasTexts = process.env.BENCH_STATEMENTS === '1';
const isCounting = process.env.DB_TYPE !== 'mysql' || hasTexts;
const statements = isCounting ? countStatements({ hasTexts }) : null;
const counted = { statements: 0, transactions: 0 };
const texts = new Map<string, number>();
const startedMs = performance.now();
const startedCpuMs = cpuMs();
const gateway = await startGateway(loadConfig(process.env));
await gateway.ready;
const { db, signals } = gateway.deps;

const sent = new Set<string>();
let waiting: { count: number; resolve(): void } | null = null;
signals.onSettled(({ id, status }) => {
  if (status === 'failed' || status === 'expired') throw new Error(`a message is ${status}`);
  sent.add(id);
  if (waiting && sent.size >= waiting.count) waiting.resolve();
});

/** Hono and one durable row, without anything else. */
const bare = new Hono().post('/', async (c) => {
  const { session, to, text } = await c.req.json<{ session: string; to: string; text: string }>();
  const now = Date.now();
  const messageId = newMessageId();
  await db.insert(messages).values({
    id: newId(),
    userId: 1,
    accountId: 'bare',
    sessionId: session,
    messageId,
    peer: `${to}@s.whatsapp.net`,
    phone: to,
    direction: 'out',
    type: 'text',
    content: { type: 'text', text },
    status: 'failed',
    createdAt: now,
    updatedAt: now,
  });
  return c.json({ success: true, data: { messageId } }, 202);
});
const bareServer = await new Promise<ReturnType<typeof serve>>((resolve) => {
  const server = serve({ fetch: bare.fetch, hostname: '127.0.0.1', port: 0 }, () => resolve(server));
});

const calls = {
  async where() {
    return { url: gateway.url, bareUrl: `http://127.0.0.1:${portOf(bareServer.address())}` };
  },
  /** Resolves when `count` more messages than at the last call of `forgetSent` are known to be with WhatsApp. */
  async waitSent(count: number) {
    if (sent.size >= count) return;
    await new Promise<void>((resolve) => {
      waiting = { count, resolve };
    });
    waiting = null;
  },
  async forgetSent() {
    sent.clear();
  },
  /** Nothing of this session is sent until the end of the benchmark. */
  async pauseSession(sessionId: string) {
    const until = { pausedUntil: Date.now() + 86_400_000, pauseReason: 'bench' };
    await db.update(whatsappAccounts).set(until).where(eq(whatsappAccounts.sessionId, sessionId));
  },
  /** Empties the tables that enqueueing fills. */
  async emptyQueue() {
    await db.delete(messageQueue);
    await db.delete(messages).where(and(eq(messages.direction, 'out')));
  },
  /** Messages known to be with WhatsApp since the last call of `forgetSent`. */
  async sentCount() {
    return sent.size;
  },
  /** Resolves when so many sessions are connected, with how long that is after the start and its CPU time. */
  async waitConnected(count: number) {
    const { status, owner } = whatsappAccounts;
    const areConnected = async () => {
      const rows = await db.select({ owner }).from(whatsappAccounts).where(eq(status, 'connected'));
      return rows.length >= count;
    };
    const bounds = { timeoutMs: CONNECT_TIMEOUT_MS, everyMs: 20 };
    await waitUntil(`${count} sessions are connected`, areConnected, bounds);
    return { ms: performance.now() - startedMs, cpuMs: cpuMs() - startedCpuMs };
  },
  /** How many sessions each process holds. */
  async shares() {
    const { status, owner } = whatsappAccounts;
    const rows = await db.select({ owner }).from(whatsappAccounts).where(eq(status, 'connected'));
    const found = new Map<string, number>();
    for (const row of rows) found.set(row.owner ?? '', (found.get(row.owner ?? '') ?? 0) + 1);
    return [...found.values()];
  },
  /** The next start connects these sessions and no other. */
  async resumeOnly(sessionIds: readonly string[]) {
    await db.update(whatsappAccounts).set({ status: 'failed' });
    for (const sessionId of sessionIds) {
      await db
        .update(whatsappAccounts)
        .set({ status: 'disconnected', reason: null })
        .where(eq(whatsappAccounts.sessionId, sessionId));
    }
  },
  /** How the messages left that were queued since then (epoch milliseconds). */
  async lateness({ since, perMinute }: { since: number; perMinute: number }) {
    return readLateness(db, since, perMinute);
  },
  /** How long a campaign's messages that left since then (epoch milliseconds) were on the wire. */
  async wireTimes(since: number) {
    return readWireTimes(db, since);
  },
  async memory() {
    return measureMemory();
  },
  async startDelays() {
    delays = measureDelays();
  },
  async stopDelays() {
    return delays?.stop();
  },
  async cpuMs() {
    return cpuMs();
  },
  /** Statements and transactions so far, as this process counts them. */
  async databaseUse(): Promise<DatabaseUse> {
    const more = statements?.take();
    counted.statements += more?.statements ?? 0;
    counted.transactions += more?.transactions ?? 0;
    for (const [text, n] of more?.texts ?? []) texts.set(text, (texts.get(text) ?? 0) + n);
    return { cpuMs: Number.NaN, lockWaits: Number.NaN, lockWaitMs: Number.NaN, ...counted };
  },
  /** The texts that were sent most often since the last call, with how often. */
  async takeTexts(): Promise<[string, number][]> {
    await calls.databaseUse();
    const sorted = [...texts].sort((a, b) => b[1] - a[1]).slice(0, SHOWN_TEXTS);
    texts.clear();
    return sorted;
  },
  async startProfile() {
    profile = await startProfile();
  },
  async stopProfile() {
    return profile?.stop();
  },
};
const SHOWN_TEXTS = 40;
const CONNECT_TIMEOUT_MS = 300_000;
let delays: ReturnType<typeof measureDelays> | null = null;
let profile: Profile | null = null;

export type ServiceCalls = typeof calls;

serveCalls(calls, async () => {
  bareServer.close();
  await gateway.stop();
});

/** Safe because the server listens on a TCP port. */
function portOf(address: string | AddressInfo | null): number {
  return (address as AddressInfo).port;
}

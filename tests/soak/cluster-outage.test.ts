import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Emulator, startEmulator } from 'wa-emulator';
import { type Mariadb, startMariadb } from '../../scripts/mariadb.mjs';
import { messages, whatsappAccounts } from '../../src/db/schema.ts';
import { type Cluster, startCluster } from '../helpers/cluster.ts';
import { until } from '../helpers/until.ts';

const SESSIONS = 6;
const AWAY_MS = 60_000;

let emulator: Emulator;
let server: Mariadb;
let dir: string;
let cluster: Cluster;

beforeAll(async () => {
  emulator = await startEmulator();
  dir = mkdtempSync(join(tmpdir(), 'wahub-away-'));
  server = await startMariadb({ dir, durable: true });
  await server.createDatabase('wahub');
  const { host, port, user, password } = server;
  const on = { type: 'mysql', host, port, user, password, database: 'wahub' } as const;
  cluster = await startCluster(emulator, 2, { on: [on] });
  await cluster.link(
    Array.from({ length: SESSIONS }, (_, n) => ({ name: `s${n}`, phone: `62811000001${n}` })),
  );
}, 120_000);

afterAll(async () => {
  await cluster?.remove();
  await server?.stop();
  rmSync(dir, { recursive: true, force: true });
  await emulator?.stop();
}, 60_000);

test(`${AWAY_MS / 1_000} s without the database: 503 with Retry-After, sockets stay, all goes on by itself`, async () => {
  const { db } = cluster.database;
  const before = await db.select().from(whatsappAccounts);
  const ids = new Map<string, string>();
  const refusals: { status: number; retryAfter: string | undefined }[] = [];
  let slowestMs = 0;
  const send = async (n: number) => {
    const session = `s${n % SESSIONS}`;
    const text = `message ${n}`;
    const startMs = performance.now();
    const to = `62812${String(n % 40).padStart(7, '0')}`;
    const answer = await cluster.processes[n % 2]?.call('POST', '/message/send-text', { session, to, text });
    slowestMs = Math.max(slowestMs, performance.now() - startMs);
    if (answer?.status === 202) ids.set(text, answer.body.data.messageId);
    else refusals.push({ status: answer?.status ?? 0, retryAfter: answer?.retryAfter });
  };
  let n = 0;
  const sendFor = async (durationMs: number) => {
    for (const endsAtMs = performance.now() + durationMs; performance.now() < endsAtMs; ) {
      await send(n++);
      await pause(100);
    }
  };
  await sendFor(3_000);
  const accepted = ids.size;
  await Promise.all([sendFor(AWAY_MS), server.stop()]);
  const { port, host } = server;
  server = await startMariadb({ dir, port, durable: true });
  expect(server.host).toBe(host);
  await until(async () => (await cluster.processes[0]?.call('GET', '/health/ready'))?.status === 200);
  await sendFor(3_000);

  expect(accepted).toBeGreaterThan(0);
  expect(refusals.length).toBeGreaterThan(5);
  for (const { status, retryAfter } of refusals) {
    expect(status).toBe(503);
    expect(Number(retryAfter)).toBeGreaterThan(0);
  }
  console.log(`${refusals.length} refused, ${ids.size} accepted, slowest answer ${slowestMs.toFixed(0)} ms`);
  const arrived = () => emulator.received().filter((message) => ids.has(message.text ?? ''));
  await until(() => new Set(arrived().map(({ text }) => text)).size === ids.size, 60_000, 'the last message');
  for (const { text, id } of arrived()) expect(id).toBe(ids.get(text ?? ''));
  await until(async () => {
    const rows = await db.select().from(messages);
    return rows.every(({ status }) => status !== 'queued' && status !== 'sending' && status !== 'failed');
  });
  // Same owner, same fence, same connection: nobody was thrown out and nobody reconnected.
  const after = await db.select().from(whatsappAccounts);
  const kept = ({ sessionId, owner, fence, status, connectedAt }: (typeof before)[number]) => ({
    sessionId,
    owner,
    fence,
    status,
    connectedAt,
  });
  expect(after.map(kept)).toEqual(before.map(kept));
}, 200_000);

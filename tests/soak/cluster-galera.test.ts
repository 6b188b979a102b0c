import { randomUUID } from 'node:crypto';
import { setTimeout as pause } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Emulator, startEmulator } from 'wa-emulator';
import { ensureGalera, type Galera, startGalera } from '../../scripts/galera.mjs';
import type { MysqlOptions } from '../../src/db/client.ts';
import { messages } from '../../src/db/schema.ts';
import { type Cluster, startCluster } from '../helpers/cluster.ts';
import { onServer } from '../helpers/mariadb.ts';
import { until } from '../helpers/until.ts';

const SESSIONS = 8;
const MESSAGES = 2_000;
const AT_ONCE = 10;
const KILL_AT = 500;

let emulator: Emulator;
let galera: Galera;
let cluster: Cluster;

beforeAll(async () => {
  const there = await ensureGalera();
  if (there !== true) throw new Error(there);
  emulator = await startEmulator();
  galera = await startGalera();
  await galera.createDatabase('wahub');
  cluster = await startCluster(emulator, 2, { on: [wayFrom(0), wayFrom(1)] });
  await cluster.link(
    Array.from({ length: SESSIONS }, (_, n) => ({ name: `s${n}`, phone: `62811000003${n}` })),
  );
  await until(async () => (await cluster.owners()).size === 2);
}, 240_000);

afterAll(async () => {
  await cluster?.remove();
  await galera?.stop();
  await emulator?.stop();
}, 60_000);

/** The nodes as a gateway names them: its own first. */
function wayFrom(first: number): MysqlOptions {
  const { nodes, user, password } = galera;
  const addresses = nodes.map((_, n) => nodes[(first + n) % nodes.length]);
  const [own, ...others] = addresses.flatMap((node) => (node ? [{ host: node.host, port: node.port }] : []));
  if (!own) throw new Error('a cluster has nodes');
  return { type: 'mysql', ...own, others, user, password, database: 'wahub' };
}

async function connectionsTo(node: number): Promise<number> {
  const show = "SHOW STATUS WHERE Variable_name = 'Threads_connected'";
  const [row] = await onServer({ ...wayFrom(node), port: galera.nodes[node]?.port ?? 0 }, [show]);
  return Number(row?.Value);
}

test(`kill -9 of the node that a gateway uses, while ${MESSAGES} messages go out: nothing lost, one id each`, async () => {
  expect(await connectionsTo(0)).toBeGreaterThan(2);
  const ids = new Map<string, string>();
  const refused = { times: 0, firstMs: 0, lastMs: 0 };
  let killed: Promise<void> | null = null;

  /** As a client does: the same key until it is taken. */
  async function send(n: number): Promise<void> {
    const text = `message ${n}`;
    const to = `62812${String(n % 200).padStart(7, '0')}`;
    const body = { session: `s${n % SESSIONS}`, to, text };
    const headers = { 'idempotency-key': randomUUID() };
    for (;;) {
      const answer = await cluster.processes[n % 2]?.call('POST', '/message/send-text', body, headers);
      if (answer?.status === 202) return void ids.set(text, answer.body.data.messageId);
      expect([answer?.status, Number(answer?.retryAfter) > 0]).toEqual([503, true]);
      refused.times += 1;
      refused.lastMs = performance.now();
      refused.firstMs ||= refused.lastMs;
      await pause(Math.min(Number(answer?.retryAfter), 2) * 1_000);
    }
  }
  let next = 0;
  const sendAll = async () => {
    while (next < MESSAGES) {
      const n = next++;
      if (n === KILL_AT) killed = galera.nodes[0]?.kill() ?? null;
      await send(n);
    }
  };
  const startMs = performance.now();
  await Promise.all(Array.from({ length: AT_ONCE }, sendAll));
  await killed;
  const acceptedMs = performance.now() - startMs;

  const arrived = () => emulator.received().filter((message) => ids.has(message.text ?? ''));
  await until(
    () => new Set(arrived().map(({ text }) => text)).size === MESSAGES,
    120_000,
    `the last of ${MESSAGES}`,
  );
  const tookMs = performance.now() - startMs;
  const refusedMs = refused.lastMs - refused.firstMs;
  console.log(
    `accepted in ${seconds(acceptedMs)}, all arrived after ${seconds(tookMs)}; ${refused.times} requests refused within ${seconds(refusedMs)}`,
  );
  for (const { text, id } of arrived()) expect(id).toBe(ids.get(text ?? ''));
  const { db } = cluster.database;
  await until(async () => {
    const rows = await db.select({ status: messages.status }).from(messages);
    return rows.every(({ status }) => !['queued', 'sending', 'failed'].includes(status));
  });
  await cluster.untilConnected();
  expect((await cluster.owners()).size).toBe(2);
}, 300_000);

test('the node comes back, and the gateways go on when the next one is lost', async () => {
  await galera.nodes[0]?.start();
  await galera.nodes[1]?.kill();
  const ids = new Map<string, string>();
  await until(async () => {
    const answers = await Promise.all(
      cluster.processes.map(async (process, n) => {
        const text = `later ${ids.size}`;
        const body = { session: `s${n}`, to: '628129999999', text };
        const answer = await process.call('POST', '/message/send-text', body);
        if (answer.status === 202) ids.set(text, answer.body.data.messageId);
        return answer.status;
      }),
    );
    return answers.every((status) => status === 202);
  }, 60_000);
  await until(() => {
    const texts = new Set(emulator.received().map(({ text }) => text));
    return [...ids.keys()].every((text) => texts.has(text));
  }, 60_000);
}, 180_000);

const seconds = (ms: number) => `${(ms / 1_000).toFixed(1)} s`;

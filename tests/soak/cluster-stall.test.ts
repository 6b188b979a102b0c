import { setTimeout as pause } from 'node:timers/promises';
import { eq } from 'drizzle-orm';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Emulator, startEmulator } from 'wa-emulator';
import { activityLogs, messages } from '../../src/db/schema.ts';
import { type Cluster, startCluster } from '../helpers/cluster.ts';
import type { SandboxProcess } from '../helpers/sandbox-process.ts';
import { until } from '../helpers/until.ts';

const EACH = 2;
const SENT = 40;

let emulator: Emulator;
let cluster: Cluster;

beforeAll(async () => {
  emulator = await startEmulator();
  cluster = await startCluster(emulator, 3);
  await cluster.link(
    Array.from({ length: 3 * EACH }, (_, n) => ({ name: `s${n}`, phone: `62811000000${n}` })),
  );
}, 120_000);

afterAll(async () => {
  await cluster?.remove();
  await emulator?.stop();
}, 60_000);

const sessions = async () => [...(await cluster.owners()).values()].flat();

/** Sends through one process for every session, without a pause, while `work` runs. Text -> id. */
async function sendDuring(
  by: SandboxProcess,
  label: string,
  work: Promise<void>,
): Promise<Map<string, string>> {
  const ids = new Map<string, string>();
  const names = await sessions();
  let goesOn = true;
  const done = work.finally(() => {
    goesOn = false;
  });
  for (let n = 0; goesOn; n++) {
    for (const session of names) {
      const text = `${label} ${n} of ${session}`;
      const to = `62812${String(n % SENT).padStart(7, '0')}`;
      const { status, body } = await by.call('POST', '/message/send-text', { session, to, text });
      expect(status).toBe(202);
      ids.set(text, body.data.messageId);
    }
    await pause(500);
  }
  await done;
  return ids;
}

async function expectAllArrived(ids: Map<string, string>): Promise<void> {
  const arrived = () => emulator.received().filter((message) => ids.has(message.text ?? ''));
  await until(() => new Set(arrived().map(({ text }) => text)).size === ids.size, 60_000, 'the last message');
  for (const { text, id } of arrived()) expect(id).toBe(ids.get(text ?? ''));
  await until(async () => {
    const rows = await cluster.database.db.select().from(messages);
    return rows.every(({ status }) => status !== 'queued' && status !== 'sending');
  });
  const { db } = cluster.database;
  expect(await db.select().from(messages).where(eq(messages.status, 'failed'))).toEqual([]);
}

/** Every status that was ever recorded, as `status:reason`. */
async function statuses(): Promise<Set<string>> {
  const rows = await cluster.database.db
    .select()
    .from(activityLogs)
    .where(eq(activityLogs.event, 'session.status'));
  return new Set(rows.map(({ data }) => `${data.status}:${data.reason}`));
}

async function stall(process: SandboxProcess | undefined, seconds: number): Promise<void> {
  process?.pause();
  await pause(seconds * 1_000);
  process?.resume();
}

test('owners that stood still for 33 s and 40 s lose their sessions to the third; all end connected, none replaced', async () => {
  const [a, b, c] = cluster.processes;
  if (!c) throw new Error('three processes were started');
  const ids = await sendDuring(
    c,
    'still',
    Promise.all([stall(a, 33), stall(b, 40)]).then(() => pause(5_000)),
  );
  await expectAllArrived(ids);
  await cluster.untilConnected();
  expect([...(await statuses())].filter((status) => status.startsWith('replaced'))).toEqual([]);
}, 150_000);

test('an owner that wakes after 32 s, before its successor connects at 36 s, gives way', async () => {
  await until(async () => (await cluster.owners()).size === 3, 60_000, 'that everybody has sessions again');
  const [a, , c] = cluster.processes;
  if (!c) throw new Error('three processes were started');
  const late = async () => {
    await pause(22_000);
    await emulator.fault({ kind: 'refuse', seconds: 14, mode: 'reset' });
  };
  const ids = await sendDuring(
    c,
    'late',
    Promise.all([stall(a, 32), late()]).then(() => pause(8_000)),
  );
  await expectAllArrived(ids);
  await cluster.untilConnected();
  expect([...(await statuses())].filter((status) => status.startsWith('replaced'))).toEqual([]);
}, 150_000);

/** A campaign of several numbers whose processes are killed, and of which one number is deleted on the way. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Emulator, startEmulator } from 'wa-emulator';
import { dbType } from '../../src/db/kit.ts';
import { type Cluster, startCluster } from '../helpers/cluster.ts';
import { linkSession, type SandboxProcess, startSandboxProcess } from '../helpers/sandbox-process.ts';
import { until } from '../helpers/until.ts';

const RECIPIENTS = 240;
const KILLS = 3;
const SENDERS = { main: '628111000061', two: '628111000062', three: '628111000063' };
const NAMES = Object.keys(SENDERS);
const PATH = '/session/main/broadcast';
/** A machine that does much else: alone it takes a fraction of it. */
const PATIENCE_MS = 240_000;
const ENV = {
  MESSAGE_DELAY_MIN: '0',
  MESSAGE_DELAY_MAX: '0',
  MAX_MESSAGES_PER_MINUTE: '100000',
  MAX_MESSAGES_PER_HOUR: '100000',
  NEW_CONTACTS_PER_DAY: '0',
  LOG_LEVEL: 'warn',
};

let emulator: Emulator;
let cluster: Cluster | null = null;
let processes: readonly SandboxProcess[] = [];

beforeAll(async () => {
  emulator = await startEmulator();
  // Where several processes can share the database, the numbers are those of both.
  if (dbType === 'mysql') cluster = await startCluster(emulator, 2, { env: ENV });
  processes = cluster?.processes ?? [await startSandboxProcess(emulator, ENV)];
  const [first] = processes;
  if (!first) throw new Error('no process was started');
  for (const [name, phone] of Object.entries(SENDERS)) await linkSession(first, emulator, name, phone);
}, 240_000);

afterAll(async () => {
  await Promise.all(processes.map((process) => process.remove()));
  await cluster?.remove();
  await emulator?.stop();
});

const own = new Set(Object.values(SENDERS));
const arrived = () => emulator.received().filter(({ from }) => own.has(from));

/** From whichever process answers. */
async function call(method: string, path: string, body?: unknown) {
  for (;;) {
    for (const process of processes) {
      const answer = await process.call(method, path, body).catch(() => null);
      if (answer !== null && answer.status !== 503) return answer;
    }
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}

test(`a campaign of ${NAMES.length} numbers survives ${KILLS} kill -9 and the end of one: nobody is lost, nobody gets it twice`, async () => {
  await emulator.fault({ kind: 'slow_ack', ms: 250 });
  const numbers = Array.from({ length: RECIPIENTS }, (_, i) => `62812${String(20_000_000 + i)}`);
  const made = await call('POST', `${PATH}/send`, { numbers, message: 'Halo', sessions: NAMES });
  expect(made.status).toBe(202);
  const { id } = made.body.data;
  for (let kill = 0; kill < KILLS; kill++) {
    const target = Math.floor((RECIPIENTS * 0.7 * kill) / KILLS);
    await until(() => arrived().length >= target, PATIENCE_MS, `message ${target}`);
    const victim = processes[kill % processes.length];
    // The second one falls into the deletion of a number, which is then asked for again.
    const deleting = kill === 1 ? victim?.call('DELETE', '/session/three').catch(() => null) : null;
    await new Promise((resolve) => setTimeout(resolve, kill * 40));
    await victim?.kill();
    await deleting;
    await victim?.start();
    if (kill === 1) await until(async () => (await deleteThree()) === 404, PATIENCE_MS, 'the deletion');
  }
  const read = async () => (await call('GET', `${PATH}/campaigns/${id}`)).body.data;
  await until(async () => (await read()).status === 'completed', PATIENCE_MS, 'the end of the campaign');

  const { statistics, senders } = await read();
  const { total, pending, queued, failed, sent, skipped } = statistics;
  expect({ total, pending, queued, failed }).toEqual({ total: RECIPIENTS, pending: 0, queued: 0, failed: 0 });
  // Each recipient has one message of one number, however often it was sent under its id.
  const shown = new Set(arrived().map((message) => `${message.from} ${message.to} ${message.id}`));
  const people = new Set(arrived().map(({ to }) => to));
  expect(shown.size).toBe(people.size);
  // What the deleted number was sending at that moment has ended with it, whether it arrived or not: no other sends it again.
  expect(sent + skipped).toBe(RECIPIENTS);
  expect(skipped).toBeLessThanOrEqual(20);
  expect(people.size).toBeGreaterThanOrEqual(sent);
  expect(people.size).toBeLessThanOrEqual(RECIPIENTS);
  const bySession = Object.fromEntries(senders.map((one: { sessionId: string }) => [one.sessionId, one]));
  expect(bySession.three).toMatchObject({ status: null, queued: 0 });
  for (const name of ['main', 'two']) expect(bySession[name].sent).toBeGreaterThan(RECIPIENTS / 4);
}, 900_000);

async function deleteThree(): Promise<number> {
  return (await call('DELETE', '/session/three')).status;
}

import { eq } from 'drizzle-orm';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Emulator, startEmulator } from 'wa-emulator';
import { median } from '../../bench/measure/quantile.ts';
import { messages, sessionCommands, whatsappAccounts } from '../../src/db/schema.ts';
import { type Cluster, startCluster } from '../helpers/cluster.ts';
import type { SandboxProcess } from '../helpers/sandbox-process.ts';
import { until } from '../helpers/until.ts';

const SESSIONS = 50;
/** What a lease lasts, and 10 s to notice and to connect. */
const MOVED_WITHIN_MS = 40_000;

const names = Array.from({ length: SESSIONS }, (_, n) => ({
  name: `s${n}`,
  phone: `62811${String(n).padStart(7, '0')}`,
}));
const phoneOf = new Map(names.map(({ name, phone }) => [name, phone]));

let emulator: Emulator;
let cluster: Cluster;
let a: SandboxProcess;
let b: SandboxProcess;

beforeAll(async () => {
  emulator = await startEmulator();
  cluster = await startCluster(emulator, 2);
  [a, b] = cluster.processes as [SandboxProcess, SandboxProcess];
  await cluster.link(names);
}, 180_000);

afterAll(async () => {
  await cluster?.remove();
  await emulator?.stop();
}, 60_000);

const arrived = () =>
  emulator.received().filter((message) => phoneOf.has(`s${Number(message.from.slice(5))}`));

test(`${SESSIONS} sessions are split evenly, and either process answers for all of them`, async () => {
  await until(async () => {
    const shares = [...(await cluster.owners()).values()].map((list) => list.length);
    return shares.length === 2 && Math.abs((shares[0] ?? 0) - (shares[1] ?? 0)) <= 2;
  });
  const waited: number[] = [];
  const checked: number[] = [];
  await Promise.all(
    names.map(async ({ name }, i) => {
      const to = `62812${String(i).padStart(7, '0')}`;
      for (const [at, process] of [a, b].entries()) {
        const status = await process.call('GET', `/session/status?session=${name}`);
        expect(status.body.data.status).toBe('connected');
        const checkMs = performance.now();
        const check = await process.call('POST', '/message/check-number', { session: name, phoneNumber: to });
        checked.push(performance.now() - checkMs);
        expect(check).toMatchObject({ status: 200, body: { exists: true } });
        const startMs = performance.now();
        const body = { session: name, to, text: `${name} by ${at}` };
        const sent = await process.call('POST', '/message/send-text', body, { prefer: 'wait=30' });
        expect(sent).toMatchObject({ status: 200 });
        waited.push(performance.now() - startMs);
      }
    }),
  );
  const spread = (list: number[]) => {
    const sorted = [...list].sort((x, y) => x - y).map((ms) => ms.toFixed(0));
    return `median ${sorted[SESSIONS]} ms, longest ${sorted.at(-1)} ms`;
  };
  console.log(
    `all at once, at owner or not: sent and acknowledged ${spread(waited)}; checked ${spread(checked)}`,
  );
  expect(await cluster.database.db.select().from(sessionCommands)).toEqual([]);
});

test('a message that enters at the other process is on its way as soon, and its events are seen there', async () => {
  const [[owner]] = [...(await cluster.owners()).values()] as [string[]];
  const session = owner ?? '';
  const stream = async (process: SandboxProcess, stop: AbortController) => {
    const seen: string[] = [];
    const response = await fetch(`${process.url}/events`, {
      headers: { 'x-api-key': process.apiKey },
      signal: stop.signal,
    });
    const read = async () => {
      const decoder = new TextDecoder();
      for await (const chunk of response.body ?? []) seen.push(decoder.decode(chunk));
    };
    read().catch(() => undefined);
    return seen;
  };
  const stop = new AbortController();
  const [atA, atB] = [await stream(a, stop), await stream(b, stop)];
  const times = { a: [] as number[], b: [] as number[] };
  for (let i = 0; i < 5; i++) {
    for (const [name, process] of [['a', a] as const, ['b', b] as const]) {
      const startMs = performance.now();
      const body = { session, to: `62813000000${i}`, text: `quick ${i}` };
      const { status } = await process.call('POST', '/message/send-text', body, { prefer: 'wait=10' });
      expect(status).toBe(200);
      times[name].push(performance.now() - startMs);
    }
  }
  const [near, far] = [median(times.a), median(times.b)].sort((x, y) => x - y) as [number, number];
  console.log(
    `message until acknowledged: ${near.toFixed(0)} ms at its owner, ${far.toFixed(0)} ms elsewhere`,
  );
  expect(far - near).toBeLessThan(1_000);
  await until(() => [atA, atB].every((seen) => seen.join('').includes('message.delivered')));
  stop.abort();
});

test('a session is created at one process, its QR is shown and it is restarted and logged out at the other', async () => {
  const created = await a.call('POST', '/session/create', { sessionId: 'guest' });
  expect(created.status).toBe(201);
  const shown = await b.call('GET', '/session/qr/guest');
  expect([shown.status, shown.body.data?.qr ?? shown.body.qr]).toEqual([200, created.body.data.qr]);
  await emulator.scan({ qr: created.body.data.qr, phone: '628119999999' });
  const status = async () => (await b.call('GET', '/session/status?session=guest')).body.data.status;
  await until(async () => (await status()) === 'connected');
  expect((await b.call('POST', '/session/restart', { session: 'guest' })).status).toBe(200);
  await until(async () => (await status()) === 'connected');
  const out = await b.call('POST', '/session/logout', { session: 'guest' });
  expect([out.status, out.body.data.confirmed]).toEqual([200, true]);
  expect(await status()).toBe('logged_out');
  await b.call('DELETE', '/session/guest');
});

test('kill -9 of one: every session it had sends again within its lease and 10 s, nothing lost, one id each', async () => {
  const ids = new Map<string, string>();
  const send = async (by: SandboxProcess, name: string, text: string) => {
    const to = `62814${String(ids.size % 40).padStart(7, '0')}`;
    const { status, body } = await by.call('POST', '/message/send-text', { session: name, to, text });
    expect(status).toBe(202);
    ids.set(text, body.data.messageId);
  };
  for (const { name } of names)
    for (const n of [1, 2, 3]) await send(n === 1 ? a : b, name, `${name} early ${n}`);
  const before = await cluster.owners();
  const killedAtMs = performance.now();
  await a.kill();
  for (const { name } of names) await send(b, name, `${name} after the kill`);
  const texts = () => new Set(arrived().map((message) => message.text));
  await until(
    () => names.every(({ name }) => texts().has(`${name} after the kill`)),
    MOVED_WITHIN_MS,
    'that every session sends again',
  );
  const tookMs = performance.now() - killedAtMs;
  console.log(
    `every session sends again ${(tookMs / 1_000).toFixed(1)} s after kill -9 (of ${before.size} owners)`,
  );
  await until(() => [...ids.keys()].every((text) => texts().has(text)), 60_000, 'the last message');
  await cluster.untilConnected();
  const owners = await cluster.owners();
  expect(owners.size).toBe(1);
  for (const message of arrived()) {
    if (message.text && ids.has(message.text)) expect(message.id).toBe(ids.get(message.text));
  }
  await until(async () => {
    const open = await cluster.database.db.select().from(messages).where(eq(messages.status, 'sending'));
    return open.length === 0;
  });
  expect(await cluster.database.db.select().from(messages).where(eq(messages.status, 'failed'))).toEqual([]);
}, 180_000);

test('a process that is back gets its half, one session after the other, and one that stops leaves at once', async () => {
  await a.start();
  const shares = async () => [...(await cluster.owners()).values()].map((list) => list.length).sort();
  await until(async () => (await shares()).length === 2 && Math.min(...(await shares())) >= 4, 60_000);
  await cluster.untilConnected();
  const stoppedAtMs = performance.now();
  expect(await a.terminate()).toBe(0);
  await until(async () => (await cluster.owners()).size === 1 && !(await cluster.owners()).has(null), 20_000);
  await cluster.untilConnected();
  console.log(`taken over ${((performance.now() - stoppedAtMs) / 1_000).toFixed(1)} s after SIGTERM`);
  const rows = await cluster.database.db.select().from(whatsappAccounts);
  expect(rows.filter(({ status }) => status === 'replaced')).toEqual([]);
}, 120_000);

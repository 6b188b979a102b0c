/** The whole service, in a process of its own, is sent COUNT changed messages (100,000 unless told otherwise). */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Emulator, startEmulator } from 'wa-emulator';
import { linkSession, type SandboxProcess, startSandboxProcess } from '../helpers/sandbox-process.ts';
import { sendChanged } from '../helpers/stanza-fuzz.ts';
import { until } from '../helpers/until.ts';

const COUNT = Number(process.env.COUNT ?? 100_000);
/** Sent at one time, each to a number of its own. */
const SESSIONS = 4;
const BATCH = 250;
const MAX_HOLD_MS = 50;
const PROGRESS_MS = 60_000;
/** Another one each time, printed so that a failure can be had again. */
const SEED = Number(process.env.SEED ?? Date.now() % 2 ** 31);
const PROBE = pathToFileURL(join(import.meta.dirname, '../helpers/hold-probe.mjs')).href;

const phones = Array.from({ length: SESSIONS }, (_, n) => `62811000009${50 + n}`);
const dir = mkdtempSync(join(tmpdir(), 'wahub-fuzz-'));
const holds = join(dir, 'holds');
let emulator: Emulator;
let service: SandboxProcess;

beforeAll(async () => {
  emulator = await startEmulator();
  const probe = { HOLDS: holds, NODE_OPTIONS: `--import ${PROBE}`, LOG_LEVEL: 'warn' };
  service = await startSandboxProcess(emulator, probe);
  for (const phone of phones) await linkSession(service, emulator, phone, phone);
}, 120_000);
afterAll(async () => {
  await service?.remove();
  await emulator?.stop();
  rmSync(dir, { recursive: true, force: true });
});

const statusOf = async (phone: string) =>
  (await service.call('GET', `/session/status?session=${phone}`)).body.data;

/** Milliseconds of computing without a pause since `from`, longest first. */
function holdsSince(from: number): number[] {
  const lines = readFileSync(holds, 'utf8').trim().split('\n');
  const later = lines.map((line) => line.split(' ').map(Number)).filter(([at = 0]) => at > from);
  return later.map(([, heldMs = 0]) => heldMs).sort((a, b) => b - a);
}

test(`${COUNT} messages that were changed at random end no session and hold nothing for 50 ms`, async () => {
  console.log(`seed ${SEED}`);
  const pid = service.pid();
  const before = await Promise.all(phones.map(statusOf));
  const from = Date.now();
  let sent = 0;
  const progress = setInterval(
    () => console.log(`${sent} sent, holds ${holdsSince(from).slice(0, 5)}`),
    PROGRESS_MS,
  );
  let batches = Math.ceil(COUNT / BATCH);
  const send = async (phone: string) => {
    while (batches-- > 0) {
      await sendChanged(emulator, phone, BATCH, SEED + batches);
      sent += BATCH;
    }
  };
  await Promise.all(phones.map(send)).finally(() => clearInterval(progress));
  const seconds = Math.round((Date.now() - from) / 1_000);
  console.log(`${sent} in ${seconds} s, longest holds in ms: ${holdsSince(from).slice(0, 20)}`);

  for (const phone of phones) {
    const { ids } = await emulator.deliver({ to: phone, from: '628590000001', text: 'after all' });
    const stored = async () => (await service.call('GET', `/message/${ids[0]}`)).body.data?.content?.text;
    await until(async () => (await stored()) === 'after all', 60_000, 'the last message');
  }
  expect(service.pid()).toBe(pid);
  const after = await Promise.all(phones.map(statusOf));
  expect(after.map(({ connectedAt, status }) => ({ connectedAt, status }))).toEqual(
    before.map(({ connectedAt }) => ({ connectedAt, status: 'connected' })),
  );
  expect(emulator.sessions().map(({ connected, pending }) => ({ connected, pending }))).toEqual(
    phones.map(() => ({ connected: true, pending: 0 })),
  );
  expect(holdsSince(from)[0] ?? 0).toBeLessThan(MAX_HOLD_MS);
}, 7_200_000);

/** The service's clock is set while it runs, by libfaketime; the monotonic clock goes on, as on a real machine. */
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Emulator, startEmulator } from 'wa-emulator';
import { linkSession, type SandboxProcess, startSandboxProcess } from '../helpers/sandbox-process.ts';
import { until } from '../helpers/until.ts';

const LIBRARY = [
  '/usr/lib/x86_64-linux-gnu/faketime/libfaketimeMT.so.1',
  '/usr/lib/aarch64-linux-gnu/faketime/libfaketimeMT.so.1',
  '/usr/lib/faketime/libfaketimeMT.so.1',
].find((path) => existsSync(path));
const HOUR_S = 3_600;

let emulator: Emulator;
let sandbox: SandboxProcess;
let dir: string;

/** From now on the service's clock is so many seconds off. */
const setClock = (seconds: number) =>
  writeFileSync(join(dir, 'time'), `${seconds < 0 ? '' : '+'}${seconds}\n`);

beforeAll(async () => {
  if (LIBRARY === undefined) return;
  dir = mkdtempSync(join(tmpdir(), 'wahub-clock-'));
  setClock(0);
  emulator = await startEmulator();
  sandbox = await startSandboxProcess(emulator, {
    MESSAGE_DELAY_MIN: '1000',
    NEW_CONTACTS_PER_DAY: '0',
    MESSAGE_DELAY_MAX: '1000',
    MAX_MESSAGES_PER_MINUTE: '20',
    MAX_MESSAGES_PER_RECIPIENT: '1000',
    LD_PRELOAD: LIBRARY,
    FAKETIME_TIMESTAMP_FILE: join(dir, 'time'),
    FAKETIME_NO_CACHE: '1',
    FAKETIME_DONT_FAKE_MONOTONIC: '1',
    DONT_FAKE_MONOTONIC: '1',
  });
  await linkSession(sandbox, emulator, 'main', '628111000071');
}, 120_000);

afterAll(async () => {
  await sandbox?.remove();
  await emulator?.stop();
  if (dir) rmSync(dir, { recursive: true, force: true });
});

async function send(text: string, n: number): Promise<void> {
  const to = `62812${String(n).padStart(7, '0')}`;
  const { status } = await sandbox.call('POST', '/message/send-text', { session: 'main', to, text });
  expect(status).toBe(202);
}
const code = async (n: number) =>
  (await sandbox.call('POST', '/otp/send', { session: 'main', to: `62813${String(n).padStart(7, '0')}` }))
    .status;
const arrived = (words: string) => emulator.received().filter(({ text }) => text?.startsWith(words)).length;

test.skipIf(LIBRARY === undefined)(
  'back an hour: what is queued goes out, before a restart and after it',
  async () => {
    for (let n = 0; n < 3; n++) await send(`before ${n}`, n);
    setClock(-HOUR_S);
    for (let n = 3; n < 6; n++) await send(`before ${n}`, n);
    await until(() => arrived('before') === 6, 60_000, 'the sixth message');
    for (let n = 0; n < 4; n++) await send(`again ${n}`, n);
    await sandbox.kill();
    setClock(-2 * HOUR_S);
    await sandbox.start();
    await until(() => arrived('again') === 4, 90_000, 'what was queued an hour ahead');
  },
  240_000,
);

test.skipIf(LIBRARY === undefined)(
  'a day ahead for 35 s: shown, and no limit lasts until tomorrow',
  async () => {
    setClock(0);
    await sandbox.kill();
    await sandbox.start();
    await until(
      async () =>
        (await sandbox.call('GET', '/session/status?session=main')).body.data.status === 'connected',
      60_000,
    );
    setClock(24 * HOUR_S);
    for (let n = 0; n < 25; n++) await send(`ahead ${n}`, n);
    expect(await code(1)).toBe(202);
    await until(
      async () => (await sandbox.call('GET', '/health')).body.clock?.status === 'skewed',
      20_000,
      'that the skew is shown',
    );
    await pause(35_000);
    setClock(0);
    expect(await code(2)).toBe(202);
    await until(() => arrived('ahead') === 25, 180_000, 'the last message of a full minute');
    expect(await code(3)).toBe(202);
    await until(async () => (await sandbox.call('GET', '/health')).body.clock?.status === 'ok', 20_000);
  },
  360_000,
);

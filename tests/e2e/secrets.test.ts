import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Emulator, startEmulator } from 'wa-emulator';
import { linkSession, type SandboxProcess, startSandboxProcess } from '../helpers/sandbox-process.ts';
import { until } from '../helpers/until.ts';

const PHONE = '628111000030';
const OUTBOUND = 'outbound-body-9f31c7';
const INBOUND = 'inbound-body-77ab02';

let emulator: Emulator;
let sandbox: SandboxProcess;

beforeAll(async () => {
  emulator = await startEmulator();
  sandbox = await startSandboxProcess(emulator, { LOG_LEVEL: 'silly' });
});

afterAll(async () => {
  await sandbox?.remove();
  await emulator?.stop();
});

/** Everything it has printed or written to its log files. */
async function everythingSaid(): Promise<string> {
  const folder = join(sandbox.dir, 'logs');
  const files = await readdir(folder);
  const logs = await Promise.all(files.map((file) => readFile(join(folder, file), 'utf8')));
  return [sandbox.output(), ...logs].join('\n');
}

test('nothing the process prints or logs holds a key, a token, a password, a code or the body of a message', async () => {
  await linkSession(sandbox, emulator, 'main', PHONE);
  const { password, email } = sandbox.admin;
  const login = await sandbox.call('POST', '/auth/login', { email, password });
  const wrong = await sandbox.call('POST', '/auth/login', { email, password: 'wrong-password-51c0' });
  expect([login.status, wrong.status]).toEqual([200, 401]);
  const sent = await sandbox.call('POST', '/message/send-text', {
    session: 'main',
    to: '628120000031',
    text: OUTBOUND,
  });
  const otp = await sandbox.call('POST', '/otp/send', { session: 'main', to: '628120000032' });
  expect([sent.status, otp.status]).toEqual([202, 202]);
  await emulator.deliver({ to: PHONE, from: '628120000031', text: INBOUND });
  await until(() => emulator.messages({ to: '628120000032' }).length === 1);
  await until(() => emulator.messages({ to: '628120000031' }).length === 1);
  await until(async () => {
    const { body } = await sandbox.call('GET', '/message/list?session=main&direction=in');
    return body.data.length === 1;
  });
  const code = /\d{6}/.exec(emulator.messages({ to: '628120000032' })[0]?.text ?? '')?.[0];
  await sandbox.call('POST', '/otp/verify', { phoneNumber: '628120000032', otp: code });
  expect(await sandbox.terminate()).toBe(0);

  // The welcome is for the person at the terminal: it alone shows the key and the first password.
  const said = (await everythingSaid()).replace(/\nWaHub sandbox is running[\s\S]*?start afresh\.\n/, '');
  const secrets = {
    code,
    password,
    'wrong password': 'wrong-password-51c0',
    key: sandbox.apiKey,
    token: login.body.token,
    'sent body': OUTBOUND,
    'received body': INBOUND,
  };
  for (const [name, secret] of Object.entries(secrets)) {
    expect(secret, name).toBeTruthy();
    expect(said.includes(String(secret)), name).toBe(false);
  }
  expect(said).not.toMatch(/privKey|Closing session|SessionEntry|<Buffer/);
  expect(said).toContain('ready');
}, 90_000);

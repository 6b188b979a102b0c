import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Emulator, startEmulator } from 'wa-emulator';
import { runCare } from '../helpers/cli.ts';
import { startTestGateway, type TestGateway } from '../helpers/gateway.ts';
import { databaseSettings, linkSession } from '../helpers/sandbox-process.ts';
import { until } from '../helpers/until.ts';

const SENDER = '628111000007';
const CUSTOMER = '6281234500007';
const [oldKey, newKey] = [randomBytes(32), randomBytes(32)];

let emulator: Emulator;
let gateway: TestGateway;
beforeAll(async () => {
  emulator = await startEmulator();
  gateway = await startTestGateway(emulator, { encryptionKey: oldKey });
  await linkSession(gateway, emulator, 'main', SENDER);
});
afterAll(async () => {
  await gateway?.remove();
  await emulator?.stop();
});

async function restartWith(key: Buffer, ...extra: Buffer[]): Promise<void> {
  gateway.config.encryptionKey = key;
  gateway.config.extraEncryptionKeys = extra;
  gateway = await gateway.restart();
  await connected();
}

/** When it was connected; waits until it is. */
async function connected(): Promise<string> {
  let connectedAt = '';
  await until(async () => {
    const { body } = await gateway.call('GET', '/session/status?session=main');
    connectedAt = body.data.connectedAt;
    return body.data.status === 'connected';
  });
  return connectedAt;
}

const rotate = (key: Buffer, ...extra: Buffer[]) =>
  runCare(['rotate-encryption-key'], {
    ...process.env,
    ...databaseSettings(gateway.config.database),
    ENCRYPTION_KEY: key.toString('hex'),
    ENCRYPTION_KEYS_EXTRA: extra.map((more) => more.toString('hex')).join(','),
  });

test('the key is rotated under a running service: it stays connected, and codes of before are good', async () => {
  const sent = await gateway.call('POST', '/otp/send', { session: 'main', to: `+${CUSTOMER}` });
  expect(sent.status).toBe(202);
  await until(() => emulator.messages({ to: CUSTOMER }).length > 0);
  const code = /\d{6}/.exec(emulator.messages({ to: CUSTOMER })[0]?.text ?? '')?.[0];

  const early = await rotate(newKey, oldKey);
  expect(early.output).toContain('still seals with the key');
  expect(early.code).toBe(1);

  await restartWith(newKey, oldKey);
  const connectedAt = await connected();
  const done = await rotate(newKey, oldKey);
  expect(done.output).toMatch(/Sealed [1-9]\d* values with the key [0-9a-f]{8}\./);
  expect(done.output).toContain('ENCRYPTION_KEYS_EXTRA can be removed');
  expect(done.output).not.toContain('WARNING');
  expect(done.code).toBe(0);
  expect(await connected()).toBe(connectedAt);

  await restartWith(newKey);
  const { body } = await gateway.call('POST', '/otp/verify', { phoneNumber: `+${CUSTOMER}`, otp: code });
  expect(body.data).toMatchObject({ verified: true });
  const text = { session: 'main', to: `+${CUSTOMER}`, text: 'after the rotation' };
  await gateway.call('POST', '/message/send-text', text);
  await until(() => emulator.messages({ to: CUSTOMER }).some((message) => message.text === text.text));
}, 120_000);

import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Emulator, startEmulator } from '../../src/emulator/index.ts';
import { linkSession, type SandboxProcess, startSandboxProcess } from '../helpers/sandbox-process.ts';
import { until } from '../helpers/until.ts';

const MESSAGES = 300;
const KILLS = 3;
const SENDER = '628111000001';

let emulator: Emulator;
let sandbox: SandboxProcess;

beforeAll(async () => {
  emulator = await startEmulator();
  sandbox = await startSandboxProcess(emulator, {
    MESSAGE_DELAY_MIN: '0',
    MESSAGE_DELAY_MAX: '0',
    MAX_MESSAGES_PER_MINUTE: '100000',
    MAX_MESSAGES_PER_HOUR: '100000',
    MAX_MESSAGES_PER_RECIPIENT: '100000',
  });
  await linkSession(sandbox, emulator, 'main', SENDER);
});

afterAll(async () => {
  await sandbox?.remove();
  await emulator?.stop();
});

test(`${MESSAGES} accepted messages survive ${KILLS} kill -9: all arrive, none under two ids, all readable`, async () => {
  const ids = new Map<string, string>();
  for (let i = 0; i < MESSAGES; i += 1) {
    const text = `message ${i}`;
    const to = `62812${String(i % 20).padStart(7, '0')}`;
    const { status, body } = await sandbox.call('POST', '/message/send-text', { session: 'main', to, text });
    expect(status).toBe(202);
    ids.set(text, body.data.messageId);
  }
  const arrived = () => emulator.received().filter((message) => message.from === SENDER);
  for (let kill = 1; kill <= KILLS; kill += 1) {
    const target = Math.min(MESSAGES - 1, arrived().length + MESSAGES / (KILLS + 2));
    await until(() => arrived().length >= target, 60_000, `message ${target}`);
    await sandbox.kill();
    await sandbox.start();
  }
  const texts = () => new Set(arrived().map((message) => message.text));
  await until(() => texts().size >= MESSAGES, 120_000, 'the last message');
  await until(async () => {
    const { body } = await sandbox.call('GET', '/message/queue-status?session=main');
    return body.pending === 0 && body.processing === 0;
  }, 60_000);

  const readable = arrived().filter((message) => message.text !== undefined && message.text !== null);
  expect(new Set(readable.map((message) => message.text)).size).toBe(MESSAGES);
  expect(readable).toHaveLength(MESSAGES);
  for (const message of readable) expect(message.id).toBe(ids.get(message.text ?? ''));
  const unreadable = arrived().filter((message) => message.decryptError);
  expect(unreadable.filter((message) => ![...ids.values()].includes(message.id))).toEqual([]);
  const { body } = await sandbox.call('GET', '/message/list?session=main&limit=200&direction=out');
  expect(new Set(body.data.map((row: { status: string }) => row.status))).not.toContain('failed');
}, 300_000);

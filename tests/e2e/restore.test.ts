import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Emulator, startEmulator } from 'wa-emulator';
import type { DatabaseOptions } from '../../src/db/client.ts';
import { runCare } from '../helpers/cli.ts';
import { createEmptyDatabase } from '../helpers/database.ts';
import { startTestGateway, type TestGateway } from '../helpers/gateway.ts';
import { databaseSettings, linkSession } from '../helpers/sandbox-process.ts';
import { until } from '../helpers/until.ts';

const SENDER = '628111000008';
const CUSTOMER = '6281234500008';
const FRIEND = '6281234500009';
const dir = mkdtempSync(join(tmpdir(), 'wahub-restore-'));
const backupPath = join(dir, 'live.tar');

let emulator: Emulator;
let gateway: TestGateway;
let group: string;
const undo: (() => Promise<void>)[] = [];
beforeAll(async () => {
  emulator = await startEmulator();
  gateway = await startTestGateway(emulator);
  await linkSession(gateway, emulator, 'main', SENDER);
  group = emulator.createGroup({ subject: 'Family', participants: [SENDER, CUSTOMER, FRIEND] }).id;
});
afterAll(async () => {
  await gateway?.remove();
  for (const step of undo.reverse()) await step();
  await emulator?.stop();
  rmSync(dir, { recursive: true, force: true });
});

const post = async (path: string, body: object) => {
  const answer = await gateway.call('POST', path, { session: 'main', ...body });
  expect(answer.status).toBeLessThan(300);
  return answer.body.data;
};
const send = (to: string, text: string) => post('/message/send-text', { to: `+${to}`, text });
const sendToGroup = (text: string) => post('/message/send-text', { to: group, isGroup: true, text });

const entries = (text: string, to?: string) =>
  emulator.messages(to === undefined ? {} : { to }).filter((message) => message.text === text);
const arrived = (text: string, n = 1) =>
  until(() => entries(text).length >= n, 20_000, `the arrival of "${text}"`);

/** The contact writes, and the service can read it. */
async function receive(text: string): Promise<void> {
  await emulator.deliver({ to: SENDER, from: CUSTOMER, text });
  await until(
    async () => {
      const { body } = await gateway.call('GET', '/message/list?session=main&direction=in');
      return body.data.some((row: { content: { text?: string } }) => row.content.text === text);
    },
    20_000,
    `reading "${text}"`,
  );
}

const care = (args: string[], database: DatabaseOptions, uploadPath: string) =>
  runCare(args, {
    ...process.env,
    ...databaseSettings(database),
    UPLOAD_PATH: uploadPath,
    ENCRYPTION_KEY: gateway.config.encryptionKey.toString('hex'),
  });

test('a backup of the running service, restored much later: nobody is lost, and nobody gets a message twice', async () => {
  await send(CUSTOMER, 'before');
  await sendToGroup('before, to all');
  await arrived('before');
  await arrived('before, to all', 2);
  await receive('hello');
  await post('/message/pause-queue', {});
  const waiting = await send(CUSTOMER, 'waited in the backup');

  const { database, files } = gateway.config;
  const made = await care(['backup', backupPath], database, files.uploadPath);
  expect(made.output).toContain('while the service ran');
  expect(made.code).toBe(0);

  // What the backup does not know: the queue goes out, Signal sessions move on in both directions.
  await post('/message/resume-queue', {});
  await arrived('waited in the backup');
  for (let i = 0; i < 3; i++) {
    await send(CUSTOMER, `after ${i}`);
    await sendToGroup(`after ${i}, to all`);
    await arrived(`after ${i}`);
    await arrived(`after ${i}, to all`, 2);
    await receive(`answer ${i}`);
  }
  await gateway.stop();

  const { options, remove } = await createEmptyDatabase();
  undo.push(remove);
  const restored = await care(['restore', backupPath], options, join(dir, 'uploads'));
  expect(restored.output).toMatch(/All \d+ sealed values open with the key/);
  expect(restored.output).not.toContain('WARNING');
  expect(restored.code).toBe(0);

  gateway = await startTestGateway(emulator, {}, options);
  await until(async () => {
    const { body } = await gateway.call('GET', '/session/status?session=main');
    return body.data.status === 'connected';
  });
  await post('/message/resume-queue', {});
  const [before] = entries('waited in the backup');
  const copies = before?.copies ?? 0;
  await until(() => (entries('waited in the backup')[0]?.copies ?? 0) > copies, 20_000, 'the second copy');
  expect(entries('waited in the backup')).toMatchObject([{ id: waiting.messageId, duplicate: true }]);

  await send(CUSTOMER, 'restored');
  await send(FRIEND, 'restored, too');
  await sendToGroup('restored, to all');
  await arrived('restored');
  await arrived('restored, too');
  await arrived('restored, to all', 2);
  await receive('welcome back');
  // Nobody had to ask again: no key was used twice.
  expect(emulator.messages({}).filter(({ refused, decryptError }) => refused || decryptError)).toEqual([]);
}, 180_000);

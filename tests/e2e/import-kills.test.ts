/** kill -9 while a link is imported over HTTP: it is there whole, or nothing of it is, and the next try works at once. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { type Emulator, startEmulator } from 'wa-emulator';
import { readFolder, zipOf } from '../helpers/archives.ts';
import { createMigratedDatabase } from '../helpers/database.ts';
import { linkWith } from '../helpers/origins.ts';
import { type SandboxProcess, startSandboxProcess } from '../helpers/sandbox-process.ts';
import { openRowCounter, type RowCounter } from '../helpers/tables.ts';
import { until } from '../helpers/until.ts';

const PHONE = '628110009501';
const FRIEND = '628110009502';
/** A number with many chats, so that there is a middle to be killed in. */
const MANY = 4_000;
/** Far less than a piece of the import takes. */
const LOOK_EVERY_MS = 10;
const KEYS = ['wa_keys', 'wa_credentials', 'wa_contacts', 'wa_people'] as const;

let emulator: Emulator;
let sandbox: SandboxProcess;
let counter: RowCounter;
let remove: () => Promise<void>;
let zip: Buffer;
const folder = mkdtempSync(join(tmpdir(), 'wahub-import-kills-'));

beforeAll(async () => {
  emulator = await startEmulator();
  const database = await createMigratedDatabase();
  remove = database.remove;
  counter = await openRowCounter(database.options, KEYS);
  const other = await linkWith('@whiskeysockets/baileys', { emulator, folder, phone: PHONE });
  await other.send(FRIEND, 'hello');
  await other.stop();
  const files = readFolder(folder);
  for (let n = 0; n < MANY; n += 1) files.set(`lid-mapping-62899${n}.json`, Buffer.from(`"9${n}"`));
  zip = await zipOf(files);
  sandbox = await startSandboxProcess(emulator, { API_RATE_LIMIT_MAX: '100000' }, database.options);
}, 180_000);
afterAll(async () => {
  await sandbox?.remove();
  await counter?.close();
  await remove?.();
  await emulator?.stop();
  rmSync(folder, { recursive: true, force: true });
});

/** The status of the answer; 0 when whoever was to answer died. */
async function upload(key: string): Promise<number> {
  const body = new FormData();
  body.set('sessionId', 'main');
  body.set('file', new Blob([new Uint8Array(zip)]), 'link.zip');
  const headers = { 'x-api-key': sandbox.apiKey, 'idempotency-key': key };
  return fetch(`${sandbox.url}/session/import`, { method: 'POST', headers, body }).then(
    ({ status }) => status,
    () => 0,
  );
}

const rows = () => counter.count();
const session = async () => (await sandbox.call('GET', '/session/status?session=main')).body?.data;

/** Kills it as soon as `look` is true of what is stored; false when the import was quicker. */
async function killWhen(key: string, look: (stored: Record<string, number>) => boolean): Promise<boolean> {
  let answered = false;
  const answer = upload(key).finally(() => {
    answered = true;
  });
  while (!answered && !look(await rows())) await pause(LOOK_EVERY_MS);
  const inTime = !answered;
  await sandbox.kill();
  await answer;
  await sandbox.start();
  return inTime;
}

it('leaves nothing of an import that was killed in the middle, and takes the next one at once', async () => {
  let killed = 0;
  for (const part of [0.01, 0.3, 0.6]) {
    const inTime = await killWhen(`try ${part}`, ({ wa_keys = 0 }) => wa_keys > part * MANY);
    // Whole, because it was quicker than the kill: nothing more is to be cut off.
    if (!inTime || (await session()).status === 'connected') break;
    killed += 1;
    await until(async () => Object.values(await rows()).every((count) => count === 0));
    // The session's own row may follow a moment later.
    await until(async () => (await session()).reason === 'import_interrupted');
    expect(await session()).toMatchObject({
      status: 'disconnected',
      reason: 'import_interrupted',
      errorMessage: expect.stringContaining('cut off'),
      phoneNumber: null,
    });
  }
  expect(killed).toBeGreaterThan(0);
}, 180_000);

it('is whole when it was killed after the end, before anybody was told', async () => {
  await killWhen('the last', ({ wa_credentials = 0 }) => wa_credentials > 0);
  await until(async () => (await session()).status === 'connected', 40_000);
  expect((await rows()).wa_keys).toBeGreaterThan(MANY);
  // The client has no answer, and asks again.
  expect(await upload('the last')).toBe(201);
  await emulator.deliver({ to: PHONE, from: FRIEND, text: 'after the kill' });
  await until(async () => {
    const list = await sandbox.call('GET', '/message/list?session=main&direction=in');
    return list.body.data.some(
      (row: { content: { text?: string } }) => row.content.text === 'after the kill',
    );
  });
}, 180_000);

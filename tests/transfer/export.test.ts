/** A link that goes to another program: by a person who confirms it, as files that Baileys' own code reads. */
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { type Emulator, startEmulator } from 'wa-emulator';
import { filesOfZip, readFolder } from '../helpers/archives.ts';
import { ADMIN_KEY, startTestGateway, type TestGateway } from '../helpers/gateway.ts';
import { ENGINE } from '../helpers/on-engine.ts';
import { linkWith } from '../helpers/origins.ts';
import { linkSession } from '../helpers/sandbox-process.ts';
import { until } from '../helpers/until.ts';

const PHONE = '628110008001';
const FRIEND = '628110008002';
let emulator: Emulator;
let gateway: TestGateway;
const root = mkdtempSync(join(tmpdir(), 'wahub-export-'));

beforeAll(async () => {
  emulator = await startEmulator();
  gateway = await startTestGateway(emulator, { engine: ENGINE });
  await linkSession(gateway, emulator, 'main', PHONE);
});
afterAll(async () => {
  await gateway?.remove();
  await emulator?.stop();
  rmSync(root, { recursive: true, force: true });
});

async function signIn(): Promise<Record<string, string>> {
  const body = { email: 'admin@example.com', password: 'correct horse battery' };
  const { body: answer } = await gateway.call('POST', '/auth/login', body, {});
  return { authorization: `Bearer ${answer.token}` };
}

const download = (headers: Record<string, string>, query = '?confirm=main') =>
  fetch(`${gateway.url}/session/main/export${query}`, { headers });

async function unzip(bytes: Buffer, folder: string): Promise<string[]> {
  mkdirSync(folder, { recursive: true });
  const files = await filesOfZip(bytes);
  for (const [name, file] of files) writeFileSync(join(folder, name), file);
  return [...files.keys()];
}

it('is refused to keys, and without the confirmation', async () => {
  expect((await download({ 'x-api-key': ADMIN_KEY })).status).toBe(403);
  expect((await download({})).status).toBe(401);
  const person = await signIn();
  expect((await download(person, '')).status).toBe(400);
  expect((await download(person, '?confirm=Main')).status).toBe(400);
  const { body } = await gateway.call('GET', '/session/status?session=main');
  expect(body.data.status).toBe('connected');
});

it('is what another program goes on with, and comes back by an import', async () => {
  const person = await signIn();
  await emulator.deliver({ to: PHONE, from: FRIEND, text: 'to the first' });
  await until(async () => {
    const { body } = await gateway.call('GET', '/message/list?session=main');
    return body.data.length > 0;
  });
  const response = await download(person);
  expect(response.status).toBe(200);
  expect(response.headers.get('content-type')).toBe('application/zip');
  expect(response.headers.get('cache-control')).toBe('no-store');
  const bytes = Buffer.from(await response.arrayBuffer());
  const { body: stopped } = await gateway.call('GET', '/session/status?session=main');
  expect(stopped.data).toMatchObject({ status: 'replaced', reason: 'exported' });
  const { body: audit } = await gateway.call('GET', '/user/1/audit', undefined, person);
  expect(audit.data).toContainEqual(expect.objectContaining({ event: 'session.exported', subject: 'main' }));

  // Written while nobody is connected.
  await emulator.deliver({ to: PHONE, from: FRIEND, text: 'in between' });
  const folder = join(root, 'elsewhere');
  const names = await unzip(bytes, folder);
  expect(names[0]).toBe('creds.json');
  expect(names.filter((name) => name.startsWith('pre-key-')).length).toBeGreaterThan(100);
  const other = await linkWith('@whiskeysockets/baileys', { emulator, folder, phone: null });
  await other.receive('in between');
  await other.send(FRIEND, 'from elsewhere');
  await until(() => emulator.received().some(({ text }) => text === 'from elsewhere'));
  await other.stop();

  // And back again, into the session that is still there once it has forgotten its own old keys.
  expect((await gateway.call('POST', '/session/logout', { sessionId: 'main' })).status).toBe(200);
  await emulator.deliver({ to: PHONE, from: FRIEND, text: 'once more' });
  const creds = readFileSync(join(folder, 'creds.json'), 'utf8');
  const keys = Object.fromEntries(
    [...readFolder(folder)]
      .filter(([name]) => /^(session|identity-key|lid-mapping|device-list)-/.test(name))
      .map(([name, file]) => [name.replace(/\.json$/, ''), JSON.parse(file.toString())]),
  );
  const back = await gateway.call('POST', '/session/import', { sessionId: 'main', creds, keys });
  expect(back).toMatchObject({
    status: 201,
    body: { data: { session: { status: 'connected' }, leftOut: 0 } },
  });
  await until(async () => {
    const { body } = await gateway.call('GET', '/message/list?session=main&direction=in');
    return JSON.stringify(body.data).includes('once more');
  });
}, 90_000);

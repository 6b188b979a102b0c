/** What a file's row promises: the bytes are there, and stay as long as somebody needs them. */
import { mkdir, mkdtemp, readdir, readlink, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { whatsappAccounts } from '../../src/db/schema.ts';
import { newId } from '../../src/utils/ids.ts';
import { openTestApp, type Tenant, type TestApp, testConfig } from '../helpers/app.ts';
import { dataUrl, pngFile } from '../helpers/files.ts';

let uploadPath: string;
let t: TestApp;
let tenant: Tenant;

beforeAll(async () => {
  uploadPath = await mkdtemp(join(tmpdir(), 'wahub-storage-'));
  t = await openTestApp({ config: { files: { ...testConfig().files, uploadPath } } });
  tenant = await t.tenant();
  const at = Date.now();
  await t.deps.db.insert(whatsappAccounts).values({
    id: newId(),
    userId: tenant.id,
    sessionId: 'main',
    status: 'connected',
    pairing: 'qr',
    paired: true,
    createdAt: at,
    updatedAt: at,
  });
});
afterAll(async () => {
  await t.close();
  await rm(uploadPath, { recursive: true, force: true });
});

const post = (path: string, body: unknown, headers: Record<string, string> = {}) =>
  t.call(path, { method: 'POST', apiKey: tenant.apiKey, body, headers });
const idIn = (body: unknown): string => /"id":"([0-9a-f]{32})"/.exec(JSON.stringify(body))?.[1] ?? '';
const read = (id: string, method = 'GET') =>
  t.app.request(`/media/${id}`, { method, headers: { 'x-api-key': tenant.apiKey } });

test('an upload whose file did not get its place is not answered to a repeated request', async () => {
  const body = { file: dataUrl('image/png', pngFile()) };
  const headers = { 'idempotency-key': 'disk-trouble' };
  const folder = join(uploadPath, 'media');
  await writeFile(folder, 'in the way');
  expect((await post('/media', body, headers)).status).toBe(500);
  await rm(folder);
  await mkdir(folder);
  const again = await post('/media', body, headers);
  expect(again.status).toBe(201);
  expect(again.headers.get('idempotent-replayed')).toBeNull();
  expect((await read(idIn(again.body))).status).toBe(200);
});

test('deleting an upload leaves a message the same file that it brought itself', async () => {
  const image = dataUrl('image/png', pngFile());
  const sent = await post('/message/send-image', { session: 'main', to: '08120000001', image });
  const { messageId } = (sent.body.data ?? {}) as { messageId?: string };
  const upload = await post('/media', { file: image });
  const path = `/session/main/broadcast/upload/${idIn(upload.body)}`;
  expect((await t.call(path, { method: 'DELETE', apiKey: tenant.apiKey })).status).toBe(200);
  const message = await t.call(`/message/${messageId}`, { apiKey: tenant.apiKey });
  expect((await read(idIn(message.body))).status).toBe(200);
});

test.runIf(process.platform === 'linux')('HEAD tells of a file and leaves none open', async () => {
  // Larger than what a stream reads ahead: a small file would be read to its end, and closed, by itself.
  const bytes = Buffer.alloc(1_000_000, 'a line of text\n');
  const id = idIn((await post('/media', { file: dataUrl('text/plain', bytes) })).body);
  const answer = await read(id, 'HEAD');
  expect(answer.headers.get('content-length')).toBe(String(bytes.length));
  await expect.poll(() => openFiles(id)).toBe(0);
});

async function openFiles(name: string): Promise<number> {
  const links = (await readdir('/proc/self/fd')).map((fd) => readlink(`/proc/self/fd/${fd}`).catch(() => ''));
  return (await Promise.all(links)).filter((path) => path.endsWith(name)).length;
}

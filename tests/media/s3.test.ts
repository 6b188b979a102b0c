/** Files of the service in a bucket: what is in it, what goes, and what happens while it is away. On both databases. */
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { eq } from 'drizzle-orm';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { inboundMedia, media, messages, whatsappAccounts } from '../../src/db/schema.ts';
import { createHealthProbes } from '../../src/services/health.ts';
import { keepInboundMedia } from '../../src/services/inbound/keep-media.ts';
import { claimMedia } from '../../src/services/inbound/media-work.ts';
import { storeInbound } from '../../src/services/inbound/store.ts';
import { openForEngine } from '../../src/services/media/engine-media.ts';
import { sweepMedia } from '../../src/services/media/sweep.ts';
import { newId } from '../../src/utils/ids.ts';
import { createStorage } from '../../src/utils/storage/open-storage.ts';
import type { AccountRef } from '../../src/whatsapp/engine.ts';
import { openTestApp, type Tenant, type TestApp, testConfig } from '../helpers/app.ts';
import { dataUrl, pngFile, sha256 } from '../helpers/files.ts';
import { type S3Server, startS3Server } from '../helpers/s3-server.ts';

let server: S3Server;
let uploadPath: string;
/** Two processes of one service. */
let t: TestApp;
let other: TestApp;
let tenant: Tenant;
let account: AccountRef;

beforeAll(async () => {
  server = await startS3Server();
  uploadPath = await mkdtemp(join(tmpdir(), 'wahub-s3-'));
  const config = {
    storage: { type: 's3' as const, ...server.options },
    files: { ...testConfig().files, uploadPath },
  };
  t = await openTestApp({ config });
  other = await openTestApp({ deps: { ...t.deps, storage: createStorage(t.deps) } });
  tenant = await t.tenant();
  account = { id: newId(), userId: tenant.id, sessionId: 'main', owner: newId(), fence: 1 };
  const at = Date.now();
  const row = { ...account, status: 'connected', pairing: 'qr', paired: true } as const;
  await t.deps.db.insert(whatsappAccounts).values({ ...row, createdAt: at, updatedAt: at });
});
afterEach(async () => {
  server.trouble = null;
  await server.comeBack();
  await t.deps.db.delete(inboundMedia);
});
afterAll(async () => {
  await other.close();
  await t.close();
  await server.close();
  await rm(uploadPath, { recursive: true, force: true });
});

const post = (path: string, body: unknown, headers: Record<string, string> = {}) =>
  t.call(path, { method: 'POST', apiKey: tenant.apiKey, body, headers });
const upload = (file: Buffer, headers: Record<string, string> = {}) =>
  post('/media', { file: dataUrl('image/png', file) }, headers);
const dataOf = (reply: { body: Record<string, unknown> }) => Object(reply.body.data);
const read = async (url: string, app = t) => {
  const { pathname, search } = new URL(url);
  const response = await app.app.request(`${pathname}${search}`);
  return { status: response.status, bytes: Buffer.from(await response.arrayBuffer()) };
};
const objectOf = (id: string) => server.objects.get(`media/${id.slice(-2)}/${id}`);
const localFiles = async () =>
  (await readdir(uploadPath, { recursive: true, withFileTypes: true })).filter((entry) => entry.isFile());

/** The server goes away; gives what brings it back. */
async function away(): Promise<() => Promise<void>> {
  await server.goDown();
  return () => server.comeBack();
}

test('an upload is in the bucket alone, and every process serves it by its signed link', async () => {
  const file = pngFile();
  const { id, url } = dataOf(await upload(file));
  expect(objectOf(id)?.equals(file)).toBe(true);
  expect(await localFiles()).toEqual([]);
  expect((await read(url)).bytes.equals(file)).toBe(true);
  expect((await read(url, other)).bytes.equals(file)).toBe(true);
  // The same file again is one object.
  const before = server.objects.size;
  expect(dataOf(await upload(file)).id).toBe(id);
  expect(server.objects.size).toBe(before);
});

test('the file of a message and an upload for broadcasts go there, and an engine of another process reads them', async () => {
  const image = pngFile();
  const sent = await post('/message/send-image', {
    session: 'main',
    to: '08120000001',
    image: dataUrl('image/png', image),
  });
  const [row] = await t.deps.db
    .select()
    .from(messages)
    .where(eq(messages.messageId, dataOf(sent).messageId));
  const stream = await openForEngine(other.deps, account, Object(row?.content).media.id);
  expect(stream && sha256(Buffer.concat(await stream.toArray()))).toBe(sha256(image));

  const form = new FormData();
  const picture = pngFile();
  form.set('file', new Blob([new Uint8Array(picture)]), 'a.png');
  const made = await t.app.request(
    new Request('http://t.invalid/session/main/broadcast/upload', {
      method: 'POST',
      headers: { 'x-api-key': tenant.apiKey },
      body: form,
    }),
  );
  const { filename } = dataOf({ body: Object(await made.json()) });
  const id = String(filename).split('.')[0] ?? '';
  expect(objectOf(id)?.equals(picture)).toBe(true);
  await t.call(`/session/main/broadcast/upload/${filename}`, { method: 'DELETE', apiKey: tenant.apiKey });
  expect(objectOf(id)).toBeUndefined();
  expect(await localFiles()).toEqual([]);
});

async function receiveImage() {
  const messageId = newId();
  await storeInbound(t.deps, account, {
    messageId,
    chat: '628111@s.whatsapp.net',
    participant: null,
    author: null,
    phone: '628111',
    lid: null,
    pushName: null,
    content: {
      type: 'image',
      media: { state: 'pending', mimetype: 'image/png', size: 4, sha256: null },
    },
    media: {
      kind: 'image',
      url: 'https://mmg.whatsapp.net/x',
      directPath: null,
      mediaKey: Buffer.alloc(32, 7),
      fileSha256: null,
    },
    at: Date.now(),
  });
  const [work] = await claimMedia(t.deps, newId(), 1);
  if (!work) throw new Error('nothing was claimed');
  return work;
}
const contentOf = async (id: string) => {
  const [row] = await t.deps.db.select().from(messages).where(eq(messages.id, id));
  return Object(row?.content).media;
};

test('the file of an inbound message is stored before its message says so, and waits while the bucket is away', async () => {
  const work = await receiveImage();
  const file = pngFile();
  const back = await away();
  await expect(keepInboundMedia(t.deps, work, Readable.from([file]))).rejects.toMatchObject({
    code: 'UNAVAILABLE',
  });
  expect(await contentOf(work.id)).toMatchObject({ state: 'pending' });
  expect(await t.deps.db.select().from(inboundMedia)).toHaveLength(1);
  await back();
  await keepInboundMedia(t.deps, work, Readable.from([file]));
  expect(await contentOf(work.id)).toMatchObject({ state: 'stored', id: work.id, sha256: sha256(file) });
  expect(objectOf(work.id)?.equals(file)).toBe(true);
  expect(await localFiles()).toEqual([]);
});

test('what came for a message that is not kept any more leaves no object', async () => {
  const work = await receiveImage();
  await t.deps.db.delete(messages).where(eq(messages.id, work.id));
  await keepInboundMedia(t.deps, work, Readable.from([pngFile()]));
  expect(objectOf(work.id)).toBeUndefined();
});

test('while the bucket is away requests are told so, keep nothing, and are done when they are repeated', async () => {
  const known = dataOf(await upload(pngFile()));
  const file = pngFile();
  const headers = { 'idempotency-key': 'bucket-away' };
  const back = await away();
  const refused = await upload(file, headers);
  expect(refused).toMatchObject({ status: 503, body: { code: 'UNAVAILABLE' } });
  expect(refused.headers.get('retry-after')).toBe('15');
  for (const secret of [server.options.secretAccessKey, server.options.accessKeyId]) {
    expect(refused.text).not.toContain(secret);
    expect(JSON.stringify(t.lines)).not.toContain(secret);
  }
  expect(refused.text).not.toMatch(/S3|127\.0\.0\.1|ECONN/);
  // 404 would tell the caller to forget it.
  expect((await read(known.url)).status).toBe(503);
  const image = dataUrl('image/png', file);
  expect((await post('/message/send-image', { session: 'main', to: '0812000001', image })).status).toBe(503);
  expect((await post('/message/send-text', { session: 'main', to: '0812000001', text: 'hi' })).status).toBe(
    202,
  );
  expect(await localFiles()).toEqual([]);
  await back();
  const again = await upload(file, headers);
  expect(again.status).toBe(201);
  expect(again.headers.get('idempotent-replayed')).toBeNull();
  expect((await read(dataOf(again).url)).bytes.equals(file)).toBe(true);
  expect((await read(known.url)).status).toBe(200);
});

test('a process that is killed while it stores a file leaves a row, which takes with it whatever came of that', async () => {
  const file = pngFile();
  let written = '';
  server.trouble = (request) => {
    if (request.method !== 'PUT') return false;
    // The object is there, and its process never hears of it.
    written = (request.url ?? '').replace(`/${server.options.bucket}/`, '');
    server.objects.set(written, file);
    request.socket.destroy();
    return true;
  };
  expect((await upload(file)).status).toBe(503);
  server.trouble = null;
  const found = dataOf(await upload(file));
  expect((await read(found.url)).bytes.equals(file)).toBe(true);
  const clock = { ...t.deps.clock, now: () => Date.now() + 40 * 86_400_000 };
  await sweepMedia({ ...t.deps, clock });
  expect(await t.deps.db.select().from(media)).toEqual([]);
  expect(server.objects.has(written)).toBe(false);
});

test('the sweep takes objects with their rows, and no row without its object', async () => {
  const ids = [];
  for (let i = 0; i < 5; i++) ids.push(dataOf(await upload(pngFile())).id);
  const clock = { ...t.deps.clock, now: () => Date.now() + 40 * 86_400_000 };
  const back = await away();
  await expect(sweepMedia({ ...t.deps, clock })).rejects.toMatchObject({ code: 'UNAVAILABLE' });
  expect(await t.deps.db.select().from(media)).toHaveLength(5);
  await back();
  expect(await sweepMedia({ ...t.deps, clock })).toBe(5);
  expect(ids.map(objectOf)).toEqual(ids.map(() => undefined));
  expect(await t.deps.db.select().from(media)).toEqual([]);
});

test('an object that may not be removed holds up no other', async () => {
  const ids = [];
  for (let i = 0; i < 5; i++) ids.push(dataOf(await upload(pngFile())).id);
  const clock = { ...t.deps.clock, now: () => Date.now() + 40 * 86_400_000 };
  const locked = [...server.objects.keys()].find((key) => key.includes('media/')) ?? '';
  server.trouble = (request, response) => {
    if (request.method !== 'DELETE' || !(request.url ?? '').endsWith(locked)) return false;
    response.writeHead(403).end('<Error><Code>AccessDenied</Code></Error>');
    return true;
  };
  await expect(sweepMedia({ ...t.deps, clock })).rejects.toMatchObject({ code: 'UNAVAILABLE' });
  expect(await t.deps.db.select().from(media)).toHaveLength(1);
  server.trouble = null;
  expect(await sweepMedia({ ...t.deps, clock })).toBe(1);
});

test('/health says whether files can be kept, and is well without them', async () => {
  const fresh = () =>
    openTestApp({ deps: { ...t.deps, storage: createStorage(t.deps), probes: createHealthProbes() } });
  const one = await fresh();
  expect(await one.call('/health')).toMatchObject({
    status: 200,
    body: { status: 'ok', storage: { status: 'up', type: 's3' } },
  });
  const back = await away();
  const two = await fresh();
  expect(await two.call('/health')).toMatchObject({
    status: 200,
    body: { status: 'degraded', storage: { status: 'down' }, database: { status: 'up' } },
  });
  expect((await two.call('/health/ready')).status).toBe(200);
  await back();
  await one.close();
  await two.close();
});

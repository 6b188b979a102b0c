/** Files by URL: what they are called, and what their hosts do to them on the way. */
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { brotliCompressSync, deflateRawSync, deflateSync, gzipSync } from 'node:zlib';
import { eq } from 'drizzle-orm';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { messages, quotaHolds, whatsappAccounts } from '../../src/db/schema.ts';
import { newId } from '../../src/utils/ids.ts';
import { openTestApp, type Tenant, type TestApp, testConfig } from '../helpers/app.ts';
import { computedMs } from '../helpers/computed.ts';
import { pdfFile, sha256 } from '../helpers/files.ts';

const MAX_BYTES = 300_000;
let t: TestApp;
let tenant: Tenant;
let web: Server;
let webUrl: string;
let uploadPath: string;
const answers = new Map<string, (response: ServerResponse) => void>();

beforeAll(async () => {
  uploadPath = await mkdtemp(join(tmpdir(), 'wahub-url-'));
  const files = { ...testConfig().files, uploadPath, maxMediaBytes: MAX_BYTES };
  t = await openTestApp({ config: { files, allowPrivateUrls: true } });
  tenant = await t.tenant();
  const at = Date.now();
  const session = { id: newId(), userId: tenant.id, sessionId: 'main', createdAt: at, updatedAt: at };
  await t.deps.db
    .insert(whatsappAccounts)
    .values({ ...session, status: 'connected', pairing: 'qr', paired: true });
  web = createServer((request, response) => {
    const path = request.url?.split('?')[0] ?? '';
    const answer = answers.get(path);
    if (answer) answer(response);
    else response.writeHead(404).end();
  });
  await new Promise<void>((resolve) => web.listen(0, '127.0.0.1', resolve));
  webUrl = `http://127.0.0.1:${(web.address() as AddressInfo).port}`;
});
afterAll(async () => {
  web.closeAllConnections();
  web.close();
  await t.close();
  await rm(uploadPath, { recursive: true, force: true });
});

const post = (document: string, more = {}) =>
  t.call('/message/send-document', {
    method: 'POST',
    apiKey: tenant.apiKey,
    body: { session: 'main', to: '+6281200000001', document, ...more },
  });

/** What the message says of its file. */
async function sent(document: string, more = {}) {
  const reply = await post(document, more);
  expect(reply.status, reply.text).toBe(202);
  const { messageId } = reply.body.data as { messageId: string };
  const [row] = await t.deps.db.select().from(messages).where(eq(messages.messageId, messageId));
  return row?.content as { filename: string; media: { sha256: string; mimetype: string } };
}

let paths = 0;
/** A URL that serves a file with these headers. */
function serve(body: Buffer, headers: Record<string, string> = {}, path = `/file${paths++}.pdf`): string {
  answers.set(path, (response) => response.writeHead(200, headers).end(body));
  return `${webUrl}${path}`;
}

describe('the name', () => {
  test('is that of Content-Disposition, else that of the last URL, else told by the type', async () => {
    const named = serve(pdfFile(), {
      'content-disposition': "attachment; filename*=UTF-8''Faktur%20%E2%9C%93.pdf",
    });
    expect(await sent(named)).toMatchObject({ filename: 'Faktur ✓.pdf' });
    serve(pdfFile(), {}, '/Laporan%20akhir.pdf');
    answers.set('/moved', (response) => response.writeHead(302, { location: '/Laporan%20akhir.pdf' }).end());
    expect(await sent(`${webUrl}/moved`)).toMatchObject({ filename: 'Laporan akhir.pdf' });
    expect(await sent(serve(pdfFile(), {}, '/'))).toMatchObject({ filename: 'document.pdf' });
    expect(await sent(named, { filename: 'Mine.pdf' })).toMatchObject({ filename: 'Mine.pdf' });
  });

  test('is no path', async () => {
    const url = serve(pdfFile(), { 'content-disposition': 'attachment; filename="../../etc/cron.d/x.pdf"' });
    expect(await sent(url)).toMatchObject({ filename: 'x.pdf' });
  });
});

describe('the preview of a link', () => {
  test('reads no page for long, whatever its tags are', async () => {
    const size = 512 * 1_024;
    const fill = (tag: string) => tag.repeat(Math.ceil(size / tag.length)).slice(0, size);
    const worst = {
      'tags inside one another': fill('<b>'),
      'ends of what never began': `${fill('<i>').slice(0, size / 2)}${fill('</u>').slice(0, size / 2)}`,
      'drawings inside one another': fill('<svg><title>'),
      'paragraphs that end': fill('<div><p>'),
      'a tag of many attributes': `<meta ${fill('a=1 ')}`,
      'a comment without an end': `<!-- ${fill('<!-- - ')}`,
      'a script without an end': `<script>${fill('</scrip ')}`,
      'half characters': fill('&#x1F600;&amp;&notanentity'),
    };
    for (const [name, html] of Object.entries(worst)) {
      const page = `<html><head><title>Tea</title>${html}`;
      answers.set('/deep', (response) => response.writeHead(200, { 'content-type': 'text/html' }).end(page));
      const body = { session: 'main', to: '+6281200000001', text: `${webUrl}/deep`, linkPreview: true };
      const from = computedMs();
      const reply = await t.call('/message/send-text', { method: 'POST', apiKey: tenant.apiKey, body });
      const tookMs = computedMs() - from;
      const { messageId } = reply.body.data as { messageId: string };
      const [row] = await t.deps.db.select().from(messages).where(eq(messages.messageId, messageId));
      expect(row?.content, name).toMatchObject({ preview: { title: 'Tea' } });
      expect(tookMs, name).toBeLessThan(1_000);
    }
  });

  test('takes a place of the tenant, and the message goes without when none is free', async () => {
    let asked = 0;
    answers.set('/tea', (response) => {
      asked++;
      response.writeHead(200, { 'content-type': 'text/html' }).end('<title>Tea</title>');
    });
    const send = async () => {
      const body = { session: 'main', to: '+6281200000001', text: `see ${webUrl}/tea`, linkPreview: true };
      const reply = await t.call('/message/send-text', { method: 'POST', apiKey: tenant.apiKey, body });
      const { messageId } = reply.body.data as { messageId: string };
      const [row] = await t.deps.db.select().from(messages).where(eq(messages.messageId, messageId));
      return row?.content;
    };
    const taken = Array.from({ length: t.deps.config.quotas.uploadsInFlight ?? 0 }, () => {
      const expiresAt = Date.now() + 60_000;
      return { id: newId(), userId: tenant.id, kind: 'upload' as const, expiresAt };
    });
    await t.deps.db.insert(quotaHolds).values(taken);
    expect(await send()).not.toHaveProperty('preview');
    expect(asked).toBe(0);
    await t.deps.db.delete(quotaHolds).where(eq(quotaHolds.userId, tenant.id));
    expect(await send()).toMatchObject({ preview: { title: 'Tea' } });
    expect(await t.deps.db.select().from(quotaHolds)).toEqual([]);
  });
});

describe('a link that a cloud has signed', () => {
  test('may have 8,192 characters, and no more', async () => {
    const url = `${serve(pdfFile())}?X-Amz-Security-Token=`;
    const long = url.padEnd(8_192, 'a');
    expect(await sent(long)).toMatchObject({ media: { mimetype: 'application/pdf' } });
    expect(await post(`${long}a`)).toMatchObject({ status: 400, body: { code: 'VALIDATION_FAILED' } });
    const upload = { method: 'POST', apiKey: tenant.apiKey, body: { file: long } };
    expect((await t.call('/media', upload)).status).toBe(201);
  });
});

describe('Content-Encoding', () => {
  const file = pdfFile(20_000);
  test.each<[string, Buffer]>([
    ['gzip', gzipSync(file)],
    ['x-gzip', gzipSync(file)],
    ['br', brotliCompressSync(file)],
    ['deflate', deflateSync(file)],
    ['Deflate', deflateRawSync(file)],
    ['br, gzip', gzipSync(brotliCompressSync(file))],
    ['identity', file],
    ['aws-chunked', file],
  ])('%s is undone', async (coding, body) => {
    const content = await sent(serve(body, { 'content-encoding': coding }));
    expect(content.media).toMatchObject({ sha256: sha256(file), mimetype: 'application/pdf' });
  });

  test.each<[string, string, Buffer, RegExp]>([
    ['that is unknown', 'compress', file, /compress/],
    ['that is not there', 'gzip', file, /gzip, and does not/],
    ['that breaks off', 'gzip', gzipSync(file).subarray(0, 5_000), /gzip, and does not/],
    ['that is too often', 'gzip, gzip, gzip', file, /too often/],
  ])('%s is refused with the reason', async (_what, coding, body, message) => {
    const reply = await post(serve(body, { 'content-encoding': coding }));
    expect(reply).toMatchObject({
      status: 400,
      body: { code: 'URL_REFUSED', details: { reason: 'encoding' } },
    });
    expect(reply.body.message).toMatch(message);
  });

  test('of little that becomes much is FILE_TOO_LARGE', async () => {
    const bomb = gzipSync(Buffer.alloc(200_000_000));
    for (const body of [bomb.subarray(0, MAX_BYTES - 1), brotliCompressSync(Buffer.alloc(50_000_000))]) {
      const coding = body[0] === 0x1f ? 'gzip' : 'br';
      const reply = await post(serve(body, { 'content-encoding': coding }));
      expect(reply).toMatchObject({ status: 413, body: { code: 'FILE_TOO_LARGE' } });
    }
  });
});

/** Files over HTTP: where they may come from, what is refused, and that nothing half-written stays. */
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { createServer, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { media, messages, whatsappAccounts } from '../../src/db/schema.ts';
import { sweepMedia } from '../../src/services/media/sweep.ts';
import { newId } from '../../src/utils/ids.ts';
import { openTestApp, type Tenant, type TestApp, testConfig } from '../helpers/app.ts';
import { dataUrl, mp4File, opusFile, pdfFile, pngFile, sha256, webpFile } from '../helpers/files.ts';

const MAX_BYTES = 200_000;

let uploadPath: string;
let t: TestApp;
let tenant: Tenant;
let web: Server;
let webUrl: string;
const answers = new Map<string, (response: ServerResponse) => void>();

beforeAll(async () => {
  uploadPath = await mkdtemp(join(tmpdir(), 'wahub-media-'));
  const files = { ...testConfig().files, uploadPath, maxMediaBytes: MAX_BYTES };
  t = await openTestApp({ config: { files, allowPrivateUrls: true } });
  tenant = await t.tenant();
  await addSession(tenant, 'main');
  web = createServer((request, response) => {
    const answer = answers.get(request.url ?? '');
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

async function addSession(of: Tenant, sessionId: string): Promise<void> {
  const at = Date.now();
  await t.deps.db.insert(whatsappAccounts).values({
    id: newId(),
    userId: of.id,
    sessionId,
    status: 'connected',
    pairing: 'qr',
    paired: true,
    createdAt: at,
    updatedAt: at,
  });
}

async function staged(): Promise<string[]> {
  return readdir(join(uploadPath, 'staging')).catch(() => []);
}

function post(path: string, body: unknown, headers: Record<string, string> = {}) {
  return t.call(path, { method: 'POST', apiKey: tenant.apiKey, body, headers });
}

const sendImage = (image: string) =>
  post('/message/send-image', { session: 'main', to: '08120000001', image });

interface Part {
  name: string;
  value: string | Buffer;
  filename?: string;
}

/** A form as bytes, so that a test can break it. */
function formBytes(parts: readonly Part[]): Buffer {
  const pieces = parts.map(({ name, value, filename }) => {
    const file = filename === undefined ? '' : `; filename="${filename}"`;
    const head = `--edge\r\ncontent-disposition: form-data; name="${name}"${file}\r\n\r\n`;
    return Buffer.concat([Buffer.from(head), Buffer.from(value), Buffer.from('\r\n')]);
  });
  return Buffer.concat([...pieces, Buffer.from('--edge--\r\n')]);
}

async function postForm(path: string, body: Buffer, apiKey = tenant.apiKey) {
  const response = await t.app.request(path, {
    method: 'POST',
    headers: { 'content-type': 'multipart/form-data; boundary=edge', 'x-api-key': apiKey },
    body: new Uint8Array(body),
  });
  return { status: response.status, body: (await response.json()) as Record<string, unknown> };
}

const upload = (bytes: Buffer, filename = 'file.bin') =>
  postForm('/media', formBytes([{ name: 'file', value: bytes, filename }]));

interface Uploaded {
  id: string;
  url: string;
}
const dataOf = (reply: { body: Record<string, unknown> }) => reply.body.data as Uploaded;

describe('an upload', () => {
  test('is answered with its type by its bytes, and read back as it is', async () => {
    const png = pngFile();
    const reply = await upload(png, '../../etc/pass wd".exe');
    expect(reply.status).toBe(201);
    expect(reply.body.data).toMatchObject({
      mimetype: 'image/png',
      size: png.length,
      sha256: sha256(png),
      filename: expect.not.stringContaining('/'),
    });
    const url = new URL(dataOf(reply).url);
    const read = await t.app.request(`${url.pathname}${url.search}`);
    expect(read.status).toBe(200);
    expect(Buffer.from(await read.arrayBuffer())).toEqual(png);
    expect(Object.fromEntries(read.headers)).toMatchObject({
      'content-type': 'image/png',
      'content-length': String(png.length),
      'x-content-type-options': 'nosniff',
      'content-security-policy': expect.stringContaining('sandbox'),
      'content-disposition': expect.stringMatching(/^inline; filename="[^"]*"; filename\*=UTF-8''/),
    });
    expect(await staged()).toEqual([]);
  });

  test.each(['x.constructor', 'x.toString', 'x.__proto__'])('named %s is one as any other', async (name) => {
    for (const bytes of [pngFile(), Buffer.from('hello')]) {
      const reply = await upload(bytes, name);
      expect(reply.status).toBe(201);
      expect(reply.body.data).toMatchObject({ filename: name, size: bytes.length });
    }
  });

  test('that a browser could run is only ever saved', async () => {
    const page = Buffer.from('<html><script>alert(1)</script></html>');
    const reply = await upload(page, 'page.html');
    expect(reply.body.data).toMatchObject({ mimetype: 'text/plain' });
    const read = await t.call(`/media/${dataOf(reply).id}`, { apiKey: tenant.apiKey });
    expect(read.headers.get('content-disposition')).toMatch(/^attachment;/);
  });

  test('of the same bytes under the same name is kept once, under another name apart', async () => {
    const pdf = pdfFile();
    const [first, second, renamed] = [
      await upload(pdf, 'a.pdf'),
      await upload(pdf, 'a.pdf'),
      await upload(pdf, 'b.pdf'),
    ];
    expect(dataOf(second).id).toBe(dataOf(first).id);
    expect(dataOf(renamed).id).not.toBe(dataOf(first).id);
  });

  test('belongs to its tenant: nobody else reads it or sends it', async () => {
    const { id, url } = dataOf(await upload(pngFile()));
    const stranger = await t.tenant();
    await addSession(stranger, 'main');
    expect((await t.call(`/media/${id}`, { apiKey: stranger.apiKey })).status).toBe(404);
    const input = { session: 'main', to: '08120000001', image: id };
    const sent = await t.call('/message/send-image', {
      method: 'POST',
      apiKey: stranger.apiKey,
      body: input,
    });
    expect(sent).toMatchObject({ status: 404, body: { code: 'NOT_FOUND' } });
    const forged = new URL(url);
    forged.searchParams.set('u', String(stranger.id));
    expect((await t.app.request(`${forged.pathname}${forged.search}`)).status).toBe(401);
    expect((await t.app.request(`/media/${id}`)).status).toBe(401);
  });

  test('is taken once for an Idempotency-Key, and another file under the key is a conflict', async () => {
    const [one, other] = [pngFile(), pngFile()].map((file) => dataUrl('image/png', file));
    const headers = { 'idempotency-key': 'upload-1' };
    const first = await post('/media', { file: one }, headers);
    const again = await post('/media', { file: one }, headers);
    expect(again.headers.get('idempotent-replayed')).toBe('true');
    expect(dataOf(again).id).toBe(dataOf(first).id);
    // The link is a credential: it is not kept.
    expect(dataOf(again).url).not.toContain('sig=');
    expect(await post('/media', { file: other }, headers)).toMatchObject({
      status: 409,
      body: { code: 'IDEMPOTENCY_CONFLICT' },
    });
  });

  test('goes with its row when its time is over, and leftovers of requests that were cut off go too', async () => {
    const { id } = dataOf(await upload(pngFile()));
    const later = Date.now() + 31 * 86_400_000;
    const clock = { ...t.deps.clock, now: () => later };
    expect(await sweepMedia({ ...t.deps, clock })).toBeGreaterThan(0);
    expect((await t.call(`/media/${id}`, { apiKey: tenant.apiKey })).status).toBe(404);
    expect(await t.deps.db.select().from(media)).toEqual([]);
    const kept = await readdir(join(uploadPath, 'media'), { recursive: true, withFileTypes: true });
    expect(kept.filter((entry) => entry.isFile())).toEqual([]);
  });
});

describe('a send', () => {
  test('takes the type of its file from the bytes', async () => {
    const sound = dataUrl('image/png', opusFile(1));
    expect(await sendImage(sound)).toMatchObject({
      status: 415,
      body: {
        code: 'UNSUPPORTED_MEDIA',
        details: { mimetype: 'audio/ogg; codecs=opus' },
        hint: expect.stringMatching(
          /^Send one of image\/jpeg, .*Any file can be sent as a document: POST \/message\/send-document\.$/,
        ),
      },
    });
    const to = { session: 'main', to: '08120000001' };
    const wrong = [
      ['video', pngFile()],
      ['audio', mp4File()],
      ['sticker', pngFile()],
      ['image', Buffer.from('no image at all')],
    ] as const;
    for (const [kind, bytes] of wrong) {
      const body = { ...to, [kind]: dataUrl('application/octet-stream', bytes) };
      expect((await post(`/message/send-${kind}`, body)).status, kind).toBe(415);
    }
    const sticker = { ...to, sticker: dataUrl('image/png', webpFile()) };
    expect((await post('/message/send-sticker', sticker)).status).toBe(202);
    expect(await staged()).toEqual([]);
  });

  test('that is refused for another reason touches no file and no URL', async () => {
    let asked = 0;
    answers.set('/counted.png', (response) => {
      asked++;
      response.end(pngFile());
    });
    const image = `${webUrl}/counted.png`;
    const bad = [
      { session: 'nobody', to: '08120000001', image },
      { session: 'main', to: 'abc', image },
      { session: 'main', to: '08120000001', image, scheduledAt: '2001-01-01T00:00:00Z' },
      { session: 'main', to: '08120000001', image, quotedMessageId: 'UNKNOWN' },
    ];
    for (const body of bad)
      expect((await post('/message/send-image', body)).status).toBeGreaterThanOrEqual(400);
    expect(asked).toBe(0);
    expect((await sendImage(image)).status).toBe(202);
    expect(asked).toBe(1);
  });

  test('with an Idempotency-Key compares the file itself', async () => {
    const headers = { 'idempotency-key': 'send-1' };
    const body = (file: Buffer) => ({
      session: 'main',
      to: '08120000001',
      image: dataUrl('image/png', file),
    });
    const [file, other] = [pngFile(), pngFile()];
    const first = await post('/message/send-image', body(file), headers);
    expect((await post('/message/send-image', body(file), headers)).text).toBe(first.text);
    expect((await post('/message/send-image', body(other), headers)).status).toBe(409);
    expect(await staged()).toEqual([]);
  });

  test('keeps the file of a message that is to go much later until then', async () => {
    const scheduledAt = new Date(Date.now() + 200 * 86_400_000).toISOString();
    const { id } = dataOf(await upload(pngFile()));
    const body = { session: 'main', to: '08120000001', image: id, scheduledAt };
    expect((await post('/message/send-image', body)).status).toBe(202);
    const rows = await t.deps.db.select().from(media);
    expect(rows.find((row) => row.id === id)?.expiresAt).toBeGreaterThan(Date.parse(scheduledAt));
  });

  test('has no path in its content, and no secret', async () => {
    await sendImage(dataUrl('image/png', pngFile()));
    const contents = (await t.deps.db.select().from(messages)).map((row) => JSON.stringify(row.content));
    expect(contents.length).toBeGreaterThan(0);
    for (const content of contents) expect(content).not.toContain(uploadPath);
  });

  test('says what is missing in forms as in JSON', async () => {
    const form = formBytes([{ name: 'image', value: pngFile(), filename: 'a.png' }]);
    expect(await postForm('/message/send-image', form)).toMatchObject({
      status: 400,
      body: { code: 'VALIDATION_FAILED', details: { session: 'is required', to: 'is required' } },
    });
    expect(await staged()).toEqual([]);
  });
});

describe('what is too much', () => {
  const big = Buffer.alloc(MAX_BYTES + 1, 1);

  test('is FILE_TOO_LARGE, wherever it comes from, and leaves nothing behind', async () => {
    answers.set('/announced', (response) => response.end(big));
    answers.set('/endless', (response) => {
      const more = () => response.writable && response.write(Buffer.alloc(65_536), more);
      more();
    });
    const replies = [
      await upload(big),
      await sendImage(dataUrl('image/png', big)),
      await sendImage(`${webUrl}/announced`),
      await sendImage(`${webUrl}/endless`),
    ];
    for (const reply of replies) {
      expect(reply).toMatchObject({
        status: 413,
        body: { code: 'FILE_TOO_LARGE', details: { maxBytes: MAX_BYTES } },
      });
    }
    expect(await staged()).toEqual([]);
  });

  test('an empty file is refused', async () => {
    expect((await upload(Buffer.alloc(0))).status).toBe(400);
    expect((await sendImage('data:image/png;base64,')).status).toBe(400);
  });
});

describe('what cannot be read', () => {
  test.each([
    [
      'a form that breaks off',
      formBytes([{ name: 'file', value: pngFile(), filename: 'a' }]).subarray(0, 600),
    ],
    ['no form at all', Buffer.from('hello')],
    ['a file in a field that takes none', formBytes([{ name: 'other', value: pngFile(), filename: 'a' }])],
    [
      'two files',
      formBytes([
        { name: 'file', value: pngFile(), filename: 'a' },
        { name: 'file', value: pngFile(), filename: 'b' },
      ]),
    ],
    [
      'a thousand fields',
      formBytes(Array.from({ length: 1_000 }, (_, i) => ({ name: `f${i}`, value: 'x' }))),
    ],
    ['an endless field', formBytes([{ name: 'file', value: 'x'.repeat(400_000) }])],
  ])('%s is VALIDATION_FAILED and leaves nothing behind', async (_name, body) => {
    expect(await postForm('/media', body)).toMatchObject({
      status: 400,
      body: { code: 'VALIDATION_FAILED' },
    });
    expect(await staged()).toEqual([]);
  });

  test.each(['data:image/png', 'data:image/png;base64,!!!!', 'data:text/plain,%E0%A4%A'])(
    '%s is VALIDATION_FAILED',
    async (image) => {
      expect(await sendImage(image)).toMatchObject({ status: 400, body: { code: 'VALIDATION_FAILED' } });
    },
  );

  test('another content type is told which ones are taken', async () => {
    const reply = await post('/media', 'plain', { 'content-type': 'text/plain' });
    expect(reply).toMatchObject({ status: 415, body: { code: 'UNSUPPORTED_MEDIA' } });
  });
});

describe('a URL', () => {
  test.each([
    ['that answers 404', () => `${webUrl}/missing`, 'status'],
    ['with a password in it', () => 'https://user:secret@example.com/a.png', undefined],
    ['of a file on this machine', () => 'file:///etc/passwd', undefined],
    ['of a name that does not exist', () => 'https://no-such-host.invalid/a.png', 'dns'],
  ])('%s is URL_REFUSED', async (_name, url, reason) => {
    const reply = await sendImage(url());
    expect(reply).toMatchObject({ status: 400, body: { code: 'URL_REFUSED' } });
    if (reason) expect(reply.body.details).toEqual({ reason });
    expect(await staged()).toEqual([]);
  });

  test('must be https, and lead to no private address', async () => {
    const files = { ...testConfig().files, uploadPath };
    const strict = await openTestApp({ config: { files } });
    try {
      const user = await strict.tenant();
      const urls = [
        'http://example.com/a.png',
        `${webUrl}/a.png`,
        'https://127.0.0.1/a.png',
        'https://[::1]/a.png',
      ];
      for (const file of [...urls, 'https://169.254.169.254/latest', 'https://10.1.2.3/a.png']) {
        const reply = await strict.call('/media', { method: 'POST', apiKey: user.apiKey, body: { file } });
        expect(reply, file).toMatchObject({ status: 400, body: { code: 'URL_REFUSED' } });
      }
    } finally {
      await strict.close();
    }
  });

  test('an upload may come from one', async () => {
    const png = pngFile();
    answers.set('/photo%20one.png?x=1', (response) => response.end(png));
    const reply = await post('/media', { file: `${webUrl}/photo%20one.png?x=1` });
    expect(reply.body.data).toMatchObject({ sha256: sha256(png), filename: 'photo one.png' });
  });
});

import { readdirSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { deflateRawSync } from 'node:zlib';
import { eq } from 'drizzle-orm';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { activityLogs, media } from '../../src/db/schema.ts';
import { ScannerError, scanStream } from '../../src/utils/clamd.ts';
import { type Clock, systemClock } from '../../src/utils/clock.ts';
import { testConfig } from '../helpers/app.ts';
import { type Scanner, startFakeClamd } from '../helpers/clamd.ts';
import { createFakeClock } from '../helpers/clock.ts';
import { dataOf, enterAs, openWorld, rowsOf, upload, type World } from './fixture.ts';

const GIF = Buffer.from('R0lGODlhAQABAIAAAAAAAP///yH5BAEAAAAALAAAAAABAAEAAAIBRAA7', 'base64');
const PNG = Buffer.from(
  'iVBORw0KGgoAAAANSUhEUgAAAAMAAAACCAIAAAASFvFNAAAAC0lEQVR4nGNggAIAAAsAAUpVkGUAAAAASUVORK5CYII=',
  'base64',
);
/** Just enough of a JPEG to say that it is 5 x 7. */
const JPEG = Buffer.from('ffd8ffe000104a46494600010100000100010000ffc0000b080007000501011100ffd9', 'hex');
const PDF = Buffer.from('%PDF-1.4\n1 0 obj<<>>endobj\ntrailer<<>>\n%%EOF\n');
const WORD = ole('WordDocument');
const EXCEL = ole('Workbook');
const DOCX_TYPE = 'application/vnd.openxmlformats-officedocument.wordprocessingml.document';
const DOCX = zip(
  '[Content_Types].xml',
  `<Types><Override PartName="/word/document.xml" ContentType="${DOCX_TYPE}.main+xml"/></Types>`,
);

/** The header of an OLE container and the name of one stream. */
function ole(stream: string): Buffer {
  const bytes = Buffer.alloc(2048);
  Buffer.from('d0cf11e0a1b11ae1', 'hex').copy(bytes);
  Buffer.from(stream, 'utf16le').copy(bytes, 1024);
  return bytes;
}

/** A ZIP of one file. */
function zip(name: string, text: string): Buffer {
  const data = deflateRawSync(Buffer.from(text));
  const local = Buffer.alloc(30);
  local.writeUInt32LE(0x04034b50, 0);
  local.writeUInt16LE(20, 4);
  local.writeUInt16LE(8, 8);
  local.writeUInt32LE(data.length, 18);
  local.writeUInt32LE(Buffer.byteLength(text), 22);
  local.writeUInt16LE(name.length, 26);
  return Buffer.concat([local, Buffer.from(name), data]);
}

let folder: string;
const worlds: World[] = [];
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'wahub-uploads-'));
});
afterAll(async () => {
  for (const world of worlds) await world.close();
  await rm(folder, { recursive: true, force: true });
});

async function open(clamav: Scanner['address'] | null, clock: Clock = systemClock): Promise<World> {
  const files = { ...testConfig().files, uploadPath: folder, maxUploadBytes: 200_000, clamav };
  const world = await openWorld({ config: { files }, clock });
  worlds.push(world);
  return world;
}
const send = (w: World, bytes: Buffer, name = 'any') => upload(w, '/upload', bytes, { name });

describe('an upload', () => {
  let first: World;
  let w: World;
  beforeAll(async () => {
    first = await open(null);
  });
  beforeEach(async () => {
    // Five a minute are allowed: each test has a tenant of its own.
    w = await enterAs(first.t, await first.t.tenant());
  });

  it.each<[string, Buffer, string, string, number | null, number | null]>([
    ['gif', GIF, 'image/gif', 'gif', 1, 1],
    ['png', PNG, 'image/png', 'png', 3, 2],
    ['jpg', JPEG, 'image/jpeg', 'jpg', 5, 7],
    ['pdf', PDF, 'application/pdf', 'pdf', null, null],
    ['doc', WORD, 'application/msword', 'doc', null, null],
    ['docx', DOCX, DOCX_TYPE, 'docx', null, null],
  ])('of %s is told by its bytes', async (_kind, bytes, mimetype, extension, width, height) => {
    const reply = await send(w, bytes, 'Brosur Baru.exe');
    expect(reply.status, reply.text).toBe(201);
    const data = dataOf(reply);
    expect(data).toMatchObject({
      mimetype,
      size: bytes.length,
      width,
      height,
      scanned: false,
      originalName: 'Brosur Baru.exe',
      filename: expect.stringMatching(new RegExp(`^[0-9a-f]{32}\\.${extension}$`)),
    });
    const link = new URL(String(data.url));
    const file = await w.t.app.request(`${link.pathname}${link.search}`);
    expect(file.headers.get('content-type')).toBe(mimetype);
    expect(Buffer.from(await file.arrayBuffer()).equals(bytes)).toBe(true);
  });

  it.each<[string, Buffer]>([
    ['an Excel workbook', EXCEL],
    ['a page', Buffer.from('<html><script>alert(1)</script></html>')],
    ['a drawing with scripts', Buffer.from('<svg xmlns="http://www.w3.org/2000/svg"><script/></svg>')],
    ['a program', Buffer.concat([Buffer.from('MZ'), Buffer.alloc(500)])],
    ['another ZIP', zip('x.txt', 'hello')],
    ['a damaged picture', PNG.subarray(0, 12)],
  ])('of %s is refused', async (_what, bytes) => {
    const reply = await send(w, bytes, 'picture.jpg');
    expect(reply).toMatchObject({ status: 415, body: { code: 'UNSUPPORTED_MEDIA' } });
    expect(readdirSync(join(folder, 'staging'))).toEqual([]);
  });

  it('that is too large is refused, as a form and as a data: URL', async () => {
    const large = Buffer.concat([PDF, Buffer.alloc(200_000)]);
    expect(await send(w, large)).toMatchObject({ status: 413, body: { code: 'FILE_TOO_LARGE' } });
    const url = `data:application/pdf;base64,${large.toString('base64')}`;
    expect(await w.post('/upload', { file: url })).toMatchObject({ status: 413 });
    expect(await w.post('/upload', {})).toMatchObject({ status: 400, body: { code: 'VALIDATION_FAILED' } });
  });

  it('is deleted by its filename, by its tenant only', async () => {
    const data = dataOf(await send(w, GIF));
    const stranger = await enterAs(w.t, await w.t.tenant());
    const path = `/upload/${data.filename}`;
    expect((await stranger.call(path, { method: 'DELETE' })).status).toBe(404);
    expect((await w.call(path, { method: 'DELETE' })).status).toBe(200);
    expect((await w.call(path, { method: 'DELETE' })).status).toBe(404);
    const rows = await w.t.deps.db.select().from(media).where(eq(media.userId, w.tenant.id));
    expect(rows).toEqual([]);
  });

  it('is listed for its tenant, newest first, in pages', async () => {
    await send(w, GIF, 'first.gif');
    await send(w, PDF, 'second.pdf');
    const page = await w.call('/upload?limit=1');
    expect(rowsOf(page)).toMatchObject([{ originalName: 'second.pdf', mimetype: 'application/pdf' }]);
    expect(page.body.pagination).toMatchObject({ totalItems: 2, totalPages: 2 });
    const [older] = rowsOf(await w.call('/upload?limit=1&page=2'));
    expect(older).toMatchObject({ originalName: 'first.gif', size: GIF.length });
    const link = new URL(String(older?.url));
    expect((await w.t.app.request(`${link.pathname}${link.search}`)).status).toBe(200);
    const stranger = await enterAs(w.t, await w.t.tenant());
    expect(rowsOf(await stranger.call('/upload'))).toEqual([]);
  });

  it('is allowed five times a minute, under both addresses together', async () => {
    // A clock of its own: the minute must not end in the middle.
    w = await open(null, createFakeClock(Date.UTC(2026, 0, 5, 10, 0, 0)));
    for (let i = 0; i < 5; i++) expect((await send(w, GIF)).status).toBe(201);
    const sixth = await send(w, GIF);
    expect(sixth).toMatchObject({ status: 429, body: { code: 'RATE_LIMITED' } });
    expect(Number(sixth.headers.get('retry-after'))).toBeGreaterThan(0);
    const older = await w.t.call('/api/whatsapp/main/broadcast/upload', {
      method: 'POST',
      token: w.tenant.token,
      body: {},
    });
    expect(older.status).toBe(429);
    expect((await w.call('/lists')).status).toBe(200);
  });
});

describe('with a scanner', () => {
  it('a clean file is taken, whole as it was sent, and the answer says that it was scanned', async () => {
    const scanner = await startFakeClamd(() => 'stream: OK');
    const w = await open(scanner.address);
    const bytes = Buffer.concat([PDF, Buffer.alloc(150_000, 7)]);
    expect(dataOf(await send(w, bytes))).toMatchObject({ scanned: true });
    expect(scanner.received).toHaveLength(1);
    expect(scanner.received[0]?.equals(bytes)).toBe(true);
    await scanner.stop();
  });

  it('an infected file is refused, logged and not kept', async () => {
    const scanner = await startFakeClamd(() => 'stream: Win.Test.EICAR_HDB-1 FOUND');
    const w = await open(scanner.address);
    const reply = await send(w, PDF, 'invoice.pdf');
    expect(reply).toMatchObject({
      status: 422,
      body: { code: 'FILE_INFECTED', details: { signature: 'Win.Test.EICAR_HDB-1' } },
    });
    const { db } = w.t.deps;
    expect(await db.select().from(media)).toEqual([]);
    const facts = await db.select().from(activityLogs).where(eq(activityLogs.event, 'upload.infected'));
    expect(facts).toMatchObject([
      {
        userId: w.tenant.id,
        status: 'failure',
        data: { signature: 'Win.Test.EICAR_HDB-1', filename: 'invoice.pdf' },
      },
    ]);
    expect(w.t.lines.some(({ message }) => message === 'an upload was infected')).toBe(true);
    expect(readdirSync(join(folder, 'staging'))).toEqual([]);
    await scanner.stop();
  });

  it.each<[string, string | null]>([
    ['hangs up', null],
    ['is not sure', 'stream: OK, I think'],
    ['takes no file of that size', 'INSTREAM size limit exceeded. ERROR'],
  ])('that %s nothing gets in', async (_what, answer) => {
    const scanner = await startFakeClamd(() => answer);
    const w = await open(scanner.address);
    expect(await send(w, PDF)).toMatchObject({ status: 503, body: { code: 'UNAVAILABLE' } });
    expect(await w.t.deps.db.select().from(media)).toEqual([]);
    await scanner.stop();
  });

  it('that is not there nothing gets in', async () => {
    const gone = await startFakeClamd(() => null);
    await gone.stop();
    const w = await open(gone.address);
    expect(await send(w, PDF)).toMatchObject({ status: 503, body: { code: 'UNAVAILABLE' } });
  });

  it('that says nothing is not waited for without an end', async () => {
    const scanner = await startFakeClamd(() => undefined);
    const file = (async function* () {
      yield PDF;
    })();
    await expect(scanStream(scanner.address, file, { timeoutMs: 50 })).rejects.toThrow(ScannerError);
    await scanner.stop();
  });
});

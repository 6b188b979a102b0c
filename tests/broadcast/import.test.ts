import { existsSync, readdirSync } from 'node:fs';
import { mkdir, mkdtemp, rm, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { eq } from 'drizzle-orm';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { broadcastContacts, contactImportErrors, contactImports } from '../../src/db/schema.ts';
import { createBackground } from '../../src/services/background.ts';
import { spoolPath } from '../../src/services/contacts/import/job.ts';
import {
  createImportResumer,
  forgetOldImports,
  type ImportResumer,
  removeOldFiles,
  thisHost,
} from '../../src/services/contacts/import/resume.ts';
import { newId } from '../../src/utils/ids.ts';
import { testConfig } from '../helpers/app.ts';
import { createSignal } from '../helpers/signal.ts';
import { until } from '../helpers/until.ts';
import { dataOf, enterAs, openWorld, rowsOf, upload, type World } from './fixture.ts';

let w: World;
let list: string;
let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'wahub-import-'));
  const { files } = testConfig();
  w = await openWorld({ config: { files: { ...files, uploadPath: folder, maxCsvBytes: 4_000_000 } } });
});
afterAll(async () => {
  await w.close();
  await rm(folder, { recursive: true, force: true });
});
beforeEach(async () => {
  list = await w.list();
});

const bulk = () => `/lists/${list}/contacts/bulk`;
const contacts = async () => rowsOf(await w.call(`/lists/${list}/contacts?limit=200`));
const send = (content: string | Uint8Array, options = {}) => upload(w, bulk(), content, options);

/** Until what was taken up has ended; how many. */
async function resumeAll(resumer: ImportResumer): Promise<number> {
  const works = await resumer.resume(new AbortController().signal);
  await Promise.all(works);
  return works.length;
}

describe('a CSV file', () => {
  it('of the documents is imported, and leaves nothing on the disk', async () => {
    const reply = await send(
      'name,number,email,custom_field1\nJohn Doe,628123456789,john@example.com,VIP\nJane Smith,628987654321,jane@example.com,Regular\n',
    );
    expect(reply.status).toBe(200);
    expect(dataOf(reply)).toMatchObject({
      status: 'completed',
      listId: list,
      fileName: 'contacts.csv',
      encoding: 'utf-8',
      delimiter: ',',
      columns: ['email', 'custom_field1'],
      total: 2,
      processed: 2,
      percent: 100,
      added: 2,
      updated: 0,
      duplicates: 0,
      invalid: 0,
      errors: [],
    });
    expect(await contacts()).toMatchObject([
      {
        number: '628123456789',
        name: 'John Doe',
        fields: { email: 'john@example.com', custom_field1: 'VIP' },
      },
      { number: '628987654321', name: 'Jane Smith', fields: { email: 'jane@example.com' } },
    ]);
    expect(dataOf(await w.call(`/lists/${list}`))).toMatchObject({
      contactCount: 2,
      columns: ['email', 'custom_field1'],
    });
    for (const part of ['imports', 'staging']) expect(readdirSync(join(folder, part))).toEqual([]);
  });

  it('of which every row is refused says that nothing was imported, and why', async () => {
    const reply = await send('name,number\nBudi,what\nSiti,\n');
    expect(reply).toMatchObject({ status: 200, body: { data: { added: 0, updated: 0, invalid: 2 } } });
    expect(reply.body.message).toMatch(
      /^Nothing was imported: 2 of 2 rows refused\. The first is line 2: \S+/,
    );
    expect((await send('name,number\nBudi,081234567890\nSiti,what\n')).body.message).toBe(
      'The file was imported',
    );
  });

  it.each([
    ['commas', 'nama,nomor\nBudi,081234567890\n'],
    ['semicolons and a quoted comma', 'nama;no_hp\n"Budi, S.";081234567890\n'],
    ['tabs', 'Nama\tNo. HP\nBudi\t081234567890\n'],
    ['bars', 'nama|whatsapp\nBudi|081234567890'],
    ["Excel's first line", 'sep=;\r\nnama;telepon\r\nBudi;081234567890\r\n'],
    ['old line ends', 'nama,hp\rBudi,081234567890\r'],
    ['mixed line ends and empty lines', '\nnama,hp\n\r\nBudi,081234567890\r\n\n,,\n'],
    ['a mark of UTF-8', '\ufeffnama,phone\nBudi,081234567890'],
  ])('with %s is understood', async (_what, text) => {
    const reply = await send(text, { field: 'csvFile' });
    expect(dataOf(reply)).toMatchObject({ added: 1, invalid: 0, total: 1 });
    expect(await contacts()).toMatchObject([{ number: '6281234567890', fields: {} }]);
    expect(String((await contacts())[0]?.name)).toContain('Budi');
  });

  it.each([
    ['UTF-16LE', Buffer.from('\ufeffname,phone\nAndré 😀,081234567890', 'utf16le'), 'utf-16le', 'André 😀'],
    [
      'UTF-16BE',
      Buffer.from('\ufeffname,phone\nAndré,081234567890', 'utf16le').swap16(),
      'utf-16be',
      'André',
    ],
    [
      'Windows-1252',
      Buffer.from('name,phone\nAndr\xe9 \x93x\x94,081234567890', 'latin1'),
      'windows-1252',
      'André “x”',
    ],
  ])('in %s keeps its letters', async (_what, bytes, encoding, name) => {
    expect(dataOf(await send(bytes))).toMatchObject({ encoding, added: 1 });
    expect(await contacts()).toMatchObject([{ name }]);
  });

  it('that is imported again updates, and erases nothing that it does not give', async () => {
    await send('name,number,email,city\nBudi,081234567890,b@example.com,Solo\nAni,081234567891,,Bogor');
    const again = await send('number,name,city,size\n+62 812-3456-7890,Budi S.,,L\n081234567892,Cici,,M');
    expect(dataOf(again)).toMatchObject({ added: 1, updated: 1, duplicates: 0 });
    expect(await contacts()).toMatchObject([
      { name: 'Budi S.', fields: { email: 'b@example.com', city: 'Solo', size: 'L' } },
      { name: 'Ani', fields: { city: 'Bogor' } },
      { name: 'Cici', fields: { size: 'M' } },
    ]);
    expect(dataOf(await w.call(`/lists/${list}`)).contactCount).toBe(3);
  });

  it('names every line that was refused, left out or repaired, and why', async () => {
    const reply = await send(
      [
        'name,number,note',
        'A,8.12E+10,digits lost',
        "B,'081234567890,apostrophe",
        'C,8571234567,lost its 0',
        'D,6281234567892.0,decimals',
        'E,what,no number',
        '"F\nwith a second line",081234567893,fine',
        'G,,missing',
        'H,081234567893,"again"',
        'I,081234567894,too,many',
        'J,2125551234,ambiguous',
        `K,081234567895,${'x'.repeat(1001)}`,
        'L,6.281234567896E+12,exponent',
      ].join('\n'),
    );
    expect(reply.status).toBe(200);
    const data = dataOf(reply);
    expect(data).toMatchObject({ total: 12, added: 5, duplicates: 1, invalid: 6, repaired: 4 });
    const expected = [
      [2, 'invalid', 'digits_lost', '8.12E+10'],
      [3, 'repaired', 'apostrophe', "'081234567890"],
      [4, 'repaired', 'leading_zero', '8571234567'],
      [5, 'repaired', 'decimal', '6281234567892.0'],
      [6, 'invalid', 'invalid_number', 'what'],
      [9, 'invalid', 'empty_number', ''],
      [10, 'duplicate', 'duplicate', '081234567893'],
      [11, 'invalid', 'too_many_columns', '081234567894'],
      [12, 'invalid', 'ambiguous_number', '2125551234'],
      [13, 'invalid', 'value_too_long', '081234567895'],
      [14, 'repaired', 'exponent', '6.281234567896E+12'],
    ];
    expect(linesOf(data)).toEqual(expected);
    const file = await w.call(`/imports/${data.id}/errors`);
    expect(file.headers.get('content-type')).toContain('text/csv');
    const lines = file.text.trim().split('\r\n');
    expect(lines[0]).toBe('line,number,kind,code,reason');
    expect(lines).toHaveLength(expected.length + 1);
    expect(lines[2]).toContain("3,'081234567890,repaired,apostrophe,");
  });

  it('with more errors than are shown has all of them in the file of errors', async () => {
    const rows = Array.from({ length: 2500 }, (_, i) => `x${i},bad${i}`);
    const data = dataOf(await send(`name,number\n${rows.join('\n')}\nok,081234567890`));
    expect(data).toMatchObject({ added: 1, invalid: 2500 });
    expect(linesOf(data)).toHaveLength(100);
    const lines = (await w.call(`/imports/${data.id}/errors`)).text.trim().split('\r\n');
    expect(lines).toHaveLength(2501);
    expect(lines.at(-1)).toMatch(/^2501,bad2499,invalid,invalid_number,/);
  });

  it('counts a number that comes again in a later batch as a duplicate', async () => {
    const rows = Array.from({ length: 1300 }, (_, i) => `p${i},${6281200000000 + (i % 900)}`);
    const data = dataOf(await send(`name,number\n${rows.join('\n')}`));
    expect(data).toMatchObject({ added: 900, updated: 0, duplicates: 400, total: 1300 });
    expect((await contacts())[0]?.name).toBe('p0');
  });
});

function linesOf(data: Record<string, unknown>): unknown[] {
  return Array.isArray(data.errors)
    ? data.errors.map(({ line, kind, code, number }) => [line, kind, code, number])
    : [];
}

describe('a line that cannot be read stops nothing', () => {
  const quote = '"';
  it.each<[string, string, [number, string][], number]>([
    [
      'a quote that is never closed',
      `A,0811111111\n${quote}B,0811111112\nC,0811111113`,
      [[3, 'quote_open']],
      2,
    ],
    ['a quote inside a value', `A,0811111111\nB 6${quote} x,0811111112`, [], 2],
    ['words after a quote', `${quote}A${quote} x,0811111111\nB,0811111112`, [[2, 'malformed']], 1],
    [
      'two quotes that are never closed',
      `${quote}A,0811111111\nB,0811111112\n${quote}C,0811111113\nD,0811111114`,
      [
        [2, 'malformed'],
        [4, 'quote_open'],
      ],
      2,
    ],
    ['a line without an end', `${'x'.repeat(600_000)}\nB,0811111112`, [[2, 'line_too_long']], 1],
  ])('%s', async (_what, rows, expected, added) => {
    const data = dataOf(await send(`name,number\n${rows}`));
    expect(data).toMatchObject({ status: 'completed', added, invalid: expected.length });
    expect(linesOf(data).map((line) => (Array.isArray(line) ? [line[0], line[2]] : line))).toEqual(expected);
  });
});

describe('a file that is no CSV changes nothing and says why', () => {
  const quote = '"';
  it.each<[string, string | Uint8Array, number, RegExp]>([
    ['a ZIP that was renamed', Buffer.from('504b0304140000000800', 'hex'), 415, /Excel workbook or a ZIP/],
    ['an old Excel workbook', Buffer.from('d0cf11e0a1b11ae1', 'hex'), 415, /old Excel/],
    [
      'a picture',
      Buffer.concat([Buffer.from('89504e470d0a1a0a', 'hex'), Buffer.alloc(5000)]),
      415,
      /no text/,
    ],
    [
      'another encoding',
      Buffer.concat([Buffer.from('name,number\n'), Buffer.alloc(900, 0xff)]),
      400,
      /encoding/,
    ],
    ['bytes without a meaning', Buffer.from('name,number\nA\x81,0811111111', 'latin1'), 400, /encoding/],
    ['half a UTF-16 character', Buffer.from([0xff, 0xfe, 0x41, 0x00, 0x42]), 400, /encoding/],
    ['no column of numbers', 'name,email\nA,a@example.com', 400, /No column holds the numbers/],
    ['a header alone', 'name,number\n', 400, /no rows/],
    ['two columns of one name', 'number,city,city\n0811111111,a,b', 400, /"city" is there twice/],
    ['10,000 columns', `number${',c'.repeat(9999)}\n0811111111`, 400, /10000 columns/],
    ['a first line with an open quote', `${quote}name,number\nA,0811111111`, 400, /line 1 opens a quote/],
    ['a first line without an end', 'x'.repeat(600_000), 400, /line 1 is longer/],
    [
      'too many bytes',
      `name,number\n${'A,0811111111\n'.repeat(400_000)}`,
      413,
      /larger than 3\.8 MB \(MAX_CSV_SIZE\)/,
    ],
    ['nothing', '', 400, /empty/],
  ])('%s', async (_what, content, status, message) => {
    const reply = await send(content);
    expect(reply.status, reply.text).toBe(status);
    expect(reply.body.message).toMatch(message);
    expect(await contacts()).toEqual([]);
    expect(dataOf(await w.call(`/lists/${list}`))).toMatchObject({ contactCount: 0, columns: [] });
    expect(existsSync(join(folder, 'imports')) ? readdirSync(join(folder, 'imports')) : []).toEqual([]);
    expect(readdirSync(join(folder, 'staging'))).toEqual([]);
  });

  it('and a form without a file', async () => {
    const reply = await w.form(bulk(), new FormData());
    expect(reply).toMatchObject({ status: 400, body: { code: 'VALIDATION_FAILED' } });
  });

  it('and a list of another tenant', async () => {
    const stranger = await enterAs(w.t, await w.t.tenant());
    const reply = await upload(stranger, bulk(), 'number\n0811111111');
    expect(reply).toMatchObject({ status: 404, body: { code: 'NOT_FOUND' } });
    expect(await contacts()).toEqual([]);
  });
});

describe('under an Idempotency-Key', () => {
  it('a file that is no list of contacts is refused, and again', async () => {
    const headers = { 'idempotency-key': newId() };
    for (const replayed of [null, 'true']) {
      const reply = await send('name,email\nBudi,budi@example.com\n', { headers });
      expect(reply).toMatchObject({ status: 400, body: { success: false, code: 'VALIDATION_FAILED' } });
      expect(reply.headers.get('idempotent-replayed')).toBe(replayed);
    }
  });
});

describe('with Prefer: respond-async', () => {
  const headers = { prefer: 'respond-async' };

  it('the answer is 202, and the import is followed by its id and as events', async () => {
    const rows = Array.from({ length: 3000 }, (_, i) => `p${i},${6281200000000 + i}`);
    const reply = await send(`name,number\n${rows.join('\n')}`, { headers });
    expect(reply.status).toBe(202);
    const { importId, eventsUrl } = dataOf(reply);
    const path = new URL(String(eventsUrl));
    // The link is good without a credential.
    const events = await w.t.app.request(`${path.pathname}${path.search}`);
    const text = await events.text();
    expect(text).toMatch(/event: completed/);
    expect(text).toContain('"added":3000');
    const done = dataOf(await w.call(`/imports/${importId}`));
    expect(done).toMatchObject({ status: 'completed', added: 3000, total: 3000, percent: 100 });
    const stranger = await enterAs(w.t, await w.t.tenant());
    expect((await stranger.call(`/imports/${importId}`)).status).toBe(404);
    expect((await stranger.call(`/imports/${importId}/errors`)).status).toBe(404);
  });

  it('a file that is no CSV is told by the import', async () => {
    const reply = await send('name,email\nA,a@example.com', { headers });
    expect(reply.status).toBe(202);
    const path = `/imports/${dataOf(reply).importId}`;
    await until(async () => dataOf(await w.call(path)).status !== 'running');
    expect(dataOf(await w.call(path))).toMatchObject({
      status: 'failed',
      added: 0,
      errorCode: 'VALIDATION_FAILED',
      errorMessage: expect.stringMatching(/No column holds the numbers/),
    });
  });

  it('the same key and file are imported once', async () => {
    const keyed = { ...headers, 'idempotency-key': newId() };
    const first = await send('number\n0811111111', { headers: keyed });
    const again = await send('number\n0811111111', { headers: keyed });
    expect(again.headers.get('idempotent-replayed')).toBe('true');
    expect(dataOf(again).importId).toBe(dataOf(first).importId);
    expect(String(dataOf(again).eventsUrl)).not.toContain('sig=');
    const other = await send('number\n0811111112', { headers: keyed });
    expect(other).toMatchObject({ status: 409, body: { code: 'IDEMPOTENCY_CONFLICT' } });
  });
});

describe('a restart', () => {
  async function leftBehind(changes: Partial<typeof contactImports.$inferInsert>, content: string | null) {
    const { db } = w.t.deps;
    const id = newId();
    const now = Date.now();
    await db.insert(contactImports).values({
      id,
      userId: w.tenant.id,
      kind: 'contacts',
      listId: list,
      sessionId: 'main',
      status: 'running',
      sizeBytes: 1,
      owner: newId(),
      host: thisHost(),
      createdAt: now,
      updatedAt: now,
      ...changes,
    });
    if (content !== null) {
      const path = spoolPath(w.t.deps, id);
      await mkdir(dirname(path), { recursive: true });
      await writeFile(path, content);
    }
    return id;
  }
  it('lets one that stands still, or fails each time, hold up nobody else’s', async () => {
    const other = await enterAs(w.t, await w.t.tenant());
    const otherList = await other.list();
    const stuck = await leftBehind({}, 'number\n0811111111');
    const free = await leftBehind(
      { userId: other.tenant.id, listId: otherList, createdAt: Date.now() + 1 },
      'number\n0811111112',
    );
    const turn = createSignal();
    const { loopShare } = w.t.deps;
    const isStuck = (tenant: number) => tenant === w.tenant.id;
    const deps = {
      ...w.t.deps,
      loopShare: {
        ...loopShare,
        tryTurn: (tenant: number) => !isStuck(tenant) && loopShare.tryTurn(tenant),
        turn: (tenant: number) => (isStuck(tenant) ? turn.given : loopShare.turn(tenant)),
      },
    };
    const works = await createImportResumer(deps).resume(new AbortController().signal);
    expect(works).toHaveLength(2);
    await until(async () => dataOf(await other.call(`/imports/${free}`)).status === 'completed');
    expect(await outcome(stuck)).toMatchObject({ status: 'running' });
    turn.give();
    await Promise.all(works);

    const poisoned = await leftBehind({}, null);
    await mkdir(spoolPath(w.t.deps, poisoned), { recursive: true });
    const resumer = createImportResumer(w.t.deps);
    expect(await resumeAll(resumer)).toBe(1);
    expect(await outcome(poisoned)).toMatchObject({ status: 'running' });
    expect(await resumeAll(resumer)).toBe(0);
    await rm(spoolPath(w.t.deps, poisoned), { recursive: true });
    expect(await resumeAll(createImportResumer(w.t.deps))).toBe(1);
    expect(await outcome(poisoned)).toMatchObject({ status: 'failed' });
  });

  it('is not needed for one that could not be let go of when the database was away', async () => {
    const id = await leftBehind({}, null);
    await mkdir(spoolPath(w.t.deps, id), { recursive: true });
    const { db } = w.t.deps;
    // The one that takes it.
    let left = 1;
    const away = new Proxy(db, {
      get(target, name, receiver) {
        if (name === 'update' && --left < 0) throw new Error('away');
        return Reflect.get(target, name, receiver);
      },
    });
    const resumer = createImportResumer({ ...w.t.deps, db: away });
    await resumeAll(resumer);
    left = Number.POSITIVE_INFINITY;
    const ownerOf = async () =>
      (await db.select().from(contactImports).where(eq(contactImports.id, id)))[0]?.owner;
    expect(await ownerOf()).toBe(w.t.deps.background.processId);
    await resumeAll(resumer);
    expect(await ownerOf()).toBeNull();
    await rm(spoolPath(w.t.deps, id), { recursive: true });
    expect(await resumeAll(createImportResumer(w.t.deps))).toBe(1);
    expect(await outcome(id)).toMatchObject({ status: 'failed' });
  });

  const resume = () => resumeAll(createImportResumer(w.t.deps));
  const outcome = async (id: string) => dataOf(await w.call(`/imports/${id}`));

  it('goes on with the row after the last one that was counted', async () => {
    const rows = Array.from({ length: 1000 }, (_, i) => `p${i},${6281200000000 + i}`);
    const id = await leftBehind(
      { doneRows: 400, added: 390, invalid: 10 },
      `name,number\n${rows.join('\n')}`,
    );
    await resume();
    expect(await outcome(id)).toMatchObject({
      status: 'completed',
      processed: 1000,
      added: 990,
      invalid: 10,
    });
    const { db } = w.t.deps;
    const kept = await db.select().from(broadcastContacts).where(eq(broadcastContacts.listId, list));
    expect(kept).toHaveLength(600);
    expect(Math.min(...kept.map(({ phone }) => Number(phone)))).toBe(6281200000400);
    expect(existsSync(spoolPath(w.t.deps, id))).toBe(false);
  });

  it('without the file ends the import, saying how far it got', async () => {
    const id = await leftBehind({ doneRows: 400, added: 390, invalid: 10 }, null);
    await resume();
    expect(await outcome(id)).toMatchObject({
      status: 'failed',
      added: 390,
      errorMessage: expect.stringContaining('after 400 rows'),
    });
  });

  it('leaves alone what another machine may come back for', async () => {
    const id = await leftBehind({ host: 'elsewhere' }, null);
    await resume();
    expect(await outcome(id)).toMatchObject({ status: 'running' });
    await w.t.deps.db
      .update(contactImports)
      .set({ updatedAt: Date.now() - 3_600_000 })
      .where(eq(contactImports.id, id));
    await resume();
    expect(await outcome(id)).toMatchObject({ status: 'failed', processed: 0 });
  });

  it('forgets in time: files that nothing will resume, and imports with what was said of their lines', async () => {
    const { deps } = w.t;
    const orphan = spoolPath(deps, newId());
    const fresh = spoolPath(deps, newId());
    for (const path of [orphan, fresh]) await writeFile(path, 'x');
    const threeDaysAgo = new Date(Date.now() - 3 * 86_400_000);
    await utimes(orphan, threeDaysAgo, threeDaysAgo);
    expect(await removeOldFiles(deps)).toBe(1);
    expect([existsSync(orphan), existsSync(fresh)]).toEqual([false, true]);
    await rm(fresh);

    const { id } = dataOf(await send('number\nwhat\n0811111111'));
    const mine = eq(contactImports.id, String(id));
    const forget = () => forgetOldImports(deps, new AbortController().signal);
    await forget();
    expect(await deps.db.select().from(contactImports).where(mine)).toHaveLength(1);
    await deps.db
      .update(contactImports)
      .set({ createdAt: Date.now() - 31 * 86_400_000 })
      .where(mine);
    await forget();
    expect(await deps.db.select().from(contactImports).where(mine)).toEqual([]);
    const lines = eq(contactImportErrors.importId, String(id));
    expect(await deps.db.select().from(contactImportErrors).where(lines)).toEqual([]);
  });

  it('ends an import whose list is gone', async () => {
    const id = await leftBehind({}, 'number\n0811111111');
    await w.call(`/lists/${list}`, { method: 'DELETE' });
    await resume();
    expect(await outcome(id)).toMatchObject({ status: 'failed', errorCode: 'NOT_FOUND', added: 0 });
  });

  it('in the middle of an import loses and doubles nothing', async () => {
    const own = await openWorld({
      config: w.t.deps.config.files === undefined ? {} : { files: w.t.deps.config.files },
    });
    const id = await own.list();
    const rows = Array.from({ length: 4000 }, (_, i) => `p${i},${6281200000000 + i}`);
    const pending = upload(own, `/lists/${id}/contacts/bulk`, `name,number\n${rows.join('\n')}`);
    const { db, background } = own.t.deps;
    await until(async () => ((await db.select().from(contactImports))[0]?.doneRows ?? 0) > 0);
    await background.stop();
    expect(await pending).toMatchObject({ status: 503, body: { code: 'UNAVAILABLE' } });
    const [cut] = await db.select().from(contactImports);
    expect(cut).toMatchObject({ status: 'running', owner: null });
    expect(cut?.doneRows).toBeLessThan(4000);
    expect(dataOf(await own.call(`/lists/${id}`)).contactCount).toBe(cut?.added);
    const { logger } = own.t.deps;
    const next = createBackground({ processId: newId(), logger });
    await resumeAll(createImportResumer({ ...own.t.deps, background: next }));
    expect((await db.select().from(contactImports))[0]).toMatchObject({
      status: 'completed',
      added: 4000,
      duplicates: 0,
    });
    expect(dataOf(await own.call(`/lists/${id}`)).contactCount).toBe(4000);
    await own.close();
  });
});

describe('an export', () => {
  it('has the custom fields, runs nothing in a spreadsheet, and imports as it was', async () => {
    await w.post(`/lists/${list}/contacts`, {
      contacts: [
        {
          number: '081234567890',
          name: '=HYPERLINK("http://evil.example")',
          city: 'Solo, "Jawa"',
          debt: '-500',
        },
        { number: '081234567891', name: '@cmd', note: 'line 1\nline 2' },
        { number: '081234567892' },
      ],
    });
    const before = await contacts();
    const file = await w.call(`/export/contacts/${list}`);
    expect(file.headers.get('content-disposition')).toContain('attachment');
    expect(file.text.split('\r\n')[0]).toBe('name,number,city,debt,note');
    expect(file.text).toContain(
      `"'=HYPERLINK(""http://evil.example"")",+6281234567890,"Solo, ""Jawa""",-500,`,
    );
    expect(file.text).toContain("'@cmd,+6281234567891");
    list = await w.list('copy');
    expect(dataOf(await send(file.text))).toMatchObject({ added: 3, invalid: 0, repaired: 0 });
    const without = (rows: Record<string, unknown>[]) =>
      rows.map(({ name, number, fields }) => ({ name, number, fields }));
    expect(without(await contacts())).toEqual(without(before));
  });

  it('of a long list is whole', async () => {
    const rows = Array.from({ length: 1700 }, (_, i) => `p${i},${6281200000000 + i}`);
    await send(`name,number\n${rows.join('\n')}`);
    const file = await w.call(`/export/contacts/${list}`);
    expect(file.text.trim().split('\r\n')).toHaveLength(1701);
    const stranger = await enterAs(w.t, await w.t.tenant());
    expect((await stranger.call(`/export/contacts/${list}`)).status).toBe(404);
  });
});

/** Files of contacts as address books, phones, spreadsheets and exporters of groups write them. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { testConfig } from '../helpers/app.ts';
import { dataOf, openWorld, rowsOf, type World } from './fixture.ts';
import { type CellSpec, workbook } from './workbook.ts';

let w: World;
let list: string;
let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'wahub-formats-'));
  w = await openWorld({ config: { files: { ...testConfig().files, uploadPath: folder } } });
});
afterAll(async () => {
  await w.close();
  await rm(folder, { recursive: true, force: true });
});
beforeEach(async () => {
  list = await w.list();
});

function send(content: string | Uint8Array, fields: Record<string, string> = {}, name = 'contacts.csv') {
  const form = new FormData();
  form.append('file', new Blob([Buffer.from(content)]), name);
  for (const [field, value] of Object.entries(fields)) form.append(field, value);
  return w.form(`/lists/${list}/contacts/bulk`, form);
}

/** Name and number of each contact, by number. */
async function people(): Promise<[unknown, unknown][]> {
  return rowsOf(await w.call(`/lists/${list}/contacts?limit=200`)).map(({ number, name }) => [number, name]);
}

const BUDI = ['6281234567890', 'Budi Santoso'];
const SITI = ['6281311112222', 'Siti'];

describe('an export of', () => {
  it.each<[string, string]>([
    [
      'Google Contacts as it was',
      'Name,Given Name,Additional Name,Family Name,Group Membership,Phone 1 - Type,Phone 1 - Value,Phone 2 - Type,Phone 2 - Value\nBudi Santoso,Budi,,Santoso,* myContacts,Mobile,+62 812-3456-7890 ::: +62 21 5551234,Work,\nSiti,Siti,,,* myContacts,,,Mobile,0813-1111-2222\n',
    ],
    [
      'Google Contacts as it is',
      'First Name,Middle Name,Last Name,Organization Name,Phone 1 - Label,Phone 1 - Value\nBudi,,Santoso,Toko,Mobile,+62 812-3456-7890\nSiti,,,,Mobile,081311112222\n',
    ],
    [
      'Outlook',
      '"First Name","Middle Name","Last Name","Business Phone","Home Phone","Mobile Phone","E-mail Address"\n"Budi","","Santoso","","","+62 812 3456 7890","b@example.com"\n"Siti","","","0813 1111 2222","","",""\n',
    ],
    [
      'a group',
      'Country Code,Country Name,Phone Number,Saved Name,Public Display Name,Group Name\n62,Indonesia,+6281234567890,Budi Santoso,budi,RT 05\n62,Indonesia,+62 813-1111-2222,,Siti,RT 05\n',
    ],
    ['Google Sheets', 'Nama Lengkap,Nomor HP\nBudi Santoso,6281234567890\nSiti,"6,281,311,112,222"\n'],
    [
      'a phone, with marks of direction',
      'Name,Phone : mobile\nBudi Santoso,\u202a+62 812\u20113456\u20117890\u202c\nSiti,0813 1111 2222\n',
    ],
    [
      'an Android phone',
      'Display Name,Mobile Phone 1,Mobile Phone 2\nBudi Santoso,0812-3456-7890,\nSiti,,081311112222\n',
    ],
    ['a school', 'No.;Nama;No. HP/WA\n1;Budi Santoso;0812 3456 7890\n2;Siti;0813 1111 2222\n'],
    ['old Macs', 'name,phone\rBudi Santoso,081234567890\rSiti,081311112222\r'],
    ['Excel as Unicode text', '\ufeffname\tphone\r\nBudi Santoso\t081234567890\r\nSiti\t081311112222\r\n'],
  ])('%s', async (_what, csv) => {
    const data = dataOf(await send(csv));
    expect(data).toMatchObject({ added: 2, invalid: 0, format: 'csv', warnings: [] });
    const found = await people();
    expect(found[0]).toEqual(BUDI);
    expect(found[1]?.[0]).toBe(SITI[0]);
  });

  it('phones, in all three versions of vCard', async () => {
    const cards = [
      'BEGIN:VCARD\r\nVERSION:3.0\r\nN:Santoso;Budi;;;\r\nFN:Budi San\r\n toso\r\nitem1.TEL;type=HOME;type=VOICE:021 5551234\r\nTEL;type=CELL;type=pref:+62 812-3456-7890\r\nPHOTO;ENCODING=b;TYPE=JPEG:AAAA\r\n AAAA\r\nEND:VCARD',
      'BEGIN:VCARD\r\nVERSION:2.1\r\nN;CHARSET=UTF-8;ENCODING=QUOTED-PRINTABLE:;=41=6E=\r\n=64=72=C3=A9;;;\r\nTEL;CELL:0813-1111-2222\r\nEND:VCARD',
      'BEGIN:VCARD\r\nVERSION:4.0\r\nFN:Dewi\\, Sari\r\nTEL;VALUE=uri;TYPE="cell,voice":tel:+62-815-5555-6666;ext=1\r\nEND:VCARD',
      'BEGIN:VCARD\r\nVERSION:3.0\r\nFN:Tanpa Nomor\r\nEND:VCARD',
    ];
    const data = dataOf(await send(`${cards.join('\r\n')}\r\n`, {}, 'contacts.vcf'));
    expect(data).toMatchObject({ format: 'vcard', added: 3, invalid: 1, total: 4 });
    expect(data.errors).toEqual(
      expect.arrayContaining([expect.objectContaining({ line: 25, code: 'empty_number' })]),
    );
    expect(await people()).toEqual([BUDI, ['6281311112222', 'André'], ['6281555556666', 'Dewi, Sari']]);
  });
});

describe('a workbook', () => {
  const rows = (more: CellSpec[][] = []): CellSpec[][] => [
    ['Nama', 'No. HP', 'Tanggal', 'Lunas'],
    ['Budi Santoso', 6281234567890, { date: 46_000 }, true],
    [],
    ['Siti', { padded: 81311112222 }, { date: 46_000.5 }, false],
    ['Nobody', 'x', null, null],
    ...more,
  ];

  it('is read with its numbers, dates and the numbers of its rows', async () => {
    const data = dataOf(await send(workbook(rows()), {}, 'contacts.xlsx'));
    expect(data).toMatchObject({ format: 'xlsx', added: 2, invalid: 1, columns: ['Tanggal', 'Lunas'] });
    expect(data.errors).toEqual([expect.objectContaining({ line: 5, code: 'invalid_number' })]);
    expect(await people()).toEqual([BUDI, SITI]);
    const [budi, siti] = rowsOf(await w.call(`/lists/${list}/contacts`));
    expect(budi?.fields).toEqual({ Tanggal: '2025-12-09', Lunas: 'TRUE' });
    expect(siti?.fields).toEqual({ Tanggal: '2025-12-09 12:00', Lunas: 'FALSE' });
  });

  it.each<[string, () => Buffer, RegExp]>([
    ['another archive', () => workbook(rows(), { without: 'xl/workbook.xml' }), /no \.xlsx file/],
    ['XML that is damaged', () => workbook([[{ raw: '<v>&nothing;</v>' }]]), /damaged/],
    ['XML that is nested without an end', () => workbook(rows(), { depth: 101 }), /too deep/],
    ['half of it', () => workbook(rows()).subarray(0, 700), /cannot be read/],
  ])('that is %s is refused with the reason, and nothing is added', async (_what, make, message) => {
    const reply = await send(make(), {}, 'contacts.xlsx');
    expect(reply.status, reply.text).toBe(415);
    expect(reply.body.message).toMatch(message);
    expect(await people()).toEqual([]);
  });

  it('that unpacks into very much is given up in its own process', async () => {
    const bomb = workbook([['number']], { bomb: 300_000_000 });
    expect(bomb.length).toBeLessThan(2_000_000);
    const reply = await send(bomb, {}, 'contacts.xlsx');
    expect(reply.status).toBeGreaterThanOrEqual(400);
    expect(reply.body.message).toMatch(/cannot be read/);
  }, 120_000);
});

/** Names in encodings that Node cannot write. */
const BYTES: Record<string, Record<string, string>> = {
  cp1251: { Иван: 'c8e2e0ed', 'Анна Смирнова': 'c0edede020d1ece8f0edeee2e0' },
  gbk: { 张三: 'd5c5c8fd' },
  shift_jis: { 山田太郎: '8e52936391be9859' },
  'euc-kr': { 김철수: 'b1e8c3b6bcf6' },
  big5: { 陳大文: 'b3afa46aa4e5' },
  cp1252: { 'François Hélène': '4672616ee76f69732048e96ce86e65' },
  'koi8-r': { Иван: 'e9d7c1ce' },
};

/** A file of one contact. */
function encode(name: string, number: string, encoding: string): Buffer {
  const bytes = Buffer.from(BYTES[encoding]?.[name] ?? '', 'hex');
  return Buffer.concat([Buffer.from('name,phone\n'), bytes, Buffer.from(`,${number}\n`)]);
}

describe('an encoding', () => {
  it.each<[string, string, string, string]>([
    ['cp1251', 'windows-1251', 'Иван', '+79161234567'],
    ['cp1251', 'windows-1251', 'Анна Смирнова', '89161234567'],
    ['gbk', 'gb18030', '张三', '+8613812345678'],
    ['shift_jis', 'shift_jis', '山田太郎', '+819012345678'],
    ['euc-kr', 'euc-kr', '김철수', '+821012345678'],
    ['big5', 'big5', '陳大文', '+85261234567'],
    ['cp1252', 'windows-1252', 'François Hélène', '+33612345678'],
  ])('%s is guessed as %s, and the guess is told', async (encoding, found, name, number) => {
    const data = dataOf(await send(encode(name, number, encoding)));
    expect(data).toMatchObject({ encoding: found, warnings: [{ code: 'encoding_guessed' }] });
    expect(data.warnings).toEqual([
      { code: 'encoding_guessed', message: expect.stringContaining(`read as ${found}`) },
    ]);
    const lines = rowsOf(await w.call(`/lists/${list}/contacts`));
    if (number.startsWith('+')) expect(lines).toMatchObject([{ name }]);
  });

  it('that is named is taken, and one that does not fit is refused', async () => {
    const bytes = encode('Иван', '+79161234567', 'koi8-r');
    expect(dataOf(await send(bytes, { encoding: 'koi8-r' }))).toMatchObject({
      encoding: 'koi8-r',
      warnings: [],
    });
    expect(rowsOf(await w.call(`/lists/${list}/contacts`))).toMatchObject([{ name: 'Иван' }]);
    expect(await send(bytes, { encoding: 'utf-8' })).toMatchObject({ status: 400 });
    expect(await send(bytes, { encoding: 'no-such' })).toMatchObject({
      status: 400,
      body: { details: { encoding: expect.stringContaining('windows-1251') } },
    });
  });

  it('with a few damaged letters is still UTF-8', async () => {
    const good = Array.from({ length: 30 }, (_, i) => `Élodie ${i},+6281200000${100 + i}`).join('\n');
    const bytes = Buffer.concat([
      Buffer.from(`name,phone\n${good}\nB`),
      Buffer.from([0xff]),
      Buffer.from('d,+6281234567890'),
    ]);
    expect(dataOf(await send(bytes))).toMatchObject({
      encoding: 'utf-8',
      added: 31,
      warnings: [{ code: 'letters_lost' }],
    });
  });
});

describe('numbers alone', () => {
  it.each<[string, string]>([
    ['one a line', '081234567890\n081311112222\n'],
    ['as Windows writes them', '\ufeff+62 812-3456-7890\r\n0813 1111 2222\r\n'],
  ])('%s, are read from the first line on', async (_what, text) => {
    expect(dataOf(await send(text))).toMatchObject({ added: 2, total: 2, invalid: 0 });
    expect((await people()).map(([number]) => number)).toEqual([BUDI[0], SITI[0]]);
  });

  it('but not where the first line may be a title', async () => {
    expect(await send('Kontak 2026\n081234567890\n')).toMatchObject({ status: 400 });
  });
});

describe('a mapping', () => {
  const csv = 'Siapa,Kontak WA,Kota\nBudi Santoso,081234567890,Solo\n';

  it('is asked for when no column is known, and taken by name or place', async () => {
    expect(await send(csv)).toMatchObject({
      status: 400,
      body: {
        details: {
          columns: ['Siapa', 'Kontak WA', 'Kota'],
          sample: [['Budi Santoso', '081234567890', 'Solo']],
        },
      },
    });
    for (const mapping of [
      { number: 'kontak wa', name: 'Siapa' },
      { number: 2, name: 1 },
    ]) {
      list = await w.list();
      const data = dataOf(await send(csv, { mapping: JSON.stringify(mapping) }));
      expect(data).toMatchObject({ added: 1, columns: ['Kota'] });
      expect(await people()).toEqual([BUDI]);
    }
  });

  it('reads a file without a first line of names', async () => {
    const mapping = JSON.stringify({ header: false, number: 2, name: 1 });
    const data = dataOf(await send('Budi Santoso,081234567890\nSiti,081311112222', { mapping }));
    expect(data).toMatchObject({ added: 2, total: 2 });
    expect(await people()).toEqual([BUDI, SITI]);
  });

  it('that names no column is refused', async () => {
    for (const mapping of ['{"number":"Telp"}', '{"number":9}', '{"number":{}}', 'x']) {
      expect((await send(csv, { mapping })).status).toBe(400);
    }
    expect(await people()).toEqual([]);
  });
});

describe('numbers that a spreadsheet took the 0 from', () => {
  /** Each may be a number abroad as well: a line in Japan, a mobile in Hong Kong. */
  const EITHER = ['81234567890', '85291234567'];
  const HOME = ['8571234567', '8581234567', '8591234567'];
  const file = (numbers: readonly string[]) => `nama,hp\n${numbers.map((n, i) => `P${i},${n}`).join('\n')}\n`;
  const told = (data: Record<string, unknown>) =>
    [...(data.errors as Record<string, unknown>[])].map(({ line, code, readings }) => [line, code, readings]);

  it('are at home when the others of the column can be nothing else', async () => {
    const data = dataOf(await send(file([...HOME, ...EITHER])));
    expect(data).toMatchObject({
      added: 5,
      repaired: 5,
      invalid: 0,
      warnings: [{ code: 'numbers_at_home' }],
    });
    const found = (await people()).map(([number]) => number);
    expect(found).toEqual(['6281234567890', '6285291234567', ...HOME.map((n) => `62${n}`)]);
  });

  it('are refused with both readings when the column speaks against itself', async () => {
    for (const others of [[...HOME, '6281311112222'], [...HOME, '6591234567'], HOME.slice(0, 2)]) {
      list = await w.list();
      const data = dataOf(await send(file([...EITHER, ...others])));
      expect(data).toMatchObject({
        added: others.length,
        invalid: 2,
        warnings: [{ code: 'numbers_ambiguous', message: expect.stringContaining('`numbers`') }],
      });
      expect(told(data).slice(0, 2)).toEqual([
        [2, 'ambiguous_number', ['+6281234567890', '+81234567890']],
        [3, 'ambiguous_number', ['+6285291234567', '+85291234567']],
      ]);
      const errors = (await w.call(`/imports/${data.id}/errors`)).text;
      expect(errors).toContain('write +6285291234567 or +85291234567');
    }
  });

  it('are read as the contract says where nothing tells that a 0 is missing', async () => {
    const data = dataOf(await send(file([...EITHER, '6591234567', '081311112222', '+6281355556666'])));
    expect(data).toMatchObject({ added: 4, invalid: 1, warnings: [] });
    expect(told(data)).toEqual([[2, 'ambiguous_number', ['+6281234567890', '+81234567890']]]);
    expect((await people()).map(([number]) => number)).toContain('85291234567');
  });

  it('are what their sender says', async () => {
    const home = dataOf(await send(file([...EITHER, '6281311112222', '6591234567']), { numbers: 'home' }));
    expect(home).toMatchObject({ added: 4, warnings: [] });
    expect((await people()).map(([number]) => number).toSorted()).toEqual(
      ['6281234567890', '6281311112222', '6285291234567', '626591234567'].toSorted(),
    );
    list = await w.list();
    const abroad = dataOf(await send(file([...EITHER, ...HOME]), { numbers: 'international' }));
    expect(abroad).toMatchObject({ added: 2, invalid: 3 });
    expect((await people()).map(([number]) => number)).toEqual(EITHER);
    expect(await send(file(EITHER), { numbers: 'abroad' })).toMatchObject({ status: 400 });
  });

  it('also in a workbook, in several columns and cells, and for opt-outs', async () => {
    const rows: CellSpec[][] = [['Nama', 'HP', 'Telepon'], ...HOME.map((n) => ['x', Number(n), null])];
    const data = dataOf(await send(workbook([...rows, ['y', null, 85291234567]]), {}, 'a.xlsx'));
    expect(data).toMatchObject({ added: 4, invalid: 0 });
    expect((await people()).map(([number]) => number)).toContain('6285291234567');
    const form = new FormData();
    form.append('file', new Blob([file([...HOME, ...EITHER])]), 'stop.csv');
    expect(dataOf(await w.form('/opt-outs/import', form))).toMatchObject({ added: 5 });
    expect((await w.call('/opt-outs/export')).text).toContain('+6285291234567');
  });
});

it('what is no file of contacts says so, and how to save one', async () => {
  for (const [content, kind] of [
    ['%PDF-1.7\n', 'a PDF'],
    [Buffer.from('a\0b\0c\n'), 'bytes that no text has'],
  ] as const) {
    const reply = await send(content);
    expect(reply).toMatchObject({ status: 415, body: { code: 'UNSUPPORTED_MEDIA' } });
    expect(reply.body.message).toContain(kind);
    expect(reply.body.hint).toBe('Save the contacts as CSV, .xlsx or vCard, and send that file.');
  }
  expect(await people()).toEqual([]);
});

/** Pages of broadcast lists, their contacts and imports. */
import { randomBytes } from 'node:crypto';
import { eq } from 'drizzle-orm';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { broadcastLists } from '../../src/db/schema.ts';
import type { Tenant } from '../helpers/app.ts';
import { until } from '../helpers/until.ts';
import { openDashboard, type TestDashboard } from './visitor.ts';

const HOSTILE = `"><script>alert(1)</script><img src=x onerror=alert(2)>'{{`;

let t: TestDashboard;
let user: Tenant;
beforeAll(async () => {
  t = await openDashboard();
  user = await t.tenant();
});
afterAll(() => t.close());

const LISTS = '/dashboard/broadcast/lists';

async function makeList(name: string, as = user): Promise<string> {
  const reply = await t.visit(LISTS, { as, form: { name } });
  expect(reply.status).toBe(303);
  return reply.headers.get('location') ?? '';
}

async function read(path: string, as = user): Promise<string> {
  const reply = await t.visit(path, { as });
  expect(reply.status, path).toBe(200);
  return reply.text();
}

const post = (path: string, form: Record<string, string> = {}, as = user) => t.visit(path, { as, form });

async function importFile(list: string, csv: string): Promise<string> {
  const multipart = new FormData();
  multipart.append('file', new Blob([csv]), 'people.csv');
  const reply = await t.visit(`${list}/import`, { as: user, multipart });
  expect(reply.status).toBe(303);
  const path = reply.headers.get('location') ?? '';
  await until(async () => (await t.visit(`${path}/live`, { as: user })).status === 303);
  return path;
}

describe('lists', () => {
  it('are made, found, renamed and deleted', async () => {
    const list = await makeList('Pelanggan Bandung');
    expect(await read(`${LISTS}?search=bandung`)).toContain('Pelanggan Bandung');
    expect(await read(`${LISTS}?search=nowhere`)).toContain('Nothing found');
    expect((await post(list, { name: 'VIP', description: 'The best' })).headers.get('location')).toBe(list);
    expect(await read(list)).toContain('The best');
    await post(list, { name: 'VIP' });
    expect(await read(list)).not.toContain('The best');
    expect((await post(`${list}/delete`)).headers.get('location')).toBe(LISTS);
    expect((await t.visit(list, { as: user })).status).toBe(404);
  });

  it('of one name are told apart where one is chosen', async () => {
    const alone = await t.tenant();
    for (const name of ['Twin', 'Twin', 'Other']) await makeList(name, alone);
    const { db } = t.deps;
    const own = eq(broadcastLists.userId, alone.id);
    const rows = await db.select().from(broadcastLists).where(own);
    for (const [at, { id }] of rows.entries()) {
      const createdAt = Date.parse('2026-01-05T08:00:00Z') + at * 3_600_000;
      await db.update(broadcastLists).set({ createdAt }).where(eq(broadcastLists.id, id));
    }
    const page = await read('/dashboard/broadcast/templates/new', alone);
    const shown = [...page.matchAll(/>(Twin|Other) \(([^)]*)\)</g)].map(([, ...both]) => both.join(' '));
    expect(new Set(shown).size).toBe(3);
    expect(shown).toContain('Other 0');
    expect(shown.filter((one) => /^Twin 0, 2026-01-05 \d\d:00$/.test(one))).toHaveLength(2);
  });

  it('need no session', async () => {
    const alone = await t.tenant();
    expect(await read(LISTS, alone)).toContain('No lists yet');
    const list = await makeList('Mine', alone);
    expect(await read(list, alone)).toContain('This list is empty');
  });

  it('are out of reach for another tenant', async () => {
    const list = await makeList('Private');
    const stranger = await t.tenant();
    for (const path of [list, `${list}/edit`, `${list}/import`, `${list}/export`]) {
      expect((await t.visit(path, { as: stranger })).status, path).toBe(404);
    }
    for (const path of [list, `${list}/delete`, `${list}/contacts`]) {
      const form = { name: 'Stolen', number: '081234567890' };
      expect((await post(path, form, stranger)).status, path).toBe(404);
    }
    expect(await read(list)).toContain('Private');
  });

  it('can be looked at but not changed by a read-only user', async () => {
    const reader = await t.tenant('readonly');
    expect((await post(LISTS, { name: 'No' }, reader)).status).toBe(403);
    expect(await read(LISTS, reader)).not.toContain('/lists/new');
  });
});

describe('contacts', () => {
  it('are added, changed with their fields, and removed', async () => {
    const list = await makeList('People');
    await post(`${list}/contacts`, { number: '0812-3456-7890', name: 'Budi' });
    const contact = `${list}/contacts/6281234567890`;
    await post(contact, { number: '081234567890', name: 'Budi S.', newField: 'city', newValue: 'Solo' });
    const page = await read(contact);
    expect(page).toContain('Budi S.');
    expect(page).toContain('name="field:city"');
    await post(contact, { number: '081234567899', name: 'Budi S.', 'field:city': '' });
    expect((await t.visit(contact, { as: user })).status).toBe(404);
    const moved = await read(`${list}/contacts/6281234567899`);
    expect(moved).toMatch(/name="field:city"[^>]*value=""/);
    await post(`${list}/contacts/6281234567899/delete`);
    expect(await read(list)).toContain('This list is empty');
  });

  it('say when they are too long to come back', async () => {
    const list = await makeList('Long');
    const shown = async (fields: Record<string, string>) => {
      await post(`${list}/contacts`, { number: '081234567890', ...fields });
      return t.follow(await post(`${list}/contacts/6281234567890/delete`), user);
    };
    const short = await shown({ name: 'Budi' });
    expect(short).toContain('Undo');
    expect(short).not.toContain('cannot be undone');
    const fields = Array.from({ length: 8 }, (_, i) => [`field:f${i}`, randomBytes(200).toString('hex')]);
    const long = await shown({ name: 'Budi', ...Object.fromEntries(fields) });
    expect(long).toContain('This cannot be undone: it is too long.');
    expect(long).not.toContain('>Undo<');
  });

  it('are refused with the field that is wrong', async () => {
    const list = await makeList('People');
    const reply = await t.visit(`${list}/contacts`, {
      as: user,
      form: { number: 'not a number' },
      headers: { 'hx-request': 'true' },
    });
    expect(reply.status).toBe(400);
    expect(await read(list)).toContain('This list is empty');
  });

  it('are paged and searched', async () => {
    const list = await makeList('Many');
    const rows = Array.from({ length: 120 }, (_, i) => `Person ${i},0812${30_000_000 + i}`);
    await importFile(list, `name,number\n${rows.join('\n')}\n`);
    const first = await read(list);
    expect(first).toContain('Person 49');
    expect(first).not.toContain('Person 50<');
    const next = /href="([^"]*cursor=[^"]*)"/.exec(first)?.[1]?.replaceAll('&amp;', '&') ?? '';
    expect(await read(next)).toContain('Person 50');
    const found = await read(`${list}?search=Person+11`);
    expect(found.match(/Person 11\d?</g)).toHaveLength(11);
  });

  it('are exported as CSV', async () => {
    const list = await makeList('Export');
    await post(`${list}/contacts`, { number: '081234567890', name: '=cmd()' });
    const reply = await t.visit(`${list}/export`, { as: user });
    expect(reply.headers.get('content-type')).toContain('text/csv');
    expect(await reply.text()).toContain("'=cmd(),+6281234567890");
  });
});

describe('an import', () => {
  it('that could use no row says so, in both languages', async () => {
    const list = await makeList('Nothing');
    const path = await importFile(list, 'nama;nomor\nBudi;what\nSiti;8.12E+10\n');
    expect(await read(path)).toContain(
      'Nothing was imported. Of 2 rows, 2 were refused and 0 were duplicates.',
    );
    const indonesian = await t.visit(path, { as: user, headers: { 'accept-language': 'id' } });
    expect(await indonesian.text()).toContain('Tidak ada yang diimpor. Dari 2 baris, 2 ditolak dan 0 ganda.');
  });

  it('tells what became of the file, with each line that was not taken', async () => {
    const list = await makeList('Import');
    const csv =
      'nama;nomor;kota\nBudi;081234567890;Bandung\nSiti;8.12E+10;Solo\nAgus;081234567890;Solo\nDewi;81234567891;Solo\n';
    const path = await importFile(list, csv);
    const page = await read(path);
    expect(page).toContain('4 of 4 rows');
    expect(page).not.toContain('Nothing was imported');
    expect(page).toContain('a spreadsheet has shortened the number');
    expect(page).toContain('kota');
    expect(await read(`${path}?kind=duplicate`)).not.toContain('8.12E+10');
    expect(await (await t.visit(`${path}/errors`, { as: user })).text()).toContain('8.12E+10,invalid');
    expect(await read(list)).toContain('people.csv');
  });

  it('says in Indonesian why lines were refused', async () => {
    const path = await importFile(await makeList('Impor'), 'nama,nomor\nBudi,abc\n');
    const reply = await t.visit(path, { as: user, headers: { 'accept-language': 'id' } });
    expect(await reply.text()).toContain('nomor tidak valid');
  });

  it('of something else says what is wrong and changes nothing', async () => {
    const list = await makeList('Broken');
    const page = await read(await importFile(list, 'nothing,here\n1,2\n'));
    expect(page).toContain('No column holds the numbers');
    expect(page).toContain('Nothing was changed');
    expect(await read(list)).toContain('This list is empty');
  });

  it('needs a file', async () => {
    const path = `${await makeList('None')}/import`;
    const empty = new FormData();
    empty.append('file', new Blob([]), '');
    for (const multipart of [new FormData(), empty]) {
      const reply = await t.visit(path, { as: user, multipart });
      expect(reply.status).toBe(400);
      expect(await reply.text()).toContain('data-field="file"');
    }
  });

  it('is out of reach for another tenant', async () => {
    const path = await importFile(await makeList('Theirs'), 'number\n081234567890\n');
    const stranger = await t.tenant();
    for (const page of [path, `${path}/live`, `${path}/errors`]) {
      expect((await t.visit(page, { as: stranger })).status, page).toBe(404);
    }
  });
});

it('text from outside is shown as text: names, descriptions, cells, columns, file names', async () => {
  const list = await makeList(HOSTILE);
  await post(list, { name: HOSTILE, description: HOSTILE });
  await post(`${list}/contacts`, { number: '081234567890', name: HOSTILE });
  const cell = `"${HOSTILE.replaceAll('"', '""')}"`;
  const multipart = new FormData();
  multipart.append(
    'file',
    new Blob([`number,name,${cell.replaceAll('{{', '')}\n081234567891,${cell},${cell}\n${cell},x,\n`]),
    `${HOSTILE}.csv`,
  );
  const reply = await t.visit(`${list}/import`, { as: user, multipart });
  const path = reply.headers.get('location') ?? '';
  await until(async () => (await t.visit(`${path}/live`, { as: user })).status === 303);
  for (const page of [
    LISTS,
    list,
    `${list}/edit`,
    `${list}/import`,
    `${list}/contacts/6281234567891`,
    path,
  ]) {
    const text = await read(page);
    expect(text, page).toContain('&lt;script&gt;alert(1)');
    expect(text, page).not.toMatch(/<script>alert|<img src=x/);
  }
});

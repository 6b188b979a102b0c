import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { insertMany } from '../../src/db/ops.ts';
import { broadcastContacts } from '../../src/db/schema.ts';
import { dataOf, enterAs, openWorld, rowsOf, type World } from './fixture.ts';

let w: World;
let list: string;
beforeAll(async () => {
  w = await openWorld();
});
afterAll(() => w.close());
beforeEach(async () => {
  list = await w.list();
});

const contacts = () => `/lists/${list}/contacts`;
const count = async () => dataOf(await w.call(`/lists/${list}`)).contactCount;

describe('a contact', () => {
  it('is added with its custom fields and found by its number in any spelling', async () => {
    const added = await w.post(contacts(), {
      name: 'John Doe',
      number: '0812 3456-789',
      email: 'john@example.com',
      visits: 3,
      fields: { city: 'Bandung' },
    });
    expect(added.status).toBe(201);
    expect(dataOf(added)).toMatchObject({
      number: '628123456789',
      name: 'John Doe',
      fields: { email: 'john@example.com', visits: '3', city: 'Bandung' },
      added: 1,
    });
    for (const spelling of [
      '628123456789',
      '+62 812-3456-789',
      '08123456789',
      '628123456789@s.whatsapp.net',
    ]) {
      const reply = await w.call(`${contacts()}/${encodeURIComponent(spelling)}`);
      expect(dataOf(reply).number).toBe('628123456789');
    }
    expect(dataOf(await w.call(`/lists/${list}`))).toMatchObject({
      contactCount: 1,
      columns: expect.arrayContaining(['email', 'visits', 'city']),
    });
  });

  it.each(['phone', 'nomor', 'hp', 'phoneNumber', 'no_hp'])('may call its number %s', async (key) => {
    const added = await w.post(contacts(), { nama: 'Budi', [key]: '081234567890' });
    expect(dataOf(added)).toMatchObject({ number: '6281234567890', name: 'Budi', fields: {} });
  });

  it.each([
    ['5215512345678', '525512345678'],
    ['554789211984', '5547989211984'],
    ['2250707123456', '22507123456'],
  ])('has one place under %s and %s', async (first, other) => {
    const added = await w.post(contacts(), { name: 'Ana', number: `+${first}` });
    expect(dataOf(added)).toMatchObject({ number: first, added: 1 });
    const both = [{ number: `+${other}`, city: 'Solo' }, { number: `+${first}` }];
    expect(dataOf(await w.post(contacts(), { contacts: both }))).toMatchObject({ added: 0, updated: 1 });
    expect(await count()).toBe(1);
    const reply = await w.call(`${contacts()}/%2B${other}`);
    expect(dataOf(reply)).toMatchObject({ number: first, name: 'Ana', fields: { city: 'Solo' } });
    const removed = await w.call(`${contacts()}/%2B${other}`, { method: 'DELETE' });
    expect(removed.status).toBe(200);
    expect(await count()).toBe(0);
  });

  it('that is on the list already keeps what is not given', async () => {
    await w.post(contacts(), { name: 'Budi', number: '081234567890', email: 'b@example.com' });
    const again = await w.post(contacts(), { number: '+6281234567890', city: 'Solo' });
    expect(dataOf(again)).toMatchObject({
      name: 'Budi',
      fields: { email: 'b@example.com', city: 'Solo' },
      added: 0,
      updated: 1,
    });
    expect(await count()).toBe(1);
  });

  it('is changed and deleted by its number', async () => {
    await w.post(contacts(), { name: 'Budi', number: '081234567890', email: 'b@example.com', city: 'Solo' });
    await w.post(contacts(), { name: 'Ani', number: '081234567899' });
    const path = `${contacts()}/081234567890`;
    const changed = await w.call(path, {
      method: 'PUT',
      body: { name: 'Budi S.', number: '+6281234567891', email: null, size: 'L' },
    });
    expect(dataOf(changed)).toMatchObject({
      number: '6281234567891',
      name: 'Budi S.',
      fields: { city: 'Solo', size: 'L' },
    });
    expect((await w.call(path)).status).toBe(404);
    const taken = await w.call(`${contacts()}/081234567891`, {
      method: 'PUT',
      body: { number: '081234567899' },
    });
    expect(taken).toMatchObject({ status: 409, body: { code: 'CONFLICT' } });
    const gone = await w.call(`${contacts()}/0812-3456-7891`, { method: 'DELETE' });
    expect(dataOf(gone)).toEqual({ number: '6281234567891' });
    expect((await w.call(`${contacts()}/081234567891`, { method: 'DELETE' })).status).toBe(404);
    expect(await count()).toBe(1);
  });

  it.each([
    ['without a number', { name: 'nobody' }, 'VALIDATION_FAILED'],
    ['with what is no number', { number: 'abc' }, 'INVALID_NUMBER'],
    ['with a field no placeholder can name', { number: '081234567890', 'a{b': 'x' }, 'VALIDATION_FAILED'],
    ['with a long value', { number: '081234567890', note: 'x'.repeat(1001) }, 'VALIDATION_FAILED'],
    ['with a long name', { number: '081234567890', name: 'x'.repeat(191) }, 'VALIDATION_FAILED'],
    ['with a list as a value', { number: '081234567890', tags: ['a'] }, 'VALIDATION_FAILED'],
  ])('%s is refused', async (_what, body, code) => {
    expect(await w.post(contacts(), body)).toMatchObject({ status: 400, body: { code } });
    expect(await count()).toBe(0);
  });
});

describe('several contacts', () => {
  it('are added at once; what is wrong with one is told and harms no other', async () => {
    await w.post(contacts(), { number: '081234567890', name: 'before' });
    const reply = await w.post(contacts(), {
      contacts: [
        { name: 'A', number: '081234567890' },
        { name: 'B', phone: '+6281234567891', city: 'Solo' },
        { name: 'C', nomor: '6281234567891' },
        { name: 'D', number: 'what' },
        { name: 'E' },
      ],
    });
    expect(reply.status).toBe(201);
    expect(dataOf(reply)).toMatchObject({ added: 1, updated: 1, duplicates: 1 });
    expect(dataOf(reply).invalid).toMatchObject([
      { index: 3, number: 'what', code: 'INVALID_NUMBER' },
      { index: 4, number: '', code: 'VALIDATION_FAILED', reason: 'is required' },
    ]);
    expect(rowsOf(await w.call(contacts()))).toMatchObject([
      { number: '6281234567890', name: 'A' },
      { number: '6281234567891', name: 'B', fields: { city: 'Solo' } },
    ]);
  });

  it('are counted exactly when many requests add at the same time', async () => {
    const numbers = Array.from({ length: 40 }, (_, i) => `08123456${1000 + (i % 25)}`);
    const replies = await Promise.all(numbers.map((number) => w.post(contacts(), { number })));
    const added = replies.map((reply) => Number(dataOf(reply).added)).reduce((sum, n) => sum + n, 0);
    expect(added).toBe(25);
    expect(await count()).toBe(25);
  });
});

describe('pages', () => {
  async function fill(n: number) {
    const at = Date.now();
    await insertMany(
      w.t.deps.db,
      broadcastContacts,
      Array.from({ length: n }, (_, i) => ({
        listId: list,
        userId: w.tenant.id,
        phone: String(6281200000000 + i),
        name: i % 1000 === 7 ? `Ratu ${i}` : `Person ${i}`,
        fields: {},
        createdAt: at,
        updatedAt: at,
      })),
    );
  }

  it('go through the whole list, by number and by cursor', async () => {
    await fill(250);
    const second = await w.call(`${contacts()}?page=2&limit=100`);
    expect(rowsOf(second)).toHaveLength(100);
    expect(rowsOf(second)[0]?.number).toBe('6281200000100');
    const seen: unknown[] = [];
    let cursor: unknown = '';
    while (cursor !== null) {
      const query: string = cursor === '' ? '' : `&cursor=${cursor}`;
      const reply = await w.call(`${contacts()}?limit=60${query}`);
      seen.push(...rowsOf(reply).map((row) => row.number));
      cursor = reply.body.nextCursor;
    }
    expect(new Set(seen).size).toBe(250);
    expect(seen).toHaveLength(250);
    expect(rowsOf(await w.call(`${contacts()}?page=99`))).toEqual([]);
  });

  it('of a search hold every match of a long list', async () => {
    await fill(9000);
    const first = await w.call(`${contacts()}?search=ratu&limit=5`);
    expect(first.body.pagination).toMatchObject({ totalItems: 9, totalPages: 2 });
    expect(rowsOf(first).map((row) => row.name)).toEqual([7, 1007, 2007, 3007, 4007].map((n) => `Ratu ${n}`));
    const rest = await w.call(`${contacts()}?search=ratu&limit=5&page=2`);
    expect(rowsOf(rest)).toHaveLength(4);
    const byNumber = await w.call(`${contacts()}?search=1200008999`);
    expect(rowsOf(byNumber)).toMatchObject([{ name: 'Person 8999' }]);
  });

  it.each([
    '+62 812-0000-0029',
    '081200000029',
    '(0812) 0000 0029',
    '6281200000029@s.whatsapp.net',
    '0000 0029',
  ])('of a search are found by a number as it is written: %s', async (written) => {
    await fill(30);
    const found = await w.call(`${contacts()}?search=${encodeURIComponent(written)}`);
    expect(rowsOf(found)).toMatchObject([{ name: 'Person 29' }]);
  });

  it('of a search for 0029 end so, or hold it: no zero of it is left out', async () => {
    await w.post(contacts(), { number: '081200000029' });
    await w.post(contacts(), { number: '081200002901' });
    await w.post(contacts(), { number: '081200012901' });
    const found = rowsOf(await w.call(`${contacts()}?search=0029`));
    expect(found.map(({ number }) => number).sort()).toEqual(['6281200000029', '6281200002901']);
    expect(rowsOf(await w.call(`${contacts()}?search=0000029`))).toMatchObject([{ number: '6281200000029' }]);
  });

  it('of another tenant are not there', async () => {
    await fill(3);
    const stranger = await enterAs(w.t, await w.t.tenant());
    expect((await stranger.call(`/lists/${list}/contacts/6281200000001`)).status).toBe(404);
    expect((await stranger.post(`/lists/${list}/contacts`, { number: '0811111111' })).status).toBe(404);
    const gone = await stranger.call(`/lists/${list}/contacts/6281200000001`, { method: 'DELETE' });
    expect(gone.status).toBe(404);
  });
});

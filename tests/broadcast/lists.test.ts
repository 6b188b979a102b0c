import { eq } from 'drizzle-orm';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { broadcastContacts, broadcastLists } from '../../src/db/schema.ts';
import { purgeDeletedLists } from '../../src/services/lists/lists.ts';
import { until } from '../helpers/until.ts';
import { dataOf, enterAs, openWorld, rowsOf, type World } from './fixture.ts';

let w: World;
beforeAll(async () => {
  w = await openWorld();
});
afterAll(() => w.close());

describe('lists', () => {
  it('are made, read, changed and deleted, with data.id', async () => {
    const made = await w.post('/lists', { name: 'Customer List', description: 'Daftar pelanggan aktif' });
    expect(made.status).toBe(201);
    const list = dataOf(made);
    expect(list).toMatchObject({
      name: 'Customer List',
      description: 'Daftar pelanggan aktif',
      contactCount: 0,
    });
    const path = `/lists/${list.id}`;
    const changed = await w.call(path, { method: 'PUT', body: { name: 'VIP', description: null } });
    expect(dataOf(changed)).toMatchObject({ id: list.id, name: 'VIP', description: null });
    expect(dataOf(await w.call(path)).name).toBe('VIP');
    expect((await w.call(path, { method: 'DELETE' })).status).toBe(200);
    expect(await w.call(path)).toMatchObject({ status: 404, body: { code: 'NOT_FOUND' } });
  });

  it('are the same under the older address', async () => {
    const id = await w.list('Older');
    const path = `/api/whatsapp/main/broadcast/lists/${id}`;
    const reply = await w.t.call(path, { token: w.tenant.token, headers: { 'user-id': 'user123' } });
    expect(dataOf(reply)).toMatchObject({ id, name: 'Older' });
  });

  it('are found by a part of their name, in pages, newest first', async () => {
    const own = await enterAs(w.t, await w.t.tenant());
    for (const name of ['Jakarta A', 'Bandung', 'Jakarta B', '100% off', 'Jakarta C']) await own.list(name);
    const page = await own.call('/lists?search=jakarta&limit=2');
    expect(rowsOf(page)).toHaveLength(2);
    expect(page.body.pagination).toEqual({ page: 1, limit: 2, totalItems: 3, totalPages: 2 });
    expect(rowsOf(await own.call('/lists?search=%25'))).toMatchObject([{ name: '100% off' }]);
  });

  it('cannot be reached by another tenant or through a session that is not there', async () => {
    const id = await w.list();
    const stranger = await enterAs(w.t, await w.t.tenant());
    for (const [method, path] of [
      ['GET', `/lists/${id}`],
      ['PUT', `/lists/${id}`],
      ['DELETE', `/lists/${id}`],
      ['GET', `/lists/${id}/contacts`],
    ] as const) {
      const body = method === 'PUT' ? { name: 'mine now' } : undefined;
      expect((await stranger.call(path, { method, body })).status).toBe(404);
    }
    const reply = await w.t.call('/session/nobody/broadcast/lists', { token: w.tenant.token });
    expect(reply).toMatchObject({ status: 404, body: { code: 'SESSION_NOT_FOUND' } });
    expect(dataOf(await w.call(`/lists/${id}`)).name).toBe('Customers');
  });

  it('are made once for one Idempotency-Key', async () => {
    const call = { method: 'POST', body: { name: 'once' }, headers: { 'idempotency-key': 'list-1' } };
    const first = await w.call('/lists', call);
    const again = await w.call('/lists', call);
    expect(again.headers.get('idempotent-replayed')).toBe('true');
    expect(again.body).toEqual(first.body);
  });

  it('leave no contact behind, also when the removal was cut off', async () => {
    const id = await w.list();
    await w.post(`/lists/${id}/contacts`, { contacts: [{ number: '0811111111' }, { number: '0811111112' }] });
    const { db } = w.t.deps;
    await db.update(broadcastLists).set({ deletedAt: Date.now() }).where(eq(broadcastLists.id, id));
    expect((await w.call(`/lists/${id}`)).status).toBe(404);
    await purgeDeletedLists(w.t.deps);
    expect(await db.select().from(broadcastContacts).where(eq(broadcastContacts.listId, id))).toEqual([]);
    expect(await db.select().from(broadcastLists).where(eq(broadcastLists.id, id))).toEqual([]);

    const other = await w.list();
    await w.post(`/lists/${other}/contacts`, { number: '0811111111' });
    await w.call(`/lists/${other}`, { method: 'DELETE' });
    await until(async () => {
      const left = await db.select().from(broadcastContacts).where(eq(broadcastContacts.listId, other));
      return left.length === 0;
    });
  });
});

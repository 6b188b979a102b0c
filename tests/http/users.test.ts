import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { insertMany } from '../../src/db/ops.ts';
import { activityLogs } from '../../src/db/schema.ts';
import { newId } from '../../src/utils/ids.ts';
import { openTestApp, type Tenant, type TestApp } from '../helpers/app.ts';

let t: TestApp;
let admin: Tenant;
beforeAll(async () => {
  t = await openTestApp();
  admin = await t.tenant('admin');
});
afterAll(() => t.close());
const asAdmin = (path: string, method = 'GET', body?: unknown) =>
  t.call(path, { method, body, token: admin.token });

describe('users', () => {
  it('are created, found, changed and audited by an admin', async () => {
    const body = {
      email: 'Clerk@Example.com',
      password: 'password123',
      name: '100% Clerk',
      role: 'readonly',
    };
    const created = await asAdmin('/user/create', 'POST', body);
    expect(created).toMatchObject({
      status: 201,
      body: { user: { email: 'clerk@example.com', role: 'readonly' } },
    });
    expect(created.text).not.toMatch(/wahub_|\$2b\$/);
    const { id } = created.body.user as { id: number };
    for (const search of ['clerk@', '100%', '% cl']) {
      const found = await asAdmin(`/user/list?search=${encodeURIComponent(search)}`);
      expect(found.body.data).toEqual([expect.objectContaining({ id })]);
    }
    expect((await asAdmin('/user/list?search=100_')).body.data).toEqual([]);
    const changed = await asAdmin(`/user/${id}`, 'PUT', { name: 'Boss', role: 'user' });
    expect(changed.body.user).toMatchObject({ name: 'Boss', role: 'user' });
    const audit = await asAdmin(`/user/${id}/audit`);
    expect(audit.body.data).toMatchObject([
      { event: 'user.updated', actorId: admin.id, data: { changed: ['name', 'role'] } },
      { event: 'user.created', actorId: admin.id },
    ]);
    expect(audit.text).not.toContain('password123');
  });

  it('are listed in pages, and audited in pages that go on', async () => {
    for (let i = 0; i < 3; i++) await t.tenant();
    const page = await asAdmin('/user/list?page=2&limit=2');
    expect(page.body.data).toHaveLength(2);
    expect(page.body.pagination).toMatchObject({ page: 2, limit: 2, totalItems: expect.any(Number) });
    const user = await t.tenant();
    for (const name of ['a', 'b', 'c']) await asAdmin(`/user/${user.id}`, 'PUT', { name });
    const first = await asAdmin(`/user/${user.id}/audit?limit=2`);
    const rest = await asAdmin(`/user/${user.id}/audit?limit=2&cursor=${String(first.body.nextCursor)}`);
    expect(first.body.data).toHaveLength(2);
    expect(rest.body.data).toHaveLength(1);
    expect(rest.body.nextCursor).toBeNull();
    expect(first.body.pagination).toMatchObject({ totalItems: 3 });
  });

  it('are audited also where a busy client has asked 20,000 times since', async () => {
    const user = await t.tenant();
    await asAdmin(`/user/${user.id}`, 'PUT', { name: 'Before' });
    const at = Date.now() + 1;
    const call = { userId: user.id, event: 'api.request', status: 'success' as const, data: {} };
    const calls = Array.from({ length: 20_000 }, (_, i) => ({ ...call, id: newId(at + i), at: at + i }));
    await insertMany(t.deps.db, activityLogs, calls);
    const first = await asAdmin(`/user/${user.id}/audit`);
    expect(first.body.data).toEqual([]);
    expect(first.body.pagination).toMatchObject({ totalItems: null });
    const rest = await asAdmin(`/user/${user.id}/audit?cursor=${String(first.body.nextCursor)}`);
    expect(rest.body.data).toMatchObject([{ event: 'user.updated' }]);
    expect(rest.body.nextCursor).toBeNull();
  });

  it('are out at once when they are disabled, in every way, and their e-mail stays taken', async () => {
    const user = await t.tenant();
    const heard: unknown[] = [];
    const end = t.deps.stream.subscribe({ userId: user.id }, (event) => heard.push(event.event));
    expect((await t.call('/auth/me', { token: user.token })).status).toBe(200);
    expect((await t.call('/auth/me', { apiKey: user.apiKey })).status).toBe(200);
    expect((await asAdmin(`/user/${user.id}`, 'DELETE')).status).toBe(200);
    end();
    expect(heard).toEqual(['user.disabled']);
    expect((await t.call('/auth/me', { token: user.token })).status).toBe(401);
    expect((await t.call('/auth/me', { apiKey: user.apiKey })).status).toBe(401);
    const again = { email: user.email, password: 'password123', name: 'x' };
    expect((await t.call('/auth/register', { method: 'POST', body: again })).status).toBe(409);
    await asAdmin(`/user/${user.id}`, 'PUT', { status: 'active' });
    expect((await t.call('/auth/me', { token: user.token })).status).toBe(401);
    expect((await t.call('/auth/me', { apiKey: user.apiKey })).status).toBe(200);
  });

  it('lose their tokens when an admin sets a new password', async () => {
    const user = await t.tenant();
    await asAdmin(`/user/${user.id}`, 'PUT', { password: 'another password' });
    expect((await t.call('/auth/me', { token: user.token })).status).toBe(401);
    const body = { email: user.email, password: 'another password' };
    expect((await t.call('/auth/login', { method: 'POST', body })).status).toBe(200);
  });

  it('answer 404 when they do not exist and 409 for a taken e-mail', async () => {
    const user = await t.tenant();
    expect(await asAdmin('/user/999999', 'PUT', { name: 'x' })).toMatchObject({ status: 404 });
    expect(await asAdmin('/user/999999', 'DELETE')).toMatchObject({ status: 404 });
    expect(await asAdmin(`/user/${user.id}`, 'PUT', { email: admin.email })).toMatchObject({ status: 409 });
    expect(await asAdmin('/user/abc', 'PUT', {})).toMatchObject({ status: 400 });
  });

  it('are nobody else’s business', async () => {
    const user = await t.tenant();
    expect(await t.call('/user/list', { token: user.token })).toMatchObject({ status: 403 });
    expect(await t.call('/user/list', { apiKey: admin.apiKey })).toMatchObject({ status: 403 });
    expect(await t.call(`/user/${admin.id}`, { method: 'DELETE', token: user.token })).toMatchObject({
      status: 403,
    });
  });

  it('cannot be created twice under one Idempotency-Key', async () => {
    const body = { email: 'once@example.com', password: 'password123', name: 'Once' };
    const call = { method: 'POST', body, token: admin.token, headers: { 'idempotency-key': 'create-once' } };
    const first = await t.call('/user/create', call);
    const second = await t.call('/user/create', call);
    expect(first.status).toBe(201);
    expect(second.status).toBe(201);
    expect(second.body).toEqual(first.body);
    expect(second.headers.get('idempotent-replayed')).toBe('true');
  });
});

describe('the last admin', () => {
  it('can be neither disabled nor demoted, not even by two at once', async () => {
    const own = await openTestApp();
    const [a, b] = [await own.tenant('admin'), await own.tenant('admin')];
    const demote = (who: Tenant, by: Tenant) =>
      own.call(`/user/${who.id}`, { method: 'PUT', body: { role: 'user' }, token: by.token });
    const replies = await Promise.all([demote(a, b), demote(b, a)]);
    expect(replies.map((reply) => reply.status).filter((status) => status === 200)).toHaveLength(1);
    const left = (await own.call('/user/list', { token: a.token })).status === 200 ? a : b;
    for (const [method, body] of [
      ['DELETE', undefined],
      ['PUT', { status: 'disabled' }],
      ['PUT', { role: 'readonly' }],
    ] as const) {
      const reply = await own.call(`/user/${left.id}`, { method, body, token: left.token });
      expect(reply).toMatchObject({ status: 409, body: { code: 'CONFLICT' } });
    }
    await own.close();
  });
});

import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openTestApp, type TestApp } from '../helpers/app.ts';

let t: TestApp;
beforeAll(async () => {
  t = await openTestApp();
});
afterAll(() => t.close());

const post = (path: string, body: unknown, call: object = {}) =>
  t.call(path, { method: 'POST', body, ...call });

describe('register and login', () => {
  it("answers the document's examples word for word", async () => {
    const registered = await post('/auth/register', {
      email: 'user@example.com',
      password: 'password123',
      name: 'John Doe',
    });
    expect(registered.status).toBe(201);
    const signedIn = await post('/auth/login', { email: 'user@example.com', password: 'password123' });
    expect(signedIn.status).toBe(200);
    for (const { body } of [registered, signedIn]) {
      expect(body).toMatchObject({
        success: true,
        token: expect.stringMatching(/^eyJ/),
        user: {
          id: expect.any(Number),
          email: 'user@example.com',
          name: 'John Doe',
          role: 'user',
          apiKey: expect.stringMatching(/^wahub_[0-9a-f]{16}_/),
        },
      });
    }
    expect(JSON.stringify(signedIn.body)).not.toContain('$2b$');
    const me = await t.call('/auth/me', { token: String(signedIn.body.token) });
    expect(me.body.user).toMatchObject({ email: 'user@example.com', apiKey: expect.any(String) });
  });

  it('never takes a role, and compares e-mails without case and blanks', async () => {
    const body = { email: ' Ann@Example.COM ', password: 'password123', name: 'Ann', role: 'admin' };
    const first = await post('/auth/register', body);
    expect(first.body.user).toMatchObject({ email: 'ann@example.com', role: 'user' });
    expect(await post('/auth/register', { ...body, email: 'ANN@example.com' })).toMatchObject({
      status: 409,
      body: { code: 'CONFLICT' },
    });
    expect((await post('/auth/login', { email: 'ANN@EXAMPLE.COM', password: 'password123' })).status).toBe(
      200,
    );
  });

  it.each([
    [{ email: 'no-mail', password: 'password123', name: 'x' }, 'email'],
    [{ email: 'a@b.co', password: 'short', name: 'x' }, 'password'],
    [{ email: 'a@b.co', password: 'ä'.repeat(37), name: 'x' }, 'password'],
    [{ email: 'a@b.co', password: 'password123', name: ' ' }, 'name'],
    [{ email: 'a@b.co', password: 'password123' }, 'name'],
  ])('refuses %j and names the field', async (body, field) => {
    const reply = await post('/auth/register', body);
    expect(reply.status).toBe(400);
    expect(reply.body).toMatchObject({ code: 'VALIDATION_FAILED', details: { [field]: expect.any(String) } });
  });

  it('can be closed', async () => {
    const closed = await openTestApp({ config: { allowRegistration: false } });
    const reply = await closed.call('/auth/register', {
      method: 'POST',
      body: { email: 'a@b.co', password: 'password123', name: 'x' },
    });
    expect(reply).toMatchObject({ status: 403, body: { code: 'FORBIDDEN' } });
    await closed.close();
  });

  it('says the same of a wrong password, an unknown e-mail and a disabled user', async () => {
    const user = await t.tenant();
    const admin = await t.tenant('admin');
    const gone = await t.tenant();
    await t.call(`/user/${gone.id}`, { method: 'DELETE', token: admin.token });
    const replies = await Promise.all([
      post('/auth/login', { email: user.email, password: 'wrong' }),
      post('/auth/login', { email: 'nobody@example.com', password: 'wrong' }),
      post('/auth/login', { email: gone.email, password: gone.password }),
    ]);
    const bodies = replies.map(({ status, body }) => ({ ...body, status, requestId: '' }));
    expect(bodies[0]).toMatchObject({ status: 401, code: 'UNAUTHORIZED' });
    expect(bodies[1]).toEqual(bodies[0]);
    expect(bodies[2]).toEqual(bodies[0]);
  });
});

describe('the own account', () => {
  it('shows the API key to a JWT, not to a key', async () => {
    const user = await t.tenant();
    const byToken = await t.call('/auth/me', { token: user.token });
    const byKey = await t.call('/auth/me', { apiKey: user.apiKey });
    expect(byToken.body.user).toMatchObject({ id: user.id, apiKey: user.apiKey });
    expect(byKey.body.user).toMatchObject({ id: user.id });
    expect(byKey.text).not.toContain(user.apiKey);
  });

  it('a new password ends older tokens and answers with a new one, for read-only users too', async () => {
    const user = await t.tenant('readonly');
    const body = { currentPassword: user.password, newPassword: 'a new password' };
    const changed = await post('/auth/change-password', body, { token: user.token });
    expect(changed.status).toBe(200);
    expect((await t.call('/auth/me', { token: user.token })).status).toBe(401);
    expect((await t.call('/auth/me', { token: String(changed.body.token) })).status).toBe(200);
    expect((await post('/auth/login', { email: user.email, password: 'a new password' })).status).toBe(200);
    expect((await post('/auth/login', { email: user.email, password: user.password })).status).toBe(401);
  });

  it('keeps the password when the current one is wrong', async () => {
    const user = await t.tenant();
    const body = { currentPassword: 'wrong', newPassword: 'a new password' };
    const reply = await post('/auth/change-password', body, { token: user.token });
    expect(reply).toMatchObject({ status: 400, body: { details: { currentPassword: expect.any(String) } } });
    expect((await t.call('/auth/me', { token: user.token })).status).toBe(200);
  });

  it('replaces the own key; the old one works as long as was asked', async () => {
    const user = await t.tenant();
    const graced = await post('/auth/regenerate-api-key?graceMinutes=5', undefined, { token: user.token });
    const second = String(graced.body.apiKey);
    expect((await t.call('/auth/me', { apiKey: user.apiKey })).status).toBe(200);
    expect((await t.call('/auth/me', { apiKey: second })).status).toBe(200);
    const third = String(
      (await post('/auth/regenerate-api-key', undefined, { token: user.token })).body.apiKey,
    );
    expect((await t.call('/auth/me', { apiKey: user.apiKey })).status).toBe(401);
    expect((await t.call('/auth/me', { apiKey: second })).status).toBe(401);
    expect((await t.call('/auth/me', { apiKey: third })).status).toBe(200);
    expect((await t.call('/auth/me', { token: user.token })).body.user).toMatchObject({ apiKey: third });
  });
});

describe('extra API keys', () => {
  it('are shown once, listed without their secret, and end at once', async () => {
    const user = await t.tenant();
    const auth = { token: user.token };
    const made = await post('/auth/api-keys', { name: 'shop', scopes: ['read'], sessionId: 'main' }, auth);
    expect(made).toMatchObject({
      status: 201,
      body: { data: { name: 'shop', scopes: ['read'], sessionId: 'main' } },
    });
    const key = String(made.body.apiKey);
    const listed = await t.call('/auth/api-keys', auth);
    expect(listed.body.data).toEqual([
      expect.objectContaining({ name: 'shop', prefix: key.slice(0, 22), lastUsedAt: null }),
    ]);
    expect(listed.text).not.toContain(key);
    expect((await t.call('/auth/me', { apiKey: key })).status).toBe(200);
    const [{ id }] = listed.body.data as [{ id: string }];
    expect((await t.call(`/auth/api-keys/${id}`, { method: 'DELETE', ...auth })).status).toBe(200);
    expect((await t.call('/auth/me', { apiKey: key })).status).toBe(401);
    expect((await t.call(`/auth/api-keys/${id}`, { method: 'DELETE', ...auth })).status).toBe(404);
  });

  it('are out of reach for another tenant', async () => {
    const [ann, bob] = [await t.tenant(), await t.tenant()];
    await post('/auth/api-keys', { name: 'hers', scopes: ['*'] }, { token: ann.token });
    const [{ id }] = (await t.call('/auth/api-keys', { token: ann.token })).body.data as [{ id: string }];
    expect((await t.call('/auth/api-keys', { token: bob.token })).body.data).toEqual([]);
    const reply = await t.call(`/auth/api-keys/${id}`, { method: 'DELETE', token: bob.token });
    expect(reply).toMatchObject({ status: 404, body: { code: 'NOT_FOUND' } });
    expect((await t.call('/auth/api-keys', { token: ann.token })).body.data).toHaveLength(1);
  });

  it('cannot be made by a key, nor a password changed', async () => {
    const user = await t.tenant();
    const auth = { apiKey: user.apiKey };
    expect(await post('/auth/api-keys', { name: 'x', scopes: ['*'] }, auth)).toMatchObject({ status: 403 });
    expect(await post('/auth/regenerate-api-key', undefined, auth)).toMatchObject({
      status: 403,
      body: { code: 'FORBIDDEN', message: expect.stringContaining('sign in') },
    });
    const body = { currentPassword: user.password, newPassword: 'a new password' };
    expect(await post('/auth/change-password', body, auth)).toMatchObject({ status: 403 });
  });

  it('refuses unknown scopes and an expiry that is over', async () => {
    const { token } = await t.tenant();
    expect(await post('/auth/api-keys', { name: 'x', scopes: ['root'] }, { token })).toMatchObject({
      status: 400,
    });
    const expired = { name: 'x', scopes: ['read'], expiresAt: '2020-01-01T00:00:00.000Z' };
    expect(await post('/auth/api-keys', expired, { token })).toMatchObject({
      status: 400,
      body: { details: { expiresAt: expect.any(String) } },
    });
  });
});

describe('credentials', () => {
  it.each([
    ['nothing', {}],
    ['an empty token', { headers: { authorization: 'Bearer ' } }],
    ['a token of another secret', { token: 'eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIiwidmVyIjowfQ.c2lnbmF0dXJl' }],
    ['an unsigned token', { token: 'eyJhbGciOiJub25lIn0.eyJzdWIiOiIxIiwidmVyIjowLCJleHAiOjk5OTk5OTk5OTl9.' }],
    [
      'a key that does not exist',
      { apiKey: 'wahub_0123456789abcdef_0123456789012345678901234567890123456789012' },
    ],
    ['a long key', { apiKey: 'x'.repeat(5000) }],
    ['the cookie where no browser goes', { headers: { cookie: 'wahub_session=x' } }],
  ])('refuses %s', async (_name, call) => {
    const reply = await t.call('/auth/me', call);
    expect(reply).toMatchObject({ status: 401, body: { success: false, code: 'UNAUTHORIZED' } });
    expect(reply.headers.get('www-authenticate')).toBe('Bearer');
  });

  it('refuses a right prefix with a wrong secret', async () => {
    const { apiKey } = await t.tenant();
    const forged = apiKey.slice(0, -1) + (apiKey.endsWith('A') ? 'B' : 'A');
    expect((await t.call('/auth/me', { apiKey: forged })).status).toBe(401);
  });
});

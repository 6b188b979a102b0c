import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { type Route, route } from '../../src/controllers/route.ts';
import { requireSession } from '../../src/services/access.ts';
import { signLink } from '../../src/services/signed-links.ts';
import { AppError } from '../../src/utils/errors.ts';
import { openTestApp, type TestApp } from '../helpers/app.ts';

const base = { tag: 'Test', summary: 'test', description: 'for a test', response: null } as const;
const echoBody = z.object({ session: z.string(), to: z.string(), text: z.string().optional() });

const routes: Route[] = [
  route({
    ...base,
    method: 'post',
    path: '/echo',
    auth: 'public',
    body: echoBody,
    handler: ({ body }) => ({ got: body }),
  }),
  route({
    ...base,
    method: 'post',
    path: '/contact',
    auth: 'public',
    body: z.object({ to: z.string(), phoneNumber: z.string().optional() }),
    handler: ({ body }) => ({ got: body }),
  }),
  route({
    ...base,
    method: 'post',
    path: '/optional',
    auth: 'public',
    maxBodyBytes: 64,
    body: z.object({ a: z.string().optional() }),
    handler: ({ body }) => ({ got: body }),
  }),
  route({
    ...base,
    method: 'get',
    path: '/named',
    auth: 'public',
    query: z.object({ session: z.string() }),
    handler: ({ query }) => ({ data: [{ sessionId: query.session }] }),
  }),
  route({
    ...base,
    method: 'get',
    path: '/boom',
    auth: 'public',
    handler: () => {
      throw new Error('SELECT secret FROM users at /srv/app');
    },
  }),
  route({
    ...base,
    method: 'get',
    path: '/away',
    auth: 'public',
    handler: () => {
      throw Object.assign(new Error('connect ECONNREFUSED 10.0.0.1:3306'), { code: 'ECONNREFUSED' });
    },
  }),
  route({
    ...base,
    method: 'get',
    path: '/qr-image/:sessionId',
    auth: 'browser',
    params: z.object({ sessionId: z.string() }),
    handler: ({ ctx, http }) => http.body(`image of ${ctx.actor.userId} by ${ctx.actor.via}`),
  }),
  route({
    ...base,
    method: 'post',
    path: '/opened',
    auth: 'browser',
    handler: () => ({}),
  }),
  route({
    ...base,
    method: 'get',
    path: '/bound/:sessionId',
    auth: 'credential',
    params: z.object({ sessionId: z.string() }),
    handler: ({ ctx, params }) => {
      requireSession(ctx, params.sessionId);
      return { sessionId: params.sessionId };
    },
  }),
  route({
    ...base,
    method: 'get',
    path: '/wait',
    auth: 'public',
    handler: () => {
      throw new AppError('QR_NOT_READY', 'Not yet.', { retryAfterSeconds: 2 });
    },
  }),
];

let t: TestApp;
beforeAll(async () => {
  t = await openTestApp({ routes });
});
afterAll(() => t.close());
const post = (path: string, body: unknown, headers: Record<string, string> = {}) =>
  t.call(path, { method: 'POST', body, headers });

describe('every answer', () => {
  it('carries a request id, the caller’s when it is a decent one', async () => {
    const made = await t.call('/wait');
    expect(made.headers.get('x-request-id')).toBe(made.body.requestId);
    const given = await t.call('/wait', { headers: { 'x-request-id': 'abc-123' } });
    expect(given.headers.get('x-request-id')).toBe('abc-123');
    const odd = await t.call('/wait', { headers: { 'x-request-id': `${'x'.repeat(65)}` } });
    expect(odd.headers.get('x-request-id')).toMatch(/^[0-9a-f-]{36}$/);
  });

  it('carries security headers and forbids inline scripts', async () => {
    for (const path of ['/wait', '/nowhere', '/docs', '/named?session=a']) {
      const { headers } = await t.call(path);
      expect(headers.get('content-security-policy')).toContain("script-src 'self'");
      expect(headers.get('content-security-policy')).not.toContain('unsafe');
      expect(headers.get('x-content-type-options')).toBe('nosniff');
      expect(headers.get('x-frame-options')).toBe('DENY');
      expect(headers.get('cache-control')).toBe('no-store');
    }
  });

  it('is logged once, without query, key or body', async () => {
    t.lines.length = 0;
    await t.call('/bound/main?secret=hush', { apiKey: 'hush' });
    const requests = t.lines.filter((line) => line.message === 'request');
    expect(requests).toHaveLength(1);
    expect(requests[0]).toMatchObject({
      method: 'GET',
      route: '/bound/:sessionId',
      status: 401,
      failure: 'UNAUTHORIZED',
    });
    expect(JSON.stringify(t.lines)).not.toContain('hush');
  });

  it('is the same under /api', async () => {
    expect(await t.call('/api/named?session=a')).toMatchObject({ status: 200, body: { success: true } });
  });
});

describe('failures', () => {
  it('have one envelope, and Retry-After where it helps', async () => {
    const reply = await t.call('/wait');
    expect(reply.status).toBe(404);
    expect(reply.headers.get('retry-after')).toBe('2');
    expect(reply.body).toEqual({
      success: false,
      code: 'QR_NOT_READY',
      message: 'Not yet.',
      error: 'Not yet.',
      hint: 'The message says why. Where the answer has `Retry-After`, ask again after so many seconds.',
      docUrl: `${t.deps.config.publicUrl}/docs/errors#QR_NOT_READY`,
      details: {},
      requestId: expect.any(String),
    });
  });

  it('tell nothing of an unexpected error but the request id, under which it is logged', async () => {
    t.lines.length = 0;
    const reply = await t.call('/boom');
    expect(reply).toMatchObject({ status: 500, body: { code: 'INTERNAL' } });
    expect(reply.text).not.toMatch(/SELECT|\/srv/);
    const logged = t.lines.filter((line) => line.level === 'error');
    expect(logged).toEqual([
      expect.objectContaining({ requestId: reply.body.requestId, error: expect.any(Error) }),
    ]);
  });

  it('are 503 with Retry-After while the database is away', async () => {
    const reply = await t.call('/away');
    expect(reply).toMatchObject({ status: 503, body: { code: 'UNAVAILABLE' } });
    expect(reply.headers.get('retry-after')).toBe('5');
    expect(reply.text).not.toContain('10.0.0.1');
  });

  it('tell 404 from 405', async () => {
    expect(await t.call('/nowhere')).toMatchObject({ status: 404, body: { code: 'NOT_FOUND' } });
    const reply = await t.call('/api/echo', { method: 'PUT' });
    expect(reply).toMatchObject({ status: 405, body: { code: 'METHOD_NOT_ALLOWED' } });
    expect(reply.headers.get('allow')).toBe('POST');
  });
});

describe('bodies', () => {
  it('must be JSON or a form', async () => {
    expect(await post('/echo', '{"session":')).toMatchObject({
      status: 400,
      body: { code: 'VALIDATION_FAILED', details: { body: expect.any(String) } },
    });
    expect(await post('/echo', 'session=a', { 'content-type': 'text/plain' })).toMatchObject({
      status: 415,
      body: { code: 'UNSUPPORTED_MEDIA' },
    });
    expect(await post('/echo', '[1]')).toMatchObject({ status: 400, body: { code: 'VALIDATION_FAILED' } });
  });

  it('may be missing where every field may be', async () => {
    expect(await t.call('/optional', { method: 'POST' })).toMatchObject({ status: 200, body: { got: {} } });
    expect(await post('/optional', '')).toMatchObject({ status: 200, body: { got: {} } });
  });

  it('have a largest size, announced or not', async () => {
    const body = JSON.stringify({ a: 'x'.repeat(100) });
    const announced = { 'content-length': String(body.length) };
    expect(await post('/optional', body, announced)).toMatchObject({
      status: 413,
      body: { code: 'BODY_TOO_LARGE' },
    });
    expect(await post('/optional', body)).toMatchObject({ status: 413, body: { code: 'BODY_TOO_LARGE' } });
  });

  it('name the fields that are wrong', async () => {
    const reply = await post('/echo', { to: [5] });
    expect(reply.body).toMatchObject({
      code: 'VALIDATION_FAILED',
      details: { session: expect.any(String), to: expect.any(String) },
    });
  });
});

describe('names', () => {
  it.each([
    [{ session: 's', to: '1', text: 'x' }],
    [{ sessionId: 's', phoneNumber: '1', message: 'x' }],
    [{ sessionId: 's', number: '1', message: 'x', extra: true }],
    [{ session: 's', sessionId: 's', phone: '1', to: '1', text: 'x' }],
  ])('folds %j', async (body) => {
    expect((await post('/echo', body)).body.got).toEqual({ session: 's', to: '1', text: 'x' });
  });

  it('refuses two names of one field with different values', async () => {
    expect(await post('/echo', { session: 's', to: '1', phone: '2' })).toMatchObject({
      status: 400,
      body: { code: 'VALIDATION_FAILED', details: { to: expect.stringContaining('phone') } },
    });
    expect(await t.call('/named?session=a&sessionId=b')).toMatchObject({ status: 400 });
  });

  it('keeps both where a route declares both', async () => {
    const { body } = await post('/contact', { to: '1', phoneNumber: '2' });
    expect(body.got).toEqual({ to: '1', phoneNumber: '2' });
  });

  it('names a session both ways in answers', async () => {
    const { body } = await t.call('/named?sessionId=a');
    expect(body.data).toEqual([{ sessionId: 'a', session: 'a' }]);
  });
});

describe('browsers', () => {
  const path = '/qr-image/main';
  const later = () => Date.now() + 60_000;

  it('open a signed link, also under /api, until it expires or its user is disabled', async () => {
    const user = await t.tenant();
    const link = signLink(t.deps.secrets, path, user.id, later());
    const reply = await t.call(link);
    expect(reply).toMatchObject({ status: 200, text: `image of ${user.id} by signed_link` });
    expect(reply.headers.get('cross-origin-resource-policy')).toBe('cross-origin');
    expect((await t.call(`/api${link}`)).status).toBe(200);
    expect((await t.call(signLink(t.deps.secrets, path, user.id, Date.now() - 1))).status).toBe(401);
    expect((await t.call(signLink(t.deps.secrets, path, 999_999, later()))).status).toBe(401);
  });

  it('cannot bend a signed link to another path, tenant, query or time', async () => {
    const [ann, bob] = [await t.tenant(), await t.tenant()];
    const link = signLink(t.deps.secrets, path, ann.id, later());
    const bent = [
      link.replace('/main', '/other'),
      link.replace(`u=${ann.id}`, `u=${bob.id}`),
      link.replace(/exp=\d+/, `exp=${later() + 1}`),
      `${link}&all=true`,
      link.replace(/sig=./, (first) => (first === 'sig=0' ? 'sig=1' : 'sig=0')),
    ];
    for (const url of bent) expect((await t.call(url)).status).toBe(401);
  });

  it('send the cookie for GET only', async () => {
    const user = await t.tenant();
    const headers = { cookie: `wahub_session=${user.token}` };
    expect(await t.call(path, { headers })).toMatchObject({
      status: 200,
      text: `image of ${user.id} by cookie`,
    });
    expect((await t.call('/opened', { method: 'POST', headers })).status).toBe(401);
    expect((await t.call('/bound/main', { headers })).status).toBe(401);
  });
});

describe('a key that is bound to a session', () => {
  it('finds no other', async () => {
    const full = await openTestApp();
    const user = await full.tenant();
    const body = { name: 'one', scopes: ['*'], sessionId: 'main' };
    const made = await full.call('/auth/api-keys', { method: 'POST', token: user.token, body });
    const actor = await full.deps.credentials.fromKey(String(made.body.apiKey));
    expect(actor).toMatchObject({ userId: user.id, sessionIds: ['main'], scopes: ['*'] });
    if (!actor) throw new Error('the key is not known');
    expect(() => requireSession({ actor }, 'main')).not.toThrow();
    expect(() => requireSession({ actor }, 'other')).toThrow(
      expect.objectContaining({ code: 'SESSION_NOT_FOUND' }),
    );
    await full.close();
  });
});

describe('other origins', () => {
  it('may read only when they are allowed', async () => {
    const allowed = await t.call('/wait', { headers: { origin: 'http://localhost:3000' } });
    expect(allowed.headers.get('access-control-allow-origin')).toBe('http://localhost:3000');
    const other = await t.call('/wait', { headers: { origin: 'https://evil.example' } });
    expect(other.headers.get('access-control-allow-origin')).toBeNull();
    const preflight = await t.call('/echo', {
      method: 'OPTIONS',
      headers: { origin: 'http://localhost:3000', 'access-control-request-method': 'POST' },
    });
    expect(preflight.status).toBe(204);
    expect(preflight.headers.get('access-control-allow-headers')).toContain('x-api-key');
  });
});

describe('the address of the caller', () => {
  it.each([
    [0, '1.1.1.1', '9.9.9.9'],
    [1, '1.1.1.1, 2.2.2.2', '2.2.2.2'],
    [2, '6.6.6.6, 1.1.1.1, 2.2.2.2', '1.1.1.1'],
    [2, '2.2.2.2', '2.2.2.2'],
    [1, 'nonsense', '9.9.9.9'],
    [1, '[2001:db8::1]:443', '2001:db8::1'],
  ])('behind %i proxies with "%s" is %s', async (trustProxy, forwarded, expected) => {
    const app = await openTestApp({ routes, config: { trustProxy } });
    await app.call('/wait', { address: '::ffff:9.9.9.9', headers: { 'x-forwarded-for': forwarded } });
    expect(app.lines.at(-1)).toMatchObject({ ip: expected });
    await app.close();
  });
});

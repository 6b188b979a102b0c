/** `/webhook` over HTTP. */
import { eq } from 'drizzle-orm';
import { Webhook } from 'standardwebhooks';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { apiKeys, idempotencyKeys, webhooks } from '../../src/db/schema.ts';
import type { Tenant } from '../helpers/app.ts';
import { countStatements } from '../helpers/statements.ts';
import { PATIENCE_MS } from '../helpers/until.ts';
import { answer, type Fixture, openFixture } from './fixture.ts';

let f: Fixture;
let tenant: Tenant;

beforeEach(async () => {
  f = await openFixture();
  tenant = await f.tenant();
});
afterEach(() => f.close());

const as =
  (who: Tenant) =>
  (method: string, path: string, body?: unknown, headers: Record<string, string> = {}) =>
    f.call(path, { method, apiKey: who.apiKey, headers, ...(body === undefined ? {} : { body }) });
const mine = (...args: Parameters<ReturnType<typeof as>>) => as(tenant)(...args);

const input = { url: 'http://127.0.0.1:9/hook', events: ['message.sent'] };

async function create(
  body: object = input,
): Promise<Record<string, unknown> & { id: string; secret: string }> {
  const { status, body: reply } = await mine('POST', '/webhook', body);
  expect(status).toBe(201);
  return Object(reply.data);
}

describe('webhooks', () => {
  it('are made, read, listed, changed and deleted; the secret is shown once', async () => {
    const made = await create();
    const usual = { sessionId: null, status: 'active', userId: tenant.id, messageContent: false };
    expect(made).toMatchObject({ ...input, ...usual });
    expect(made.secret).toMatch(/^whsec_[A-Za-z0-9+/]{43}=$/);
    const read = await mine('GET', `/webhook/${made.id}`);
    expect(read.body.data).toMatchObject(input);
    expect(read.text).not.toContain('secret"');
    const list = await mine('GET', '/api/webhook');
    expect(list.body).toMatchObject({
      success: true,
      data: [{ id: made.id }],
      pagination: { totalItems: 1 },
    });
    expect(list.text).not.toContain(made.secret);
    const changed = await mine('PUT', `/webhook/${made.id}`, { events: ['*', '*'], status: 'disabled' });
    expect(changed.body.data).toMatchObject({ url: input.url, events: ['*'], status: 'disabled' });
    expect(await mine('DELETE', `/webhook/${made.id}`)).toMatchObject({ status: 200 });
    expect(await mine('GET', `/webhook/${made.id}`)).toMatchObject({
      status: 404,
      body: { code: 'NOT_FOUND' },
    });
    const [row] = await f.deps.db.select().from(webhooks);
    expect(row).toBeUndefined();
  });

  it('are changed before the lanes that wait are told, as events are written', async () => {
    const counter = countStatements();
    try {
      await f.close();
      f = await openFixture();
      tenant = await f.tenant();
      const { id } = await create();
      counter.take();
      expect((await mine('PUT', `/webhook/${id}`, { events: ['*'] })).status).toBe(200);
      const texts = [...counter.take().texts.keys()];
      const place = (pattern: RegExp) => texts.findIndex((text) => pattern.test(text));
      const order = [/^update .webhooks/i, /^insert into .activity_logs/i, /^update .webhook_lanes/i];
      const places = order.map(place);
      expect(places).not.toContain(-1);
      expect(places).toEqual([...places].sort((a, b) => a - b));
    } finally {
      counter.stop();
    }
  });

  it('keep their secret sealed; rotating shows a new one', async () => {
    const made = await create();
    const [row] = await f.deps.db.select().from(webhooks);
    expect(row?.secret).not.toContain(made.secret.slice(6));
    const { body } = await mine('POST', `/webhook/${made.id}/rotate-secret`, { graceMinutes: 60 });
    const rotated = Object(body.data);
    expect(rotated.secret).not.toBe(made.secret);
    expect(Date.parse(rotated.previousSecretExpiresAt)).toBeGreaterThan(Date.now() + 59 * 60_000);
    const now = await mine('POST', `/webhook/${made.id}/rotate-secret`, { graceMinutes: 0 });
    expect(now.body.data).toMatchObject({ previousSecretExpiresAt: null });
  });

  it('are made once under one Idempotency-Key, and no stored answer holds the secret', async () => {
    const headers = { 'idempotency-key': 'once' };
    const first = await mine('POST', '/webhook', input, headers);
    const again = await mine('POST', '/webhook', input, headers);
    const { secret, ...shown } = Object(first.body.data);
    expect(again.status).toBe(201);
    expect(again.headers.get('idempotent-replayed')).toBe('true');
    expect(again.body.data).toMatchObject({ id: shown.id });
    expect(again.text).not.toContain(secret);
    const [kept] = await f.deps.db.select().from(idempotencyKeys);
    expect(JSON.stringify(kept)).not.toContain(secret);
    expect((await mine('GET', '/webhook')).body.data).toHaveLength(1);
  });

  it.each([
    [{ ...input, events: [] }, 'events'],
    [{ ...input, events: ['auth.login'] }, 'events.0'],
    [{ ...input, url: '' }, 'url'],
    [{ ...input, url: `http://a.test/${'x'.repeat(2048)}` }, 'url'],
    [{ events: ['*'] }, 'url'],
    [{ ...input, sessionId: 'no spaces' }, 'sessionId'],
  ])('not valid: %j', async (body, field) => {
    const { status, body: reply } = await mine('POST', '/webhook', body);
    expect([status, reply.code]).toEqual([400, 'VALIDATION_FAILED']);
    expect(Object(reply.details)).toHaveProperty([field]);
  });

  it('of a session need one that is there', async () => {
    await f.session(tenant.id, 'main');
    await f.session((await f.tenant()).id, 'theirs');
    expect(await create({ ...input, sessionId: 'main' })).toMatchObject({ sessionId: 'main' });
    for (const sessionId of ['theirs', 'nobody']) {
      const { status, body } = await mine('POST', '/webhook', { ...input, sessionId });
      expect([status, body.code]).toEqual([404, 'SESSION_NOT_FOUND']);
    }
  });

  it('are at most twenty a tenant', async () => {
    for (let i = 0; i < 20; i++) await create();
    expect(await mine('POST', '/webhook', input)).toMatchObject({
      status: 429,
      body: { code: 'QUOTA_EXCEEDED' },
    });
  });
});

describe('who may', () => {
  it("somebody else's webhook and its deliveries are not there, whatever is asked", async () => {
    const made = await create();
    const session = await f.session(tenant.id);
    await f.message(session, 'message.sent');
    const { data } = (await mine('GET', `/webhook/${made.id}/deliveries`)).body;
    const delivery = Object(data)[0].id;
    const other = as(await f.tenant());
    for (const [method, path, body] of [
      ['GET', `/webhook/${made.id}`],
      ['PUT', `/webhook/${made.id}`, { events: ['*'] }],
      ['DELETE', `/webhook/${made.id}`],
      ['POST', `/webhook/${made.id}/rotate-secret`, {}],
      ['POST', `/webhook/${made.id}/test`],
      ['GET', `/webhook/${made.id}/deliveries`],
      ['GET', `/webhook/deliveries/${delivery}`],
      ['POST', `/webhook/deliveries/${delivery}/replay`],
      ['GET', '/webhook/default/deliveries'],
      ['POST', '/webhook/default/test'],
    ] as const) {
      expect([path, (await other(method, path, body)).status]).toEqual([path, 404]);
    }
    expect((await other('GET', '/webhook')).body.data).toEqual([]);
    expect((await other('GET', `/webhook?userId=${tenant.id}`)).status).toBe(403);
    const admin = as(await f.tenant('admin'));
    expect((await admin('GET', `/webhook?userId=${tenant.id}`)).body.data).toHaveLength(1);
    for (const path of [`/webhook/${made.id}`, `/webhook/${made.id}/deliveries`]) {
      expect((await admin('GET', `${path}?userId=${tenant.id}`)).status).toBe(200);
      expect((await admin('GET', path)).status).toBe(404);
      expect((await other('GET', `${path}?userId=${tenant.id}`)).status).toBe(403);
    }
  });

  it('a read-only user and a key without the scope change nothing', async () => {
    const reader = as(await f.tenant('readonly'));
    expect((await reader('GET', '/webhook')).status).toBe(200);
    expect((await reader('POST', '/webhook', input)).status).toBe(403);
    await f.deps.db
      .update(apiKeys)
      .set({ scopes: ['read'] })
      .where(eq(apiKeys.userId, tenant.id));
    f.deps.credentials.forget(tenant.id);
    expect((await mine('GET', '/webhook')).status).toBe(200);
    for (const path of ['/webhook', '/webhook/x/test', '/webhook/deliveries/x/replay']) {
      expect((await mine('POST', path, input)).status).toBe(403);
    }
  });

  it('a key that is bound to a session has webhooks of that session only', async () => {
    await f.session(tenant.id, 'main');
    await f.session(tenant.id, 'second');
    const all = await create();
    const second = await create({ ...input, sessionId: 'second' });
    await f.deps.db.update(apiKeys).set({ sessionId: 'main' }).where(eq(apiKeys.userId, tenant.id));
    f.deps.credentials.forget(tenant.id);
    expect((await mine('GET', '/webhook')).body.data).toEqual([]);
    for (const { id } of [all, second]) expect((await mine('GET', `/webhook/${id}`)).status).toBe(404);
    expect((await mine('POST', '/webhook', input)).status).toBe(403);
    expect((await mine('POST', '/webhook', { ...input, sessionId: 'second' })).status).toBe(404);
    await create({ ...input, sessionId: 'main' });
  });
});

it('a misspelt event is told the name that was meant before all the others', async () => {
  const { apiKey } = await f.tenant();
  const { status, body } = await f.call('/webhook', {
    method: 'POST',
    apiKey,
    body: { url: 'https://a.example/', events: ['mesage.sent'] },
  });
  expect([status, body.code]).toEqual([400, 'VALIDATION_FAILED']);
  const reason = expect.stringMatching(/^is unknown; did you mean message\.sent\? It must be one of /);
  expect(Object.values(Object(body.details))).toEqual([reason]);
});

it('private addresses are refused, on making and on changing', async () => {
  const strict = await openFixture({ config: { allowPrivateUrls: false } });
  const { apiKey } = await strict.tenant();
  for (const url of [
    'http://127.0.0.1/',
    'http://[::1]/',
    'http://169.254.169.254/',
    'ftp://a.test/',
    'no',
  ]) {
    const { status, body } = await strict.call('/webhook', {
      method: 'POST',
      apiKey,
      body: { url, events: ['*'] },
    });
    expect([url, status, body.code]).toEqual([url, 400, 'URL_REFUSED']);
    expect(body.hint).toBe(
      'Use a whole https URL that anybody on the internet can open. A file can also be sent itself.',
    );
  }
  const made = await strict.call('/webhook', {
    method: 'POST',
    apiKey,
    body: { url: 'https://203.0.114.1/', events: ['*'] },
  });
  const changed = await strict.call(`/webhook/${Object(made.body.data).id}`, {
    method: 'PUT',
    apiKey,
    body: { url: 'http://10.0.0.1/' },
  });
  expect([made.status, changed.status, changed.body.code]).toEqual([201, 400, 'URL_REFUSED']);
  await strict.close();
});

describe('trying out and looking back', () => {
  it('a test event is signed, delivered at once, and its outcome told', async () => {
    const receiver = await f.receiver();
    const made = await create({ url: receiver.url, events: ['otp.verified'] });
    const test = () => mine('POST', `/webhook/${made.id}/test`);
    expect((await test()).body.data).toMatchObject({ delivered: true, status: 204, error: null });
    const [request] = receiver.received;
    expect(request?.type).toBe('webhook.test');
    expect(new Webhook(made.secret).verify(request?.body ?? '', request?.headers ?? {})).toBeTruthy();
    receiver.respond = (_request, res) => res.writeHead(500).end('it broke');
    expect((await test()).body.data).toMatchObject({ delivered: false, status: 500, answer: 'it broke' });
    await receiver.close();
    // The connection that was kept open may break off first.
    await vi.waitFor(
      async () =>
        expect((await test()).body).toMatchObject({
          success: true,
          data: { delivered: false, status: null, error: 'The host refused the connection.' },
        }),
      PATIENCE_MS,
    );
  });

  it('deliveries are listed by state and page, shown with their attempts, and replayed', async () => {
    const receiver = await f.receiver();
    receiver.respond = (request, res) => answer(request.data.seq === 2 ? 503 : 204)(request, res);
    const made = await create({ url: receiver.url, events: ['*'] });
    const [good, bad] = [await f.session(tenant.id), await f.session(tenant.id)];
    for (const session of [good, bad, bad]) await f.message(session, 'message.sent');
    const sender = f.sender();
    await receiver.count(3);
    await sender.stop();
    const list = async (query: string) => (await mine('GET', `/webhook/${made.id}/deliveries?${query}`)).body;
    expect(await list('limit=2')).toMatchObject({ pagination: { totalItems: 3, totalPages: 2 } });
    const { nextCursor, data: firstPage } = await list('limit=2');
    const { data: secondPage } = await list(`limit=2&cursor=${nextCursor}`);
    expect(new Set([...Object(firstPage), ...Object(secondPage)].map((row) => row.id)).size).toBe(3);
    expect((await list('state=delivered')).data).toHaveLength(2);
    const { data: waiting } = await list('state=pending');
    expect(waiting).toMatchObject([
      { sessionId: bad.sessionId, session: bad.sessionId, seq: 2, attempts: 1, lastStatus: 503 },
    ]);
    const pending = Object(waiting)[0].id;
    const shown = await mine('GET', `/webhook/deliveries/${pending}`);
    expect(shown.body.data).toMatchObject({ state: 'pending', log: [{ attempt: 1, status: 503 }] });
    const replay = (id: string) => mine('POST', `/webhook/deliveries/${id}/replay`);
    expect((await replay(pending)).status).toBe(409);
    const delivered = Object((await list('state=delivered')).data)[0].id;
    expect((await replay(delivered)).status).toBe(202);
    f.sender();
    await receiver.count(4);
    expect(receiver.received.at(-1)?.headers['webhook-id']).toBe(delivered);
    for (const query of ['state=lost', 'cursor=x', 'limit=1000']) {
      expect((await mine('GET', `/webhook/${made.id}/deliveries?${query}`)).status).toBe(400);
    }
  });

  it('how the webhook of the whole service fares is for admins', async () => {
    const receiver = await f.receiver();
    const config = { webhook: { baseUrl: receiver.url, secret: null }, allowPrivateUrls: true };
    const service = await openFixture({ config });
    const [admin, user] = [await service.tenant('admin'), await service.tenant()];
    await service.message(await service.session(user.id), 'message.sent');
    service.sender();
    await receiver.count(1);
    const path = '/webhook/default/deliveries';
    const seen = await service.call(path, { apiKey: admin.apiKey });
    expect(seen.body.data).toMatchObject([{ webhookId: 'default', event: 'message.sent' }]);
    expect((await service.call(path, { apiKey: user.apiKey })).status).toBe(404);
    const test = await service.call('/webhook/default/test', { method: 'POST', apiKey: admin.apiKey });
    expect(test.body.data).toMatchObject({ delivered: true });
    expect(receiver.received.every((request) => request.headers['webhook-signature'] === undefined)).toBe(
      true,
    );
    await service.close();
  });
});

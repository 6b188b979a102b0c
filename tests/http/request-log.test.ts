/** The log of API calls, and a message as one line of time. On both databases. */
import { eq } from 'drizzle-orm';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import {
  activityLogs,
  apiRequestBodies,
  apiRequests,
  workspaceMembers,
  workspaces,
} from '../../src/db/schema.ts';
import { harmlessJson } from '../../src/services/requests/harmless.ts';
import { deleteOldRequests, deleteSurplusRequests } from '../../src/services/requests/retention.ts';
import type { ApiRequestDetail, ApiRequestOutput } from '../../src/services/requests/schemas.ts';
import { DAY_MS } from '../../src/utils/durations.ts';
import { newId } from '../../src/utils/ids.ts';
import { addSession } from '../analytics/fixture.ts';
import { openDashboard, type TestDashboard } from '../dashboard/visitor.ts';
import type { Tenant } from '../helpers/app.ts';
import { makeMember } from '../helpers/tenant.ts';
import { PATIENCE_MS } from '../helpers/until.ts';

let t: TestDashboard;
beforeAll(async () => {
  t = await openDashboard();
});
afterAll(() => t.close());

const signal = new AbortController().signal;

async function calls(who: Tenant, query = ''): Promise<ApiRequestOutput[]> {
  const { status, body } = await t.call(`/requests?${query}`, { token: who.token });
  expect(status).toBe(200);
  return body.data as ApiRequestOutput[];
}

async function readCall(who: Tenant, id: string): Promise<ApiRequestDetail> {
  return (await t.call(`/requests/${id}`, { token: who.token })).body.data as ApiRequestDetail;
}

const SECRET = 'what-nobody-may-read';

it('what a page listens to is no call of the API, what a program listens to is one', async () => {
  const user = await t.tenant();
  const listen = async (headers: Record<string, string>) => {
    const reply = await t.app.request('/events', { headers });
    expect(reply.status).toBe(200);
    await reply.body?.cancel();
  };
  await listen({ cookie: `wahub_session=${user.token}` });
  await listen({ 'x-api-key': user.apiKey });
  await expect.poll(async () => (await calls(user, 'path=/events')).length).toBe(1);
  expect(await calls(user, 'path=/events')).toMatchObject([{ route: '/events', via: 'api_key' }]);
});

async function sendText(who: Tenant, headers: Record<string, string> = {}): Promise<string> {
  const body = { session: 'main', to: '0812-3456-7890', text: SECRET };
  const sent = await t.call('/message/send-text', { method: 'POST', apiKey: who.apiKey, headers, body });
  expect(sent.status).toBe(202);
  return Object(sent.body.data).messageId;
}

describe('a call of the API', () => {
  it('is in the log with method, path, status, key, message and harmless bodies', async () => {
    const user = await t.tenant();
    await addSession(t, user.id, 'main');
    const messageId = await sendText(user, { 'x-request-id': 'req-1' });
    const [call] = await calls(user, 'method=POST');
    expect(call).toMatchObject({
      method: 'POST',
      route: '/message/send-text',
      path: '/message/send-text',
      status: 202,
      errorCode: null,
      via: 'api_key',
      keyName: 'own',
      keyKind: 'personal',
      requestId: 'req-1',
      sessionId: 'main',
      messageId,
    });
    const detail = await readCall(user, call?.id ?? '');
    expect(JSON.parse(detail.request ?? '')).toEqual({
      body: { session: 'main', to: '0812-3456-7890', text: '[redacted]' },
    });
    expect(JSON.parse(detail.response ?? '')).toMatchObject({ data: { messageId, status: 'queued' } });
  });

  it('that is refused before anything is done shows what it brought and why', async () => {
    const user = await t.tenant();
    const body = { session: 'main', to: [], text: SECRET, nested: { otp: '482913', list: ['482913'] } };
    await t.call('/message/send-text?password=hunter2', { method: 'POST', apiKey: user.apiKey, body });
    await t.call('/otp/verify', {
      method: 'POST',
      apiKey: user.apiKey,
      body: { phoneNumber: '081234567890', otp: 482_913 },
    });
    const [verify, send] = await calls(user, 'status=4xx');
    expect(send).toMatchObject({ status: 400, errorCode: 'VALIDATION_FAILED', path: '/message/send-text' });
    expect(verify?.path).toBe('/otp/verify');
    const shown = await Promise.all([verify, send].map((call) => readCall(user, call?.id ?? '')));
    expect(JSON.parse(shown[1]?.response ?? '')).toMatchObject({ success: false, code: 'VALIDATION_FAILED' });
    const kept = JSON.stringify(await t.deps.db.select().from(apiRequestBodies));
    for (const secret of [SECRET, '482913', 'hunter2']) expect(kept).not.toContain(secret);
  });

  it('shows no name that the call does not know: a body without its type is the name of a field', async () => {
    const user = await t.tenant();
    const path = '/message/send-text';
    // What curl says of a body unless it is told otherwise.
    const headers = { 'content-type': 'application/x-www-form-urlencoded' };
    const bodies = [JSON.stringify({ session: 'main', to: '0812', text: SECRET }), 'hunter2', '482913'];
    for (const body of bodies) {
      const asked = `${path}?${encodeURIComponent(body)}`;
      const { status } = await t.call(asked, { method: 'POST', apiKey: user.apiKey, headers, body });
      expect(status).toBe(400);
    }
    const made = await calls(user, 'path=send-text');
    expect(made).toHaveLength(bodies.length);
    const kept = JSON.stringify(await Promise.all(made.map(({ id }) => readCall(user, id))));
    for (const secret of [SECRET, 'hunter2', '482913']) expect(kept).not.toContain(secret);
  });

  it('shows nothing of a content, though its fields have harmless names', async () => {
    const user = await t.tenant();
    await addSession(t, user.id, 'main');
    await sendText(user);
    await t.call('/message/list', { apiKey: user.apiKey });
    const [list] = await calls(user, 'path=list');
    const { data } = JSON.parse((await readCall(user, list?.id ?? '')).response ?? '');
    expect(data[0]).toMatchObject({ type: 'text', status: 'queued', content: '[redacted]' });
    expect(JSON.stringify(await t.deps.db.select().from(apiRequestBodies))).not.toContain(SECRET);
  });

  it('is found by each filter and by pages, and belongs to its tenant alone', async () => {
    const user = await t.tenant();
    const other = await t.tenant();
    const began = new Date().toISOString();
    for (const path of ['/session/list', '/message/list', '/session/status?session=none']) {
      await t.call(path, { apiKey: user.apiKey });
    }
    const mine = await calls(user);
    // Of two in one millisecond nobody says which came first.
    expect(mine.map(({ at }) => at)).toEqual(
      mine
        .map(({ at }) => at)
        .toSorted()
        .toReversed(),
    );
    const paths = mine.map(({ path }) => path).toSorted();
    expect(paths).toEqual(['/message/list', '/session/list', '/session/status']);
    const missing = mine.find(({ status }) => status === 404);
    expect((await calls(user, 'status=404')).map(({ id }) => id)).toEqual([missing?.id]);
    expect(await calls(user, 'path=SESSION/l')).toMatchObject([{ path: '/session/list' }]);
    expect(await calls(user, `requestId=${missing?.requestId}`)).toHaveLength(1);
    expect((await calls(user, `keyId=${missing?.keyId}&method=GET`)).length).toBeGreaterThanOrEqual(3);
    expect(await calls(user, `until=${began}`)).toEqual([]);
    expect((await calls(user, `since=${began}`)).length).toBeGreaterThanOrEqual(3);
    const page = await t.call('/requests?limit=1&path=/session', { token: user.token });
    const next = await t.call(`/requests?limit=1&path=/session&cursor=${page.body.nextCursor}`, {
      token: user.token,
    });
    const seen = [...Object(page.body.data), ...Object(next.body.data)].map(({ id }) => id);
    expect(new Set(seen).size).toBe(seen.length);
    expect((await calls(other)).filter(({ path }) => path.startsWith('/session'))).toEqual([]);
    expect((await t.call(`/requests/${missing?.id}`, { token: other.token })).status).toBe(404);
    for (const query of ['status=9xx', 'since=yesterday', 'cursor=x', 'method=PATCH']) {
      expect((await t.call(`/requests?${query}`, { token: user.token })).status).toBe(400);
    }
  });

  it('keeps no bodies where the workspace has chosen so; who may not choose is refused', async () => {
    const user = await t.tenant();
    await addSession(t, user.id, 'main');
    const settings = { method: 'PUT', body: { keepBodies: false } };
    expect((await t.call('/requests/settings', { token: user.token })).body.data).toEqual({
      keepBodies: true,
    });
    expect((await t.call('/requests/settings', { ...settings, apiKey: user.apiKey })).status).toBe(403);
    const reader = await t.tenant('readonly');
    expect((await t.call('/requests/settings', { ...settings, token: reader.token })).status).toBe(403);
    await sendText(user);
    await calls(user);
    expect((await t.call('/requests/settings', { ...settings, token: user.token })).status).toBe(200);
    await sendText(user);
    const [without, , withBody] = await calls(user, 'path=send-text&limit=3').then(([a, b]) => [a, null, b]);
    expect(await readCall(user, without?.id ?? '')).toMatchObject({ request: null, response: null });
    // Those that were kept go, in the background.
    await vi.waitFor(async () => {
      expect(await readCall(user, withBody?.id ?? '')).toMatchObject({ request: null, response: null });
    }, PATIENCE_MS);
  });

  it('is kept without a body that another process wrote late, and only owners and admins see the button', async () => {
    const user = await t.tenant();
    await addSession(t, user.id, 'main');
    await sendText(user);
    const [call] = await calls(user, 'path=send-text');
    await t.deps.db.update(workspaces).set({ requestBodies: false }).where(eq(workspaces.id, user.id));
    await deleteOldRequests(t.deps, signal);
    expect(await readCall(user, call?.id ?? '')).toMatchObject({ id: call?.id, request: null });
    const list = async () => (await t.visit('/dashboard/developers/requests', { as: user })).text();
    const action = 'action="/dashboard/developers/requests/settings"';
    expect(await list()).toContain(action);
    await t.deps.db
      .update(workspaceMembers)
      .set({ role: 'developer' })
      .where(eq(workspaceMembers.workspaceId, user.id));
    t.deps.credentials.forget(user.id);
    expect(await list()).not.toContain(action);
  });

  it('is on the pages, with its filters and a way to the message', async () => {
    const user = await t.tenant();
    await addSession(t, user.id, 'main');
    const messageId = await sendText(user);
    const [call] = await calls(user, 'path=send-text');
    for (const lang of ['en', 'id']) {
      const headers = { 'accept-language': lang };
      const list = await t.visit('/dashboard/developers/requests?method=POST', { as: user, headers });
      const html = await list.text();
      expect(html).toContain(`/dashboard/developers/requests/${call?.id}`);
      expect(html).toContain(lang === 'en' ? '>personal API key<' : '>API key pribadi<');
      const one = await t.visit(`/dashboard/developers/requests/${call?.id}`, { as: user, headers });
      const detail = await one.text();
      expect(detail).toContain(`href="/dashboard/messages/${messageId}"`);
      expect(detail).toContain('[redacted]');
      expect(detail).not.toContain(SECRET);
    }
    const form = { keepBodies: 'false' };
    expect((await t.visit('/dashboard/developers/requests/settings', { as: user, form })).status).toBe(303);
  });
});

it('the last errors of the overview lead to what they are about, without the wrong codes of end users', async () => {
  const user = await t.tenant();
  await addSession(t, user.id, 'main');
  const post = (path: string, body: object) => t.call(path, { method: 'POST', apiKey: user.apiKey, body });
  expect((await post('/message/send-text', { session: 'none', to: '081234567890', text: 'x' })).status).toBe(
    404,
  );
  expect((await post('/otp/verify', { phoneNumber: '081234567890', otp: '1234' })).status).toBe(404);
  const [refused] = await calls(user, 'path=send-text');
  const html = await (await t.visit('/dashboard', { as: user })).text();
  const links = [...html.matchAll(/\/dashboard\/developers\/requests\/(\w+)/g)].map(([, id]) => id);
  expect(links).toEqual([refused?.id]);
});

it('calls about people are shown whole to whoever manages people, and to whoever made them', async () => {
  const user = await t.tenant();
  const viewer = await makeMember(t.deps, user.id, 'viewer');
  const member = await makeMember(t.deps, user.id, 'operator');
  const put = { method: 'PUT', body: { role: 'operator', sessionId: null }, token: user.token };
  expect((await t.call(`/workspace/members/${member.id}`, put)).status).toBe(200);
  const [call] = await calls(user, 'method=PUT');
  expect(call?.path).toBe(`/workspace/members/${member.id}`);
  const id = call?.id ?? '';
  expect((await readCall(user, id)).request).toContain('operator');
  const blank = { path: '/workspace/members/:userId', request: null, response: null };
  expect(await readCall(viewer, id)).toMatchObject(blank);
  expect((await calls(viewer, 'method=PUT'))[0]?.path).toBe(blank.path);
  const log = async (who: Tenant) =>
    Object((await t.call('/analytics/logs/activity?limit=100', { token: who.token })).body.data).logs as {
      id: string;
      event: string;
      requestData: Record<string, unknown> | null;
      details: Record<string, unknown>;
    }[];
  const entry = async (who: Tenant) => (await log(who)).find((each) => each.id === id);
  expect(await entry(user)).toMatchObject({ requestData: { role: 'operator' } });
  expect((await entry(viewer))?.requestData).toEqual({});
  const told = {
    id: newId(t.deps.clock.now()),
    userId: user.id,
    event: 'domain.added',
    action: 'api_call' as const,
    status: 'success' as const,
    data: { domain: 'secret.example.com' },
    at: t.deps.clock.now(),
  };
  await t.deps.db.insert(activityLogs).values(told);
  const details = async (who: Tenant) => (await log(who)).find((each) => each.id === told.id)?.details;
  expect(await details(user)).toEqual({ domain: 'secret.example.com' });
  expect(await details(viewer)).toEqual({});
  const own = await t.call('/auth/me', { token: viewer.token });
  expect(own.status).toBe(200);
  const [mine] = await calls(viewer, 'path=/auth/me');
  expect((await readCall(viewer, mine?.id ?? '')).response).not.toBeNull();
});

describe('a message as one line of time', () => {
  it('begins with its call, has its steps, and leads to each call and delivery', async () => {
    const user = await t.tenant();
    await addSession(t, user.id, 'main');
    await t.call('/webhook', {
      method: 'POST',
      apiKey: user.apiKey,
      body: { url: 'https://203.0.114.1/', events: ['message.canceled'] },
    });
    const messageId = await sendText(user);
    const cancel = await t.call(`/message/${messageId}/cancel`, { method: 'POST', apiKey: user.apiKey });
    expect(cancel.status).toBe(200);
    const { body } = await t.call(`/message/${messageId}/timeline`, { token: user.token });
    const entries = body.data as { at: string; kind: string; name: string; id: string | null }[];
    const names = entries.map(({ kind, name }) => `${kind} ${name}`);
    expect(names).toEqual(
      expect.arrayContaining([
        'request POST /message/send-text',
        'step created',
        'step queued',
        `request POST /message/${messageId}/cancel`,
        'webhook message.canceled',
      ]),
    );
    expect(entries.map(({ at }) => at)).toEqual(entries.map(({ at }) => at).sort());
    for (const { kind, id } of entries) {
      if (kind === 'request')
        expect((await t.call(`/requests/${id}`, { token: user.token })).status).toBe(200);
      if (kind === 'webhook')
        expect((await t.call(`/webhook/deliveries/${id}`, { token: user.token })).status).toBe(200);
    }
    // A webhook of all sessions is not for whoever is bound to one.
    const bound = await makeMember(t.deps, user.id, 'operator', { sessionId: 'main' });
    const theirs = await t.call(`/message/${messageId}/timeline`, { token: bound.token });
    const kinds = (theirs.body.data as { kind: string }[]).map(({ kind }) => kind);
    expect(kinds).toContain('step');
    expect(kinds).not.toContain('webhook');
    const part = await t.visit(`/dashboard/messages/${messageId}/timeline`, { as: user });
    expect(await part.text()).toContain('/dashboard/developers/requests/');
    const other = await t.tenant();
    expect((await t.call(`/message/${messageId}/timeline`, { token: other.token })).status).toBe(404);
  });
});

describe('what is forgotten', () => {
  const rowOf = (userId: number, at: number) => {
    const id = newId(at);
    const call = {
      id,
      userId,
      method: 'GET',
      route: '/session/list',
      path: '/session/list',
      status: 200,
      durationMs: 1,
      via: 'api_key' as const,
      actorId: userId,
      requestId: 'r',
      at,
    };
    return { call, body: { id, userId, request: '{}', response: null } };
  };

  it('bodies after 7 days, calls after 30, and of each tenant all but the newest', async () => {
    const [first, second] = [await t.tenant(), await t.tenant()];
    const now = t.deps.clock.now();
    const rows = [
      ...[31, 8, 1, 0].map((days) => rowOf(first.id, now - days * DAY_MS)),
      rowOf(second.id, now - DAY_MS),
    ];
    await t.deps.db.insert(apiRequests).values(rows.map(({ call }) => call));
    await t.deps.db.insert(apiRequestBodies).values(rows.map(({ body }) => body));
    const left = async (table: typeof apiRequests | typeof apiRequestBodies, userId: number) =>
      (await t.deps.db.select({ id: table.id }).from(table).where(eq(table.userId, userId))).length;
    await deleteOldRequests(t.deps, signal);
    expect(await left(apiRequests, first.id)).toBe(3);
    expect(await left(apiRequestBodies, first.id)).toBe(2);
    await deleteSurplusRequests(t.deps, signal, 2);
    expect(await left(apiRequests, first.id)).toBe(2);
    expect(await left(apiRequests, second.id)).toBe(1);
  });
});

it('a body is bounded, whatever it holds', () => {
  const deep: Record<string, unknown> = {};
  let at = deep;
  for (let i = 0; i < 50; i++) at = at.data = {} as Record<string, unknown>;
  expect(harmlessJson(deep)?.length).toBeLessThan(200);
  const wide = { data: Array.from({ length: 5_000 }, (_, i) => ({ id: String(i), text: 'x'.repeat(500) })) };
  expect(harmlessJson(wide)?.length).toBeLessThan(1_000);
  expect(harmlessJson({ status: 'x'.repeat(10_000) })?.length).toBeLessThan(300);
  expect(harmlessJson({ list: [1234, '4829'], code: 482_913, sent: true })).toBe(
    '{"list":["[redacted]","[redacted]"],"code":"[redacted]","sent":true}',
  );
  expect(harmlessJson('text')).toBeNull();
  for (const name of ['content', 'fields', 'contacts', 'variables', 'sections', 'buttons', 'of-the-caller']) {
    const below = { data: [{ [name]: { id: 'x', rows: [{ status: 'x' }] } }] };
    expect(harmlessJson(below)).not.toContain('x"');
  }
  expect(harmlessJson({ '482913': '', 'what she said': 1 })).toBe('{"[redacted]":"[redacted]"}');
});

/** Plans, what they change at once, what administrators see, and workspaces that are suspended. On both databases. */
import { eq } from 'drizzle-orm';
import { afterAll, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest';
import { auditEntries, whatsappAccounts } from '../../src/db/schema.ts';
import { PRIORITIES } from '../../src/queue/priority.ts';
import { queueHold } from '../../src/queue/session-state.ts';
import { enterAs } from '../broadcast/fixture.ts';
import { type Call, openTestApp, type Reply, type Tenant, type TestApp } from '../helpers/app.ts';

let t: TestApp;
let admin: Tenant;
let tenant: Tenant;
let accountId: string;
beforeAll(async () => {
  t = await openTestApp();
  admin = await t.tenant('admin');
});
afterAll(() => t.close());
beforeEach(async () => {
  tenant = await t.tenant();
  accountId = (await enterAs(t, tenant)).accountId;
});

const as = (who: Tenant, method: string, path: string, body?: unknown): Promise<Reply> =>
  t.call(path, { method, token: who.token, ...(body === undefined ? {} : { body }) } satisfies Call);
const send = (i = 1) =>
  as(tenant, 'POST', '/message/send-text', { session: 'main', to: `+6281234${10_000 + i}`, text: 'hi' });
let made = 0;
async function plan(limits: Record<string, number>): Promise<string> {
  const reply = await as(admin, 'POST', '/plan/create', { name: `Plan ${++made}`, limits });
  expect(reply.status).toBe(201);
  return String(Object(reply.body.data).id);
}
const give = (body: object) => as(admin, 'PUT', `/workspace/${tenant.id}/plan`, body);
const account = async () => {
  const [row] = await t.deps.db.select().from(whatsappAccounts).where(eq(whatsappAccounts.id, accountId));
  if (!row) throw new Error('no session');
  return row;
};

describe('plans', () => {
  test('limit the workspaces that have them; limits of a workspace go first, and both can be taken back', async () => {
    const id = await plan({ messagesPerDay: 1, webhooks: 0 });
    expect((await give({ planId: id })).status).toBe(200);
    expect((await send(1)).status).toBe(202);
    expect((await send(2)).body).toMatchObject({
      code: 'QUOTA_EXCEEDED',
      details: { quota: 'messagesPerDay', limit: 1 },
    });
    await give({ limits: { messagesPerDay: 2 } });
    expect((await send(2)).status).toBe(202);
    expect((await send(3)).status).toBe(429);
    await as(admin, 'PUT', `/plan/${id}`, { limits: {} });
    await give({ limits: {} });
    expect((await send(3)).status).toBe(202);
  });

  test('that are in use are not deleted; a name is there once', async () => {
    const id = await plan({ sessions: 2 });
    await give({ planId: id });
    expect((await as(admin, 'DELETE', `/plan/${id}`)).status).toBe(409);
    expect((await as(admin, 'POST', '/plan/create', { name: `Plan ${made}`, limits: {} })).status).toBe(409);
    await give({ planId: null });
    expect((await as(admin, 'DELETE', `/plan/${id}`)).status).toBe(200);
    expect((await give({ planId: id })).status).toBe(404);
  });

  test('are for administrators alone', async () => {
    for (const [method, path, body] of [
      ['GET', '/plan/list', undefined],
      ['POST', '/plan/create', { name: 'x', limits: {} }],
      ['GET', '/workspace/list', undefined],
      ['PUT', `/workspace/${tenant.id}/plan`, { planId: null }],
      ['POST', `/workspace/${tenant.id}/suspend`, {}],
      ['POST', `/workspace/${tenant.id}/resume`, {}],
    ] as const) {
      expect((await as(tenant, method, path, body)).status, path).toBe(403);
    }
  });

  test('refuse a limit that is no number, and none of requests', async () => {
    for (const limits of [{ sessions: -1 }, { requestsPerMinute: 0 }]) {
      const reply = await as(admin, 'POST', '/plan/create', { name: 'bad', limits });
      expect(reply).toMatchObject({ status: 400, body: { code: 'VALIDATION_FAILED' } });
    }
  });

  test('of requests lock nobody out of their account, and no administrator out of the service', async () => {
    const limits = { requestsPerMinute: 1 };
    await give({ limits });
    // Of three in a row two are of the same minute.
    const ask = async (who: Tenant) => {
      const statuses = [];
      for (let i = 0; i < 3; i++) statuses.push((await as(who, 'GET', '/session/list')).status);
      return statuses;
    };
    expect(await ask(tenant)).toContain(429);
    expect((await as(tenant, 'GET', '/auth/me')).status).toBe(200);
    expect((await as(tenant, 'GET', '/usage')).status).toBe(200);
    const boss = await t.tenant('admin');
    const own = (body: object) => as(boss, 'PUT', `/workspace/${boss.id}/plan`, body);
    for (let i = 0; i < 3; i++) expect((await own({ limits })).status).toBe(200);
    expect(await ask(boss)).toContain(429);
    expect((await own({ limits: {} })).status).toBe(200);
    expect(await ask(boss)).toEqual([200, 200, 200]);
  });
});

describe('usage of a month', () => {
  test('is told by day, session, type, engine and category, and as CSV', async () => {
    for (const i of [1, 2]) await send(i);
    await as(tenant, 'POST', '/otp/send', { session: 'main', to: '+6281234567890' });
    const day = new Date(t.deps.clock.now()).toISOString().slice(0, 10);
    const month = day.slice(0, 7);
    const { engine } = t.deps.config;
    const told = await as(tenant, 'GET', `/usage?month=${month}`);
    expect(told.body.usage).toEqual({
      month,
      total: 3,
      byDay: [{ day, count: 3 }],
      bySession: [{ sessionId: 'main', count: 3 }],
      byKind: [
        { kind: 'otp', count: 1 },
        { kind: 'text', count: 2 },
      ],
      byEngine: [{ engine, count: 3 }],
      byCategory: [
        { category: 'message', count: 2 },
        { category: 'otp', count: 1 },
      ],
    });
    const csv = await as(tenant, 'GET', `/usage?month=${month}&format=csv`);
    expect(csv.headers.get('content-type')).toContain('text/csv');
    expect(csv.text.split('\r\n')).toEqual([
      'day,session,kind,engine,category,count',
      `${day},main,otp,${engine},otp,1`,
      `${day},main,text,${engine},message,2`,
      '',
    ]);
    const accepted = await t.call('/usage', { token: tenant.token, headers: { accept: 'text/csv' } });
    expect(accepted.text).toBe(csv.text);
    const empty = await as(tenant, 'GET', '/usage?month=2020-01');
    expect(empty.body.usage).toMatchObject({ total: 0, byDay: [] });
    expect((await as(tenant, 'GET', '/usage?month=2020-13')).status).toBe(400);
    const other = await t.tenant();
    expect((await as(other, 'GET', `/usage?month=${month}&userId=${tenant.id}`)).status).toBe(403);
    const seen = await as(admin, 'GET', `/usage?month=${month}&userId=${tenant.id}`);
    expect(seen.body.usage).toEqual(told.body.usage);
  });

  test('of all workspaces is listed for administrators, and exported', async () => {
    await send();
    const found: Record<string, unknown>[] = [];
    for (let page = 1; page < 50; page++) {
      const { body } = await as(admin, 'GET', `/workspace/list?limit=200&page=${page}`);
      const rows = body.data;
      if (!Array.isArray(rows) || rows.length === 0) break;
      found.push(...rows.filter(({ id }) => id === tenant.id));
    }
    expect(found).toMatchObject([
      { members: 1, sessions: 1, messages: 1, byCategory: { message: 1 }, suspendedAt: null },
    ]);
    const csv = await as(admin, 'GET', '/workspace/list?format=csv');
    expect(csv.text).toMatch(new RegExp(`\\r\\n${tenant.id},[^\\r]*,1,1,0,0\\r\\n`));
  });
});

describe('a suspended workspace', () => {
  const suspend = () =>
    as(admin, 'POST', `/workspace/${tenant.id}/suspend`, { reason: 'The invoice is open.' });

  test('is told why, holds what waits, keeps everything, and goes on where it was', async () => {
    await send();
    expect((await suspend()).status).toBe(200);
    for (const reply of [
      await send(2),
      await t.call('/session/list', { apiKey: tenant.apiKey }),
      await as(tenant, 'POST', '/session/create', { sessionId: 'more' }),
    ]) {
      expect(reply).toMatchObject({
        status: 403,
        body: { code: 'WORKSPACE_SUSPENDED', details: { reason: 'The invoice is open.' } },
      });
      expect(reply.body.message).toContain('The invoice is open.');
    }
    expect((await as(tenant, 'GET', '/workspace')).status).toBe(200);
    expect((await as(tenant, 'GET', '/usage')).status).toBe(200);
    const signedIn = await t.call('/auth/login', {
      method: 'POST',
      body: { email: tenant.email, password: tenant.password },
    });
    expect(signedIn.status).toBe(200);
    const now = t.deps.clock.now();
    for (const priority of [PRIORITIES.high, PRIORITIES.normal, PRIORITIES.low]) {
      expect(queueHold(await account(), now, priority)).toMatchObject({
        reason: 'workspace_suspended',
        until: null,
        everybody: true,
      });
    }
    await as(admin, 'POST', `/workspace/${tenant.id}/resume`);
    expect(queueHold(await account(), now, PRIORITIES.high)).toBeNull();
    expect(await as(tenant, 'GET', '/message/queue-status?session=main')).toMatchObject({
      status: 200,
      body: { pending: 1 },
    });
    expect((await send(2)).status).toBe(202);
    const entries = await t.deps.db.select().from(auditEntries).where(eq(auditEntries.userId, tenant.id));
    expect(entries.map(({ event, actorId }) => [event, actorId])).toEqual(
      expect.arrayContaining([
        ['workspace.suspended', admin.id],
        ['workspace.resumed', admin.id],
      ]),
    );
  });

  test('does not take a pause of a person with it', async () => {
    await as(tenant, 'POST', '/message/pause-queue', { session: 'main' });
    await suspend();
    await as(admin, 'POST', `/workspace/${tenant.id}/resume`);
    const hold = queueHold(await account(), t.deps.clock.now(), PRIORITIES.high);
    expect(hold).toMatchObject({ reason: 'paused' });
  });

  test('cannot be the one that its administrator works in, and must be there', async () => {
    expect((await as(admin, 'POST', `/workspace/${admin.id}/suspend`, {})).status).toBe(409);
    expect((await as(admin, 'POST', '/workspace/2147483647/suspend', {})).status).toBe(404);
    expect((await as(admin, 'POST', '/workspace/2147483647/resume', {})).status).toBe(404);
  });
});

test('what was done with a session is told as done, also when it cannot be recorded', async () => {
  const { outbox } = t.deps.stream;
  if (outbox === null) throw new Error('no outbox');
  const unhandle = t.deps.commands.handle(() => Promise.resolve({} as never));
  const write = vi.spyOn(outbox, 'write').mockRejectedValue(new Error('no room on the disk'));
  try {
    const reply = await as(tenant, 'POST', '/session/restart', { sessionId: 'main' });
    expect(reply.status, reply.text).toBe(200);
    expect(write).toHaveBeenCalledOnce();
    expect(t.lines).toContainEqual(
      expect.objectContaining({ level: 'error', event: 'session.restarted', sessionId: 'main' }),
    );
  } finally {
    write.mockRestore();
    unhandle();
  }
});

import { eq } from 'drizzle-orm';
import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import {
  activityLogs,
  apiKeys,
  idempotencyKeys,
  messageQueue,
  messages,
  waContacts,
  whatsappAccounts,
} from '../../src/db/schema.ts';
import { AppError } from '../../src/utils/errors.ts';
import { newId } from '../../src/utils/ids.ts';
import type { Tenant } from '../helpers/tenant.ts';
import { CODE, openSessionApp, QR, type SessionApp, untilStatus } from './session-app.ts';

let t: SessionApp;
let tenant: Tenant;
let api: ReturnType<SessionApp['as']>;
let phoneCount = 0;

beforeAll(async () => {
  t = await openSessionApp();
});
afterAll(() => t.close());
beforeEach(async () => {
  tenant = await t.tenant();
  api = t.as(tenant);
  t.engine.onOpen = t.showSecret;
});

const newPhone = () => `62812000${String(++phoneCount).padStart(5, '0')}`;

async function accountOf(userId: number, sessionId: string) {
  const rows = await t.deps.db.select().from(whatsappAccounts).where(eq(whatsappAccounts.userId, userId));
  const row = rows.find((one) => one.sessionId === sessionId);
  if (!row) throw new Error(`no session ${sessionId}`);
  return row;
}

async function link(sessionId: string, phone: string): Promise<string> {
  expect((await api.post('/session/create', { sessionId })).status).toBe(201);
  const { id } = await accountOf(tenant.id, sessionId);
  t.engine.connect(id, phone);
  await untilStatus(() => api.get(`/session/status?session=${sessionId}`), 'connected');
  return id;
}

describe('create', () => {
  it("answers the document's example with a QR and links that open it", async () => {
    const reply = await api.post('/session/create', {
      sessionId: 'my-session',
      phoneNumber: '+6281234567890',
    });
    expect(reply).toMatchObject({
      status: 201,
      body: {
        success: true,
        data: {
          sessionId: 'my-session',
          session: 'my-session',
          status: 'qr',
          phoneNumber: '+6281234567890',
          qr: QR,
          qrCode: expect.stringMatching(/^data:image\/png;base64,iVBOR/),
          qrPageUrl: expect.stringMatching(/^http:\/\/hub\.test\/session\/qr-page\/my-session\?.*sig=/),
          qrImageUrl: expect.stringMatching(/^http:\/\/hub\.test\/session\/qr-image\/my-session\?.*sig=/),
          eventsUrl: expect.stringMatching(/^http:\/\/hub\.test\/session\/events\?session=my-session&.*sig=/),
          expiresAt: expect.stringMatching(/^\d{4}-.*\.\d{3}Z$/),
        },
      },
    });
    expect(reply.headers.get('cache-control')).toBe('no-store');
  });

  it('does not show the phone that is asked for as one that is linked', async () => {
    await api.post('/session/create', { sessionId: 'awaited', phoneNumber: '+6281234500077' });
    const phone = { phoneNumber: null, expectedPhone: '+6281234500077' };
    const { body } = await api.get('/session/status?session=awaited');
    expect(body.data).toMatchObject({ ...phone, user: null, isConnected: false });
    const listed = await api.get('/session/list');
    expect(listed.body.data).toEqual(
      expect.arrayContaining([expect.objectContaining({ sessionId: 'awaited', ...phone })]),
    );
    const { clients } = (await api.get('/api/whatsapp/clients')).body;
    expect(clients).toEqual([]);
  });

  it('makes a name when none is given, and takes `session` and `phone` for the fields', async () => {
    const made = await api.post('/session/create', {});
    expect(made.body.data).toMatchObject({ sessionId: expect.stringMatching(/^session-[0-9a-f]{12}$/) });
    const named = await api.post('/session/create', { session: 'alias', phone: '0812 3456 789' });
    expect(named.body.data).toMatchObject({ sessionId: 'alias', phoneNumber: '+628123456789' });
  });

  it('links by a pairing code', async () => {
    const reply = await api.post('/session/create', {
      sessionId: 'coded',
      phoneNumber: newPhone(),
      pairing: 'code',
    });
    expect(reply.body.data).toMatchObject({ status: 'qr', pairingCode: CODE });
    expect(reply.body.data).not.toHaveProperty('qr');
    expect(await api.get('/session/qr/coded')).toMatchObject({
      status: 200,
      body: { pairingCode: CODE, qr: null, qrCode: null },
    });
    for (const path of ['/session/qr-image/coded', '/api/whatsapp/coded/qrcode']) {
      expect(await api.get(path)).toMatchObject({ status: 409, body: { code: 'CONFLICT' } });
    }
    expect((await api.post('/session/create', { sessionId: 'x', pairing: 'code' })).body).toMatchObject({
      code: 'VALIDATION_FAILED',
      details: { phoneNumber: expect.any(String) },
    });
  });

  it.each([
    [{ sessionId: '' }, 'VALIDATION_FAILED'],
    [{ sessionId: 'a/b' }, 'VALIDATION_FAILED'],
    [{ sessionId: '..' }, 'VALIDATION_FAILED'],
    [{ sessionId: 'x'.repeat(101) }, 'VALIDATION_FAILED'],
    [{ sessionId: [5] }, 'VALIDATION_FAILED'],
    [{ pairing: 'smoke' }, 'VALIDATION_FAILED'],
    [{ phoneNumber: 'nobody' }, 'INVALID_NUMBER'],
  ])('refuses %j with %s', async (body, code) => {
    expect(await api.post('/session/create', body)).toMatchObject({ status: 400, body: { code } });
  });

  it('answers 409 with the session for one that exists, whether it pairs or is connected', async () => {
    await api.post('/session/create', { sessionId: 'twice' });
    const again = await api.post('/session/create', { sessionId: 'twice' });
    expect(again).toMatchObject({
      status: 409,
      body: { code: 'SESSION_EXISTS', details: { session: { sessionId: 'twice', status: 'qr' } } },
    });
    await link('linked', newPhone());
    expect((await api.post('/session/create', { sessionId: 'linked' })).body).toMatchObject({
      code: 'SESSION_EXISTS',
      details: { session: { status: 'connected' } },
    });
  });

  it('begins again for a session that was logged out or whose pairing expired', async () => {
    await link('again', newPhone());
    await api.post('/session/logout', { sessionId: 'again' });
    expect(await api.post('/session/create', { sessionId: 'again' })).toMatchObject({
      status: 201,
      body: { data: { status: 'qr', qr: QR, phoneNumber: null } },
    });
    const { id } = await accountOf(tenant.id, 'again');
    t.engine.end(id, 'pairing_expired');
    await untilStatus(() => api.get('/session/status?session=again'), 'disconnected');
    expect((await api.post('/session/create', { sessionId: 'again' })).status).toBe(201);
  });

  it('refuses a phone that has an active session of this tenant, and tells other tenants nothing', async () => {
    const phone = newPhone();
    await link('first', phone);
    expect(
      await api.post('/session/create', { sessionId: 'second', phoneNumber: `+${phone}` }),
    ).toMatchObject({
      status: 409,
      body: { code: 'DUPLICATE_PHONE' },
    });
    expect((await api.get('/session/status?session=second')).status).toBe(404);
    const other = t.as(await t.tenant());
    expect((await other.post('/session/create', { phoneNumber: phone })).status).toBe(201);
    expect((await other.post('/session/check-phone', { phoneNumber: phone })).body).toMatchObject({
      hasActiveSession: false,
    });
  });

  it('repeats the first answer to the same key without keeping the QR or a signature', async () => {
    const key = { 'idempotency-key': 'create-1' };
    const first = await api.post('/session/create', { sessionId: 'once' }, key);
    expect(first.body.data).toMatchObject({ qr: QR });
    const second = await api.post('/session/create', { sessionId: 'once' }, key);
    expect(second.status).toBe(201);
    expect(second.headers.get('idempotent-replayed')).toBe('true');
    expect(second.body.data).toMatchObject({ sessionId: 'once' });
    const kept = await t.deps.db.select().from(idempotencyKeys).where(eq(idempotencyKeys.userId, tenant.id));
    expect(kept).toHaveLength(1);
    expect(JSON.stringify(kept)).not.toMatch(/qr-secret|base64|sig=/);
  });

  it('that begins again while its owner cannot be asked fails under a key, and is tried again under it', async () => {
    await link('asleep', newPhone());
    await api.post('/session/logout', { sessionId: 'asleep' });
    const key = { 'idempotency-key': 'create-2' };
    const run = vi.spyOn(t.deps.commands, 'run');
    run.mockRejectedValueOnce(new AppError('UNAVAILABLE', 'Its owner does not answer.'));
    const failed = await api.post('/session/create', { sessionId: 'asleep' }, key);
    expect(failed).toMatchObject({ status: 503, body: { code: 'UNAVAILABLE' } });
    const again = await api.post('/session/create', { sessionId: 'asleep' }, key);
    expect(again).toMatchObject({ status: 201, body: { data: { status: 'qr', qr: QR } } });
    expect(again.headers.get('idempotent-replayed')).toBeNull();
    run.mockRestore();
  });

  it('waits for a QR that comes late, and answers without one when the session ends before', async () => {
    t.engine.onOpen = (accountId, pairing) => setTimeout(() => t.showSecret(accountId, pairing), 400);
    expect((await api.post('/session/create', { sessionId: 'late' })).body.data).toMatchObject({ qr: QR });
    t.engine.onOpen = (accountId) => setImmediate(() => t.engine.end(accountId, 'forbidden'));
    const refused = await api.post('/session/create', { sessionId: 'refused' });
    expect(refused).toMatchObject({ status: 201, body: { data: { status: 'failed' } } });
    expect(refused.body.data).not.toHaveProperty('qr');
  });
});

describe('list, status and QR', () => {
  it("answers the document's examples", async () => {
    const phone = newPhone();
    await link('session1', phone);
    expect((await api.get('/session/list')).body).toMatchObject({
      success: true,
      data: [
        {
          sessionId: 'session1',
          phoneNumber: `+${phone}`,
          status: 'connected',
          userId: tenant.id,
          name: 'Shop',
          lastSeen: expect.any(String),
          createdAt: expect.stringMatching(/\.\d{3}Z$/),
          updatedAt: expect.stringMatching(/\.\d{3}Z$/),
        },
      ],
      pagination: { page: 1, totalItems: 1, totalPages: 1 },
    });
    expect((await api.get('/session/status?session=session1')).body.data).toMatchObject({
      sessionId: 'session1',
      isConnected: true,
      reason: null,
      user: { id: `${phone}@s.whatsapp.net`, name: 'Shop', phone: `+${phone}` },
      connectedAt: expect.any(String),
      disconnectedAt: null,
      qrGenerated: null,
      deviceInfo: { platform: 'android' },
      errorMessage: null,
    });
    expect((await api.post('/session/check-phone', { phoneNumber: `+${phone}` })).body).toMatchObject({
      hasActiveSession: true,
    });
    expect(await api.get('/session/qr/session1')).toMatchObject({
      status: 409,
      body: { code: 'ALREADY_CONNECTED' },
    });
  });

  it('stays an alarm while it is linked again, until it is there', async () => {
    const phone = newPhone();
    const id = await link('otp-1', phone);
    t.engine.end(id, 'logged_out');
    await untilStatus(() => api.get('/session/status?session=otp-1'), 'logged_out');
    const alarms = async () => (await api.get('/alarms')).body.data as { kind: string; since: string }[];
    const [ended] = await alarms();
    expect(ended).toMatchObject({ kind: 'session_ended', since: expect.any(String) });
    const again = await api.post('/session/create', { sessionId: 'otp-1', phoneNumber: `+${phone}` });
    expect(again).toMatchObject({ status: 201, body: { data: { status: 'qr' } } });
    expect(await accountOf(tenant.id, 'otp-1')).toMatchObject({ phoneNumber: null, expectedPhone: phone });
    expect(await alarms()).toMatchObject([{ kind: 'link_needed', since: ended?.since }]);
    t.engine.connect(id, phone);
    await untilStatus(() => api.get('/session/status?session=otp-1'), 'connected');
    expect(await alarms()).toEqual([]);
  });

  it('has no time for what no date can say', async () => {
    const id = await link('session1', newPhone());
    await t.deps.db
      .update(whatsappAccounts)
      .set({ connectedAt: 9_000_000_000_000_000, disconnectedAt: 0 })
      .where(eq(whatsappAccounts.id, id));
    expect((await api.get('/session/status?session=session1')).body.data).toMatchObject({
      connectedAt: null,
      disconnectedAt: '1970-01-01T00:00:00.000Z',
    });
  });

  it('gives the QR as JSON and as an image, never to a cache', async () => {
    await api.post('/session/create', { sessionId: 'shown' });
    const json = await api.get('/session/qr/shown');
    expect(json.body).toMatchObject({
      sessionId: 'shown',
      qr: QR,
      qrCode: expect.stringMatching(/^data:image\/png;base64,/),
      expiresAt: expect.any(String),
    });
    expect(json.headers.get('cache-control')).toBe('no-store');
    const image = await t.app.request('/session/qr-image/shown', { headers: { 'x-api-key': tenant.apiKey } });
    expect(image.headers.get('content-type')).toBe('image/png');
    expect(image.headers.get('cache-control')).toBe('no-store');
    const png = Buffer.from(await image.arrayBuffer());
    expect(png.subarray(1, 4).toString()).toBe('PNG');
    expect(json.body.qrCode).toBe(`data:image/png;base64,${png.toString('base64')}`);
    expect((await api.get('/session/status?session=shown')).body.data).toMatchObject({
      qrGenerated: expect.any(String),
      isConnected: false,
      user: null,
    });
  });

  it('says QR_NOT_READY with Retry-After while there is none', async () => {
    t.engine.onOpen = (accountId) => setImmediate(() => t.engine.end(accountId, 'forbidden'));
    await api.post('/session/create', { sessionId: 'dead' });
    const reply = await api.get('/session/qr/dead');
    expect(reply).toMatchObject({
      status: 404,
      body: { code: 'QR_NOT_READY', details: { status: 'failed' } },
    });
    expect(Number(reply.headers.get('retry-after'))).toBeGreaterThan(0);
  });

  it('begins an expired pairing again, but not for somebody who may only read', async () => {
    await api.post('/session/create', { sessionId: 'renewed' });
    const { id } = await accountOf(tenant.id, 'renewed');
    t.engine.end(id, 'pairing_expired');
    await untilStatus(() => api.get('/session/status?session=renewed'), 'disconnected');
    await t.deps.db
      .update(apiKeys)
      .set({ scopes: ['read'] })
      .where(eq(apiKeys.userId, tenant.id));
    t.deps.credentials.forget(tenant.id);
    expect((await api.get('/session/qr/renewed')).body).toMatchObject({ code: 'QR_NOT_READY' });
    await t.deps.db
      .update(apiKeys)
      .set({ scopes: ['*'] })
      .where(eq(apiKeys.userId, tenant.id));
    t.deps.credentials.forget(tenant.id);
    expect((await api.get('/session/qr/renewed')).body).toMatchObject({ qr: QR });
  });

  it('pages when asked to, and lists all otherwise', async () => {
    for (const sessionId of ['a', 'b', 'c']) await api.post('/session/create', { sessionId });
    const names = (body: Record<string, unknown>) =>
      (Array.isArray(body.data) ? body.data : []).map((row: { sessionId: string }) => row.sessionId);
    expect(names((await api.get('/session/list')).body)).toEqual(['a', 'b', 'c']);
    const page = await api.get('/session/list?page=2&limit=2');
    expect(names(page.body)).toEqual(['c']);
    expect(page.body.pagination).toEqual({ page: 2, limit: 2, totalItems: 3, totalPages: 2 });
  });
});

describe('restart, logout, delete, cleanup', () => {
  it('restarts with the same credentials', async () => {
    const phone = newPhone();
    const id = await link('restarted', phone);
    t.engine.onOpen = (accountId) => setImmediate(() => t.engine.connect(accountId, phone));
    const reply = await api.post('/session/restart', { sessionId: 'restarted' });
    expect(reply).toMatchObject({ status: 200, body: { success: true, data: { sessionId: 'restarted' } } });
    await untilStatus(() => api.get('/session/status?session=restarted'), 'connected');
    expect(t.erased).not.toContain(id);
  });

  it('logs out: unlinked, erased, phone free, session kept', async () => {
    const phone = newPhone();
    const id = await link('leaving', phone);
    expect((await api.post('/session/logout', { sessionId: 'leaving' })).body).toMatchObject({
      success: true,
      data: { status: 'logged_out', reason: 'logout', confirmed: true, isConnected: false, user: null },
    });
    expect(t.engine.logouts).toContain(id);
    expect(t.erased).toContain(id);
    expect((await api.post('/session/check-phone', { phoneNumber: phone })).body).toMatchObject({
      hasActiveSession: false,
    });
    expect((await api.get('/session/list')).body.data).toHaveLength(1);
  });

  it('deletes: queue canceled, contacts gone, history kept, the name free again', async () => {
    const id = await link('doomed', newPhone());
    const at = Date.now();
    const base = { userId: tenant.id, accountId: id, messageId: 'WIRE1' };
    const messageRow = newId();
    const phone = '6281234567890';
    const peer = `${phone}@s.whatsapp.net`;
    const text = {
      sessionId: 'doomed',
      direction: 'out',
      peer,
      phone,
      type: 'text',
      content: {},
    } as const;
    const row = { recipient: peer, status: 'pending', priority: 1, availableAt: at } as const;
    const sent = { ...base, id: newId(), messageId: 'WIRE2' };
    await t.deps.db.insert(messages).values([
      { ...base, ...text, id: messageRow, status: 'queued', createdAt: at, updatedAt: at },
      // A receipt has settled it; its row is about to go.
      { ...sent, ...text, status: 'sent', createdAt: at, updatedAt: at },
    ]);
    await t.deps.db.insert(messageQueue).values([
      { ...base, ...row, id: messageRow },
      { ...sent, ...row },
    ]);
    await t.deps.db.insert(waContacts).values({ accountId: id, lid: 'l', phone: '1', updatedAt: at });
    expect(await api.del('/session/doomed')).toMatchObject({
      status: 200,
      body: { success: true, data: { sessionId: 'doomed' } },
    });
    expect((await api.get('/session/status?session=doomed')).body).toMatchObject({
      code: 'SESSION_NOT_FOUND',
    });
    expect((await api.del('/session/doomed')).status).toBe(404);
    const [message] = await t.deps.db.select().from(messages).where(eq(messages.id, messageRow));
    expect(message).toMatchObject({ status: 'canceled', errorCode: 'SESSION_DELETED' });
    expect(await t.deps.db.select().from(messageQueue).where(eq(messageQueue.accountId, id))).toEqual([]);
    expect(await t.deps.db.select().from(waContacts).where(eq(waContacts.accountId, id))).toEqual([]);
    const facts = await t.deps.db.select().from(activityLogs).where(eq(activityLogs.accountId, id));
    const bySeq = facts.sort((a, b) => (a.seq ?? 0) - (b.seq ?? 0)).map((row) => row.event);
    expect(bySeq.slice(-3)).toEqual(['session.status', 'message.canceled', 'session.deleted']);
    expect(facts.every((row, i) => row.seq === i + 1)).toBe(true);
    expect(facts.filter((row) => row.event === 'message.canceled').map((row) => row.data)).toEqual([
      expect.objectContaining({
        messageId: 'WIRE1',
        to: '+6281234567890',
        type: 'text',
        status: 'canceled',
        errorCode: 'SESSION_DELETED',
        timestamp: expect.any(String),
      }),
    ]);
    expect((await api.post('/session/create', { sessionId: 'doomed' })).status).toBe(201);
  });

  it('cleans up what is of no use and old enough, and nothing that can reconnect', async () => {
    const old = Date.now() - 48 * 3_600_000;
    await link('kept-connected', newPhone());
    await link('gone-logged-out', newPhone());
    await api.post('/session/logout', { sessionId: 'gone-logged-out' });
    await link('kept-replaced', newPhone());
    t.engine.end((await accountOf(tenant.id, 'kept-replaced')).id, 'replaced');
    await api.post('/session/create', { sessionId: 'gone-never-paired' });
    t.engine.end((await accountOf(tenant.id, 'gone-never-paired')).id, 'pairing_expired');
    await untilStatus(() => api.get('/session/status?session=gone-never-paired'), 'disconnected');
    await untilStatus(() => api.get('/session/status?session=kept-replaced'), 'replaced');
    await api.post('/session/create', { sessionId: 'kept-pairing' });
    await t.deps.db
      .update(whatsappAccounts)
      .set({ updatedAt: old })
      .where(eq(whatsappAccounts.userId, tenant.id));
    await api.post('/session/create', { sessionId: 'kept-young' });
    await api.post('/session/logout', { sessionId: 'kept-young' });
    expect((await api.post('/session/cleanup', { hours: 24 })).body).toMatchObject({ removed: 2 });
    const left = await t.deps.db
      .select()
      .from(whatsappAccounts)
      .where(eq(whatsappAccounts.userId, tenant.id));
    expect(left.map((row) => row.sessionId).sort()).toEqual([
      'kept-connected',
      'kept-pairing',
      'kept-replaced',
      'kept-young',
    ]);
  });
});

describe('tenants', () => {
  it('two have a session of the same name and never meet', async () => {
    const otherTenant = await t.tenant();
    const other = t.as(otherTenant);
    const mine = newPhone();
    await link('main', mine);
    expect((await other.post('/session/create', { sessionId: 'main' })).status).toBe(201);
    expect((await other.get('/session/list')).body.data).toMatchObject([
      { sessionId: 'main', status: 'qr', userId: otherTenant.id },
    ]);
    await other.post('/session/logout', { sessionId: 'main' });
    expect((await api.get('/session/status?session=main')).body.data).toMatchObject({
      status: 'connected',
      phoneNumber: `+${mine}`,
    });
  });

  it("another's session answers exactly as one that does not exist", async () => {
    await link('private', newPhone());
    const other = t.as(await t.tenant());
    const calls = [
      () => other.get('/session/status?session=private'),
      () => other.get('/session/qr/private'),
      () => other.get('/session/qr-image/private'),
      () => other.get('/session/qr-page/private'),
      () => other.get('/session/events?session=private'),
      () => other.post('/session/restart', { sessionId: 'private' }),
      () => other.post('/session/logout', { sessionId: 'private' }),
      () => other.del('/session/private'),
    ];
    for (const call of calls) {
      expect(await call()).toMatchObject({ status: 404, body: { code: 'SESSION_NOT_FOUND' } });
    }
    expect((await api.get('/session/status?session=private')).body.data).toMatchObject({ isConnected: true });
  });

  it('an admin reads those of others by name, a user does not', async () => {
    await link('watched', newPhone());
    const admin = await t.tenant('admin');
    const asAdmin = (path: string) => t.call(path, { token: admin.token });
    expect((await asAdmin(`/session/status?session=watched&userId=${tenant.id}`)).status).toBe(200);
    expect((await asAdmin('/session/status?session=watched')).status).toBe(404);
    expect((await asAdmin(`/session/list?userId=${tenant.id}`)).body.data).toHaveLength(1);
    expect((await api.get(`/session/list?userId=${admin.id}`)).status).toBe(403);
    expect((await api.get('/session/list?all=true')).status).toBe(403);
  });

  it('a read-only user sees everything and changes nothing', async () => {
    const reader = t.as(await t.tenant('readonly'));
    expect((await reader.get('/session/list')).status).toBe(200);
    expect((await reader.post('/session/check-phone', { phoneNumber: newPhone() })).status).toBe(200);
    for (const [path, body] of [
      ['/session/create', { sessionId: 'x' }],
      ['/session/restart', { sessionId: 'x' }],
      ['/session/logout', { sessionId: 'x' }],
      ['/session/cleanup', { hours: 1 }],
    ] as const) {
      expect((await reader.post(path, body)).status).toBe(403);
    }
    expect((await reader.del('/session/x')).status).toBe(403);
  });

  it('a key that is bound to one session knows no other', async () => {
    await link('bound', newPhone());
    await link('outside', newPhone());
    await t.deps.db.update(apiKeys).set({ sessionId: 'bound' }).where(eq(apiKeys.userId, tenant.id));
    t.deps.credentials.forget(tenant.id);
    expect((await api.get('/session/list')).body.data).toMatchObject([{ sessionId: 'bound' }]);
    expect((await api.get('/session/status?session=outside')).status).toBe(404);
    expect((await api.del('/session/outside')).status).toBe(404);
    expect((await api.post('/session/create', { sessionId: 'new' })).status).toBe(404);
  });
});

describe('links and the page', () => {
  it('open without a credential for their session only', async () => {
    const { data } = (await api.post('/session/create', { sessionId: 'linked-page' })).body;
    const links = Object(data);
    const pathOf = (url: string) => url.replace('http://hub.test', '');
    const page = await t.call(pathOf(links.qrPageUrl));
    expect(page.status).toBe(200);
    expect(page.headers.get('content-type')).toContain('text/html');
    expect(page.headers.get('cache-control')).toBe('no-store');
    const policy = page.headers.get('content-security-policy') ?? '';
    expect(policy).toContain("script-src 'self'");
    expect(policy).not.toContain('unsafe');
    expect(page.text).not.toMatch(/<script>|style=|onclick=/);
    expect(page.text).not.toContain('qr-secret');
    expect((await t.call(pathOf(links.qrImageUrl))).status).toBe(200);
    expect((await t.call(pathOf(links.qrPageUrl).replace('linked-page', 'other'))).status).toBe(401);
    expect((await t.call('/session/qr-page/linked-page')).status).toBe(401);
    // Under /api the same link is good, too.
    expect((await t.call(`/api${pathOf(links.qrPageUrl)}`)).status).toBe(200);
  });

  it('a pairing that has just begun asks for no passkey; one whose phone has answered has been answered', async () => {
    await api.post('/session/create', { sessionId: 'young' });
    const set = (paired: boolean) =>
      t.deps.db
        .update(whatsappAccounts)
        .set({ status: 'connecting', paired, qr: null, reason: null })
        .where(eq(whatsappAccounts.sessionId, 'young'));
    await set(false);
    expect(await api.get('/session/passkey/young')).toMatchObject({
      status: 404,
      body: { code: 'NOT_FOUND' },
    });
    await set(true);
    expect((await api.get('/session/passkey/young')).body.data).toMatchObject({ stage: 'answered' });
  });

  it('the page speaks the language of its reader, and leads from the passkey step to the dashboard', async () => {
    await api.post('/session/create', { sessionId: 'spoken' });
    for (const path of ['/session/qr-page/spoken', '/api/sessions/spoken/qr-page']) {
      const headers = { 'accept-language': 'id-ID,en;q=0.5' };
      const page = await t.call(path, { apiKey: tenant.apiKey, headers });
      expect(page.text).toContain('<html lang="id">');
      expect(page.text).toContain('Tampilkan kode baru');
      expect(page.text).toContain('href="/dashboard/sessions/spoken/link"');
      expect(page.headers.get('cache-control')).toBe('no-store');
    }
    expect((await api.get('/session/qr-page/spoken')).text).toContain('Show a new code');
  });

  it.each([
    ['/session/qr-page/read', {}, 'en'],
    ['/session/qr-page/read', { 'accept-language': 'fr, id;q=0.8' }, 'id'],
    ['/session/qr-page/read?lang=id', { 'accept-language': 'en' }, 'id'],
    ['/api/sessions/read/qr-page', {}, 'id'],
    ['/api/sessions/read/qr-page', { 'accept-language': 'fr' }, 'id'],
    ['/api/sessions/read/qr-page', { 'accept-language': 'en-GB' }, 'en'],
    ['/api/sessions/read/qr-page?lang=en', { 'accept-language': 'id' }, 'en'],
    ['/api/sessions/read/qr-page?lang=xx', {}, 'id'],
  ])('%s with %j is read in %s', async (path, headers, lang) => {
    await api.post('/session/create', { sessionId: 'read' });
    const { text, status } = await t.call(path, { apiKey: tenant.apiKey, headers });
    expect(status).toBe(200);
    expect(text).toContain(`<html lang="${lang}">`);
    expect(text).toContain(lang === 'id' ? 'Tampilkan kode baru' : 'Show a new code');
  });

  it('the page brings its script, its style and signed addresses of the QR and the events', async () => {
    await api.post('/session/create', { sessionId: 'paged' });
    const { text } = await api.get('/session/qr-page/paged');
    const attribute = (name: string) =>
      new RegExp(`${name}="([^"]+)"`).exec(text)?.[1]?.replaceAll('&amp;', '&') ?? '';
    const base = 'http://x/session/qr-page/paged';
    const resolve = (address: string) => {
      const url = new URL(address, base);
      return `${url.pathname}${url.search}`;
    };
    expect(await t.call(resolve(attribute('data-qr')))).toMatchObject({ status: 200, body: { qr: QR } });
    expect(resolve(attribute('data-events'))).toMatch(/^\/session\/events\?session=paged&.*sig=/);
    const script = await t.call(resolve(attribute('src')));
    expect(script.headers.get('content-type')).toContain('text/javascript');
    expect(() => new Function(script.text)).not.toThrow();
    const style = await t.call(resolve(attribute('rel="stylesheet" href')));
    expect(style.headers.get('content-type')).toContain('text/css');
  });
});

import { eq } from 'drizzle-orm';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { createClient, unwrap } from '../../clients/typescript/src/index.ts';
import { channelRoutes } from '../../src/controllers/channel.ts';
import { labelRoutes } from '../../src/controllers/labels.ts';
import { messageRoutes } from '../../src/controllers/message.ts';
import { peopleRoutes } from '../../src/controllers/people.ts';
import {
  activityLogs,
  firstContacts,
  idempotencyKeys,
  messageQueue,
  messages,
  waContacts,
  waLabels,
  waLabelUses,
  whatsappAccounts,
} from '../../src/db/schema.ts';
import { createSettler, type Settler } from '../../src/queue/settle.ts';
import type { SentMessage } from '../../src/services/messages/schemas.ts';
import { systemClock } from '../../src/utils/clock.ts';
import { newId } from '../../src/utils/ids.ts';
import type { AccountRef, SendResult } from '../../src/whatsapp/engine.ts';
import { createDispatcher, type Dispatcher } from '../../src/workers/dispatcher.ts';
import { openTestApp, type Reply, type Tenant, type TestApp, testConfig } from '../helpers/app.ts';
import { createFakeEngine, type FakeEngine } from '../helpers/fake-engine.ts';
import { pngFile } from '../helpers/files.ts';
import { createSignal } from '../helpers/signal.ts';
import { until } from '../helpers/until.ts';

let t: TestApp;
let engine: FakeEngine;
let settler: Settler;
let dispatcher: Dispatcher;
let user: Tenant;
let asked: { accountId: string; name: string; input: unknown }[];

/** What the owner of a session answers to a request, by its name. */
const answers: Record<string, unknown> = { 'channel.info': { role: 'owner' } };

beforeAll(async () => {
  const config = testConfig();
  const wide = { delayMinMs: 0, delayMaxMs: 0, perMinute: 1e5, perHour: 1e5, perRecipientPerHour: 1e5 };
  asked = [];
  t = await openTestApp({
    config: { pacing: { ...config.pacing, ...wide } },
    routes: [...messageRoutes, ...labelRoutes, ...peopleRoutes, ...channelRoutes],
    deps: {
      commands: {
        processId: newId(),
        run: async (accountId: string, name: string, input: unknown): Promise<never> => {
          asked.push({ accountId, name, input });
          const answer = answers[Object(input).name];
          return answer === undefined ? checked() : (answer as never);
        },
        runHere: async () => null,
        handle: () => () => undefined,
      },
    },
  });
  engine = createFakeEngine(systemClock);
  settler = createSettler(t.deps, { windowMs: 0, receiptMs: 0 });
  dispatcher = createDispatcher({ ...t.deps, engine, settler });
  dispatcher.start();
});
afterAll(async () => {
  await dispatcher.stop();
  await settler.stop(1_000);
  await t.close();
});
beforeEach(async () => {
  user = await t.tenant();
  engine.answer = () => ({ outcome: 'acknowledged', at: Date.now() });
});

/** What the command `check_numbers` answers; `run` is generic, so its answer fits no single command's type. */
function checked(): never {
  return [{ phone: '6281234567890', exists: true, jid: '6281234567890@s.whatsapp.net', lid: null }] as never;
}

async function session(
  columns: Partial<typeof whatsappAccounts.$inferInsert> = {},
  tenant = user,
): Promise<AccountRef> {
  const now = Date.now();
  const ref = { id: newId(), userId: tenant.id, sessionId: 'main', owner: newId(), fence: 1 };
  await t.deps.db.insert(whatsappAccounts).values({
    ...ref,
    status: 'connected',
    pairing: 'qr',
    paired: true,
    createdAt: now,
    updatedAt: now,
    ...columns,
  });
  return { ...ref, sessionId: columns.sessionId ?? ref.sessionId };
}

const text = { session: 'main', to: '+6281234567890', text: 'Hello from API!' };
const send = (body: object = text, headers: Record<string, string> = {}, as = user) =>
  t.call('/message/send-text', { method: 'POST', apiKey: as.apiKey, body, headers });
const get = (path: string, as = user) => t.call(path, { apiKey: as.apiKey });
const post = (path: string, body: object = {}, as = user) =>
  t.call(path, { method: 'POST', apiKey: as.apiKey, body });

function dataOf(reply: Reply): Record<string, unknown> {
  const { data } = reply.body;
  return typeof data === 'object' && data !== null && !Array.isArray(data) ? { ...data } : {};
}
const idOf = (reply: Reply) => String(dataOf(reply).messageId);
function listOf(reply: Reply): Record<string, unknown>[] {
  return Array.isArray(reply.body.data) ? reply.body.data : [];
}

it('lists of a session are read as the owner tells them, also one of the release before', async () => {
  const person = { jid: '6281234567890@s.whatsapp.net', phone: '6281234567890', lid: null };
  const about = {
    name: 'Toko',
    description: null,
    role: 'owner',
    followers: 1,
    verified: false,
    invite: null,
  };
  const channel = { id: '120363412345678901@newsletter', ...about };
  const told = async (sessionId: string) => {
    await session({ sessionId });
    const [blocked, channels] = [
      await get(`/session/${sessionId}/blocked`),
      await get(`/session/${sessionId}/channels`),
    ];
    return [blocked, channels].map(({ status, body }) => ({
      ...{ status, truncated: body.truncated },
      listed: Array.isArray(body.data) ? body.data.length : body,
    }));
  };
  Object.assign(answers, { 'block.list': [person], 'channel.list': [channel] });
  const whole = { status: 200, truncated: false, listed: 1 };
  expect(await told('before')).toEqual([whole, whole]);
  Object.assign(answers, {
    'block.list': { people: [person], truncated: true },
    'channel.list': { channels: [channel], truncated: true },
  });
  const cut = { ...whole, truncated: true };
  expect(await told('now')).toEqual([cut, cut]);
});

describe('POST /message/send-text', () => {
  it('answers the documented example with 202 as soon as the message is durable', async () => {
    await session();
    const reply = await send();
    expect(reply.status).toBe(202);
    expect(reply.body).toMatchObject({
      success: true,
      data: {
        messageId: expect.stringMatching(/^3EB0[0-9A-F]{18}$/),
        session: 'main',
        sessionId: 'main',
        to: '+6281234567890',
        type: 'text',
        status: 'queued',
        estimatedSendAt: expect.stringMatching(/^\d{4}-.*Z$/),
        timestamp: expect.stringMatching(/^\d{4}-.*Z$/),
      },
    });
    const [row] = await t.deps.db
      .select()
      .from(messages)
      .where(eq(messages.messageId, idOf(reply)));
    expect(row).toMatchObject({
      peer: '6281234567890@s.whatsapp.net',
      phone: '6281234567890',
      content: { type: 'text', text: 'Hello from API!' },
      status: 'queued',
    });
  });

  it.each([
    [{ sessionId: 'main', phoneNumber: '0812-3456-7890', message: 'hi' }, '+6281234567890'],
    [{ session: 'main', number: '6281234567890@s.whatsapp.net', text: 'hi' }, '+6281234567890'],
    [{ session: 'main', to: '120363012345678901@g.us', text: 'hi' }, '120363012345678901@g.us'],
    [{ session: 'main', to: '120363012345678901', isGroup: true, text: 'hi' }, '120363012345678901@g.us'],
    [{ session: 'main', to: '123456789012345@lid', text: 'hi' }, '123456789012345@lid'],
  ])('takes %j', async (body, to) => {
    await session();
    const reply = await send(body);
    expect(reply.status).toBe(202);
    expect(dataOf(reply).to).toBe(to);
  });

  it.each([
    [{ ...text, to: 'nobody' }, 400, 'INVALID_NUMBER'],
    [{ ...text, text: '' }, 400, 'VALIDATION_FAILED'],
    [{ ...text, text: 'x'.repeat(65_537) }, 400, 'VALIDATION_FAILED'],
    [{ ...text, priority: 'urgent' }, 400, 'VALIDATION_FAILED'],
    [{ ...text, scheduledAt: 'tomorrow' }, 400, 'VALIDATION_FAILED'],
    [{ ...text, scheduledAt: '2001-01-01T00:00:00Z' }, 400, 'VALIDATION_FAILED'],
    [{ ...text, expiresAt: '2001-01-01T00:00:00Z' }, 400, 'VALIDATION_FAILED'],
    [{ ...text, session: 'other' }, 404, 'SESSION_NOT_FOUND'],
    [{ ...text, number: '+6281234567891' }, 400, 'VALIDATION_FAILED'],
  ])('refuses %j with %i %s', async (body, status, code) => {
    await session();
    const reply = await send(body);
    expect([reply.status, reply.body.code]).toEqual([status, code]);
  });

  it.each([
    ['qr', false, 409],
    ['logged_out', true, 409],
    ['replaced', true, 409],
    ['failed', true, 409],
    ['disconnected', true, 202],
    ['connecting', true, 202],
  ] as const)('a session that is %s (paired: %s) answers %i', async (status, paired, expected) => {
    await session({ status, paired });
    const reply = await send();
    expect(reply.status).toBe(expected);
    if (expected !== 409) return;
    expect(reply.body).toMatchObject({
      code: 'NOT_CONNECTED',
      details: { status },
      hint: 'Link its phone: GET /session/qr/:sessionId, or the page of the session in the dashboard.',
    });
  });

  it('does not know another tenant’s session', async () => {
    await session();
    expect((await send(text, {}, await t.tenant())).body.code).toBe('SESSION_NOT_FOUND');
  });

  it('is refused to a read-only user', async () => {
    const reader = await t.tenant('readonly');
    await session({}, reader);
    expect((await send(text, {}, reader)).status).toBe(403);
  });

  it('sends once for one Idempotency-Key, also when both come at the same time', async () => {
    await session();
    const headers = { 'idempotency-key': newId() };
    const first = await send(text, headers);
    const again = await send(text, headers);
    expect(again.status).toBe(202);
    expect(again.headers.get('idempotent-replayed')).toBe('true');
    expect(again.body).toEqual(first.body);
    expect((await send({ ...text, text: 'other' }, headers)).body.code).toBe('IDEMPOTENCY_CONFLICT');
    const both = { 'idempotency-key': newId() };
    const statuses = (await Promise.all([send(text, both), send(text, both)])).map((reply) => reply.status);
    expect(statuses.sort()).toEqual([202, 409]);
    const rows = await t.deps.db.select().from(messages).where(eq(messages.userId, user.id));
    expect(rows).toHaveLength(2);
    expect(
      await t.deps.db.select().from(idempotencyKeys).where(eq(idempotencyKeys.userId, user.id)),
    ).toHaveLength(2);
  });
});

describe('Prefer: wait', () => {
  const wait = (seconds: number, headers: Record<string, string> = {}) =>
    send(text, { prefer: `respond-async, wait=${seconds}`, ...headers });

  it('answers 202 when the time runs out, with what the message waits for by then', async () => {
    const { id } = await session();
    const asked = wait(1);
    await until(async () => {
      const [row] = await t.deps.db.select().from(messages).where(eq(messages.accountId, id));
      return row !== undefined;
    });
    await t.deps.db.update(whatsappAccounts).set({ status: 'logged_out' }).where(eq(whatsappAccounts.id, id));
    const reply = await asked;
    expect(reply.status).toBe(202);
    expect(dataOf(reply)).toMatchObject({
      status: 'queued',
      waitingFor: [{ reason: 'logged_out', until: null }],
      estimatedSendAt: null,
    });
  });

  it('answers 200 when the server has acknowledged it', async () => {
    const own = await session({ status: 'connecting' });
    const asked = wait(10);
    await until(async () => {
      const [row] = await t.deps.db.select().from(messages).where(eq(messages.accountId, own.id));
      return row !== undefined;
    });
    const connected = { status: 'connected' } as const;
    await t.deps.db.update(whatsappAccounts).set(connected).where(eq(whatsappAccounts.id, own.id));
    await dispatcher.add(own);
    const reply = await asked;
    expect(reply.status).toBe(200);
    expect(reply.headers.get('preference-applied')).toBe('wait=10');
    const sent = { status: 'sent', to: '+6281234567890', waitingFor: [], estimatedSendAt: null };
    expect(dataOf(reply)).toMatchObject(sent);
  });

  describe.each([
    [{ outcome: 'refused', code: '463', message: 'restricted' }, 502, 'SEND_FAILED', '463'],
    [
      { outcome: 'impossible', code: 'NOT_ON_WHATSAPP', message: 'not there' },
      422,
      'NOT_ON_WHATSAPP',
      'NOT_ON_WHATSAPP',
    ],
  ] as [SendResult, number, string, string][])('of %j', (result, status, code, errorCode) => {
    const details = { errorCode, messageId: expect.stringMatching(/^3EB0/), status: 'failed' };
    const told = { status, body: { success: false, code, details } };
    beforeEach(async () => {
      engine.answer = () => result;
      await dispatcher.add(await session());
    });

    it(`tells with ${status}`, async () => {
      expect(await wait(10)).toMatchObject(told);
    });

    it(`tells with ${status} under an Idempotency-Key, and again under it`, async () => {
      const key = { 'idempotency-key': newId() };
      const first = await wait(10, key);
      expect(first).toMatchObject(told);
      expect(first.headers.get('idempotent-replayed')).toBeNull();
      const again = await wait(10, key);
      expect(again).toMatchObject(told);
      expect(again.headers.get('idempotent-replayed')).toBe('true');
      expect(again.body).toEqual({ ...first.body, requestId: again.headers.get('x-request-id') });
      const rows = await t.deps.db.select().from(messages).where(eq(messages.userId, user.id));
      expect(rows).toHaveLength(1);
    });
  });

  it('answers 202 with the state it has reached when the time runs out, and the message goes on', async () => {
    const answered = createSignal();
    engine.answer = () => answered.given.then(() => engine.later(0));
    await dispatcher.add(await session());
    const reply = await wait(1);
    expect(reply.status).toBe(202);
    expect(dataOf(reply).status).toBe('sending');
    answered.give();
    await dispatcher.idle();
    const later = async () => dataOf(await get(`/message/${idOf(reply)}`)).status;
    await expect.poll(later).toBe('sent');
  });

  it('learns what another process settled', async () => {
    await session();
    const reply = wait(10);
    const rows = () => t.deps.db.select().from(messages).where(eq(messages.userId, user.id));
    await expect.poll(async () => (await rows()).length).toBe(1);
    await t.deps.db.update(messages).set({ status: 'sent' }).where(eq(messages.userId, user.id));
    expect((await reply).status).toBe(200);
  });

  it('ends when the client goes away', async () => {
    await session();
    const gone = new AbortController();
    const request = t.app.request(
      '/message/send-text',
      {
        method: 'POST',
        headers: { 'x-api-key': user.apiKey, 'content-type': 'application/json', prefer: 'wait=60' },
        body: JSON.stringify(text),
        signal: gone.signal,
      },
      { incoming: { socket: { remoteAddress: '127.0.0.1' } } },
    );
    setTimeout(() => gone.abort(), 100);
    expect((await request).status).toBe(202);
  });

  describe('of a repeat, where a 202 is kept for its Idempotency-Key', () => {
    const refused: SendResult = { outcome: 'impossible', code: 'NOT_ON_WHATSAPP', message: 'not there' };
    const keyed = () => ({ 'idempotency-key': newId() });

    it('tells what has become of that very message since, and keeps it', async () => {
      const own = await session();
      const key = keyed();
      const first = await send(text, key);
      expect(first.status).toBe(202);
      const late = await wait(1, key);
      expect(late).toMatchObject({
        status: 202,
        body: { data: { messageId: idOf(first), status: 'queued' } },
      });
      expect(late.headers.get('preference-applied')).toBe('wait=1');
      await dispatcher.add(own);
      const again = await wait(10, key);
      expect(again).toMatchObject({
        status: 200,
        body: { data: { messageId: idOf(first), status: 'sent' } },
      });
      expect(again.headers.get('preference-applied')).toBe('wait=10');
      expect(again.headers.get('idempotent-replayed')).toBe('true');
      const kept = await send(text, key);
      expect(kept).toMatchObject({ status: 200, body: again.body });
      expect(kept.headers.get('preference-applied')).toBeNull();
      expect(await t.deps.db.select().from(messages).where(eq(messages.userId, user.id))).toHaveLength(1);
    });

    it('tells at once what failed after the first caller had gone, also where nothing is left that runs', async () => {
      await session();
      const key = keyed();
      const first = await send(text, key);
      const failed = { status: 'failed', errorCode: '463', errorMessage: 'restricted' } as const;
      await t.deps.db.update(messages).set(failed).where(eq(messages.userId, user.id));
      const details = { messageId: idOf(first), errorCode: '463', status: 'failed' };
      const told = { status: 502, body: { code: 'SEND_FAILED', message: 'restricted', details } };
      expect(await send(text, key)).toMatchObject({ status: 202, body: first.body });
      expect(await wait(10, key)).toMatchObject(told);
      expect(await send(text, key)).toMatchObject(told);
    });

    it('is a 202 also where the message is erased while somebody waits for it', async () => {
      await session();
      const reply = wait(1);
      const own = eq(messages.userId, user.id);
      await until(async () => (await t.deps.db.select().from(messages).where(own)).length === 1);
      await t.deps.db.delete(messages).where(own);
      expect((await reply).status).toBe(202);
    });

    it('is the kept answer where the message is gone', async () => {
      await session();
      const key = keyed();
      const first = await send(text, key);
      await t.deps.db.delete(messages).where(eq(messages.userId, user.id));
      const again = await wait(10, key);
      expect(again).toMatchObject({ status: 202, body: first.body });
      expect(again.headers.get('preference-applied')).toBeNull();
    });

    it('holds for an album', async () => {
      const own = await session();
      const image = `data:image/png;base64,${pngFile(200).toString('base64')}`;
      const album = (headers: Record<string, string>) =>
        t.call('/message/send-album', {
          ...{ method: 'POST', apiKey: user.apiKey, headers },
          body: { session: 'main', to: '+6281234567890', items: [{ image }, { image }] },
        });
      const key = keyed();
      const first = await album(key);
      expect(first.status).toBe(202);
      engine.answer = () => refused;
      await dispatcher.add(own);
      const { items } = Object(first.body.data);
      const again = await album({ ...key, prefer: 'wait=10' });
      const states = items.map(({ messageId }: SentMessage) => ({ messageId, status: 'failed' }));
      const details = { messageId: items[0].messageId, items: states };
      expect(again).toMatchObject({ status: 422, body: { code: 'NOT_ON_WHATSAPP', details } });
    });

    it('fails the call of the TypeScript client that has asked again by itself', async () => {
      const own = await session();
      let asked = 0;
      const peer = { incoming: { socket: { remoteAddress: '127.0.0.1' } } };
      const client = createClient({
        apiKey: user.apiKey,
        timeoutMs: 10_000,
        retry: { baseDelayMs: 1, maxDelayMs: 1 },
        async fetch(request) {
          const gone = new AbortController();
          const answer = t.app.request(new Request(request, { signal: gone.signal }), undefined, peer);
          if (++asked > 1) return answer;
          await until(
            async () =>
              (await t.deps.db.select().from(messages).where(eq(messages.userId, user.id))).length > 0,
          );
          gone.abort();
          expect((await answer).status).toBe(202);
          engine.answer = () => refused;
          await dispatcher.add(own);
          throw new TypeError('fetch failed');
        },
      });
      const params = { header: { Prefer: 'wait=10' } };
      const sent = unwrap(client.POST('/message/send-text', { body: text, params }));
      await expect(sent).rejects.toMatchObject({ status: 422, code: 'NOT_ON_WHATSAPP' });
      expect(asked).toBe(2);
    });
  });
});

describe('one message', () => {
  it('shows status, the time of every step and attempts', async () => {
    await dispatcher.add(await session());
    const id = idOf(await send(text, { prefer: 'wait=10' }));
    const reply = await get(`/message/${id}`);
    expect(reply.status).toBe(200);
    expect(dataOf(reply)).toMatchObject({
      messageId: id,
      session: 'main',
      direction: 'out',
      to: '+6281234567890',
      status: 'sent',
      attempts: 1,
      errorCode: null,
      queuedAt: expect.any(String),
      sendingAt: expect.any(String),
      sentAt: expect.any(String),
      deliveredAt: null,
    });
    expect((await get(`/message/${id}`, await t.tenant())).status).toBe(404);
  });

  it('is canceled while it waits, and queued again under the same id', async () => {
    const account = await session();
    const id = idOf(await send({ ...text, scheduledAt: new Date(Date.now() + 60_000).toISOString() }));
    const stranger = await t.tenant();
    expect((await post(`/message/${id}/cancel`, {}, stranger)).status).toBe(404);
    expect((await post(`/message/${id}/retry`)).body.code).toBe('CONFLICT');
    expect(dataOf(await post(`/message/${id}/cancel`)).status).toBe('canceled');
    expect((await post(`/message/${id}/cancel`)).status).toBe(200);
    expect((await post(`/message/${id}/retry`, {}, stranger)).status).toBe(404);
    const retried = await post(`/message/${id}/retry`);
    expect(retried.status).toBe(202);
    expect(dataOf(retried)).toMatchObject({ messageId: id, status: 'queued', attempts: 0 });
    await dispatcher.add(account);
    await dispatcher.idle();
    await expect.poll(async () => dataOf(await get(`/message/${id}`)).status).toBe('sent');
    expect((await post(`/message/${id}/cancel`)).body.code).toBe('CONFLICT');
    expect((await post(`/message/${id}/retry`)).body.code).toBe('CONFLICT');
    const relayed = engine.relayed.filter((one) => one.messageId === id);
    expect(relayed).toHaveLength(1);
  });

  it('cannot be canceled while it is being sent', async () => {
    const answered = createSignal();
    engine.answer = () => answered.given.then(() => engine.later(0));
    await dispatcher.add(await session());
    const id = idOf(await send());
    await expect.poll(async () => dataOf(await get(`/message/${id}`)).status).toBe('sending');
    expect((await post(`/message/${id}/cancel`)).body).toMatchObject({
      code: 'CONFLICT',
      details: { status: 'sending' },
    });
    answered.give();
    await expect.poll(async () => dataOf(await get(`/message/${id}`)).status).toBe('sent');
  });
});

describe('the queue', () => {
  it('shows what waits in the documented shape, and is cleared', async () => {
    await session({ pausedUntil: Date.now() + 60_000, pauseReason: 'hour_limit' });
    for (let i = 0; i < 5; i++) await send({ ...text, text: `n ${i}` });
    const [one] = await t.deps.db.select().from(messages).where(eq(messages.userId, user.id));
    await t.deps.db
      .update(messages)
      .set({ status: 'read' })
      .where(eq(messages.id, one?.id ?? ''));
    await t.deps.db.delete(messageQueue).where(eq(messageQueue.id, one?.id ?? ''));
    const before = await get('/message/queue-status?session=main');
    expect(before.body).toEqual({
      success: true,
      session: 'main',
      sessionId: 'main',
      pending: 4,
      processing: 0,
      completed: 1,
      failed: 0,
      expired: 0,
      canceled: 0,
      oldestDueAt: expect.any(String),
      isProcessing: false,
      isPaused: false,
      pausedUntil: expect.any(String),
      reason: 'hour_limit',
      waitingFor: [
        {
          reason: 'hour_limit',
          until: expect.any(String),
          text: expect.any(String),
          fix: expect.any(String),
        },
      ],
    });
    const stranger = await t.tenant();
    expect((await post('/message/clear-queue', { session: 'main' }, stranger)).status).toBe(404);
    expect((await get('/message/queue-status?session=main', stranger)).status).toBe(404);
    expect((await post('/message/clear-queue', { session: 'main' })).body).toMatchObject({ cleared: 4 });
    expect((await get('/message/queue-status?session=main')).body).toMatchObject({
      pending: 0,
      completed: 1,
      canceled: 4,
    });
  });

  it('is paused and resumed by hand, login codes too, and says so', async () => {
    await dispatcher.add(await session());
    const paused = await post('/message/pause-queue', { session: 'main' });
    expect(paused.body).toMatchObject({
      message: 'Queue paused',
      data: { isPaused: true, pausedUntil: null, reason: 'paused', isProcessing: false },
    });
    const queued = await send({ ...text, priority: 'high' });
    expect(queued.status).toBe(202);
    expect(dataOf(queued).estimatedSendAt).toBeNull();
    expect((await get('/message/queue-status?session=main')).body).toMatchObject({
      pending: 1,
      oldestDueAt: expect.any(String),
      isPaused: true,
      reason: 'paused',
    });
    expect(dataOf(await get(`/message/${idOf(queued)}`)).status).toBe('queued');

    const until = new Date(Date.now() + 60_000).toISOString();
    expect((await post('/message/pause-queue', { session: 'main', until })).body).toMatchObject({
      data: { isPaused: true, pausedUntil: until },
    });
    const past = new Date(Date.now() - 1_000).toISOString();
    expect(await post('/message/pause-queue', { session: 'main', until: past })).toMatchObject({
      status: 400,
      body: { details: { until: 'is in the past' } },
    });

    const stranger = await t.tenant();
    expect((await post('/message/resume-queue', { session: 'main' }, stranger)).status).toBe(404);
    expect((await post('/message/pause-queue', { session: 'main' }, stranger)).status).toBe(404);
    expect((await post('/message/resume-queue', { session: 'main' })).body).toMatchObject({
      message: 'Queue resumed',
      data: { isPaused: false, pausedUntil: null, reason: null },
    });
    await expect.poll(async () => dataOf(await get(`/message/${idOf(queued)}`)).status).toBe('sent');
  });

  it('is refused when the tenant’s is full, with Retry-After', async () => {
    await session();
    const { queueQuota } = t.deps.config;
    t.deps.config.queueQuota = 2;
    try {
      const statuses = [];
      for (let i = 0; i < 3; i++) statuses.push((await send()).status);
      expect(statuses).toEqual([202, 202, 429]);
      const refused = await send();
      expect(refused.body.code).toBe('RATE_LIMITED');
      expect(Number(refused.headers.get('retry-after'))).toBeGreaterThan(0);
    } finally {
      t.deps.config.queueQuota = queueQuota;
    }
  });
});

describe('GET /message/list', () => {
  it('pages by number and by cursor, newest first, without gaps or doubles', async () => {
    await session();
    const ids: string[] = [];
    for (let i = 0; i < 7; i++) ids.push(idOf(await send({ ...text, text: `n ${i}` })));
    const newest = [...ids].reverse();
    const first = await get('/message/list?limit=3');
    expect(first.body.pagination).toEqual({ page: 1, limit: 3, totalItems: 7, totalPages: 3 });
    expect(listOf(first).map((one) => one.messageId)).toEqual(newest.slice(0, 3));
    const second = await get('/message/list?limit=3&page=2');
    expect(listOf(second).map((one) => one.messageId)).toEqual(newest.slice(3, 6));
    const walked: unknown[] = [];
    let cursor = '';
    for (let page = 0; page < 4; page++) {
      const reply = await get(`/message/list?limit=3${cursor}`);
      walked.push(...listOf(reply).map((one) => one.messageId));
      if (reply.body.nextCursor === null) break;
      cursor = `&cursor=${String(reply.body.nextCursor)}`;
    }
    expect(walked).toEqual(newest);
    expect((await get('/message/list?cursor=nonsense')).status).toBe(400);
  });

  it('filters, and shows nothing of others', async () => {
    await session();
    await session({ sessionId: 'second' });
    const a = idOf(await send());
    const b = idOf(await send({ ...text, session: 'second', to: '+6281299999999' }));
    const idsOf = async (query: string, as = user) =>
      listOf(await get(`/message/list?${query}`, as)).map((one) => one.messageId);
    expect(await idsOf('session=second')).toEqual([b]);
    expect(await idsOf('to=081234567890')).toEqual([a]);
    expect(await idsOf('direction=in')).toEqual([]);
    expect(await idsOf('status=queued&type=text')).toEqual([b, a]);
    expect(await idsOf('type=image')).toEqual([]);
    expect(await idsOf('since=2100-01-01T00:00:00Z')).toEqual([]);
    expect(await idsOf('until=2000-01-01T00:00:00Z')).toEqual([]);
    const stranger = await t.tenant();
    expect(await idsOf('', stranger)).toEqual([]);
    expect((await get('/message/list?session=main', stranger)).status).toBe(404);
    expect((await get(`/message/list?userId=${user.id}`, stranger)).status).toBe(403);
    const admin = await t.tenant('admin');
    expect(await idsOf(`userId=${user.id}`, admin)).toEqual([b, a]);
    for (const path of ['/message/queue-status?session=main', `/message/${a}/timeline?direction=out`]) {
      expect((await get(`${path}&userId=${user.id}`, admin)).status).toBe(200);
      expect((await get(path, admin)).status).toBe(404);
      expect((await get(`${path}&userId=${user.id}`, stranger)).status).toBe(403);
    }
  });

  it.each([
    '+6281234567890',
    '%2B62%20812-3456-7890',
    '+62 812-3456-7890',
    '+62+812-3456-7890',
    '0812 3456 7890',
    '6281234567890@s.whatsapp.net',
    '186470215942314@lid',
  ])('finds a person who is named as %s under the number and under the LID', async (name) => {
    const account = await session();
    const [phone, lid] = ['6281234567890', '186470215942314'];
    await t.deps.db.insert(waContacts).values({ accountId: account.id, lid, phone, updatedAt: Date.now() });
    const person = { participant: null, createdAt: Date.now() - 1_000 };
    const before = await keep(account, { ...person, peer: `${lid}@lid`, lid });
    const after = await keep(account, { ...person, peer: `${phone}@s.whatsapp.net`, phone, lid });
    const group = { peer: '120363012345678901@g.us', phone, lid };
    await keep(account, { ...group, createdAt: Date.now() - 1_000 });
    const query = `to=${name.replaceAll(' ', '%20')}`;
    const both = [after, before].map(({ messageId }) => messageId).toSorted();
    const found = async (more = '', as = user) => {
      const reply = await get(`/message/list?${query}${more}`, as);
      return listOf(reply).map(({ messageId }) => String(messageId));
    };
    expect((await found()).toSorted()).toEqual(both);
    expect((await found('&session=main')).toSorted()).toEqual(both);
    expect((await found('&type=text&direction=in')).toSorted()).toEqual(both);
    expect(await found('&type=image')).toEqual([]);
    const admin = await t.tenant('admin');
    expect((await found(`&userId=${user.id}`, admin)).toSorted()).toEqual(both);
    expect((await found('&all=true', admin)).filter((id) => both.includes(id)).toSorted()).toEqual(both);
    expect(await found('', await t.tenant())).toEqual([]);
    const pages: string[] = [];
    for (let cursor = ''; ; ) {
      const { body } = await get(`/message/list?${query}&type=text&limit=1${cursor}`);
      pages.push(...Object(body).data.map((row: { messageId: string }) => row.messageId));
      if (body.nextCursor === null) break;
      cursor = `&cursor=${String(body.nextCursor)}`;
    }
    expect(pages.toSorted()).toEqual(both);
  });
});

describe('POST /message/check-number', () => {
  it('asks the process that holds the socket', async () => {
    const account = await session();
    const reply = await post('/message/check-number', { session: 'main', phoneNumber: '0812 3456 7890' });
    expect(reply.body).toEqual({
      success: true,
      exists: true,
      jid: '6281234567890@s.whatsapp.net',
      checkedAt: expect.any(String),
    });
    expect(asked.at(-1)).toEqual({
      accountId: account.id,
      name: 'check_numbers',
      input: { phones: ['6281234567890'] },
    });
  });

  it('asks once for a number, each tenant for itself', async () => {
    await session();
    const check = () => post('/message/check-number', { session: 'main', phoneNumber: '+6281234567891' });
    const first = await check();
    const count = asked.length;
    expect((await check()).body).toEqual(first.body);
    expect(asked).toHaveLength(count);
  });

  it('refuses at once while the session is not connected', async () => {
    await session({ status: 'disconnected' });
    const reply = await post('/message/check-number', { session: 'main', phoneNumber: '+6281234567890' });
    expect([reply.status, reply.body.code]).toEqual([409, 'NOT_CONNECTED']);
  });
});

/** A message of the history. */
async function keep(account: AccountRef, columns: Partial<typeof messages.$inferInsert> = {}) {
  const now = Date.now();
  const row = {
    id: newId(),
    userId: account.userId,
    accountId: account.id,
    sessionId: account.sessionId,
    messageId: newId(),
    direction: 'in' as const,
    peer: '120363012345678901@g.us',
    participant: '6281234567890@s.whatsapp.net',
    type: 'text',
    content: { type: 'text', text: 'hi' },
    status: 'received' as const,
    createdAt: now,
    updatedAt: now,
    ...columns,
  };
  await t.deps.db.insert(messages).values(row);
  return row;
}

/** A label of the session's phone. */
async function labelOf({ id: accountId }: AccountRef): Promise<{ label: string }> {
  const row = { accountId, label: '10', name: 'Lunas', color: 0, deleted: false, changedAt: Date.now() };
  await t.deps.db.insert(waLabels).values(row);
  return { label: '10' };
}

describe('a message that two sessions know by one id', () => {
  it('is that of the session that is named, for all that can be done with it', async () => {
    const [one, two] = [await session(), await session({ sessionId: 'two' })];
    const content = { type: 'image', media: { state: 'pending' } };
    const { messageId } = await keep(one, { type: 'image', content });
    await keep(two, { messageId, type: 'image', content });
    for (const account of [one, two]) await labelOf(account);
    for (const { id, sessionId } of [two, one]) {
      const at = (what: string) => `/message/${messageId}${what}?session=${sessionId}`;
      for (const what of ['/star', '/unstar', '/read']) {
        expect((await post(at(what))).status, what).toBe(200);
        expect(asked.at(-1)?.accountId, what).toBe(id);
      }
      expect((await post(at('/label'), { label: '10' })).status).toBe(200);
      expect(asked.at(-1)?.accountId, 'label').toBe(id);
      for (const what of ['/pin', '/unpin', '/media']) {
        expect(await post(at(what)), what).toMatchObject({ status: 202, body: { data: { sessionId } } });
      }
      expect(dataOf(await get(at('')))).toMatchObject({ sessionId });
      const read = await t.deps.db.select().from(messages).where(eq(messages.messageId, messageId));
      expect(read.find((row) => row.accountId === id)?.readAt).not.toBeNull();
    }
    expect((await post(`/message/${messageId}/star?session=none`)).status).toBe(404);
  });

  it('is what came in, or what was sent, as it is asked for', async () => {
    const [one, two] = [await session(), await session({ sessionId: 'two' })];
    const phones = { participant: null, phone: '6281234567890', peer: '6281234567890@s.whatsapp.net' };
    const { messageId } = await keep(one, { ...phones, direction: 'out', status: 'sent' });
    await keep(two, { ...phones, messageId });
    const at = `/message/${messageId}`;
    await post(`${at}/star?direction=in`);
    expect(asked.at(-1)).toMatchObject({ accountId: two.id, input: { input: { fromMe: false } } });
    await post(`${at}/star`);
    expect(asked.at(-1)).toMatchObject({ accountId: one.id, input: { input: { fromMe: true } } });
    expect((await get(`${at}/timeline?direction=in`)).status).toBe(200);
    expect(dataOf(await get(`${at}?direction=in`))).toMatchObject({ sessionId: 'two', direction: 'in' });
    expect((await get(`${at}?direction=up`)).body.code).toBe('VALIDATION_FAILED');
  });

  it('is nothing to a session that was made again under the same name', async () => {
    const account = await session();
    const old = {
      accountId: newId(),
      type: 'image',
      content: { type: 'image', media: { state: 'pending' } },
    };
    const { messageId } = await keep(account, old);
    const sent = await keep(account, { ...old, direction: 'out', status: 'sent', sentAt: Date.now() });
    const before = asked.length;
    const label = await labelOf(account);
    for (const what of ['star', 'pin', 'read', 'media', 'label']) {
      const reply = await post(`/message/${messageId}/${what}`, what === 'label' ? label : {});
      expect(reply, what).toMatchObject({ status: 409, body: { code: 'CONFLICT' } });
    }
    expect((await post(`/message/${sent.messageId}/revoke`)).body.code).toBe('CONFLICT');
    expect(asked).toHaveLength(before);
  });

  it.each([
    ['a pin', { type: 'pin' }],
    ['an edit', { type: 'edit' }],
    ['a post to the status', { peer: 'status@broadcast' }],
    ['a post of a channel', { peer: '120363412345678901@newsletter' }],
  ])('cannot be marked when it is %s', async (_what, columns) => {
    const account = await session();
    const { messageId } = await keep(account, columns);
    for (const what of ['star', 'pin']) {
      expect((await post(`/message/${messageId}/${what}`)).body.code).toBe('CONFLICT');
    }
    const label = await labelOf(account);
    expect((await post(`/message/${messageId}/label`, label)).body.code).toBe('CONFLICT');
  });

  it('has a new label once for one Idempotency-Key', async () => {
    await session();
    answers['label.create'] = { label: '11' };
    const before = asked.length;
    const make = () =>
      t.call('/session/main/labels', {
        method: 'POST',
        apiKey: user.apiKey,
        body: { name: 'Baru' },
        headers: { 'idempotency-key': 'label' },
      });
    const first = await make();
    expect(first).toMatchObject({ status: 201, body: { data: { label: '11', name: 'Baru' } } });
    const again = await make();
    expect(again.headers.get('idempotent-replayed')).toBe('true');
    expect(again.body).toEqual(first.body);
    expect(asked).toHaveLength(before + 1);
  });

  it('has labels whose names can be seen, and whose uses are read on', async () => {
    const account = await session();
    const before = asked.length;
    for (const name of ['\u200b\u200b', ' \u200e ', 'x'.repeat(101)]) {
      expect((await post('/session/main/labels', { name })).body.code).toBe('VALIDATION_FAILED');
    }
    expect(asked).toHaveLength(before);
    await post('/session/main/labels', { name: ' Lu\u200bnas\n' });
    expect(asked.at(-1)).toMatchObject({ input: { input: { name: 'Lunas' } } });
    const { label } = await labelOf(account);
    const ofChat = { accountId: account.id, label, changedAt: 1, messageId: '' };
    const uses = ['628111@s.whatsapp.net', '628222@s.whatsapp.net'].map((chat) => ({ ...ofChat, chat }));
    await t.deps.db.insert(waLabelUses).values(uses);
    const first = (await get('/session/main/labels/10/uses?limit=1')).body;
    expect(first.nextCursor).toBe('628111@s.whatsapp.net');
    const next = await get(`/session/main/labels/10/uses?limit=1&cursor=${first.nextCursor}`);
    expect(next.body).toMatchObject({ data: [{ chat: '628222@s.whatsapp.net' }], nextCursor: null });
  });
});

describe('a post to a channel', () => {
  const channel = '120363412345678901@newsletter';
  const questions = () => asked.filter(({ input }) => Object(input).name === 'channel.info').length;

  it('asks once in a while whether the session may, for each session and channel', async () => {
    await session();
    await session({ sessionId: 'second' });
    const before = questions();
    for (let i = 0; i < 3; i++) expect((await send({ ...text, to: channel })).status).toBe(202);
    expect(questions()).toBe(before + 1);
    expect((await send({ ...text, session: 'second', to: channel })).status).toBe(202);
    expect((await send({ ...text, to: '120363412345678902@newsletter' })).status).toBe(202);
    expect(questions()).toBe(before + 3);
  });

  it('names its session: of a pool or of several none is chosen by chance', async () => {
    await session();
    await session({ sessionId: 'second' });
    const { session: _one, ...post } = { ...text, to: channel };
    const several = await send({ ...post, sessions: ['main', 'second'] } as never);
    expect([several.status, several.body.details]).toEqual([
      400,
      { sessions: expect.stringContaining('must be one session') },
    ]);
    expect((await send({ ...post, pool: 'all' } as never)).body.details).toHaveProperty('pool');
    expect((await send({ ...post, sessions: ['second'] } as never)).status).toBe(202);
  });
});

describe('an album', () => {
  const image = `data:image/png;base64,${pngFile(200).toString('base64')}`;
  const items = ['a', 'b', 'c', 'd'].map((caption) => ({ image, caption }));

  it('is refused for a channel, which takes its files one by one', async () => {
    await session();
    const to = '120363412345678901@newsletter';
    const reply = await post('/message/send-album', { session: 'main', to, items });
    expect([reply.status, reply.body.code]).toEqual([400, 'VALIDATION_FAILED']);
    expect(JSON.stringify(reply.body)).toContain('must not be a channel');
  });

  it('names the item whose file is refused, and says what a file may be where it is no upload', async () => {
    await session();
    const given = [...items.slice(0, 2), { image: '/home/me/photo.png' }];
    const reply = await post('/message/send-album', { session: 'main', to: '+6281234567890', items: given });
    expect(reply).toMatchObject({
      status: 404,
      body: {
        code: 'NOT_FOUND',
        details: { field: 'items.2' },
        hint: expect.stringContaining('POST /media'),
      },
    });
  });

  it('names the field of the item whose file is not valid, as every refused body does', async () => {
    await session();
    const given = [{ image }, { video: 'data:video/mp4;base64,', caption: 'b' }];
    const reply = await post('/message/send-album', { session: 'main', to: '+6281234567890', items: given });
    expect([reply.status, reply.body.code]).toEqual([400, 'VALIDATION_FAILED']);
    expect(reply.body.details).toEqual({ 'items.1.video': 'is empty' });
  });

  it('is a head and its items, each with a state of its own: what fails or is canceled leaves the others', async () => {
    const account = await session({ status: 'connecting' });
    engine.answer = ({ content }) =>
      'caption' in content && content.caption === 'b'
        ? { outcome: 'impossible', code: 'MEDIA_GONE', message: 'gone' }
        : { outcome: 'acknowledged', at: Date.now() };
    const reply = await post('/message/send-album', { session: 'main', to: '+6281234567890', items });
    expect(reply.status).toBe(202);
    const { album, items: parts } = Object(reply.body.data);
    const [a, b, c, d] = parts.map(({ messageId }: { messageId: string }) => messageId);
    expect((await post(`/message/${c}/cancel`)).status).toBe(200);
    const connected = { status: 'connected' } as const;
    await t.deps.db.update(whatsappAccounts).set(connected).where(eq(whatsappAccounts.id, account.id));
    await dispatcher.add(account);
    const shown = async (id: string) => dataOf(await get(`/message/${id}`));
    await until(async () => (await shown(d)).status === 'sent');
    const states = await Promise.all([album.messageId, a, b, c, d].map(shown));
    expect(states.map(({ status }) => status)).toEqual(['sent', 'sent', 'failed', 'canceled', 'sent']);
    expect(states.map(({ content }) => Object(content).album)).toEqual([
      undefined,
      ...Array(4).fill(album.messageId),
    ]);
    expect(states[0]).toMatchObject({ type: 'album', content: { images: 4, videos: 0 } });
    engine.answer = () => ({ outcome: 'acknowledged', at: Date.now() });
    for (const id of [b, c]) expect((await post(`/message/${id}/retry`)).status).toBe(202);
    await until(async () => (await shown(b)).status === 'sent' && (await shown(c)).status === 'sent');
    // Under their old ids, and with the head that they were sent with.
    const sent = engine.relayed.filter(({ accountId }) => accountId === account.id);
    expect(
      sent
        .map(({ messageId }) => messageId)
        .slice(-2)
        .sort(),
    ).toEqual([b, c].sort());
    expect(sent.slice(-2).map(({ content }) => Object(content).album)).toEqual([
      album.messageId,
      album.messageId,
    ]);
    for (const what of ['pin', 'star', 'forward']) {
      expect(
        (await post(`/message/${album.messageId}/${what}`, { to: '+6281234567890' })).body.code,
        what,
      ).toBe('CONFLICT');
    }
  });

  const album = (headers: Record<string, string> = {}) =>
    t.call('/message/send-album', {
      ...{ method: 'POST', apiKey: user.apiKey, headers },
      body: { session: 'main', to: '+6281234567890', items },
    });

  it('is waited for with all of its items: sent, one that was not, and not in time', async () => {
    const account = await session();
    await dispatcher.add(account);
    const sent = await album({ prefer: 'wait=20' });
    expect(sent).toMatchObject({ status: 200, body: { message: 'Album sent' } });
    expect(sent.headers.get('preference-applied')).toBe('wait=20');
    const { album: head, items: parts } = Object(sent.body.data);
    expect([head, ...parts].map(({ status }: { status: string }) => status)).toEqual(Array(5).fill('sent'));
    engine.answer = ({ content }) =>
      'caption' in content && content.caption === 'b'
        ? { outcome: 'impossible', code: 'MEDIA_GONE', message: 'gone' }
        : { outcome: 'acknowledged', at: Date.now() };
    const failed = await album({ prefer: 'wait=20' });
    expect(failed.body).toMatchObject({
      ...{ success: false, code: 'SEND_FAILED' },
      details: {
        ...{ errorCode: 'MEDIA_GONE', status: 'failed', album: { status: 'sent' } },
        items: [{ status: 'sent' }, { status: 'failed', errorCode: 'MEDIA_GONE' }, { status: 'sent' }, {}],
      },
    });
    await post('/message/pause-queue', { session: 'main' });
    const late = await album({ prefer: 'wait=1' });
    expect(late).toMatchObject({ status: 202, body: { data: { album: { status: 'queued' } } } });
    const { album: queued, items: waiting } = Object(late.body.data);
    expect(waiting[3].waitingFor).toMatchObject([{ reason: 'paused' }]);
    // All of it is canceled by its head.
    const gone = Object((await post(`/message/${queued.messageId}/cancel`)).body);
    expect(gone).toMatchObject({ data: { messageId: queued.messageId, status: 'canceled' } });
    expect(gone.canceled).toHaveLength(5);
  });
});

describe('a post to the status', () => {
  const KNOWN = '6281300000000';
  const DAY_MS = 86_400_000;
  const strangers = (n: number) => Array.from({ length: n }, (_, i) => `+62813000000${10 + i}`);
  const story = (recipients: string[], more: object = {}) =>
    post('/message/send-status', { session: 'main', recipients, text: 'Buka', ...more });
  const limited = (columns: Parameters<typeof session>[0] = {}) =>
    session({ limits: { newContactsPerDay: 3 }, ...columns });
  const counted = async ({ id }: AccountRef) =>
    (await t.deps.db.select().from(firstContacts).where(eq(firstContacts.accountId, id))).length;
  const befriend = (account: AccountRef) =>
    keep(account, { peer: `${KNOWN}@s.whatsapp.net`, phone: KNOWN, participant: null });
  const rowOf = async (messageId: string) => {
    const [row] = await t.deps.db.select().from(messages).where(eq(messages.messageId, messageId));
    if (!row) throw new Error(`no message ${messageId}`);
    return row;
  };

  it('meets nobody when it is not queued', async () => {
    const away = await limited({ status: 'logged_out', paired: false });
    expect((await story(strangers(3))).body.code).toBe('NOT_CONNECTED');
    expect(await counted(away)).toBe(0);
  });

  it('meets nobody before it leaves', async () => {
    const account = await limited();
    const id = idOf(await story(strangers(3)));
    expect(await counted(account)).toBe(0);
    // Those whom a post waits for have their places already.
    expect((await story(strangers(4).slice(3))).body).toMatchObject({
      code: 'RATE_LIMITED',
      details: { reason: 'new_contacts', strangers: 1, left: 0 },
    });
    expect((await story(strangers(4))).body).toMatchObject({ details: { strangers: 4, left: 3 } });
    const again = idOf(await story(strangers(2)));
    for (const one of [id, again]) await post(`/message/${one}/cancel`);
    expect((await story(strangers(6).slice(3))).status).toBe(202);
    expect(await counted(account)).toBe(0);
  });

  it('outlives the window that it has to wait for', async () => {
    const account = await limited();
    await befriend(account);
    const id = idOf(await story(strangers(3)));
    // Others are met before it leaves: their places are free again after a day.
    const metAt = Date.now() + 60_000;
    const others = ['a', 'b'].map((person) => ({ accountId: account.id, person, at: metAt }));
    await t.deps.db.insert(firstContacts).values(others);
    expect(Number((await rowOf(id)).expiresAt)).toBeGreaterThan(metAt + DAY_MS + 60_000);
    const [until] = Object(dataOf(await get(`/message/${id}`)).waitingFor);
    expect(until).toMatchObject({ reason: 'new_contacts' });
    expect(Date.parse(until.until)).toBeLessThan(Number((await rowOf(id)).expiresAt));
    await post(`/message/${id}/cancel`);
    await t.deps.db.delete(firstContacts).where(eq(firstContacts.accountId, account.id));
    expect((await post(`/message/${id}/retry`)).status).toBe(202);
    expect(Number((await rowOf(id)).expiresAt)).toBeGreaterThan(metAt + DAY_MS + 60_000);
  });

  it('may be scheduled, unless it can never meet so many in a day', async () => {
    const account = await limited();
    await befriend(account);
    const due = Date.now() + 5 * DAY_MS;
    const scheduledAt = new Date(due).toISOString();
    expect((await story(strangers(4), { scheduledAt })).body).toMatchObject({
      code: 'RATE_LIMITED',
      details: { reason: 'new_contacts', strangers: 4, left: 3 },
    });
    const later = idOf(await story(strangers(3), { scheduledAt }));
    expect((await rowOf(later)).expiresAt).toBe(due + 2 * DAY_MS);
    const known = idOf(await story([`+${KNOWN}`], { scheduledAt }));
    expect((await rowOf(known)).expiresAt).toBeNull();
    const { expiresAt, createdAt } = await rowOf(idOf(await story([`+${KNOWN}`, ...strangers(2)])));
    expect(Number(expiresAt)).toBeLessThanOrEqual(createdAt + 2 * DAY_MS);
    expect(Number(expiresAt)).toBeGreaterThan(createdAt + 2 * DAY_MS - 60_000);
    expect(await counted(account)).toBe(0);
  });

  it('is tried again while its strangers fit into the limit', async () => {
    const account = await limited();
    const id = idOf(await story(strangers(2)));
    expect((await post(`/message/${id}/retry`)).body.code).toBe('CONFLICT');
    await post(`/message/${id}/cancel`);
    expect((await post(`/message/${id}/retry`)).status).toBe(202);
    expect((await rowOf(id)).expiresAt).not.toBeNull();
    await post(`/message/${id}/cancel`);
    const others = ['a', 'b'].map((person) => ({ accountId: account.id, person, at: Date.now() }));
    await t.deps.db.insert(firstContacts).values(others);
    expect((await post(`/message/${id}/retry`)).body).toMatchObject({ details: { reason: 'new_contacts' } });
    await t.deps.db.delete(firstContacts).where(eq(firstContacts.accountId, account.id));
    const breakerUntil = Date.now() + 3_600_000;
    await t.deps.db.update(whatsappAccounts).set({ breakerUntil }).where(eq(whatsappAccounts.id, account.id));
    expect((await post(`/message/${id}/retry`)).body.code).toBe('RATE_LIMITED');
  });

  it('says that it waits until strangers may be written to', async () => {
    const account = await session({ limits: { newContactsPerDay: 3 } });
    await befriend(account);
    const [held, free] = [idOf(await story(strangers(2))), idOf(await story([`+${KNOWN}`]))];
    expect(dataOf(await get(`/message/${held}`)).waitingFor).toEqual([]);
    const others = ['a', 'b'].map((person) => ({ accountId: account.id, person, at: Date.now() }));
    await t.deps.db.insert(firstContacts).values(others);
    expect(dataOf(await get(`/message/${held}`)).waitingFor).toMatchObject([{ reason: 'new_contacts' }]);
    expect(dataOf(await get(`/message/${free}`)).waitingFor).toEqual([]);
    await t.deps.db.delete(firstContacts).where(eq(firstContacts.accountId, account.id));
    const breakerUntil = Date.now() + 3_600_000;
    await t.deps.db.update(whatsappAccounts).set({ breakerUntil }).where(eq(whatsappAccounts.id, account.id));
    expect(dataOf(await get(`/message/${held}`)).waitingFor).toMatchObject([{ reason: 'breaker' }]);
    expect(dataOf(await get(`/message/${free}`)).waitingFor).toEqual([]);
  });
});

describe('editing and deleting what was sent', () => {
  async function sentMessage(): Promise<string> {
    await dispatcher.add(await session());
    const id = idOf(await send());
    await until(async () => dataOf(await get(`/message/${id}`)).status === 'sent');
    return id;
  }
  const shown = async (id: string) => dataOf(await get(`/message/${id}`));
  const inRow = (id: string, changes: Partial<typeof messages.$inferInsert>) =>
    t.deps.db.update(messages).set(changes).where(eq(messages.messageId, id));
  const eventsAbout = async (id: string) => {
    const rows = await t.deps.db.select().from(activityLogs).where(eq(activityLogs.subject, id));
    return rows.toSorted((a, b) => (a.seq ?? 0) - (b.seq ?? 0));
  };
  const hold = () => {
    let release = (): void => undefined;
    const held = new Promise<void>((resolve) => {
      release = resolve;
    });
    engine.answer = async () => {
      await held;
      return { outcome: 'acknowledged', at: Date.now() };
    };
    return () => release();
  };

  it('an edit changes the message when WhatsApp has taken it, and keeps what it said first', async () => {
    const id = await sentMessage();
    const release = hold();
    const edit = await post(`/message/${id}/edit`, { text: 'Hello again!' });
    expect(edit.status).toBe(202);
    expect(dataOf(edit)).toMatchObject({
      targetId: id,
      type: 'edit',
      status: 'queued',
      to: '+6281234567890',
    });
    expect(await shown(id)).toMatchObject({
      content: { text: 'Hello from API!' },
      editedAt: null,
      original: null,
    });
    release();
    await until(async () => (await shown(id)).editedAt !== null);
    expect(await shown(id)).toMatchObject({
      status: 'sent',
      content: { type: 'text', text: 'Hello again!' },
      original: { type: 'text', text: 'Hello from API!' },
      revokedAt: null,
    });
    expect(engine.relayed.at(-1)?.content).toMatchObject({
      type: 'edit',
      messageId: id,
      of: 'text',
      text: 'Hello again!',
    });
    await post(`/message/${id}/edit`, { text: 'Third' });
    await until(async () => Reflect.get(Object((await shown(id)).content), 'text') === 'Third');
    expect((await shown(id)).original).toMatchObject({ text: 'Hello from API!' });
    const edited = (await eventsAbout(id)).filter(({ event }) => event === 'message.edited');
    expect(edited).toHaveLength(2);
    expect(JSON.stringify(edited)).not.toContain('Third');
  });

  it('a deletion is one, however often it is asked for', async () => {
    const id = await sentMessage();
    const release = hold();
    const replies = await Promise.all(Array.from({ length: 5 }, () => post(`/message/${id}/revoke`)));
    expect(replies.map(({ status }) => status)).toEqual([202, 202, 202, 202, 202]);
    expect(new Set(replies.map(idOf)).size).toBe(1);
    release();
    await until(async () => (await shown(id)).revokedAt !== null);
    expect(idOf(await post(`/message/${id}/revoke`))).toBe(replies.map(idOf)[0]);
    expect(await shown(id)).toMatchObject({ content: { text: 'Hello from API!' }, status: 'sent' });
    const about = engine.relayed.filter(
      ({ content }) => content.type === 'delete' && content.messageId === id,
    );
    expect(about).toHaveLength(1);
    expect((await eventsAbout(id)).map(({ event }) => event)).toEqual(['message.sent', 'message.revoked']);
    const after = await post(`/message/${id}/edit`, { text: 'too late' });
    expect(after.body).toMatchObject({ success: false, code: 'CONFLICT' });
  });

  it('a deletion that failed can be asked for again', async () => {
    const id = await sentMessage();
    engine.answer = () => ({ outcome: 'refused', code: '400', message: 'no' });
    const first = idOf(await post(`/message/${id}/revoke`));
    await until(async () => dataOf(await get(`/message/${first}`)).status === 'failed');
    expect((await shown(id)).revokedAt).toBe(null);
    engine.answer = () => ({ outcome: 'acknowledged', at: Date.now() });
    const second = idOf(await post(`/message/${id}/revoke`));
    expect(second).not.toBe(first);
    await until(async () => (await shown(id)).revokedAt !== null);
  });

  it('waits for its outcome when it is asked to', async () => {
    const id = await sentMessage();
    const reply = await t.call(`/message/${id}/revoke`, {
      method: 'POST',
      apiKey: user.apiKey,
      headers: { prefer: 'wait=10' },
    });
    expect(reply.status).toBe(200);
    expect(dataOf(reply)).toMatchObject({ status: 'sent', targetId: id });
  });

  it('follows an answer that said "sent", also where that waits to be written', async () => {
    await session();
    const id = idOf(await send());
    await inRow(id, { status: 'sending' });
    const asked: (number | null)[] = [];
    const stop = t.deps.signals.onWriteTold(async (userId) => {
      asked.push(userId);
      await inRow(id, { status: 'sent', sentAt: Date.now() });
    });
    expect((await post(`/message/${id}/revoke`)).status).toBe(202);
    stop();
    expect(new Set(asked)).toEqual(new Set([user.id]));
  });

  it('is refused outside of the bounds of WhatsApp, for other kinds, and for what was not sent', async () => {
    const id = await sentMessage();
    const minutes = (n: number) => ({ sentAt: Date.now() - n * 60_000 });
    const edit = async () => (await post(`/message/${id}/edit`, { text: 'x' })).body.code;
    const revoke = async () => (await post(`/message/${id}/revoke`)).body.code;
    await inRow(id, minutes(15));
    expect(await edit()).toBe('CONFLICT');
    await inRow(id, minutes(60 * 60));
    expect(await revoke()).toBe('CONFLICT');
    await inRow(id, { sentAt: Date.now(), status: 'queued' });
    expect([await edit(), await revoke()]).toEqual(['CONFLICT', 'CONFLICT']);
    await inRow(id, { status: 'failed' });
    expect([await edit(), await revoke()]).toEqual(['CONFLICT', 'CONFLICT']);
    for (const type of ['poll', 'location', 'otp', 'sticker']) {
      await inRow(id, { status: 'sent', type });
      expect(await edit()).toBe('CONFLICT');
    }
    for (const type of ['reaction', 'edit', 'delete', 'poll_vote', 'pin']) {
      await inRow(id, { type });
      expect(await revoke()).toBe('CONFLICT');
    }
    await inRow(id, { type: 'text', direction: 'in' });
    expect([await edit(), await revoke()]).toEqual(['NOT_FOUND', 'NOT_FOUND']);
    expect((await post(`/message/${id}/edit`, { text: '' })).body.code).toBe('VALIDATION_FAILED');
  });

  it('is somebody else’s to do nothing with', async () => {
    const id = await sentMessage();
    const stranger = await t.tenant();
    expect((await post(`/message/${id}/edit`, { text: 'x' }, stranger)).status).toBe(404);
    expect((await post(`/message/${id}/revoke`, {}, stranger)).status).toBe(404);
  });

  it('expires with the time that WhatsApp gives, and changes nothing then', async () => {
    const id = await sentMessage();
    await post('/message/pause-queue', { session: 'main' });
    const edit = idOf(await post(`/message/${id}/edit`, { text: 'late' }));
    const [row] = await t.deps.db.select().from(messages).where(eq(messages.messageId, id));
    const [queued] = await t.deps.db.select().from(messageQueue).where(eq(messageQueue.messageId, edit));
    expect(queued?.expiresAt).toBe((row?.sentAt ?? 0) + 15 * 60_000);
    await t.deps.db
      .update(messageQueue)
      .set({ expiresAt: Date.now() - 1 })
      .where(eq(messageQueue.messageId, edit));
    await post('/message/resume-queue', { session: 'main' });
    await until(async () => dataOf(await get(`/message/${edit}`)).status === 'expired');
    expect(await shown(id)).toMatchObject({ content: { text: 'Hello from API!' }, editedAt: null });
  });
});

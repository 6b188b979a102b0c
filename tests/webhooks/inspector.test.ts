/** What was sent and answered, how endpoints fare, and delivering again. On both databases. */
import { gzipSync } from 'node:zlib';
import { and, eq, sql } from 'drizzle-orm';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import {
  auditEntries,
  messages,
  webhookDeliveries,
  webhookLanes,
  webhookOutbox,
  webhookReplays,
  webhooks,
} from '../../src/db/schema.ts';
import { WEBHOOK_EVENTS } from '../../src/events/table.ts';
import { keptAnswer } from '../../src/services/webhooks/answer.ts';
import {
  getDelivery,
  listDeliveries,
  replayDelivery,
  retryDelivery,
  retryWebhook,
  testWebhook,
} from '../../src/services/webhooks/deliveries.ts';
import { readEndpoint } from '../../src/services/webhooks/endpoint.ts';
import { keptBodyOf } from '../../src/services/webhooks/exchange.ts';
import { feedReplays, listReplays, replayFailed, stopReplay } from '../../src/services/webhooks/replays.ts';
import { cleanWebhookHistory } from '../../src/services/webhooks/retention.ts';
import { deleteWebhook, getWebhook, listWebhooks, updateWebhook } from '../../src/services/webhooks/verbs.ts';
import { DAY_MS, MINUTE_MS } from '../../src/utils/durations.ts';
import { newId } from '../../src/utils/ids.ts';
import type { Tenant } from '../helpers/app.ts';
import { createFakeClock } from '../helpers/clock.ts';
import { cpuMsOf } from '../helpers/cpu-time.ts';
import { answer, type Fixture, openFixture, type Receiver, whenIdle } from './fixture.ts';

const clock = createFakeClock();
let f: Fixture;
let receiver: Receiver;
beforeAll(async () => {
  f = await openFixture({ clock });
  receiver = await f.receiver();
});
afterAll(() => f.close());
afterEach(() => {
  receiver.received.length = 0;
  receiver.respond = answer(204);
});

async function world(
  headers: Record<string, string> = {},
): Promise<{ tenant: Tenant; ctx: ReturnType<Fixture['ctx']>; hook: { id: string; secret: string } }> {
  const tenant = await f.tenant();
  const hook = await f.hook(tenant.id, { url: receiver.url, events: ['*'], headers });
  return { tenant, ctx: f.ctx(tenant.id), hook };
}

/** Lets a sender work until nothing is due. */
async function deliver(): Promise<void> {
  const sender = f.sender();
  const idle = whenIdle(sender);
  clock.idleWith(idle);
  await clock.advance(1_500);
  await sender.stop(0);
}

const SECRET = 'the-content-482913';

describe('the content of what was sent', () => {
  const SENT = 'your-order-482913-is-ready';
  const content = { type: 'text', text: SENT };
  /** The bodies that came, by their event. */
  const told = () => Object.fromEntries(receiver.received.map(({ type, data }) => [type, data]));

  it('is told to none that did not ask for it', async () => {
    const { tenant, hook, ctx } = await world();
    expect((await getWebhook(ctx, hook)).messageContent).toBe(false);
    await f.message(await f.session(tenant.id), 'message.sent', { content });
    await deliver();
    expect(told()['message.sent']).not.toHaveProperty('content');
    expect(receiver.received[0]?.body).not.toContain(SENT);
  });

  it('is told to one that asked, in message.sent alone, and is not kept with the delivery', async () => {
    const { tenant, ctx } = await world();
    const hook = await f.hook(tenant.id, { url: `${receiver.url}/own`, events: ['*'], messageContent: true });
    receiver.respond = (request, res) => res.writeHead(200).end(`got ${request.body}`);
    const session = await f.session(tenant.id);
    await f.message(session, 'message.sent', { content });
    await f.message(session, 'message.delivered', { content });
    await deliver();
    // The other webhook of the workspace is not told.
    expect(receiver.received.filter(({ body }) => body.includes(SENT))).toHaveLength(1);
    expect(receiver.received.find(({ body }) => body.includes(SENT))).toMatchObject({
      type: 'message.sent',
      data: { content, status: 'sent' },
    });
    const kept = await f.deps.db.select().from(webhookDeliveries);
    expect(JSON.stringify(kept)).not.toContain(SENT);
    const { data } = await listDeliveries(ctx, { id: hook.id, page: 1, limit: 10 });
    const sent = data.find(({ event }) => event === 'message.sent');
    // Shown to whoever may read the message, as long as the history has it.
    const { log } = await getDelivery(ctx, { id: sent?.id ?? '' });
    expect(log[0]?.request?.body).toContain(SENT);
    expect(log[0]?.response?.body).not.toContain(SENT);
  });

  it('is null for a login code, and for what the history does not keep any more', async () => {
    const { tenant, ctx, hook } = await world();
    await updateWebhook(ctx, { id: hook.id, messageContent: true });
    const session = await f.session(tenant.id);
    await f.message(session, 'message.sent', { type: 'otp', content: { type: 'otp', sealed: SENT } });
    await deliver();
    expect(told()['message.sent']).toMatchObject({ type: 'otp', content: null });
    receiver.received.length = 0;
    const gone = await f.message(session, 'message.sent', { content });
    await f.deps.db.delete(messages).where(eq(messages.messageId, gone));
    await deliver();
    expect(told()['message.sent']).toMatchObject({ messageId: gone, content: null });
  });

  it('comes with the test event, and goes when it is turned off', async () => {
    const { ctx, hook } = await world();
    await updateWebhook(ctx, { id: hook.id, messageContent: true });
    const { request } = await testWebhook(ctx, { id: hook.id, event: 'message.sent' });
    expect(JSON.parse(request.body).data.content).toMatchObject({ type: 'text' });
    expect((await updateWebhook(ctx, { id: hook.id, messageContent: false })).messageContent).toBe(false);
    const without = await testWebhook(ctx, { id: hook.id, event: 'message.sent' });
    expect(JSON.parse(without.request.body).data).not.toHaveProperty('content');
  });
});

describe('an attempt', () => {
  it('is kept with request and answer, without the secret, the own header or what came in', async () => {
    const { tenant, ctx, hook } = await world({ authorization: 'Bearer of-the-receiver' });
    const session = await f.session(tenant.id);
    receiver.respond = (request, res) =>
      res.writeHead(500).end(`no: ${request.headers.authorization} ${hook.secret} ${request.body}`);
    await f.message(session, 'message.received', { content: { type: 'text', text: SECRET } });
    await deliver();
    expect(receiver.received[0]?.headers).toMatchObject({ authorization: 'Bearer of-the-receiver' });
    expect(receiver.received[0]?.body).toContain(SECRET);

    const kept = await f.deps.db
      .select()
      .from(webhookDeliveries)
      .where(eq(webhookDeliveries.webhookId, hook.id));
    const stored = JSON.stringify(kept);
    for (const secret of [SECRET, hook.secret, 'of-the-receiver']) expect(stored).not.toContain(secret);

    const { data } = await listDeliveries(ctx, { id: hook.id, page: 1, limit: 10 });
    const { log } = await getDelivery(ctx, { id: data[0]?.id ?? '' });
    expect(log).toMatchObject([
      { attempt: 1, status: 500, request: { headers: { authorization: '[redacted]' } } },
    ]);
    const [attempt] = log;
    expect(attempt?.request?.headers['webhook-id']).toBe(data[0]?.id);
    // The history still has what came in.
    expect(JSON.parse(attempt?.request?.body ?? '')).toMatchObject({
      type: 'message.received',
      data: { sessionId: session.sessionId, content: { type: 'text', text: SECRET } },
    });
    expect(attempt?.response?.body).toMatch(/^no: \[redacted\] \[redacted\] \{"type":"message.received"/);

    await f.deps.db.delete(messages).where(eq(messages.sessionId, session.sessionId));
    const later = await getDelivery(ctx, { id: data[0]?.id ?? '' });
    expect(later.log[0]?.request?.body).toContain('"content":"[redacted]"');
  });

  it('keeps the words of people as they are, also where they look like those of a database', () => {
    const data = { subject: "Invalid voucher: 'X' today", text: 'hello' };
    const { text, hidden } = keptBodyOf({ type: 'group.updated', timestamp: '2026-01-01T00:00:00Z', data });
    expect(JSON.parse(text).data).toEqual({ subject: data.subject, text: '[redacted]' });
    expect(hidden).toEqual(['hello']);
  });

  it('keeps a body once while it stays the same, and shows it with every attempt', async () => {
    const { tenant, ctx, hook } = await world();
    receiver.respond = answer(503);
    await f.message(await f.session(tenant.id), 'message.sent');
    await deliver();
    const [waiting] = (await listDeliveries(ctx, { id: hook.id, page: 1, limit: 10 })).data;
    await retryDelivery(ctx, { id: waiting?.id ?? '' });
    await deliver();
    const rows = await f.deps.db
      .select({ body: webhookDeliveries.requestBody })
      .from(webhookDeliveries)
      .where(eq(webhookDeliveries.webhookId, hook.id));
    expect(rows.map(({ body }) => body === null).sort()).toEqual([false, true]);
    const { log } = await getDelivery(ctx, { id: waiting?.id ?? '' });
    expect(log.map(({ attempt }) => attempt)).toEqual([2, 1]);
    expect(log[0]?.request?.body).toBe(log[1]?.request?.body);
    expect(log[0]?.request?.body).toContain('message.sent');
  });
});

describe('what an answer repeats', () => {
  const TEXT = 'Jalan Café "Merdeka" 7/8\nkode 482913 😀 untuk Anda';
  const asUnits = (text: string) =>
    text.replace(/[\u007f-\uffff]/g, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`);
  const python = (value: unknown) => asUnits(JSON.stringify(value));
  const php = (value: unknown) => python(value).replaceAll('/', '\\/');
  const html = (text: string) =>
    text.replace(/[&<>"'é]/g, (sign) => (sign === '"' ? '&quot;' : `&#${sign.charCodeAt(0)};`));

  it.each([
    ['JSON of PHP', php({ got: { data: { text: TEXT } } })],
    ['JSON of Python', python([TEXT])],
    ['JSON within JSON', php({ body: php({ text: TEXT }) })],
    ['a form', `text=${encodeURIComponent(TEXT)}&x=1`],
    ['HTML', `<pre>${html(TEXT)}</pre>`],
    ['other line ends', TEXT.replace('\n', '\r\n')],
    ['a code alone', 'there is no code 482913'],
    ['only the beginning', `you wrote: ${TEXT.slice(0, 30)}…`],
    ['the token without its scheme', 'invalid token XYZ-77'],
    ['over the cut', `${'x'.repeat(4_090)}${php(TEXT)}`],
    ['compressed', gzipSync(TEXT)],
  ])('is not kept: %s', async (_how, body) => {
    const { tenant, hook } = await world({ authorization: 'Bearer XYZ-77' });
    receiver.respond = (_request, res) => res.writeHead(200).end(body);
    await f.message(await f.session(tenant.id), 'message.received', {
      content: { type: 'text', text: TEXT },
    });
    await deliver();
    const { webhookId, responseBody } = webhookDeliveries;
    const [kept] = await f.deps.db
      .select({ responseBody })
      .from(webhookDeliveries)
      .where(eq(webhookId, hook.id));
    expect(kept?.responseBody).toMatch(/\[redacted\]|^\[not kept: \d+ bytes\]$|^x{4090}$/);
    for (const secret of ['Jalan', 'Caf', 'Merdeka', '482913', 'untuk', 'XYZ'])
      expect(kept?.responseBody).not.toContain(secret);
  });

  it('is hidden as a whole, the longest first, within 4,096 bytes; other words stay', () => {
    expect(keptAnswer('ok: Please call, please', ['Please', 'Please call'])).toBe('ok: [redacted], please');
    expect(keptAnswer('thanks', ['no'])).toBe('thanks');
    expect(keptAnswer('é'.repeat(4_000), ['secret'])).toBe('é'.repeat(2_048));
    expect(keptAnswer('', null)).toBe('');
    expect(keptAnswer('anything', null)).toBe('[not kept: 8 bytes]');
  });

  it('costs little, also where it was made to cost much', async () => {
    const texts = Array.from({ length: 300 }, (_, i) => `${'a'.repeat(15)}${String.fromCharCode(256 + i)}`);
    const tookMs = await cpuMsOf(() => {
      expect(keptAnswer('a'.repeat(16_384), texts)).toBe('a'.repeat(4_096));
      expect(keptAnswer('a'.repeat(16_384), ['a'.repeat(9_000)])).toMatch(/^\[not kept/);
    });
    expect(tookMs).toBeLessThan(1_000);
  });
});

describe('own headers', () => {
  it('are for the origin that they were given for: another URL drops what is not given again, and says so', async () => {
    const { ctx, hook } = await world({ authorization: 'Bearer one', 'x-shop': 'toko' });
    const elsewhere = await f.receiver();
    const same = await updateWebhook(ctx, { id: hook.id, url: `${receiver.url}/other` });
    expect(same).toMatchObject({ headerNames: ['authorization', 'x-shop'], droppedHeaders: [] });
    const headers = { authorization: null, 'x-shop': 'kios' };
    const moved = await updateWebhook(ctx, { id: hook.id, url: elsewhere.url, headers });
    expect(moved).toMatchObject({ headerNames: ['x-shop'], droppedHeaders: ['authorization'] });
    expect((await readEndpoint(f.deps, hook.id, clock.now()))?.headers).toEqual({ 'x-shop': 'kios' });
    const back = await updateWebhook(ctx, { id: hook.id, url: receiver.url });
    expect(back).toMatchObject({ headerNames: [], droppedHeaders: ['x-shop'] });
    expect((await readEndpoint(f.deps, hook.id, clock.now()))?.headers).toEqual({});
    const audit = await f.deps.db.select().from(auditEntries).where(eq(auditEntries.subject, hook.id));
    expect(audit.map(({ data }) => data)).toContainEqual(
      expect.objectContaining({ changed: ['url', 'headers'], headerNames: ['x-shop'] }),
    );
    expect(JSON.stringify(audit)).not.toContain('kios');
  });

  it('are sealed, kept by name, and replaced as a whole', async () => {
    const { ctx, hook } = await world({ 'X-Shop': 'toko', authorization: 'Bearer one' });
    const [row] = await f.deps.db.select().from(webhooks).where(eq(webhooks.id, hook.id));
    expect(row?.headers).not.toContain('Bearer');
    expect(await getWebhook(ctx, hook)).toMatchObject({ headerNames: ['X-Shop', 'authorization'] });
    const changed = await updateWebhook(ctx, {
      id: hook.id,
      headers: { Authorization: null, 'x-new': 'two' },
    });
    expect(changed.headerNames).toEqual(['Authorization', 'x-new']);
    expect((await readEndpoint(f.deps, hook.id, clock.now()))?.headers).toEqual({
      Authorization: 'Bearer one',
      'x-new': 'two',
    });
    await expect(updateWebhook(ctx, { id: hook.id, headers: { 'x-none': null } })).rejects.toMatchObject({
      details: { headers: 'x-none: has no value yet' },
    });
    expect((await updateWebhook(ctx, { id: hook.id, headers: {} })).headerNames).toEqual([]);
  });

  it.each([
    [{ Host: 'a.test' }],
    [{ 'Content-Length': '3' }],
    [{ 'webhook-signature': 'v1,x' }],
    [{ 'X-Forwarded-For': '127.0.0.1' }],
    [{ 'Metadata-Flavor': 'Google' }],
    [{ 'not a name': 'x' }],
    [{ 'x-line': 'one\r\nHost: two' }],
    [{ 'x-empty': ' ' }],
    [{ 'x-long': 'x'.repeat(1_001) }],
    [{ 'x-same': 'a', 'X-Same': 'b' }],
    [Object.fromEntries(Array.from({ length: 11 }, (_, i) => [`x-${i}`, 'x']))],
  ])('refused: %j', async (headers) => {
    const { apiKey } = await f.tenant();
    const body = { url: 'https://203.0.114.1/', events: ['*'], headers };
    expect(await f.call('/webhook', { method: 'POST', apiKey, body })).toMatchObject({
      status: 400,
      body: { code: 'VALIDATION_FAILED' },
    });
  });
});

describe('how an endpoint fares', () => {
  it('is told in the list: unused, healthy, retrying, down, healthy again', async () => {
    const { tenant, ctx, hook } = await world();
    const health = async () => (await listWebhooks(ctx, { page: 1, limit: 10 })).data[0]?.health;
    expect(await health()).toMatchObject({ state: 'unused', successRate: null, waiting: 0 });
    const session = await f.session(tenant.id);
    await f.message(session, 'message.sent');
    await deliver();
    expect(await health()).toMatchObject({ state: 'healthy', successRate: 100, attempts: 1 });
    receiver.respond = answer(503);
    await f.message(session, 'message.sent');
    await deliver();
    expect(await health()).toMatchObject({ state: 'retrying', successRate: 50, waiting: 1 });
    for (let i = 0; i < 4; i++) {
      await retryWebhook(ctx, hook);
      await deliver();
    }
    expect(await health()).toMatchObject({ state: 'down', waiting: 1, lastAcceptedAt: expect.any(String) });
    receiver.respond = answer(204);
    await retryWebhook(ctx, hook);
    await deliver();
    expect(await health()).toMatchObject({ state: 'healthy', waiting: 0, waitingSince: null });
  });
});

describe('an event that waits', () => {
  it('names the one before it, and both go at once when somebody asks for it', async () => {
    const { tenant, ctx, hook } = await world();
    const session = await f.session(tenant.id);
    receiver.respond = answer(503);
    await f.message(session, 'message.sent');
    await f.message(session, 'message.read');
    await deliver();
    const { data } = await listDeliveries(ctx, { id: hook.id, page: 1, limit: 10 });
    const [first, second] = ['message.sent', 'message.read'].map((event) =>
      data.find((one) => one.event === event),
    );
    expect(first).toMatchObject({ event: 'message.sent', attempts: 1, waitingBehind: null });
    expect(second).toMatchObject({
      event: 'message.read',
      attempts: 0,
      waitingBehind: {
        id: first?.id,
        event: 'message.sent',
        attempts: 1,
        nextAttemptAt: first?.nextAttemptAt,
      },
    });
    receiver.received.length = 0;
    receiver.respond = answer(204);
    await deliver();
    expect(receiver.received).toHaveLength(0);
    const asked = await retryDelivery(ctx, { id: second?.id ?? '' });
    expect(asked.waitingBehind).toMatchObject({ id: first?.id });
    await deliver();
    expect(receiver.received.map(({ type }) => type)).toEqual(['message.sent', 'message.read']);
    await expect(retryDelivery(ctx, { id: second?.id ?? '' })).rejects.toMatchObject({ code: 'CONFLICT' });
  });

  it('is not tried beside somebody who delivers it at this moment', async () => {
    const { tenant, ctx, hook } = await world();
    await f.message(await f.session(tenant.id), 'message.sent');
    const [event] = (await listDeliveries(ctx, { id: hook.id, page: 1, limit: 10 })).data;
    const claim = { claim: newId(), dueAt: clock.now() + MINUTE_MS };
    await f.deps.db.update(webhookLanes).set(claim).where(eq(webhookLanes.webhookId, hook.id));
    await expect(retryDelivery(ctx, { id: event?.id ?? '' })).rejects.toMatchObject({ code: 'CONFLICT' });
    expect(await retryWebhook(ctx, hook)).toEqual({ sessions: 0 });
    await f.deps.db.delete(webhookLanes).where(eq(webhookLanes.webhookId, hook.id));
    await f.deps.db.delete(webhookOutbox).where(eq(webhookOutbox.webhookId, hook.id));
  });
});

describe('delivering again', () => {
  /** Events of two sessions that have failed for good. */
  async function failed(n: number): Promise<Awaited<ReturnType<typeof world>>> {
    const made = await world();
    const sessions = [await f.session(made.tenant.id), await f.session(made.tenant.id)];
    for (let i = 0; i < n; i++) for (const session of sessions) await f.message(session, 'message.sent');
    await f.deps.db
      .update(webhookOutbox)
      .set({ state: 'dead' })
      .where(eq(webhookOutbox.webhookId, made.hook.id));
    return made;
  }
  const signal = new AbortController().signal;
  const ids = () => receiver.received.map(({ headers }) => headers['webhook-id']);

  it('one event is replayed once by many clicks at a time', async () => {
    const { ctx, hook } = await failed(1);
    const [event] = (await listDeliveries(ctx, { id: hook.id, page: 1, limit: 10 })).data;
    const clicks = await Promise.allSettled(
      Array.from({ length: 8 }, () => replayDelivery(ctx, { id: event?.id ?? '' })),
    );
    expect(clicks.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
    await deliver();
    expect(ids()).toEqual([event?.id]);
  });

  it('all that failed since a time go once, in order, whoever feeds them, and earlier ones stay', async () => {
    const { ctx, hook } = await failed(3);
    await clock.advance(MINUTE_MS);
    const since = new Date(clock.now()).toISOString();
    const session = await f.session(ctx.actor.userId);
    for (let i = 0; i < 250; i++) await f.message(session, 'message.sent');
    // They happened one after the other.
    await f.deps.db
      .update(webhookOutbox)
      .set({ state: 'dead', createdAt: sql`${clock.now()} + ${webhookOutbox.seq}` })
      .where(and(eq(webhookOutbox.webhookId, hook.id), eq(webhookOutbox.sessionId, session.sessionId)));
    await clock.advance(1_000);
    const asked = await replayFailed(ctx, { id: hook.id, since });
    expect(asked).toMatchObject({ state: 'running', found: 250, replayed: 0 });
    await expect(replayFailed(ctx, { id: hook.id, since })).rejects.toMatchObject({ code: 'CONFLICT' });
    // Processes that look at the same moment.
    await Promise.all([1, 2, 3].map(() => feedReplays(f.deps, signal)));
    expect((await listReplays(ctx, hook))[0]).toMatchObject({ replayed: 200, state: 'running' });
    // The window is full until its events have ended.
    await feedReplays(f.deps, signal);
    expect(await f.states(hook.id)).toEqual({ dead: 56, pending: 200 });
    for (let i = 0; i < 20 && (await listReplays(ctx, hook))[0]?.state === 'running'; i++) {
      await deliver();
      await feedReplays(f.deps, signal);
    }
    expect((await listReplays(ctx, hook))[0]?.state).toBe('done');
    await deliver();
    expect(await f.states(hook.id)).toEqual({ dead: 6, delivered: 250 });
    const got = receiver.received.filter(({ data }) => data.sessionId === session.sessionId);
    expect(got).toHaveLength(250);
    expect(new Set(got.map(({ headers }) => headers['webhook-id'])).size).toBe(250);
    const seqs = got.map(({ data }) => Number(data.seq));
    expect(seqs).toEqual([...seqs].sort((a, b) => a - b));
    expect((await listReplays(ctx, hook))[0]).toMatchObject({ found: 250, replayed: 250 });
  });

  it('ends when it is stopped, or its webhook is off, and another one may begin', async () => {
    const { ctx, hook } = await failed(1);
    const since = new Date(0).toISOString();
    const { id } = await replayFailed(ctx, { id: hook.id, since });
    expect(await stopReplay(ctx, { id })).toMatchObject({ state: 'stopped', replayed: 0 });
    await feedReplays(f.deps, signal);
    expect(await f.states(hook.id)).toEqual({ dead: 2 });
    await replayFailed(ctx, { id: hook.id, since });
    await updateWebhook(ctx, { id: hook.id, status: 'disabled' });
    await feedReplays(f.deps, signal);
    expect((await listReplays(ctx, hook)).map(({ state }) => state)).toEqual(['stopped', 'stopped']);
    await expect(replayFailed(ctx, { id: hook.id, since })).rejects.toMatchObject({ code: 'CONFLICT' });
  });

  it("is not for others: somebody else's replay is not there", async () => {
    const { ctx, hook } = await failed(1);
    const { id } = await replayFailed(ctx, { id: hook.id, since: new Date(0).toISOString() });
    const other = f.ctx((await f.tenant()).id);
    await expect(stopReplay(other, { id })).rejects.toMatchObject({ code: 'NOT_FOUND' });
    await expect(listReplays(other, hook)).rejects.toMatchObject({ code: 'NOT_FOUND' });
    await stopReplay(ctx, { id });
  });

  it('a step that did not come to its commit is done again by the next process', async () => {
    const { ctx, hook } = await failed(2);
    await replayFailed(ctx, { id: hook.id, since: new Date(0).toISOString() });
    const killed = Object.create(f.deps.database, {
      db: {
        value: Object.create(f.deps.db, {
          transaction: {
            value: (work: (tx: unknown) => Promise<unknown>) =>
              f.deps.db.transaction(async (tx) => {
                await work(tx);
                throw new Error('killed before its commit');
              }),
          },
        }),
      },
    });
    expect(await feedReplays({ ...f.deps, database: killed }, signal)).toBe(false);
    expect(await f.states(hook.id)).toEqual({ dead: 4 });
    await feedReplays(f.deps, signal);
    await deliver();
    await feedReplays(f.deps, signal);
    expect(await f.states(hook.id)).toEqual({ delivered: 4 });
    expect((await listReplays(ctx, hook))[0]).toMatchObject({ state: 'done', replayed: 4 });
  });
});

describe('replays beside others', () => {
  const signal = new AbortController().signal;

  async function failing(): Promise<Awaited<ReturnType<typeof world>>> {
    const made = await world();
    await f.message(await f.session(made.tenant.id), 'message.sent');
    const { webhookId } = webhookOutbox;
    await f.deps.db.update(webhookOutbox).set({ state: 'dead' }).where(eq(webhookId, made.hook.id));
    await replayFailed(made.ctx, { id: made.hook.id, since: new Date(0).toISOString() });
    return made;
  }

  it('go on when one cannot be read, which ends', async () => {
    const [bad, good] = [await failing(), await failing()];
    await f.deps.db.update(webhooks).set({ secret: 'no sealed text' }).where(eq(webhooks.id, bad.hook.id));
    await feedReplays(f.deps, signal);
    expect(await f.states(good.hook.id)).toEqual({ pending: 1 });
    expect((await listReplays(bad.ctx, bad.hook))[0]).toMatchObject({ state: 'stopped', replayed: 0 });
    await f.deps.db.delete(webhookOutbox).where(eq(webhookOutbox.webhookId, good.hook.id));
    await feedReplays(f.deps, signal);
    expect((await listReplays(good.ctx, good.hook))[0]?.state).toBe('done');
  });

  it('have their turn behind a hundred that wait', async () => {
    const stuck = await world();
    await f.message(await f.session(stuck.tenant.id), 'message.sent');
    const [event] = await f.deps.db
      .select()
      .from(webhookOutbox)
      .where(eq(webhookOutbox.webhookId, stuck.hook.id));
    const now = clock.now();
    if (!event) throw new Error('nothing to wait for');
    const ids = Array.from({ length: 100 }, () => newId(now));
    // The window of each is full of events that wait.
    const events = Array.from({ length: 101 }, () => ({ ...event, id: newId(now), lane: 'held' }));
    await f.deps.db.insert(webhookOutbox).values(events);
    const row = {
      userId: stuck.tenant.id,
      state: 'running' as const,
      since: 0,
      until: now,
      window: events.map(({ id }) => id),
      createdAt: now,
      updatedAt: now - MINUTE_MS,
    };
    await f.deps.db
      .insert(webhookReplays)
      .values(ids.map((id) => ({ ...row, id, webhookId: stuck.hook.id, activeKey: id })));
    const other = await failing();
    await clock.advance(1_000);
    await feedReplays(f.deps, signal);
    await clock.advance(1_000);
    await feedReplays(f.deps, signal);
    expect(await f.states(other.hook.id)).toEqual({ pending: 1 });
    await f.deps.db.delete(webhookReplays).where(eq(webhookReplays.userId, stuck.tenant.id));
    await f.deps.db.delete(webhookOutbox).where(eq(webhookOutbox.lane, 'held'));
  });
});

it('attempts go with their event, and with their webhook', async () => {
  const signal = new AbortController().signal;
  const made = [await world(), await world(), await world()];
  const attempts = async () => {
    const rows = await f.deps.db.select({ id: webhookDeliveries.webhookId }).from(webhookDeliveries);
    return made.map(({ hook }) => rows.filter(({ id }) => id === hook.id).length);
  };
  for (const { tenant } of made) await f.message(await f.session(tenant.id), 'message.sent');
  await deliver();
  expect(await attempts()).toEqual([1, 1, 1]);
  const [old, gone] = made;
  if (!old || !gone) throw new Error('no webhooks');
  await f.deps.db
    .update(webhookOutbox)
    .set({ createdAt: clock.now() - 8 * DAY_MS })
    .where(eq(webhookOutbox.webhookId, old.hook.id));
  await deleteWebhook(gone.ctx, gone.hook);
  await cleanWebhookHistory(f.deps.db, { now: clock.now(), signal });
  expect(await attempts()).toEqual([0, 0, 1]);
  expect(await f.states(gone.hook.id)).toEqual({});
});

it('an example of every event can be sent, and says that it is one', async () => {
  const { ctx, hook } = await world();
  for (const event of WEBHOOK_EVENTS) {
    const result = await testWebhook(ctx, { id: hook.id, event });
    expect(result).toMatchObject({ event, delivered: true });
    expect(JSON.parse(result.request.body)).toMatchObject({ type: event, data: { test: true } });
  }
  expect(receiver.received.map(({ type }) => type)).toEqual([...WEBHOOK_EVENTS]);
  expect((await testWebhook(ctx, hook)).event).toBe('webhook.test');
});

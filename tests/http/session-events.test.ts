import { eq } from 'drizzle-orm';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { transact } from '../../src/db/ops.ts';
import { messages, users, whatsappAccounts } from '../../src/db/schema.ts';
import { type Fact, record } from '../../src/events/record.ts';
import { createEventStream } from '../../src/events/stream.ts';
import { newId } from '../../src/utils/ids.ts';
import type { Tenant } from '../helpers/tenant.ts';
import { openSessionApp, QR, type SessionApp } from './session-app.ts';

const PHONE = '6281299900001';

interface Received {
  id: string;
  event: string;
  data: Record<string, unknown>;
}

/** Reads a stream as a browser does. */
function openEvents(t: SessionApp, path: string, headers: Record<string, string>) {
  const abort = new AbortController();
  const events: Received[] = [];
  let comments = 0;
  let ended = false;
  const status = (async () => {
    const response = await t.app.request(path, { headers, signal: abort.signal });
    void read(response);
    return response;
  })();
  async function read(response: Response): Promise<void> {
    const reader = response.body?.pipeThrough(new TextDecoderStream()).getReader();
    abort.signal.addEventListener('abort', () => void reader?.cancel().catch(() => undefined));
    let buffer = '';
    for (;;) {
      const chunk = await reader?.read().catch(() => undefined);
      if (!chunk || chunk.done) break;
      buffer += chunk.value;
      for (let end = buffer.indexOf('\n\n'); end >= 0; end = buffer.indexOf('\n\n')) {
        take(buffer.slice(0, end));
        buffer = buffer.slice(end + 2);
      }
    }
    ended = true;
  }
  function take(block: string): void {
    const field = (name: string) => new RegExp(`^${name}: (.*)$`, 'm').exec(block)?.[1];
    const event = field('event');
    if (event === undefined) comments += 1;
    else events.push({ id: field('id') ?? '', event, data: JSON.parse(field('data') ?? '{}') });
  }
  return {
    events,
    response: status,
    comments: () => comments,
    ended: () => ended,
    close: () => abort.abort(),
    async until(check: (events: Received[]) => boolean, timeoutMs = 5_000) {
      const endsAt = performance.now() + timeoutMs;
      while (!check(events)) {
        if (performance.now() > endsAt) throw new Error(`only ${JSON.stringify(events)}`);
        await new Promise((resolve) => setTimeout(resolve, 5));
      }
    },
  };
}

let t: SessionApp;
let tenant: Tenant;
let accountId: string;
const opened: ReturnType<typeof openEvents>[] = [];

const follow = (headers: Record<string, string> = {}, session = 'live') => {
  const stream = openEvents(t, `/session/events?session=${session}`, {
    'x-api-key': tenant.apiKey,
    ...headers,
  });
  opened.push(stream);
  return stream;
};

const tell = (facts: Omit<Fact, 'userId' | 'session'>[]) =>
  transact(t.deps.database, (tx) =>
    record(
      tx,
      t.deps,
      facts.map((fact) => ({ ...fact, userId: tenant.id, session: { id: accountId, sessionId: 'live' } })),
    ),
  );

beforeAll(async () => {
  t = await openSessionApp();
});
afterAll(() => t.close());
beforeEach(async () => {
  tenant = await t.tenant();
  await t.as(tenant).post('/session/create', { sessionId: 'live' });
  accountId = t.newest();
});
afterEach(() => {
  for (const stream of opened.splice(0)) stream.close();
});

describe('live events', () => {
  it('begin with the state and the QR, and tell of the connection', async () => {
    const stream = follow();
    const response = await stream.response;
    expect(response.status).toBe(200);
    expect(response.headers.get('content-type')).toContain('text/event-stream');
    expect(response.headers.get('cache-control')).toContain('no-cache');
    await stream.until((events) => events.length >= 2);
    expect(stream.events[0]).toMatchObject({ event: 'status', data: { sessionId: 'live', status: 'qr' } });
    expect(stream.events[1]).toMatchObject({
      event: 'qr',
      data: { qr: QR, qrCode: expect.stringMatching(/^data:image/), expiresAt: expect.any(String) },
    });
    t.engine.connect(accountId, PHONE);
    await stream.until((events) => events.length >= 3);
    expect(stream.events[2]).toMatchObject({ event: 'status', data: { status: 'connected', reason: null } });
    expect(Number(stream.events[2]?.id)).toBeGreaterThan(Number(stream.events[0]?.id));
  });

  it('tell a new QR from the row, only the current one', async () => {
    const stream = follow();
    await stream.until((events) => events.length >= 2);
    t.engine.emit(accountId, { type: 'qr', qr: 'second-qr', expiresAt: Date.now() + 20_000 });
    await stream.until((events) => events.length >= 3);
    expect(stream.events[2]).toMatchObject({ event: 'qr', data: { qr: 'second-qr' } });
  });

  it('tell messages with their content, and receipts', async () => {
    const stream = follow();
    await stream.until((events) => events.length >= 2);
    const at = Date.now();
    const rowOf = (author: string, text: string) => ({
      id: newId(),
      userId: tenant.id,
      accountId,
      sessionId: 'live',
      messageId: 'IN1',
      direction: 'in' as const,
      peer: '120@g.us',
      author,
      type: 'text',
      content: { type: 'text', text },
      status: 'received' as const,
      createdAt: at,
      updatedAt: at,
    });
    // Two members of a group that use the same id.
    const rows = [rowOf('1@lid', 'halo'), rowOf('2@lid', 'hai')];
    await t.deps.db.insert(messages).values(rows);
    await tell([
      ...rows.map(({ id }) => ({ event: 'message.received' as const, subject: 'IN1', data: { id } })),
      { event: 'message.delivered', subject: 'OUT1', data: { status: 'delivered' } },
      { event: 'session.limits' },
      { event: 'message.queued', subject: 'OUT2' },
    ]);
    await stream.until((events) => events.length >= 5);
    expect(stream.events.slice(2)).toMatchObject([
      { event: 'message', data: { messageId: 'IN1', chat: '120@g.us', content: { text: 'halo' } } },
      { event: 'message', data: { messageId: 'IN1', chat: '120@g.us', content: { text: 'hai' } } },
      { event: 'receipt', data: { messageId: 'OUT1', status: 'delivered' } },
    ]);
  });

  it('go on after Last-Event-ID without a gap, a repetition or disorder', async () => {
    const first = follow();
    await first.until((events) => events.length >= 2);
    const lastId = first.events.at(-1)?.id ?? '';
    first.close();
    await tell(
      Array.from({ length: 250 }, (_, i) => ({
        event: 'message.sent' as const,
        subject: `M${i}`,
        data: { i },
      })),
    );
    const second = follow({ 'last-event-id': lastId });
    await second.until((events) => events.length >= 250);
    await tell([{ event: 'message.sent', subject: 'M250', data: { i: 250 } }]);
    await second.until((events) => events.length >= 251);
    expect(second.events.map(({ data }) => data.i)).toEqual(Array.from({ length: 251 }, (_, i) => i));
    const ids = second.events.map(({ id }) => Number(id));
    expect(ids).toEqual(Array.from({ length: 251 }, (_, i) => Number(lastId) + 1 + i));
  });

  it('begin with the state for a Last-Event-ID of nonsense or of the future', async () => {
    for (const id of ['nonsense', '999999999', '-1']) {
      const stream = follow({ 'last-event-id': id });
      await stream.until((events) => events.length >= 2);
      expect(stream.events[0]?.event).toBe('status');
    }
  });

  it('come from another process, too, whose stream is not heard here', async () => {
    const stream = follow();
    await stream.until((events) => events.length >= 2);
    const elsewhere = { ...t.deps, stream: createEventStream() };
    const session = { id: accountId, sessionId: 'live' };
    await transact(t.deps.database, (tx) =>
      record(tx, elsewhere, [{ userId: tenant.id, session, event: 'message.read', subject: 'R' }]),
    );
    await stream.until((events) => events.length >= 3);
    expect(stream.events[2]).toMatchObject({ event: 'receipt', data: { messageId: 'R' } });
  });

  it('end when the session is deleted', async () => {
    const stream = follow();
    await stream.until((events) => events.length >= 2);
    await t.as(tenant).del('/session/live');
    await stream.until(() => stream.ended());
  });

  it('leave nothing behind when the client goes', async () => {
    const streams = Array.from({ length: 100 }, () => follow());
    await Promise.all(streams.map((stream) => stream.until((events) => events.length >= 2, 20_000)));
    const refused = follow();
    expect((await refused.response).status).toBe(429);
    for (const stream of streams) stream.close();
    await refused.until(() => streams.every((stream) => stream.ended()));
    const again = follow();
    await again.until((events) => events.length >= 2);
  });

  it('open with the signed link of the answer, and not with nothing', async () => {
    const [row] = await t.deps.db.select().from(whatsappAccounts).where(eq(whatsappAccounts.id, accountId));
    expect(row?.sessionId).toBe('live');
    await t.as(tenant).post('/session/logout', { sessionId: 'live' });
    const { data } = (await t.as(tenant).post('/session/create', { sessionId: 'live' })).body;
    const stream = openEvents(t, String(Object(data).eventsUrl).replace('http://hub.test', ''), {});
    opened.push(stream);
    await stream.until((events) => events.length >= 2);
    expect((await t.call('/session/events?session=live')).status).toBe(401);
  });

  it('a signed link shows QR and status only, and ends when the phone is linked', async () => {
    await t.as(tenant).post('/session/logout', { sessionId: 'live' });
    const { data } = (await t.as(tenant).post('/session/create', { sessionId: 'live' })).body;
    const stream = openEvents(t, String(Object(data).eventsUrl).replace('http://hub.test', ''), {});
    opened.push(stream);
    await stream.until((events) => events.length >= 2);
    const fact = { userId: tenant.id, session: { id: accountId, sessionId: 'live' } };
    const linked = { ...fact, event: 'session.status' as const, data: { status: 'connected' } };
    const received = { ...fact, event: 'message.received' as const, subject: 'M1', data: { type: 'text' } };
    await transact(t.deps.db, (tx) => record(tx, t.deps, [received, linked, received]));
    await stream.until(() => stream.ended());
    expect(new Set(stream.events.map(({ event }) => event))).toEqual(new Set(['status', 'qr']));
    expect(stream.events.at(-1)).toMatchObject({ event: 'status', data: { status: 'connected' } });
  });
});

describe('a credential that is revoked', () => {
  it('ends the stream at the next heartbeat', async () => {
    const stream = follow();
    await stream.until((events) => events.length >= 2);
    await t.deps.db.update(users).set({ status: 'disabled' }).where(eq(users.id, tenant.id));
    t.deps.credentials.forget(tenant.id);
    await stream.until(() => stream.ended(), 20_000);
    expect(stream.comments()).toBe(1);
  });
});

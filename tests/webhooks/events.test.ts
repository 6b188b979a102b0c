/** `GET /events`: all sessions of a tenant, live and resumable. */
import { eq } from 'drizzle-orm';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { activityLogs, users, whatsappAccounts } from '../../src/db/schema.ts';
import { followTenant, type TenantFeed } from '../../src/services/events/feed.ts';
import {
  decodePosition,
  encodePosition,
  MAX_POSITION_ENTRIES,
  shortName,
} from '../../src/services/events/stream-position.ts';
import { createFakeClock, type FakeClock } from '../helpers/clock.ts';
import { type Fixture, openFixture, type Session, upTo } from './fixture.ts';

let f: Fixture;
let clock: FakeClock;
let userId: number;
let apiKey: string;

beforeEach(async () => {
  clock = createFakeClock(Date.now());
  f = await openFixture({ clock });
  ({ id: userId, apiKey } = await f.tenant());
});
afterEach(() => f.close());

const follow = (cursor: string | null = null) => followTenant(f.ctx(userId), { cursor });

/** Everything there is, and where each event was. */
async function drain(feed: TenantFeed): Promise<{ at: string; cursor: string }[]> {
  const told: { at: string; cursor: string }[] = [];
  for (;;) {
    const events = await feed.next();
    if (events.length === 0) return told;
    for (const { cursor, payload } of events) {
      told.push({ at: `${payload.data.sessionId}:${payload.data.seq}`, cursor });
    }
  }
}

const of = (session: Session, seqs: number[]) => seqs.map((seq) => `${session.sessionId}:${seq}`);
const names = (told: { at: string }[]) => told.map(({ at }) => at).sort();

test('whoever comes back with any event id gets the rest: nothing is lost, nothing comes twice', async () => {
  const sessions = [await f.session(userId, 'a'), await f.session(userId, 'b'), await f.session(userId, 'c')];
  const feed = await follow();
  for (let i = 0; i < 8; i++) {
    for (const session of sessions.slice(0, 1 + (i % 3))) await f.message(session, 'message.sent');
    await clock.advance(17_000);
  }
  const first = await drain(feed);
  for (const session of sessions) await f.message(session, 'message.read');
  const all = [...first, ...(await drain(feed))];
  expect(all).toHaveLength(18);
  for (let i = 0; i < all.length; i++) {
    const rest = await drain(await follow(all[i]?.cursor ?? ''));
    expect(names([...all.slice(0, i + 1), ...rest])).toEqual(names(all));
  }
});

test('what happened before is not told; what happens between the answer and the first event is', async () => {
  const session = await f.session(userId, 'a');
  await f.message(session, 'message.sent');
  const feed = await follow();
  const start = feed.cursor();
  expect(await drain(feed)).toEqual([]);
  await f.message(session, 'message.read');
  const late = await f.session(userId, 'made-later');
  await f.message(late, 'message.sent');
  const expected = [...of(session, [2]), ...of(late, [1])];
  expect(names(await drain(feed))).toEqual(expected);
  expect(names(await drain(await follow(start)))).toEqual(expected);
});

test('the id stays short: quiet sessions are not named in it', async () => {
  const feed = await follow();
  for (let i = 0; i < 30; i++) await f.message(await f.session(userId), 'message.sent');
  const busy = (await drain(feed)).at(-1)?.cursor ?? '';
  expect(decodePosition(busy)?.seqs.size).toBe(30);
  await clock.advance(120_000);
  expect(await feed.next()).toEqual([]);
  const session = await f.session(userId);
  await f.message(session, 'message.sent');
  const quiet = (await drain(feed)).at(-1)?.cursor ?? '';
  expect([...(decodePosition(quiet)?.seqs ?? [])]).toEqual([[shortName(session.id), 1]]);
  expect(await drain(await follow(quiet))).toEqual([]);
});

test('cursors: what goes in comes out, too many keep the newest, strange ones are none', () => {
  const seqs = new Map([
    ['00000000', 0],
    ['deadbeef', 127],
    ['12345678', 128],
    ['ffffffff', Number.MAX_SAFE_INTEGER],
  ]);
  expect(decodePosition(encodePosition({ since: 1_700_000_000_000, seqs }))).toEqual({
    since: 1_700_000_000_000,
    seqs,
  });
  const many = new Map(upTo(5000).map((n) => [n.toString(16).padStart(8, '0'), 2 ** 40 + n]));
  const text = encodePosition({ since: 1, seqs: many });
  expect(text.length).toBeLessThan(3000);
  const kept = decodePosition(text)?.seqs;
  expect(kept?.size).toBe(MAX_POSITION_ENTRIES);
  expect(kept?.get('00001388')).toBe(2 ** 40 + 5000);
  for (const bad of ['', '42', 'not ours at all!', 'A'.repeat(20), `AQ${'_'.repeat(60)}`]) {
    expect(decodePosition(bad)).toBeNull();
  }
});

test('a cursor that is a day old, or behind more than is replayed, starts again and says so', async () => {
  const session = await f.session(userId);
  const feed = await follow();
  await f.message(session, 'message.sent');
  const cursor = (await drain(feed))[0]?.cursor ?? '';
  expect((await follow(cursor)).wasReset).toBe(false);
  expect((await follow('nonsense-nonsense')).wasReset).toBe(true);
  await clock.advance(25 * 3_600_000);
  const again = await follow(cursor);
  expect(again.wasReset).toBe(true);
  expect(await drain(again)).toEqual([]);
});

test('a busy session leaves room for the others, and the last events of a deleted one are told', async () => {
  const [busy, calm] = [await f.session(userId, 'busy'), await f.session(userId, 'calm')];
  const feed = await follow();
  const fact = { userId, event: 'session.limits', session: busy } as const;
  await f.facts(...upTo(130).map(() => fact));
  await f.message(calm, 'message.sent');
  expect((await feed.next()).map(({ payload }) => payload.data.sessionId)).toContain('calm');
  await f.facts({ userId, event: 'session.deleted', session: busy });
  await f.deps.db.delete(whatsappAccounts).where(eq(whatsappAccounts.id, busy.id));
  const rest = (await drain(feed)).map(({ at }) => at);
  expect(rest).toEqual(of(busy, upTo(131).slice(50)));
});

test('a log that was cleaned is passed over', async () => {
  const session = await f.session(userId, 'a');
  const feed = await follow();
  await f.message(session, 'message.sent');
  await f.deps.db.delete(activityLogs);
  expect(await drain(feed)).toEqual([]);
  await f.message(session, 'message.read');
  expect(names(await drain(feed))).toEqual(of(session, [2]));
});

test('a key that is bound to a session follows that one; no tenant hears of another', async () => {
  const [mine, second] = [await f.session(userId, 'main'), await f.session(userId, 'second')];
  const other = await f.tenant();
  const foreign = await f.session(other.id, 'main');
  const bound = await followTenant(f.ctx(userId, { via: 'api_key', sessionIds: ['main'] }), { cursor: null });
  const start = bound.cursor();
  for (const session of [mine, second, foreign]) await f.message(session, 'message.sent');
  expect(names(await drain(bound))).toEqual(of(mine, [1]));
  const again = await followTenant(f.ctx(userId, { sessionIds: ['main'] }), { cursor: start });
  expect(names(await drain(again))).toEqual(of(mine, [1]));
  await expect(followTenant(f.ctx(userId), { cursor: null, userId: other.id })).rejects.toMatchObject({
    code: 'FORBIDDEN',
  });
});

/** Reads a stream until `test` finds what it waits for. */
async function readUntil(
  reader: ReadableStreamDefaultReader<Uint8Array>,
  test: (text: string) => boolean,
): Promise<string> {
  let text = '';
  while (!test(text)) {
    const { value, done } = await reader.read();
    if (done) break;
    text += Buffer.from(value).toString();
  }
  return text;
}

async function openStream(headers: Record<string, string> = {}) {
  const response = await f.app.request('/events', { headers: { 'x-api-key': apiKey, ...headers } });
  if (response.body === null) throw new Error('no body');
  return { response, reader: response.body.getReader() };
}

test('over HTTP: ready, then events with the JSON of webhooks, then the rest after Last-Event-ID', async () => {
  const session = await f.session(userId, 'a');
  const { response, reader } = await openStream();
  expect(response.headers.get('content-type')).toContain('text/event-stream');
  await readUntil(reader, (text) => text.includes('event: ready'));
  await f.message(session, 'message.received', { content: { type: 'text', text: 'hello' } });
  const text = await readUntil(reader, (got) => got.includes('\nid: '));
  expect(text).toContain('event: message.received');
  const payload = JSON.parse(/^data: (.*)$/m.exec(text)?.[1] ?? '{}');
  expect(payload).toMatchObject({
    type: 'message.received',
    data: { sessionId: 'a', seq: 1, content: { text: 'hello' }, phone: '+6281234567890' },
  });
  await reader.cancel();
  const id = /^id: (.*)$/m.exec(text)?.[1] ?? '';
  await f.message(session, 'message.read');
  const again = await openStream({ 'last-event-id': id });
  const rest = await readUntil(again.reader, (got) => got.includes('message.read'));
  expect(rest).not.toContain('event: message.received');
  await again.reader.cancel();
});

test('over HTTP: a heartbeat every 15 s, and the end when the user is disabled', async () => {
  const { reader } = await openStream();
  await readUntil(reader, (text) => text.includes('event: ready'));
  const beat = readUntil(reader, (text) => text.includes(': still here'));
  await clock.advance(20_000);
  await beat;
  await f.deps.db.update(users).set({ status: 'disabled' }).where(eq(users.id, userId));
  f.deps.credentials.forget(userId);
  const end = readUntil(reader, () => false);
  await clock.advance(20_000);
  expect(await end).not.toContain('event:');
  expect((await f.call('/events')).status).toBe(401);
});

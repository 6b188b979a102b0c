/** No tenant takes more than its share, however it asks, and is told which limit it met. On both databases. */

import { eq } from 'drizzle-orm';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { createApp } from '../../src/app.ts';
import { allRoutes } from '../../src/controllers/index.ts';
import { quotaHolds, whatsappAccounts } from '../../src/db/schema.ts';
import { dataOf, enterAs, type World } from '../broadcast/fixture.ts';
import { openTestApp, type Reply, type Tenant, type TestApp, testConfig } from '../helpers/app.ts';
import { hurriedClock } from '../helpers/clock.ts';

const QUOTAS = {
  ...testConfig().quotas,
  sessions: 3,
  storedBytes: 1000,
  storedFiles: 4,
  keysInGrace: 2,
  contacts: 10,
};
const AT_ONCE = 8;

let t: TestApp;
let tenant: Tenant;
beforeAll(async () => {
  t = await openTestApp({ clock: hurriedClock, config: { quotas: QUOTAS } });
});
afterAll(() => t.close());
beforeEach(async () => {
  tenant = await t.tenant();
});

const times = <R>(n: number, make: (i: number) => Promise<R>) =>
  Promise.all(Array.from({ length: n }, (_, i) => make(i)));
const post = (path: string, body?: unknown, as = tenant) =>
  t.call(path, { method: 'POST', token: as.token, body });
const dataUrl = (bytes: number, letter: string) =>
  `data:text/plain;base64,${Buffer.from(letter.repeat(bytes)).toString('base64')}`;
const good = (replies: readonly Reply[]) => replies.filter(({ status }) => status < 300).length;

async function usageOf(quota: string, as = tenant): Promise<unknown> {
  const { body } = await t.call('/usage', { token: as.token });
  if (!Array.isArray(body.data)) throw new Error('no usage');
  return body.data.find((one: { quota: string }) => one.quota === quota);
}

function expectRefusals(replies: readonly Reply[], quota: string, limit: number): void {
  const refused = replies.filter(({ status }) => status >= 300);
  expect(refused.length).toBeGreaterThan(0);
  for (const { status, body } of refused) {
    expect(status).toBe(429);
    expect(body).toMatchObject({ code: 'QUOTA_EXCEEDED', details: { quota, limit } });
    expect(body.message).toContain(String(limit));
  }
}

describe('of what a tenant keeps there is never more than its limit, asked for at once', () => {
  test('sessions; one that is deleted makes room, and a name that exists is told so first', async () => {
    const replies = await times(AT_ONCE, (i) => post('/session/create', { sessionId: `s${i}` }));
    expect(good(replies)).toBe(3);
    expectRefusals(replies, 'sessions', 3);
    expect(await usageOf('sessions')).toEqual({ quota: 'sessions', used: 3, limit: 3 });
    const kept = replies.findIndex(({ status }) => status === 201);
    expect(await post('/session/create', { sessionId: `s${kept}` })).toMatchObject({
      body: { code: 'SESSION_EXISTS' },
    });
    await t.deps.db.delete(whatsappAccounts).where(eq(whatsappAccounts.sessionId, `s${kept}`));
    expect((await post('/session/create', { sessionId: 'again' })).status).toBe(201);
  });

  test('uploaded files; the same bytes twice are one', async () => {
    const replies = await times(AT_ONCE, (i) => post('/media', { file: dataUrl(10, String(i)) }));
    expect(good(replies)).toBe(4);
    expectRefusals(replies, 'storedFiles', 4);
    const kept = replies.findIndex(({ status }) => status === 201);
    expect((await post('/media', { file: dataUrl(10, String(kept)) })).status).toBe(201);
  });

  test('stored bytes, those of broadcast uploads and of messages with them', async () => {
    const world = await enterAs(t, tenant);
    expect((await post('/media', { file: dataUrl(900, 'a') })).status).toBe(201);
    const gif = 'data:image/gif;base64,R0lGODlhAQABAIAAAAAAAP///yH5BAEAAAAALAAAAAABAAEAAAIBRAA7';
    expect((await world.post('/upload', { file: gif })).status).toBe(201);
    const over = [
      await post('/media', { file: dataUrl(90, 'b') }),
      await post('/message/send-document', {
        session: 'main',
        to: '+6281234567890',
        document: dataUrl(90, 'c'),
        filename: 'c.txt',
      }),
    ];
    expectRefusals(over, 'storedBytes', 1000);
    expect(over).toHaveLength(2);
    expect(await usageOf('storedBytes')).toMatchObject({ used: 942 });
  });

  test('contacts, on all lists together', async () => {
    const world: World = await enterAs(t, tenant);
    const lists = [await world.list('a'), await world.list('b')];
    const contacts = (from: number, n: number) =>
      Array.from({ length: n }, (_, i) => ({ number: `+62812345678${String(from + i).padStart(2, '0')}` }));
    const replies = await times(AT_ONCE, (i) =>
      world.post(`/lists/${lists[i % 2]}/contacts`, { contacts: contacts(i * 3, 3) }),
    );
    expect(good(replies)).toBe(3);
    expectRefusals(replies, 'contacts', 10);
    expect(await usageOf('contacts')).toMatchObject({ used: 9 });
    // Who is on the list already takes no room.
    const first = replies.findIndex(({ status }) => status < 300);
    const again = await world.post(`/lists/${lists[first % 2]}/contacts`, {
      contacts: contacts(first * 3, 3),
    });
    expect(dataOf(again)).toMatchObject({ added: 0 });
  });

  test('own keys that were replaced and still work', async () => {
    const renew = (minutes: number) => post(`/auth/regenerate-api-key?graceMinutes=${minutes}`);
    const replies = await times(AT_ONCE, () => renew(60));
    expect(good(replies)).toBe(2);
    expectRefusals(replies, 'keysInGrace', 2);
    expect((await renew(0)).status).toBe(200);
    expect((await t.call('/auth/me', { apiKey: tenant.apiKey })).status).toBe(401);
    expect((await renew(60)).status).toBe(200);
  });

  test('another tenant has room of its own', async () => {
    const other = await t.tenant();
    for (const as of [tenant, other]) {
      expect(good(await times(4, (i) => post('/media', { file: dataUrl(5, String(i)) }, as)))).toBe(4);
    }
  });
});

describe('uploads under way', () => {
  let few: TestApp;
  let owner: Tenant;
  beforeAll(async () => {
    few = await openTestApp({ config: { quotas: { ...QUOTAS, uploadsInFlight: 2 } } });
  });
  afterAll(() => few.close());
  beforeEach(async () => {
    owner = await few.tenant();
  });
  const uploadSmall = () =>
    few.call('/media', { method: 'POST', token: owner.token, body: { file: dataUrl(5, 'd') } });

  /** A body that goes on until it is let end. */
  function slowUpload(app: TestApp['app'], letter: string) {
    let end = (): void => undefined;
    const ended = new Promise<void>((resolve) => {
      end = resolve;
    });
    const body = new ReadableStream<Uint8Array>({
      async start(controller) {
        controller.enqueue(Buffer.from(`{"file":"data:text/plain,${letter}`));
        await ended;
        controller.enqueue(Buffer.from('"}'));
        controller.close();
      },
    });
    const headers = { authorization: `Bearer ${owner.token}`, 'content-type': 'application/json' };
    const answer = app.request('/media', { method: 'POST', body, headers, duplex: 'half' } as RequestInit);
    return { end, answer };
  }

  test('are counted over processes, and give their places back', async () => {
    const second = createApp({ ...few.deps }, allRoutes);
    const running = [slowUpload(few.app, 'a'), slowUpload(second, 'b')];
    await expect
      .poll(async () => (await few.deps.db.select().from(quotaHolds)).length, { timeout: 10_000 })
      .toBe(2);
    const third = slowUpload(few.app, 'c');
    const refused = await third.answer;
    third.end();
    expect(refused.status).toBe(429);
    expect(refused.headers.get('retry-after')).toBe('5');
    expect(await refused.json()).toMatchObject({
      code: 'QUOTA_EXCEEDED',
      details: { quota: 'uploadsInFlight' },
    });
    for (const one of running) one.end();
    expect((await Promise.all(running.map(({ answer }) => answer))).map(({ status }) => status)).toEqual([
      201, 201,
    ]);
    expect(await few.deps.db.select().from(quotaHolds)).toEqual([]);
    expect((await uploadSmall()).status).toBe(201);
    await second.stop();
  });

  test('a place that a crash left is free when its time is over', async () => {
    const row = { userId: owner.id, kind: 'upload' as const };
    const now = few.deps.clock.now();
    await few.deps.db.insert(quotaHolds).values([
      { ...row, id: '0'.repeat(32), expiresAt: now - 1 },
      { ...row, id: '1'.repeat(32), expiresAt: now - 1 },
    ]);
    expect((await uploadSmall()).status).toBe(201);
    await few.deps.db.delete(quotaHolds);
  });
});

test('more keys are not more requests', async () => {
  const quotas = { ...QUOTAS, requestsPerMinute: 12 };
  const few = await openTestApp({ config: { quotas } });
  const owner = await few.tenant();
  const keys = [owner.apiKey];
  for (let i = 0; i < 2; i++) {
    const made = await few.call('/auth/api-keys', {
      method: 'POST',
      token: owner.token,
      body: { name: `k${i}`, scopes: ['read'] },
    });
    keys.push(String(made.body.apiKey));
  }
  const replies = await times(30, (i) => few.call('/session/list', { apiKey: keys[i % 3] ?? '' }));
  expect(good(replies)).toBe(10);
  const refused = replies.find(({ status }) => status === 429);
  expect(refused?.body).toMatchObject({ code: 'RATE_LIMITED', details: { limit: 12, windowSeconds: 60 } });
  expect(Number(refused?.headers.get('retry-after'))).toBeGreaterThan(0);
  const other = await few.tenant();
  expect((await few.call('/session/list', { apiKey: other.apiKey })).status).toBe(200);
  await few.close();
});

test('usage is shown to its tenant and to an admin, and to no key of one session', async () => {
  const admin = await t.tenant('admin');
  const made = await post('/auth/api-keys', { name: 'bound', scopes: ['read'], sessionId: 'main' });
  expect((await t.call('/usage', { apiKey: String(made.body.apiKey) })).status).toBe(403);
  expect((await t.call(`/usage?userId=${tenant.id}`, { token: (await t.tenant()).token })).status).toBe(403);
  const seen = await t.call(`/usage?userId=${tenant.id}`, { token: admin.token });
  expect(seen.body.data).toContainEqual({ quota: 'apiKeys', used: 1, limit: 100 });
});

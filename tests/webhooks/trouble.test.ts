/** Receivers that are down, hang, refuse or ask for patience. On both databases. */
import { setTimeout as delay } from 'node:timers/promises';
import { eq } from 'drizzle-orm';
import { afterEach, expect, test } from 'vitest';
import type { Db } from '../../src/db/client.ts';
import { locked } from '../../src/db/ops.ts';
import { webhookDeliveries, webhookLanes, webhookOutbox } from '../../src/db/schema.ts';
import { getDelivery, listDeliveries, replayDelivery } from '../../src/services/webhooks/deliveries.ts';
import { cleanWebhookHistory } from '../../src/services/webhooks/retention.ts';
import { updateWebhook } from '../../src/services/webhooks/verbs.ts';
import type { Clock } from '../../src/utils/clock.ts';
import { newId } from '../../src/utils/ids.ts';
import { createWebhookSender, type WebhookSenderOptions } from '../../src/workers/webhook-sender/index.ts';
import { createFakeClock, type FakeClock, turns } from '../helpers/clock.ts';
import { SOON_MS, whileLocked } from '../helpers/locks.ts';
import { testOn } from '../helpers/on-database.ts';
import { accept, answer, type Fixture, hang, openFixture, seqsOf, upTo, whenIdle } from './fixture.ts';

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;

/** For tests of many minutes: each look is a query, and with one a second these would be all that takes time. */
const SELDOM = { pollMs: 10_000 } satisfies WebhookSenderOptions;

let open: Fixture | undefined;
afterEach(async () => {
  await open?.close();
  open = undefined;
});

/** A tenant with a webhook for everything, a receiver, and a sender on a clock that the test moves. */
async function start(options: WebhookSenderOptions = {}) {
  const clock: FakeClock = createFakeClock();
  const f = await openFixture({ clock });
  open = f;
  const { id: userId } = await f.tenant();
  const receiver = await f.receiver();
  const hook = await f.hook(userId, { url: receiver.url, events: ['*'] });
  const sender = f.sender({ random: () => 0.5, ...options });
  clock.idleWith(whenIdle(sender));
  return { f, clock, userId, receiver, hook, ctx: f.ctx(userId) };
}

test('a receiver that is down for ten minutes misses nothing, and is not stormed meanwhile', async () => {
  const { f, clock, userId, receiver, hook } = await start(SELDOM);
  const sessions = await Promise.all([f.session(userId), f.session(userId), f.session(userId)]);
  receiver.respond = answer(503);
  for (let minute = 0; minute < 10; minute++) {
    for (const session of sessions) await f.message(session, 'message.sent');
    await clock.advance(MINUTE_MS);
  }
  const whileDown = receiver.received.length;
  expect(whileDown).toBeGreaterThan(5);
  expect(whileDown).toBeLessThan(40);
  receiver.received.length = 0;
  receiver.respond = accept;
  await clock.advance(10 * MINUTE_MS);
  for (const session of sessions) expect(seqsOf(receiver, session)).toEqual(upTo(10));
  expect(await f.states(hook.id)).toEqual({ delivered: 30 });
});

/** The parts of a process that can be killed: from then on nothing of it reads, writes or wakes up. */
function mortal({ db, clock }: { db: Db; clock: Clock }): { db: Db; clock: Clock; kill(): void } {
  let dead = false;
  // Whatever is asked of it, and however far: it never answers.
  const silence: unknown = new Proxy(() => undefined, {
    get: (_target, name) => (name === 'then' ? () => undefined : silence),
    apply: () => silence,
  });
  return {
    db: new Proxy(db, { get: (target, name) => (dead ? silence : Reflect.get(target, name)) }),
    clock: {
      now: () => clock.now(),
      monotonic: () => clock.monotonic(),
      setTimer: (fn, delayMs) => clock.setTimer(() => (dead ? undefined : fn()), delayMs),
    },
    kill() {
      dead = true;
    },
  };
}

test('a receiver that is down for ten minutes, and a gateway killed meanwhile: every event arrives, in order, with one id', async () => {
  const clock = createFakeClock();
  const f = await openFixture({ clock });
  open = f;
  const { id: userId } = await f.tenant();
  const receiver = await f.receiver();
  const hook = await f.hook(userId, { url: receiver.url, events: ['*'] });
  const sessions = await Promise.all([f.session(userId), f.session(userId), f.session(userId)]);
  const accepted: typeof receiver.received = [];
  const first = mortal(f.deps);
  const killed = createWebhookSender(
    { ...f.deps, ...first, processId: newId() },
    { ...SELDOM, random: () => 0.5 },
  );
  let kills = 0;
  let dying = false;
  let replaced = false;
  receiver.respond = (request, res) => {
    if (dying) {
      // In the middle of a delivery: nobody is left to note the answer.
      dying = false;
      kills++;
      first.kill();
    }
    return answer(503)(request, res);
  };
  killed.start();
  clock.idleWith(async () => {
    await turns(2);
    if (kills === 0) await Promise.race([killed.idle(), untilKilled(() => kills > 0)]);
    await turns(2);
  });
  for (let minute = 0; minute < 10; minute++) {
    for (const session of sessions) await f.message(session, 'message.sent');
    if (minute === 2) dying = true;
    await clock.advance(MINUTE_MS);
    if (kills === 1 && !replaced) {
      replaced = true;
      clock.idleWith(whenIdle(f.sender({ ...SELDOM, random: () => 0.5 })));
    }
  }
  expect(replaced).toBe(true);
  receiver.respond = (request, res) => {
    accepted.push(request);
    return accept(request, res);
  };
  await clock.advance(15 * MINUTE_MS);
  void killed.stop(0);
  expect(await f.states(hook.id)).toEqual({ delivered: 30 });
  const ids = new Map<string, Set<string>>();
  for (const { headers, data } of receiver.received) {
    const event = `${data.sessionId} ${data.seq}`;
    ids.set(event, (ids.get(event) ?? new Set()).add(headers['webhook-id'] ?? ''));
  }
  expect([...ids.values()].map((tried) => tried.size)).toEqual(Array.from({ length: 30 }, () => 1));
  expect(new Set([...ids.values()].flatMap((tried) => [...tried])).size).toBe(30);
  for (const { sessionId } of sessions) {
    const told = accepted.filter(({ data }) => data.sessionId === sessionId).map(({ data }) => data.seq);
    expect(told).toEqual(upTo(10));
  }
});

async function untilKilled(look: () => boolean): Promise<void> {
  while (!look()) await delay(2);
}

test('a refused event delays its own session only, and dies after five tries within fifteen minutes', async () => {
  const { f, clock, userId, receiver, hook, ctx } = await start(SELDOM);
  const [sick, sound] = [await f.session(userId), await f.session(userId)];
  receiver.respond = (request, res) =>
    request.data.sessionId === sick.sessionId && request.data.seq === 2
      ? answer(422)(request, res)
      : accept(request, res);
  for (let i = 0; i < 3; i++) {
    await f.message(sick, 'message.sent');
    await f.message(sound, 'message.sent');
  }
  await clock.advance(2_000);
  expect(seqsOf(receiver, sound)).toEqual([1, 2, 3]);
  expect(seqsOf(receiver, sick)).toEqual([1, 2]);
  await clock.advance(15 * MINUTE_MS);
  expect(seqsOf(receiver, sick)).toEqual([1, 2, 2, 2, 2, 2, 3]);
  expect(await f.states(hook.id)).toEqual({ delivered: 5, dead: 1 });

  const { data } = await listDeliveries(ctx, { id: hook.id, state: 'dead', page: 1, limit: 10 });
  expect(data).toMatchObject([{ seq: 2, attempts: 5, lastStatus: 422, nextAttemptAt: null }]);
  const { log } = await getDelivery(ctx, { id: data[0]?.id ?? '' });
  expect(log.map(({ attempt, status }) => [attempt, status])).toEqual(
    [5, 4, 3, 2, 1].map((attempt) => [attempt, 422]),
  );
});

test('what stays undelivered for a day is dead, behind a receiver that is down without a try each; a replay revives it', async () => {
  const pollMs = 10 * MINUTE_MS;
  const { f, clock, userId, receiver, hook, ctx } = await start({ pollMs });
  const session = await f.session(userId);
  receiver.respond = answer(500);
  for (let i = 0; i < 30; i++) await f.message(session, 'message.sent');
  for (let hour = 0; hour < 25; hour++) await clock.advance(HOUR_MS);
  expect(await f.states(hook.id)).toEqual({ dead: 30 });
  expect(receiver.received.length).toBeLessThan(200);

  receiver.respond = accept;
  receiver.received.length = 0;
  await f.message(session, 'message.read');
  await clock.advance(2 * pollMs);
  expect(seqsOf(receiver, session)).toEqual([31]);
  const { data } = await listDeliveries(ctx, { id: hook.id, state: 'dead', page: 1, limit: 1 });
  const id = data[0]?.id ?? '';
  expect(await replayDelivery(ctx, { id })).toMatchObject({ id, state: 'pending' });
  await expect(replayDelivery(ctx, { id })).rejects.toMatchObject({ code: 'CONFLICT' });
  await clock.advance(2 * pollMs);
  expect(receiver.received.at(-1)?.headers['webhook-id']).toBe(id);
  expect(await f.states(hook.id)).toEqual({ dead: 29, delivered: 2 });
}, 60_000);

test('a replay neither waits for its session nor holds it up', async () => {
  const { f, clock, userId, receiver, ctx, hook } = await start();
  const session = await f.session(userId);
  await f.message(session, 'message.sent');
  await clock.advance(2_000);
  receiver.respond = (request, res) => answer(request.data.seq === 1 ? 500 : 204)(request, res);
  const { data } = await listDeliveries(ctx, { id: hook.id, page: 1, limit: 1 });
  await replayDelivery(ctx, { id: data[0]?.id ?? '' });
  await f.message(session, 'message.read');
  await clock.advance(2_000);
  expect(seqsOf(receiver, session).sort()).toEqual([1, 1, 2]);
});

test('Retry-After is kept to, by seconds and by date, but for an hour at most', async () => {
  const { f, clock, userId, receiver } = await start(SELDOM);
  const session = await f.session(userId);
  const comeBack = new Date(clock.now() + 40 * MINUTE_MS).toUTCString();
  const answers = [answer(429, { 'retry-after': '1800' }), answer(503, { 'retry-after': comeBack })];
  answers.push(answer(429, { 'retry-after': '999999' }));
  receiver.respond = (request, res) => (answers.shift() ?? accept)(request, res);
  const startedAt = clock.now();
  await f.message(session, 'message.sent');
  for (let i = 0; i < 21; i++) await clock.advance(5 * MINUTE_MS);
  const minutes = receiver.received.map((request) => Math.round((request.at - startedAt) / MINUTE_MS));
  expect(minutes).toEqual([0, 30, 40, 100]);
});

test('a new address is tried at once', async () => {
  const { f, clock, userId, receiver, hook, ctx } = await start();
  const session = await f.session(userId);
  receiver.respond = answer(404);
  await f.message(session, 'message.sent');
  await clock.advance(90_000);
  const before = receiver.received.length;
  receiver.respond = accept;
  await updateWebhook(ctx, { id: hook.id, url: `${receiver.url}/new` });
  await clock.advance(2_000);
  expect(receiver.received).toHaveLength(before + 1);
  expect(await f.states(hook.id)).toEqual({ delivered: 1 });
});

test('an address that has become private is refused when it is connected to', async () => {
  const f = await openFixture({ config: { allowPrivateUrls: true } });
  open = f;
  const { id } = await f.tenant();
  const receiver = await f.receiver();
  const hook = await f.hook(id, { url: receiver.url, events: ['*'] });
  const session = await f.session(id);
  const { createGuardedHttp } = await import('../../src/utils/guarded-fetch.ts');
  const strict = createGuardedHttp();
  f.deps.outgoing.hooks.post = strict.post;
  f.sender();
  await f.message(session, 'message.sent');
  const look = () => f.deps.db.select().from(webhookOutbox).where(eq(webhookOutbox.webhookId, hook.id));
  while ((await look())[0]?.attempts !== 1) await delay(10);
  expect((await look())[0]).toMatchObject({ state: 'pending', refusals: 1, lastStatus: null });
  expect((await look())[0]?.lastError).toContain('not on the public internet');
  expect(receiver.received).toEqual([]);
  await strict.close();
});

test('a receiver that hangs slows nobody else, though it has many sessions and little room is there', async () => {
  const f = await openFixture();
  open = f;
  const [{ id }, neighbour] = [await f.tenant(), await f.tenant()];
  const [stuck, well] = [await f.receiver(), await f.receiver()];
  let inFlight = 0;
  let most = 0;
  stuck.respond = (request, res) => {
    most = Math.max(most, ++inFlight);
    res.once('close', () => inFlight--);
    return hang(request, res);
  };
  const stuckHook = await f.hook(id, { url: stuck.url, events: ['*'] });
  await f.hook(id, { url: well.url, events: ['*'] });
  await f.hook(neighbour.id, { url: well.url, events: ['*'] });
  const sessions = [];
  for (let i = 0; i < 12; i++) sessions.push(await f.session(i % 3 ? id : neighbour.id));
  for (const session of sessions) await f.message(session, 'message.sent');
  f.sender({ maxInFlight: 6, maxPerWebhook: 3, timeoutMs: 300 });
  for (let i = 0; i < 4; i++) for (const session of sessions) await f.message(session, 'message.read');
  // On a busy machine an answer may come too late, and its event once more.
  const arrived = () => new Set(well.received.map(({ headers }) => headers['webhook-id'])).size;
  while (arrived() < 60) await delay(10);
  for (const session of sessions) expect([...new Set(seqsOf(well, session))]).toEqual(upTo(5));
  // Never more at a time than its share, so that there was always room for others.
  expect(most).toBeGreaterThan(0);
  expect(most).toBeLessThanOrEqual(3);
  expect((await f.states(stuckHook.id)).delivered).toBeUndefined();
});

test('a tenant whose many receivers hang leaves places for the webhooks of others', async () => {
  const f = await openFixture();
  open = f;
  const [noisy, quiet] = [await f.tenant(), await f.tenant()];
  const [stuck, well] = [await f.receiver(), await f.receiver()];
  stuck.respond = hang;
  for (let n = 0; n < 8; n++) await f.hook(noisy.id, { url: `${stuck.url}/${n}`, events: ['*'] });
  await f.hook(quiet.id, { url: well.url, events: ['*'] });
  const [ofNoisy, ofQuiet] = [await f.session(noisy.id), await f.session(quiet.id)];
  await f.message(ofNoisy, 'message.sent');
  f.sender({ maxInFlight: 8, timeoutMs: 60_000 });
  // Six of eight places are what one tenant gets.
  await stuck.count(6);
  await f.message(ofQuiet, 'message.sent');
  await well.count(1);
  expect(stuck.received).toHaveLength(6);
});

test('what was told long ago is forgotten: delivered events after 7 days, dead ones after 30, with their attempts', async () => {
  const { f, clock, userId, receiver, hook } = await start(SELDOM);
  const [good, bad] = [await f.session(userId), await f.session(userId)];
  receiver.respond = (request, res) =>
    answer(request.data.sessionId === bad.sessionId ? 400 : 204)(request, res);
  await f.message(good, 'message.sent');
  await f.message(bad, 'message.sent');
  await clock.advance(20 * MINUTE_MS);
  const clean = (days: number) =>
    cleanWebhookHistory(f.deps.db, {
      now: clock.now() + days * 24 * HOUR_MS,
      signal: new AbortController().signal,
    });
  expect(await clean(6)).toBe(0);
  expect(await clean(8)).toBe(1);
  expect(await f.states(hook.id)).toEqual({ dead: 1 });
  expect(await f.deps.db.select().from(webhookDeliveries)).toHaveLength(5);
  expect(await clean(31)).toBe(1);
  expect(await f.deps.db.select().from(webhookDeliveries)).toEqual([]);
});

testOn('mysql', 'lanes that somebody keeps locked hold up no other workspace', async () => {
  const f = await openFixture();
  open = f;
  const receiver = await f.receiver();
  const start = async () => {
    const { id } = await f.tenant();
    const hook = await f.hook(id, { url: receiver.url, events: ['*'] });
    const session = await f.session(id);
    await f.message(session, 'message.sent');
    return { hook, session };
  };
  const [stuck, free] = [await start(), await start()];
  const tookMs = await whileLocked(
    f.deps.db,
    (tx) => locked(tx.select().from(webhookLanes).where(eq(webhookLanes.webhookId, stuck.hook.id))),
    async () => {
      f.sender();
      await receiver.count(1);
    },
  );
  expect(receiver.received.map(({ data }) => data.sessionId)).toEqual([free.session.sessionId]);
  expect(tookMs).toBeLessThan(SOON_MS);
  await receiver.count(2);
});

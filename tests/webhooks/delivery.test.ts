/** At least once, in order per session, signed. On both databases. */
import { setTimeout as delay } from 'node:timers/promises';
import { eq } from 'drizzle-orm';
import { Webhook } from 'standardwebhooks';
import { afterAll, afterEach, expect, test } from 'vitest';
import type { Db } from '../../src/db/client.ts';
import { statementsAreCheap, transact } from '../../src/db/ops.ts';
import { messages, webhookDeliveries, webhookLanes, webhookOutbox } from '../../src/db/schema.ts';
import { freeLanes } from '../../src/events/lane-claims.ts';
import { deleteWebhook, rotateWebhookSecret, updateWebhook } from '../../src/services/webhooks/verbs.ts';
import { newId } from '../../src/utils/ids.ts';
import { createWebhookSender } from '../../src/workers/webhook-sender/index.ts';
import { type Claim, claimLane, createRecorder } from '../../src/workers/webhook-sender/lanes.ts';
import { createFakeClock, turns } from '../helpers/clock.ts';
import { createSignal } from '../helpers/signal.ts';
import { countStatements } from '../helpers/statements.ts';
import { until } from '../helpers/until.ts';
import {
  accept,
  answer,
  type Fixture,
  hang,
  openFixture,
  seqsOf,
  startReceiver,
  upTo,
  whenIdle,
} from './fixture.ts';

const counter = countStatements();
afterAll(() => counter.stop());
let open: Fixture | undefined;
afterEach(async () => {
  await open?.close();
  open = undefined;
});

async function start(...args: Parameters<typeof openFixture>): Promise<Fixture> {
  open = await openFixture(...args);
  return open;
}

/** What a killed process does: nothing more. Its transactions never begin. */
function dying(db: Db): { db: Db; died: Promise<void> } {
  let tell: () => void = () => undefined;
  const died = new Promise<void>((resolve) => {
    tell = resolve;
  });
  const transaction = () => {
    tell();
    return new Promise<never>(() => undefined);
  };
  return { db: Object.create(db, { transaction: { value: transaction } }), died };
}

test('each session is told in the order of seq, whatever the receiver takes its time for', async () => {
  const f = await start();
  const { id } = await f.tenant();
  const receiver = await f.receiver();
  receiver.respond = async (request, res) => {
    await delay(Math.random() * 8);
    accept(request, res);
  };
  await f.hook(id, { url: receiver.url, events: ['*'] });
  const sessions = await Promise.all([f.session(id), f.session(id), f.session(id)]);
  f.sender();
  for (let i = 0; i < 15; i++) {
    await Promise.all(sessions.map((session) => f.message(session, i % 2 ? 'message.read' : 'message.sent')));
  }
  await receiver.count(45);
  for (const session of sessions) expect(seqsOf(receiver, session)).toEqual(upTo(15));
  expect(new Set(receiver.received.map((request) => request.headers['webhook-id'])).size).toBe(45);
});

const claimsOf = (texts: Iterable<[string, number]>) =>
  [...texts].filter(([text]) => /^update .?webhook_lanes.? set (?:(?! where ).)*claim.? = \?/i.test(text));

test('a lane is not let go while nobody waits for its place, however much waits in it', async () => {
  const f = await start();
  const { id } = await f.tenant();
  const receiver = await f.receiver();
  const hook = await f.hook(id, { url: receiver.url, events: ['*'] });
  const session = await f.session(id);
  for (let n = 0; n < 60; n++) await f.message(session, 'message.sent');
  counter.take();
  const sender = f.sender();
  await receiver.count(60);
  await sender.stop();
  expect(seqsOf(receiver, session)).toEqual(upTo(60));
  expect(await f.states(hook.id)).toEqual({ delivered: 60 });
  const { texts } = counter.take();
  // Claimed once, and let go at the stop.
  expect(claimsOf(texts).reduce((sum, [, n]) => sum + n, 0)).toBeLessThanOrEqual(2);
  // Notes are written together.
  const logs = [...texts].filter(([text]) => /^insert into .?webhook_deliveries/i.test(text));
  expect(logs.reduce((sum, [, n]) => sum + n, 0)).toBeLessThan(50);
});

test('what is written to a lane that is worked on is found without a look for lanes', async () => {
  const f = await start();
  const { id } = await f.tenant();
  const receiver = await f.receiver();
  const first = createSignal();
  const written = createSignal();
  receiver.respond = async (request, res) => {
    first.give();
    await written.given;
    accept(request, res);
  };
  const hook = await f.hook(id, { url: receiver.url, events: ['*'] });
  const session = await f.session(id);
  const sender = f.sender({ pollMs: 60_000 });
  await f.message(session, 'message.sent');
  await first.given;
  counter.take();
  // Far longer than wishes for a look are gathered.
  for (let n = 0; n < 60; n++) await f.message(session, 'message.sent');
  const { texts } = counter.take();
  written.give();
  await receiver.count(61);
  await sender.idle();
  expect(seqsOf(receiver, session)).toEqual(upTo(61));
  expect(await f.states(hook.id)).toEqual({ delivered: 61 });
  expect([...texts].filter(([text]) => /^select .*webhook_lanes.* group by/i.test(text))).toEqual([]);
  // Others are looked for as ever.
  const other = await f.session(id);
  await f.message(other, 'message.sent');
  await receiver.count(62);
});

test('a lane with a backlog goes to the end of the line where another one waits for its place', async () => {
  const f = await start();
  const { id } = await f.tenant();
  const receiver = await f.receiver();
  await f.hook(id, { url: receiver.url, events: ['*'] });
  const sessions = [await f.session(id), await f.session(id)];
  for (const session of sessions) for (let n = 0; n < 30; n++) await f.message(session, 'message.sent');
  f.sender({ maxPerWebhook: 1 });
  await receiver.count(60);
  const order = receiver.received.map(({ data }) => data.sessionId);
  const [first] = order;
  const second = order.findIndex((one) => one !== first);
  expect(second).toBeLessThan(30);
  for (const session of sessions) expect(seqsOf(receiver, session)).toEqual(upTo(30));
});

test('two processes share the work: every event once, still in order', async () => {
  const f = await start();
  const { id } = await f.tenant();
  const receiver = await f.receiver();
  const hook = await f.hook(id, { url: receiver.url, events: ['*'] });
  const sessions = await Promise.all([f.session(id), f.session(id), f.session(id), f.session(id)]);
  const senders = [f.sender(), f.sender()];
  for (let i = 0; i < 10; i++) {
    await Promise.all(sessions.map((session) => f.message(session, 'message.sent')));
  }
  await receiver.count(40);
  for (const sender of senders) await sender.stop();
  expect(receiver.received).toHaveLength(40);
  for (const session of sessions) expect(seqsOf(receiver, session)).toEqual(upTo(10));
  expect(await f.states(hook.id)).toEqual({ delivered: 40 });
});

test.each([
  ['when its claim has aged', false],
  ['at once where it is known to be dead', true],
])(
  'a process that dies between the POST and its note is followed by one that sends the same id again, %s',
  async (_when, isKnown) => {
    const clock = createFakeClock();
    const f = await start({ clock });
    const { id } = await f.tenant();
    const receiver = await f.receiver();
    const hook = await f.hook(id, { url: receiver.url, events: ['*'] });
    const session = await f.session(id);
    await f.message(session, 'message.sent');
    await f.message(session, 'message.read');
    const killed = dying(f.deps.db);
    receiver.respond = (request, res) => (request.data.seq === 1 ? accept : hang)(request, res);
    const processId = newId();
    const dead = createWebhookSender({ ...f.deps, db: killed.db, processId });
    dead.start();
    await killed.died;
    // The next one was on its way while the note of the first was to be written.
    while (receiver.received.length < 2) await delay(2);
    void dead.stop(0);
    expect(seqsOf(receiver, session)).toEqual([1, 2]);

    receiver.respond = accept;
    const next = f.sender();
    clock.idleWith(whenIdle(next));
    await clock.advance(50_000);
    expect(seqsOf(receiver, session)).toEqual([1, 2]);
    // Those that others hold, and those that wait for a retry, stay as they are.
    await freeLanes(f.deps.db, isKnown ? [newId(), processId] : [newId()]);
    await clock.advance(isKnown ? 2_000 : 15_000);
    expect(seqsOf(receiver, session)).toEqual([1, 2, 1, 2]);
    const [first, , again] = receiver.received;
    expect(again?.headers['webhook-id']).toBe(first?.headers['webhook-id']);
    expect(again?.body).toBe(first?.body);
    expect(await f.states(hook.id)).toEqual({ delivered: 2 });
  },
);

test('one that is refused waits for the notes of those before it, and those behind it wait for it', async () => {
  const clock = createFakeClock();
  const f = await start({ clock });
  const { id } = await f.tenant();
  const receiver = await f.receiver();
  const hook = await f.hook(id, { url: receiver.url, events: ['*'] });
  const sessions = await Promise.all([f.session(id), f.session(id)]);
  for (const session of sessions) for (let n = 0; n < 5; n++) await f.message(session, 'message.sent');
  let refusals = 0;
  receiver.respond = (request, res) => {
    const isRefused = request.data.seq === 3 && request.data.sessionId === sessions[0]?.sessionId;
    if (!isRefused || refusals++ > 0) return accept(request, res);
    return answer(503)(request, res);
  };
  const sender = f.sender();
  clock.idleWith(whenIdle(sender));
  await clock.advance(10);
  const seqs = () => sessions.map((session) => seqsOf(receiver, session));
  expect(seqs()).toEqual([upTo(3), upTo(5)]);
  expect(await f.states(hook.id)).toEqual({ delivered: 7, pending: 3 });
  await clock.advance(15_000);
  expect(seqs()).toEqual([[1, 2, 3, 3, 4, 5], upTo(5)]);
  expect(await f.states(hook.id)).toEqual({ delivered: 10 });
  const rows = await f.deps.db.select().from(webhookDeliveries);
  expect(rows.filter(({ webhookId }) => webhookId === hook.id)).toHaveLength(11);
  const kept = await f.deps.db.select().from(webhookOutbox).where(eq(webhookOutbox.webhookId, hook.id));
  expect(kept.map(({ attempts }) => attempts).sort()).toEqual([1, 1, 1, 1, 1, 1, 1, 1, 1, 2]);
  for (const row of kept)
    expect(row).toMatchObject({ lastStatus: 204, lastError: null, nextAttemptAt: null });
});

test('a lane that went to another process meanwhile is left alone, and what was delivered stays so', async () => {
  const f = await start();
  const { id } = await f.tenant();
  const receiver = await f.receiver();
  const hook = await f.hook(id, { url: receiver.url, events: ['*'] });
  const session = await f.session(id);
  for (let n = 0; n < 3; n++) await f.message(session, 'message.sent');
  receiver.respond = async (request, res) => {
    if (request.data.seq === 2) {
      const stolen = { claim: newId(), dueAt: Date.now() + 60_000 };
      await f.deps.db.update(webhookLanes).set(stolen).where(eq(webhookLanes.webhookId, hook.id));
    }
    accept(request, res);
  };
  const sender = f.sender();
  await receiver.count(2);
  await sender.stop();
  const seqs = seqsOf(receiver, session);
  // One more may be on its way while it turns out.
  expect(seqs.slice(0, 2)).toEqual([1, 2]);
  expect(seqs.length).toBeLessThanOrEqual(3);
  expect(await f.states(hook.id)).toMatchObject({ delivered: seqs.length });
});

interface NotesOptions {
  tenants?: number;
  /** of each tenant */
  sessions?: number;
  /** what the recorder is given in place of the database */
  around?(db: Db): Db;
}

/** Lanes that are held, each with the events of `count` messages, and what notes how an attempt at one of them went. */
async function startNotes(count: number, options: NotesOptions = {}) {
  const { tenants = 1, sessions = 1, around = (db: Db) => db } = options;
  const f = await start();
  const addHook = async () => {
    const { id } = await f.tenant();
    const hook = await f.hook(id, { url: 'http://127.0.0.1:9/', events: ['*'] });
    for (let n = 0; n < sessions; n++) {
      const session = await f.session(id);
      for (let m = 0; m < count; m++) await f.message(session, 'message.sent');
    }
    return hook;
  };
  const hook = await addHook();
  for (let n = 1; n < tenants; n++) await addHook();
  const { db } = f.deps;
  const rows = await db.select().from(webhookOutbox).orderBy(webhookOutbox.seq);
  const claims = new Map<string, Claim>();
  for (const { lane, webhookId } of new Map(rows.map((row) => [row.lane, row])).values()) {
    const claim = await claimLane(db, newId(), { lane, webhookId, now: Date.now() + 1_000 });
    if (!claim) throw new Error('the lane is not ours');
    claims.set(lane, claim);
  }
  const recorder = createRecorder(around(db));
  const went = { ok: true, status: 204, error: null, refused: false, retryAfter: null, durationMs: 1 };
  const attempt = { ...went, headers: {}, answer: '', keptBody: '{}' };
  const note = (row: (typeof rows)[number]) => {
    const claim = claims.get(row.lane);
    if (!claim) throw new Error('there is no such lane');
    return recorder.add({ claim, row, attempt, step: { state: 'delivered' }, now: Date.now() });
  };
  const loggedIds = async () => {
    const logged = await db.select({ id: webhookDeliveries.outboxId }).from(webhookDeliveries);
    return logged.map((one) => one.id).toSorted();
  };
  return { f, hook, rows, note, recorder, loggedIds };
}

// With one connection that writes there is no lock of a row to wait for.
if (!statementsAreCheap)
  test('who holds the lock of one lane holds back the notes of no other', async () => {
    const { f, hook, rows, note } = await startNotes(2, { sessions: 3 });
    const [{ lane: lockedLane } = { lane: '' }] = rows;
    const ended: string[] = [];
    const noteAndTell = (row: (typeof rows)[number]) => note(row).finally(() => ended.push(row.id));
    const locked = rows.filter(({ lane }) => lane === lockedLane);
    const others = rows.filter(({ lane }) => lane !== lockedLane);
    const notes = await transact(f.deps.db, async (tx) => {
      await tx.update(webhookLanes).set({ webhookId: hook.id }).where(eq(webhookLanes.lane, lockedLane));
      const first = locked.map(noteAndTell);
      expect(await Promise.all(others.map(noteAndTell))).toEqual(others.map(() => true));
      expect(ended.toSorted()).toEqual(others.map((row) => row.id).toSorted());
      return first;
    });
    expect(await Promise.all(notes)).toEqual(locked.map(() => true));
    expect(ended.slice(others.length)).toEqual(locked.map((row) => row.id));
    expect(await f.states(hook.id)).toEqual({ delivered: rows.length });
  });

/** A database whose transactions are as the test wants them: `around` gets the number of each, from 1, and what does it. */
function withTransactions(
  db: Db,
  around: (nth: number, run: () => Promise<unknown>) => Promise<unknown>,
): Db {
  let begun = 0;
  const transaction = (work: Parameters<Db['transaction']>[0]) => around(++begun, () => db.transaction(work));
  return Object.create(db, { transaction: { value: transaction } });
}

test('events that are gone cost those of their batch one more transaction, and no halves of it', async () => {
  let transactions = 0;
  const { f, hook, rows, note, recorder, loggedIds } = await startNotes(3, {
    sessions: 4,
    around: (db) =>
      withTransactions(db, (nth, run) => {
        transactions = nth;
        return run();
      }),
  });
  const [{ lane } = { lane: '' }] = rows;
  await f.deps.db.delete(webhookOutbox).where(eq(webhookOutbox.lane, lane));
  const replayed = rows.at(-1)?.id ?? '';
  await f.deps.db.update(webhookOutbox).set({ lane: 'another' }).where(eq(webhookOutbox.id, replayed));
  const notes = rows.map(note);
  recorder.hurry();
  expect(await Promise.all(notes)).toEqual(rows.map(() => true));
  expect(transactions).toBe(2);
  const kept = rows.filter((row) => row.lane !== lane && row.id !== replayed);
  expect(await loggedIds()).toEqual(kept.map(({ id }) => id).toSorted());
  expect(await f.states(hook.id)).toEqual({ pending: 1, delivered: kept.length });
});

if (!statementsAreCheap) {
  test('a note that is tried by itself, as its lane is locked, holds back those of its lane no longer than that, and they go on together', async () => {
    const [alone, seen] = [createSignal(), createSignal()];
    let transactions = 0;
    const { f, hook, rows, note, recorder, loggedIds } = await startNotes(5, {
      around: (db) =>
        withTransactions(db, async (nth, run) => {
          transactions = nth;
          // The batch, the one that is locked by itself, a look at the others meanwhile, and their batch.
          if (nth === 2) alone.give();
          if (nth === 3) return run().finally(() => turns(1).then(seen.give));
          return run();
        }),
    });
    const [first, ...rest] = rows;
    if (!first) throw new Error('there is no event');
    const notes = await transact(f.deps.db, async (tx) => {
      await tx.update(webhookLanes).set({ webhookId: hook.id }).where(eq(webhookLanes.lane, first.lane));
      const begun = [note(first)];
      recorder.hurry();
      await alone.given;
      begun.push(...rest.map(note));
      recorder.hurry();
      await seen.given;
      return begun;
    });
    expect(await Promise.all(notes)).toEqual(rows.map(() => true));
    expect(transactions).toBe(4);
    expect(await loggedIds()).toEqual(rows.map(({ id }) => id).toSorted());
    expect(await f.states(hook.id)).toEqual({ delivered: 5 });
  });

  test('notes of lanes that are locked are tried two at a time of one tenant, and hold back none of another', async () => {
    const SESSIONS = 5;
    let atWork = 0;
    const { f, hook, rows, note, recorder, loggedIds } = await startNotes(1, {
      tenants: 2,
      sessions: SESSIONS,
      around: (db) =>
        withTransactions(db, async (_nth, run) => {
          atWork++;
          return run().finally(() => {
            atWork--;
          });
        }),
    });
    const noteAll = (some: typeof rows) => {
      const notes = some.map(note);
      recorder.hurry();
      return Promise.all(notes);
    };
    const others = rows.filter(({ webhookId }) => webhookId !== hook.id);
    const own = await transact(f.deps.db, async (tx) => {
      await tx.update(webhookLanes).set({ webhookId: hook.id }).where(eq(webhookLanes.webhookId, hook.id));
      const locked = noteAll(rows.filter(({ webhookId }) => webhookId === hook.id));
      expect(await noteAll(others)).toEqual(others.map(() => true));
      await until(() => atWork === 2);
      return { locked };
    });
    expect(await own.locked).toEqual(Array.from({ length: SESSIONS }, () => true));
    expect(await loggedIds()).toEqual(rows.map(({ id }) => id).toSorted());
  });
}

test('attempts of one moment are written together: each lane is renewed once, and the log gets all', async () => {
  const { f, hook, rows, note, recorder, loggedIds } = await startNotes(4);
  counter.take();
  const notes = rows.map(note);
  recorder.hurry();
  expect(await Promise.all(notes)).toEqual(rows.map(() => true));
  const texts = [...counter.take().texts];
  const countOf = (kind: RegExp) =>
    texts.filter(([text]) => kind.test(text)).reduce((sum, [, n]) => sum + n, 0);
  expect(countOf(/^update .?webhook_lanes/i)).toBe(1);
  expect(countOf(/^update .?webhook_outbox/i)).toBe(1);
  expect(countOf(/^insert into .?webhook_deliveries/i)).toBe(1);
  expect(await f.states(hook.id)).toEqual({ delivered: rows.length });
  expect(await loggedIds()).toEqual(rows.map((row) => row.id).toSorted());
});

test.each([1, 5])(
  'of %i attempts that of an event which is replayed meanwhile is left out',
  async (count) => {
    const { f, rows, note, recorder, loggedIds } = await startNotes(count);
    const [replayed, ...others] = rows;
    if (!replayed) throw new Error('there is no event');
    const { db } = f.deps;
    await db.update(webhookOutbox).set({ lane: 'another' }).where(eq(webhookOutbox.id, replayed.id));
    const notes = rows.map(note);
    recorder.hurry();
    expect(await Promise.all(notes)).toEqual(rows.map(() => true));
    const { id, state, attempts, lastStatus } = webhookOutbox;
    const after = await db.select({ id, state, attempts, lastStatus }).from(webhookOutbox).orderBy(id);
    const delivered = { state: 'delivered', attempts: 1, lastStatus: 204 };
    const waiting = { state: 'pending', attempts: 0, lastStatus: null };
    expect(after).toEqual(
      [...rows]
        .sort((a, b) => (a.id < b.id ? -1 : 1))
        .map((row) => ({ id: row.id, ...(row === replayed ? waiting : delivered) })),
    );
    expect(await loggedIds()).toEqual(others.map((row) => row.id).toSorted());
  },
);

test('what is taken out of the history while others are delivered is not told any more', async () => {
  const clock = createFakeClock();
  const f = await start({ clock });
  const { id } = await f.tenant();
  const receiver = await f.receiver();
  await f.hook(id, { url: receiver.url, events: ['*'] });
  const session = await f.session(id);
  const received = async (n: number) => {
    const messageId = `3A${n}`;
    const row = { messageId, id: newId(), content: { type: 'text', text: `no ${n}` } };
    await f.message(session, 'message.received', row);
    return row.id;
  };
  const ids = [await received(1), await received(2)];
  const first = createSignal();
  receiver.respond = async (request, res) => {
    if (request.data.seq === 1) await first.given;
    accept(request, res);
  };
  f.sender();
  while (receiver.received.length < 1) await delay(2);
  await f.deps.db.delete(messages).where(eq(messages.id, ids[1] ?? ''));
  await clock.advance(2_000);
  first.give();
  while (receiver.received.length < 2) await delay(2);
  expect(receiver.received.map(({ data }) => data.content)).toEqual([{ type: 'text', text: 'no 1' }, null]);
});

test('a stop lets the delivery under way end; what it has to give up is delivered again', async () => {
  const f = await start();
  const { id } = await f.tenant();
  const receiver = await f.receiver();
  const hook = await f.hook(id, { url: receiver.url, events: ['*'] });
  const session = await f.session(id);
  receiver.respond = async (request, res) => {
    await delay(60);
    accept(request, res);
  };
  const first = f.sender();
  await f.message(session, 'message.sent');
  await f.message(session, 'message.read');
  while (receiver.received.length === 0) await delay(5);
  await first.stop();
  await first.stop();
  expect(await f.states(hook.id)).toEqual({ delivered: 1, pending: 1 });

  receiver.respond = hang;
  const second = f.sender();
  while (receiver.received.length < 2) await delay(5);
  await second.stop(0);
  expect(await f.states(hook.id)).toEqual({ delivered: 1, pending: 1 });

  receiver.respond = accept;
  f.sender();
  await receiver.count(3);
  expect(seqsOf(receiver, session)).toEqual([1, 2, 2]);
});

test("the library of Standard Webhooks verifies the signature, and refuses a stranger's", async () => {
  const f = await start();
  const { id } = await f.tenant();
  const receiver = await f.receiver();
  const hook = await f.hook(id, { url: receiver.url, events: ['session.status'] });
  const session = await f.session(id);
  f.sender();
  await f.facts({ userId: id, event: 'session.status', session, data: { status: 'connected' } });
  await receiver.count(1);
  const [request] = receiver.received;
  if (!request) throw new Error('nothing came');
  expect(hook.secret).toMatch(/^whsec_/);
  const payload = new Webhook(hook.secret).verify(request.body, request.headers);
  expect(payload).toMatchObject({
    type: 'session.status',
    timestamp: expect.stringMatching(/^\d{4}-\d\d-\d\dT.*Z$/),
    data: { sessionId: session.sessionId, seq: 1, status: 'connected' },
  });
  const stranger = new Webhook(`whsec_${Buffer.alloc(32, 7).toString('base64')}`);
  expect(() => stranger.verify(request.body, request.headers)).toThrow();
  expect(() => new Webhook(hook.secret).verify(`${request.body} `, request.headers)).toThrow();
});

test('both secrets sign during a rotation, the new one alone after it', async () => {
  const clock = createFakeClock(Date.now());
  const f = await start({ clock });
  const { id } = await f.tenant();
  const receiver = await f.receiver();
  const hook = await f.hook(id, { url: receiver.url, events: ['*'] });
  const session = await f.session(id);
  const sender = f.sender();
  clock.idleWith(whenIdle(sender));
  const rotated = await rotateWebhookSecret(f.ctx(id), { id: hook.id, graceMinutes: 2 });
  await f.message(session, 'message.sent');
  await clock.advance(2_000);
  const during = receiver.received.at(-1);
  await clock.advance(3 * 60_000);
  await f.message(session, 'message.read');
  await clock.advance(2_000);
  const after = receiver.received.at(-1);
  if (!during || !after) throw new Error('nothing came');
  const [old, fresh] = [new Webhook(hook.secret), new Webhook(rotated.secret)];
  expect(old.verify(during.body, during.headers)).toBeTruthy();
  expect(fresh.verify(during.body, during.headers)).toBeTruthy();
  expect(fresh.verify(after.body, after.headers)).toBeTruthy();
  expect(() => old.verify(after.body, after.headers)).toThrow(/signature/);
});

test('a second rotation leaves the secret that receivers have its time', async () => {
  const clock = createFakeClock(Date.now());
  const f = await start({ clock });
  const { id } = await f.tenant();
  const receiver = await f.receiver();
  const hook = await f.hook(id, { url: receiver.url, events: ['*'] });
  const session = await f.session(id);
  const sender = f.sender();
  clock.idleWith(whenIdle(sender));
  const rotate = (graceMinutes: number) => rotateWebhookSecret(f.ctx(id), { id: hook.id, graceMinutes });
  // The answer to the first is lost, and the second is for less time.
  await rotate(2);
  const { secret } = await rotate(1);
  const signsFor = async (minutes: number) => {
    await clock.advance(minutes * 60_000);
    await f.message(session, 'message.sent');
    await clock.advance(2_000);
    const told = receiver.received.at(-1);
    if (!told) throw new Error('nothing came');
    for (const own of [secret, hook.secret]) new Webhook(own).verify(told.body, told.headers);
    return told.headers['webhook-signature']?.split(' ').length;
  };
  expect(await signsFor(0)).toBe(3);
  expect(await signsFor(1.1)).toBe(2);
  await expect(signsFor(1.1)).rejects.toThrow(/signature/);
  await rotate(60);
  await rotate(60);
  await rotate(60);
  await expect(rotate(60)).rejects.toMatchObject({
    code: 'CONFLICT',
    details: { until: expect.any(String) },
  });
  await rotate(0);
  await f.message(session, 'message.sent');
  await clock.advance(2_000);
  expect(receiver.received.at(-1)?.headers['webhook-signature']).not.toContain(' ');
});

test('every message event carries phone and LID; only what came in carries its content', async () => {
  const f = await start();
  const { id } = await f.tenant();
  const receiver = await f.receiver();
  await f.hook(id, { url: receiver.url, events: ['*'] });
  const session = await f.session(id);
  f.sender();
  const code = { type: 'text', text: 'Your code is 493817' };
  await f.message(session, 'message.sent', { content: code });
  const hidden = { peer: '99@lid', phone: null, lid: '99@lid', content: { type: 'text', text: 'hello' } };
  await f.message(session, 'message.received', hidden);
  const group = { peer: '120@g.us', phone: null, lid: null, participant: '7@lid' };
  await f.message(session, 'message.received', group);
  await receiver.count(3);
  const [sent, received, inGroup] = receiver.received;
  const names = { phone: '+6281234567890', lid: '123456789@lid', isGroup: false };
  expect(sent?.data).toMatchObject({ ...names, status: 'sent', sessionId: session.sessionId, seq: 1 });
  expect(sent?.data).not.toHaveProperty('content');
  expect(sent?.body).not.toContain('493817');
  expect(received?.data).toMatchObject({
    phone: null,
    lid: '99@lid',
    content: { text: 'hello' },
    from: '99@lid',
  });
  expect(inGroup?.data).toMatchObject({ phone: null, lid: null, isGroup: true, participant: '7@lid' });
});

test('an inbound id that two messages share is told with the content of the one that is meant', async () => {
  const f = await start();
  const { id } = await f.tenant();
  const receiver = await f.receiver();
  await f.hook(id, { url: receiver.url, events: ['message.received'] });
  const session = await f.session(id);
  const shared = { messageId: 'SAME', direction: 'in' } as const;
  const about = { userId: id, event: 'message.received', session, subject: 'SAME' } as const;
  const group = { ...shared, peer: '120@g.us' };
  const [one, two, three] = [newId(), newId(), newId()];
  await f.message(session, 'message.queued', { ...shared, id: one, peer: '1@lid', content: { text: 'one' } });
  await f.message(session, 'message.queued', {
    ...group,
    id: two,
    author: '1@lid',
    content: { text: 'two' },
  });
  await f.message(session, 'message.queued', {
    ...group,
    id: three,
    author: '2@lid',
    content: { text: 'three' },
  });
  f.sender();
  await f.facts(...[two, one, three].map((row) => ({ ...about, data: { id: row } })));
  await receiver.count(3);
  expect(receiver.received.map((request) => request.data.content)).toEqual([
    { text: 'two' },
    { text: 'one' },
    { text: 'three' },
  ]);
});

test('only the events, the session and the tenant that were asked for are told', async () => {
  const f = await start();
  const [mine, other] = [await f.tenant(), await f.tenant()];
  const receiver = await f.receiver();
  const [main, second] = [await f.session(mine.id, 'main'), await f.session(mine.id, 'second')];
  const foreign = await f.session(other.id, 'main');
  await f.hook(mine.id, { url: receiver.url, events: ['message.read'], sessionId: 'main' });
  f.sender();
  await f.message(main, 'message.sent');
  await f.message(second, 'message.read');
  await f.message(foreign, 'message.read');
  await f.message(main, 'message.queued');
  const messageId = await f.message(main, 'message.read');
  await receiver.count(1);
  expect(receiver.received.map((request) => request.data.messageId)).toEqual([messageId]);
});

test('a disabled or deleted webhook is told nothing, not even what it waited for', async () => {
  const f = await start();
  const { id } = await f.tenant();
  const receiver = await f.receiver();
  const [disabled, deleted, kept] = [
    await f.hook(id, { url: `${receiver.url}/disabled`, events: ['*'] }),
    await f.hook(id, { url: `${receiver.url}/deleted`, events: ['*'] }),
    await f.hook(id, { url: receiver.url, events: ['*'] }),
  ];
  const session = await f.session(id);
  await f.message(session, 'message.sent');
  await updateWebhook(f.ctx(id), { id: disabled.id, status: 'disabled' });
  await deleteWebhook(f.ctx(id), { id: deleted.id });
  await f.message(session, 'message.read');
  const sender = f.sender();
  await receiver.count(2);
  while ((await f.states(deleted.id)).pending !== undefined) await delay(10);
  await sender.idle();
  expect(receiver.received).toHaveLength(2);
  expect(await f.states(kept.id)).toEqual({ delivered: 2 });
  expect(await f.states(disabled.id)).toEqual({ dead: 1 });
  expect(await f.states(deleted.id)).toEqual({});
});

test('the webhook of the whole service hears of every tenant, signed with the configured text', async () => {
  const receiver = await startReceiver();
  const f = await start({
    config: {
      webhook: { baseUrl: receiver.url, secret: 'any text of the operator' },
      allowPrivateUrls: false,
    },
  });
  const sessions = [];
  for (let i = 0; i < 2; i++) sessions.push(await f.session((await f.tenant()).id, 'main'));
  f.sender();
  for (const session of sessions) await f.message(session, 'message.delivered');
  await receiver.count(2);
  await receiver.close();
  const verifier = new Webhook(Buffer.from('any text of the operator'), { format: 'raw' });
  for (const { body, headers } of receiver.received) expect(verifier.verify(body, headers)).toBeTruthy();
});

/** One lane, whose notes are slow or whose events cannot be told. On both databases. */
import { eq, inArray } from 'drizzle-orm';
import { afterEach, expect, test } from 'vitest';
import type { Db } from '../../src/db/client.ts';
import { activityLogs, webhookLanes, webhookOutbox, webhooks } from '../../src/db/schema.ts';
import { newId } from '../../src/utils/ids.ts';
import { createCircuits } from '../../src/workers/webhook-sender/circuits.ts';
import { type LaneDeps, runLane } from '../../src/workers/webhook-sender/lane-runner.ts';
import {
  type Claim,
  claimLane,
  type Recorder,
  recordAttempt,
} from '../../src/workers/webhook-sender/lanes.ts';
import { createFakeClock, type FakeClock } from '../helpers/clock.ts';
import { createSignal } from '../helpers/signal.ts';
import { answer, type Fixture, openFixture, type Receiver, type Session, seqsOf, upTo } from './fixture.ts';

let open: Fixture | undefined;
afterEach(async () => {
  await open?.close();
  open = undefined;
});

/** A session at which `count` things have happened, and the lane that tells a webhook of them, which is ours. */
async function startLane(count: number, clock?: FakeClock) {
  const f = await openFixture(clock ? { clock } : {});
  open = f;
  const { id: userId } = await f.tenant();
  const receiver = await f.receiver();
  const hook = await f.hook(userId, { url: receiver.url, events: ['*'] });
  const session = await f.session(userId);
  const status = { userId, event: 'session.status', session, data: { status: 'connected' } } as const;
  await f.facts(...upTo(count).map(() => status));
  const [row] = await f.deps.db.select().from(webhookLanes).where(eq(webhookLanes.webhookId, hook.id));
  if (!row) throw new Error('there is no lane');
  const { lane } = row;
  const now = f.clock.now() + 1_000;
  const claim = await claimLane(f.deps.db, newId(), { lane, webhookId: hook.id, now });
  if (!claim) throw new Error('the lane is not ours');
  return { f, receiver, hook, session, claim };
}

function depsOf(f: Fixture, changes: Partial<LaneDeps>): LaneDeps {
  return {
    ...f.deps,
    recorder: { add: (tried) => recordAttempt(f.deps.db, tried), hurry: () => undefined },
    circuits: createCircuits(f.clock, () => 0),
    random: () => 0,
    timeoutMs: 10_000,
    stopping: new AbortController().signal,
    aborted: new AbortController().signal,
    onDown: () => undefined,
    ...changes,
  };
}

/** A database whose readings of the outbox have ended when `ended` begins, and are answered when that is over. */
function slowToAnswer(db: Db, ended: () => Promise<void>): Db {
  const select: Db['select'] = (...fields: []) => {
    const begun = db.select(...fields);
    const from: typeof begun.from = (table) => {
      const query = begun.from(table);
      const prepare = query.prepare.bind(query);
      const prepareSlow = () => {
        const ready = prepare();
        const execute = async (values?: Record<string, unknown>) => {
          const rows = await ready.execute(values);
          await ended();
          return rows;
        };
        return Object.create(ready, { execute: { value: execute } });
      };
      if (Object.is(table, webhookOutbox)) Object.assign(query, { prepare: prepareSlow });
      return query;
    };
    return Object.create(begun, { from: { value: from } });
  };
  return Object.create(db, { select: { value: select } });
}

const idsOf = ({ received }: Receiver) => received.map(({ headers }) => headers['webhook-id']);

/** Notes that are written when a test says so. */
function slowNotes(db: Db) {
  const waiting: (() => Promise<void>)[] = [];
  const seen = { most: 0 };
  let isSlow = true;
  const recorder: Recorder = {
    hurry: () => undefined,
    add(tried) {
      if (!isSlow) return recordAttempt(db, tried);
      const noted = createSignal();
      let isOurs = false;
      waiting.push(async () => {
        isOurs = await recordAttempt(db, tried);
        noted.give();
      });
      seen.most = Math.max(seen.most, waiting.length);
      return noted.given.then(() => isOurs);
    },
  };
  return {
    recorder,
    seen,
    /** Writes the oldest of them. */
    async write(count: number) {
      for (const write of waiting.splice(0, count)) await write();
    },
    async hurry() {
      isSlow = false;
      for (const write of waiting.splice(0)) await write();
    },
  };
}

const expectAllOnce = async (f: Fixture, receiver: Receiver, session: Session, count: number) => {
  expect(seqsOf(receiver, session)).toEqual(upTo(count));
  expect(new Set(idsOf(receiver)).size).toBe(count);
  const rows = await f.deps.db.select({ state: webhookOutbox.state }).from(webhookOutbox);
  expect(rows).toEqual(upTo(count).map(() => ({ state: 'delivered' })));
  expect(await f.deps.db.select().from(webhookLanes)).toEqual([]);
};

test('an event whose note becomes durable between a reading and its answer is told once', async () => {
  const { f, receiver, session, claim } = await startLane(40);
  const notes = slowNotes(f.deps.db);
  let readings = 0;
  const db = slowToAnswer(f.deps.db, async () => {
    if (++readings > 1) await notes.hurry();
  });
  await runLane(depsOf(f, { db, recorder: notes.recorder }), claim, () => true);
  expect(readings).toBeGreaterThan(1);
  await expectAllOnce(f, receiver, session, 40);
});

test('at most 25 events have arrived without a note, however long the lane and however slow the notes', async () => {
  const { f, receiver, session, claim } = await startLane(500);
  const notes = slowNotes(f.deps.db);
  const run = runLane(depsOf(f, { recorder: notes.recorder }), claim, () => true);
  await receiver.count(25);
  /** What takes at least as long as more of them would. */
  const wait = async () => {
    for (let n = 0; n < 30; n++) {
      await f.deps.db.select().from(webhookLanes);
      await fetch(other.url, { method: 'POST', body: '{"type":"other","data":{}}' });
    }
  };
  const other = await f.receiver();
  await wait();
  expect(receiver.received).toHaveLength(25);
  // Each note has room for one more.
  await notes.write(3);
  await receiver.count(28);
  await wait();
  expect(receiver.received).toHaveLength(28);
  expect(notes.seen.most).toBe(25);
  await notes.hurry();
  await run;
  await expectAllOnce(f, receiver, session, 500);
});

test('a lane stays ours while events are ended that cannot be told, however long it takes', async () => {
  const clock = createFakeClock();
  const { f, receiver, hook, claim } = await startLane(200, clock);
  const facts = await f.deps.db.select({ id: webhookOutbox.activityId }).from(webhookOutbox);
  const ids = facts.map(({ id }) => id);
  await f.deps.db.delete(activityLogs).where(inArray(activityLogs.id, ids));
  const others: (Claim | null)[] = [];
  const db = slowToAnswer(f.deps.db, async () => {
    const about = { lane: claim.lane, webhookId: hook.id, now: clock.now() };
    others.push(await claimLane(f.deps.db, newId(), about));
    await clock.leap(40_000);
  });
  await runLane(depsOf(f, { db }), claim, () => true);
  expect(others.length).toBeGreaterThan(7);
  expect(others.filter((other) => other !== null)).toEqual([]);
  expect(receiver.received).toEqual([]);
  expect(await f.states(hook.id)).toEqual({ dead: 200 });
});

test('a lane that was taken by another process meanwhile is left alone, also where nothing was told', async () => {
  const clock = createFakeClock();
  const { f, hook, claim } = await startLane(60, clock);
  await f.deps.db.delete(activityLogs);
  let taken: Claim | null = null;
  const db = slowToAnswer(f.deps.db, async () => {
    await clock.leap(61_000);
    taken ??= await claimLane(f.deps.db, newId(), {
      lane: claim.lane,
      webhookId: hook.id,
      now: clock.now(),
    });
  });
  await runLane(depsOf(f, { db }), claim, () => true);
  expect(taken).not.toBeNull();
  expect(await f.states(hook.id)).toEqual({ pending: 60 });
  const lanes = await f.deps.db.select({ claim: webhookLanes.claim }).from(webhookLanes);
  expect(lanes).toEqual([{ claim: Reflect.get(Object(taken), 'token') }]);
});

test.each([
  ['is known to be down', 5, 1],
  ['is found to be down', 0, 5],
])(
  'what was not told within a day ends without a try each, where the receiver %s',
  async (_, failures, tries) => {
    const clock = createFakeClock();
    const { f, receiver, hook, claim } = await startLane(40, clock);
    receiver.respond = answer(500);
    const circuits = createCircuits(clock, () => 0);
    for (let n = 0; n < failures; n++) circuits.report(hook.id, false);
    await clock.leap(25 * 60 * 60_000);
    const { lane, webhookId } = claim;
    const ours = await claimLane(f.deps.db, newId(), { lane, webhookId, now: clock.now() });
    if (!ours) throw new Error('the lane is not ours');
    await runLane(depsOf(f, { circuits }), ours, () => true);
    expect(receiver.received).toHaveLength(tries);
    expect(await f.states(hook.id)).toEqual({ dead: 40 });
    // Whoever looks next waits for the receiver as well.
    const [row] = await f.deps.db.select({ dueAt: webhookLanes.dueAt }).from(webhookLanes);
    expect(row?.dueAt).toBe(circuits.openUntil(hook.id));
  },
);

test('what is not overdue waits behind a receiver that is down, untried', async () => {
  const clock = createFakeClock();
  const { f, receiver, hook, session, claim } = await startLane(3, clock);
  receiver.respond = answer(500);
  const circuits = createCircuits(clock, () => 0);
  for (let n = 0; n < 5; n++) circuits.report(hook.id, false);
  await clock.leap(25 * 60 * 60_000);
  await f.message(session, 'message.sent');
  const { lane, webhookId } = claim;
  const ours = await claimLane(f.deps.db, newId(), { lane, webhookId, now: clock.now() });
  if (!ours) throw new Error('the lane is not ours');
  await runLane(depsOf(f, { circuits }), ours, () => true);
  expect(receiver.received).toHaveLength(1);
  expect(await f.states(hook.id)).toEqual({ dead: 3, pending: 1 });
});

test('a lane whose webhook has secrets that do not open waits, and its events end after their day', async () => {
  const clock = createFakeClock();
  const { f, receiver, hook, claim } = await startLane(3, clock);
  await f.deps.db.update(webhooks).set({ secret: 'gone:AAAA' }).where(eq(webhooks.id, hook.id));
  await runLane(depsOf(f, {}), claim, () => true);
  const [lane] = await f.deps.db.select().from(webhookLanes);
  expect(lane).toMatchObject({ claim: null, dueAt: clock.now() + 60_000 });
  expect(await f.states(hook.id)).toEqual({ pending: 3 });
  await clock.advance(25 * 3_600_000);
  const again = await claimLane(f.deps.db, newId(), {
    lane: claim.lane,
    webhookId: hook.id,
    now: clock.now(),
  });
  if (!again) throw new Error('the lane is not ours');
  await runLane(depsOf(f, {}), again, () => true);
  expect(await f.states(hook.id)).toEqual({ dead: 3 });
  const [row] = await f.deps.db.select().from(webhookOutbox);
  expect(row?.lastError).toBe('The secrets of the webhook could not be opened.');
  expect(receiver.received).toEqual([]);
});

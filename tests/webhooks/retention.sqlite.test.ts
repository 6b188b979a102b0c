/** Forgetting what is old reads by the index of its age: on SQLite a statement that reads a whole table holds the event loop. */
import { sql } from 'drizzle-orm';
import { afterAll, expect, test } from 'vitest';
import { insertMany, rawRows } from '../../src/db/ops.ts';
import { webhookOutbox } from '../../src/db/schema.ts';
import { sweepMedia } from '../../src/services/media/sweep.ts';
import { cleanWebhookHistory } from '../../src/services/webhooks/retention.ts';
import { newId } from '../../src/utils/ids.ts';
import { buryLane, buryOverdue, dropLane, readDueWebhooks } from '../../src/workers/webhook-sender/lanes.ts';
import { openTestApp } from '../helpers/app.ts';
import { countStatements } from '../helpers/statements.ts';

// Before the database is opened.
const counter = countStatements();
const app = await openTestApp();
afterAll(async () => {
  counter.stop();
  await app.close();
});

const DAY_MS = 86_400_000;
const TABLES = /from "(webhook_outbox|webhook_deliveries|webhook_replays|number_checks)"/;
const never = new AbortController().signal;
const { db } = app.deps;

/** The readings of these tables since the last call. */
const readings = () =>
  [...counter.take().texts.keys()].filter((text) => text.startsWith('select') && TABLES.test(text));
const read = { byAge: [''], byLane: [''] };
let lookForLanes = '';

type Event = typeof webhookOutbox.$inferInsert;
function events(count: number, webhookId: string, ageDays: number, state: Event['state']): Event[] {
  const createdAt = app.deps.clock.now() - ageDays * DAY_MS;
  return Array.from({ length: count }, (_, at) => ({
    ...{ id: newId(), webhookId, userId: 1, lane: webhookId, seq: at, activityId: newId(), event: 'a' },
    ...{ state, giveUpAt: createdAt + DAY_MS, createdAt: createdAt + at },
  }));
}
const statesLeft = async () => (await db.select().from(webhookOutbox)).map(({ state }) => state);

test('the history of webhooks goes by its age, and what is not delivered stays for longer', async () => {
  const now = app.deps.clock.now();
  await insertMany(db, webhookOutbox, [
    ...events(250, 'default', 40, 'dead'),
    ...events(250, 'default', 8, 'dead'),
    ...events(250, 'default', 8, 'delivered'),
    ...events(5, 'default', 2, 'delivered'),
  ]);
  counter.take();
  await cleanWebhookHistory(db, { now, signal: never });
  await sweepMedia(app.deps);
  read.byAge = readings();
  const left = await statesLeft();
  expect(left.filter((state) => state === 'dead')).toHaveLength(250);
  expect(left.filter((state) => state === 'delivered')).toHaveLength(5);
  await db.delete(webhookOutbox);
});

test('what a webhook is not told any more ends, in one lane or in all', async () => {
  const now = app.deps.clock.now();
  const ids = [newId(), newId(), newId(), newId()] as const;
  await insertMany(
    db,
    webhookOutbox,
    ids.flatMap((id) => events(250, id, 2, 'pending')),
  );
  counter.take();
  expect(await buryOverdue(db, { webhookId: ids[0] }, now, never)).toBe(250);
  expect(await buryOverdue(db, { webhookId: ids[1], lane: ids[1] }, now, never)).toBe(250);
  await buryLane(db, ids[2], 'told', never);
  await dropLane(db, { lane: ids[3], webhookId: ids[3], token: newId() }, now, never);
  read.byLane = readings();
  expect(await statesLeft()).toEqual(Array.from({ length: 750 }, () => 'dead'));
});

test('one that goes down is not looked through for what it was told long ago', async () => {
  const now = app.deps.clock.now();
  const id = newId();
  const [overdue] = events(1, id, 2, 'pending');
  if (!overdue) throw new Error('no event');
  await insertMany(db, webhookOutbox, [...events(5_000, id, 3, 'delivered'), overdue]);
  counter.take();
  expect(await buryOverdue(db, { webhookId: id }, now, never)).toBe(1);
  expect(counter.take().statements).toBeLessThanOrEqual(6);
});

test('the look for what is due reads no webhook for each lane that is not', async () => {
  counter.take();
  expect(await readDueWebhooks(db, app.deps.clock.now())).toEqual([]);
  const [text = ''] = counter.take().texts.keys();
  lookForLanes = text;
});

test.each([
  ['byAge', /SEARCH \w+ USING (COVERING )?INDEX \w+_(age|expiry|recent)_ix/],
  ['byLane', /SEARCH \w+ USING (COVERING )?INDEX webhook_outbox_(list|lane)_ix/],
] as const)('all of it was read %s: each time a short range of an index', async (order, wanted) => {
  expect(read[order].length).toBeGreaterThanOrEqual(6);
  for (const text of read[order]) {
    const query = sql.raw(`explain query plan ${text.replaceAll('?…', '?')}`);
    const lines = await rawRows<{ detail: string }>(db, query);
    const plan = lines.map(({ detail }) => detail).join(', ');
    expect(plan).toMatch(wanted);
    expect(plan).not.toMatch(/SCAN|B-TREE FOR ORDER BY/);
  }
});

test('and each webhook once, after the lanes were read from their index alone', async () => {
  const query = sql.raw(`explain query plan ${lookForLanes.replaceAll('?…', '?')}`);
  const lines = await rawRows<{ detail: string }>(db, query);
  const plan = lines.map(({ detail }) => detail);
  expect(plan[0]).toMatch(/CO-ROUTINE/);
  expect(plan[1]).toMatch(/SCAN webhook_lanes USING COVERING INDEX/);
  expect(plan.at(-1)).toMatch(/SEARCH webhooks USING/);
});

/** Which rows are written with an event, and what that costs. On both databases. */
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { Tx } from '../../src/db/client.ts';
import { transact } from '../../src/db/ops.ts';
import { webhookLanes, webhookOutbox, webhooks } from '../../src/db/schema.ts';
import { changeWebhookVersion, createOutbox } from '../../src/events/outbox.ts';
import { type Fact, record } from '../../src/events/record.ts';
import { createEventStream } from '../../src/events/stream.ts';
import { newId } from '../../src/utils/ids.ts';
import { createFakeClock, type FakeClock } from '../helpers/clock.ts';
import { testOn } from '../helpers/on-database.ts';
import { type Fixture, openFixture, type Session } from './fixture.ts';

let f: Fixture;
let clock: FakeClock;
let userId: number;
let session: Session;

beforeEach(async () => {
  clock = createFakeClock();
  f = await openFixture({ clock });
  ({ id: userId } = await f.tenant());
  session = await f.session(userId);
});
afterEach(() => f.close());

const rows = () => f.deps.db.select().from(webhookOutbox);
const happen = (userOf = session) =>
  f.facts({ userId: userOf.userId, event: 'session.status', session: userOf, data: { status: 'connected' } });

/** Another process makes a webhook: this one is told by nobody. */
async function makeElsewhere(): Promise<string> {
  const id = newId();
  const now = clock.now();
  const row = { id, userId, url: 'http://127.0.0.1/', events: ['*'], status: 'active', secret: 'x' } as const;
  await transact(f.deps.db, async (tx) => {
    await tx.insert(webhooks).values({ ...row, events: ['*'], createdAt: now, updatedAt: now });
    await changeWebhookVersion(tx);
  });
  return id;
}

test('a webhook of this process is told of the very next event, one of another process within a second', async () => {
  await happen();
  const hook = await f.hook(userId, { url: 'http://127.0.0.1:9/', events: ['session.status'] });
  await happen();
  expect((await rows()).map((row) => [row.webhookId, row.seq])).toEqual([[hook.id, 2]]);
  const other = await makeElsewhere();
  await clock.advance(1_000);
  await happen();
  const told = (await rows()).filter((row) => row.seq === 3).map((row) => row.webhookId);
  expect(told.sort()).toEqual([hook.id, other].sort());
});

test('a row is there if and only if its event is: a rolled back change leaves neither', async () => {
  await f.hook(userId, { url: 'http://127.0.0.1:9/', events: ['*'] });
  await expect(
    transact(f.deps.db, async (tx) => {
      await record(tx, f.deps, [{ userId, event: 'session.status', session }]);
      throw new Error('the change failed');
    }),
  ).rejects.toThrow('the change failed');
  expect(await rows()).toEqual([]);
  expect(await f.deps.db.select().from(webhookLanes)).toEqual([]);
});

test('without webhooks an event costs nothing: one point read a second, no write', async () => {
  const calls: string[] = [];
  const counting = (tx: Tx): Tx =>
    new Proxy(tx, {
      get(target, name, receiver) {
        if (name === 'select' || name === 'insert' || name === 'update') calls.push(name);
        return Reflect.get(target, name, receiver);
      },
    });
  const outbox = createOutbox({ clock, hasDefault: false });
  const event = { id: newId(), userId, accountId: session.id, sessionId: session.sessionId, seq: 1 };
  const write = () =>
    transact(f.deps.db, (tx) =>
      outbox.write(counting(tx), [
        { ...event, event: 'message.sent', subject: null, data: {}, at: clock.now() },
      ]),
    );
  await write();
  calls.length = 0;
  for (let i = 0; i < 50; i++) await write();
  expect(calls).toEqual([]);
  await clock.advance(1_000);
  for (let i = 0; i < 50; i++) await write();
  expect(calls).toEqual(['select']);
});

test('sign-ins, keys and QR codes are told to no webhook', async () => {
  await f.hook(userId, { url: 'http://127.0.0.1:9/', events: ['*'] });
  await f.facts(
    { userId, event: 'auth.login' },
    { userId, event: 'api_key.created' },
    { userId, event: 'session.qr', session },
    { userId, event: 'otp.sent', session },
  );
  expect(await rows()).toEqual([]);
});

test('many sessions at once: every event has its row, and every row a lane', async () => {
  await f.hook(userId, { url: 'http://127.0.0.1:9/', events: ['*'] });
  await f.hook(userId, { url: 'http://127.0.0.1:9/', events: ['*'] });
  const sessions = [session, await f.session(userId), await f.session(userId)];
  await Promise.all(Array.from({ length: 60 }, (_, i) => happen(sessions[i % 3])));
  const written = await rows();
  expect(written).toHaveLength(120);
  const lanes = (await f.deps.db.select().from(webhookLanes)).map((row) => row.lane);
  expect(new Set(written.map((row) => row.lane))).toEqual(new Set(lanes));
  expect(lanes).toHaveLength(6);
});

test('a stream without an outbox records as before', async () => {
  await f.hook(userId, { url: 'http://127.0.0.1:9/', events: ['*'] });
  const deps = { clock, stream: createEventStream() };
  await transact(f.deps.db, (tx) => record(tx, deps, [{ userId, event: 'session.status', session }]));
  expect(await rows()).toEqual([]);
});

// On SQLite one transaction at a time writes.
testOn(
  'mysql',
  'a warning before an event of a session and one after it do not wait for each other',
  async () => {
    await f.hook(userId, { url: 'http://127.0.0.1:9/', events: ['*'] });
    const warning = { userId, event: 'usage.warning' } as const;
    const status = { userId, event: 'session.status', session } as const;
    let left = 2;
    let bothRun: () => void = () => undefined;
    const halfway = new Promise<void>((resolve) => {
      bothRun = resolve;
    });
    const tell = (first: Fact, second: Fact) =>
      transact(
        f.deps.db,
        async (tx) => {
          await record(tx, f.deps, [first]);
          left -= 1;
          if (left === 0) bothRun();
          await halfway;
          await record(tx, f.deps, [second]);
        },
        { tries: 1 },
      );
    await Promise.all([tell(warning, status), tell(status, warning)]);
    expect((await rows()).map(({ event }) => event).sort()).toEqual([
      ...['session.status', 'session.status', 'usage.warning', 'usage.warning'],
    ]);
    expect(await f.deps.db.select().from(webhookLanes)).toHaveLength(2);
  },
);

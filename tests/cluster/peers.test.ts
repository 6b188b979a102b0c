import { eq, sql } from 'drizzle-orm';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { postCommand, takeCommands } from '../../src/cluster/command-rows.ts';
import { createCommandBus, NotOwnerError } from '../../src/cluster/commands.ts';
import { createInbox, lookAgainMs } from '../../src/cluster/inbox.ts';
import { createAskOwner, createCommandRequests } from '../../src/cluster/remote-commands.ts';
import {
  createNewsReader,
  createWakeUpSender,
  postWakeUps,
  prioritiesIn,
  SEVERAL,
} from '../../src/cluster/wake-ups.ts';
import type { Tx } from '../../src/db/client.ts';
import { dbType } from '../../src/db/kit.ts';
import { locked, rawRun } from '../../src/db/ops.ts';
import { processes, sessionCommands, wakeUps, whatsappAccounts } from '../../src/db/schema.ts';
import { PRIORITIES } from '../../src/queue/priority.ts';
import { createQueueSignals, type News } from '../../src/queue/signals.ts';
import { systemClock } from '../../src/utils/clock.ts';
import { AppError } from '../../src/utils/errors.ts';
import { newId } from '../../src/utils/ids.ts';
import { createOwnership } from '../../src/workers/ownership.ts';
import { createPeers } from '../../src/workers/peers.ts';
import { openTestDatabase, type TestDatabase } from '../helpers/database.ts';
import { SOON_MS, whileLocked } from '../helpers/locks.ts';
import { describeOn } from '../helpers/on-database.ts';
import { until } from '../helpers/until.ts';
import { fakeHost, silent } from '../workers/session-world.ts';

let database: TestDatabase;
const stops: (() => Promise<void>)[] = [];

beforeEach(async () => {
  database = await openTestDatabase();
});
afterEach(async () => {
  await Promise.all(stops.splice(0).map((stop) => stop()));
  await database.close();
});

type Handler = (accountId: string, input: unknown) => Promise<unknown>;

/** Safe because these tests compare answers with what their own handlers gave. */
function asAnswer(answer: unknown): never {
  return answer as never;
}

/** A process that answers `check_numbers` for the sessions of `mine` by `answer`. */
function startProcess(mine: Set<string>, answer: Handler) {
  const processId = newId();
  const deps = { database, db: database.db, clock: systemClock, logger: silent, processId };
  const bus = createCommandBus({ processId, clock: systemClock, askOwner: createAskOwner(deps) });
  const news: string[] = [];
  bus.handle(async (accountId, _name, input) => {
    if (!mine.has(accountId)) throw new NotOwnerError();
    return asAnswer(await answer(accountId, input));
  });
  const requests = createCommandRequests({ ...deps, runHere: bus.runHere });
  const inbox = createInbox({
    ...deps,
    hasPeers: () => true,
    onNews: (all) => news.push(...all.map(({ accountId }) => accountId)),
    lookForCommands: requests.look,
  });
  inbox.start();
  stops.push(async () => {
    await inbox.stop();
    await requests.idle();
  });
  const sender = createWakeUpSender({ ...deps, isMine: (id) => mine.has(id) });
  return { processId, bus, news, mine, sender, look: requests.look, stop: () => inbox.stop() };
}

async function account(owner: string | null): Promise<string> {
  const id = newId();
  await database.db.insert(whatsappAccounts).values({
    id,
    userId: 1,
    sessionId: id,
    status: 'connected',
    pairing: 'qr',
    owner,
    createdAt: 1,
    updatedAt: 1,
  });
  return id;
}

const echo: Handler = async (accountId, input) => [accountId, input];
const ask = (process: ReturnType<typeof startProcess>, id: string, timeoutMs = 5_000) =>
  process.bus.run(id, 'check_numbers', { phones: ['628111'] }, timeoutMs);
const refusal = (work: Promise<unknown>) =>
  work.then(
    () => null,
    (error: unknown) => (error instanceof AppError ? error : null),
  );
const commandsLeft = async () => (await database.db.select().from(sessionCommands)).length;

describe('a command', () => {
  it('is run by the owner, wherever it is asked, and leaves no row', async () => {
    const a = startProcess(new Set(), echo);
    const b = startProcess(new Set(), echo);
    const id = await account(b.processId);
    b.mine.add(id);
    expect(await ask(a, id)).toEqual([id, { phones: ['628111'] }]);
    expect(await ask(b, id)).toEqual([id, { phones: ['628111'] }]);
    await until(async () => (await commandsLeft()) === 0);
  });

  it('fails as it failed at the owner, and an unknown failure tells nothing of itself', async () => {
    const a = startProcess(new Set(), echo);
    const details = { phone: 'is odd' };
    const b = startProcess(new Set(), async () => {
      throw new AppError('NOT_CONNECTED', 'It is away.', { details, retryAfterSeconds: 7 });
    });
    const c = startProcess(new Set(), async () => {
      throw new Error('secret of the process');
    });
    const [atB, atC] = [await account(b.processId), await account(c.processId)];
    b.mine.add(atB);
    c.mine.add(atC);
    expect(await refusal(ask(a, atB))).toMatchObject({
      code: 'NOT_CONNECTED',
      message: 'It is away.',
      details,
      retryAfterSeconds: 7,
    });
    const unknown = await refusal(ask(a, atC));
    expect(unknown?.code).toBe('UNAVAILABLE');
    expect(unknown?.message).not.toContain('secret');
  });

  it('follows the session to its next owner, and home when nobody has it', async () => {
    const a = startProcess(new Set(), echo);
    const b = startProcess(new Set(), echo);
    const c = startProcess(new Set(), echo);
    const id = await account(b.processId);
    // b does not hold what the row says: it is giving the session away.
    const asked = ask(a, id);
    await database.db.update(whatsappAccounts).set({ owner: c.processId });
    c.mine.add(id);
    expect(await asked).toEqual([id, { phones: ['628111'] }]);

    const free = await account(newId());
    const again = ask(a, free);
    a.mine.add(free);
    expect(await again).toEqual([free, { phones: ['628111'] }]);
    await until(async () => (await commandsLeft()) === 0);
  });

  it('is answered soon however many are asked at once', async () => {
    const a = startProcess(new Set(), echo);
    const b = startProcess(new Set(), echo);
    const ids = await Promise.all(Array.from({ length: 120 }, () => account(b.processId)));
    for (const id of ids) b.mine.add(id);
    const answers = await Promise.all(ids.map((id) => ask(a, id, 20_000)));
    expect(answers).toEqual(ids.map((id) => [id, { phones: ['628111'] }]));
    await until(async () => (await commandsLeft()) === 0);
  });

  it('that nobody answers is UNAVAILABLE in time, and is not run later', async () => {
    const ran: string[] = [];
    const a = startProcess(new Set(), echo);
    const b = startProcess(new Set(), async (accountId) => ran.push(accountId));
    await b.stop();
    const id = await account(b.processId);
    b.mine.add(id);
    expect((await refusal(ask(a, id, 300)))?.code).toBe('UNAVAILABLE');
    await until(async () => (await commandsLeft()) === 0);
    await b.look();
    expect(ran).toEqual([]);
    expect((await refusal(ask(a, newId(), 300)))?.code).toBe('UNAVAILABLE');
  });
});

const readerOf = (owner: string) => createNewsReader({ db: database.db, clock: systemClock, owner });

describe('a wake-up', () => {
  it('reaches the owner of a session within moments, and nobody else', async () => {
    const a = startProcess(new Set(), echo);
    const b = startProcess(new Set(), echo);
    const [mine, other, free] = [await account(a.processId), await account(b.processId), await account(null)];
    a.mine.add(mine);
    b.mine.add(other);
    for (const accountId of [mine, other, free]) a.sender.send({ accountId, priority: 1 });
    await until(() => b.news.length > 0, 2_000);
    await a.sender.flush();
    expect(b.news).toEqual([other]);
    expect(a.news).toEqual([]);
  });

  it('that cannot be written is sent once more', async () => {
    const owner = newId();
    const news = { accountId: await account(owner), priority: 1 };
    const tries: string[] = [];
    let retry: () => void = () => undefined;
    const sender = createWakeUpSender({
      ...{ db: database.db, processId: newId(), isMine: () => false },
      logger: { ...silent, warn: (what) => tries.push(what) },
      clock: {
        ...systemClock,
        setTimer(work) {
          retry = work;
          return () => undefined;
        },
      },
    });
    await rawRun(database.db, sql`alter table wake_ups rename to wake_ups_away`);
    sender.send(news);
    await until(() => tries.length === 1);
    await rawRun(database.db, sql`alter table wake_ups_away rename to wake_ups`);
    retry();
    await sender.flush();
    expect(await readerOf(owner).look()).toEqual([news]);
  });

  it('that comes while one waits is kept once, and one that comes after the look is news again', async () => {
    const [owner, accountId] = [newId(), newId()];
    const news = { owner, accountId, priority: null };
    const reader = readerOf(owner);
    await postWakeUps(database.db, [news], 2);
    await postWakeUps(database.db, [news], 2);
    expect(await reader.look()).toEqual([{ accountId, priority: null }]);
    expect(await reader.look()).toEqual([]);
    // By a clock that is behind.
    await postWakeUps(database.db, [news], 1);
    expect(await reader.look()).toEqual([{ accountId, priority: null }]);
    expect(await reader.look()).toEqual([]);
  });

  it('goes some time after it was heard, unless it has become news again', async () => {
    const [owner, other, accountId, again] = [newId(), newId(), newId(), newId()];
    const left = async () =>
      (await database.db.select().from(wakeUps)).map((row) => [row.owner, row.accountId]).sort();
    let nowMs = 0;
    const reader = createNewsReader({ db: database.db, clock: { monotonic: () => nowMs }, owner });
    const post = (to: string, id: string) =>
      postWakeUps(database.db, [{ owner: to, accountId: id, priority: 1 }], 1);
    await post(owner, accountId);
    await post(owner, again);
    await post(other, accountId);
    expect(await reader.look()).toHaveLength(2);
    await reader.tidy();
    expect(await left()).toHaveLength(3);
    nowMs = 1_000;
    await post(owner, again);
    await reader.tidy();
    expect(await left()).toEqual(
      [
        [owner, again],
        [other, accountId],
      ].sort(),
    );
    expect(await reader.look()).toEqual([{ accountId: again, priority: 1 }]);
    // What is about everything would make everything of what comes later.
    await postWakeUps(database.db, [{ owner, accountId, priority: null }], 1);
    expect(await reader.look()).toEqual([{ accountId, priority: null }]);
    await reader.tidy();
    expect(await left()).toEqual([[other, accountId]]);
  });

  it('of a code tells of messages alone, though one of a campaign was heard before', async () => {
    const [owner, accountId] = [newId(), newId()];
    const reader = readerOf(owner);
    const hear = async (priority: number) => {
      await postWakeUps(database.db, [{ owner, accountId, priority }], 1);
      const told = (await reader.look()).map((one) => prioritiesIn(one.priority ?? Number.NaN));
      await reader.tidy();
      return told;
    };
    expect(await hear(PRIORITIES.low)).toEqual([[PRIORITIES.low]]);
    expect(await hear(PRIORITIES.high)).toEqual([[PRIORITIES.high, PRIORITIES.low]]);
    // What stands for both would make both of each that comes later.
    expect(await hear(PRIORITIES.high)).toEqual([[PRIORITIES.high]]);
  });

  it('is looked for less often where the event loop is busy anyway', () => {
    expect([0, 0.5, 0.75, 1].map(lookAgainMs)).toEqual([50, 50, 125, 200]);
  });

  it('of messages says of which priorities; with anything else it is about everything', async () => {
    const owner = newId();
    const [same, mixed, unsure] = [newId(), newId(), newId()];
    const post = (accountId: string, priority: number | null) =>
      postWakeUps(database.db, [{ owner, accountId, priority }], 1);
    await post(same, 1);
    await post(same, 1);
    await post(mixed, 1);
    await post(mixed, 0);
    await post(mixed, 0);
    await post(mixed, 1);
    await post(unsure, null);
    await post(unsure, 2);
    const reader = readerOf(owner);
    const news = await reader.look();
    const found = new Map(news.map(({ accountId, priority }) => [accountId, priority]));
    expect([same, mixed, unsure].map((id) => found.get(id))).toEqual([1, SEVERAL | 0b11, null]);
    expect(await reader.look()).toEqual([]);
  });
});

describe('a process that starts', () => {
  const listener = {
    onTaken: () => {},
    onLost: () => {},
    onRenewed: () => {},
    onRelease: () => {},
    onPeerGone: () => {},
  };

  function newOwnership(host = fakeHost('here', 1)) {
    const deps = { database, db: database.db, clock: systemClock, logger: silent, processId: newId() };
    const ownership = createOwnership({ ...deps, host, alone: false });
    stops.push(() => ownership.stop());
    return ownership;
  }

  const rows = () => database.db.select().from(processes);

  it('is known to the one that was alone before it serves anything', async () => {
    const first = newOwnership();
    await first.start(listener);
    // As it is after the first five seconds.
    await first.tick();
    const second = newOwnership(fakeHost('here', 2));
    let served = false;
    const entering = second.enter().then(() => {
      served = true;
    });
    await until(async () => (await rows()).length === 2);
    await until(async () => (await database.db.select().from(wakeUps)).length === 1);
    expect([served, first.hasPeers()]).toEqual([false, false]);
    expect(await readerOf(first.processId).look()).toEqual([{ accountId: second.processId, priority: null }]);
    await first.tick();
    await entering;
    expect(first.hasPeers()).toBe(true);
    // One that could not start is no peer.
    await second.stop();
    expect(await rows()).toHaveLength(1);
  });

  it('waits for none that starts as well', async () => {
    const both = [newOwnership(), newOwnership(fakeHost('here', 2))];
    const beganMs = performance.now();
    await Promise.all(both.map((one) => one.enter()));
    expect(performance.now() - beganMs).toBeLessThan(5_000);
    for (const one of both) await one.start(listener);
    expect(both.map((one) => one.hasPeers())).toEqual([true, true]);
  });

  it('is heard by one that knows of no other', async () => {
    const processId = newId();
    const heard: string[] = [];
    await postWakeUps(database.db, [{ owner: processId, accountId: newId(), priority: null }], 1);
    const inbox = createInbox({
      ...{ database, clock: systemClock, logger: silent, processId },
      hasPeers: () => false,
      onNews: (news) => heard.push(...news.map(({ accountId }) => accountId)),
      lookForCommands: async () => undefined,
    });
    stops.push(() => inbox.stop());
    inbox.start();
    await until(() => heard.length === 1);
  });
});

// SQLite serves one process only.
if (dbType === 'mysql')
  it('news that names no priority is about the row of the session as well', async () => {
    const processId = newId();
    const deps = { database, db: database.db, clock: systemClock, logger: silent, processId };
    const ownership = createOwnership({ ...deps, host: fakeHost('here', 1), alone: false });
    const held = await Promise.all([1, 2, 3, 4].map(() => account(processId)));
    await ownership.start({ onTaken() {}, onLost() {}, onRenewed() {}, onRelease() {}, onPeerGone() {} });
    stops.push(() => ownership.stop());
    const signals = createQueueSignals();
    const heard: News[] = [];
    signals.onWake((accountId, news) => held.includes(accountId) && heard.push(news));
    const commands = createCommandBus({ processId, clock: systemClock });
    const peers = createPeers({ ...deps, commands, signals }, ownership);
    stops.push(() => peers.stop());
    peers.start();
    for (const [at, accountId] of held.entries()) {
      const [before, priority] = [heard.length, [null, 1, SEVERAL | 0b101, SEVERAL | 0b1001][at] ?? null];
      await postWakeUps(database.db, [{ owner: processId, accountId, priority }], systemClock.now());
      await until(() => heard.length > before);
    }
    // The last one is of a later release, which knows more priorities.
    const several = [{ priority: 0 }, { priority: 2 }];
    expect(heard).toEqual([{ rowChanged: true }, { priority: 1 }, ...several, { rowChanged: true }]);
  });

it('the peers ask the ownership itself whether there is another process', async () => {
  const processId = newId();
  const deps = { database, db: database.db, clock: systemClock, logger: silent, processId };
  const ownership = createOwnership({ ...deps, host: fakeHost('here', 1), alone: false });
  const commands = createCommandBus({ processId, clock: systemClock });
  const peers = createPeers({ ...deps, commands, signals: createQueueSignals() }, ownership);
  peers.start();
  await peers.stop();
});

describeOn('mysql', 'a row that somebody keeps locked', () => {
  it('holds up no other command', async () => {
    const owner = newId();
    const ids = [newId(), newId()].sort();
    const deadlineAt = (await database.now()) + 60_000;
    const common = { accountId: newId(), owner, verb: 'check_numbers', input: [], deadlineAt };
    for (const id of ids) await postCommand(database, { ...common, id }, 1);
    const [stuck = '', other] = ids;
    const taken: string[] = [];
    const take = async () => {
      for (const { id } of await takeCommands(database, owner)) taken.push(id);
    };
    const lock = (tx: Tx) => locked(tx.select().from(sessionCommands).where(eq(sessionCommands.id, stuck)));
    expect(await whileLocked(database, lock, take)).toBeLessThan(SOON_MS);
    expect(taken).toEqual([other]);
    await take();
    expect(taken).toEqual([other, stuck]);
  });

  it('keeps a process from hearing and forgetting no other news', async () => {
    const owner = newId();
    const [stuck, other] = [newId(), newId()];
    for (const accountId of [stuck, other])
      await postWakeUps(database.db, [{ owner, accountId, priority: 1 }], 1);
    let nowMs = 0;
    const reader = createNewsReader({ db: database.db, clock: { monotonic: () => nowMs }, owner });
    const left = async () => (await database.db.select().from(wakeUps)).map((row) => row.accountId);
    const lock = (tx: Tx) => locked(tx.select().from(wakeUps).where(eq(wakeUps.accountId, stuck)));
    const work = async () => {
      expect(await reader.look()).toHaveLength(2);
      nowMs += 1_000;
      await reader.tidy();
    };
    expect(await whileLocked(database, lock, work)).toBeLessThan(SOON_MS);
    expect(await left()).toEqual([stuck]);
    expect(await reader.look()).toEqual([]);
    nowMs += 1_000;
    await reader.tidy();
    expect(await left()).toEqual([]);
  });
});

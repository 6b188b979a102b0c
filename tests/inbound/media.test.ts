import { randomBytes } from 'node:crypto';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { eq, inArray } from 'drizzle-orm';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { Tx } from '../../src/db/client.ts';
import { locked, transact } from '../../src/db/ops.ts';
import {
  activityLogs,
  inboundMedia,
  media,
  messages,
  rateLimits,
  whatsappAccounts,
} from '../../src/db/schema.ts';
import { amend, amendable } from '../../src/queue/amend.ts';
import { claimMedia } from '../../src/services/inbound/media-work.ts';
import { storeInbound } from '../../src/services/inbound/store.ts';
import { storageKeyOf } from '../../src/services/media/staging.ts';
import type { Clock } from '../../src/utils/clock.ts';
import { newId } from '../../src/utils/ids.ts';
import type { InboundMessage } from '../../src/whatsapp/engine.ts';
import { type FetchMedia, MediaFailure } from '../../src/whatsapp/inbound-media.ts';
import { createInboundMedia } from '../../src/workers/inbound-media.ts';
import { openTestApp, type TestApp } from '../helpers/app.ts';
import { SOON_MS, whileLocked } from '../helpers/locks.ts';
import { createManualClock, type ManualClock } from '../helpers/manual-clock.ts';
import { testOn } from '../helpers/on-database.ts';
import { until } from '../helpers/until.ts';

const HOUR_MS = 3_600_000;
let test: TestApp;
let clock: ManualClock;
const stops: (() => Promise<void>)[] = [];

beforeAll(async () => {
  clock = createManualClock();
  test = await openTestApp({ clock });
});
afterEach(async () => {
  for (const stop of stops.splice(0)) await stop();
  await test.deps.db.delete(inboundMedia);
});
afterAll(() => test.close());

async function addAccount(owner?: { id: number; apiKey: string }) {
  const { id: userId, apiKey } = owner ?? (await test.tenant());
  const account = { id: newId(), userId, sessionId: newId().slice(20), owner: newId(), fence: 1 };
  const now = clock.now();
  const row = { ...account, status: 'connected', pairing: 'qr', createdAt: now, updatedAt: now } as const;
  await test.deps.db.insert(whatsappAccounts).values(row);
  return { ...account, apiKey };
}

function imageMessage(messageId = `3A${randomBytes(8).toString('hex')}`): InboundMessage {
  return {
    messageId,
    chat: '628111@s.whatsapp.net',
    participant: null,
    author: null,
    phone: '628111',
    lid: null,
    pushName: 'Eve',
    content: {
      type: 'image',
      caption: 'look',
      media: { state: 'pending', mimetype: 'image/jpeg', size: 4, sha256: null },
    },
    media: {
      kind: 'image',
      url: 'https://mmg.whatsapp.net/secret-place',
      directPath: null,
      mediaKey: Buffer.alloc(32, 7),
      fileSha256: null,
    },
    at: clock.now(),
  };
}

/** An inbound image of its own account: how the history shows it, and what was told. */
async function receive() {
  const account = await addAccount();
  const message = imageMessage();
  await storeInbound(test.deps, account, message);
  const read = async () => {
    const rows = await test.deps.db.select().from(messages).where(eq(messages.accountId, account.id));
    expect(rows).toHaveLength(1);
    const [row] = rows;
    return { id: row?.id ?? '', content: Object(row?.content) };
  };
  const told = async () => {
    const rows = await test.deps.db.select().from(activityLogs).where(eq(activityLogs.accountId, account.id));
    return rows.sort((a, b) => (a.seq ?? 0) - (b.seq ?? 0)).map((row) => `${row.event}:${row.status}`);
  };
  return { account, message, read, told };
}

/** Processes of this test: what one of them has claimed, it is working on. */
const workers = [newId()];

function startWorker(fetch: FetchMedia, processId = newId()) {
  workers.push(processId);
  const worker = createInboundMedia({ ...test.deps, clock: workerClock }, { processId, fetch });
  worker.start();
  stops.push(() => worker.stop());
  return worker;
}

/** Moves time on until `look` is true: at most `limitMs` of it, and none while a download is under way. */
async function advanceUntil(look: () => Promise<boolean>, limitMs: number, stepMs = 1_000): Promise<number> {
  const startedAt = clock.now();
  while (!(await look())) {
    if (clock.now() - startedAt > limitMs) throw new Error(`not true after ${limitMs} ms`);
    await idle();
    clock.advance(stepMs);
    await new Promise((resolve) => setTimeout(resolve, 2));
    await idle();
  }
  return clock.now() - startedAt;
}

/** Until no worker of this test has anything in hand and its loop sleeps. */
async function idle(): Promise<void> {
  const { db } = test.deps;
  const isBusy = async () => {
    const rows = await db.select().from(inboundMedia).where(inArray(inboundMedia.claimedBy, workers));
    return rows.length > 0 || sleeping() === 0;
  };
  while (await isBusy()) await new Promise((resolve) => setTimeout(resolve, 2));
}

/** Timers that wait, on the clock of the workers. */
const timers = new Set<object>();
const sleeping = () => timers.size;
const workerClock: Clock = {
  now: () => clock.now(),
  monotonic: () => clock.monotonic(),
  setTimer(fn, delayMs) {
    const timer = {};
    timers.add(timer);
    const cancel = clock.setTimer(() => {
      timers.delete(timer);
      fn();
    }, delayMs);
    return () => {
      timers.delete(timer);
      cancel();
    };
  },
};

const bytes = (text: string) => async () => Readable.from([Buffer.from(text)]);
const fails = (kind: MediaFailure['kind']) => async () => {
  throw new MediaFailure(kind, 'as told');
};
const stateOf = (read: () => Promise<{ content: { media: { state: string } } }>) => async () =>
  (await read()).content.media.state;

describe('a message with a file', () => {
  it('is in the history before its file is asked for, with its key sealed', async () => {
    const { read, told } = await receive();
    expect((await read()).content).toMatchObject({ caption: 'look', media: { state: 'pending' } });
    expect(await told()).toEqual(['message.received:success']);
    const [work] = await test.deps.db.select().from(inboundMedia);
    expect(work?.sealed.includes(Buffer.from('mmg.whatsapp.net'))).toBe(false);
    expect(work?.sealed.includes(Buffer.alloc(32, 7).toString('base64'))).toBe(false);
  });

  it('that comes twice is one row, one fact and one download', async () => {
    const { account, message, told } = await receive();
    expect(await storeInbound(test.deps, account, message)).toBe(false);
    expect(await test.deps.db.select().from(inboundMedia)).toHaveLength(1);
    expect(await told()).toEqual(['message.received:success']);
  });
});

/** What somebody waits at until it is opened. */
function gate() {
  let open = () => {};
  const passed = new Promise<void>((resolve) => {
    open = resolve;
  });
  return { passed, open };
}

describe('the download', () => {
  it('keeps the file, tells of it once and forgets the key', async () => {
    const { read, told } = await receive();
    startWorker(bytes('GIF89a and more'));
    await advanceUntil(async () => (await stateOf(read)()) === 'stored', 10_000);
    const { id, content } = await read();
    expect(content).toMatchObject({ caption: 'look', media: { id, size: 15, mimetype: 'image/gif' } });
    const [row] = await test.deps.db.select().from(media).where(eq(media.id, id));
    expect(row).toMatchObject({ kind: 'inbound', size: 15, storageKey: storageKeyOf(id) });
    expect(await told()).toEqual(['message.received:success', 'message.media:success']);
    expect(await test.deps.db.select().from(inboundMedia)).toEqual([]);
  });

  it('takes no edit of the caption back that is made at the same moment', async () => {
    const { account, message, read } = await receive();
    const [begun, mayEnd] = [gate(), gate()];
    const edit = transact(test.deps.db, async (tx) => {
      const [row] = await tx.select(amendable).from(messages).where(eq(messages.accountId, account.id));
      if (!row) throw new Error('nothing was stored');
      const amendment = { type: 'edit', messageId: message.messageId, text: 'look again' } as const;
      await amend(tx, row, amendment, { at: 1, now: 1, by: '3A-edit' });
      begun.open();
      await mayEnd.passed;
    });
    await begun.passed;
    startWorker(bytes('GIF89a and more'));
    // As far as it comes: its last step waits for the edit.
    for (let n = 0; n < 50; n++) await new Promise((resolve) => setTimeout(resolve, 2));
    mayEnd.open();
    await edit;
    await advanceUntil(async () => (await stateOf(read)()) === 'stored', 10_000);
    expect((await read()).content).toMatchObject({ caption: 'look again', media: { state: 'stored' } });
  });

  it.each(['gone', 'corrupt', 'too_large'] as const)(
    'is given up at once when the file is %s',
    async (kind) => {
      const { read, told } = await receive();
      let asked = 0;
      startWorker(async () => {
        asked += 1;
        return fails(kind)();
      });
      await advanceUntil(async () => (await stateOf(read)()) === 'failed', 10_000);
      expect((await read()).content.media.error).toBe(kind);
      expect(asked).toBe(1);
      expect(await told()).toEqual(['message.received:success', 'message.media:failure']);
      expect(await test.deps.db.select().from(inboundMedia)).toEqual([]);
    },
  );

  it('is tried again with growing pauses, and given up after a day', async () => {
    const { read } = await receive();
    const at: number[] = [];
    startWorker(async () => {
      at.push(clock.now());
      return fails('unavailable')();
    });
    const look = async () => (await stateOf(read)()) === 'failed';
    const tookMs = await advanceUntil(look, 30 * HOUR_MS, 600_000);
    expect(tookMs).toBeGreaterThan(20 * HOUR_MS);
    expect(tookMs).toBeLessThan(25 * HOUR_MS);
    expect(at.length).toBeGreaterThan(15);
    expect(at.length).toBeLessThan(60);
    expect((await read()).content.media.error).toBe('unavailable');
  });

  it('works after failures that were not the file’s', async () => {
    const { read } = await receive();
    let asked = 0;
    startWorker(async () => {
      asked += 1;
      if (asked < 3) throw new Error('the disk is full');
      return bytes('GIF89a')();
    });
    await advanceUntil(async () => (await stateOf(read)()) === 'stored', 120_000);
    expect(asked).toBe(3);
  });

  it('refuses a file that grows beyond the limit, and leaves nothing of it behind', async () => {
    const { read } = await receive();
    const staging = join(test.deps.config.files.uploadPath, 'staging');
    startWorker(async () => Readable.from(endless()));
    await advanceUntil(async () => (await stateOf(read)()) === 'failed', 10_000);
    expect((await read()).content.media.error).toBe('too_large');
    expect(readdirSync(staging)).toEqual([]);
  });

  it('does a few at a time', async () => {
    const all = await Promise.all(Array.from({ length: 12 }, receive));
    let running = 0;
    let most = 0;
    startWorker(async () => {
      running += 1;
      most = Math.max(most, running);
      await new Promise((resolve) => setTimeout(resolve, 5));
      running -= 1;
      return bytes('GIF89a')();
    });
    const isDone = async () => {
      const states = await Promise.all(all.map(({ read }) => stateOf(read)()));
      return states.every((state) => state === 'stored');
    };
    await advanceUntil(isDone, 60_000);
    expect(most).toBe(4);
  });
});

describe('a file that is asked for again', () => {
  const again = ({ account, message }: Awaited<ReturnType<typeof receive>>) =>
    test.call(`/message/${message.messageId}/media`, { method: 'POST', apiKey: account.apiKey, body: {} });

  /** One that could not be had, and what another transaction does with its message while the file is asked for again. */
  async function askWhile(write: (tx: Tx, row: typeof messages.$inferSelect) => Promise<void>) {
    const received = await receive();
    startWorker(fails('gone'));
    await advanceUntil(async () => (await stateOf(received.read)()) === 'failed', 10_000);
    for (const stop of stops.splice(0)) await stop();
    const [begun, mayEnd] = [gate(), gate()];
    const other = transact(test.deps.db, async (tx) => {
      const [row] = await tx.select().from(messages).where(eq(messages.accountId, received.account.id));
      if (!row) throw new Error('nothing was stored');
      await write(tx, row);
      begun.open();
      await mayEnd.passed;
    });
    await begun.passed;
    const asked = again(received);
    // As far as it comes: its last step waits for the other.
    for (let n = 0; n < 50; n++) await new Promise((resolve) => setTimeout(resolve, 2));
    mayEnd.open();
    await other;
    return { ...received, reply: await asked };
  }

  it('takes no edit of its caption back that is made at the same moment', async () => {
    const { reply, read } = await askWhile(async (tx, row) => {
      const amendment = { type: 'edit', messageId: row.messageId, text: 'look again' } as const;
      expect(await amend(tx, row, amendment, { at: 1, now: 1, by: '3A-edit' })).not.toBeNull();
    });
    expect(reply.status).toBe(202);
    const content = { caption: 'look again', media: { state: 'pending', mimetype: 'image/jpeg' } };
    expect(reply.body.data).toMatchObject({ content });
    expect((await read()).content).toMatchObject(content);
    expect((await read()).content.media).not.toHaveProperty('error');
    expect(await test.deps.db.select().from(inboundMedia)).toHaveLength(1);
  });

  it('and has come at the same moment, as somebody else had asked, is kept', async () => {
    const fileId = newId();
    const { reply, read } = await askWhile(async (tx, row) => {
      const { userId, accountId, sessionId } = row;
      const createdAt = clock.now();
      await tx.insert(media).values({
        ...{ id: fileId, userId, accountId, sessionId, kind: 'inbound', sha256: 'a'.repeat(64), size: 4 },
        ...{
          mimetype: 'image/jpeg',
          storageKey: storageKeyOf(fileId),
          createdAt,
          expiresAt: createdAt + HOUR_MS,
        },
      });
      const content = { ...Object(row.content), media: { state: 'stored', id: fileId, size: 4 } };
      await tx.update(messages).set({ content }).where(eq(messages.id, row.id));
    });
    expect(reply).toMatchObject({ status: 202, body: { data: { content: { media: { id: fileId } } } } });
    expect((await read()).content).toMatchObject({ media: { state: 'stored', id: fileId } });
    expect(await test.deps.db.select().from(inboundMedia)).toEqual([]);
  });
});

describe('a process that ends in the middle', () => {
  it('by a stop lets go at once, and its successor goes on', async () => {
    const { read } = await receive();
    let begun = () => {};
    const hanging = new Promise<void>((resolve) => {
      begun = resolve;
    });
    const worker = startWorker((_source, { signal }) => {
      begun();
      return new Promise((_resolve, reject) => {
        signal.addEventListener('abort', () => reject(new Error('cut off')));
      });
    });
    await hanging;
    await worker.stop();
    const [row] = await test.deps.db.select().from(inboundMedia);
    expect(row).toMatchObject({ attempts: 0, claimedBy: null });
    startWorker(bytes('GIF89a'));
    await advanceUntil(async () => (await stateOf(read)()) === 'stored', 10_000);
  });

  it('by a crash leaves a claim, which another one takes when it sees that nobody holds it', async () => {
    const { read } = await receive();
    expect(await claimMedia(test.deps, newId(), 10)).toHaveLength(1);
    expect(await claimMedia(test.deps, newId(), 10)).toEqual([]);
    startWorker(bytes('GIF89a'));
    const tookMs = await advanceUntil(async () => (await stateOf(read)()) === 'stored', 60_000);
    expect(tookMs).toBeLessThan(10_000);
  });
});

it('files of one tenant, however many and slow, leave places to the others', async () => {
  const [slow, quick] = [await addAccount(), await addAccount()];
  for (let n = 0; n < 6; n++) await storeInbound(test.deps, slow, imageMessage());
  clock.advance(1_000);
  await storeInbound(test.deps, quick, imageMessage());
  const under: string[] = [];
  startWorker((_source, { accountId, signal }) => {
    under.push(accountId);
    if (accountId === quick.id) return Promise.resolve(Readable.from([Buffer.from('GIF89a')]));
    return new Promise((_resolve, reject) => {
      signal.addEventListener('abort', () => reject(new Error('cut off')));
    });
  });
  await until(async () => {
    const rows = await test.deps.db.select().from(inboundMedia);
    return rows.length === 6 && rows.every(({ userId }) => userId === slow.userId);
  });
  expect(under.filter((id) => id === slow.id)).toHaveLength(2);
});

it('files that come slowly leave their places after a while, whoever’s they are', async () => {
  const slow = [await addAccount(), await addAccount()];
  for (const account of [...slow, ...slow, ...slow]) await storeInbound(test.deps, account, imageMessage());
  const ids = new Set(slow.map(({ id }) => id));
  const under: string[] = [];
  startWorker((_source, { accountId, signal }) => {
    under.push(accountId);
    if (!ids.has(accountId)) return Promise.resolve(Readable.from([Buffer.from('GIF89a')]));
    return new Promise((_resolve, reject) => {
      signal.addEventListener('abort', () => reject(new Error('cut off')));
    });
  });
  await until(() => under.length === 4);
  clock.advance(1_000);
  const { read } = await receive();
  clock.advance(5_000);
  expect(await stateOf(read)()).toBe('pending');
  await until(async () => {
    clock.advance(1_000);
    return (await stateOf(read)()) === 'stored';
  });
  // Theirs that wait get no other places for that.
  expect(under.filter((id) => ids.has(id))).toHaveLength(4);
});

/** A message whose file somebody has asked for again, and which WhatsApp has no more. */
async function askedAgain(account: Awaited<ReturnType<typeof addAccount>>) {
  const message = imageMessage();
  await storeInbound(test.deps, account, message);
  const [row] = await test.deps.db.select().from(messages).where(eq(messages.messageId, message.messageId));
  if (!row) throw new Error('the message is not there');
  await test.deps.db.update(inboundMedia).set({ mediaId: newId() }).where(eq(inboundMedia.id, row.id));
  return row;
}

it('phones that are asked for files take no place of a download, and each tenant asks one at a time', async () => {
  const asking = gate();
  const asked: string[] = [];
  const stopHandling = test.deps.commands.handle(async (accountId) => {
    asked.push(accountId);
    await asking.passed;
    return Object({ place: null });
  });
  const slow = [await addAccount(), await addAccount(), await addAccount()];
  const again = await Promise.all(slow.flatMap((account) => [askedAgain(account), askedAgain(account)]));
  const places = new Set(again.map(({ accountId }) => accountId));
  const worker = startWorker(async (_source, { accountId }) => {
    if (places.has(accountId)) throw new MediaFailure('gone', 'as told');
    return Readable.from([Buffer.from('GIF89a')]);
  });
  await until(() => asked.length >= 3);
  const { read } = await receive();
  worker.wake();
  await until(async () => (await stateOf(read)()) === 'stored');
  expect(asked).toHaveLength(3);
  expect(new Set(asked)).toEqual(places);
  await until(async () => {
    const rows = await test.deps.db.select().from(inboundMedia);
    return rows.filter(({ claimedBy }) => claimedBy !== null).length === 3;
  });
  asking.open();
  // The others' turn comes with that, and not after the half minute that they would wait.
  await until(() => asked.length === 6);
  stopHandling();
});

it('as many files of a workspace are fetched again at a time, and a session asks so often in a minute', async () => {
  const tenant = await test.tenant();
  const account = await addAccount(tenant);
  const row = await askedAgain(account);
  const failed = { ...Object(row.content), media: { state: 'failed', error: 'gone' } };
  await test.deps.db.update(messages).set({ content: failed }).where(eq(messages.id, row.id));
  const mine = eq(inboundMedia.id, row.id);
  const [work] = await test.deps.db.select().from(inboundMedia).where(mine);
  if (!work) throw new Error('there is no work');
  await test.deps.db.delete(inboundMedia).where(mine);
  const others = Array.from({ length: 20 }, () => ({ ...work, id: newId() }));
  await test.deps.db.insert(inboundMedia).values(others);
  const fetchAgain = () =>
    test.call(`/message/${row.messageId}/media`, { method: 'POST', token: tenant.token });
  expect(await fetchAgain()).toMatchObject({
    status: 429,
    body: { code: 'RATE_LIMITED', details: { limit: 20 } },
  });
  await test.deps.db.delete(inboundMedia).where(eq(inboundMedia.id, others[0]?.id ?? ''));
  expect((await fetchAgain()).status).toBe(202);
  const spent = await test.deps.db
    .select()
    .from(rateLimits)
    .where(eq(rateLimits.key, `wa:reads:${account.id}`));
  expect(spent.map(({ count }) => count)).toEqual([1]);
});

it('a file whose seal does not open is given up, and those behind it are fetched', async () => {
  const bad = await receive();
  await test.deps.db.update(inboundMedia).set({ keyId: 'gone' });
  clock.advance(1_000);
  const good = await receive();
  startWorker(bytes('GIF89a'));
  await advanceUntil(async () => (await stateOf(good.read)()) === 'stored', 5_000);
  await advanceUntil(async () => (await stateOf(bad.read)()) === 'failed', 5_000);
  expect((await bad.read()).content.media.error).toBe('corrupt');
  expect(await test.deps.db.select().from(inboundMedia)).toEqual([]);
});

it('what is claimed is worked on, also where the next look fails', async () => {
  await receive();
  const { db } = test.deps;
  let selects = 0;
  const failing = new Proxy(db, {
    get(target, name, receiver) {
      if (name === 'select' && ++selects > 1) throw new Error('the database is away');
      return Reflect.get(target, name, receiver);
    },
  });
  expect(await claimMedia({ ...test.deps, db: failing }, newId(), 2)).toHaveLength(1);
  await expect(claimMedia({ ...test.deps, db: failing }, newId(), 2, new Map([[1, 1]]))).rejects.toThrow(
    'away',
  );
});

testOn('mysql', 'a file whose row somebody keeps locked holds up no other', async () => {
  const [stuck, other] = [await addAccount(), await addAccount()];
  await storeInbound(test.deps, stuck, imageMessage());
  clock.advance(1_000);
  await storeInbound(test.deps, other, imageMessage());
  const lock = (tx: Tx) =>
    locked(tx.select().from(inboundMedia).where(eq(inboundMedia.userId, stuck.userId)));
  const claimed: number[] = [];
  const tookMs = await whileLocked(test.deps.db, lock, async () => {
    for (const { userId } of await claimMedia(test.deps, newId(), 10)) claimed.push(userId);
  });
  expect(tookMs).toBeLessThan(SOON_MS);
  expect(claimed).toEqual([other.userId]);
});

it('tenants take turns when files are claimed', async () => {
  const [busy, other] = [await addAccount(), await addAccount()];
  for (let n = 0; n < 3; n++) await storeInbound(test.deps, busy, imageMessage());
  clock.advance(1_000);
  for (let n = 0; n < 3; n++) await storeInbound(test.deps, other, imageMessage());
  const claim = async (limit: number, running = new Map<number, number>()) =>
    (await claimMedia(test.deps, newId(), limit, running)).map(({ userId }) => userId);
  expect(await claim(3)).toEqual([busy.userId, other.userId, busy.userId]);
  expect(await claim(4, new Map([[busy.userId, 2]]))).toEqual([other.userId, other.userId]);
});

function* endless(): Generator<Buffer> {
  for (;;) yield Buffer.alloc(1_000_000);
}

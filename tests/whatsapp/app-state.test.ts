/** How a link follows what its phone tells of chats and labels: over crashes, over answers that do not come, out of order. */
import { EventEmitter } from 'node:events';
import {
  getBinaryNodeChildren,
  makeEventBuffer,
  type SignalKeyStoreWithTransaction,
  type WASocket,
} from '@whiskeysockets/baileys';
import { beforeEach, describe, expect, it } from 'vitest';
import type { AppStateCollection, AppStateVersions, LearntAppState } from '../../src/whatsapp/app-state.ts';
import { createAppState } from '../../src/whatsapp/baileys/app-state.ts';
import { createHistoryTurns } from '../../src/whatsapp/baileys/history.ts';
import { createQuietLogger } from '../../src/whatsapp/baileys/quiet-logger.ts';
import { installTransactions, type RawKeys } from '../../src/whatsapp/baileys/transactions.ts';
import { createFakeClock, type FakeClock, turns } from '../helpers/clock.ts';
import { silentLogger } from '../helpers/engine.ts';

const NAMES = ['regular_high', 'regular_low', 'regular'] as const;
const VERSION = 'app-state-sync-version';
const CHAT = '6281234567890@s.whatsapp.net';

type Patch = (emit: (event: string, data: unknown) => void) => void;

/** What the gateway and the key store have kept: it outlives a link. */
let kept: { versions: AppStateVersions | null; learnt: LearntAppState[] };
let stored: Map<string, unknown>;
/** The patches of each collection at the server; the first one is version 1. */
let server: Record<AppStateCollection, Patch[]>;
let clock: FakeClock;
/** Collections whose patches Baileys cannot open: it gives up without a word. */
let unreadable: Set<AppStateCollection>;
/** What Baileys knows of each collection that it has read, and how many patches it read in one go. */
let entries: number;
let read: number[];

beforeEach(() => {
  kept = { versions: {}, learnt: [] };
  stored = new Map();
  server = { regular_high: [], regular_low: [], regular: [] };
  clock = createFakeClock();
  unreadable = new Set();
  entries = 0;
  read = [];
});

const archive =
  (chat: string, archived: boolean): Patch =>
  (emit) =>
    emit('chats.update', [{ id: chat, archived, conditional: () => true }]);

const raw: RawKeys = {
  async get(type, names) {
    const found = names.filter((name) => stored.has(`${type}:${name}`));
    return Object.fromEntries(found.map((name) => [name, stored.get(`${type}:${name}`)]));
  },
  async set(data) {
    for (const [type, values] of Object.entries(data)) {
      for (const [name, value] of Object.entries(values)) {
        if (value === null) stored.delete(`${type}:${name}`);
        else stored.set(`${type}:${name}`, value);
      }
    }
  },
};
const versionOf = (name: AppStateCollection) =>
  (stored.get(`${VERSION}:${name}`) as { version: number } | undefined)?.version ?? 0;

const entriesOf = (count: number) => {
  const one = { valueMac: Buffer.alloc(0) };
  const known = many.get(count) ?? Object.fromEntries(Array.from({ length: count }, (_, at) => [at, one]));
  many.set(count, known);
  return known;
};
/** By how many there are: nobody changes them. */
const many = new Map<number, Record<string, { valueMac: Buffer }>>();

/** One connection of the session. */
function connect({
  learn = async () => {},
  versions = async () => kept.versions,
  written = async () => {},
  readable = async () => {},
}: {
  learn?: () => Promise<void>;
  versions?: () => Promise<AppStateVersions | null>;
  /** What a write waits for that can be read already. */
  written?: () => Promise<void>;
  /** What a look at what is stored waits for. */
  readable?: (names: readonly string[]) => Promise<void>;
} = {}) {
  const closing = new AbortController();
  /** Questions that were asked, and what they do instead of an answer. */
  const asked: AppStateCollection[][] = [];
  const failures: Error[] = [];
  /** What WhatsApp's next answer waits for. */
  const slow: Promise<void>[] = [];
  const keys = Object.assign({}) as SignalKeyStoreWithTransaction;
  const state = createAppState({
    accountId: 'a',
    userId: 1,
    logger: silentLogger,
    raw: {
      get: (type, names) => readable(names).then(() => raw.get(type, names)),
      set: (data) => raw.set(data).then(written),
    },
    storing: { clock, range: { firstMs: 10, maxMs: 10 }, signal: closing.signal, timeoutMs: 100 },
    versions,
    async learn(learnt) {
      await learn();
      kept.learnt.push(learnt);
      kept.versions = { ...kept.versions, ...learnt.versions };
    },
  });
  installTransactions(keys, state.keys);
  const ev = new EventEmitter();
  const ws = new EventEmitter();
  const emit = (event: string, data: unknown) => sock.ev.emit(event as never, data as never);
  const sock = {
    ev,
    ws,
    authState: { keys, creds: { myAppStateKeyId: 'key', me: { id: 'me' } } },
    async resyncAppState(names: AppStateCollection[]) {
      const patches: Patch[] = [];
      await keys.transaction(async () => {
        asked.push([...names]);
        for (let left = names; left.length > 0; ) {
          const known = await keys.get(VERSION, left);
          const failure = failures.shift();
          if (failure) throw failure;
          await slow.shift();
          const collections = left.map((name) => ({
            tag: 'collection',
            attrs: { name, version: String(server[name].length), has_more_patches: 'false' },
            content: server[name].slice(known[name]?.version ?? 0).map(() => ({ tag: 'patch', attrs: {} })),
          }));
          const sync = { tag: 'sync', attrs: {}, content: collections };
          ws.emit('CB:iq,,sync', { tag: 'iq', attrs: { type: 'result' }, content: [sync] });
          const more: AppStateCollection[] = [];
          for (const collection of collections.filter(({ attrs: { name } }) => !unreadable.has(name))) {
            const { attrs } = collection;
            const content = getBinaryNodeChildren(collection, 'patch');
            const { name } = attrs;
            const from = known[name]?.version ?? 0;
            const to = from + content.length;
            if (to > from) read.push(content.length);
            patches.push(...server[name].slice(from, to));
            const next = { version: to, hash: Buffer.alloc(0), indexValueMap: entriesOf(entries) };
            if (to > from) await keys.set({ [VERSION]: { [name]: next } });
            if (attrs.has_more_patches === 'true') more.push(name);
          }
          left = more;
        }
      }, 'me');
      for (const patch of patches) patch(emit);
    },
  } as unknown as WASocket;
  const { reading, files } = createHistoryTurns();
  /** How many are in the line for files, with those that have a place. */
  let lined = 0;
  const counted: typeof files = {
    run: (owner, work, signal) => {
      lined++;
      return files.run(owner, work, signal).finally(() => lined--);
    },
  };
  state.follow(sock, { reading, files: counted });
  return {
    lined: () => lined,
    asked,
    failures,
    slow,
    state,
    /** Makes the sockets' connection and lets all that follows at once end. */
    async open() {
      ev.emit('connection.update', { connection: 'open' });
      await turns(60);
    },
    /** The server tells of the newest versions; Baileys reads the first of them where `reads`. */
    async tell(names: readonly AppStateCollection[], { reads = true } = {}) {
      const content = names.map((name) => ({
        tag: 'collection',
        attrs: { name, version: String(server[name].length) },
      }));
      ws.emit('CB:notification,type:server_sync', { tag: 'notification', attrs: {}, content });
      const [first] = names;
      if (reads && first) await sock.resyncAppState([first], false).catch(() => undefined);
      await turns(60);
    },
    /** WhatsApp refuses a change, and Baileys does not look: it keeps the version that this would have made. */
    async refuse(name: AppStateCollection) {
      const error = { tag: 'error', attrs: { code: '409', text: 'conflict' } };
      const collection = { tag: 'collection', attrs: { name, type: 'error' }, content: [error] };
      const sync = { tag: 'sync', attrs: {}, content: [collection] };
      ws.emit('CB:iq,,sync', { tag: 'iq', attrs: { type: 'result' }, content: [sync] });
      const next = { version: versionOf(name) + 1, hash: Buffer.alloc(0), indexValueMap: {} };
      await keys.transaction(() => Promise.resolve(keys.set({ [VERSION]: { [name]: next } })), 'me');
    },
    close: () => closing.abort(),
  };
}

const toldOf = (from = 0) => kept.learnt.slice(from).flatMap(({ changes }) => changes);

/** A session that knows everything, as after its link. */
async function linked() {
  for (const name of NAMES) server[name].push(archive(CHAT, false));
  const link = connect();
  await link.open();
  expect(kept.versions).toEqual({ regular_high: 1, regular_low: 1, regular: 1 });
  return link;
}

it('asks once at a new connection, for what is new since the last one', async () => {
  (await linked()).close();
  const before = kept.learnt.length;
  const again = connect();
  await again.open();
  expect(again.asked).toEqual([[...NAMES]]);
  expect(toldOf(before)).toEqual([]);
  again.close();
  server.regular_low.push(archive(CHAT, true));
  await connect().open();
  expect(toldOf(before)).toMatchObject([{ kind: 'chat', chat: CHAT, state: { archived: true } }]);
  expect(kept.learnt.at(-1)?.fresh).toEqual([]);
  expect(kept.versions?.regular_low).toBe(2);
});

it('reads much in pieces, smaller ones where Baileys knows much, and keeps all of it together', async () => {
  const label = (id: number) => ({ id: `${id}`, name: `Label ${id}`, color: 1, deleted: false });
  const add = (count: number) => {
    const from = server.regular.length;
    for (let id = from; id < from + count; id++)
      server.regular.push((emit) => emit('labels.edit', label(id)));
  };
  add(300);
  const link = connect();
  await link.open();
  expect(read.length).toBeGreaterThan(2);
  expect(Math.max(...read)).toBeLessThan(150);
  expect(kept.versions?.regular).toBe(300);
  expect(toldOf()).toHaveLength(300);
  read = [];
  entries = 30_000;
  add(3);
  await link.tell(['regular']);
  expect(read).toEqual([3]);
  add(3);
  await link.tell(['regular']);
  expect(read).toEqual([3, 1, 1, 1]);
  expect(kept.versions?.regular).toBe(306);
  expect(toldOf()).toHaveLength(306);
});

it('catches up with a phone that has changed much for long, where little is read in one go', async () => {
  const patches = 600;
  entries = 30_000;
  server.regular.push(archive(CHAT, true));
  const link = connect();
  await link.open();
  expect(kept.versions?.regular).toBe(1);
  read = [];
  const before = link.asked.length;
  for (let id = 0; id < patches; id++) server.regular.push(archive(CHAT, id % 2 === 0));
  await link.tell(['regular']);
  for (let n = 0; n < patches && kept.versions?.regular !== 1 + patches; n++) await turns(60);
  expect(read).toEqual(Array(patches).fill(1));
  expect(kept.versions?.regular).toBe(1 + patches);
  expect(link.asked.length - before).toBe(1);
});

it('reads again from its beginning what Baileys has kept and the gateway has not', async () => {
  (await linked()).close();
  const dying = connect({ learn: () => new Promise(() => {}) });
  await dying.open();
  server.regular_low.push(archive(CHAT, true));
  await dying.tell(['regular_low']);
  // The process ends here: the version is kept, what it brought is not.
  expect([versionOf('regular_low'), kept.versions?.regular_low]).toEqual([2, 1]);
  const before = kept.learnt.length;
  await connect().open();
  expect(kept.learnt.at(-1)).toMatchObject({ fresh: ['regular_low'], versions: { regular_low: 2 } });
  expect(toldOf(before)).toMatchObject([{ state: { archived: false } }, { state: { archived: true } }]);
});

it('tries again where WhatsApp does not answer, with growing pauses, and ends with its link', async () => {
  (await linked()).close();
  server.regular.push((emit) => emit('labels.edit', { id: '10', name: 'Lunas', color: 1, deleted: false }));
  const link = connect();
  link.failures.push(new Error('408'), new Error('408'));
  await link.open();
  expect(link.asked).toHaveLength(1);
  await clock.advance(60_000);
  expect(link.asked).toHaveLength(3);
  expect(toldOf().at(-1)).toMatchObject({ kind: 'label', name: 'Lunas' });
  link.close();
  const other = connect();
  other.failures.push(...Array.from({ length: 50 }, () => new Error('408')));
  await other.open();
  other.close();
  await clock.advance(3_600_000);
  expect(other.asked).toHaveLength(1);
});

it('gives up for this connection after an hour of failures', async () => {
  (await linked()).close();
  const link = connect();
  link.failures.push(...Array.from({ length: 500 }, () => new Error('408')));
  await link.open();
  await clock.advance(2 * 3_600_000);
  const tries = link.asked.length;
  expect(tries).toBeGreaterThan(10);
  expect(tries).toBeLessThan(60);
  await clock.advance(24 * 3_600_000);
  expect(link.asked).toHaveLength(tries);
});

it('reads what it was told of when Baileys fails to, or reads another collection of the same news', async () => {
  const link = await linked();
  const questions = link.asked.length;
  server.regular_low.push(archive(CHAT, true));
  server.regular.push((emit) => emit('labels.edit', { id: '3', name: 'Baru', color: 0, deleted: false }));
  await link.tell(['regular_low', 'regular']);
  expect(toldOf().at(-1)).toMatchObject({ state: { archived: true } });
  await clock.advance(31_000);
  expect(toldOf().at(-1)).toMatchObject({ kind: 'label', label: '3' });
  server.regular_low.push(archive(CHAT, false));
  await link.tell(['regular_low'], { reads: false });
  await clock.advance(31_000);
  expect(toldOf().at(-1)).toMatchObject({ state: { archived: false } });
  expect(link.asked.length - questions).toBe(3);
  // What Baileys has read is not asked for again.
  server.regular_low.push(archive(CHAT, true));
  await link.tell(['regular_low']);
  await clock.advance(31_000);
  expect(link.asked.length - questions).toBe(4);
  expect(kept.versions).toEqual({ regular_high: 1, regular_low: 4, regular: 2 });
});

it('reads everything once after an earlier release, at a moment of its own within five minutes', async () => {
  (await linked()).close();
  kept = { versions: null, learnt: [] };
  const link = connect();
  await link.open();
  expect(link.asked).toEqual([]);
  await clock.advance(5 * 60_000);
  expect(link.asked).toEqual([[...NAMES]]);
  expect(kept.learnt.at(-1)).toMatchObject({ fresh: [...NAMES] });
  expect(kept.versions).toEqual({ regular_high: 1, regular_low: 1, regular: 1 });
});

it('reads everything after an earlier release at once where the phone has news', async () => {
  (await linked()).close();
  kept = { versions: null, learnt: [] };
  const link = connect();
  await link.open();
  expect(link.asked).toEqual([]);
  await link.tell(['regular_low'], { reads: false });
  expect(link.asked).toEqual([[...NAMES]]);
  expect(kept.versions).toEqual({ regular_high: 1, regular_low: 1, regular: 1 });
});

it.each([
  ['died', () => new Promise<void>(() => {})],
  ['could not be kept', () => Promise.reject(new Error('no database'))],
])('reads everything at once where the first reading of a link %s', async (_what, learn) => {
  for (const name of NAMES) server[name].push(archive(CHAT, true));
  const dying = connect({ learn });
  await dying.open();
  await clock.advance(1_000);
  dying.close();
  expect([versionOf('regular'), kept.versions]).toEqual([1, {}]);
  const link = connect();
  await link.open();
  expect(link.asked).toEqual([[...NAMES]]);
  expect(kept.versions).toEqual({ regular_high: 1, regular_low: 1, regular: 1 });
});

it('follows the phone where the database was away at first, for as long as it takes', async () => {
  (await linked()).close();
  for (const failures of [2, 40]) {
    let left = failures;
    const versions = async () => {
      if (left-- > 0) throw new Error('no database');
      return kept.versions;
    };
    const link = connect({ versions });
    await link.open();
    await clock.advance(failures * 5_000);
    server.regular.push((emit) => emit('labels.edit', { id: '3', name: 'Baru', color: 0, deleted: false }));
    await link.tell(['regular']);
    expect(toldOf().at(-1)).toMatchObject({ kind: 'label', label: '3' });
    expect(kept.versions?.regular).toBe(server.regular.length);
    link.close();
    kept.learnt.length = 0;
  }
});

it('keeps what is newer where the one before still waits for the disk', async () => {
  (await linked()).close();
  let end = () => {};
  const disk = new Promise<void>((resolve) => (end = resolve));
  let isSlow = false;
  const link = connect({ written: () => (isSlow ? disk : Promise.resolve()) });
  await link.open();
  const rename = (name: string) =>
    server.regular.push((emit) => emit('labels.edit', { id: '10', name, color: 0, deleted: false }));
  isSlow = true;
  rename('Lama');
  const telling = link.tell(['regular']);
  await turns(60);
  isSlow = false;
  rename('Baru');
  // Baileys has not read this one: it is read with what may be missing of the others.
  const more = link.tell(['regular'], { reads: false });
  await clock.advance(31_000);
  end();
  await Promise.all([telling, more]);
  await clock.advance(31_000);
  expect(toldOf().flatMap((told) => (told.kind === 'label' ? [told.name] : []))).toEqual(['Lama', 'Baru']);
  expect(kept.versions?.regular).toBe(3);
});

it('does not take a collection for empty that could not be read', async () => {
  (await linked()).close();
  kept.versions = { ...kept.versions, regular: 0 };
  unreadable.add('regular');
  const before = kept.learnt.length;
  const link = connect();
  await link.open();
  expect(link.asked).toHaveLength(1);
  expect(kept.learnt.slice(before)).toEqual([]);
  expect(kept.versions?.regular).toBe(0);
  unreadable.clear();
  await clock.advance(10_000);
  expect(kept.learnt.at(-1)).toMatchObject({ fresh: ['regular'], versions: { regular: 1 } });
});

it('takes a collection for empty at the first reading only where WhatsApp says so', async () => {
  server.regular.push((emit) => emit('labels.edit', { id: '3', name: 'Lama', color: 0, deleted: false }));
  unreadable.add('regular');
  const link = connect();
  await link.open();
  expect(kept.versions).toEqual({ regular_high: 0, regular_low: 0 });
  unreadable.clear();
  await clock.advance(10_000);
  expect(kept.learnt.at(-1)).toMatchObject({ fresh: ['regular'], versions: { regular: 1 } });
  expect(toldOf()).toMatchObject([{ kind: 'label', label: '3' }]);
});

it('reads the others where one cannot be read, asks for that alone, and for an hour of a connection', async () => {
  (await linked()).close();
  kept.versions = { regular_high: 0, regular_low: 0, regular: 0 };
  unreadable.add('regular');
  const link = connect();
  await link.open();
  expect(kept.versions).toEqual({ regular_high: 1, regular_low: 1, regular: 0 });
  expect(kept.learnt.at(-1)?.fresh).toEqual(['regular_high', 'regular_low']);
  await clock.advance(10_000);
  expect(link.asked.slice(1)).toContainEqual(['regular']);
  expect(link.asked.slice(1)).not.toContainEqual([...NAMES]);
  // What is new of the others is read meanwhile.
  await clock.advance(600_000);
  server.regular_low.push(archive(CHAT, true));
  await link.tell(['regular', 'regular_low']);
  await clock.advance(31_000);
  expect(kept.versions?.regular_low).toBe(2);
  expect(toldOf().at(-1)).toMatchObject({ state: { archived: true } });
  const late = link.asked.length;
  server.regular_low.push(archive(CHAT, false));
  await link.tell(['regular', 'regular_low']);
  // The first tries of both fail.
  link.failures.push(new Error('408'), new Error('408'));
  await clock.advance(700_000);
  expect(link.asked.slice(late)).toContainEqual(['regular_low', 'regular']);
  expect(kept.versions?.regular_low).toBe(3);
  await clock.advance(2 * 3_600_000);
  const tries = link.asked.length;
  server.regular_low.push(archive(CHAT, true));
  server.regular.push(archive(CHAT, true));
  await link.tell(['regular', 'regular_low']);
  await clock.advance(2 * 3_600_000);
  // Once by Baileys, and once for what it has not read.
  expect(link.asked.slice(tries)).toEqual([['regular'], ['regular_high', 'regular_low']]);
  expect(toldOf().at(-1)).toMatchObject({ state: { archived: true } });
  expect(kept.versions?.regular_low).toBe(4);
});

describe('news while one collection cannot be read', () => {
  /** A link that has just failed to read it again, and tries it next in 150 seconds at the earliest. */
  async function pausing() {
    (await linked()).close();
    kept.versions = { ...kept.versions, regular: 0 };
    unreadable.add('regular');
    const link = connect();
    await link.open();
    await clock.advance(900_000);
    const { length } = link.asked;
    while (link.asked.length === length) await clock.advance(1_000);
    return link;
  }

  it('is read with what is tried again, where its own question fails just before', async () => {
    const link = await pausing();
    server.regular_low.push(archive(CHAT, true));
    await link.tell(['regular_low'], { reads: false });
    let fail = (_error: Error) => {};
    link.slow.push(new Promise((_resolve, reject) => (fail = reject)));
    await clock.advance(31_000);
    expect(link.asked.at(-1)).toEqual(['regular_low']);
    await clock.advance(300_000);
    expect(link.lined()).toBe(2);
    unreadable.clear();
    fail(new Error('408'));
    await turns(60);
    await clock.advance(600_000);
    expect(kept.versions).toEqual({ regular_high: 1, regular_low: 2, regular: 1 });
    expect(link.asked.at(-1)).toEqual(['regular_low', 'regular']);
  });

  it('is asked for once, however often there is more before the answer', async () => {
    const link = await pausing();
    const before = link.asked.length;
    let answer = () => {};
    const tell = async (name: AppStateCollection) => {
      server[name].push(archive(CHAT, true));
      await link.tell([name], { reads: false });
    };
    await tell('regular_low');
    link.slow.push(new Promise((resolve) => (answer = resolve)));
    for (let n = 0; n < 5; n++) {
      await clock.advance(31_000);
      await tell('regular_high');
    }
    await clock.advance(31_000);
    // With what is tried again.
    expect(link.lined()).toBeLessThanOrEqual(2);
    answer();
    await turns(60);
    const news = link.asked.slice(before).filter((names) => !names.includes('regular'));
    expect(news).toEqual([['regular_low'], ['regular_high']]);
    expect(kept.versions).toEqual({ regular_high: 6, regular_low: 2, regular: 0 });
    expect(link.lined()).toBe(0);
  });
});

it('takes nothing for known that it found before it failed, and that Baileys has read since', async () => {
  (await linked()).close();
  let isAway = true;
  const readable = async (names: readonly string[]) => {
    if (isAway && names.includes('regular')) throw new Error('no database');
  };
  const link = connect({ readable });
  await link.open();
  await clock.advance(1_000);
  server.regular_low.push(archive(CHAT, true));
  const telling = link.tell(['regular_low']);
  await clock.advance(1_000);
  await telling;
  await clock.advance(1_000);
  expect([versionOf('regular_low'), kept.versions?.regular_low]).toEqual([2, 1]);
  isAway = false;
  await clock.advance(60_000);
  expect(kept.versions?.regular_low).toBe(2);
  expect(toldOf().at(-1)).toMatchObject({ kind: 'chat', state: { archived: true } });
});

describe('what this service changes itself', () => {
  const wanted = { gone: new AbortController().signal };
  const change = (label: string) => async () => [
    { kind: 'label', label, name: label, color: 0, deleted: false } as const,
  ];

  it('is kept when it is answered, also while everything is read', async () => {
    (await linked()).close();
    kept.versions = { ...kept.versions, regular: 0 };
    const link = connect();
    let answer = () => {};
    link.slow.push(new Promise((resolve) => (answer = resolve)));
    await link.open();
    let done = false;
    const own = link.state.own(change('10'), wanted).then(() => {
      done = true;
    });
    await turns(60);
    expect(done).toBe(false);
    answer();
    await own;
    expect(toldOf().at(-1)).toMatchObject({ kind: 'label', label: '10', own: true });
  });

  it('is refused where it has to know what cannot be read, and then done with all of it', async () => {
    (await linked()).close();
    kept.versions = { ...kept.versions, regular: 0 };
    unreadable.add('regular');
    const link = connect();
    await link.open();
    const options = { ...wanted, knowing: 'regular' } as const;
    const refusal = { code: 'UNAVAILABLE', details: { reason: 'not_read' } };
    await expect(link.state.own(change('10'), options)).rejects.toMatchObject(refusal);
    expect(toldOf().some((told) => told.own)).toBe(false);
    unreadable.clear();
    await clock.advance(10_000);
    // Nobody has told the session of this one.
    server.regular.push((emit) => emit('labels.edit', { id: '10', name: 'Baru', color: 0, deleted: false }));
    let known: unknown[] = [];
    const work = async () => {
      known = toldOf();
      return change('11')();
    };
    await link.state.own(work, options);
    expect(known.at(-1)).toMatchObject({ kind: 'label', label: '10', own: false });
    expect(toldOf().at(-1)).toMatchObject({ kind: 'label', label: '11', own: true });
    // One more that cannot be read yet: its id is not known.
    server.regular.push((emit) => emit('labels.edit', { id: '12', name: 'Lain', color: 0, deleted: false }));
    unreadable.add('regular');
    await expect(link.state.own(change('12'), options)).rejects.toMatchObject(refusal);
    expect(toldOf().at(-1)).toMatchObject({ label: '11' });
  });

  it('is done again where another device was faster, once that was read, and not without end', async () => {
    const link = await linked();
    const before = kept.learnt.length;
    let tries = 0;
    const work = async () => {
      tries++;
      if (tries === 1) {
        server.regular.push((emit) =>
          emit('labels.edit', { id: '10', name: 'Baru', color: 0, deleted: false }),
        );
        await link.refuse('regular');
      }
      return change('11')();
    };
    await link.state.own(work, wanted);
    expect(tries).toBe(2);
    expect(toldOf(before).filter((told) => told.kind === 'label')).toMatchObject([
      { label: '10', own: false },
      { label: '11', own: true },
    ]);
    expect([kept.versions?.regular, versionOf('regular')]).toEqual([2, 2]);
    const always = async () => {
      await link.refuse('regular');
      return change('12')();
    };
    await expect(link.state.own(always, wanted)).rejects.toMatchObject({
      code: 'UNAVAILABLE',
      details: { reason: 'conflict', sent: false },
    });
    expect(toldOf(before).some((told) => told.kind === 'label' && told.label === '12')).toBe(false);
    expect(versionOf('regular')).toBe(2);
  });

  it('does not begin for a caller that has gone, nor on a closed link', async () => {
    const link = await linked();
    let end = () => {};
    const first = link.state.own(async () => {
      await new Promise<void>((resolve) => (end = resolve));
      return [];
    }, wanted);
    const caller = new AbortController();
    const begun: string[] = [];
    const work = (who: string) => async () => {
      begun.push(who);
      return [];
    };
    const left = link.state.own(work('left'), { gone: caller.signal });
    const waiting = link.state.own(work('waiting'), wanted);
    await turns(60);
    caller.abort();
    end();
    await first;
    await expect(left).rejects.toMatchObject({ code: 'UNAVAILABLE' });
    await waiting;
    link.close();
    await expect(link.state.own(work('closed'), wanted)).rejects.toMatchObject({ code: 'UNAVAILABLE' });
    expect(begun).toEqual(['waiting']);
  });
});

it("what the phone tells of its chats does not wait in Baileys' buffer, where each would be joined with all others", () => {
  const ev = makeEventBuffer(createQuietLogger(silentLogger));
  const state = createAppState({
    accountId: 'a',
    userId: 1,
    logger: silentLogger,
    raw,
    storing: { clock, range: { firstMs: 10, maxMs: 10 }, signal: AbortSignal.abort() },
    versions: async () => null,
    learn: async () => undefined,
  });
  state.follow({ ev, ws: new EventEmitter(), authState: {} } as unknown as WASocket, createHistoryTurns());
  const told: string[] = [];
  ev.process((events) => void told.push(...Object.keys(events)));
  ev.buffer();
  const key = { remoteJid: CHAT, id: '3EB0', fromMe: false };
  ev.emit('chats.update', [{ id: CHAT, archived: true, conditional: () => undefined }]);
  ev.emit('messages.update', [{ key, update: { starred: true } }]);
  ev.emit('labels.edit', { id: '1', name: 'x', color: 0, deleted: false });
  ev.emit('contacts.upsert', [{ id: CHAT, name: 'Ayu' }]);
  ev.flush();
  expect(told).toEqual(['contacts.upsert']);
});

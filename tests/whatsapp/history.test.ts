/** What a phone tells of its chats when a device is linked: several pieces, inside of messages and as files. */
import { Readable } from 'node:stream';
import { deflateSync } from 'node:zlib';
import { makeEventBuffer, proto } from '@whiskeysockets/baileys';
import { and, eq } from 'drizzle-orm';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { waContacts, waPeople } from '../../src/db/schema.ts';
import { readKnown } from '../../src/queue/breaker.ts';
import { keepPeople } from '../../src/services/sessions/people.ts';
import {
  createHistory,
  createHistoryTurns,
  followContacts,
  namedPeople,
} from '../../src/whatsapp/baileys/history.ts';
import { type HistoryPerson, readHistory, unpackHistory } from '../../src/whatsapp/baileys/history-reader.ts';
import { createQuietLogger } from '../../src/whatsapp/baileys/quiet-logger.ts';
import type { InboundMessage, Person } from '../../src/whatsapp/engine.ts';
import { createPushNames } from '../../src/workers/session-supervisor/push-names.ts';
import { createFakeClock } from '../helpers/clock.ts';
import { silentLogger, startTestEngine, type TestEngine, until } from '../helpers/engine.ts';
import { heldAtLeast, MAX_HOLD_MS } from '../helpers/held.ts';
import { countStatements } from '../helpers/statements.ts';

const PHONE = '628110011001';
/** Before the database is opened. */
const counter = countStatements();

describe('the history of a first link', () => {
  let test: TestEngine;
  beforeAll(async () => {
    test = await startTestEngine();
  });
  afterAll(async () => {
    counter.stop();
    await test.stop();
  });

  it('brings names, LIDs and privacy tokens of all chats, whatever they come in', async () => {
    const chats = Array.from({ length: 90 }, (_none, n) => ({
      phone: `62899100${String(n).padStart(4, '0')}`,
      name: `Friend ${n}`,
      token: n % 3 === 0 ? undefined : Buffer.from(`token ${n}`).toString('hex'),
      byLid: n % 2 === 0,
      messages: 20,
    }));
    const stranger = '628991119999';
    test.emulator.setHistory({
      phone: PHONE,
      chats,
      inline: 2,
      files: 3,
      pushNames: { [stranger]: 'Someone' },
    });
    const account = await test.connect(PHONE);
    const people = () => {
      const told = new Map<string, Person>();
      for (const event of test.callbacks.events(account.id)) {
        if (event.type === 'people') for (const person of event.people) told.set(person.jid, person);
      }
      return told;
    };
    await until(() => people().size === 2 * chats.length + 1, 20_000);
    const told = people();
    for (const { phone, name } of chats) {
      expect(told.get(`${phone}@s.whatsapp.net`)).toMatchObject({ name, hasChat: true });
    }
    expect(told.get(`${stranger}@s.whatsapp.net`)).toMatchObject({
      name: null,
      pushName: 'Someone',
      hasChat: false,
    });

    const pairs = await test.database.db
      .select()
      .from(waContacts)
      .where(eq(waContacts.accountId, account.id));
    const lids = new Map(pairs.map(({ phone, lid }) => [phone, lid]));
    expect(chats.filter(({ phone }) => !lids.has(phone))).toEqual([]);

    await test.engine.close(account.id);
    const keys = await test.store.load(account);
    const names = chats.map(({ phone }) => `${lids.get(phone)}@lid`);
    const tokens = await keys.get('tctoken', [...names, '__index']);
    expect(tokens.size).toBe(chats.filter(({ token }) => token).length + 1);
    const first = JSON.parse(tokens.get(names[1] ?? '')?.toString() ?? '{}');
    expect(Buffer.from(first.token.data, 'base64').toString()).toBe('token 1');
    expect(Number(first.timestamp)).toBeGreaterThan(1_700_000_000);
    await keys.close(1_000);
  }, 60_000);

  it('makes nobody a stranger who has a chat with the phone', async () => {
    const { db } = test.database;
    const account = { id: 'a'.repeat(32), userId: 1 };
    const lid = '777000777000@lid';
    await keepPeople(db, account.id, [{ jid: lid, name: 'Ayu', hasChat: true }], 1);
    // What comes later and says less takes nothing away.
    await keepPeople(db, account.id, [{ jid: lid, name: null, hasChat: false }], 2);
    await keepPeople(db, account.id, [{ jid: '62811@s.whatsapp.net', name: 'Budi', hasChat: false }], 2);
    const rows = await db.select().from(waPeople);
    expect(rows.find((row) => row.jid === lid)).toMatchObject({ name: 'Ayu', hasChat: true, updatedAt: 2 });
    const known = await readKnown(db, account, [
      { peer: '6281200000001@s.whatsapp.net', phone: '6281200000001', lid: '777000777000' },
      { peer: '62811@s.whatsapp.net', phone: '62811', lid: null },
    ]);
    expect([...known]).toEqual(['6281200000001@s.whatsapp.net']);
  });

  describe('the names that messages bring', () => {
    const clock = createFakeClock();
    const account = { id: 'b'.repeat(32), userId: 1 };
    const writes = () =>
      [...counter.take().texts].reduce((sum, [text, n]) => sum + (/wa_people/.test(text) ? n : 0), 0);
    const names = () => createPushNames({ db: test.database.db, clock, logger: silentLogger });
    const from = (chat: string, pushName: string | null, participant: string | null = null) =>
      ({ chat, participant, pushName }) as InboundMessage;
    const kept = async () =>
      Object.fromEntries(
        (await test.database.db.select().from(waPeople).where(eq(waPeople.accountId, account.id))).map(
          ({ jid, name, pushName, hasChat }) => [jid, { name, pushName, hasChat }],
        ),
      );

    it('are kept beside what the phone has saved, cleaned and bounded, a statement for many', async () => {
      const ayu = '62811@s.whatsapp.net';
      await keepPeople(test.database.db, account.id, [{ jid: ayu, name: 'Ayu (shop)', hasChat: true }], 1);
      const learning = names();
      counter.take();
      learning.learn(account.id, from(ayu, ' Ayu\n\u202e\u200b  Lestari\0 '));
      learning.learn(account.id, from('1203@g.us', '\u{1F600}'.repeat(300), '777000777000@lid'));
      learning.learn(account.id, from('62812@s.whatsapp.net', '\u202e \n'));
      learning.learn(account.id, from('62813@s.whatsapp.net', null));
      learning.learn(account.id, from(`${'9'.repeat(80)}@lid`, 'too long'));
      await learning.flush();
      expect(writes()).toBe(1);
      expect(await kept()).toEqual({
        [ayu]: { name: 'Ayu (shop)', pushName: 'Ayu   Lestari', hasChat: true },
        '777000777000@lid': { name: null, pushName: '\u{1F600}'.repeat(190), hasChat: false },
      });
      await learning.stop();
    });

    it('cost nothing until they change', async () => {
      const learning = names();
      const siti = '62814@s.whatsapp.net';
      learning.learn(account.id, from(siti, 'Siti'));
      await learning.flush();
      counter.take();
      learning.learn(account.id, from(siti, 'Siti'));
      learning.learn(account.id, from(siti, 'Siti', null));
      await learning.flush();
      expect(writes()).toBe(0);
      learning.learn(account.id, from(siti, 'Siti Aminah'));
      await clock.advance(250);
      await learning.flush();
      expect((await kept())[siti]).toMatchObject({ pushName: 'Siti Aminah' });
      await learning.stop();
    });

    it('are learnt when they come again, where too many came at once', async () => {
      const many = { id: 'c'.repeat(32) };
      const learning = names();
      const learn = (n: number) => learning.learn(many.id, from(`${n}@lid`, 'Ayu'));
      for (let n = 0; n <= 20_000; n++) learn(n);
      await learning.flush();
      const last = () =>
        test.database.db
          .select({ jid: waPeople.jid })
          .from(waPeople)
          .where(and(eq(waPeople.accountId, many.id), eq(waPeople.jid, '20000@lid')));
      expect(await last()).toHaveLength(0);
      learn(20_000);
      await learning.flush();
      expect(await last()).toHaveLength(1);
      await learning.stop();
    });

    it('are told as they come, past the buffer in which each would be joined with all others', async () => {
      const ev = makeEventBuffer(createQuietLogger(silentLogger));
      const told: unknown[] = [];
      let parts = 0;
      followContacts({ ev }, (contacts) => {
        parts += 1;
        told.push(...contacts.map(({ id }) => id));
      });
      const buffered: string[] = [];
      ev.process((events) => void buffered.push(...Object.keys(events)));
      ev.buffer();
      for (let n = 0; n < 1_200; n++) ev.emit('contacts.upsert', [{ id: `${n}@lid`, name: 'Ayu' }]);
      ev.emit('contacts.update', [{ id: 'last@lid', notify: 'Ayu' }]);
      await until(() => told.length === 1_201);
      ev.flush();
      expect([told[0], told.at(-1), parts, buffered]).toEqual(['0@lid', 'last@lid', 3, []]);
    });

    it('are told in their order, also what comes while others are told', async () => {
      const ev = makeEventBuffer(createQuietLogger(silentLogger));
      const told: unknown[] = [];
      followContacts({ ev }, (contacts) => {
        if (told.length === 0)
          setImmediate(() => ev.emit('contacts.update', [{ id: '1999@lid', name: 'New' }]));
        told.push(...contacts);
      });
      const all = Array.from({ length: 2_000 }, (_, n) => ({ id: `${n}@lid`, name: 'Old' }));
      ev.emit('contacts.upsert', all);
      await until(() => told.length === 2_001);
      expect(told.slice(1_999)).toEqual([
        { id: '1999@lid', name: 'Old' },
        { id: '1999@lid', name: 'New' },
      ]);
    });

    it('go on after a batch that cannot be read', async () => {
      const ev = makeEventBuffer(createQuietLogger(silentLogger));
      const told: unknown[] = [];
      followContacts({ ev }, (contacts) => {
        if (contacts.length > 1) throw new Error('not readable');
        told.push(...contacts);
      });
      ev.emit('contacts.upsert', [{ id: '1@lid' }, { id: '2@lid' }]);
      await new Promise((resolve) => setImmediate(() => setImmediate(resolve)));
      ev.emit('contacts.upsert', [{ id: '3@lid' }]);
      await until(() => told.length === 1);
      expect(told).toEqual([{ id: '3@lid' }]);
    });

    it('are told by the phone of its contacts, but for the session itself', () => {
      const contacts = [
        { id: '62815@s.whatsapp.net', name: 'Budi', notify: 'budi99' },
        { id: '62816@s.whatsapp.net', name: 'Me' },
        { id: '1203@g.us', name: 'A group' },
        { id: '62817@s.whatsapp.net' },
      ];
      expect(namedPeople(contacts, ['62816', null])).toEqual([
        { jid: '62815@s.whatsapp.net', name: 'Budi', pushName: 'budi99', hasChat: false },
      ]);
    });
  });
});

describe('files of the history', () => {
  const { RECENT } = proto.HistorySync.HistorySyncType;
  const piece = deflateSync(
    proto.HistorySync.encode({
      syncType: RECENT,
      conversations: [{ id: '628991112222@s.whatsapp.net', name: 'Ayu' }],
    }).finish(),
  );

  function setUp(userId: number, turns: ReturnType<typeof createHistoryTurns>, isStuck: boolean) {
    const closing = new AbortController();
    const told: Person[] = [];
    let asked = 0;
    const history = createHistory({
      keys: { get: async () => ({}), set: async () => undefined } as never,
      turns,
      logger: silentLogger,
      accountId: String(userId).padEnd(32, '0'),
      userId,
      closed: closing.signal,
      me: () => [],
      fetch: (_source, { signal }) => {
        asked += 1;
        if (!isStuck) return Promise.resolve(Readable.from([piece]));
        return new Promise((_resolve, reject) =>
          signal.addEventListener('abort', () => reject(signal.reason)),
        );
      },
      onPeople: (people) => told.push(...people),
    });
    const file = { syncType: RECENT, mediaKey: Buffer.alloc(32, 1), directPath: '/history' };
    return { history, told, file, close: () => closing.abort(), asked: () => asked };
  }

  it('that hang hold up no other tenant, nor what comes inside of a message', async () => {
    const turns = createHistoryTurns();
    const stuck = Array.from({ length: 12 }, () => setUp(1, turns, true));
    for (const { history, file } of stuck) for (let n = 0; n < 3; n++) history.take(file);
    const hanging = () => stuck.reduce((sum, { asked }) => sum + asked(), 0);
    await until(() => hanging() === 2);
    const other = setUp(2, turns, false);
    other.history.take(other.file);
    await until(() => other.told.some(({ name }) => name === 'Ayu'));
    const inside = setUp(1, turns, true);
    inside.history.take({ syncType: RECENT, initialHistBootstrapInlinePayload: piece });
    await until(() => inside.told.some(({ name }) => name === 'Ayu'));
    expect(hanging()).toBe(2);
    for (const { close } of stuck) close();
    await until(() => turns.reading.size + turns.reading.pending === 0);
    expect(hanging()).toBe(2);
  });
});

describe('a piece of history', () => {
  const message = { message: { key: { id: 'x' }, message: { conversation: 'old '.repeat(200) } } };
  const encode = (conversations: proto.IConversation[]) =>
    Buffer.from(
      proto.HistorySync.encode({
        syncType: proto.HistorySync.HistorySyncType.RECENT,
        conversations,
      }).finish(),
    );

  const FRIEND = {
    jid: '62899@s.whatsapp.net',
    otherJid: '777@lid',
    name: 'Friend',
    pushName: null,
    hasChat: true,
    token: null,
  };
  const read = async (bytes: Buffer) => {
    const all: HistoryPerson[] = [];
    for await (const batch of readHistory(bytes)) all.push(...batch);
    return all;
  };

  it('lets the event loop turn while it is read, however long its chats are', async () => {
    const conversations = Array.from({ length: 2_000 }, (_none, n) => ({
      id: `62899${n}@s.whatsapp.net`,
      name: `Friend ${n}`,
      messages: Array.from({ length: 20 }, () => message),
    }));
    const bytes = encode(conversations);
    expect(bytes.length).toBeGreaterThan(30_000_000);
    let turns = 0;
    const timer = setInterval(() => (turns += 1), 0);
    const names: (string | null)[] = [];
    for await (const batch of readHistory(bytes)) names.push(...batch.map(({ name }) => name));
    clearInterval(timer);
    expect(names).toEqual(conversations.map(({ name }) => name));
    // Some milliseconds at a time.
    expect(turns).toBeGreaterThan(3);
  });

  const field = (number: number, bytes: Uint8Array) => {
    const whole = proto.HistorySync.encode({ conversations: [], threadIdUserSecret: bytes }).finish();
    whole[0] = (number << 3) | 2;
    return Buffer.from(whole);
  };
  const tiny = Buffer.alloc(4_000_000, Buffer.from([0x18, 1]));
  const people = (count: number) =>
    Array.from({ length: count }, () => ({ userJid: '62811@s.whatsapp.net' }));
  const friend = { id: '62899@s.whatsapp.net', name: 'Friend', lidJid: '777@lid' };
  it.each([
    ['of messages without anything in them', () => ({ messages: Array(500_000).fill({}) })],
    ['of members', () => ({ participant: people(300_000) })],
    [
      'of one message',
      () => ({ messages: [{ message: { message: { conversation: 'x'.repeat(20_000_000) } } }] }),
    ],
  ])('holds the event loop for no chat %s', async (_name, more) => {
    const bytes = encode([{ ...friend, ...(more() as proto.IConversation) }]);
    expect(await heldAtLeast(async () => expect(await read(bytes)).toMatchObject([FRIEND]))).toBeLessThan(
      MAX_HOLD_MS,
    );
  });

  it.each([
    ['fields that no chat has', () => Buffer.concat([field(2, tiny), encode([friend])])],
    [
      'people who have left',
      () =>
        Buffer.concat([
          Buffer.from(
            proto.HistorySync.encode({
              conversations: [],
              pastParticipants: [{ groupJid: 'g', pastParticipants: people(300_000) }],
            }).finish(),
          ),
          encode([friend]),
        ]),
    ],
  ])('passes over %s', async (_name, make) => {
    const bytes = make();
    expect(await heldAtLeast(async () => expect(await read(bytes)).toContainEqual(FRIEND))).toBeLessThan(
      MAX_HOLD_MS,
    );
  });

  it('reads no name that is longer than any', async () => {
    const bytes = encode([{ ...friend, name: 'x'.repeat(5_000) }]);
    expect(await read(bytes)).toEqual([{ ...FRIEND, name: null }]);
  });

  it('is refused when it unpacks to more than it may, is cut off, or is no history', async () => {
    await expect(unpackHistory([deflateSync(Buffer.alloc(80 * 1024 ** 2))])).rejects.toThrow('too large');
    await expect(unpackHistory([Buffer.from('not packed')])).rejects.toThrow();
    const cut = encode([{ id: '62811@s.whatsapp.net', messages: [message] }]).subarray(0, 100);
    await expect(read(cut)).rejects.toThrow('cut off');
  });
});

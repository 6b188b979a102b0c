/** Searching the history in bounded time, and conversations. */
import { eq } from 'drizzle-orm';
import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { insertMany, transact } from '../../src/db/ops.ts';
import { apiRequests, messages, waContacts, waPeople, whatsappAccounts } from '../../src/db/schema.ts';
import type { Actor, Ctx } from '../../src/services/context.ts';
import {
  chatName,
  countUnread,
  getMessage,
  listMessages,
  markChatRead,
  recentChats,
  searchMessages,
  sessionsWith,
} from '../../src/services/messages.ts';
import { changeChat, listChats } from '../../src/services/people/chats.ts';
import { listContacts } from '../../src/services/people/contacts.ts';
import { searchEverything } from '../../src/services/search.ts';
import { newId } from '../../src/utils/ids.ts';
import { openTestApp, type TestApp } from '../helpers/app.ts';

const START = Date.parse('2026-01-01T00:00:00Z');
const PHONE = '6281234567890';
const LID = '123456789012345';

let t: TestApp;
let userId: number;
let main: string;
let second: string;
let made = 0;
const asked: { name: string; input: unknown }[] = [];
beforeAll(async () => {
  const commands = {
    processId: newId(),
    run: async (_id: string, name: string, input: unknown): Promise<never> => {
      asked.push({ name, input });
      return undefined as never;
    },
    runHere: async () => null,
    handle: () => () => undefined,
  };
  t = await openTestApp({ routes: [], deps: { commands } });
});
afterAll(() => t.close());
beforeEach(async () => {
  userId = (await t.tenant()).id;
  main = await addSession('main');
  second = await addSession('second');
  asked.length = 0;
});

async function addSession(sessionId: string): Promise<string> {
  const id = newId();
  const row = { id, userId, sessionId, status: 'connected', pairing: 'qr', paired: true } as const;
  await t.deps.db.insert(whatsappAccounts).values({ ...row, createdAt: START, updatedAt: START });
  return id;
}

const ctx = (actor: Partial<Actor> = {}): Ctx => ({
  ...t.deps,
  actor: {
    userId,
    personId: userId,
    role: 'user',
    workspaceRole: 'owner',
    via: 'cookie',
    scopes: null,
    sessionIds: null,
    keyId: null,
    ...actor,
  },
  requestId: 'test',
  ip: null,
  userAgent: null,
});

type Row = typeof messages.$inferInsert;

/** `at`: seconds after the start. */
function row(accountId: string, at: number, columns: Partial<Row> = {}): Row {
  const time = START + at * 1000;
  return {
    id: newId(time),
    userId,
    accountId,
    sessionId: accountId === main ? 'main' : 'second',
    messageId: `3EB0${String(++made).padStart(16, '0')}`,
    direction: 'out',
    peer: `${PHONE}@s.whatsapp.net`,
    phone: PHONE,
    type: 'text',
    content: { type: 'text', text: `n ${at}` },
    status: 'sent',
    createdAt: time,
    updatedAt: time,
    ...columns,
  };
}

const add = (rows: Row[]) => transact(t.deps.db, (tx) => insertMany(tx, messages, rows));
const inbound = { direction: 'in', status: 'received' } as const;

async function searchAll(input: Partial<Parameters<typeof searchMessages>[1]>) {
  const pages = [];
  let cursor: string | undefined;
  do {
    const page = await searchMessages(ctx(), { limit: 10, ...input, cursor });
    pages.push(page);
    cursor = page.nextCursor ?? undefined;
  } while (cursor !== undefined);
  return { pages, ids: pages.flatMap(({ data }) => data.map(({ messageId }) => messageId)) };
}

describe('searching', () => {
  it('pages through everything once, newest first, also where many were made in one millisecond', async () => {
    const rows = Array.from({ length: 35 }, (_, i) => row(i % 2 ? main : second, Math.floor(i / 9)));
    await add(rows);
    const { ids } = await searchAll({});
    expect(ids).toHaveLength(35);
    expect(new Set(ids).size).toBe(35);
    const byNumber = await searchAll({ number: '0812 3456 7890' });
    expect(byNumber.ids).toEqual(ids);
    expect((await searchAll({ session: 'main' })).ids).toHaveLength(17);
  });

  it('finds by every filter, and nothing of another tenant', async () => {
    const failed = row(main, 3, { status: 'failed', type: 'image' });
    const received = row(second, 5, inbound);
    await add([row(main, 1), failed, received]);
    const find = async (input: object) => (await searchAll(input)).ids;
    expect(await find({ status: 'failed' })).toEqual([failed.messageId]);
    expect(await find({ type: 'image', session: 'main' })).toEqual([failed.messageId]);
    expect(await find({ direction: 'in' })).toEqual([received.messageId]);
    expect(await find({ since: START + 2_000, until: START + 5_000 })).toEqual([failed.messageId]);
    expect(await find({ number: '+6281299999999' })).toEqual([]);
    const stranger = await t.tenant();
    const other = ctx({ userId: stranger.id });
    expect((await searchMessages(other, { limit: 10 })).data).toEqual([]);
    await expect(searchMessages(other, { session: 'main', limit: 10 })).rejects.toMatchObject({
      code: 'SESSION_NOT_FOUND',
    });
    const bound = await searchMessages(ctx({ sessionIds: ['second'] }), { limit: 10 });
    expect(bound.data.map(({ messageId }) => messageId)).toEqual([received.messageId]);
  });

  it('looks at 10,000 messages at most, says how far it came, and goes on from there', async () => {
    const oldest = row(main, 0, { status: 'failed' });
    await add([oldest, ...Array.from({ length: 10_050 }, (_, i) => row(main, i + 1))]);
    const first = await searchMessages(ctx(), { status: 'failed', limit: 10 });
    expect(first).toMatchObject({ data: [], lookedUntil: new Date(START + 51_000).toISOString() });
    const { pages, ids } = await searchAll({ status: 'failed' });
    expect(ids).toEqual([oldest.messageId]);
    expect(pages).toHaveLength(2);
    expect(pages.at(-1)).toMatchObject({ nextCursor: null, lookedUntil: null });
  });

  it('refuses a cursor that is not its own', async () => {
    await expect(searchMessages(ctx(), { limit: 10, cursor: 'x' })).rejects.toMatchObject({
      code: 'VALIDATION_FAILED',
    });
  });
});

describe('a conversation', () => {
  it('is found by number and by the LID that the session knows it by', async () => {
    await t.deps.db.insert(waContacts).values({ accountId: main, lid: LID, phone: PHONE, updatedAt: START });
    const byLid = row(main, 2, { ...inbound, peer: `${LID}@lid`, phone: null, lid: LID });
    const byNumber = row(main, 1);
    await add([byLid, byNumber, row(second, 3)]);
    const { ids } = await searchAll({ number: `+${PHONE}`, session: 'main' });
    expect(ids).toEqual([byLid.messageId, byNumber.messageId]);
    expect(await sessionsWith(ctx(), { number: `+${PHONE}` })).toEqual(['second', 'main']);
    expect(await countUnread(ctx(), { number: `+${PHONE}`, session: 'main' })).toBe(1);
  });

  it('shows among the recent ones, also when we began it, with how many came since we answered', async () => {
    const other = { peer: '6281200000002@s.whatsapp.net', phone: '6281200000002' };
    const began = { peer: '6281200000003@s.whatsapp.net', phone: '6281200000003' };
    const coded = { peer: '6281200000004@s.whatsapp.net', phone: '6281200000004' };
    await add([
      row(main, 1, inbound),
      row(main, 2, { ...inbound, readAt: START }),
      row(main, 3),
      row(second, 4, { ...other, ...inbound }),
      row(second, 4, { ...other, ...inbound, readAt: START }),
      row(main, 5, began),
      row(main, 6, { ...coded, type: 'otp' }),
    ]);
    const answered = { sessionId: 'main', number: `+${PHONE}`, unread: 0, last: { direction: 'out' } };
    const waiting = { sessionId: 'second', number: '+6281200000002', unread: 1 };
    const begun = { sessionId: 'main', number: '+6281200000003', unread: 0 };
    expect(await recentChats(ctx(), { limit: 10 })).toMatchObject([begun, waiting, answered]);
    expect(await recentChats(ctx(), { limit: 10, wrote: true })).toMatchObject([waiting, answered]);
    expect(await recentChats(ctx({ userId: userId + 1_000_000 }), { limit: 10 })).toEqual([]);
  });

  it('is called as its phone has saved the other side, else as they call themselves, each session for itself', async () => {
    await t.deps.db.insert(waContacts).values({ accountId: main, lid: LID, phone: PHONE, updatedAt: START });
    const saved = { accountId: main, jid: `${LID}@lid`, name: 'Ayu (shop)', pushName: 'ayu', hasChat: true };
    const own = {
      accountId: second,
      jid: `${PHONE}@s.whatsapp.net`,
      name: null,
      pushName: 'ayu',
      hasChat: false,
    };
    await t.deps.db.insert(waPeople).values([saved, own].map((person) => ({ ...person, updatedAt: START })));
    const member = { peer: '1203@g.us', participant: `${LID}@lid`, phone: null, lid: null };
    await add([
      row(main, 1, { ...inbound, peer: `${LID}@lid`, phone: null, lid: LID }),
      row(main, 2),
      row(second, 3),
      row(main, 4, { ...inbound, ...member, author: `${LID}@lid` }),
    ]);
    const found = await searchMessages(ctx(), { limit: 10 });
    // Of the second one nothing but the number is known.
    expect(found.data.map(({ name }) => name)).toEqual(['Ayu (shop)', 'ayu', null, 'Ayu (shop)']);
    const chats = await recentChats(ctx(), { limit: 10 });
    expect(chats.map(({ name }) => name)).toEqual([null, 'ayu', 'Ayu (shop)']);
    expect(await chatName(ctx(), { session: 'main', number: `+${PHONE}` })).toBe('Ayu (shop)');
    expect(await chatName(ctx(), { session: 'second', number: `+${PHONE}` })).toBe('ayu');
    const [sent] = found.data.slice(1, 2);
    expect(await getMessage(ctx(), { messageId: sent?.messageId ?? '' })).toMatchObject({ name: 'ayu' });
    expect((await listMessages(ctx(), { page: 1, limit: 10 })).data[1]).toMatchObject({ name: 'ayu' });
  });

  it('is found behind more messages than are read in one go, and counted once', async () => {
    await add([row(main, 1, inbound), ...Array.from({ length: 1_200 }, (_, i) => row(second, 2 + (i % 5)))]);
    expect(await recentChats(ctx(), { limit: 10, wrote: true })).toMatchObject([
      { sessionId: 'main', unread: 1 },
    ]);
  });

  it('is one for all spellings of a number, and for its LID', async () => {
    const [before, today] = ['5215512345678', '525512345678'];
    await t.deps.db.insert(waContacts).values({ accountId: main, lid: LID, phone: before, updatedAt: START });
    const as = (phone: string) => ({ peer: `${phone}@s.whatsapp.net`, phone });
    const rows = [
      row(main, 1, { ...as(before), ...inbound }),
      row(main, 2, { ...inbound, peer: `${LID}@lid`, phone: null, lid: LID }),
      row(main, 3, as(today)),
    ];
    await add([...rows, row(second, 0, { ...as(today), ...inbound })]);
    const newestFirst = rows.map(({ messageId }) => messageId).toReversed();
    for (const number of [`+${before}`, `+${today}`, `${LID}@lid`]) {
      expect((await searchAll({ number, session: 'main' })).ids).toEqual(newestFirst);
      expect(await countUnread(ctx(), { number, session: 'main' })).toBe(2);
    }
    expect(await recentChats(ctx(), { limit: 10 })).toMatchObject([
      { sessionId: 'main', number: `+${today}`, unread: 0, last: { messageId: newestFirst[0] } },
      { sessionId: 'second', number: `+${today}`, unread: 1 },
    ]);
  });

  it('is one of a hundred of a page, each under two names', async () => {
    const people = Array.from({ length: 110 }, (_, i) => ({
      phone: `62813${String(i).padStart(8, '0')}`,
      lid: `2000000000${String(i).padStart(5, '0')}`,
    }));
    const pairs = people.map((pair) => ({ accountId: main, ...pair, updatedAt: START }));
    await t.deps.db.insert(waContacts).values(pairs);
    await add(
      people.flatMap(({ phone, lid }, i) => [
        row(main, 2 * i, { ...inbound, peer: `${phone}@s.whatsapp.net`, phone }),
        row(main, 2 * i + 1, { ...inbound, peer: `${lid}@lid`, phone: null, lid }),
      ]),
    );
    const first = await listChats(ctx(), { sessionId: 'main', limit: 100 });
    expect(first.data.map(({ unread }) => unread)).toEqual(Array.from({ length: 100 }, () => 2));
    const rest = await listChats(ctx(), {
      sessionId: 'main',
      limit: 100,
      cursor: first.nextCursor ?? undefined,
    });
    const newestFirst = people.map(({ phone }) => `+${phone}`).toReversed();
    expect([...first.data, ...rest.data].map(({ number }) => number)).toEqual(newestFirst);
    expect(rest.nextCursor).toBeNull();
  });

  it('has what only changes or judges a message neither as its newest nor as unread', async () => {
    const about = ['edit', 'delete', 'reaction', 'poll_vote'].map((type, i) =>
      row(main, 10 + i, { ...inbound, type }),
    );
    const [came, failed] = [row(main, 2, inbound), row(main, 5, { status: 'failed' })];
    await add([row(main, 1, inbound), came, ...about]);
    const where = { number: `+${PHONE}`, session: 'main' };
    expect(await countUnread(ctx(), where)).toBe(2);
    const last = { messageId: came.messageId };
    expect(await recentChats(ctx(), { limit: 10 })).toMatchObject([{ unread: 2, last }]);
    const { data } = await listChats(ctx(), { sessionId: 'main', limit: 10 });
    expect(data).toMatchObject([{ unread: 2, last }]);
    await add([failed]);
    // A phone knows nothing of what has not left.
    await changeChat(ctx(), { sessionId: 'main', chat: `+${PHONE}` }, { read: false });
    expect(asked).toMatchObject([{ name: 'ask', input: { input: { last: { ...last, fromMe: false } } } }]);
    expect(await markChatRead(ctx(), where)).toEqual({ marked: 2 });
  });

  it('has one contact, however often the phone has named it', async () => {
    await t.deps.db.insert(waContacts).values({ accountId: main, lid: LID, phone: PHONE, updatedAt: START });
    const of = { accountId: main, hasChat: false, updatedAt: START };
    await t.deps.db.insert(waPeople).values([
      { ...of, jid: `${LID}@lid`, name: 'Ayu', pushName: null },
      { ...of, jid: `${PHONE}@s.whatsapp.net`, name: null, pushName: 'ayu' },
    ]);
    const { data } = await listContacts(ctx(), { sessionId: 'main', limit: 10 });
    expect(data).toEqual([
      { jid: `${PHONE}@s.whatsapp.net`, phone: `+${PHONE}`, name: 'Ayu', pushName: 'ayu', hasChat: false },
    ]);
  });

  it('is marked read as a whole, once, in the session that is named', async () => {
    await add([row(main, 1, inbound), row(main, 2, inbound), row(second, 3, inbound), row(main, 4)]);
    const where = { number: `+${PHONE}`, session: 'main' };
    expect(await markChatRead(ctx(), where)).toEqual({ marked: 2 });
    expect(asked).toMatchObject([{ name: 'mark_read', input: { messages: [{}, {}] } }]);
    expect(await markChatRead(ctx(), where)).toEqual({ marked: 0 });
    expect(asked).toHaveLength(1);
    expect(await countUnread(ctx(), { ...where, session: 'second' })).toBe(1);
    await expect(markChatRead(ctx({ workspaceRole: 'viewer' }), where)).rejects.toMatchObject({
      code: 'FORBIDDEN',
    });
    await t.deps.db
      .update(whatsappAccounts)
      .set({ status: 'disconnected' })
      .where(eq(whatsappAccounts.id, main));
    await expect(markChatRead(ctx(), where)).rejects.toMatchObject({ code: 'NOT_CONNECTED' });
  });
});

describe('one search for everything', () => {
  const found = async (q: string, actor: Partial<Actor> = {}) => searchEverything(ctx(actor), { q });

  it('finds numbers, ids, names and addresses, each with where it leads', async () => {
    const sent = row(main, 1);
    await add([sent]);
    await t.deps.db
      .update(whatsappAccounts)
      .set({ label: 'Front desk' })
      .where(eq(whatsappAccounts.id, main));
    const jid = `${PHONE}@s.whatsapp.net`;
    const person = { accountId: main, jid, name: null, pushName: 'Ayu Lestari', hasChat: false };
    await t.deps.db.insert(waPeople).values({ ...person, updatedAt: START });
    const call = { method: 'POST', route: '/message/send-text', path: '/message/send-text', status: 202 };
    const requestId = `request-${userId}`;
    const id = newId();
    await t.deps.db.insert(apiRequests).values({
      ...call,
      id,
      userId,
      actorId: userId,
      requestId,
      durationMs: 1,
      via: 'api_key',
      at: START,
    });
    const chat = { kind: 'chat', sessionId: 'main', number: `+${PHONE}` };
    expect(await found('0812 3456 7890')).toEqual([{ ...chat, name: null }]);
    expect(await found('0812 3456 7899')).toEqual([{ kind: 'number', number: '+6281234567899' }]);
    // Without its 0 it may be one of Japan.
    const abroad = { kind: 'number', number: `+${PHONE.slice(2)}` };
    expect(await found(PHONE.slice(2))).toEqual([{ ...chat, name: null }, abroad]);
    expect(await found(`${PHONE}@S.WHATSAPP.NET`)).toEqual([{ ...chat, name: null }]);
    expect(await found('lestari')).toEqual([{ ...chat, name: 'Ayu Lestari' }]);
    expect(await found('LESTARI')).toEqual([{ ...chat, name: 'Ayu Lestari' }]);
    expect(await found(sent.messageId)).toEqual([
      {
        kind: 'message',
        messageId: sent.messageId,
        sessionId: 'main',
        direction: 'out',
        number: `+${PHONE}`,
      },
    ]);
    expect(await found(requestId)).toEqual([
      { kind: 'request', id, method: 'POST', path: '/message/send-text', status: 202 },
    ]);
    expect(await found('front')).toMatchObject([{ kind: 'session', sessionId: 'main', label: 'Front desk' }]);
    expect(await found('x')).toEqual([]);
    expect(await found('%%%%')).toEqual([]);
  });

  it('finds a name behind more conversations than are listed, and reads the message of no other one', async () => {
    const people = Array.from({ length: 130 }, (_, i) => `62813${String(i).padStart(8, '0')}`);
    await add(people.map((phone, i) => row(main, i, { peer: `${phone}@s.whatsapp.net`, phone })));
    const jid = `${people[0]}@s.whatsapp.net`;
    const person = { accountId: main, jid, name: 'Budi Hartono', pushName: null, hasChat: false };
    await t.deps.db.insert(waPeople).values({ ...person, updatedAt: START });
    const whole = vi.spyOn(t.deps.db, 'select');
    expect(await found('hartono')).toMatchObject([{ kind: 'chat', number: `+${people[0]}` }]);
    const wholeRows = () => whole.mock.calls.filter(([columns]) => columns === undefined).length;
    expect(wholeRows()).toBe(1);
    whole.mockClear();
    expect(await found('nobody of that name')).toEqual([]);
    expect(wholeRows()).toBe(0);
    whole.mockRestore();
  });

  it.each(['120363412345678901@newsletter', 'status@broadcast', '120363012345678901@g.us', `${LID}@lid`])(
    'finds what went to %s by its address, as lists and filters do',
    async (peer) => {
      const shared = row(main, 1, { peer, phone: null });
      await add([shared, row(second, 2)]);
      const page = { page: 1, limit: 10 };
      expect(
        (await listMessages(ctx(), { ...page, to: peer })).data.map(({ messageId }) => messageId),
      ).toEqual([shared.messageId]);
      const { data } = await searchMessages(ctx(), { number: peer, limit: 10 });
      expect(data.map(({ messageId }) => messageId)).toEqual([shared.messageId]);
      expect(await found(peer)).toEqual([{ kind: 'chat', sessionId: 'main', number: peer, name: null }]);
      expect(await found(peer, { sessionIds: ['second'] })).toEqual([]);
    },
  );

  it('refuses a filter that can be no address', async () => {
    for (const to of ['12@newsletter', 'news@newsletter', 'other@broadcast']) {
      await expect(listMessages(ctx(), { page: 1, limit: 10, to })).rejects.toMatchObject({
        code: 'INVALID_NUMBER',
      });
      expect(await found(to)).toEqual([]);
    }
  });

  it('tells members of single sessions, and other tenants, nothing of the rest', async () => {
    const [mine, other] = [
      row(main, 1),
      row(second, 2, { peer: '6281200000002@s.whatsapp.net', phone: '6281200000002' }),
    ];
    await add([mine, other]);
    const bound = { sessionIds: ['main'] };
    expect(await found(mine.messageId, bound)).toHaveLength(1);
    expect(await found(other.messageId, bound)).toEqual([]);
    expect(await found('+6281200000002', bound)).toEqual([{ kind: 'number', number: '+6281200000002' }]);
    expect(await found('second', bound)).toEqual([]);
    expect(await found('@', bound)).toEqual([]);
    const stranger = await t.tenant();
    for (const q of [mine.messageId, `+${PHONE}`, 'main', 'second']) {
      expect(
        (await found(q, { userId: stranger.id, personId: stranger.id })).filter(
          ({ kind }) => kind !== 'number',
        ),
      ).toEqual([]);
    }
  });
});

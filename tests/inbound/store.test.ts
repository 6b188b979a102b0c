/** What makes two inbound messages one: session, chat, author and id; and how many are stored at once. On both databases. */
import { and, eq } from 'drizzle-orm';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { messages, whatsappAccounts } from '../../src/db/schema.ts';
import type { LiveEvent } from '../../src/events/stream.ts';
import { createInboundStore, storeInbound } from '../../src/services/inbound/store.ts';
import { newId } from '../../src/utils/ids.ts';
import type { AccountRef, InboundMessage } from '../../src/whatsapp/engine.ts';
import { openTestApp, type TestApp } from '../helpers/app.ts';

const GROUP = '120363012345678901@g.us';
let t: TestApp;
beforeAll(async () => {
  t = await openTestApp();
});
afterAll(() => t.close());

async function addAccount(): Promise<AccountRef> {
  const { id: userId } = await t.tenant();
  const account = { id: newId(), userId, sessionId: 'main', owner: newId(), fence: 1 };
  const at = Date.now();
  const row = { ...account, status: 'connected', pairing: 'qr', createdAt: at, updatedAt: at } as const;
  await t.deps.db.insert(whatsappAccounts).values(row);
  return account;
}

const text = (changes: Partial<InboundMessage> = {}): InboundMessage => ({
  messageId: '3A0123456789ABCDEF01',
  chat: '628111@s.whatsapp.net',
  participant: null,
  author: null,
  phone: null,
  lid: null,
  pushName: null,
  content: { type: 'text', text: 'halo' },
  media: null,
  at: Date.now(),
  ...changes,
});
const inGroup = (author: string, changes: Partial<InboundMessage> = {}) =>
  text({ chat: GROUP, participant: author, author, ...changes });

const stored = (account: AccountRef) =>
  t.deps.db
    .select({ author: messages.author, participant: messages.participant, content: messages.content })
    .from(messages)
    .where(and(eq(messages.accountId, account.id), eq(messages.direction, 'in')));

test('two members of a group that use the same id have written two messages', async () => {
  const account = await addAccount();
  for (const author of ['1@lid', '2@lid']) {
    const content = { type: 'text' as const, text: `from ${author}` };
    expect(await storeInbound(t.deps, account, inGroup(author, { content }))).toBe(true);
    expect(await storeInbound(t.deps, account, inGroup(author, { content }))).toBe(false);
  }
  expect((await stored(account)).map(({ content }) => content)).toEqual(
    expect.arrayContaining([
      { type: 'text', text: 'from 1@lid' },
      { type: 'text', text: 'from 2@lid' },
    ]),
  );
  expect(await stored(account)).toHaveLength(2);
});

test('two chats and two sessions that use the same id have their own messages', async () => {
  const [one, other] = [await addAccount(), await addAccount()];
  for (const account of [one, other]) {
    for (const message of [text(), text({ chat: '628222@s.whatsapp.net' }), inGroup('1@lid')]) {
      expect(await storeInbound(t.deps, account, message)).toBe(true);
      expect(await storeInbound(t.deps, account, message)).toBe(false);
    }
    expect(await stored(account)).toHaveLength(3);
  }
});

test('a member whose number has become known since is the same author', async () => {
  const account = await addAccount();
  await storeInbound(t.deps, account, inGroup('1@lid'));
  const again = inGroup('1@lid', { participant: '628111@s.whatsapp.net' });
  expect(await storeInbound(t.deps, account, again)).toBe(false);
  expect(await stored(account)).toHaveLength(1);
});

test('what an earlier release has stored is not stored again; another member with that id is', async () => {
  const account = await addAccount();
  await storeInbound(t.deps, account, inGroup('1@lid'));
  await t.deps.db.update(messages).set({ author: '' }).where(eq(messages.accountId, account.id));
  expect(await storeInbound(t.deps, account, inGroup('1@lid'))).toBe(false);
  expect(await storeInbound(t.deps, account, inGroup('2@lid'))).toBe(true);
  expect(await stored(account)).toHaveLength(2);
});

test('ten deliveries at once are one message', async () => {
  const account = await addAccount();
  const done = await Promise.all(
    Array.from({ length: 10 }, () => storeInbound(t.deps, account, inGroup('1@lid'))),
  );
  expect(done.filter(Boolean)).toHaveLength(1);
});

test.each<[string, Partial<InboundMessage>]>([
  ['a time that is no number', { at: Number.NaN }],
  ['a time without end', { at: Number.POSITIVE_INFINITY }],
  ['the year 35,000', { at: 1e15 }],
  ['a time before all times', { at: -5 }],
  ['an id of 5,000 characters', { messageId: 'A'.repeat(5_000) }],
  ['an id of half characters', { messageId: 'A\uD800\0' }],
  ['a chat of 500 characters', { chat: `${'1'.repeat(500)}@g.us` }],
  ['members of 500 characters', { chat: GROUP, participant: 'p'.repeat(500), author: 'a'.repeat(500) }],
  ['a phone that is none', { phone: '6'.repeat(60), lid: 'x'.repeat(60) }],
  ['a name of half characters', { pushName: `${'\uD83D'.repeat(3_000)}\0` }],
  ['a text of half characters', { content: { type: 'text', text: 'a\uD800b\0c\uDC00' } }],
  ['a text without end', { content: { type: 'text', text: 'x'.repeat(3_000_000) } }],
  [
    'numbers that are none',
    { content: { type: 'location', latitude: Number.NaN, longitude: Number.POSITIVE_INFINITY } },
  ],
])('a message is stored as well as it can be, and shown: %s', async (_what, changes) => {
  const account = await addAccount();
  const before = Date.now();
  expect(await storeInbound(t.deps, account, text(changes))).toBe(true);
  expect(await storeInbound(t.deps, account, text(changes))).toBe(false);
  const [row] = await t.deps.db.select().from(messages).where(eq(messages.accountId, account.id));
  expect(JSON.stringify(row)).not.toMatch(/\\u0000|\\ud[89a-f]/i);
  expect(new Date(row?.sentAt ?? Number.NaN).toISOString()).toMatch(/^\d{4}-/);
  if ('at' in changes) expect(row?.sentAt).toBeGreaterThanOrEqual(before - 1_000);
  if (changes.content?.type === 'text' && changes.content.text.length < 10) {
    expect(row?.content).toEqual({ type: 'text', text: 'a\uFFFDbc\uFFFD' });
  }
});

test('what the database refuses for good is stored as unknown; only one that is away holds a message back', async () => {
  const account = await addAccount();
  const refusing = (error: Error, times: number) => {
    let left = times;
    const db = new Proxy(t.deps.db, {
      get(target, name) {
        const value: unknown = Reflect.get(target, name);
        if (typeof value !== 'function') return value;
        return (...args: unknown[]): unknown => {
          if (name === 'transaction' && left-- > 0) throw error;
          return Reflect.apply(value, target, args);
        };
      },
    });
    return { ...t.deps, db };
  };
  const tooLong = Object.assign(new Error('Data too long for column'), {
    errno: 1406,
    code: 'ER_DATA_TOO_LONG',
  });
  expect(await storeInbound(refusing(tooLong, 1), account, text({ pushName: 'Eve' }))).toBe(true);
  expect((await stored(account)).map(({ content }) => content)).toEqual([
    { type: 'unknown', reason: 'unstorable' },
  ]);
  const away = Object.assign(new Error('gone'), { code: 'ECONNREFUSED' });
  await expect(storeInbound(refusing(away, 1), account, text({ messageId: 'B' }))).rejects.toThrow('gone');
  expect(await stored(account)).toHaveLength(1);
});

test('messages of one moment, of several sessions, are stored each once, in the order of their sessions', async () => {
  const store = createInboundStore(t.deps);
  const accounts = await Promise.all(Array.from({ length: 4 }, addAccount));
  const numbered = (n: number) =>
    text({ messageId: `3A${n}`, content: { type: 'text', text: `halo ${n}, apa kabar` } });
  const all = Array.from({ length: 10 }, (_, n) => numbered(n));
  const counted: LiveEvent[] = [];
  t.deps.stream.tap((event) => counted.push(event));
  const known = await Promise.all(accounts.map((account) => store(account, [numbered(3), numbered(3)])));
  expect(known).toEqual(accounts.map(() => [true, false]));
  const added = await Promise.all(accounts.map((account) => store(account, all)));
  expect(added).toEqual(accounts.map(() => all.map((_, n) => n !== 3)));
  expect(await Promise.all(accounts.map((account) => store(account, all)))).toEqual(
    accounts.map(() => all.map(() => false)),
  );
  for (const account of accounts) {
    expect(await stored(account)).toHaveLength(10);
    const facts = counted.filter(({ accountId }) => accountId === account.id);
    expect(facts.map(({ subject }) => subject)).toEqual(
      ['3A3', ...all.map(({ messageId }) => messageId)].filter((id, n) => n === 0 || id !== '3A3'),
    );
    expect(facts.map(({ seq }) => seq)).toEqual(facts.map((_, n) => n + 1));
  }
});

test('of many at once the one that is refused loses its content, and no other', async () => {
  const store = createInboundStore(t.deps);
  const [one, other] = [await addAccount(), await addAccount()];
  const tooLate = text({ messageId: 'C', content: { type: 'text', text: 'never' } });
  // No database takes it, and nothing before has seen that: the fact's key is another row's.
  const clash = vi.spyOn(t.deps.stream.outbox ?? never(), 'write').mockImplementation(async (_tx, events) => {
    if (events.some(({ subject, data }) => subject === 'C' && data.type === 'text'))
      throw new Error('refused');
  });
  const messagesOf = [text({ messageId: 'A' }), text({ messageId: 'B' }), tooLate, text({ messageId: 'D' })];
  const done = await Promise.all([store(one, messagesOf), store(other, [text()])]);
  clash.mockRestore();
  expect(done).toEqual([[true, true, true, true], [true]]);
  const types = (await stored(one)).map(({ content }) => Object(content).type).sort();
  expect(types).toEqual(['text', 'text', 'text', 'unknown']);
  expect((await stored(other)).map(({ content }) => Object(content).type)).toEqual(['text']);
});

function never(): never {
  throw new Error('this process has no webhooks');
}

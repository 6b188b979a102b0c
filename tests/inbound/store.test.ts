/** What makes two inbound messages one: session, chat, author and id; and how many are stored at once. On both databases. */
import { and, eq } from 'drizzle-orm';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import type { Tx } from '../../src/db/client.ts';
import { insertMany, transact } from '../../src/db/ops.ts';
import {
  activityLogs,
  messages,
  optOuts,
  waChatStates,
  waContacts,
  waLabels,
  waLabelUses,
  whatsappAccounts,
} from '../../src/db/schema.ts';
import type { LiveEvent } from '../../src/events/stream.ts';
import { amend, amendable } from '../../src/queue/amend.ts';
import { readKnown } from '../../src/queue/breaker.ts';
import { settleReceipt } from '../../src/queue/engine-events.ts';
import { createSettler } from '../../src/queue/settle.ts';
import { buildPayloads } from '../../src/services/events/payload.ts';
import { storeGroupNotice } from '../../src/services/groups/news.ts';
import {
  learnAppState,
  MAX_CHAT_STATES,
  readAppStateVersions,
} from '../../src/services/inbound/app-state.ts';
import { readChatNames } from '../../src/services/inbound/chat-names.ts';
import { findChat, listChats, saveChat } from '../../src/services/inbound/chats.ts';
import { planLabels } from '../../src/services/inbound/label-plan.ts';
import { findUses, MAX_LABEL_USES, nextLabel } from '../../src/services/inbound/label-state.ts';
import { createInboundStore, storeInbound } from '../../src/services/inbound/store.ts';
import { findAnswered, findOutbound, isWithdrawn } from '../../src/services/messages/engine-messages.ts';
import { toMessage } from '../../src/services/messages/view.ts';
import { readKeptChats } from '../../src/services/people/chat-states.ts';
import { storeCall } from '../../src/services/sessions/told.ts';
import { newId, newMessageId } from '../../src/utils/ids.ts';
import { createQuietWarnings } from '../../src/utils/quiet-warnings.ts';
import type { AppStateChange, LearntAppState } from '../../src/whatsapp/app-state.ts';
import { createCredentialStore } from '../../src/whatsapp/credential-store.ts';
import type { AccountRef, InboundMessage } from '../../src/whatsapp/engine.ts';
import type { GroupNotice } from '../../src/whatsapp/group-types.ts';
import type { InboundContent } from '../../src/whatsapp/inbound-content.ts';
import { openTestApp, type TestApp } from '../helpers/app.ts';
import { heldAtLeast, MAX_HOLD_MS } from '../helpers/held.ts';
import { testOn } from '../helpers/on-database.ts';
import { countStatements } from '../helpers/statements.ts';

const GROUP = '120363012345678901@g.us';
const counter = countStatements();
let t: TestApp;
beforeAll(async () => {
  t = await openTestApp();
});
afterAll(async () => {
  await t.close();
  counter.stop();
});

async function addAccount(): Promise<AccountRef> {
  const { id: userId } = await t.tenant();
  return addSession(userId);
}

async function addSession(userId: number, sessionId = 'main'): Promise<AccountRef> {
  const account = { id: newId(), userId, sessionId, owner: newId(), fence: 1 };
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

test('a post of our own to a channel that comes back stays the one that was sent', async () => {
  const account = await addAccount();
  const chat = '120363012345678901@newsletter';
  await storeInbound(t.deps, account, text({ chat, own: true }));
  expect(await storeInbound(t.deps, account, text({ chat }))).toBe(false);
  expect(await stored(account)).toHaveLength(0);
  // The id of a post is its own: elsewhere it tells nothing.
  for (const other of [{ chat: '120363012345678902@newsletter' }, { chat, messageId: '3A01' }]) {
    expect(await storeInbound(t.deps, account, text(other))).toBe(true);
    expect(await storeInbound(t.deps, account, text(other))).toBe(false);
  }
  expect(await stored(account)).toHaveLength(2);
});

test('a member whose number has become known since is the same author', async () => {
  const account = await addAccount();
  await storeInbound(t.deps, account, inGroup('1@lid'));
  const again = inGroup('1@lid', { participant: '628111@s.whatsapp.net' });
  expect(await storeInbound(t.deps, account, again)).toBe(false);
  expect(await stored(account)).toHaveLength(1);
});

describe('a person whose number is known at times only', () => {
  const byNumber = text({ phone: '628111', lid: '77' });
  const byLid = text({ chat: '77@lid', lid: '77' });

  test.each([
    ['first', byNumber, byLid],
    ['later', byLid, byNumber],
  ])('has written one message, which is delivered again: %s', async (_when, before, after) => {
    const account = await addAccount();
    expect(await storeInbound(t.deps, account, before)).toBe(true);
    expect(await storeInbound(t.deps, account, after)).toBe(false);
    const other = await addAccount();
    expect(await createInboundStore(t.deps)(other, [before, after])).toEqual([true, false]);
    for (const { id } of [account, other]) {
      const rows = await t.deps.db.select().from(messages).where(eq(messages.accountId, id));
      expect(rows.map(({ peer }) => peer)).toEqual([before.chat]);
    }
    expect(await storeInbound(t.deps, account, { ...after, messageId: '3B' })).toBe(true);
  });

  test('has their message opened in the place of what could not be opened', async () => {
    const account = await addAccount();
    const unread = { type: 'undecryptable', reason: 'keys' } as const;
    await storeInbound(t.deps, account, { ...byLid, content: unread });
    expect(await storeInbound(t.deps, account, byNumber)).toBe(true);
    expect((await stored(account)).map(({ content }) => content)).toEqual([byNumber.content]);
  });
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

test('a transaction locks the rows of its sessions once, whatever it brings', async () => {
  const store = createInboundStore(t.deps);
  const written = watchCommits();
  const accounts = [await addAccount(), await addAccount()];
  const edit = { type: 'edit' as const, messageId: 'A', text: 'halo lagi' };
  const all = [
    text({ messageId: 'A', content: { type: 'text', text: 'STOP' }, phone: '628111' }),
    text({ messageId: 'B', own: true, phone: '628111' }),
    text({ messageId: 'C', content: edit, phone: '628111' }),
    text({ messageId: 'D', phone: '628111' }),
  ];
  await Promise.all(accounts.map((account) => store(account, all)));
  written.stop();
  const { commits } = written;
  expect(commits.map((writes) => writes.length)).toEqual(commits.map(() => 1));
  for (const { id } of accounts) {
    const events = commits.flat(2).filter(({ accountId }) => accountId === id);
    expect(events.map(({ event }) => event)).toEqual([
      'message.received',
      'message.sent',
      'message.edited',
      'message.received',
      'opt_out.added',
    ]);
  }
});

test('a transaction holds some messages, and the tenants have turns', async () => {
  const store = createInboundStore(t.deps);
  const written = watchCommits();
  const { id: busy } = await t.tenant();
  const sessions = await Promise.all(Array.from({ length: 12 }, (_, n) => addSession(busy, `s${n}`)));
  const other = await addAccount();
  const many = Array.from({ length: 25 }, (_, n) => text({ messageId: `3A${n}` }));
  const large = text({ messageId: 'L', content: { type: 'text', text: 'x'.repeat(350_000) } });
  await Promise.all([...sessions.map((account) => store(account, many)), store(other, [text()])]);
  const told = written.commits.splice(0).map((writes) => writes.flat());
  expect(told.length).toBeGreaterThan(3);
  // Two at a time run; either may be the first that ends.
  expect(told.slice(0, 2).some((events) => events.some(({ accountId }) => accountId === other.id))).toBe(
    true,
  );
  expect(Math.max(...told.map((events) => events.length))).toBeLessThanOrEqual(100);
  expect(told.flat()).toHaveLength(301);
  await Promise.all(sessions.slice(0, 4).map((account) => store(account, [large])));
  const sizes = written.commits.map((writes) => writes.flat().length);
  // To make them fit takes turns of the loop, in which fewer than two may have come.
  expect(Math.max(...sizes)).toBeLessThanOrEqual(2);
  expect(sizes.reduce((sum, size) => sum + size, 0)).toBe(4);
  written.stop();
});

test('what is told of a group is kept once, with its event, however often it comes', async () => {
  const [one, other] = [await addAccount(), await addAccount()];
  const at = Date.now();
  const notice = (id: string, group = GROUP): GroupNotice => ({
    id,
    news: [{ kind: 'updated', group, by: null, at, changes: { locked: true } }],
  });
  const eventsOf = async ({ id }: AccountRef) =>
    (await t.deps.db.select().from(activityLogs).where(eq(activityLogs.accountId, id))).map(
      ({ event }) => event,
    );
  const cutOff = vi.spyOn(t.deps.stream.outbox ?? never(), 'write').mockRejectedValueOnce(new Error('ended'));
  await expect(storeGroupNotice(t.deps, one, notice('A'))).rejects.toThrow('ended');
  cutOff.mockRestore();
  expect(await eventsOf(one)).toEqual([]);
  const again = await Promise.all(
    Array.from({ length: 5 }, () => storeGroupNotice(t.deps, one, notice('A'))),
  );
  expect(again.filter(Boolean)).toHaveLength(1);
  expect(await storeGroupNotice(t.deps, one, notice('A', '1203-1@g.us'))).toBe(true);
  expect(await storeGroupNotice(t.deps, other, notice('A'))).toBe(true);
  expect(await storeGroupNotice(t.deps, one, notice('x'.repeat(100_000)))).toBe(true);
  expect(await eventsOf(one)).toEqual(Array.from({ length: 3 }, () => 'group.updated'));
  expect(await eventsOf(other)).toEqual(['group.updated']);
  const by = { jid: '1@lid', phone: null, lid: '1' };
  const call = { callId: 'C', by, video: false, group: false, missed: false, at: Date.now() };
  expect(await storeCall(t.deps, one, call)).toBe(true);
  expect(await storeCall(t.deps, one, { ...call, missed: true })).toBe(false);
  expect(await storeCall(t.deps, other, call)).toBe(true);
  expect(await eventsOf(other)).toEqual(['group.updated', 'call.received']);
  // Whoever calls chooses the id.
  const callId = `${'x'.repeat(200)}😀`;
  expect(await storeCall(t.deps, other, { ...call, callId })).toBe(true);
  const rows = await t.deps.db.select().from(activityLogs).where(eq(activityLogs.accountId, other.id));
  expect(rows.at(-1)).toMatchObject({ subject: 'x'.repeat(100), data: { callId } });
});

test('an answer to a login code does not keep it, whichever session has sent it', async () => {
  const account = await addAccount();
  const sender = await addAccount();
  const at = Date.now();
  const code = { ...sender, accountId: sender.id, id: newId(), messageId: newMessageId(), peer: text().chat };
  const { owner: _owner, fence: _fence, ...row } = code;
  const sent = { direction: 'out', type: 'otp', content: { type: 'otp' }, status: 'sent' } as const;
  await t.deps.db.insert(messages).values({ ...row, ...sent, createdAt: at, updatedAt: at });
  const answer = (messageId: string, quotedId: string, own: { own?: true } = {}) =>
    text({
      messageId,
      ...own,
      content: {
        type: 'text',
        text: 'thanks',
        quotedId,
        quoted: { messageId: quotedId, fromMe: true, author: null, preview: 'Your code is 482913' },
      },
    });
  await createInboundStore(t.deps)(account, [
    answer('3A-code', row.messageId),
    answer('3A-own', row.messageId, { own: true }),
    answer('3A-other', newMessageId()),
  ]);
  const rows = await t.deps.db
    .select({ messageId: messages.messageId, content: messages.content })
    .from(messages)
    .where(eq(messages.accountId, account.id));
  const previews = Object.fromEntries(rows.map((one) => [one.messageId, Object(one.content).quoted.preview]));
  expect(previews).toEqual({ '3A-code': '[otp]', '3A-own': '[otp]', '3A-other': 'Your code is 482913' });
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

/** What each transaction that was committed has written for webhooks, once or more; those that were repeated are not among them. */
function watchCommits(): { commits: LiveEvent[][][]; stop(): void } {
  const outbox = t.deps.stream.outbox ?? never();
  const commits: LiveEvent[][][] = [];
  const known = new Map<Tx, LiveEvent[][]>();
  const write = outbox.write.bind(outbox);
  const spy = vi.spyOn(outbox, 'write').mockImplementation(async (tx, events) => {
    const writes = known.get(tx) ?? [];
    if (writes.length === 0) tx.afterCommit(() => commits.push(writes));
    known.set(tx, writes);
    writes.push([...events]);
    await write(tx, events);
  });
  return { commits, stop: () => spy.mockRestore() };
}

function never(): never {
  throw new Error('this process has no webhooks');
}

describe('a message that cannot be opened yet', () => {
  const unread = { type: 'undecryptable', reason: 'keys' } as const;
  const factsOf = (account: AccountRef) =>
    t.deps.db
      .select({ event: activityLogs.event })
      .from(activityLogs)
      .where(eq(activityLogs.accountId, account.id))
      .orderBy(activityLogs.seq)
      .then((rows) => rows.map(({ event }) => event));

  test('is told once, and replaced once when it comes', async () => {
    const account = await addAccount();
    const again = { content: unread, at: 1_700_000_000_000 };
    expect(await storeInbound(t.deps, account, inGroup('1@lid', again))).toBe(true);
    expect(await storeInbound(t.deps, account, inGroup('1@lid', again))).toBe(false);
    const [before] = await t.deps.db.select().from(messages).where(eq(messages.accountId, account.id));
    const done = await Promise.all(
      Array.from({ length: 5 }, () => storeInbound(t.deps, account, inGroup('1@lid'))),
    );
    expect(done.filter(Boolean)).toHaveLength(1);
    // An old copy of it changes nothing any more.
    expect(await storeInbound(t.deps, account, inGroup('1@lid', again))).toBe(false);
    const rows = await t.deps.db.select().from(messages).where(eq(messages.accountId, account.id));
    expect(rows).toHaveLength(1);
    expect(rows[0]).toMatchObject({ id: before?.id, type: 'text', content: { type: 'text', text: 'halo' } });
    expect(await factsOf(account)).toEqual(['message.undecryptable', 'message.received']);
  });

  test('of another member, or under another id, is another one', async () => {
    const account = await addAccount();
    await storeInbound(t.deps, account, inGroup('1@lid', { content: unread }));
    await storeInbound(t.deps, account, inGroup('2@lid'));
    await storeInbound(t.deps, account, inGroup('1@lid', { messageId: '3A0123456789ABCDEF02' }));
    const types = (await stored(account))
      .map(({ content }) => content)
      .map((content) => Reflect.get(Object(content), 'type'));
    expect(types.toSorted()).toEqual(['text', 'text', 'undecryptable']);
  });
});

describe('what the owner sends from the phone', () => {
  const own = (changes: Partial<InboundMessage> = {}) =>
    text({ phone: '628111', own: true, at: 1_700_000_000_000, ...changes });
  const sent = (account: AccountRef) =>
    t.deps.db
      .select()
      .from(messages)
      .where(and(eq(messages.accountId, account.id), eq(messages.direction, 'out')));

  test('is an outbound message that was sent, once, by whatever name its chat comes again', async () => {
    const account = await addAccount();
    expect(await storeInbound(t.deps, account, own())).toBe(true);
    expect(await storeInbound(t.deps, account, own())).toBe(false);
    expect(await storeInbound(t.deps, account, own({ chat: '77@lid', phone: null, lid: '77' }))).toBe(false);
    const rows = await sent(account);
    expect(rows).toHaveLength(1);
    expect(rows[0]).toMatchObject({
      source: 'phone',
      status: 'sent',
      sentAt: 1_700_000_000_000,
      attempts: 0,
    });
  });

  test('never takes the place of our message', async () => {
    const account = await addAccount();
    const at = Date.now();
    const row = { ...own(), id: newId(), userId: account.userId, accountId: account.id, sessionId: 'main' };
    await t.deps.db.insert(messages).values({
      ...{ id: row.id, userId: row.userId, accountId: row.accountId, sessionId: row.sessionId },
      ...{ messageId: row.messageId, direction: 'out', peer: '77@lid', type: 'text', status: 'sending' },
      ...{ content: { type: 'text', text: 'ours' }, createdAt: at, updatedAt: at },
    });
    expect(await storeInbound(t.deps, account, own())).toBe(false);
    expect(await sent(account)).toMatchObject([{ source: null, content: { text: 'ours' } }]);
  });

  test('is no more than that it was, of a code that another tenant sends with the same phone', async () => {
    const [sender, other] = [await addAccount(), await addAccount()];
    const messageId = newMessageId();
    const at = Date.now();
    const ids = { id: newId(), userId: sender.userId, accountId: sender.id, sessionId: 'main' };
    await t.deps.db.insert(messages).values({
      ...{ ...ids, messageId, direction: 'out', peer: own().chat, type: 'otp' },
      ...{ content: { type: 'otp', otpId: newId() }, status: 'sending', createdAt: at, updatedAt: at },
    });
    const content = { type: 'text' as const, text: 'Your code is 918273' };
    expect(await storeInbound(t.deps, other, own({ messageId, content }))).toBe(true);
    expect(await storeInbound(t.deps, other, own({ messageId, content }))).toBe(false);
    const rows = await sent(other);
    expect(rows.map((row) => toMessage(t.deps, row).content)).toEqual(rows.map(() => null));
    expect(rows[0]).toMatchObject({ type: 'otp', source: 'phone', status: 'sent' });
    const facts = await t.deps.db.select().from(activityLogs).where(eq(activityLogs.accountId, other.id));
    const payloads = await buildPayloads(t.deps, facts);
    expect(payloads[0]?.data).toMatchObject({ type: 'otp', source: 'phone', content: null });
    expect(JSON.stringify([payloads, facts])).not.toContain('918273');
    // What the owner writes alone is told to everybody.
    await storeInbound(t.deps, other, own({ messageId: '3A-text', content }));
    expect(JSON.stringify(await sent(other))).toContain('918273');
  });

  test('makes whom it was sent to known', async () => {
    const account = await addAccount();
    const person = { peer: '628111@s.whatsapp.net', phone: '628111', lid: null };
    expect(await readKnown(t.deps.db, account, [person])).toEqual(new Set());
    await storeInbound(t.deps, account, own());
    expect(await readKnown(t.deps.db, account, [person])).toEqual(new Set([person.peer]));
  });

  test('is not sent again by us, also when a device asks', async () => {
    const account = await addAccount();
    await storeInbound(t.deps, account, own());
    expect(await findOutbound(t.deps, account.id, own().messageId)).toBe(null);
  });

  test('is told with its content, and with what its receipts prove', async () => {
    const account = await addAccount();
    await storeInbound(t.deps, account, own());
    const settler = createSettler(t.deps);
    for (const status of ['read', 'delivered'] as const) {
      await settleReceipt(settler, account.id, own().messageId, status, Date.now());
    }
    expect(await sent(account)).toMatchObject([{ status: 'read' }]);
    const rows = await t.deps.db
      .select()
      .from(activityLogs)
      .where(eq(activityLogs.accountId, account.id))
      .orderBy(activityLogs.seq);
    const payloads = await buildPayloads(t.deps, rows);
    expect(payloads.map(({ type }) => type)).toEqual(['message.sent', 'message.delivered', 'message.read']);
    for (const { data } of payloads) {
      expect(data).toMatchObject({ source: 'phone', to: '+628111', content: { type: 'text', text: 'halo' } });
    }
  });
});

describe('what the sender answers', () => {
  const person = (n: number) => ({ chat: `62811${n}@s.whatsapp.net`, phone: `62811${n}` });
  /** How many times the store reads for as many messages, without its look for new webhooks once a second. */
  async function reads(account: AccountRef, all: readonly InboundMessage[]): Promise<number> {
    counter.take();
    await createInboundStore(t.deps)(account, all);
    const own = [...counter.take().texts].filter(
      ([sql]) => /^select/i.test(sql) && !/\bcounters\b/.test(sql),
    );
    return own.reduce((sum, [, n]) => sum + n, 0);
  }
  const offer = (account: AccountRef, n: number, changes: Partial<typeof messages.$inferInsert> = {}) => ({
    ...{ id: newId(), userId: account.userId, accountId: account.id, sessionId: 'main', messageId: newId() },
    ...{ direction: 'out' as const, peer: person(n).chat, type: 'buttons', status: 'sent' as const },
    content: {
      type: 'buttons',
      text: 'Which?',
      buttons: ['Ayam', 'Bebek'].map((name) => ({ id: name, text: name })),
    },
    ...{ createdAt: Date.now(), updatedAt: Date.now(), ...changes },
  });

  test('is matched to what was offered from here, that of many chats in one reading', async () => {
    const account = await addAccount();
    const offers = Array.from({ length: 6 }, (_, n) => offer(account, n));
    // The owner forwards an offer of somebody else.
    const other = { type: 'buttons', buttons: [{ text: 'x' }, { text: 'y' }] };
    const forwarded = {
      ...offer(account, 0, { createdAt: Date.now() + 5 }),
      source: 'phone' as const,
      content: other,
    };
    await t.deps.db.insert(messages).values([...offers, forwarded]);
    const answer = (n: number, id: string) =>
      text({ messageId: id, ...person(n), content: { type: 'text', text: '2' } });
    const one = await reads(account, [answer(0, 'one')]);
    const many = [0, 1, 2, 3, 4, 5].map((n) => answer(n, 'many'));
    expect(await reads(account, many)).toBe(one);
    const rows = await stored(account);
    expect(rows.map(({ content }) => Object(content).reply)).toEqual(
      rows.map(() => ({ messageId: expect.any(String), id: 'Bebek', text: 'Bebek' })),
    );
    expect(rows).toHaveLength(7);
  });

  test('is looked for once in a chat without offers, until one leaves or the session comes back', async () => {
    const account = await addAccount();
    const store = createInboundStore(t.deps);
    const answered = async (messageId: string, by = account) => {
      counter.take();
      const content = { type: 'text' as const, text: '2' };
      await store(by, [text({ messageId, ...person(1), content })]);
      const looks = [...counter.take().texts].filter(([sql]) => /^select distinct/i.test(sql)).length;
      const row = (await stored(account)).at(-1);
      return [looks, Object(row?.content).reply?.id];
    };
    const { chat: peer } = person(1);
    expect(await answered('A')).toEqual([1, undefined]);
    expect(await answered('B')).toEqual([0, undefined]);
    const made = { accountId: account.id, peer, type: 'buttons' };
    t.deps.signals.leaves({ ...made, type: 'text' });
    t.deps.signals.leaves({ ...made, peer: person(2).chat });
    expect(await answered('C')).toEqual([0, undefined]);
    await t.deps.db.insert(messages).values(offer(account, 1));
    // Its owner has told nobody of it, and nobody else makes one.
    expect(await answered('D')).toEqual([0, undefined]);
    expect(await answered('E', { ...account, fence: 2 })).toEqual([1, 'Bebek']);
    expect(await answered('F', { ...account, fence: 2 })).toEqual([0, 'Bebek']);
    const other = await addAccount();
    await store(other, [text({ messageId: 'G', ...person(1) })]);
    await t.deps.db.insert(messages).values(offer(other, 1));
    t.deps.signals.leaves({ ...made, accountId: other.id });
    await store(other, [text({ messageId: 'H', ...person(1), content: { type: 'text', text: 'bebek' } })]);
    expect((await stored(other)).map(({ content }) => Object(content).reply?.id).filter(Boolean)).toEqual([
      'Bebek',
    ]);
  });

  test.each([
    ['is found by the next one', 'its own', 2],
    ['does not matter to others', 'another', 1],
  ])(
    'of an offer that leaves while the chat is looked through %s: in %s account',
    async (_what, where, looks) => {
      const account = await addAccount();
      const { id: accountId } = where === 'another' ? await addAccount() : account;
      const { chat: peer } = person(1);
      let offers = 0;
      const db: typeof t.deps.db = Object.create(t.deps.db, {
        selectDistinct: {
          value: (fields: { peer: typeof messages.peer }) => {
            // It was not committed when this was read.
            t.deps.signals.leaves({ accountId, peer, type: 'list' });
            offers++;
            return t.deps.db.selectDistinct(fields);
          },
        },
      });
      const store = createInboundStore({ ...t.deps, db });
      for (const messageId of ['A', 'B']) await store(account, [text({ messageId, ...person(1) })]);
      expect(offers).toBe(looks);
    },
  );

  test('that quotes an older offer is the choice of that one', async () => {
    const account = await addAccount();
    const at = Date.now();
    const offers = Array.from({ length: 8 }, (_, n) => offer(account, 1, { createdAt: at + n }));
    await t.deps.db.insert(messages).values(offers);
    const content = { type: 'text' as const, text: 'ayam', quotedId: offers[0]?.messageId ?? '' };
    await storeInbound(t.deps, account, text({ ...person(1), content }));
    expect(await stored(account)).toMatchObject([
      { content: { reply: { messageId: offers[0]?.messageId, id: 'Ayam' } } },
    ]);
  });

  test('to be left alone is read for many as for one', async () => {
    const account = await addAccount();
    const stop = (n: number) =>
      text({ messageId: `S${n}`, ...person(n), content: { type: 'text', text: ' stop! ' } });
    const two = await reads(account, [stop(0), stop(1)]);
    const more = Array.from({ length: 6 }, (_, n) => stop(n + 2));
    expect(await reads(account, more)).toBe(two);
    const rows = await t.deps.db.select().from(optOuts).where(eq(optOuts.userId, account.userId));
    expect(rows.map(({ phone, word }) => `${phone} ${word}`).sort()).toEqual(
      Array.from({ length: 8 }, (_, n) => `${person(n).phone} STOP`),
    );
  });
});

describe('what a device asks for again', () => {
  const ID = '3EB0000000000000000A';
  const put = async (account: AccountRef, row: Partial<typeof messages.$inferInsert>) => {
    const at = Date.now();
    await t.deps.db.insert(messages).values({
      ...{ id: newId(), userId: account.userId, accountId: account.id, sessionId: account.sessionId },
      ...{ messageId: ID, direction: 'out', peer: '628111@s.whatsapp.net', type: 'text', status: 'sent' },
      ...{ content: { type: 'text', text: 'halo' }, createdAt: at, updatedAt: at },
      ...row,
    });
  };
  const asked = async (account: AccountRef, id = ID) => ({
    again: await findOutbound(t.deps, account.id, id),
    answered: await findAnswered(t.deps, account.id, id),
    withdrawn: await isWithdrawn(t.deps, account.id, id),
  });
  const content = { type: 'text', text: 'halo' };
  const deletion = { messageId: '3EB0D', type: 'delete', content: { type: 'delete', messageId: ID } };

  test('is sent again, and not when it was deleted', async () => {
    const account = await addAccount();
    await put(account, {});
    expect(await asked(account)).toEqual({ again: content, answered: content, withdrawn: false });
    await t.deps.db.update(messages).set({ revokedAt: 1 }).where(eq(messages.accountId, account.id));
    expect(await asked(account)).toEqual({ again: null, answered: content, withdrawn: true });
    expect(await asked(account, 'unknown')).toEqual({ again: null, answered: null, withdrawn: false });
  });

  test.each(['queued', 'sending', 'sent', 'delivered', 'read'] as const)(
    'is not sent again while its deletion is %s, and the deletion is',
    async (status) => {
      const account = await addAccount();
      await put(account, { amendedBy: '3EB0D' });
      await put(account, { ...deletion, status });
      expect(await asked(account)).toMatchObject({ again: null, withdrawn: true });
      expect(await asked(account, '3EB0D')).toMatchObject({ again: deletion.content, withdrawn: false });
    },
  );

  test.each(['failed', 'expired', 'canceled'] as const)(
    'is sent again when its deletion has %s',
    async (status) => {
      const account = await addAccount();
      await put(account, { amendedBy: '3EB0D' });
      await put(account, { ...deletion, status });
      expect(await asked(account)).toMatchObject({ again: content, withdrawn: false });
    },
  );

  test('as an edit is not sent again when its message was deleted', async () => {
    const account = await addAccount();
    const edit = { type: 'edit', messageId: ID, text: 'lagi', of: 'text', at: 1 };
    await put(account, { amendedBy: '3EB0E' });
    await put(account, { messageId: '3EB0E', type: 'edit', content: edit });
    expect(await asked(account)).toMatchObject({ again: content });
    expect(await asked(account, '3EB0E')).toMatchObject({ again: edit, withdrawn: false });
    await t.deps.db.update(messages).set({ revokedAt: 1 }).where(eq(messages.messageId, ID));
    expect(await asked(account, '3EB0E')).toMatchObject({ again: null, withdrawn: true });
  });
});

describe('an edit or a deletion that comes in', () => {
  const EDIT: InboundContent = { type: 'edit', messageId: text().messageId, text: 'halo lagi' };
  const DELETE: InboundContent = { type: 'delete', messageId: text().messageId };
  const change = (content: InboundContent, changes: Partial<InboundMessage> = {}) =>
    text({ messageId: `3A-${content.type}`, content, ...changes });
  const target = async (account: AccountRef) => {
    const rows = await t.deps.db
      .select()
      .from(messages)
      .where(and(eq(messages.accountId, account.id), eq(messages.messageId, text().messageId)));
    expect(rows).toHaveLength(1);
    return rows[0];
  };
  const told = async (account: AccountRef) => {
    const rows = await t.deps.db
      .select()
      .from(activityLogs)
      .where(eq(activityLogs.accountId, account.id))
      .orderBy(activityLogs.seq);
    return buildPayloads(t.deps, rows);
  };

  test('changes the message of its author once, which keeps both versions', async () => {
    const account = await addAccount();
    await storeInbound(t.deps, account, text());
    for (let n = 0; n < 3; n++) await storeInbound(t.deps, account, change(EDIT));
    expect(await target(account)).toMatchObject({
      content: { type: 'text', text: 'halo lagi' },
      original: { type: 'text', text: 'halo' },
      editedAt: expect.any(Number),
      revokedAt: null,
    });
    for (let n = 0; n < 3; n++) await storeInbound(t.deps, account, change(DELETE));
    expect(await target(account)).toMatchObject({
      content: { text: 'halo lagi' },
      revokedAt: expect.any(Number),
    });
    const payloads = await told(account);
    expect(payloads.map(({ type }) => type)).toEqual([
      'message.received',
      'message.edited',
      'message.revoked',
    ]);
    expect(payloads[1]?.data).toMatchObject({
      messageId: text().messageId,
      status: 'edited',
      by: '3A-edit',
      content: { text: 'halo lagi' },
    });
  });

  test('that was overtaken by a later one changes nothing', async () => {
    const account = await addAccount();
    await storeInbound(t.deps, account, text());
    await storeInbound(t.deps, account, change({ ...EDIT, text: 'newer' }, { at: 1_800_000_000_000 }));
    await storeInbound(t.deps, account, change(EDIT, { messageId: '3A-older', at: 1_700_000_000_000 }));
    expect(await target(account)).toMatchObject({ content: { text: 'newer' } });
  });

  test('finds it among those of others with its id', async () => {
    const account = await addAccount();
    const chats = Array.from({ length: 25 }, (_, n) => text({ chat: `62810${n}@s.whatsapp.net` }));
    await createInboundStore(t.deps)(account, [...chats, text()]);
    expect(await storeInbound(t.deps, account, change(EDIT))).toBe(true);
    const rows = await t.deps.db.select().from(messages).where(eq(messages.accountId, account.id));
    const edited = rows.filter(({ editedAt }) => editedAt !== null);
    expect(edited.map(({ peer }) => peer)).toEqual([text().chat]);
  });

  test('changes what the message is by then, not what it was when it was read', async () => {
    const account = await addAccount();
    await storeInbound(t.deps, account, text());
    const [read] = await t.deps.db.select(amendable).from(messages).where(eq(messages.accountId, account.id));
    if (!read) throw new Error('nothing was stored');
    const apply = (words: string, at: number) =>
      transact(t.deps.db, (tx) =>
        amend(tx, read, { type: 'edit', messageId: 'A', text: words }, { at, now: at, by: words }),
      );
    expect(await apply('newer', 2_000)).not.toBeNull();
    const content = { type: 'text', text: 'newer', mentions: ['1@lid'] };
    await t.deps.db.update(messages).set({ content }).where(eq(messages.id, read.id));
    expect(await apply('older', 1_000)).toBeNull();
    expect(await apply('newest', 3_000)).not.toBeNull();
    expect(await target(account)).toMatchObject({
      content: { ...content, text: 'newest' },
      original: { text: 'halo' },
      editedAt: 3_000,
    });
  });

  test.each([
    ['of another member', inGroup('2@lid')],
    ['in another chat', text({ chat: '628999@s.whatsapp.net', phone: '628999' })],
  ])('%s changes nothing of it', async (_what, { chat, author, participant, phone }) => {
    const account = await addAccount();
    const whole = author === null ? text() : inGroup('1@lid');
    await storeInbound(t.deps, account, whole);
    const where = { chat, author, participant, phone };
    const isNew = await storeInbound(t.deps, account, change(EDIT, where));
    await storeInbound(t.deps, account, change(DELETE, where));
    expect(await target(account)).toMatchObject({
      content: { text: 'halo' },
      editedAt: null,
      revokedAt: null,
    });
    // Nobody else's edit is told; in another chat it is about a message that is not known.
    expect(isNew).toBe(author === null);
  });

  test('of our message changes nothing, and is not told', async () => {
    const account = await addAccount();
    await storeInbound(t.deps, account, text({ own: true, phone: '628111' }));
    expect(await storeInbound(t.deps, account, change(EDIT, { phone: '628111' }))).toBe(false);
    expect(await target(account)).toMatchObject({ content: { text: 'halo' }, editedAt: null });
  });

  test('by the owner on the phone changes what was sent, from the phone or by us', async () => {
    const account = await addAccount();
    await storeInbound(t.deps, account, text({ own: true, phone: '628111' }));
    await storeInbound(t.deps, account, change(EDIT, { own: true, phone: '628111' }));
    await storeInbound(t.deps, account, change(DELETE, { own: true, phone: '628111' }));
    expect(await target(account)).toMatchObject({
      direction: 'out',
      content: { text: 'halo lagi' },
      original: { text: 'halo' },
      revokedAt: expect.any(Number),
    });
    const payloads = await told(account);
    expect(payloads.map(({ type }) => type)).toEqual(['message.sent', 'message.edited', 'message.revoked']);
    expect(payloads[2]?.data).toMatchObject({ source: 'phone', status: 'revoked', direction: 'out' });
  });

  test('about a message that is not known is kept as a message of its own', async () => {
    const account = await addAccount();
    expect(await storeInbound(t.deps, account, change(EDIT))).toBe(true);
    expect((await told(account)).map(({ type }) => type)).toEqual(['message.received']);
  });

  test.each([
    ['in a chat', text(), {}],
    [
      'under its other name',
      text({ chat: '77@lid', phone: null, lid: '77' }),
      { phone: '628111', lid: '77' },
    ],
    ['in a group', inGroup('1@lid'), {}],
  ])(
    'that came before its message could be opened, %s, is applied when that comes',
    async (_what, whole, names) => {
      const account = await addAccount();
      const store = createInboundStore(t.deps);
      const closed = { ...whole, content: { type: 'undecryptable', reason: 'keys' } as const };
      const { chat, author, participant, phone, lid } = whole;
      const from = { chat, author, participant, phone, lid, ...names };
      await storeInbound(t.deps, account, closed);
      const other: InboundContent = { ...EDIT, messageId: '3A-of-another' };
      await store(account, [
        change(EDIT, from),
        change({ ...EDIT, text: 'halo semua' }, { ...from, messageId: '3A-second', at: Date.now() + 1_000 }),
        change(other, { ...from, messageId: '3A-third' }),
      ]);
      await storeInbound(t.deps, account, change(DELETE, { ...from, at: Date.now() + 2_000 }));
      for (let n = 0; n < 2; n++) await storeInbound(t.deps, account, whole);
      expect(await target(account)).toMatchObject({
        content: { text: 'halo semua' },
        original: { text: 'halo' },
        revokedAt: expect.any(Number),
      });
      const about = (await told(account)).filter(({ data }) => data.messageId === whole.messageId);
      expect(about.map(({ type }) => type)).toEqual([
        'message.undecryptable',
        'message.received',
        'message.edited',
        'message.edited',
        'message.revoked',
      ]);
    },
  );

  describe('that came before its message could be opened', () => {
    const closed = text({ content: { type: 'undecryptable', reason: 'keys' } });
    const SECOND_MS = 1_000;

    test('is found among any number of others, and without a look at them', async () => {
      const account = await addAccount();
      await storeInbound(t.deps, account, closed);
      const { userId, sessionId, id: accountId } = account;
      const at = Date.now();
      const others = Array.from({ length: 600 }, (_, n) => ({
        ...{ id: newId(at), userId, accountId, sessionId, messageId: `3C-${n}`, direction: 'in' as const },
        ...{ peer: closed.chat, type: 'edit', content: { ...EDIT, messageId: `3D-${n}` } },
        ...{ status: 'received' as const, sentAt: at, createdAt: at, updatedAt: at },
      }));
      await insertMany(t.deps.db, messages, others);
      await storeInbound(t.deps, account, change(DELETE, { at: at + SECOND_MS }));
      counter.take();
      await storeInbound(t.deps, account, text());
      const read = [...counter.take().texts.keys()].filter((one) => /^select.*from .messages./s.test(one));
      expect(
        read.filter((one) => !/(\.|\b)(message_id|id).? (=|in)/.test(one.split('where')[1] ?? '')),
      ).toEqual([]);
      expect(await target(account)).toMatchObject({ content: { text: 'halo' }, revokedAt: at + SECOND_MS });
    });

    test('is the newest of very many edits; a deletion counts with them', async () => {
      const account = await addAccount();
      await storeInbound(t.deps, account, closed);
      const at = Date.now();
      const edits = Array.from({ length: 30 }, (_, n) =>
        change({ ...EDIT, text: `edit ${n}` }, { messageId: `3A-edit-${n}`, at: at + n * SECOND_MS }),
      );
      const deleted = change(DELETE, { at: at + 40 * SECOND_MS });
      await createInboundStore(t.deps)(account, [deleted, ...edits.toReversed()]);
      await storeInbound(t.deps, account, text());
      expect(await target(account)).toMatchObject({
        content: { text: 'edit 29' },
        original: { text: 'halo' },
        editedAt: at + 29 * SECOND_MS,
        revokedAt: at + 40 * SECOND_MS,
      });
      const about = (await told(account)).filter(({ data }) => data.messageId === text().messageId);
      expect(about).toHaveLength(2 + 20 + 1);
      expect(about.at(-1)?.type).toBe('message.revoked');
    });

    test.each([
      ['of another member', inGroup('2@lid')],
      ['in another chat', inGroup('1@lid', { chat: '120363000000000001@g.us' })],
    ])('%s changes nothing of it', async (_what, { chat, author, participant }) => {
      const account = await addAccount();
      const whole = inGroup('1@lid');
      await storeInbound(t.deps, account, { ...whole, content: closed.content });
      for (const content of [EDIT, DELETE])
        await storeInbound(t.deps, account, change(content, { chat, author, participant }));
      await storeInbound(t.deps, account, whole);
      expect(await target(account)).toMatchObject({
        content: { text: 'halo' },
        editedAt: null,
        revokedAt: null,
      });
    });
  });

  test('names its chat by the number or the LID, as the session has seen that they are one', async () => {
    const account = await addAccount();
    const lid = '9900112233';
    await t.deps.db.insert(waContacts).values({ accountId: account.id, lid, phone: '628111', updatedAt: 1 });
    await storeInbound(t.deps, account, text({ phone: '628111' }));
    await storeInbound(t.deps, account, change(EDIT, { chat: `${lid}@lid`, phone: null, lid }));
    expect(await target(account)).toMatchObject({ content: { text: 'halo lagi' } });
  });

  test('by a person who has become known by another name since is theirs', async () => {
    const account = await addAccount();
    await storeInbound(t.deps, account, text({ chat: '77@lid', lid: '77' }));
    await storeInbound(t.deps, account, change(EDIT, { phone: '628111', lid: '77' }));
    expect(await target(account)).toMatchObject({ content: { text: 'halo lagi' } });
  });
});

describe('a vote', () => {
  const person = { phone: '6281370001', lid: '370001' };

  test('counts in a poll that was sent to the number when it comes under the LID, once the session knows both', async () => {
    const account = await addAccount();
    const poll = newMessageId();
    const at = Date.now();
    await t.deps.db.insert(messages).values({
      ...{ id: newId(), userId: account.userId, accountId: account.id, sessionId: account.sessionId },
      ...{ messageId: poll, direction: 'out', peer: `${person.phone}@s.whatsapp.net`, phone: person.phone },
      content: { type: 'poll', question: 'Q?', options: ['a', 'b'], multiple: false },
      ...{ type: 'poll', status: 'sent', createdAt: at, updatedAt: at, sentAt: at },
    });
    const votes = async (messageId: string) => {
      const content = { type: 'poll_vote' as const, messageId: poll, options: ['b'] };
      await storeInbound(
        t.deps,
        account,
        text({ messageId, chat: `${person.lid}@lid`, lid: person.lid, content }),
      );
      const rows = await t.deps.db.select().from(activityLogs).where(eq(activityLogs.accountId, account.id));
      return rows.filter(({ event }) => event === 'poll.updated');
    };
    expect(await votes('3AV1')).toEqual([]);
    await t.deps.db.insert(waContacts).values({ ...person, accountId: account.id, updatedAt: at });
    expect(await votes('3AV2')).toHaveLength(1);
    const told = await votes('3AV3');
    expect(told).toHaveLength(2);
    // Others of this process may ask the database for something else meanwhile.
    const looks = () =>
      [...counter.take().texts].flatMap(([text, n]) => (/\bmessages\b/.test(text) ? n : []));
    looks();
    const payloads = await buildPayloads(t.deps, told);
    const forTwo = looks();
    expect(payloads.map(({ data }) => data)).toMatchObject([
      { chosen: ['b'], voters: 1 },
      { chosen: ['b'], voters: 1 },
    ]);
    // The poll is read once for all that tell of it.
    await buildPayloads(t.deps, told.slice(0, 1));
    expect(looks()).toEqual(forTwo);
    expect(forTwo).not.toEqual([]);
  });
});

describe('what a phone tells of its chats and labels', () => {
  const CHAT = '628111@s.whatsapp.net';
  const archived = (chat: string, value: boolean): AppStateChange => ({
    ...{ kind: 'chat', own: false, chat, state: { archived: value } },
  });
  const label = (id: string, name: string, deleted = false): AppStateChange => ({
    ...{ kind: 'label', own: false, label: id, name, color: 3, deleted },
  });
  const labeled = (id: string, chat: string, on = true): AppStateChange => ({
    ...{ kind: 'labeled', own: false, label: id, chat, messageId: null, labeled: on },
  });
  const learn = (account: AccountRef, changes: AppStateChange[], more: Partial<LearntAppState> = {}) =>
    learnAppState(t.deps, account, { changes, versions: {}, fresh: [], ...more });
  const KNOWN = { versions: { regular_high: 1, regular_low: 1, regular: 1 } };
  const factsOf = async (account: AccountRef) => {
    const rows = await t.deps.db
      .select({ event: activityLogs.event, data: activityLogs.data })
      .from(activityLogs)
      .where(eq(activityLogs.accountId, account.id))
      .orderBy(activityLogs.seq);
    return rows.filter(({ event }) => /^(chat|label)\./.test(event ?? ''));
  };

  const statesOf = ({ id }: AccountRef) =>
    t.deps.db.select().from(waChatStates).where(eq(waChatStates.accountId, id));
  const usesOf = ({ id }: AccountRef) =>
    t.deps.db.select().from(waLabelUses).where(eq(waLabelUses.accountId, id));

  test('10,000 chats are kept, and a whole reading changes and tells what differs alone', async () => {
    const account = await addAccount();
    const chats = Array.from({ length: 10_000 }, (_, i) => `62811${1_000_000 + i}@s.whatsapp.net`);
    const all = chats.map((chat) => archived(chat, true));
    await learn(account, all, KNOWN);
    expect(await statesOf(account)).toHaveLength(10_000);
    expect(await factsOf(account)).toEqual([]);
    const [gone = '', other = ''] = chats;
    const again = [...all.slice(1), archived(other, false)];
    await learn(account, again, { versions: { regular_low: 7 }, fresh: ['regular_low'] });
    expect((await factsOf(account)).map(({ data }) => data)).toEqual(
      [gone, other].map((chat) => expect.objectContaining({ chat, archived: false, source: 'phone' })),
    );
    expect(await readAppStateVersions(t.deps, account.id)).toEqual({ ...KNOWN.versions, regular_low: 7 });
  });

  test('names and ids without end are cut or left out, and a label may come after its chats', async () => {
    const account = await addAccount();
    await learn(account, [], KNOWN);
    await learn(account, [
      labeled('5', CHAT),
      label('5', `${'😀'.repeat(5_000)}\u0000\u202E`),
      label('9'.repeat(10_000), 'too long'),
      labeled('5', `${'1'.repeat(200)}@s.whatsapp.net`),
      archived(`${'1'.repeat(200)}@g.us`, true),
      archived('status@broadcast', true),
    ]);
    const rows = await t.deps.db.select().from(waLabels).where(eq(waLabels.accountId, account.id));
    expect(rows).toMatchObject([{ label: '5', deleted: false }]);
    expect(rows[0]?.name).toMatch(/^(?:😀){190}$/u);
    expect(await usesOf(account)).toMatchObject([{ label: '5', chat: CHAT, messageId: '' }]);
    expect(await statesOf(account)).toEqual([]);
    const facts = await factsOf(account);
    expect(facts.map(({ event }) => event)).toEqual(['label.updated', 'label.assigned']);
  });

  test('the id of a deleted label is not given again, for it may still be on chats of the phone', async () => {
    const account = await addAccount();
    expect(await nextLabel(t.deps, account.id, null)).toBe('10');
    await learn(account, [label('10', 'Lama'), labeled('10', CHAT)], KNOWN);
    await learn(account, [label('10', '', true)]);
    expect(await usesOf(account)).toEqual([]);
    expect(await nextLabel(t.deps, account.id, null)).toBe('11');
    // Told again, as after a crash: it is no news.
    await learn(account, [label('10', '', true), label('11', 'x', true)]);
    expect((await factsOf(account)).map(({ data }) => data)).toEqual([
      expect.objectContaining({ label: '10', deleted: true }),
    ]);
  });

  test('an id is given once, whatever numbers the phone has', async () => {
    const account = await addAccount();
    expect(await nextLabel(t.deps, account.id, '17')).toBe('18');
    await learn(account, [label('999999999', 'Besar')], KNOWN);
    const first = await nextLabel(t.deps, account.id, null);
    expect(first).toBe('1000000000');
    await learn(account, [label(first, 'Satu')]);
    expect(await nextLabel(t.deps, account.id, first)).toBe('1000000001');
    expect(await nextLabel(t.deps, account.id, null)).toBe('1000000001');
  });

  test('of 100,000 labels of a phone as many are kept as fit, and of those that it deleted the last number', async () => {
    const account = await addAccount();
    const warned: unknown[] = [];
    const logger = { ...t.deps.logger, warn: (_what: string, fields: unknown) => warned.push(fields) };
    const many = Array.from({ length: 100_000 }, (_, i) => label(String(i + 1), `n ${i}`));
    const uses = many.map((change) => labeled('label' in change ? change.label : '', CHAT));
    const quietWarnings = createQuietWarnings({ clock: t.deps.clock, logger });
    await learnAppState({ ...t.deps, quietWarnings }, account, {
      ...{ changes: [...uses, ...many], versions: KNOWN.versions, fresh: ['regular'] },
    });
    // Once a minute.
    const more = [label('100001', 'x')];
    await learnAppState({ ...t.deps, quietWarnings }, account, { changes: more, versions: {}, fresh: [] });
    const rows = () => t.deps.db.select().from(waLabels).where(eq(waLabels.accountId, account.id));
    expect((await rows()).filter((row) => !row.deleted)).toHaveLength(100);
    expect((await rows()).filter((row) => row.deleted)).toMatchObject([{ label: '100001' }]);
    expect(await usesOf(account)).toHaveLength(100);
    expect(warned).toMatchObject([{ account: account.id, chats: 0, labels: 99_900 }]);
    expect(await factsOf(account)).toEqual([]);
    // Deleted ones go: their number alone counts on.
    const gone = Array.from({ length: 2_000 }, (_, i) => label(String(i + 1), '', true));
    await learn(account, gone);
    expect(await rows()).toMatchObject([{ label: '100001', deleted: true }]);
    expect(await usesOf(account)).toEqual([]);
    expect(await nextLabel(t.deps, account.id, null)).toBe('100002');
    expect(await factsOf(account)).toHaveLength(100);
  });

  test('of deleted labels none is kept where no id is a number', async () => {
    const account = await addAccount();
    const rows = () => t.deps.db.select().from(waLabels).where(eq(waLabels.accountId, account.id));
    for (const id of ['x1', 'x2', '0']) {
      await learn(account, [label(id, id)], KNOWN);
      await learn(account, [label(id, id, true)]);
    }
    expect(await rows()).toEqual([]);
  });

  const hundred = (name: string) => Array.from({ length: 100 }, (_, i) => label(`${name}${i}`, name));

  test('of a whole reading a label that is about to go takes no room', async () => {
    const account = await addAccount();
    await learn(account, hundred('a'), KNOWN);
    await learn(account, hundred('b'), { versions: { regular: 2 }, fresh: ['regular'] });
    const rows = await t.deps.db.select().from(waLabels).where(eq(waLabels.accountId, account.id));
    expect(rows.map(({ name }) => name)).toEqual(Array(100).fill('b'));
  });

  // 50,000 rows: what is planned is the same on both databases.
  testOn('sqlite', 'nor does what it was on', async () => {
    const account = await addAccount();
    const rows = Array.from({ length: MAX_LABEL_USES }, (_, i) => ({
      ...{ accountId: account.id, label: 'a0', chat: CHAT, messageId: `M${i}`, changedAt: 1 },
    }));
    await learn(account, hundred('a'), KNOWN);
    await transact(t.deps.db, (tx) => insertMany(tx, waLabelUses, rows));
    // Some of so many are found by their keys.
    const some = rows.slice(-100);
    const heldMs = await heldAtLeast(async () => {
      expect(await findUses(t.deps.db, account.id, some)).toHaveLength(100);
    });
    expect(heldMs).toBeLessThan(MAX_HOLD_MS);
    const changes = [...hundred('b'), labeled('b0', CHAT)];
    const reading = { fresh: true, known: true, names: await readChatNames(t.deps.db, account.id, [CHAT]) };
    const { steps, leftOut } = await planLabels(t.deps, account.id, changes, reading);
    expect(leftOut).toBe(0);
    const made = steps.filter((step) => ('label' in step ? !step.label.deleted : !step.gone));
    expect(made).toHaveLength(101);
    // Nothing else changes: it is left out as long as there is no room.
    const one = { ...reading, fresh: false };
    expect((await planLabels(t.deps, account.id, [labeled('a1', CHAT)], one)).leftOut).toBe(1);
    const moved = [labeled('a1', CHAT), { ...labeled('a0', CHAT, false), messageId: 'M7' }];
    expect((await planLabels(t.deps, account.id, moved.toReversed(), one)).leftOut).toBe(0);
  });

  test('chats of which nothing is set make room for those of which something is', async () => {
    const account = await addAccount();
    await learn(account, [], KNOWN);
    const rows = Array.from({ length: MAX_CHAT_STATES }, (_, i) => ({
      ...{
        accountId: account.id,
        chat: `62812${1_000_000 + i}@s.whatsapp.net`,
        archived: i >= 2,
        pinned: null,
      },
      ...{ mutedUntil: i === 0 ? 1 : null, markedUnread: null, changedAt: 1 },
    }));
    await transact(t.deps.db, (tx) => insertMany(tx, waChatStates, rows));
    const shown = async (chat: string) =>
      (await readKeptChats(t.deps, [{ accountId: account.id, jids: [chat] }]))[0]?.state?.archived;
    const own = (chat: string): AppStateChange => ({ ...archived(chat, true), own: true }) as AppStateChange;
    const [one, two] = ['628991@s.whatsapp.net', '628992@s.whatsapp.net'];
    // Of which nothing would be kept.
    await learn(account, [archived('628993@s.whatsapp.net', false)]);
    expect(await statesOf(account)).toHaveLength(MAX_CHAT_STATES);
    for (const chat of [one, two]) {
      await learn(account, [own(chat)]);
      expect(await shown(chat)).toBe(true);
    }
    await learn(account, [own(CHAT)]);
    expect(await shown(CHAT)).toBe(false);
    expect(await factsOf(account)).toHaveLength(2);
    // What a whole reading does not tell of is gone, and takes no room.
    await learn(
      account,
      rows
        .slice(3)
        .map(({ chat }) => archived(chat, true))
        .concat([archived(CHAT, true), archived(one, true)]),
      {
        ...{ versions: { regular_low: 2 }, fresh: ['regular_low'] },
      },
    );
    expect(await shown(CHAT)).toBe(true);
    expect(await shown(two)).toBe(false);
    expect(await statesOf(account)).toHaveLength(MAX_CHAT_STATES - 1);
  });

  test('an account has room for as many labels as WhatsApp has', async () => {
    const account = await addAccount();
    const ids = Array.from({ length: 20 }, (_, i) => String(i + 1));
    await learn(
      account,
      ids.slice(1).map((id) => label(id, id)),
      KNOWN,
    );
    expect(await nextLabel(t.deps, account.id, null)).toBe('21');
    await learn(account, [label('1', 'x')]);
    await expect(nextLabel(t.deps, account.id, null)).rejects.toMatchObject({
      code: 'CONFLICT',
      details: { reason: 'label_limit', limit: 20 },
    });
    await learn(account, [label('7', '', true)]);
    expect(await nextLabel(t.deps, account.id, null)).toBe('21');
  });

  test('what a deleted label was on is no news when everything is read again', async () => {
    const account = await addAccount();
    await learn(account, [label('10', 'Lama'), labeled('10', CHAT)], KNOWN);
    await learn(account, [label('10', '', true)]);
    const before = await factsOf(account);
    await learn(account, [labeled('10', CHAT), label('10', '', true)], {
      versions: { regular: 2 },
      fresh: ['regular'],
    });
    expect(await usesOf(account)).toEqual([]);
    expect(await factsOf(account)).toEqual(before);
  });

  describe('of a chat under its LID and under its number', () => {
    const LID = '77@lid';
    const shown = (account: AccountRef) =>
      readKeptChats(t.deps, [{ accountId: account.id, jids: [CHAT, LID] }]).then(([kept]) => kept);
    const meet = ({ id: accountId }: AccountRef) =>
      t.deps.db.insert(waContacts).values({ accountId, lid: '77', phone: '628111', updatedAt: 1 });
    const pinned = (chat: string, value: boolean): AppStateChange => ({
      ...{ kind: 'chat', own: false, chat, state: { pinned: value } },
    });

    test('is one when they have met, told under either or read from the beginning', async () => {
      for (const name of [LID, CHAT]) {
        const account = await addAccount();
        await learn(account, [archived(LID, true), label('5', 'Lunas'), labeled('5', LID)], KNOWN);
        await learn(account, [pinned(CHAT, true)]);
        await meet(account);
        expect(await shown(account)).toMatchObject({
          state: { archived: true, pinned: true },
          labels: [{ label: '5' }],
        });
        const before = (await factsOf(account)).length;
        await learn(account, [archived(name, false), labeled('5', name, false)]);
        expect(await statesOf(account)).toMatchObject([{ chat: CHAT, archived: false, pinned: true }]);
        expect(await usesOf(account)).toEqual([]);
        expect((await factsOf(account)).slice(before).map(({ data }) => data)).toEqual([
          expect.objectContaining({ chat: CHAT, archived: false, pinned: true, changed: ['archived'] }),
          expect.objectContaining({ chat: CHAT, label: '5', assigned: false }),
        ]);
      }
    });

    test('is one as soon as the number is learnt, with what was kept under both names, and without news', async () => {
      const account = await addAccount();
      await learn(account, [label('5', 'Lunas'), label('6', 'Baru'), label('7', 'Lama')], KNOWN);
      await learn(account, [archived(LID, true), labeled('5', LID), labeled('7', LID)]);
      await learn(account, [pinned(CHAT, true), labeled('6', CHAT), labeled('7', CHAT)]);
      const before = await factsOf(account);
      const keys = await createCredentialStore(t.deps).load(account);
      const value = Buffer.from(JSON.stringify('77'));
      // By the keys of a person that the engine learns, in their transaction.
      await keys.set([{ type: 'lid-mapping', name: '628111', value }]);
      expect(await statesOf(account)).toMatchObject([{ chat: CHAT, archived: true, pinned: true }]);
      const uses = await usesOf(account);
      expect(uses.map((use) => `${use.label} ${use.chat}`).sort()).toEqual(
        ['5', '6', '7'].map((id) => `${id} ${CHAT}`),
      );
      expect(await factsOf(account)).toEqual(before);
      await keys.close(1_000);
    });

    test('moves in transactions that hold nobody up, and is one in between', async () => {
      const account = await addAccount();
      await learn(account, [label('5', 'Lunas'), labeled('5', LID)], KNOWN);
      const messageIds = Array.from({ length: 1_299 }, (_, i) => `M${i}`);
      const rows = messageIds.map((messageId) => ({
        ...{ accountId: account.id, label: '5', chat: LID, messageId, changedAt: 1 },
      }));
      await transact(t.deps.db, (tx) => insertMany(tx, waLabelUses, rows));
      const moved: number[] = [];
      const db = Object.create(t.deps.db, {
        transaction: {
          value: async (fn: Parameters<typeof t.deps.db.transaction>[0]) => {
            const result = await t.deps.db.transaction(fn);
            moved.push((await usesOf(account)).filter(({ chat }) => chat === CHAT).length);
            expect(await shown(account)).toMatchObject({ labels: [{ label: '5' }] });
            return result;
          },
        },
      });
      const keys = await createCredentialStore({ ...t.deps, db }).load(account);
      await keys.set([{ type: 'lid-mapping', name: '628111', value: Buffer.from(JSON.stringify('77')) }]);
      expect(moved.filter((count) => count > 0)).toEqual([500, 1_000, 1_300]);
      expect(await usesOf(account)).toHaveLength(1_300);
      await keys.close(1_000);
    });

    test('is one also when its number is learnt while something is told of it', async () => {
      const account = await addAccount();
      await learn(account, [label('5', 'Lunas')], KNOWN);
      const keys = await createCredentialStore(t.deps).load(account);
      // Between the reading of the names and the writing.
      let learnt = false;
      const db = Object.create(t.deps.db, {
        transaction: {
          value: async (fn: Parameters<typeof t.deps.db.transaction>[0]) => {
            if (!learnt) {
              learnt = true;
              const value = Buffer.from(JSON.stringify('77'));
              await keys.set([{ type: 'lid-mapping', name: '628111', value }]);
            }
            return t.deps.db.transaction(fn);
          },
        },
      });
      const changes = [archived(LID, true), labeled('5', LID)];
      await learnAppState({ ...t.deps, db }, account, { changes, versions: {}, fresh: [] });
      expect(await statesOf(account)).toMatchObject([{ chat: CHAT, archived: true }]);
      expect(await usesOf(account)).toMatchObject([{ chat: CHAT, label: '5' }]);
      await keys.close(1_000);
    });

    test('moves without news when everything is read again, or the same is told', async () => {
      const account = await addAccount();
      await learn(account, [archived(LID, true), label('5', 'Lunas'), labeled('5', LID)], KNOWN);
      await meet(account);
      const before = await factsOf(account);
      await learn(account, [archived(LID, true), labeled('5', LID), label('5', 'Lunas')], {
        versions: { regular_low: 2, regular: 2 },
        fresh: ['regular_low', 'regular'],
      });
      expect(await statesOf(account)).toMatchObject([{ chat: CHAT, archived: true }]);
      expect(await usesOf(account)).toMatchObject([{ chat: CHAT, label: '5' }]);
      expect(await factsOf(account)).toEqual(before);
    });
  });

  test('how a chat is kept is not known before all that says so was read', async () => {
    const account = await addAccount();
    const shown = async () => (await readKeptChats(t.deps, [{ accountId: account.id, jids: [CHAT] }]))[0];
    await learn(account, [label('5', 'Lunas'), labeled('5', CHAT)], { versions: { regular: 1 } });
    expect(await shown()).toMatchObject({ state: null, labels: [{ label: '5' }] });
    await learn(account, [archived(CHAT, true)], { versions: { regular_low: 1 } });
    expect((await shown())?.state).toBeNull();
    await learn(account, [], { versions: { regular_high: 1 } });
    expect((await shown())?.state).toMatchObject({ archived: true });
  });

  test('the same told twice, and what an owner before tells, changes nothing', async () => {
    const account = await addAccount();
    await learn(account, [], KNOWN);
    for (const _ of [1, 2])
      await learn(account, [archived(CHAT, true), label('10', 'Satu'), labeled('10', CHAT)]);
    expect(await factsOf(account)).toHaveLength(3);
    await learn({ ...account, fence: 0 }, [archived(CHAT, false), label('10', '', true)], {
      versions: { regular: 9 },
    });
    expect(await factsOf(account)).toHaveLength(3);
    expect(await readAppStateVersions(t.deps, account.id)).toEqual(KNOWN.versions);
    expect(await statesOf(account)).toMatchObject([{ archived: true }]);
  });
});

describe('marks', () => {
  const phone = '6281370002';
  const chat = `${phone}@s.whatsapp.net`;
  const rowOf = async (account: AccountRef, messageId: string) => {
    const [row] = await t.deps.db
      .select()
      .from(messages)
      .where(and(eq(messages.accountId, account.id), eq(messages.messageId, messageId)));
    return row;
  };
  const factsOf = async (account: AccountRef, event: string) => {
    const rows = await t.deps.db
      .select()
      .from(activityLogs)
      .where(eq(activityLogs.accountId, account.id))
      .orderBy(activityLogs.seq);
    return rows.filter((row) => row.event === event);
  };
  const ofChat = (changes: Partial<InboundMessage>) => text({ chat, phone, ...changes });

  test('hold as the newest pin says, and are told when they change', async () => {
    const account = await addAccount();
    const at = Date.now();
    const pin = (messageId: string, pinned: boolean, when: number) =>
      storeInbound(
        t.deps,
        account,
        ofChat({ messageId, at: when, content: { type: 'pin', messageId: '3AM', pinned, seconds: 60 } }),
      );
    await storeInbound(t.deps, account, ofChat({ messageId: '3AM' }));
    await pin('3AP1', true, at);
    expect(await rowOf(account, '3AM')).toMatchObject({ pinnedUntil: at + 60_000 });
    // An end that was made before it came late, and what comes again changes nothing.
    await pin('3AP2', false, at - 1_000);
    await pin('3AP1', true, at);
    expect(await rowOf(account, '3AM')).toMatchObject({ pinnedUntil: at + 60_000 });
    await pin('3AP3', false, at + 1_000);
    expect(await rowOf(account, '3AM')).toMatchObject({ pinnedUntil: null });
    expect((await factsOf(account, 'message.pinned')).map(({ data }) => data.pinned)).toEqual([true, false]);
  });

  test('of messages that cannot be told apart, and of those of other chats, change nothing', async () => {
    const account = await addAccount();
    const content = { type: 'pin', messageId: '3AM', pinned: true } as const;
    await storeInbound(t.deps, account, inGroup('1@lid', { messageId: '3AM' }));
    await storeInbound(t.deps, account, ofChat({ messageId: '3AP1', content }));
    await storeInbound(t.deps, account, inGroup('2@lid', { messageId: '3AM' }));
    await storeInbound(t.deps, account, inGroup('2@lid', { messageId: '3AP2', content }));
    expect(await factsOf(account, 'message.pinned')).toEqual([]);
  });

  test('are starred once, by whichever name of the chat', async () => {
    const [account, other] = [await addAccount(), await addAccount()];
    const lid = '370002';
    for (const one of [account, other]) await storeInbound(t.deps, one, ofChat({ messageId: '3AM' }));
    await t.deps.db.insert(waContacts).values({ phone, lid, accountId: account.id, updatedAt: Date.now() });
    const star = (starred: boolean, messageId = '3AM', fromMe = false) =>
      learnAppState(t.deps, account, {
        changes: [{ kind: 'star', own: false, messageId, chat: `${lid}@lid`, fromMe, starred }],
        versions: {},
        fresh: [],
      });
    // What was starred before anybody kept it is no news.
    await storeInbound(t.deps, account, ofChat({ messageId: '3AOLD' }));
    await star(true, '3AOLD');
    expect((await rowOf(account, '3AOLD'))?.starredAt).toEqual(expect.any(Number));
    await learnAppState(t.deps, account, { changes: [], versions: { regular_low: 1 }, fresh: [] });
    await star(true);
    await star(true);
    await star(true, '3AM', true);
    await star(true, 'none');
    expect((await rowOf(account, '3AM'))?.starredAt).toEqual(expect.any(Number));
    expect((await rowOf(other, '3AM'))?.starredAt).toBeNull();
    await star(false);
    expect((await rowOf(account, '3AM'))?.starredAt).toBeNull();
    expect((await factsOf(account, 'message.starred')).map(({ data }) => data.starred)).toEqual([
      true,
      false,
    ]);
  });
});

test('what the owner makes on the phone of a message that comes later is applied to it, in its order', async () => {
  const account = await addAccount();
  const own = (messageId: string, at: number, content: InboundMessage['content']) =>
    storeInbound(t.deps, account, text({ messageId, own: true, phone: '628111', at, content }));
  const at = Date.now();
  await own('3AE2', at + 2_000, { type: 'edit', messageId: '3AOWN', text: 'third' });
  await own('3AE1', at + 1_000, { type: 'edit', messageId: '3AOWN', text: 'second' });
  await own('3AD', at + 3_000, { type: 'delete', messageId: '3AOWN' });
  await own('3AX', at, { type: 'edit', messageId: '3AOTHER', text: 'no' });
  await own('3AOWN', at, { type: 'text', text: 'first' });
  await own('3AOWN', at, { type: 'text', text: 'first' });
  const [row] = await t.deps.db
    .select()
    .from(messages)
    .where(and(eq(messages.accountId, account.id), eq(messages.messageId, '3AOWN')));
  expect(row).toMatchObject({
    content: { type: 'text', text: 'third' },
    original: { type: 'text', text: 'first' },
    editedAt: at + 2_000,
    revokedAt: at + 3_000,
  });
  const facts = await t.deps.db
    .select()
    .from(activityLogs)
    .where(eq(activityLogs.accountId, account.id))
    .orderBy(activityLogs.seq);
  const about = facts.filter(({ subject }) => subject === '3AOWN').map(({ event }) => event);
  expect(about).toEqual(['message.sent', 'message.edited', 'message.edited', 'message.revoked']);
});

test('how chats are set is told of all of a session together, and one by one where they are many', async () => {
  const [account, other] = [await addAccount(), await addAccount()];
  const set = { expiration: 604_800, setAt: 5_000 };
  for (const chat of ['a', 'b']) await saveChat(t.deps, account, chat, { expiration: 0, setAt: null });
  await saveChat(t.deps, account, 'b', set);
  await saveChat(t.deps, other, 'c', set);
  const all = await listChats(t.deps, account.id, 2);
  expect(new Map(all)).toEqual(new Map(Object.entries({ a: { expiration: 0, setAt: null }, b: set })));
  expect(await listChats(t.deps, account.id, 1)).toBeNull();
  expect(await findChat(t.deps, account.id, 'b')).toEqual(set);
  expect(await findChat(t.deps, account.id, 'c')).toBeNull();
});

/** What makes two inbound messages one: session, chat, author and id. On both databases. */
import { and, eq } from 'drizzle-orm';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { messages, whatsappAccounts } from '../../src/db/schema.ts';
import { storeInbound } from '../../src/services/inbound/store.ts';
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

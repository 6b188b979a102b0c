/** How chats are set, as their messages have told: for what is sent into them. */
import { and, eq, sql } from 'drizzle-orm';
import { upsert } from '../../db/ops.ts';
import { prepared } from '../../db/prepared.ts';
import { waChats } from '../../db/schema.ts';
import type { AccountRef, ChatSetting } from '../../whatsapp/engine.ts';
import type { Deps } from '../context.ts';

/** waChats.chat: a longer one is no chat that anything is sent to. */
const MAX_CHAT = 80;

/** All of a session that anything is known of, by their canonical JIDs; null where these are more than `max`. */
export async function listChats(
  { db }: Pick<Deps, 'db'>,
  accountId: string,
  max: number,
): Promise<[string, ChatSetting][] | null> {
  const rows = await db
    .select({ chat: waChats.chat, expiration: waChats.expiration, setAt: waChats.expirationSetAt })
    .from(waChats)
    .where(eq(waChats.accountId, accountId))
    .limit(max + 1);
  return rows.length > max ? null : rows.map(({ chat, ...setting }) => [chat, setting]);
}

/** Null when nothing is known of the chat (canonical JID). */
export async function findChat(
  { db }: Pick<Deps, 'db'>,
  accountId: string,
  chat: string,
): Promise<ChatSetting | null> {
  const [row] = await settingOf(db).execute({ accountId, chat });
  return row ?? null;
}

const settingOf = prepared((db) =>
  db
    .select({ expiration: waChats.expiration, setAt: waChats.expirationSetAt })
    .from(waChats)
    .where(
      and(eq(waChats.accountId, sql.placeholder('accountId')), eq(waChats.chat, sql.placeholder('chat'))),
    )
    .prepare(),
);

/** Remembers how a chat is set, in place of what was known. */
export async function saveChat(
  { db, clock }: Pick<Deps, 'db' | 'clock'>,
  account: AccountRef,
  chat: string,
  { expiration, setAt }: ChatSetting,
): Promise<void> {
  if (chat.length > MAX_CHAT) return;
  const changes = { expiration, expirationSetAt: setAt, updatedAt: clock.now() };
  const row = { accountId: account.id, chat, ...changes };
  await upsert(db, waChats, row, [waChats.accountId, waChats.chat], changes);
}

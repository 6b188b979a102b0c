/** What happens in the groups of a session, as facts for webhooks and streams. */
import type { Tx } from '../../db/client.ts';
import { transact, tryInsert } from '../../db/ops.ts';
import { groupNotices } from '../../db/schema.ts';
import { record } from '../../events/record.ts';
import { sha256Hex } from '../../utils/crypto.ts';
import { formatE164 } from '../../utils/phone.ts';
import type { AccountRef } from '../../whatsapp/engine.ts';
import type { GroupNews, GroupNotice, GroupPerson } from '../../whatsapp/group-types.ts';
import { phoneOf } from '../../whatsapp/jid.ts';
import type { Deps } from '../context.ts';
import type { ToldFact } from '../sessions/told.ts';

/** People that one event names: those of a larger change are counted only. */
const MAX_NAMED = 50;

/**
 * Keeps what WhatsApp tells of a group, as facts, once: false when a notification of that id has told it before. Rejects
 * when the database cannot be used; WhatsApp tells it again then.
 */
export async function storeGroupNotice(
  deps: Pick<Deps, 'db' | 'clock' | 'stream'>,
  account: AccountRef,
  { id, news }: GroupNotice,
): Promise<boolean> {
  return storeOnce(deps, account, `${news[0]?.group} ${id}`, news.map(factOfGroup));
}

/**
 * Records these facts of a session, once by `key`, which may be long; false when they were recorded before. `along`: what is
 * written with them, and as often.
 */
export async function storeOnce(
  deps: Pick<Deps, 'db' | 'clock' | 'stream'>,
  { id: accountId, userId, sessionId }: AccountRef,
  key: string,
  told: readonly ToldFact[],
  along?: (tx: Tx) => Promise<void>,
): Promise<boolean> {
  const facts = told.map((one) => ({ userId, session: { id: accountId, sessionId }, ...one }));
  const notice = sha256Hex(key);
  return transact(deps.db, async (tx) => {
    const isNew = await tryInsert(tx, groupNotices, { accountId, notice, at: deps.clock.now() });
    if (!isNew) return false;
    await record(tx, deps, facts);
    await along?.(tx);
    return true;
  });
}

/** The event of it. */
export function factOfGroup(news: GroupNews): ToldFact {
  const { group, by, at } = news;
  const about = { group, by: by && toPerson(by), at: new Date(at).toISOString() };
  const subject = group;
  if (news.kind === 'updated') {
    return { event: 'group.updated', subject, data: { ...about, changes: news.changes } };
  }
  const { action, members } = news;
  const named = { members: members.slice(0, MAX_NAMED).map(toPerson), total: members.length };
  const event = news.kind === 'members' ? 'group.members' : 'group.requests';
  return { event, subject, data: { ...about, action, ...named } };
}

/** As answers and events name people. */
export function toPerson({ jid, phone }: Pick<GroupPerson, 'jid' | 'phone'>): {
  jid: string;
  phone: string | null;
} {
  return { jid, phone: phone === null ? null : formatE164(phone) };
}

/** The same for somebody of whom no more than a JID is known. */
export function personBehind(jid: string): { jid: string; phone: string | null } {
  return toPerson({ jid, phone: phoneOf(jid) });
}

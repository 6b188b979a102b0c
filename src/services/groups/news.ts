/** What happens in the groups of a session, as facts for webhooks and streams. */
import { transact } from '../../db/ops.ts';
import { type Fact, record } from '../../events/record.ts';
import { formatE164 } from '../../utils/phone.ts';
import type { AccountRef } from '../../whatsapp/engine.ts';
import type { GroupNews, GroupPerson } from '../../whatsapp/group-types.ts';
import type { Deps } from '../context.ts';

/** People that one event names: those of a larger change are counted only. */
const MAX_NAMED = 50;

/** Records it in the session's order. Rejects while the database is away: WhatsApp does not tell it again. */
export async function recordGroupNews(
  deps: Pick<Deps, 'db' | 'clock' | 'stream'>,
  { id, userId, sessionId }: AccountRef,
  news: GroupNews,
): Promise<void> {
  const fact = { userId, session: { id, sessionId }, subject: news.group, ...factOf(news) };
  await transact(deps.db, (tx) => record(tx, deps, [fact]));
}

function factOf(news: GroupNews): Pick<Fact, 'event' | 'data'> {
  const { group, by, at } = news;
  const about = { group, by: by && toPerson(by), at: new Date(at).toISOString() };
  if (news.kind === 'updated') return { event: 'group.updated', data: { ...about, changes: news.changes } };
  const { action, members } = news;
  const named = { members: members.slice(0, MAX_NAMED).map(toPerson), total: members.length };
  const event = news.kind === 'members' ? 'group.members' : 'group.requests';
  return { event, data: { ...about, action, ...named } };
}

/** As answers and events name people of groups. */
export function toPerson({ jid, phone }: GroupPerson): { jid: string; phone: string | null } {
  return { jid, phone: phone === null ? null : formatE164(phone) };
}

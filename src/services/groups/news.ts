/** What happens in the groups of a session, as facts for webhooks and streams. */
import { formatE164 } from '../../utils/phone.ts';
import type { GroupNews, GroupPerson } from '../../whatsapp/group-types.ts';
import type { ToldFact } from '../sessions/told.ts';

/** People that one event names: those of a larger change are counted only. */
const MAX_NAMED = 50;

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

/** As answers and events name people of groups. */
export function toPerson({ jid, phone }: GroupPerson): { jid: string; phone: string | null } {
  return { jid, phone: phone === null ? null : formatE164(phone) };
}

/** A message as answers show it. */
import type { LeftOut, messages } from '../../db/schema.ts';
import { PRIORITIES, type PriorityName } from '../../queue/priority.ts';
import { formatE164 } from '../../utils/phone.ts';
import { lidJid, phoneOf } from '../../whatsapp/jid.ts';
import { holdsScope } from '../access.ts';
import type { Ctx } from '../context.ts';
import { type MediaLinkDeps, withMediaUrl } from '../inbound/media-view.ts';
import type { MessageOutput } from './schemas.ts';

export type MessageRecord = typeof messages.$inferSelect;

/** Types whose content is a secret in itself: never shown. */
const SECRET_TYPES: ReadonlySet<string> = new Set(['otp']);

export const toIso = (at: number | null): string | null => (at === null ? null : new Date(at).toISOString());

/** `+` and digits for a phone number, the JID for everything else. */
export function addressOf(row: { phone: string | null; peer: string }): string {
  return row.phone === null ? row.peer : formatE164(row.phone);
}

function toNotReached({ jid, devices, all }: LeftOut): MessageOutput['notReached'][number] {
  return { to: addressOf({ phone: phoneOf(jid), peer: jid }), devices, all };
}

/**
 * A file that we have comes with a link that opens it for a day; without `deps` it has none. `name`: the other side's
 * (`namesOf`).
 */
export function toMessage(
  deps: MediaLinkDeps | null,
  row: MessageRecord,
  name: string | null = null,
): MessageOutput {
  const out = row.direction === 'out';
  return {
    messageId: row.messageId,
    session: row.sessionId,
    sessionId: row.sessionId,
    direction: row.direction,
    source: out ? (row.source ?? 'api') : null,
    to: out ? addressOf(row) : null,
    from: out ? null : senderOf(row),
    name,
    chat: row.peer,
    type: row.type,
    content: shownContent(deps, row),
    original: shownContent(deps, { ...row, content: row.original }),
    editedAt: toIso(row.editedAt),
    revokedAt: toIso(row.revokedAt),
    pinnedUntil: toIso(row.pinnedUntil),
    starredAt: toIso(row.starredAt),
    status: row.status,
    priority: priorityName(row.priority),
    attempts: row.attempts,
    errorCode: row.errorCode,
    errorMessage: row.errorMessage,
    notReached: (row.leftOut ?? []).map(toNotReached),
    scheduledAt: toIso(row.scheduledAt),
    expiresAt: toIso(row.expiresAt),
    queuedAt: toIso(row.queuedAt),
    sendingAt: toIso(row.sendingAt),
    sentAt: toIso(row.sentAt),
    deliveredAt: toIso(row.deliveredAt),
    readAt: toIso(row.readAt),
    failedAt: toIso(row.failedAt),
    createdAt: new Date(row.createdAt).toISOString(),
    updatedAt: new Date(row.updatedAt).toISOString(),
  };
}

/**
 * The answer to what changes a message. A key that may not read learns what became of it, and not what it says: `content` and
 * `original` are null. `links: false`: no link to its file, which is a credential.
 */
export function toAnswer(
  ctx: Pick<Ctx, 'actor'> & MediaLinkDeps,
  row: MessageRecord,
  { links = true }: { links?: boolean } = {},
): MessageOutput {
  const message = toMessage(links ? ctx : null, row);
  return holdsScope(ctx, 'read') ? message : { ...message, content: null, original: null };
}

/** What answers tell of the content of a message; null for a login code. */
export function shownContent(
  deps: MediaLinkDeps | null,
  row: Pick<MessageRecord, 'type' | 'userId' | 'content'>,
): unknown {
  if (SECRET_TYPES.has(row.type)) return null;
  return deps === null ? row.content : withMediaUrl(deps, row.userId, row.content);
}

/** In a group `phone` and `lid` are those of the member who wrote. */
function senderOf(row: MessageRecord): string {
  if (row.phone !== null) return formatE164(row.phone);
  if (row.lid !== null) return lidJid(row.lid);
  return row.participant ?? row.peer;
}

function priorityName(value: number): PriorityName {
  if (value === PRIORITIES.high) return 'high';
  return value === PRIORITIES.low ? 'low' : 'normal';
}

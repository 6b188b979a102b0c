/** The history for engines: contents to send again. */
import { and, isNull } from 'drizzle-orm';
import { isUnavailable } from '../../db/ops.ts';
import { messages } from '../../db/schema.ts';
import { isUnsentEnd } from '../../queue/progress.ts';
import { isSentAs } from '../../queue/wire-id.ts';
import type { Outgoing } from '../../whatsapp/content.ts';
import { isOtpContent, openOtpContent } from '../otp/content.ts';

type ContentDeps = Parameters<typeof openOtpContent>[0];

/**
 * The message to send for the content that the history keeps: a code is opened here, at the last moment. Null when it
 * must not leave any more.
 */
export function openContent(deps: ContentDeps, content: unknown): Promise<Outgoing | null> | Outgoing {
  return isOtpContent(content) ? openOtpContent(deps, content) : asContent(content);
}

/** The queue stores nothing but contents that a send route has validated. */
function asContent(content: unknown): Outgoing {
  return content as Outgoing;
}

/**
 * The content of an outbound message of this session, to be sent again; null when it is not known, not valid any more,
 * deleted or being deleted, or cannot be opened. Rejects only when the database cannot be used: another attempt may work.
 */
export async function findOutbound(
  deps: ContentDeps,
  accountId: string,
  messageId: string,
): Promise<Outgoing | null> {
  const row = await findSent(deps, accountId, messageId);
  return row === undefined ? null : resendable(deps, row);
}

/** The same for what answers it: also of a message that was deleted since. */
export async function findAnswered(
  deps: ContentDeps,
  accountId: string,
  messageId: string,
): Promise<Outgoing | null> {
  const row = await findSent(deps, accountId, messageId);
  return row === undefined ? null : openOrNull(deps, row);
}

/**
 * Whether this session has sent that message, and must not send it again, whoever still has its content: `findOutbound` is
 * null for it. Rejects as that does.
 */
export async function isWithdrawn(deps: ContentDeps, accountId: string, messageId: string): Promise<boolean> {
  const row = await findSent(deps, accountId, messageId);
  return row !== undefined && (await resendable(deps, row)) === null;
}

type SentRow = Pick<
  typeof messages.$inferSelect,
  'accountId' | 'type' | 'content' | 'revokedAt' | 'amendedBy'
>;

async function findSent(
  { db }: ContentDeps,
  accountId: string,
  messageId: string,
): Promise<SentRow | undefined> {
  const { type, content, revokedAt, amendedBy } = messages;
  const [row] = await db
    .select({ accountId: messages.accountId, type, content, revokedAt, amendedBy })
    .from(messages)
    .where(
      and(
        isSentAs(accountId, messageId),
        // What another device of the account has sent is that device's to send again.
        isNull(messages.source),
      ),
    );
  return row;
}

async function resendable(deps: ContentDeps, row: SentRow): Promise<Outgoing | null> {
  if (await isDeleted(deps, row)) return null;
  // An edit says what its message does.
  const targetId: unknown = row.type === 'edit' ? Reflect.get(Object(row.content), 'messageId') : null;
  const target = typeof targetId === 'string' ? await findAny(deps, row.accountId, targetId) : undefined;
  return target && (await isDeleted(deps, target)) ? null : openOrNull(deps, row);
}

async function openOrNull(deps: ContentDeps, { content }: SentRow): Promise<Outgoing | null> {
  try {
    return await openContent(deps, content);
  } catch (error) {
    if (isUnavailable(error)) throw error;
    return null;
  }
}

/** Its deletion is proven, or on its way: queued, being sent, or sent and not applied yet. */
async function isDeleted(
  deps: ContentDeps,
  { accountId, revokedAt, amendedBy }: Pick<SentRow, 'accountId' | 'revokedAt' | 'amendedBy'>,
): Promise<boolean> {
  if (revokedAt !== null) return true;
  const last = amendedBy === null ? undefined : await findAny(deps, accountId, amendedBy);
  return last?.type === 'delete' && !isUnsentEnd(last.status);
}

async function findAny({ db }: ContentDeps, accountId: string, messageId: string) {
  const { type, status, revokedAt, amendedBy } = messages;
  const [row] = await db
    .select({ accountId: messages.accountId, type, status, revokedAt, amendedBy })
    .from(messages)
    .where(isSentAs(accountId, messageId));
  return row;
}

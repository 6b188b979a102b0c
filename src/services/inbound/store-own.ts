/** Messages that the owner has sent from the phone or another device of it. */
import { and, eq, ne } from 'drizzle-orm';
import type { Tx } from '../../db/client.ts';
import { tryInsert } from '../../db/ops.ts';
import { inboundMedia, mediaSources, messages } from '../../db/schema.ts';
import type { Fact } from '../../events/record.ts';
import { messageFact } from '../../queue/message-fact.ts';
import { isSentAs } from '../../queue/wire-id.ts';
import type { AccountRef, InboundMessage } from '../../whatsapp/engine.ts';
import type { Deps } from '../context.ts';
import { aimOf, amendmentOf, applyAmendment, applyEarlierOwn, noteEarly } from './amend.ts';
import { applyPins } from './marks.ts';
import { keptSource, newMediaWork } from './media-work.ts';
import { countVotes } from './poll-votes.ts';

type OwnDeps = Pick<Deps, 'db' | 'clock' | 'secrets'>;

/** A message that the owner has sent, as it is stored. */
interface OwnMessage {
  account: AccountRef;
  message: InboundMessage;
  /** messages.id */
  id: string;
  now: number;
}

/**
 * Stores it as sent, with the download of its file, once, in the caller's transaction: a message of this session that the
 * history has under this id, from us or from before, changes nothing. What the owner has made of it before it could be opened
 * is applied to it. Resolves with its facts, which are to be recorded; null
 * when it is not new.
 */
export async function storeOwn(tx: Tx, deps: OwnDeps, own: OwnMessage): Promise<Fact[] | null> {
  const { account, message, id, now } = own;
  if (await isKnown(tx, account, message.messageId)) return null;
  const row = (await isCodeOfOthers(tx, account, message.messageId)) ? withoutCode(own) : toRow(own);
  if (!(await tryInsert(tx, messages, row))) return null;
  const sent = [messageFact(row, 'message.sent', message.at, { status: 'sent', source: 'phone' })];
  if (row.type === 'otp') return sent;
  const amendment = amendmentOf(message);
  const aim = amendment && (await aimOf(tx, account, message, amendment));
  if (amendment && typeof aim === 'object' && aim !== null) {
    return applyAmendment(tx, aim, message, amendment, now);
  }
  if (amendment) {
    await noteEarly(tx, account, id, message);
    return sent;
  }
  if (message.media) {
    const work = newMediaWork(deps, account, id, message.media);
    await tx.insert(inboundMedia).values(work);
    await tx.insert(mediaSources).values(keptSource(work));
  }
  const one = [{ account, message }];
  const early = await applyEarlierOwn(tx, account, { id, messageId: message.messageId }, now);
  return [...sent, ...early, ...(await countVotes(tx, one)), ...(await applyPins(tx, one, now))];
}

/**
 * Whether another session of this service has sent it as a login code: the same phone may be linked to several, and each
 * linked device is told what the others send. The row of the code is there before it leaves.
 */
async function isCodeOfOthers(tx: Tx, account: AccountRef, messageId: string): Promise<boolean> {
  const [row] = await tx
    .select({ id: messages.id })
    .from(messages)
    .where(
      and(
        eq(messages.messageId, messageId),
        ne(messages.accountId, account.id),
        eq(messages.direction, 'out'),
        eq(messages.type, 'otp'),
      ),
    )
    .limit(1);
  return row !== undefined;
}

/** That a code was sent, and to whom: what it is stays with the tenant who sent it. */
function withoutCode(own: OwnMessage) {
  return { ...toRow(own), type: 'otp', content: { type: 'otp' } } as const;
}

/** Under whatever name of its chat: ids of our own devices are not chosen by others. */
async function isKnown(tx: Tx, account: AccountRef, messageId: string): Promise<boolean> {
  const [row] = await tx
    .select({ id: messages.id })
    .from(messages)
    .where(isSentAs(account.id, messageId))
    .limit(1);
  return row !== undefined;
}

function toRow({ account, message, id, now }: OwnMessage) {
  return {
    id,
    userId: account.userId,
    accountId: account.id,
    sessionId: account.sessionId,
    messageId: message.messageId,
    direction: 'out',
    peer: message.chat,
    phone: message.phone,
    lid: message.lid,
    source: 'phone',
    type: message.content.type,
    content: message.content,
    status: 'sent',
    sentAt: message.at,
    createdAt: now,
    updatedAt: now,
  } as const;
}

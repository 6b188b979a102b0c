/** Files of messages that came in, once more: after they were deleted here, or could not be had at first. */
import { eq } from 'drizzle-orm';
import type { Db, Tx } from '../../db/client.ts';
import { transact, tryInsert } from '../../db/ops.ts';
import { inboundMedia, media, messages } from '../../db/schema.ts';
import { AppError } from '../../utils/errors.ts';
import { newId } from '../../utils/ids.ts';
import { requireScope } from '../access.ts';
import type { Ctx } from '../context.ts';
import { againWork, requireAgainRoom } from '../inbound/media-work.ts';
import { spendAsk } from '../sessions/ask-whatsapp.ts';
import { requireCapability } from './capability.ts';
import { findOrNull, messageNotFound, type WhichMessage } from './read.ts';
import type { MessageOutput } from './schemas.ts';
import { sessionOfMessage } from './session.ts';
import { type MessageRecord, toAnswer } from './view.ts';

/**
 * Has the file of a message fetched again, first from WhatsApp, then, when it is not there any more, by asking the phone to put it
 * there; `message.media` tells how it went. Nothing happens while it is under way, or when the file is here. Throws NOT_FOUND,
 * SESSION_NOT_FOUND, NOT_SUPPORTED, RATE_LIMITED when too many are under way, or CONFLICT for a message without a file, or one whose key is not kept.
 */
export async function fetchMediaAgain(ctx: Ctx, input: WhichMessage): Promise<MessageOutput> {
  requireScope(ctx, 'messages:write');
  requireCapability(ctx, 'mediaAgain');
  const row = await findReceived(ctx, input);
  const session = await sessionOfMessage(ctx, row);
  const before = mediaOf(row.content);
  if (before === null)
    throw new AppError('CONFLICT', 'This message has no file.', { details: { type: row.type } });
  if (await isUnderWayOrHere(ctx.db, ctx, before)) return toAnswer(ctx, row);
  const work = await againWork(ctx, row, newId(ctx.clock.now()));
  if (work === null) {
    throw new AppError('CONFLICT', 'The key of this file is not kept.', { details: { reason: 'no_key' } });
  }
  await requireAgainRoom(ctx.db, row.userId);
  await spendAsk(ctx, session, { changes: false });
  return toAnswer(ctx, await transact(ctx.db, (tx) => begin(ctx, tx, row, work)));
}

/** Resolves with the row as it is then: what was read before may have been edited since, or its file may have come. */
async function begin(
  ctx: Ctx,
  tx: Tx,
  row: MessageRecord,
  work: typeof inboundMedia.$inferInsert,
): Promise<MessageRecord> {
  const isOurs = eq(messages.id, row.id);
  // Written first, which takes the lock.
  await tx.update(messages).set({ updatedAt: ctx.clock.now() }).where(isOurs);
  const [now] = await tx.select().from(messages).where(isOurs);
  if (!now) return row;
  const before = mediaOf(now.content);
  // Of two who ask at once one is first, and both get what becomes of that.
  if (before === null || (await isUnderWayOrHere(tx, ctx, before))) return now;
  if (!(await tryInsert(tx, inboundMedia, work))) return now;
  const { id: _id, error: _error, ...told } = before;
  const content = { ...Object(now.content), media: { ...told, state: 'pending' } };
  await tx.update(messages).set({ content }).where(isOurs);
  return { ...now, content };
}

/** What came in, or what the owner has sent from the phone: that has its file from there, too. Throws NOT_FOUND. */
async function findReceived(
  ctx: Ctx,
  { messageId, session, direction }: WhichMessage,
): Promise<MessageRecord> {
  const received =
    direction === 'out' ? null : await findOrNull(ctx, messageId, { session, direction: 'in' });
  if (received !== null) return received;
  const own = direction === 'in' ? null : await findOrNull(ctx, messageId, { session, direction: 'out' });
  if (own?.source !== 'phone') throw messageNotFound();
  return own;
}

interface KnownMedia {
  state: unknown;
  id?: unknown;
  error?: unknown;
}

function mediaOf(content: unknown): KnownMedia | null {
  const found: unknown = Reflect.get(Object(content), 'media');
  return typeof found === 'object' && found !== null && 'state' in found ? found : null;
}

async function isUnderWayOrHere(
  db: Db,
  { clock }: Pick<Ctx, 'clock'>,
  { state, id }: KnownMedia,
): Promise<boolean> {
  if (state === 'pending') return true;
  if (typeof id !== 'string') return false;
  const [row] = await db.select({ expiresAt: media.expiresAt }).from(media).where(eq(media.id, id));
  return row !== undefined && row.expiresAt > clock.now();
}

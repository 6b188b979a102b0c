/** Files of messages that came in, once more: after they were deleted here, or could not be had at first. */
import { eq } from 'drizzle-orm';
import { transact, tryInsert } from '../../db/ops.ts';
import { inboundMedia, media, messages } from '../../db/schema.ts';
import { AppError } from '../../utils/errors.ts';
import { newId } from '../../utils/ids.ts';
import { requireScope } from '../access.ts';
import type { Ctx } from '../context.ts';
import { againWork } from '../inbound/media-work.ts';
import { requireCapability } from './capability.ts';
import { findOrNull, messageNotFound, type WhichMessage } from './read.ts';
import type { MessageOutput } from './schemas.ts';
import { sessionOfMessage } from './session.ts';
import { type MessageRecord, toMessage } from './view.ts';

/**
 * Has the file of a message fetched again, first from WhatsApp, then, when it is not there any more, by asking the phone to put it
 * there; `message.media` tells how it went. Nothing happens while it is under way, or when the file is here. Throws NOT_FOUND,
 * SESSION_NOT_FOUND, NOT_SUPPORTED, or CONFLICT for a message without a file, or one whose key is not kept.
 */
export async function fetchMediaAgain(ctx: Ctx, input: WhichMessage): Promise<MessageOutput> {
  requireScope(ctx, 'messages:write');
  requireCapability(ctx, 'mediaAgain');
  const row = await findReceived(ctx, input);
  await sessionOfMessage(ctx, row);
  const before = mediaOf(row.content);
  if (before === null)
    throw new AppError('CONFLICT', 'This message has no file.', { details: { type: row.type } });
  if (before.state === 'pending' || (await isHere(ctx, before.id))) return toMessage(ctx, row);
  const work = await againWork(ctx, row, newId(ctx.clock.now()));
  if (work === null) {
    throw new AppError('CONFLICT', 'The key of this file is not kept.', { details: { reason: 'no_key' } });
  }
  const { id: _id, error: _error, ...told } = before;
  const content = { ...Object(row.content), media: { ...told, state: 'pending' } };
  const updatedAt = ctx.clock.now();
  await transact(ctx.db, async (tx) => {
    // Of two who ask at once one is first, and both get what becomes of that.
    if (!(await tryInsert(tx, inboundMedia, work))) return;
    await tx.update(messages).set({ content, updatedAt }).where(eq(messages.id, row.id));
  });
  return toMessage(ctx, { ...row, content, updatedAt });
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

async function isHere({ db, clock }: Ctx, id: unknown): Promise<boolean> {
  if (typeof id !== 'string') return false;
  const [row] = await db.select({ expiresAt: media.expiresAt }).from(media).where(eq(media.id, id));
  return row !== undefined && row.expiresAt > clock.now();
}

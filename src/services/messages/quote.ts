/** The message that another one is about: what an answer quotes, what a reaction names. */
import { and, desc, eq } from 'drizzle-orm';
import { messages } from '../../db/schema.ts';
import { AppError } from '../../utils/errors.ts';
import type { MessageKey, Quoted } from '../../whatsapp/content.ts';
import { lidJid } from '../../whatsapp/jid.ts';
import type { Ctx } from '../context.ts';
import type { SendingSession } from './session.ts';
import type { MessageRecord } from './view.ts';

/** Phones show the first line or two. */
const MAX_PREVIEW = 300;

/** Names a message of this session. Throws NOT_FOUND. */
export async function findMessageKey(
  ctx: Ctx,
  session: SendingSession,
  messageId: string,
): Promise<MessageKey> {
  return keyOf(await findOfSession(ctx, session, messageId));
}

/** The same with what the recipient's phone shows of it. Throws NOT_FOUND. */
export async function findQuoted(ctx: Ctx, session: SendingSession, messageId: string): Promise<Quoted> {
  const row = await findOfSession(ctx, session, messageId);
  return { ...keyOf(row), preview: previewOf(row) };
}

async function findOfSession(ctx: Ctx, session: SendingSession, messageId: string): Promise<MessageRecord> {
  const [row] = await ctx.db
    .select()
    .from(messages)
    .where(and(eq(messages.accountId, session.id), eq(messages.messageId, messageId)))
    .orderBy(desc(messages.createdAt))
    .limit(1);
  if (!row) throw new AppError('NOT_FOUND', `There is no message ${messageId} in this session.`);
  return row;
}

function keyOf(row: MessageRecord): MessageKey {
  const fromMe = row.direction === 'out';
  return { messageId: row.messageId, fromMe, author: fromMe ? null : authorOf(row) };
}

function authorOf(row: MessageRecord): string {
  if (row.participant !== null) return row.participant;
  return row.lid === null ? row.peer : lidJid(row.lid);
}

function previewOf(row: MessageRecord): string {
  const fields = typeof row.content === 'object' && row.content !== null ? { ...row.content } : {};
  const texts = Object.entries(fields).filter(([name]) => PREVIEW_FIELDS.has(name));
  const found = texts.map(([, value]) => value).find((value) => typeof value === 'string' && value !== '');
  return typeof found === 'string' ? found.slice(0, MAX_PREVIEW) : `[${row.type}]`;
}

/** An OTP's content has none of them. */
const PREVIEW_FIELDS: ReadonlySet<string> = new Set(['text', 'caption', 'question', 'name', 'filename']);

/** The message that an answer quotes. */
import type { Quoted } from '../../whatsapp/content.ts';
import type { Ctx } from '../context.ts';
import { ALL_KINDS } from './kinds/index.ts';
import { findOfSession, keyOf } from './message-key.ts';
import type { SendingSession } from './session.ts';
import type { MessageRecord } from './view.ts';

/** Phones show the first line or two. */
const MAX_PREVIEW = 300;

/** Names a message of this session, with what the recipient's phone shows of it. Throws NOT_FOUND. */
export async function findQuoted(ctx: Ctx, session: SendingSession, messageId: string): Promise<Quoted> {
  const row = await findOfSession(ctx, session, messageId);
  return { ...keyOf(row), preview: previewOf(row) };
}

function previewOf(row: MessageRecord): string {
  const fields = typeof row.content === 'object' && row.content !== null ? { ...row.content } : {};
  const texts = Object.entries(fields).filter(([name]) => PREVIEW_FIELDS.has(name));
  const found = texts.map(([, value]) => value).find((value) => typeof value === 'string' && value !== '');
  return typeof found === 'string' ? found.slice(0, MAX_PREVIEW) : `[${row.type}]`;
}

/** An OTP's content has none of them. */
const PREVIEW_FIELDS: ReadonlySet<string> = new Set(ALL_KINDS.flatMap(({ words }) => words));

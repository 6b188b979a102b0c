/** Sending a message of the history once more, to somebody else, marked as forwarded. */
import { AppError } from '../../utils/errors.ts';
import {
  type AmendContent,
  type ContactContent,
  type Content,
  type EventContent,
  hasMedia,
  type MediaContent,
  type MediaFile,
  type PinContent,
  type ReactionContent,
} from '../../whatsapp/content.ts';
import type { InboundContent } from '../../whatsapp/inbound-content.ts';
import { requireScope } from '../access.ts';
import type { Ctx } from '../context.ts';
import { takeMedia } from '../media/take.ts';
import { isOtpContent } from '../otp/content.ts';
import { optional } from './kinds/fields.ts';
import type { Draft, DraftContext } from './kinds/kind.ts';
import { findMessage } from './read.ts';
import type { MessageOutput } from './schemas.ts';
import { type QueuedMessage, type SendInput, sendMessage } from './send.ts';

export type ForwardInput = Pick<SendInput, 'to' | 'isGroup' | 'priority' | 'scheduledAt' | 'expiresAt'> & {
  messageId: string;
  session?: string | undefined;
};

/**
 * Queues what a message of the history says, in or out, for another chat of its session, marked as forwarded; a file goes
 * from the copy that is kept. Who forwards gets to see what it says: it takes the right to read as well. Throws NOT_FOUND (no
 * such message, or its file is gone), CONFLICT for what cannot be forwarded (codes, view-once messages, what was deleted for
 * everyone, kinds that are only received, a file that has not come yet), and what a send throws.
 */
export async function forwardMessage(
  ctx: Ctx,
  { messageId, session, ...target }: ForwardInput,
): Promise<QueuedMessage> {
  requireScope(ctx, 'messages:write');
  requireScope(ctx, 'read');
  const row = await findMessage(ctx, messageId, { session });
  const content = forwardOf(row);
  if ('refused' in content) throw new AppError('CONFLICT', content.refused, { details: content.details });
  return sendMessage(ctx, { ...target, session: row.sessionId, content: draftOf(content) });
}

/** Whether `forwardMessage` would take it, as far as the history tells. Its file may be gone nevertheless. */
export function isForwardable(row: Pick<MessageOutput, 'content' | 'revokedAt'>): boolean {
  return !('refused' in forwardOf(row));
}

/** Why it cannot be forwarded. */
interface Refusal {
  refused: string;
  details: Record<string, unknown>;
}

const refuse = (refused: string, details: Record<string, unknown>): Refusal => ({ refused, details });

type Stored = Content | AmendContent | PinContent | InboundContent;

/** Safe because the history keeps nothing but such contents, and codes. */
function asStored(content: unknown): Stored {
  return content as Stored;
}

/** What the history keeps as a content to send. */
function forwardOf({
  content: stored,
  revokedAt,
}: {
  content: unknown;
  revokedAt: unknown;
}): Content | Refusal {
  if (stored === null || isOtpContent(stored)) return refuse('A code cannot be forwarded.', { type: 'otp' });
  const content = asStored(stored);
  const { type } = content;
  if (revokedAt !== null) return refuse('What was deleted for everyone cannot be forwarded.', { type });
  if ('viewOnce' in content && content.viewOnce) {
    return refuse('A message that may be looked at once cannot be forwarded.', { type });
  }
  const body = bodyOf(content);
  if ('refused' in body) return body;
  const score = 'forwardingScore' in content ? (content.forwardingScore ?? 0) : 0;
  const mentions = 'mentions' in content && content.mentions ? { mentions: content.mentions } : {};
  return { ...body, ...mentions, forwarded: true, forwardingScore: score + 1 };
}

type Forwarded = Exclude<Content, ReactionContent>;

/** The fields that say what it is, without those that say where it was said. */
function bodyOf(content: Stored): Forwarded | Refusal {
  switch (content.type) {
    case 'text': {
      const preview = 'preview' in content && content.preview ? { preview: content.preview } : {};
      return { type: 'text', text: content.text, ...preview };
    }
    case 'reply':
      return { type: 'text', text: content.text };
    case 'image':
    case 'video':
    case 'audio':
    case 'document':
    case 'sticker':
      return mediaOf(content);
    case 'location': {
      const { latitude, longitude, name, address } = content;
      return { type: 'location', latitude, longitude, ...optional({ name, address }) };
    }
    case 'contact':
      return contactOf(content);
    case 'poll': {
      const { question, options, multiple } = content;
      return { type: 'poll', question, options, multiple };
    }
    case 'event':
      return eventOf(content);
    case 'buttons': {
      // Those of a business that came in can be shown, not sent.
      if (!('rendering' in content)) break;
      const { text, footer, buttons, rendering } = content;
      return { type: 'buttons', text, buttons, rendering, ...optional({ footer }) };
    }
    case 'list': {
      if (!('rendering' in content)) break;
      const { text, buttonText, sections, rendering, title, footer } = content;
      return { type: 'list', text, buttonText, sections, rendering, ...optional({ title, footer }) };
    }
  }
  return refuse('Messages of this kind cannot be forwarded.', { type: content.type });
}

function eventOf(content: Extract<Stored, { type: 'event' }>): EventContent | Refusal {
  const { type, name, description, startsAt, endsAt, place, latitude, longitude, joinLink } = content;
  if ('canceled' in content && content.canceled) {
    return refuse('An event that was canceled cannot be forwarded.', { type });
  }
  if (startsAt === undefined) return refuse('An event without a time cannot be forwarded.', { type });
  const more = { description, endsAt, place, latitude, longitude, joinLink };
  return { type, name, startsAt, ...optional(more) };
}

type StoredMedia = Extract<Stored, { type: MediaContent['type'] }>;

function mediaOf(content: StoredMedia): MediaContent | Refusal {
  const media = fileOf(content);
  if ('refused' in media) return media;
  switch (content.type) {
    case 'image':
      return { type: 'image', media, ...optional({ caption: content.caption }) };
    case 'video':
      return {
        type: 'video',
        media,
        ...optional({ caption: content.caption }),
        ...(content.gif ? { gif: true } : {}),
        ...(content.note ? { note: true } : {}),
      };
    case 'audio':
      return { type: 'audio', media, ptt: content.ptt, ...optional({ seconds: content.seconds }) };
    case 'document': {
      const { filename, caption } = content;
      return { type: 'document', media, filename, ...optional({ caption }) };
    }
    case 'sticker':
      return { type: 'sticker', media };
  }
}

/** A file that came in can be sent when it is in our storage. */
function fileOf({ type, media }: StoredMedia): MediaFile | Refusal {
  if (!('state' in media)) return media;
  const { state, id, mimetype, size, sha256 } = media;
  if (state === 'stored' && id !== undefined) return { id, mimetype, size: size ?? 0, sha256: sha256 ?? '' };
  const why = state === 'pending' ? 'Its file has not come yet.' : 'Its file could not be fetched.';
  return refuse(why, { type, media: state });
}

function contactOf(content: Extract<Stored, { type: 'contact' }>): ContactContent | Refusal {
  const given: readonly { name: string; phone: string | null }[] = content.contacts ?? [content];
  const cards = given.flatMap(({ name, phone }) => (phone === null ? [] : [{ name, phone }]));
  const [first] = cards;
  if (first === undefined || cards.length < given.length) {
    return refuse('A card without a phone number cannot be forwarded.', { type: 'contact' });
  }
  return { type: 'contact', ...first, ...(cards.length > 1 ? { contacts: cards } : {}) };
}

/** Its file is looked up when it is queued, and kept for as long as that needs. */
function draftOf(content: Content): Draft {
  return {
    type: content.type,
    async make(ctx: Ctx, { neededUntil }: DraftContext) {
      if (!hasMedia(content)) return content;
      const { file } = await takeMedia(ctx, content.media.id, { use: content.type, neededUntil });
      return { ...content, media: file };
    },
  };
}

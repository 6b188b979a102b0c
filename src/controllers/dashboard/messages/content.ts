/** What is in a message, as pages read it. */
import type { MessageOutput } from '../../../services/messages/schemas.ts';
import type { Content, Quoted } from '../../../whatsapp/content.ts';
import type { InboundContent } from '../../../whatsapp/inbound-content.ts';
import type { Lang } from '../i18n.ts';
import { MESSAGE_TEXTS } from './texts.ts';
import { kindName } from './words.ts';

export type ShownContent = Content | InboundContent;

/** What is shown of a message in a list. */
export type ListedMessage = Pick<MessageOutput, 'type' | 'content'>;

/** Safe because the history keeps nothing but contents of these two kinds; null where it is a secret. */
export function contentOf(content: unknown): ShownContent | null {
  return content as ShownContent | null;
}

export function quotedOf(content: ShownContent): Quoted | { messageId: string; preview: null } | null {
  if ('quoted' in content && content.quoted) return content.quoted;
  if ('quotedId' in content && content.quotedId) return { messageId: content.quotedId, preview: null };
  return null;
}

export interface ShownFile {
  /** signed, on this host; null while there is no file */
  path: string | null;
  mimetype: string;
  /** bytes; null when nobody has said */
  size: number | null;
  state: 'pending' | 'stored' | 'failed';
}

/** The link was made for the address that the service is known by; a page may have been opened by another one. */
export function fileOf(content: ShownContent): ShownFile | null {
  if (!('media' in content)) return null;
  const { media } = content;
  const { mimetype, size } = media;
  const url = 'url' in media && typeof media.url === 'string' ? new URL(media.url) : null;
  const state = 'state' in media ? media.state : 'stored';
  return { path: url && `${url.pathname}${url.search}`, mimetype, size, state };
}

/** One line that tells what a message says. */
export function summarize(lang: Lang, { type, content }: ListedMessage): string {
  const shown = contentOf(content);
  return (shown === null ? null : wordsOf(lang, shown)) ?? kindName(lang, type);
}

function wordsOf(lang: Lang, content: ShownContent): string | null {
  const t = MESSAGE_TEXTS(lang);
  const named = (text: string | undefined) => text || kindName(lang, content.type);
  switch (content.type) {
    case 'text':
      return content.text;
    case 'image':
    case 'video':
      return named(content.caption);
    case 'document':
      return named(content.caption ?? content.filename);
    case 'audio':
      return content.ptt ? t.voice : named(undefined);
    case 'location':
      return named(content.name ?? `${content.latitude}, ${content.longitude}`);
    case 'contact':
      return named(content.name);
    case 'poll':
      return named(content.question);
    case 'buttons':
    case 'list':
    case 'reply':
    case 'template':
    case 'interactive':
      return named(content.text);
    case 'product':
      return named(content.title);
    case 'order':
      return named(content.title ?? content.text);
    case 'event':
      return named(content.name);
    case 'unknown':
      return t.unknown;
    case 'reaction':
      return content.emoji === '' ? t.tookBack : named(content.emoji);
    case 'edit':
      return `${t.edited}: ${content.text}`;
    case 'delete':
      return t.deleted;
    default:
      return null;
  }
}

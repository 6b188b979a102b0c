/** The content of a message, as pages read it. */
import type { AlbumContent, Content, Quoted } from '../../../whatsapp/content.ts';
import type { InboundContent } from '../../../whatsapp/inbound-content.ts';

export type ShownContent = Content | AlbumContent | InboundContent;

/** Safe because the history keeps nothing but such contents; null where it is a secret. */
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
  /** bytes; null when not known */
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

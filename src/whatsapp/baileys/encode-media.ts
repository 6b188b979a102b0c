import type { proto } from '@whiskeysockets/baileys';
import type { MediaContent } from '../content.ts';
import type { UploadedMedia } from './uploads.ts';

/** A message that names a file on WhatsApp's media server. Throws when the file was not uploaded. */
export function encodeMedia(content: MediaContent, uploaded: UploadedMedia | null): proto.IMessage {
  if (!uploaded) throw new Error('the file of this message was not uploaded');
  const file = { ...uploaded, mimetype: content.media.mimetype };
  switch (content.type) {
    case 'image':
      return { imageMessage: { ...file, caption: content.caption ?? null } };
    case 'video':
      return { videoMessage: { ...file, caption: content.caption ?? null } };
    case 'audio':
      return { audioMessage: { ...file, ptt: content.ptt, seconds: content.seconds ?? null } };
    case 'sticker':
      return { stickerMessage: file };
    case 'document': {
      const { filename, caption } = content;
      return { documentMessage: { ...file, fileName: filename, title: filename, caption: caption ?? null } };
    }
  }
}

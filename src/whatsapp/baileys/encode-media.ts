import type { proto } from '@whiskeysockets/baileys';
import type { MediaContent } from '../content.ts';
import { present } from './present.ts';
import type { UploadedMedia } from './uploads.ts';

/**
 * A message that names a file on WhatsApp's media server, with what WhatsApp's own clients tell of it. Throws when the
 * file was not uploaded.
 */
export function encodeMedia(content: MediaContent, uploaded: UploadedMedia | null): proto.IMessage {
  if (!uploaded) throw new Error('the file of this message was not uploaded');
  const { details, handle: _handle, ...place } = uploaded;
  const file = { ...place, mimetype: content.media.mimetype };
  const { width, height, seconds, pages } = details;
  const size = { ...present('width', width), ...present('height', height) };
  const preview = present('jpegThumbnail', bytesOf(details.thumbnail));
  const once = 'viewOnce' in content && content.viewOnce ? { viewOnce: true } : {};
  switch (content.type) {
    case 'image':
      return { imageMessage: { ...file, ...size, ...preview, ...once, caption: content.caption ?? null } };
    case 'video': {
      const video = {
        ...file,
        ...size,
        ...preview,
        ...once,
        ...present('seconds', seconds),
        ...(content.gif ? { gifPlayback: true } : {}),
        caption: content.caption ?? null,
      };
      return content.note ? { ptvMessage: video } : { videoMessage: video };
    }
    case 'audio': {
      const waveform = content.ptt ? present('waveform', bytesOf(details.waveform)) : {};
      return {
        audioMessage: {
          ...file,
          ...waveform,
          ...once,
          ptt: content.ptt,
          seconds: content.seconds ?? seconds ?? null,
        },
      };
    }
    case 'sticker':
      return { stickerMessage: { ...file, ...size, isAnimated: details.animated ?? false } };
    case 'document': {
      const { filename, caption } = content;
      return {
        documentMessage: {
          ...file,
          ...preview,
          ...present('pageCount', pages),
          fileName: filename,
          title: filename,
          caption: caption ?? null,
        },
      };
    }
  }
}

/** Bytes that the history keeps as base64. */
export const bytesOf = (base64: string | undefined) =>
  base64 === undefined ? undefined : Buffer.from(base64, 'base64');

/** Messages with a file: what is known of it, and where it is. */
import type { proto } from '@whiskeysockets/baileys';
import { cleanFileName } from '../../utils/text.ts';
import type { InboundMedia, InboundMediaKind, MediaSource } from '../inbound-content.ts';
import type { BodyDecoder, BodyOptions, DecodedBody } from './decode-bodies.ts';
import { clip, LONG, MAX_URL, optionalText, positive, SHORT } from './decode-text.ts';

/** The part that all messages with a file share. */
interface FileFields {
  url?: string | null;
  directPath?: string | null;
  mediaKey?: Uint8Array | null;
  fileSha256?: Uint8Array | null;
  fileLength?: unknown;
  mimetype?: string | null;
}

const MEDIA_KEY_BYTES = 32;
const SHA256_BYTES = 32;

const FALLBACK_TYPES: Record<InboundMediaKind, string> = {
  image: 'image/jpeg',
  video: 'video/mp4',
  audio: 'audio/ogg',
  document: 'application/octet-stream',
  sticker: 'image/webp',
};

export const MEDIA_DECODERS = {
  imageMessage: ({ imageMessage }, by) => captioned('image', imageMessage, by, {}),
  videoMessage: ({ videoMessage }, by) =>
    captioned('video', videoMessage, by, videoMessage?.gifPlayback ? { gif: true } : {}),
  ptvMessage: ({ ptvMessage }, by) => captioned('video', ptvMessage, by, { note: true }),
  audioMessage({ audioMessage }, by) {
    if (!audioMessage) return null;
    const file = readFile('audio', audioMessage, by);
    const seconds = positive(audioMessage.seconds);
    const ptt = audioMessage.ptt === true;
    return {
      content: { type: 'audio', media: file.media, ptt, ...(seconds === null ? {} : { seconds }) },
      media: file.source,
    };
  },
  documentMessage({ documentMessage }, by) {
    if (!documentMessage) return null;
    const filename = cleanFileName(documentMessage.fileName || documentMessage.title || '', 'file');
    return captioned('document', documentMessage, by, { filename });
  },
  stickerMessage({ stickerMessage }, by) {
    if (!stickerMessage) return null;
    const file = readFile('sticker', stickerMessage, by);
    const animated = stickerMessage.isAnimated === true;
    return { content: { type: 'sticker', media: file.media, animated }, media: file.source };
  },
} satisfies Partial<Record<keyof proto.IMessage, BodyDecoder>>;

type CaptionedExtra = {
  image: Record<never, never>;
  video: { gif?: boolean; note?: boolean };
  document: { filename: string };
};

function captioned<K extends keyof CaptionedExtra>(
  kind: K,
  fields: (FileFields & { caption?: string | null }) | null | undefined,
  by: BodyOptions,
  extra: CaptionedExtra[K],
): DecodedBody | null {
  if (!fields) return null;
  const { media, source } = readFile(kind, fields, by);
  const common = { media, ...optionalText('caption', fields.caption, LONG) };
  return { content: withType(kind, { ...common, ...extra }), media: source };
}

/** Safe because the type parameter of `captioned` pairs each kind with its own extra fields. */
function withType(type: keyof CaptionedExtra, rest: object): DecodedBody['content'] {
  return { type, ...rest } as DecodedBody['content'];
}

function readFile(
  kind: InboundMediaKind,
  fields: FileFields,
  by: BodyOptions,
): { media: InboundMedia; source: MediaSource | null } {
  const source = readSource(kind, fields, by);
  const sha256 = bytesOf(fields.fileSha256, SHA256_BYTES);
  const media: InboundMedia = {
    state: source ? 'pending' : 'failed',
    mimetype: clip(fields.mimetype, SHORT) || FALLBACK_TYPES[kind],
    size: positive(fields.fileLength),
    sha256: sha256 ? Buffer.from(sha256).toString('hex') : null,
    ...(source ? {} : { error: 'gone' }),
  };
  return { media, source };
}

/** Null when the message names no place or no key: what a linked device gets of a view-once message, for one. */
function readSource(
  kind: InboundMediaKind,
  fields: FileFields,
  { isPost = false }: BodyOptions,
): MediaSource | null {
  const mediaKey = bytesOf(fields.mediaKey, MEDIA_KEY_BYTES);
  const url = shortUrl(fields.url);
  const directPath = shortUrl(fields.directPath);
  if ((!mediaKey && !isPost) || (url === null && directPath === null)) return null;
  return { kind, url, directPath, mediaKey, fileSha256: bytesOf(fields.fileSha256, SHA256_BYTES) };
}

const shortUrl = (text: string | null | undefined) => (text && text.length <= MAX_URL ? text : null);

function bytesOf(bytes: Uint8Array | null | undefined, length: number): Uint8Array | null {
  return bytes?.length === length ? bytes : null;
}

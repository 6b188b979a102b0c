/** Pictures: their size as a phone shows them, whether they move, and a small preview. */
import { imageSizeFromFile } from 'image-size/fromFile';
import sharp from 'sharp';
import type { MediaDetails } from '../../../whatsapp/content.ts';

/** Larger ones are sent without a preview: to decode them takes hundreds of megabytes. */
const MAX_PIXELS = 40_000_000;
/** Pixels of the longer side, as WhatsApp's own clients make them. */
const PREVIEW_SIDE = 72;
const PREVIEW_QUALITY = 60;
/** A message is limited; a preview of this size is a few kilobytes at most. */
const MAX_PREVIEW_BYTES = 8_192;
const DECODE_SECONDS = 4;

sharp.cache(false);
sharp.concurrency(1);

/** Of an animated picture its first one is previewed. */
export async function readPicture(path: string): Promise<MediaDetails> {
  const header = await headerOf(path);
  // A picture that cannot be decoded may still say how large it is.
  if (header === null) return sizeOf(path);
  const { autoOrient, pages = 1 } = header;
  const { width, height } = autoOrient;
  const thumbnail = width * height > MAX_PIXELS ? null : await previewOf(path);
  return { width, height, animated: pages > 1, ...(thumbnail === null ? {} : { thumbnail }) };
}

async function headerOf(path: string) {
  try {
    return await sharp(path, { limitInputPixels: false }).metadata();
  } catch {
    return null;
  }
}

async function sizeOf(path: string): Promise<MediaDetails> {
  const { width, height } = await imageSizeFromFile(path);
  return { width, height };
}

async function previewOf(path: string): Promise<string | null> {
  try {
    const preview = await sharp(path, { limitInputPixels: MAX_PIXELS, sequentialRead: true })
      .timeout({ seconds: DECODE_SECONDS })
      .autoOrient()
      .resize(PREVIEW_SIDE, PREVIEW_SIDE, { fit: 'inside', withoutEnlargement: true })
      .flatten({ background: '#ffffff' })
      .jpeg({ quality: PREVIEW_QUALITY })
      .toBuffer();
    return preview.length > MAX_PREVIEW_BYTES ? null : preview.toString('base64');
  } catch {
    return null;
  }
}

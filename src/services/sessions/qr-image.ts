import { LRUCache } from 'lru-cache';
import { toBuffer } from 'qrcode';
import type { Deps } from '../context.ts';

/** PNGs by the text of the QR. */
export type QrImages = LRUCache<string, Buffer>;

/** A page polls every few seconds and a QR lives for 20 to 60 s: about one drawing per QR. */
export function createQrImages(): QrImages {
  return new LRUCache({ max: 200, ttl: 120_000 });
}

type DrawDeps = Pick<Deps, 'qrImages'>;

/** The PNG of a QR code, about 400 pixels wide; drawing takes about 10 ms. */
export async function drawQr({ qrImages: drawn }: DrawDeps, text: string): Promise<Buffer> {
  const known = drawn.get(text);
  if (known) return known;
  const png = await toBuffer(text, { type: 'png', errorCorrectionLevel: 'M', margin: 2, scale: 6 });
  drawn.set(text, png);
  return png;
}

/** The same as a `data:` URL. */
export async function drawQrUrl(deps: DrawDeps, text: string): Promise<string> {
  return `data:image/png;base64,${(await drawQr(deps, text)).toString('base64')}`;
}

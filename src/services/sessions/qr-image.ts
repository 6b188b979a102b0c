import { LRUCache } from 'lru-cache';
import { toBuffer } from 'qrcode';

/** A page polls every few seconds and a QR lives for 20 to 60 s: about one drawing per QR. */
const drawn = new LRUCache<string, Buffer>({ max: 200, ttl: 120_000 });

/** The PNG of a QR code, about 400 pixels wide; drawing takes about 10 ms. */
export async function drawQr(text: string): Promise<Buffer> {
  const known = drawn.get(text);
  if (known) return known;
  const png = await toBuffer(text, { type: 'png', errorCorrectionLevel: 'M', margin: 2, scale: 6 });
  drawn.set(text, png);
  return png;
}

/** The same as a `data:` URL. */
export async function drawQrUrl(text: string): Promise<string> {
  return `data:image/png;base64,${(await drawQr(text)).toString('base64')}`;
}

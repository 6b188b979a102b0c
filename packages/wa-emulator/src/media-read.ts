import { createCipheriv, createDecipheriv, createHash, createHmac, randomBytes } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { getMediaKeys } from '@whiskeysockets/baileys';
import type { MediaReference, PlainFile } from './content.ts';
import type { Content } from './types.ts';
import type { World } from './world.ts';

const MAC_BYTES = 10;
/** Files of messages, and those that bring a phone's history. */
type SealedAs = MediaReference['mediaType'] | 'md-msg-hist';

/**
 * Downloads and decrypts a media file as the recipient's phone does, checking both hashes and the
 * MAC. Answers the fields to list; what goes wrong is `mediaError`.
 */
export async function downloadMedia(world: World, media: MediaReference): Promise<Partial<Content>> {
  const file = world.media.find(media.directPath);
  if (file === undefined) {
    return { mediaError: 'there is no such file on the media server' };
  }
  try {
    const { cipherKey, iv, macKey } = await mediaKeys(media.mediaKey, media.mediaType);
    const decipher = createDecipheriv('aes-256-cbc', cipherKey, iv);
    const plain = createHash('sha256');
    const encrypted = createHash('sha256');
    const mac = createHmac('sha256', macKey).update(iv);
    let size = 0;
    let tail = Buffer.alloc(0);
    const take = (bytes: Buffer) => {
      size += bytes.length;
      plain.update(bytes);
    };
    for await (const chunk of createReadStream(file)) {
      encrypted.update(chunk);
      const bytes = Buffer.concat([tail, chunk]);
      const body = bytes.subarray(0, Math.max(bytes.length - MAC_BYTES, 0));
      tail = bytes.subarray(body.length);
      mac.update(body);
      take(decipher.update(body));
    }
    take(decipher.final());
    const fileSha256 = plain.digest();
    if (!encrypted.digest().equals(media.fileEncSha256)) {
      return { mediaError: 'the uploaded file is not the one the message names' };
    }
    if (!mac.digest().subarray(0, MAC_BYTES).equals(tail) || !fileSha256.equals(media.fileSha256)) {
      return { mediaError: 'the file does not decrypt to what the message names' };
    }
    return { fileSha256: fileSha256.toString('hex'), fileSize: size };
  } catch (error) {
    return { mediaError: error instanceof Error ? error.message : String(error) };
  }
}

/** Reads a file that is not sealed, as followers of a channel do. Never rejects: what goes wrong is `mediaError`. */
export async function readPlainFile(
  world: World,
  { directPath, fileSha256 }: PlainFile,
): Promise<Partial<Content>> {
  const file = world.media.find(directPath);
  if (file === undefined) return { mediaError: 'there is no such file on the media server' };
  try {
    const hash = createHash('sha256');
    let fileSize = 0;
    for await (const chunk of createReadStream(file)) {
      fileSize += chunk.length;
      hash.update(chunk);
    }
    const found = hash.digest();
    if (!found.equals(fileSha256)) return { mediaError: 'the file is not the one the message names' };
    return { fileSha256: found.toString('hex'), fileSize };
  } catch (error) {
    return { mediaError: error instanceof Error ? error.message : String(error) };
  }
}

/** Encrypts and stores a file as a simulated person's phone does, for an inbound media message. */
export async function uploadMedia(world: World, file: Buffer, mediaType: SealedAs) {
  const mediaKey = randomBytes(32);
  const { cipherKey, iv, macKey } = await mediaKeys(mediaKey, mediaType);
  const cipher = createCipheriv('aes-256-cbc', cipherKey, iv);
  const body = Buffer.concat([cipher.update(file), cipher.final()]);
  const mac = createHmac('sha256', macKey).update(iv).update(body).digest().subarray(0, MAC_BYTES);
  const encrypted = Buffer.concat([body, mac]);
  const { directPath, url } = await world.media.put(encrypted);
  return {
    url,
    directPath,
    mediaKey,
    fileLength: file.length,
    fileSha256: createHash('sha256').update(file).digest(),
    fileEncSha256: createHash('sha256').update(encrypted).digest(),
    mediaKeyTimestamp: Math.floor(Date.now() / 1000),
  };
}

/** The same for a post of a channel, which is not sealed. */
export async function uploadPlain(world: World, file: Buffer) {
  const { directPath, url } = await world.media.put(file);
  return {
    ...{ url, directPath, fileLength: file.length },
    fileSha256: createHash('sha256').update(file).digest(),
  };
}

async function mediaKeys(mediaKey: Uint8Array, mediaType: SealedAs) {
  const { cipherKey, iv, macKey } = await getMediaKeys(mediaKey, mediaType);
  if (!macKey) {
    throw new Error('no MAC key was derived');
  }
  return { cipherKey, iv, macKey };
}

/**
 * Files on their way to WhatsApp's media servers, on this machine's disk. Baileys' own writers (`encryptedStream`,
 * `getRawMediaUploadData`) end the process when the temporary folder is full or cannot be written, and leave the file behind
 * for everybody to read when the process is killed.
 */
import { createCipheriv, createHash, createHmac, randomBytes } from 'node:crypto';
import { open, unlink } from 'node:fs/promises';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { getMediaKeys, type MediaType } from '@whiskeysockets/baileys';
import { newId } from '../../utils/ids.ts';
import { inFolder, throwDiskTrouble } from '../../utils/storage/local.ts';
import { StorageError } from '../../utils/storage/storage.ts';

/** Bytes of the HMAC that WhatsApp wants at the end of a sealed file. */
const MAC_BYTES = 10;
const MEDIA_KEY_BYTES = 32;

/** A file that is ready to be uploaded; whoever has it removes it. */
export interface PlainFile {
  path: string;
  /** of the plain file, as its length in bytes */
  fileSha256: Uint8Array;
  fileLength: number;
}

export interface SealedFile extends PlainFile {
  mediaKey: Uint8Array;
  /** of what is uploaded */
  fileEncSha256: Uint8Array;
}

type Pass = (chunks: AsyncIterable<Uint8Array>) => AsyncIterable<Uint8Array>;

/**
 * Writes `source` into `folder` as it is; destroys `source`. Throws UNAVAILABLE when the folder cannot be written, and what
 * `source` throws: then nothing of it is left.
 */
export async function writePlain(folder: string, source: Readable): Promise<PlainFile> {
  const plain = createHash('sha256');
  let fileLength = 0;
  const path = await write(folder, source, async function* count(chunks) {
    for await (const chunk of chunks) {
      plain.update(chunk);
      fileLength += chunk.length;
      yield chunk;
    }
  });
  return { path, fileSha256: plain.digest(), fileLength };
}

/**
 * The same, sealed with a key of its own as WhatsApp's clients do it: AES-256-CBC, and at its end the first bytes of an HMAC
 * over the IV and all that is sealed.
 */
export async function writeSealed(folder: string, source: Readable, kind: MediaType): Promise<SealedFile> {
  const mediaKey = randomBytes(MEDIA_KEY_BYTES);
  const { iv, cipherKey, macKey } = await getMediaKeys(mediaKey, kind);
  if (!macKey) throw new Error('a media key has no part for its HMAC');
  const plain = createHash('sha256');
  const whole = createHash('sha256');
  const mac = createHmac('sha256', macKey).update(iv);
  const cipher = createCipheriv('aes-256-cbc', cipherKey, iv);
  let fileLength = 0;
  const sealed = (piece: Buffer) => {
    mac.update(piece);
    whole.update(piece);
    return piece;
  };
  const path = await write(folder, source, async function* seal(chunks) {
    for await (const chunk of chunks) {
      plain.update(chunk);
      fileLength += chunk.length;
      yield sealed(cipher.update(chunk));
    }
    yield sealed(cipher.final());
    const end = mac.digest().subarray(0, MAC_BYTES);
    whole.update(end);
    yield end;
  });
  return { path, mediaKey, fileSha256: plain.digest(), fileEncSha256: whole.digest(), fileLength };
}

async function write(folder: string, source: Readable, pass: Pass): Promise<string> {
  // It may fail before the first byte is asked for; whoever reads it then is told.
  source.on('error', () => undefined);
  const path = join(folder, newId());
  try {
    const file = await inFolder(path, () => open(path, 'wx', 0o600));
    await pipeline(source, pass, file.createWriteStream());
    return path;
  } catch (error) {
    source.destroy();
    await unlink(path).catch(() => undefined);
    throwDiskTrouble(error);
    throw isOfPath(error) ? new StorageError('refused', 'the folder of uploads cannot be written') : error;
  }
}

/** An error of the file system about a path: no right to write there, a file in the place of a folder. */
function isOfPath(error: unknown): boolean {
  return error instanceof Error && 'syscall' in error && 'path' in error;
}

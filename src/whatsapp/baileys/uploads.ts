/** Files on their way to WhatsApp's media servers: encrypted piece by piece, uploaded once for many recipients. */

import { unlink } from 'node:fs/promises';
import { encryptedStream, type WAMediaUploadFunction } from '@whiskeysockets/baileys';
import { LRUCache } from 'lru-cache';
import PQueue from 'p-queue';
import type { Clock } from '../../utils/clock.ts';
import { DAY_MS } from '../../utils/durations.ts';
import type { MediaContent, MediaDetails, MediaFile } from '../content.ts';
import type { AccountRef, EngineHost } from '../engine.ts';

type MediaKind = MediaContent['type'];

/** What a message says about its file. */
export interface UploadedMedia {
  url: string;
  directPath: string;
  mediaKey: Uint8Array;
  mediaKeyTimestamp: number;
  fileSha256: Uint8Array;
  fileEncSha256: Uint8Array;
  fileLength: number;
  /** of the plain file */
  details: MediaDetails;
}

/** The file behind a message is not there any more: no attempt will find it. */
export class MediaGoneError extends Error {
  override name = 'MediaGoneError';
}

export interface Uploads {
  /**
   * The uploaded form of a file; one upload for all who ask, for as long as it is remembered. Rejects with
   * MediaGoneError, with UNAVAILABLE while the file cannot be read, or when the upload fails: then another attempt may
   * work.
   */
  get(account: AccountRef, socket: UploadSocket, kind: MediaKind, media: MediaFile): Promise<UploadedMedia>;
}

export interface UploadSocket {
  waUploadToServer: WAMediaUploadFunction;
}

/** WhatsApp keeps files for weeks; what is sent a day later is uploaded again, to be sure. */
const REMEMBER_MS = DAY_MS;
const MAX_REMEMBERED = 2_000;
/** For one file; a stuck connection must not hold the send for ever. */
const UPLOAD_TIMEOUT_MS = 120_000;
/** Files in work at a time: each needs some buffers, and the link to WhatsApp is shared anyway. */
const MAX_UPLOADS = 8;

export function createUploads(host: Pick<EngineHost, 'openMedia' | 'describeMedia'>, clock: Clock): Uploads {
  const remembered = new LRUCache<string, Promise<UploadedMedia>>({ max: MAX_REMEMBERED, ttl: REMEMBER_MS });
  const turns = new PQueue({ concurrency: MAX_UPLOADS });

  const describe = async (account: AccountRef, mediaId: string): Promise<MediaDetails> =>
    (await host.describeMedia?.(account, mediaId)) ?? {};

  async function upload(
    account: AccountRef,
    { waUploadToServer }: UploadSocket,
    kind: MediaKind,
    media: MediaFile,
  ): Promise<UploadedMedia> {
    const stream = await host.openMedia(account, media.id);
    if (!stream) throw new MediaGoneError('the file of the message is gone');
    const details = await describe(account, media.id).catch((error) => {
      stream.destroy();
      throw error;
    });
    const sealed = await encryptedStream({ stream }, kind);
    try {
      const fileEncSha256B64 = Buffer.from(sealed.fileEncSha256).toString('base64');
      const options = { mediaType: kind, fileEncSha256B64, timeoutMs: UPLOAD_TIMEOUT_MS };
      const { mediaUrl, directPath } = await waUploadToServer(sealed.encFilePath, options);
      return {
        url: mediaUrl,
        directPath,
        mediaKey: sealed.mediaKey,
        mediaKeyTimestamp: Math.floor(clock.now() / 1000),
        fileSha256: sealed.fileSha256,
        fileEncSha256: sealed.fileEncSha256,
        fileLength: sealed.fileLength,
        details,
      };
    } finally {
      await unlink(sealed.encFilePath).catch(() => undefined);
    }
  }

  return {
    get(account, socket, kind, media) {
      const key = `${account.id} ${kind} ${media.id}`;
      const known = remembered.get(key);
      if (known) return known;
      const made = turns.add(() => upload(account, socket, kind, media));
      remembered.set(key, made);
      made.catch(() => {
        if (remembered.peek(key) === made) remembered.delete(key);
      });
      return made;
    },
  };
}

/** Files on their way to WhatsApp's media servers: encrypted piece by piece, uploaded once for many recipients. */

import { unlink } from 'node:fs/promises';
import { addAbortSignal, type Readable } from 'node:stream';
import type { WAMediaUploadFunction } from '@whiskeysockets/baileys';
import { LRUCache } from 'lru-cache';
import type { Clock } from '../../utils/clock.ts';
import { DAY_MS, MINUTE_MS } from '../../utils/durations.ts';
import { AppError } from '../../utils/errors.ts';
import { createFairQueue } from '../../utils/fair-queue.ts';
import type { MediaContent, MediaDetails, MediaFile } from '../content.ts';
import type { AccountRef, EngineCallbacks } from '../engine.ts';
import { writePlain, writeSealed } from './upload-file.ts';
import { type PlainUploadSocket, uploadPlain } from './upload-plain.ts';
import { untilStopped } from './upload-scope.ts';

type MediaKind = MediaContent['type'];

/** The fields of a message about its file. */
export interface UploadedMedia extends Partial<Seal> {
  url: string;
  directPath: string;
  /** of the plain file, as what follows */
  fileSha256: Uint8Array;
  fileLength: number;
  details: MediaDetails;
  /** what WhatsApp calls a file of a channel; missing for other files */
  handle?: string;
}

/** How it is encrypted; a file for a channel is not. */
interface Seal {
  mediaKey: Uint8Array;
  mediaKeyTimestamp: number;
  fileEncSha256: Uint8Array;
}

/** What is to be uploaded; `plain`: for a channel, not encrypted. */
interface UploadFile {
  kind: MediaKind;
  media: MediaFile;
  plain?: boolean;
}

/** The file behind a message is not there any more: no attempt will find it. */
export class MediaGoneError extends Error {
  override name = 'MediaGoneError';
}

export interface Uploads {
  /**
   * The uploaded form of a file; one upload for all who ask, for as long as it is remembered. Rejects with
   * MediaGoneError, with UNAVAILABLE while the file cannot be read or the disk takes nothing, or when the upload fails or takes too long: then
   * another attempt may work.
   */
  get(account: AccountRef, by: UploadSocket, file: UploadFile): Promise<UploadedMedia>;
}

export interface UploadSocket extends PlainUploadSocket {
  sock: PlainUploadSocket['sock'] & { waUploadToServer: WAMediaUploadFunction };
  /** whether it goes by a proxy of the tenant's own, as fast as that is */
  proxied: boolean;
}

/** WhatsApp keeps files for weeks; what is sent a day later is uploaded again, to be sure. */
const REMEMBER_MS = DAY_MS;
const MAX_REMEMBERED = 2_000;
/** Without a byte; then the next host is tried. */
const SILENT_MS = 120_000;
/** For all of one file, from its turn on: 50 MB at the slowest rate that is still worth it. */
const UPLOAD_TIMEOUT_MS = 5 * MINUTE_MS;
/** Files in work at a time: each needs some buffers, and the link to WhatsApp is shared anyway. */
const MAX_UPLOADS = 8;
const MAX_PER_ACCOUNT = 2;
/** Uploads by a proxy have places of their own: a tenant whose proxies are slow holds up nobody but itself. */
const MAX_PROXIED_PER_TENANT = 2;
/** Of one account, or of one tenant by proxies: what comes on top tries again later. */
const MAX_WAITING = 500;

/** `folder`: where files are written that are on their way, made when it is missing. What a killed process leaves there is its owner's. */
export function createUploads(
  callbacks: Pick<EngineCallbacks, 'openMedia' | 'describeMedia'>,
  clock: Clock,
  folder: string,
): Uploads {
  const remembered = new LRUCache<string, Promise<UploadedMedia>>({ max: MAX_REMEMBERED, ttl: REMEMBER_MS });
  const bounds = { concurrency: MAX_UPLOADS, maxWaiting: MAX_WAITING };
  const direct = createFairQueue({ ...bounds, perOwner: MAX_PER_ACCOUNT });
  const proxied = createFairQueue({ ...bounds, perOwner: MAX_PROXIED_PER_TENANT });

  const describe = async (account: AccountRef, mediaId: string): Promise<MediaDetails> =>
    (await callbacks.describeMedia?.(account, mediaId)) ?? {};

  async function upload(
    account: AccountRef,
    by: UploadSocket,
    { kind, media, plain = false }: UploadFile,
    signal: AbortSignal,
  ): Promise<UploadedMedia> {
    const details = await describe(account, media.id);
    const stream = await callbacks.openMedia(account, media.id);
    if (!stream) throw new MediaGoneError('the file of the message is gone');
    const source = addAbortSignal(signal, stream);
    const { path, hash, ...about } = plain
      ? await hashed(source, folder)
      : await sealed(source, { kind, folder, clock });
    try {
      const { mediaUrl, ...place } = await untilStopped(signal, () =>
        plain
          ? uploadPlain(by, { path, hash, kind, timeoutMs: SILENT_MS, signal })
          : uploadSealed(by, { path, hash, kind }),
      );
      return { url: mediaUrl, ...place, ...about, details };
    } finally {
      await unlink(path).catch(() => undefined);
    }
  }

  /** The same with an end, which is counted from its turn. */
  async function uploadInTime(
    account: AccountRef,
    by: UploadSocket,
    file: UploadFile,
  ): Promise<UploadedMedia> {
    const ending = new AbortController();
    const cancel = clock.setTimer(() => ending.abort(), UPLOAD_TIMEOUT_MS);
    try {
      return await upload(account, by, file, ending.signal);
    } finally {
      cancel();
    }
  }

  async function inTurn(
    account: AccountRef,
    by: UploadSocket,
    work: () => Promise<UploadedMedia>,
  ): Promise<UploadedMedia> {
    const made = by.proxied
      ? await proxied.run(String(account.userId), work)
      : await direct.run(account.id, work);
    if (made === null)
      throw new AppError('UNAVAILABLE', 'Too many files of this session wait for their upload.');
    return made;
  }

  return {
    get(account, by, file) {
      const key = `${account.id} ${file.kind} ${file.media.id}${file.plain ? ' plain' : ''}`;
      const known = remembered.get(key);
      if (known) return known;
      const made = inTurn(account, by, () => uploadInTime(account, by, file));
      remembered.set(key, made);
      made.catch(() => {
        if (remembered.peek(key) === made) remembered.delete(key);
      });
      return made;
    },
  };
}

/** A file on its way: where it lies on our disk, and the hash that WhatsApp's media server asks for. */
type OnDisk = Omit<UploadedMedia, 'url' | 'directPath' | 'details'> & { path: string; hash: Uint8Array };

async function sealed(
  stream: Readable,
  { kind, folder, clock }: { kind: MediaKind; folder: string; clock: Clock },
): Promise<OnDisk> {
  const file = await writeSealed(folder, stream, kind);
  return { ...file, hash: file.fileEncSha256, mediaKeyTimestamp: Math.floor(clock.now() / 1000) };
}

async function hashed(stream: Readable, folder: string): Promise<OnDisk> {
  const file = await writePlain(folder, stream);
  return { ...file, hash: file.fileSha256 };
}

async function uploadSealed(
  { sock }: UploadSocket,
  { path, hash, kind }: Pick<OnDisk, 'path' | 'hash'> & { kind: MediaKind },
): Promise<{ mediaUrl: string; directPath: string }> {
  const fileEncSha256B64 = Buffer.from(hash).toString('base64');
  const options = { mediaType: kind, fileEncSha256B64, timeoutMs: SILENT_MS };
  const { mediaUrl, directPath } = await sock.waUploadToServer(path, options);
  return { mediaUrl, directPath };
}

/**
 * Files as WhatsApp keeps them: AES-256-CBC, then ten bytes of an HMAC, under keys that come with the message. Those of channels are
 * not sealed.
 */
import { createDecipheriv, createHash, createHmac, type Hash, hkdfSync } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { Readable } from 'node:stream';
import { AppError } from '../../utils/errors.ts';
import { createGuardedHttp, type GuardedHttp, HttpFailure } from '../../utils/guarded-fetch.ts';
import type { InboundMediaKind, MediaSource } from '../inbound-content.ts';
import { type FetchMedia, type FetchOptions, MediaFailure } from '../inbound-media.ts';
import type { EgressSource } from './egress.ts';
import type { WaServer } from './socket-config.ts';

/** Where a direct path leads without a host of its own. */
const MEDIA_HOST = 'https://mmg.whatsapp.net';
const OWN_HOSTS = /(^|\.)whatsapp\.net$/;
const MAC_BYTES = 10;
const BLOCK_BYTES = 16;
/** Statuses of the media servers that no further attempt changes: the file has expired. */
const GONE = /status (404|410)\b/;

/** Names in the key derivation; stickers are images to WhatsApp. */
const KEY_INFO: Record<SealedFile['kind'], string> = {
  image: 'WhatsApp Image Keys',
  sticker: 'WhatsApp Image Keys',
  video: 'WhatsApp Video Keys',
  audio: 'WhatsApp Audio Keys',
  document: 'WhatsApp Document Keys',
  history: 'WhatsApp History Keys',
};

/** Also the pieces of a phone's history, which come the same way. */
export type SealedFile = Omit<MediaSource, 'kind'> & { kind: InboundMediaKind | 'history' };

export interface MediaFetcher {
  fetch(source: SealedFile, options: FetchOptions): ReturnType<FetchMedia>;
  /** A file that is not sealed, such as a profile picture. */
  fetchPlain(url: string, options: FetchOptions): Promise<Readable>;
  /** Ends every connection. May be called twice. */
  close(): Promise<void>;
}

/**
 * Files come from WhatsApp's own hosts only, whatever a message names; with another server than WhatsApp's
 * (`waServer`), from where the message says. Those of a session with a proxy come through it.
 */
export function createMediaFetcher(waServer: WaServer | null, egressOf: EgressSource): MediaFetcher {
  const options = waServer
    ? { allowPrivate: true, ...(waServer.caFile ? { ca: readFileSync(waServer.caFile, 'utf8') } : {}) }
    : { httpsOnly: true };
  const direct = createGuardedHttp(options);

  /** `open` makes of what comes what is handed on. */
  async function get(
    url: string,
    { accountId, ...bounds }: FetchOptions,
    open: (bytes: Readable) => Readable,
  ): Promise<Readable> {
    const egress = await egressOf(accountId).catch((error: unknown) => {
      throw new MediaFailure('unavailable', 'how the session goes out cannot be read', error);
    });
    if (egress === null) return open(await download(direct, url, bounds));
    const http = createGuardedHttp({ ...options, connector: egress.connector });
    const end = () => {
      egress.close();
      http.close().catch(() => undefined);
    };
    try {
      const plain = open(await download(http, url, bounds));
      plain.once('close', end);
      return plain;
    } catch (error) {
      end();
      throw error;
    }
  }

  return {
    async fetch(source, fetching) {
      const url = urlOf(source, waServer !== null);
      const maxBytes = fetching.maxBytes + (source.mediaKey === null ? 0 : BLOCK_BYTES + MAC_BYTES);
      return get(url, { ...fetching, maxBytes }, (encrypted) => plainOf(encrypted, source));
    },
    async fetchPlain(url, fetching) {
      const own = urlOf({ url, directPath: null }, waServer !== null);
      return get(own, fetching, (bytes) => bytes);
    },
    close: () => direct.close(),
  };
}

function plainOf(bytes: Readable, { mediaKey, ...source }: SealedFile): Readable {
  const plain = mediaKey === null ? checked(bytes, source) : decrypt(bytes, { ...source, mediaKey });
  return Readable.from(plain, { objectMode: false });
}

function urlOf({ url, directPath }: Pick<SealedFile, 'url' | 'directPath'>, anyHost: boolean): string {
  if (url !== null && URL.canParse(url)) {
    const { protocol, hostname } = new URL(url);
    if (anyHost || (protocol === 'https:' && OWN_HOSTS.test(hostname))) return url;
  }
  if (directPath?.startsWith('/')) return `${MEDIA_HOST}${directPath}`;
  throw new MediaFailure('gone', 'the message names no place of WhatsApp');
}

async function download(
  http: GuardedHttp,
  url: string,
  options: Parameters<GuardedHttp['download']>[1],
): Promise<Readable> {
  try {
    return (await http.download(url, options)).stream;
  } catch (error) {
    throw toMediaFailure(error);
  }
}

function toMediaFailure(error: unknown): MediaFailure {
  if (error instanceof MediaFailure) return error;
  const message = error instanceof Error ? error.message : String(error);
  if (error instanceof AppError && error.code === 'FILE_TOO_LARGE') {
    return new MediaFailure('too_large', message, error);
  }
  if (error instanceof AppError || (error instanceof HttpFailure && GONE.test(message))) {
    return new MediaFailure('gone', message, error);
  }
  return new MediaFailure('unavailable', message, error);
}

async function* decrypt(
  encrypted: Readable,
  { kind, mediaKey, fileSha256 }: Pick<SealedFile, 'kind' | 'fileSha256'> & { mediaKey: Uint8Array },
): AsyncGenerator<Buffer> {
  const keys = Buffer.from(hkdfSync('sha256', mediaKey, Buffer.alloc(0), KEY_INFO[kind], 112));
  const iv = keys.subarray(0, 16);
  const decipher = createDecipheriv('aes-256-cbc', keys.subarray(16, 48), iv);
  const mac = createHmac('sha256', keys.subarray(48, 80)).update(iv);
  const hash = createHash('sha256');
  /** what may be the authentication code, as long as more can come */
  let tail: Buffer = Buffer.alloc(0);
  try {
    for await (const chunk of bytesOf(encrypted)) {
      const all = Buffer.concat([tail, chunk]);
      const body = all.subarray(0, Math.max(0, all.length - MAC_BYTES));
      tail = all.subarray(body.length);
      mac.update(body);
      const plain = decipher.update(body);
      hash.update(plain);
      if (plain.length > 0) yield plain;
    }
  } catch (error) {
    throw toMediaFailure(error);
  }
  if (!mac.digest().subarray(0, MAC_BYTES).equals(tail)) {
    throw new MediaFailure('corrupt', 'the file is not what its sender has sealed');
  }
  const last = finalOf(decipher);
  hash.update(last);
  requireHash(hash, fileSha256);
  yield last;
}

/** A file that is not sealed. */
async function* checked(
  bytes: Readable,
  { fileSha256 }: Pick<SealedFile, 'fileSha256'>,
): AsyncGenerator<Buffer> {
  const hash = createHash('sha256');
  try {
    for await (const chunk of bytesOf(bytes)) {
      hash.update(chunk);
      yield chunk;
    }
  } catch (error) {
    throw toMediaFailure(error);
  }
  requireHash(hash, fileSha256);
}

function requireHash(hash: Hash, fileSha256: Uint8Array | null): void {
  if (fileSha256 && !hash.digest().equals(fileSha256)) {
    throw new MediaFailure('corrupt', 'the file has another hash than its message says');
  }
}

function finalOf(decipher: ReturnType<typeof createDecipheriv>): Buffer {
  try {
    return decipher.final();
  } catch (error) {
    throw new MediaFailure('corrupt', 'the file does not end as a sealed one', error);
  }
}

/** Safe because a download is a stream of bytes. */
function bytesOf(stream: Readable): AsyncIterable<Buffer> {
  return stream as AsyncIterable<Buffer>;
}

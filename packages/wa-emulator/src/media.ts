import { createHash, randomBytes } from 'node:crypto';
import { createReadStream, createWriteStream } from 'node:fs';
import { copyFile, mkdir, mkdtemp, readdir, rename, rm, stat } from 'node:fs/promises';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer, type Server } from 'node:https';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Transform } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { hostAndPort } from './address.ts';
import type { StandingFaults } from './faults.ts';

const MAX_FILES = 2_000;
const MAX_UPLOAD_BYTES = 110 * 1024 * 1024;
const DOWNLOAD_PREFIX = '/v/emulated/';
const PICTURE_PREFIX = '/pictures/';
/** Where files of channels go, which are not sealed. */
const PLAIN_PREFIX = '/newsletter/newsletter-';
const MAX_PICTURES = 2_000;

/** The server that encrypted files are uploaded to and downloaded from. */
export interface MediaServer {
  /** `127.0.0.1:PORT`, what clients are told. */
  host: string;
  /** The value that an upload must carry as `auth`. */
  auth: string;
  /** Stores an encrypted file as if it had been uploaded; answers where it is. */
  put(encrypted: Buffer): Promise<{ directPath: string; url: string }>;
  /** The file behind a direct path, if it is stored here. */
  find(directPath: string): string | undefined;
  /** The file behind a direct path is gone, and whoever has sent it still has it. False when it is not stored here. */
  expire(directPath: string): boolean;
  /** Puts an expired file there again, in another place; undefined when nobody has it. */
  restore(directPath: string): Promise<{ directPath: string } | undefined>;
  /** Serves a profile picture in the clear; answers where it is. */
  show(picture: Buffer): string;
  close(): Promise<void>;
}

/** The parts of the media server. */
export interface MediaOptions {
  host: string;
  port: number;
  /** Where files are kept; a temporary folder, removed on close, when undefined. */
  directory: string | undefined;
  tls: { key: string; cert: string };
  auth: string;
  faults: StandingFaults;
}

interface FileShelf {
  directory: string;
  /** Names in the order they came, the oldest first. */
  names: Set<string>;
  /** Names of files that clients do not get any more. */
  expired: Set<string>;
}

/** Starts the media server. Rejects when the port is taken. */
export async function startMediaServer(options: MediaOptions): Promise<MediaServer> {
  const { directory, host, port, tls, auth, faults } = options;
  const shelf = await openShelf(directory);
  const pictures = new Map<string, Buffer>();
  const server = createServer(tls);
  await listen(server, port, host);
  const address = hostAndPort(host, (server.address() as AddressInfo).port);
  server.on('request', (request, response) => {
    const work =
      request.method === 'POST'
        ? takeUpload(shelf, faults, auth, address, request, response)
        : sendPicture(pictures, request, response) || sendFile(shelf, request, response);
    if (work !== true) work.catch(() => response.destroy());
  });
  let closing: Promise<void> | undefined;
  return {
    host: address,
    auth,
    async put(encrypted) {
      const name = nameOf(createHash('sha256').update(encrypted).digest());
      await pipeline([encrypted], createWriteStream(join(shelf.directory, name)));
      await keep(shelf, name);
      return locate(name, address);
    },
    find(directPath) {
      const name = nameIn(directPath);
      return shelf.names.has(name) ? join(shelf.directory, name) : undefined;
    },
    expire(directPath) {
      const name = nameIn(directPath);
      if (!shelf.names.delete(name)) return false;
      shelf.expired.add(name);
      return true;
    },
    async restore(directPath) {
      const name = nameIn(directPath);
      if (!shelf.expired.has(name)) return undefined;
      const again = `${randomBytes(6).toString('hex')}-${name}`;
      await copyFile(join(shelf.directory, name), join(shelf.directory, again));
      await keep(shelf, again);
      return { directPath: locate(again, address).directPath };
    },
    show(picture) {
      const name = nameOf(createHash('sha256').update(picture).digest());
      pictures.delete(name);
      pictures.set(name, picture);
      const [oldest] = pictures.keys();
      if (pictures.size > MAX_PICTURES && oldest !== undefined) pictures.delete(oldest);
      return `https://${address}${PICTURE_PREFIX}${name}.jpg`;
    },
    close() {
      closing ??= closeServer(server, directory === undefined ? shelf.directory : undefined);
      return closing;
    },
  };
}

function listen(server: Server, port: number, host: string): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, host, () => {
      server.off('error', reject);
      resolve();
    });
  });
}

async function closeServer(server: Server, temporary: string | undefined): Promise<void> {
  server.closeAllConnections();
  await new Promise<void>((resolve) => server.close(() => resolve()));
  if (temporary !== undefined) {
    await rm(temporary, { recursive: true, force: true });
  }
}

async function openShelf(directory: string | undefined): Promise<FileShelf> {
  if (directory === undefined) {
    return {
      directory: await mkdtemp(join(tmpdir(), 'wa-emulator-media-')),
      names: new Set(),
      expired: new Set(),
    };
  }
  await mkdir(directory, { recursive: true });
  const names = (await readdir(directory)).filter((name) => !name.endsWith('.part'));
  return { directory, names: new Set(names), expired: new Set() };
}

const nameIn = (directPath: string) =>
  new URL(directPath, 'https://media').pathname.slice(DOWNLOAD_PREFIX.length);

/** What the server calls a file of a channel, so that a post can name it. */
export function handleOf(sha256: Uint8Array): string {
  return `4:${Buffer.from(sha256).toString('base64')}`;
}

function nameOf(sha256: Buffer): string {
  return sha256.toString('base64url');
}

function locate(name: string, address: string): { directPath: string; url: string } {
  const directPath = `${DOWNLOAD_PREFIX}${name}?ccb=11-4`;
  return { directPath, url: `https://${address}${directPath}` };
}

async function keep(shelf: FileShelf, name: string): Promise<void> {
  shelf.names.delete(name);
  shelf.names.add(name);
  const [oldest] = shelf.names;
  if (shelf.names.size > MAX_FILES && oldest !== undefined) {
    shelf.names.delete(oldest);
    await rm(join(shelf.directory, oldest), { force: true });
  }
}

async function takeUpload(
  shelf: FileShelf,
  faults: StandingFaults,
  auth: string,
  address: string,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const url = new URL(request.url ?? '/', 'https://media');
  if (faults.mediaFailures > 0) {
    faults.mediaFailures -= 1;
    request.resume();
    return sendJson(response, 503, { error: 'upload failed' });
  }
  const isPlain = url.pathname.startsWith(PLAIN_PREFIX);
  if (!(isPlain || url.pathname.startsWith('/mms/')) || url.searchParams.get('auth') !== auth) {
    request.resume();
    return sendJson(response, 401, { error: 'unauthorized' });
  }
  const part = join(shelf.directory, `${randomBytes(8).toString('hex')}.part`);
  const hash = createHash('sha256');
  let size = 0;
  const meter = new Transform({
    transform(chunk: Buffer, _encoding, callback) {
      hash.update(chunk);
      size += chunk.length;
      callback(size > MAX_UPLOAD_BYTES ? new Error('upload too large') : null, chunk);
    },
  });
  try {
    await pipeline(request, meter, createWriteStream(part));
  } catch (error) {
    await rm(part, { force: true });
    throw error;
  }
  const sha256 = hash.digest();
  const name = nameOf(sha256);
  if (url.pathname.split('/').at(-1)?.replaceAll('=', '') !== name) {
    await rm(part, { force: true });
    return sendJson(response, 400, { error: 'the token is not the hash of the file' });
  }
  await rename(part, join(shelf.directory, name));
  await keep(shelf, name);
  const { directPath, url: mediaUrl } = locate(name, address);
  const answer = { url: mediaUrl, direct_path: directPath };
  return sendJson(response, 200, isPlain ? { ...answer, handle: handleOf(sha256) } : answer);
}

async function sendFile(shelf: FileShelf, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const { pathname } = new URL(request.url ?? '/', 'https://media');
  const name = pathname.slice(DOWNLOAD_PREFIX.length);
  if (request.method !== 'GET' || !pathname.startsWith(DOWNLOAD_PREFIX) || !shelf.names.has(name)) {
    return sendJson(response, 404, { error: 'no such file' });
  }
  const file = join(shelf.directory, name);
  const { size } = await stat(file);
  const range = /^bytes=(\d+)-(\d*)$/.exec(request.headers.range ?? '');
  const start = range ? Number(range[1]) : 0;
  const end = range?.[2] ? Math.min(Number(range[2]), size - 1) : size - 1;
  response.writeHead(range ? 206 : 200, {
    'content-type': 'application/octet-stream',
    'content-length': Math.max(end - start + 1, 0),
    ...(range ? { 'content-range': `bytes ${start}-${end}/${size}` } : {}),
  });
  await pipeline(createReadStream(file, { start, end }), response);
}

/** True when the request was for a picture that is there. */
function sendPicture(
  pictures: ReadonlyMap<string, Buffer>,
  request: IncomingMessage,
  response: ServerResponse,
): boolean {
  const { pathname } = new URL(request.url ?? '/', 'https://media');
  const name = pathname.startsWith(PICTURE_PREFIX)
    ? pathname.slice(PICTURE_PREFIX.length).replace(/\.jpg$/, '')
    : '';
  const picture = request.method === 'GET' ? pictures.get(name) : undefined;
  if (!picture) return false;
  response.writeHead(200, { 'content-type': 'image/jpeg', 'content-length': picture.length });
  response.end(picture);
  return true;
}

function sendJson(response: ServerResponse, status: number, body: unknown): void {
  response.writeHead(status, { 'content-type': 'application/json' });
  response.end(JSON.stringify(body));
}

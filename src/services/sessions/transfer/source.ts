/** Where a link to be imported is read from: a folder, a zip or tar of one, or JSON. Read as often as one likes. */
import { createReadStream } from 'node:fs';
import { open, opendir, readFile, stat } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { Transform } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { createGunzip } from 'node:zlib';
import { extract as createExtract } from 'tar-stream';
import yauzl, { type Entry, type ZipFile } from 'yauzl';
import { BrokenLink } from '../../../whatsapp/link-check.ts';

/** One file of a link. */
export interface LinkFile {
  /** folder inside of the source, '' at its top */
  folder: string;
  /** `pre-key-7.json` */
  name: string;
  /** Its text; null when it is larger than a key can be. Read it before the next file is asked for. */
  text(): Promise<string | null>;
}

export interface LinkSource {
  /** All files, each time from the beginning. Throws BrokenLink. */
  files(): AsyncGenerator<LinkFile>;
}

/** A group of a thousand people and ten thousand chats have less. */
const MAX_FILES = 100_000;
/** Of all files when they are unpacked. */
const MAX_BYTES = 256 * 1024 ** 2;
/** Of one file: a Signal session with all its old chains has less, and it is parsed in one go. */
const MAX_FILE_BYTES = 1024 ** 2;
/** JSON that holds a whole link is parsed in one go. */
const MAX_JSON_BYTES = 2 * 1024 ** 2;

const ZIP = Buffer.from('PK');
const GZIP = Buffer.from([0x1f, 0x8b]);

/** A file that somebody has uploaded, or a path on this machine. Throws BrokenLink for what is none of the three. */
export async function openSource(path: string): Promise<LinkSource> {
  const found = await stat(path).catch(() => null);
  if (!found) throw new BrokenLink('unreadable', basename(path));
  if (found.isDirectory()) return { files: () => readFolder(path) };
  const head = await readHead(path);
  if (head.subarray(0, 2).equals(ZIP)) return { files: () => readZip(path) };
  if (head.subarray(0, 2).equals(GZIP)) return { files: () => readTar(path, true) };
  if (head.subarray(257, 262).toString() === 'ustar') return { files: () => readTar(path, false) };
  if (found.size > MAX_JSON_BYTES) throw new BrokenLink('too_large', 'JSON');
  return sourceOfJson(parseJson(await readFile(path, 'utf8')));
}

async function readHead(path: string): Promise<Buffer> {
  const file = await open(path, 'r');
  try {
    const { buffer, bytesRead } = await file.read(Buffer.alloc(512), 0, 512, 0);
    return buffer.subarray(0, bytesRead);
  } finally {
    await file.close();
  }
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw new BrokenLink('unreadable', 'JSON');
  }
}

/**
 * A link as one JSON value: `{creds, keys}`, `creds.json` itself, or a row of Evolution's table `Session`. `creds` and
 * each key may be texts of JSON; keys are `{"pre-key-7": …}` or `{"pre-key": {"7": …}}`. Throws BrokenLink.
 */
export function sourceOfJson(value: unknown): LinkSource {
  const { creds, keys, noiseKey }: Record<string, unknown> = Object(unpacked(value));
  const credentials = noiseKey === undefined ? creds : unpacked(value);
  if (credentials === undefined && keys === undefined) throw new BrokenLink('no_credentials', 'creds');
  const files = [
    ...(credentials === undefined ? [] : [['creds.json', credentials] as const]),
    ...Object.entries(Object(keys)).flatMap(([name, one]) => keysNamed(name, one)),
  ];
  if (files.length > MAX_FILES) throw new BrokenLink('too_large', 'keys');
  return {
    async *files() {
      for (const [name, one] of files) {
        yield { folder: '', name, text: async () => JSON.stringify(unpacked(one)) ?? null };
      }
    },
  };
}

/** Evolution writes its text of JSON as JSON once more. */
function unpacked(value: unknown): unknown {
  let inner = value;
  for (let depth = 0; depth < 3 && typeof inner === 'string' && /^\s*["[{]/.test(inner); depth += 1) {
    inner = parseJson(inner);
  }
  return inner;
}

function keysNamed(name: string, value: unknown): (readonly [string, unknown])[] {
  const isKind = /^[a-z-]+$/.test(name) && typeof value === 'object' && value !== null;
  if (!isKind) return [[`${name}.json`, value]];
  return Object.entries(value).map(([key, one]) => [`${name}-${key}.json`, one]);
}

/** The folder, and those directly inside of it. */
async function* readFolder(path: string): AsyncGenerator<LinkFile> {
  const left = createAllowance();
  const folders = [''];
  for (const folder of folders) {
    for await (const entry of await opendir(join(path, folder))) {
      if (entry.isDirectory() && folder === '') folders.push(entry.name);
      if (!entry.isFile()) continue;
      left.file();
      yield {
        folder,
        name: entry.name,
        async text() {
          const file = join(path, folder, entry.name);
          const { size } = await stat(file);
          if (size > MAX_FILE_BYTES) return null;
          left.bytes(size);
          return readFile(file, 'utf8');
        },
      };
    }
  }
}

async function* readZip(path: string): AsyncGenerator<LinkFile> {
  const left = createAllowance();
  const zip = await openZip(path);
  try {
    if (zip.entryCount > MAX_FILES) throw new BrokenLink('too_large', 'files');
    for (let entry = await nextEntry(zip); entry; entry = await nextEntry(zip)) {
      const { fileName, uncompressedSize } = entry;
      left.file();
      if (fileName.endsWith('/')) continue;
      const one = entry;
      yield {
        ...placeOf(fileName),
        async text() {
          if (uncompressedSize > MAX_FILE_BYTES) return null;
          left.bytes(uncompressedSize);
          return openEntry(zip, one).then(textOf).catch(fail);
        },
      };
    }
  } catch (error) {
    throw asBroken(error);
  } finally {
    zip.close();
  }
}

/** It refuses names that lead out of a folder, and sizes that are not those it announced. */
function openZip(path: string): Promise<ZipFile> {
  return new Promise((resolve, reject) => {
    const options = { lazyEntries: true, autoClose: false, validateEntrySizes: true, strictFileNames: true };
    yauzl.open(path, options, (error, zip) => (zip ? resolve(zip) : reject(asBroken(error))));
  });
}

function nextEntry(zip: ZipFile): Promise<Entry | null> {
  return new Promise((resolve, reject) => {
    const done = (answer: () => void) => {
      zip.removeAllListeners('entry');
      zip.removeAllListeners('end');
      zip.removeAllListeners('error');
      answer();
    };
    zip.once('entry', (entry: Entry) => done(() => resolve(entry)));
    zip.once('end', () => done(() => resolve(null)));
    zip.once('error', (error: Error) => done(() => reject(error)));
    zip.readEntry();
  });
}

function openEntry(zip: ZipFile, entry: Entry): Promise<NodeJS.ReadableStream> {
  return new Promise((resolve, reject) => {
    zip.openReadStream(entry, (error, stream) => (stream ? resolve(stream) : reject(error)));
  });
}

async function* readTar(path: string, zipped: boolean): AsyncGenerator<LinkFile> {
  const left = createAllowance();
  const extract = createExtract();
  // Skipped entries are unpacked as well: all of it counts.
  const counted = new Transform({
    transform(piece: Buffer, _encoding, done) {
      try {
        left.bytes(piece.length);
        done(null, piece);
      } catch (error) {
        done(error instanceof Error ? error : new Error(String(error)));
      }
    },
  });
  const file = createReadStream(path);
  const reading = zipped
    ? pipeline(file, createGunzip(), counted, extract)
    : pipeline(file, counted, extract);
  // An archive that ends in the middle: whoever reads an entry is told.
  reading.catch(() => undefined);
  try {
    for await (const entry of extract) {
      left.file();
      const { name, type, size } = entry.header;
      if (type === 'file') {
        yield {
          ...placeOf(name.replace(/^(\.\/)+/, '')),
          text: async () => ((size ?? 0) > MAX_FILE_BYTES ? null : textOf(entry).catch(fail)),
        };
      }
      entry.resume();
    }
    await reading;
  } catch (error) {
    throw asBroken(error);
  } finally {
    extract.destroy();
  }
}

/** Nothing is ever written to a file by these names; one that leads out of its folder is no link's all the same. */
function placeOf(path: string): Pick<LinkFile, 'folder' | 'name'> {
  if (path.startsWith('/') || path.includes('\\') || path.split('/').includes('..')) {
    throw new BrokenLink('unreadable', 'file names');
  }
  const folder = dirname(path);
  return { folder: folder === '.' ? '' : folder, name: basename(path) };
}

async function textOf(stream: NodeJS.ReadableStream): Promise<string> {
  const pieces: Buffer[] = [];
  let size = 0;
  for await (const piece of stream) {
    const bytes = Buffer.from(piece);
    size += bytes.length;
    if (size > MAX_FILE_BYTES) throw new BrokenLink('too_large', 'files');
    pieces.push(bytes);
  }
  return Buffer.concat(pieces).toString('utf8');
}

/** The bytes that may still be read. */
function createAllowance() {
  let files = 0;
  let bytes = 0;
  return {
    file() {
      files += 1;
      if (files > MAX_FILES) throw new BrokenLink('too_large', 'files');
    },
    bytes(more: number) {
      bytes += more;
      if (bytes > MAX_BYTES) throw new BrokenLink('too_large', 'files');
    },
  };
}

function fail(error: unknown): never {
  throw asBroken(error);
}

function asBroken(error: unknown): BrokenLink {
  return error instanceof BrokenLink ? error : new BrokenLink('unreadable', 'archive');
}

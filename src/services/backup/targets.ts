/** Where a backup is written to: a folder, or a file that ends in `.tar`. It has its name only when it is whole. */
import { createHash } from 'node:crypto';
import { createWriteStream, existsSync } from 'node:fs';
import { mkdir, open, readdir, rename, rm, rmdir } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { Readable, type Writable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { pack as createPack } from 'tar-stream';
import { StartError } from '../../utils/errors.ts';
import { PARTIAL } from './format.ts';

export interface Written {
  bytes: number;
  sha256: string;
}

export interface BackupTarget {
  /** where it will be */
  readonly path: string;
  /** Writes one entry of exactly `bytes` bytes, and hashes it on the way. */
  add(name: string, body: Readable, bytes: number): Promise<Written>;
  /** All is there: it is made durable and gets its name. */
  finish(): Promise<void>;
  /** Nothing is left of it. */
  discard(): Promise<void>;
}

const isTar = (path: string): boolean => path.endsWith('.tar');

/** Throws StartError when there is something of that name already. */
export async function createTarget(path: string): Promise<BackupTarget> {
  const target = resolve(path);
  const partial = `${target}${PARTIAL}`;
  if (existsSync(target) && (isTar(target) || !(await isEmptyFolder(target)))) {
    throw new StartError(`${target} is there already: name a new one`);
  }
  await rm(partial, { recursive: true, force: true });
  await mkdir(dirname(partial), { recursive: true });
  return isTar(target) ? createTar(target, partial) : createFolder(target, partial);
}

async function isEmptyFolder(path: string): Promise<boolean> {
  try {
    return (await readdir(path)).length === 0;
  } catch {
    return false;
  }
}

async function createFolder(path: string, partial: string): Promise<BackupTarget> {
  // It holds credentials, sealed, and message texts.
  await mkdir(partial, { mode: 0o700 });
  return {
    path,
    async add(name, body, bytes) {
      const file = join(partial, name);
      await mkdir(dirname(file), { recursive: true, mode: 0o700 });
      return write(body, bytes, createWriteStream(file, { mode: 0o600, flush: true }));
    },
    async finish() {
      if (existsSync(path)) await rmdir(path);
      await rename(partial, path);
      await syncFolder(dirname(path));
    },
    discard: () => rm(partial, { recursive: true, force: true }),
  };
}

async function createTar(path: string, partial: string): Promise<BackupTarget> {
  const pack = createPack();
  const writing = pipeline(pack, createWriteStream(partial, { mode: 0o600, flush: true }));
  // It is looked at with each entry.
  writing.catch(() => undefined);
  const failed = writing.then(() => Promise.reject(new Error('the archive ended too early')));
  failed.catch(() => undefined);
  const mtime = new Date();
  return {
    path,
    add(name, body, bytes) {
      const entry = pack.entry({ name, size: bytes, mode: 0o600, mtime });
      // A full disk ends the archive, not the entry.
      return Promise.race([write(body, bytes, entry), failed]);
    },
    async finish() {
      pack.finalize();
      await writing;
      await rename(partial, path);
      await syncFolder(dirname(path));
    },
    async discard() {
      pack.destroy();
      await writing.catch(() => undefined);
      await rm(partial, { force: true });
    },
  };
}

async function write(body: Readable, bytes: number, to: Writable): Promise<Written> {
  const hash = createHash('sha256');
  let written = 0;
  async function* hashed(chunks: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
    for await (const chunk of chunks) {
      hash.update(chunk);
      written += chunk.length;
      yield chunk;
    }
  }
  await pipeline(body, hashed, to);
  if (written !== bytes) throw new Error(`an entry has ${written} bytes instead of ${bytes}`);
  return { bytes: written, sha256: hash.digest('hex') };
}

/** A body that is in memory. */
export const bodyOf = (bytes: Buffer): Readable => Readable.from([bytes], { objectMode: false });

/** The new name survives a power cut as well. */
async function syncFolder(path: string): Promise<void> {
  const folder = await open(path, 'r');
  try {
    await folder.sync();
  } finally {
    await folder.close();
  }
}

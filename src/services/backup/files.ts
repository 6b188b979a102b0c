/** Files by the names that a backup has for them: in the storage, or contact lists on the disk. */
import { createHash } from 'node:crypto';
import { createWriteStream } from 'node:fs';
import { mkdir, open, rename, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { newId } from '../../utils/ids.ts';
import { ignoreMissing } from '../../utils/storage/local.ts';
import type { FileStorage, WholeFile } from '../../utils/storage/storage.ts';
import { IMPORTS_FOLDER } from '../contacts/import/job.ts';

export interface BackupFolders {
  storage: FileStorage;
  uploadPath: string;
}

const MEDIA = 'media/';
export const mediaName = (storageKey: string): string => MEDIA + storageKey;
export const importName = (id: string): string => `${IMPORTS_FOLDER}/${id}.csv`;

/**
 * The bytes of a file on this machine's disk, whole, for as long as `use` runs; null when there is no such file. Its
 * size must be known before it is written, and a storage may break off in the middle.
 */
export async function withFile<R>(
  places: BackupFolders,
  name: string,
  use: (file: WholeFile) => Promise<R>,
): Promise<R | null> {
  // Before the file is opened: from then on somebody must listen to what goes wrong with it.
  await makeStaging(places);
  const body = await openFile(places, name);
  if (body === null) return null;
  const file = await spool(places, body);
  try {
    return await use(file);
  } finally {
    await rm(file.path, { force: true });
  }
}

/** Keeps the bytes under that name; false, and nothing is kept, when they are not those of `sha256`. */
export async function putFile(
  places: BackupFolders,
  name: string,
  body: AsyncIterable<Uint8Array>,
  sha256: string,
): Promise<boolean> {
  await makeStaging(places);
  const file = await spool(places, body);
  try {
    if (file.sha256 !== sha256) return false;
    if (name.startsWith(MEDIA)) await places.storage.put(name.slice(MEDIA.length), file);
    else await putBeside(join(places.uploadPath, name), file.path);
    return true;
  } finally {
    await rm(file.path, { force: true });
  }
}

async function openFile({ storage, uploadPath }: BackupFolders, name: string): Promise<Readable | null> {
  if (name.startsWith(MEDIA)) return storage.open(name.slice(MEDIA.length));
  const file = await open(join(uploadPath, name), 'r').catch(ignoreMissing);
  return file?.createReadStream() ?? null;
}

async function putBeside(path: string, from: string): Promise<void> {
  await mkdir(dirname(path), { recursive: true, mode: 0o700 });
  await rename(from, path);
}

/** The folder of files on their way in: the storage takes them from there, and the service clears it of old ones. */
const stagingOf = ({ uploadPath }: BackupFolders) => join(uploadPath, 'staging');

async function makeStaging(places: BackupFolders): Promise<void> {
  await mkdir(stagingOf(places), { recursive: true, mode: 0o700 });
}

async function spool(places: BackupFolders, body: AsyncIterable<Uint8Array>): Promise<WholeFile> {
  const path = join(stagingOf(places), newId());
  const hash = createHash('sha256');
  let size = 0;
  async function* counted(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
    for await (const chunk of chunks) {
      hash.update(chunk);
      size += chunk.length;
      yield chunk;
    }
  }
  try {
    await pipeline(body, counted, createWriteStream(path, { flags: 'wx', mode: 0o600 }));
    return { path, size, sha256: hash.digest('hex') };
  } catch (error) {
    await rm(path, { force: true });
    throw error;
  }
}

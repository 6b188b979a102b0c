/** Files in a folder of this machine, or of a file system that several machines mount. */
import { randomUUID } from 'node:crypto';
import { mkdir, open, readdir, rename, stat, unlink, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { type FileStorage, StorageError, type StoredFile } from './storage.ts';

/** Full, read-only, broken, over quota, too many open files: not the file's fault. */
const TROUBLE: Record<string, string | undefined> = {
  ENOSPC: 'the disk is full',
  EDQUOT: 'the quota of the disk is used up',
  EROFS: 'the file system is read-only',
  EIO: 'the disk fails',
  ENODEV: 'the file system is not there',
  ESTALE: 'the file system was mounted again',
  EMFILE: 'too many files are open',
  ENFILE: 'too many files are open',
};

/** Throws StorageError for what is the disk's fault. */
export function throwDiskTrouble(error: unknown): void {
  const reason = TROUBLE[codeOf(error)];
  if (reason !== undefined) throw new StorageError('away', reason);
}

/**
 * Keeps files below `folder`, made when it is missing. Files that are to be kept must lie on the same file system: they
 * are renamed, so that each is there whole or not at all.
 */
export function createLocalStorage(folder: string): FileStorage {
  const pathOf = (key: string) => join(folder, key);
  return {
    type: 'local',
    async put(key, file) {
      const path = pathOf(key);
      await onDisk(() => inFolder(path, () => rename(file.path, path)));
    },
    open: (key) =>
      onDisk(async () => {
        const file = await open(pathOf(key), 'r').catch(ignoreMissing);
        return file?.createReadStream() ?? null;
      }),
    has: (key) => onDisk(async () => (await stat(pathOf(key)).catch(ignoreMissing)) !== undefined),
    async remove(key) {
      await onDisk(() => unlink(pathOf(key)).catch(ignoreMissing));
    },
    list: (prefix) => listFolder(folder, '', prefix),
    async check() {
      const path = pathOf(`check-${randomUUID()}`);
      try {
        await inFolder(path, () => writeFile(path, '', { flag: 'wx', mode: 0o600 }));
        await unlink(path);
      } catch (error) {
        throwDiskTrouble(error);
        throw new StorageError(
          'refused',
          `files cannot be kept in ${folder} (${codeOf(error)}): UPLOAD_PATH`,
        );
      }
    },
    close: async () => undefined,
  };
}

async function* listFolder(folder: string, below: string, prefix: string): AsyncGenerator<StoredFile> {
  const entries = await onDisk(() =>
    readdir(join(folder, below), { withFileTypes: true }).catch(ignoreMissing),
  );
  for (const entry of entries ?? []) {
    const key = below === '' ? entry.name : `${below}/${entry.name}`;
    if (entry.isDirectory()) {
      if (prefix.startsWith(`${key}/`) || `${key}/`.startsWith(prefix))
        yield* listFolder(folder, key, prefix);
    } else if (key.startsWith(prefix)) {
      const found = await onDisk(() => stat(join(folder, key)).catch(ignoreMissing));
      if (found) yield { key, size: found.size };
    }
  }
}

async function onDisk<R>(work: () => Promise<R>): Promise<R> {
  try {
    return await work();
  } catch (error) {
    throwDiskTrouble(error);
    throw error;
  }
}

/** Makes the folder of `path` when it turns out to be missing. */
export async function inFolder<R>(path: string, work: () => Promise<R>): Promise<R> {
  try {
    return await work();
  } catch (error) {
    ignoreMissing(error);
    await mkdir(dirname(path), { recursive: true, mode: 0o700 });
    return work();
  }
}

/** Undefined for a file or folder that is not there. */
export function ignoreMissing(error: unknown): undefined {
  if (codeOf(error) === 'ENOENT') return undefined;
  throw error;
}

function codeOf(error: unknown): string {
  return error instanceof Error && 'code' in error ? String(error.code) : '';
}

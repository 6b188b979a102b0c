/**
 * Files on their way in: on this machine's disk, whole before anything refers to them. What is to stay goes to the
 * storage (utils/storage).
 */

import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { open, readdir, stat, unlink } from 'node:fs/promises';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { HOUR_MS } from '../../utils/durations.ts';
import { AppError } from '../../utils/errors.ts';
import { newId } from '../../utils/ids.ts';
import { type SizeLimit, sayBytes } from '../../utils/sizes.ts';
import { ignoreMissing, inFolder, throwDiskTrouble } from '../../utils/storage/local.ts';
import type { WholeFile } from '../../utils/storage/storage.ts';
import type { Deps } from '../context.ts';

type StagingDeps = Pick<Deps, 'config' | 'clock'>;

/** A whole file that nothing refers to yet. */
export type StagedFile = WholeFile;

/** Files that a crash left behind in the staging folder are older than any request. */
const STALE_MS = HOUR_MS;

/**
 * Streams `source` to disk and hashes it on the way. Throws FILE_TOO_LARGE beyond `limit`, VALIDATION_FAILED for
 * nothing at all, UNAVAILABLE when the disk is full, and what the source throws; then nothing of it is left.
 */
export async function stageFile(
  deps: StagingDeps,
  source: Readable | AsyncIterable<Uint8Array>,
  limit: SizeLimit,
): Promise<StagedFile> {
  const path = join(stagingFolder(deps), newId(deps.clock.now()));
  const hash = createHash('sha256');
  let size = 0;
  async function* counted(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
    for await (const chunk of chunks) {
      size += chunk.length;
      if (size > limit.bytes) throw fileTooLarge(limit);
      hash.update(chunk);
      yield chunk;
    }
    if (size === 0) throw emptyFile();
  }
  try {
    const file = await inFolder(path, () => open(path, 'wx', 0o600));
    await pipeline(source, counted, file.createWriteStream());
  } catch (error) {
    await discardFile({ path });
    throwDiskTrouble(error);
    throw error;
  }
  return { path, sha256: hash.digest('hex'), size };
}

export function fileTooLarge({ bytes, setting }: SizeLimit): AppError {
  const size = sayBytes(bytes);
  const named = setting === null ? size : `${size} (${setting})`;
  const raise = setting === null ? '' : ` Whoever runs the service can raise ${setting}.`;
  return new AppError('FILE_TOO_LARGE', `The file is larger than ${named}.`, {
    details: { maxBytes: bytes },
    hint: `Send a file of at most ${size}.${raise}`,
  });
}

function emptyFile(): AppError {
  return new AppError('VALIDATION_FAILED', 'The file is empty.', { details: { file: 'is empty' } });
}

/** Removes a staged file; nothing happens when it has been kept or is gone. */
export async function discardFile(file: Pick<StagedFile, 'path'>): Promise<void> {
  await unlink(file.path).catch(ignoreMissing);
}

/** Where the file of that media row lies. The end of an id is random, its beginning is the time. */
export const storageKeyOf = (id: string): string => `${id.slice(-2)}/${id}`;

/** Removes what requests that never ended have left in the staging folder; how many files. */
export async function removeStale(deps: StagingDeps): Promise<number> {
  const folder = stagingFolder(deps);
  const names = (await readdir(folder).catch(ignoreMissing)) ?? [];
  let removed = 0;
  for (const name of names) {
    const path = join(folder, name);
    const found = await stat(path).catch(ignoreMissing);
    if (!found || found.mtimeMs > deps.clock.now() - STALE_MS) continue;
    await discardFile({ path });
    removed++;
  }
  return removed;
}

/** For looking into a staged file before it is kept. */
export function readStaged(file: StagedFile, bytes: number): Readable {
  return createReadStream(file.path, { end: bytes - 1 });
}

/** Where they lie, and with them the files on their way to WhatsApp. */
export function stagingFolder({ config }: Pick<Deps, 'config'>): string {
  return join(config.files.uploadPath, 'staging');
}

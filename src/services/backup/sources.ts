/** A backup as it is read: its entries in turn, from a folder or an archive. */
import { createReadStream, existsSync, statSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { extract as createExtract } from 'tar-stream';
import { StartError } from '../../utils/errors.ts';
import { fileEntry, MANIFEST, PARTIAL, parseManifest } from './format.ts';

export interface BackupEntry {
  name: string;
  /** to be read to its end before the next entry is asked for */
  body: AsyncIterable<Buffer>;
}

export interface BackupSource {
  /** for people */
  readonly path: string;
  /** All of them, each time from the beginning. What is missing is left out. */
  entries(): AsyncGenerator<BackupEntry>;
}

/** Throws StartError when there is nothing at `path`. */
export function openSource(path: string): BackupSource {
  const full = resolve(path);
  if (!existsSync(full)) {
    const cutOff = existsSync(full + PARTIAL) ? ': it is still being made, or was cut off' : '';
    throw new StartError(`there is no backup ${full}${cutOff}`);
  }
  const entries = statSync(full).isDirectory() ? () => readFolder(full) : () => readTar(full);
  return { path: full, entries };
}

/** The manifest, then what it lists. */
async function* readFolder(path: string): AsyncGenerator<BackupEntry> {
  const file = join(path, MANIFEST);
  if (!existsSync(file)) throw new StartError(`${path} is not a backup of WaHub, or not a whole one`);
  const text = await readFile(file);
  yield { name: MANIFEST, body: Readable.from([text], { objectMode: false }) };
  const manifest = parseManifest(text.toString(), path);
  const names = [
    ...manifest.tables.flatMap(({ pieces }) => pieces.map(({ name }) => name)),
    ...manifest.files.map(({ name }) => fileEntry(name)),
  ];
  for (const name of names) {
    const listed = join(path, name);
    if (existsSync(listed)) yield { name, body: createReadStream(listed) };
  }
}

async function* readTar(path: string): AsyncGenerator<BackupEntry> {
  const extract = createExtract();
  const reading = pipeline(createReadStream(path), extract);
  // An archive that ends in the middle: whoever reads an entry is told.
  reading.catch(() => undefined);
  try {
    for await (const entry of extract) {
      if (entry.header.type === 'file') yield { name: entry.header.name, body: readable(path, entry) };
      entry.resume();
    }
    await reading;
  } catch (error) {
    throw damaged(path, error);
  } finally {
    extract.destroy();
  }
}

async function* readable(path: string, body: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  try {
    yield* body;
  } catch (error) {
    throw damaged(path, error);
  }
}

function damaged(path: string, cause: unknown): StartError {
  const reason = cause instanceof Error ? cause.message : String(cause);
  return new StartError(`${path} is damaged, or no archive of WaHub: ${reason}`, { cause });
}

/** All of a body; throws when it is longer than it may be. */
export async function readBody(body: AsyncIterable<Buffer>, maxBytes: number): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of body) {
    bytes += chunk.length;
    if (bytes > maxBytes) throw new StartError('the backup is damaged: an entry is larger than it says');
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

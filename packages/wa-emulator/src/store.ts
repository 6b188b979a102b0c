import { createReadStream } from 'node:fs';
import { appendFile, mkdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { writeAtomically } from './identity.ts';

const FLUSH_AFTER_MS = 200;
const COMPACT_FACTOR = 4;
const COMPACT_MIN_BYTES = 4 * 1024 * 1024;

/** Text values by key; a map in memory that, with a directory, also survives a restart. */
export interface Store {
  get(key: string): string | undefined;
  set(key: string, value: string): void;
  delete(key: string): void;
  /** Every entry whose key begins with `prefix`; walks the whole map, so only for start-up. */
  entries(prefix: string): Array<[string, string]>;
  /** Forgets every key that begins with `prefix`. */
  clear(prefix: string): void;
  /** Writes what is still pending and stops writing; may be called twice. Rejects when it cannot. */
  close(): Promise<void>;
}

interface Journal {
  file: string;
  bytes: number;
  dirty: Set<string>;
  timer: NodeJS.Timeout | undefined;
  writing: Promise<void>;
  closed: boolean;
}

/**
 * Opens the store. Changes reach `state.jsonl` in `directory` within about 0.2 s as appended lines
 * (a torn last line is ignored when reading); the file is rewritten atomically when it has grown.
 */
export async function openStore(directory: string | undefined): Promise<Store> {
  const values = new Map<string, string>();
  const journal = directory === undefined ? undefined : await openJournal(directory, values);
  const touch = (key: string) => {
    if (journal && !journal.closed) {
      journal.dirty.add(key);
      journal.timer ??= setTimeout(() => flush(journal, values).catch(() => undefined), FLUSH_AFTER_MS);
    }
  };
  const remove = (key: string) => {
    if (values.delete(key)) {
      touch(key);
    }
  };
  return {
    get: (key) => values.get(key),
    set(key, value) {
      values.set(key, value);
      touch(key);
    },
    delete: remove,
    entries: (prefix) => [...values].filter(([key]) => key.startsWith(prefix)),
    clear(prefix) {
      for (const key of [...values.keys()].filter((candidate) => candidate.startsWith(prefix))) {
        remove(key);
      }
    },
    async close() {
      if (journal && !journal.closed) {
        journal.closed = true;
        clearTimeout(journal.timer);
        await flush(journal, values);
      }
    },
  };
}

async function openJournal(directory: string, values: Map<string, string>): Promise<Journal> {
  await mkdir(directory, { recursive: true });
  const file = join(directory, 'state.jsonl');
  const bytes = await stat(file).then(
    (info) => info.size,
    () => 0,
  );
  if (bytes > 0) {
    for await (const line of createInterface({ input: createReadStream(file, 'utf8') })) {
      applyLine(line, values);
    }
  }
  const journal: Journal = {
    file,
    bytes,
    dirty: new Set(),
    timer: undefined,
    writing: Promise.resolve(),
    closed: false,
  };
  if (bytes > 0) {
    await compact(journal, values);
  }
  return journal;
}

function applyLine(line: string, values: Map<string, string>): void {
  let entry: unknown;
  try {
    entry = JSON.parse(line);
  } catch {
    return; // the line a crash cut off
  }
  if (!Array.isArray(entry) || typeof entry[0] !== 'string') {
    return;
  }
  if (typeof entry[1] === 'string') {
    values.set(entry[0], entry[1]);
  } else {
    values.delete(entry[0]);
  }
}

/** Appends what changed; what could not be written stays dirty and is tried again with the next change. */
function flush(journal: Journal, values: Map<string, string>): Promise<void> {
  journal.timer = undefined;
  const written = journal.writing.then(async () => {
    const keys = [...journal.dirty];
    journal.dirty.clear();
    try {
      await append(journal, keys, values);
    } catch (error) {
      for (const key of keys) {
        journal.dirty.add(key);
      }
      throw error;
    }
  });
  journal.writing = written.catch(() => undefined);
  return written;
}

async function append(journal: Journal, keys: string[], values: Map<string, string>): Promise<void> {
  if (keys.length > 0) {
    const lines = keys.map((key) => `${JSON.stringify([key, values.get(key) ?? null])}\n`).join('');
    await appendFile(journal.file, lines, { mode: 0o600 });
    journal.bytes += lines.length;
  }
  if (journal.bytes > COMPACT_MIN_BYTES && journal.bytes > COMPACT_FACTOR * sizeOf(values)) {
    await compact(journal, values);
  }
}

async function compact(journal: Journal, values: Map<string, string>): Promise<void> {
  const text = [...values].map((entry) => `${JSON.stringify(entry)}\n`).join('');
  await writeAtomically(journal.file, text);
  journal.bytes = text.length;
}

function sizeOf(values: Map<string, string>): number {
  let bytes = 0;
  for (const [key, value] of values) {
    bytes += key.length + value.length;
  }
  return bytes;
}

import { readFileSync, writeFileSync } from 'node:fs';
import { createClient } from '@libsql/client';
import { spread } from '../utils/backoff.ts';
import { StartError } from '../utils/errors.ts';
import { pause } from './event-loop.ts';

export interface ProcessLock {
  /** Writes this process's number beside the file: for whoever is refused, and as a sign that a service was here. */
  sign(): void;
  release(): void;
}

/** About a second: at a restart the process before this one may still be closing. */
const TRIES = 10;
const PAUSE_MS = 100;

/**
 * Keeps a second process away from a SQLite file: two would not see each other's sessions. The lock is one of
 * the operating system, held by SQLite on `<path>.lock`, so it ends with the process however that dies, and it
 * holds between containers that share a volume. Throws StartError when another holds it.
 */
export async function lockDatabaseFile(path: string): Promise<ProcessLock> {
  for (let attempt = 1; ; attempt++) {
    try {
      const lock = await takeLock(`${path}.lock`);
      return { ...lock, sign: () => writeFileSync(`${path}.pid`, `${process.pid}\n`) };
    } catch (error) {
      if (!(error instanceof Error && 'code' in error && error.code === 'SQLITE_BUSY')) throw error;
      if (attempt >= TRIES) throw new StartError(refusal(path));
      await pause(spread(PAUSE_MS, Math.random(), 0.5));
    }
  }
}

/** A write transaction that is never committed. Prepared statements that were refused would keep a lock: no BEGIN IMMEDIATE. */
async function takeLock(file: string): Promise<Pick<ProcessLock, 'release'>> {
  // No waiting inside: the driver would stop the event loop for it.
  const client = createClient({ url: `file:${file}`, concurrency: 1, timeout: 0 });
  try {
    await client.executeMultiple('CREATE TABLE IF NOT EXISTS lock (held INTEGER)');
    const holding = await client.transaction('deferred');
    await holding.executeMultiple('DELETE FROM lock');
    return {
      release() {
        holding.close();
        client.close();
      },
    };
  } catch (error) {
    client.close();
    throw error;
  }
}

function refusal(path: string): string {
  let holder = '';
  try {
    holder = ` (pid ${readFileSync(`${path}.pid`, 'utf8').trim()})`;
  } catch {
    // It has not written its number yet.
  }
  return `${path} is in use by another process${holder}: SQLite serves one process. Stop the other one first; several at once need DB_TYPE=mysql`;
}

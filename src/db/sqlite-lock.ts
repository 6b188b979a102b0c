import { type Client, createClient } from '@libsql/client';

export interface ProcessLock {
  release(): void;
}

/**
 * Keeps a second process away from a SQLite file: two would not see each other's sessions. The lock is one of
 * the operating system, held by SQLite on `<path>.lock`, so it ends with the process however that dies, and it
 * holds between containers that share a volume. Throws when another holds it.
 */
export async function lockDatabaseFile(path: string): Promise<ProcessLock> {
  // No waiting: the driver would stop the event loop for it.
  const client = createClient({ url: `file:${path}.lock`, concurrency: 1, timeout: 0 });
  try {
    await client.execute('PRAGMA synchronous = OFF');
    const naming = await client.transaction('write');
    await naming.execute('CREATE TABLE IF NOT EXISTS holder (pid INTEGER NOT NULL)');
    await naming.execute('DELETE FROM holder');
    await naming.execute({ sql: 'INSERT INTO holder VALUES (?)', args: [process.pid] });
    await naming.commit();
    // Whoever comes between these two transactions wins, and this one is refused: never both.
    const holding = await client.transaction('write');
    return {
      release() {
        holding.close();
        client.close();
      },
    };
  } catch (error) {
    const holder = await readHolder(client);
    client.close();
    if (!(error instanceof Error && 'code' in error && error.code === 'SQLITE_BUSY')) throw error;
    throw new Error(
      `${path} is in use by another process${holder}: SQLite serves one process, use DB_TYPE=mysql for more`,
    );
  }
}

/** The holder keeps a write lock only, so its name can be read. */
async function readHolder(client: Client): Promise<string> {
  try {
    const { rows } = await client.execute('SELECT pid FROM holder');
    return rows[0] ? ` (pid ${String(rows[0].pid)})` : '';
  } catch {
    return '';
  }
}

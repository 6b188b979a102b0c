/** A database of its own for a benchmark: a file, or on the server that DB_HOST and DB_USER name. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createConnection } from 'mysql2/promise';
import { readDatabaseOptions } from '../../scripts/database-options.ts';

export interface Scratch {
  /** what the database is, for the head of a table */
  title: string;
  dir: string;
  /** the settings that lead a service to it */
  env: NodeJS.ProcessEnv;
  remove(): Promise<void>;
}

export async function makeScratch(): Promise<Scratch> {
  const dir = mkdtempSync(join(tmpdir(), 'wahub-bench-'));
  const removeDir = () => rmSync(dir, { recursive: true, force: true });
  const options = readDatabaseOptions();
  if (options.type === 'sqlite') {
    const synchronous = process.env.DB_SQLITE_SYNCHRONOUS ?? 'NORMAL';
    return {
      title: `SQLite, synchronous ${synchronous}`,
      dir,
      env: { DB_TYPE: 'sqlite', DB_SQLITE_PATH: join(dir, 'wahub.db') },
      remove: async () => removeDir(),
    };
  }
  const { host, port, socketPath, user, password } = options;
  const server = socketPath === undefined ? { host, port } : { socketPath };
  const name = `wahub_bench_${process.pid}_${Date.now()}`;
  const run = async (statement: string) => {
    const connection = await createConnection({ ...server, user, password });
    await connection.query(statement);
    await connection.end();
  };
  await run(`CREATE DATABASE \`${name}\` CHARACTER SET utf8mb4 COLLATE utf8mb4_bin`);
  return {
    title: `MySQL or MariaDB${socketPath === undefined ? '' : ', by its UNIX socket'}`,
    dir,
    env: {
      DB_TYPE: 'mysql',
      ...(socketPath === undefined ? { DB_HOST: host, DB_PORT: String(port) } : { DB_SOCKET: socketPath }),
      DB_USER: user,
      DB_PASSWORD: password,
      DB_NAME: name,
    },
    async remove() {
      await run(`DROP DATABASE IF EXISTS \`${name}\``);
      removeDir();
    },
  };
}

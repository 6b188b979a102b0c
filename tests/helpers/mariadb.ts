import { createConnection, type RowDataPacket } from 'mysql2/promise';
import type { MysqlOptions } from '../../src/db/client.ts';

/** The server that the test run was given (`TEST_MYSQL_URL`), as options for a database of that name. */
export function mysqlOptions(database: string): MysqlOptions {
  const value = process.env.TEST_MYSQL_URL;
  if (!value) throw new Error('DB_TYPE=mysql needs TEST_MYSQL_URL=mysql://user:password@127.0.0.1:port/');
  const url = new URL(value);
  return {
    type: 'mysql',
    host: url.hostname,
    port: Number(url.port || 3306),
    user: decodeURIComponent(url.username),
    password: decodeURIComponent(url.password),
    database,
    connectionLimit: 10,
  };
}

type ServerOptions = Omit<MysqlOptions, 'database' | 'type'> & { database?: string };

/** Runs statements in turn on a connection of its own, outside of the pool under test. Gives the rows of the last. */
export async function onServer(
  options: ServerOptions,
  statements: readonly string[],
): Promise<RowDataPacket[]> {
  return withServer(options, async (query) => {
    let rows: RowDataPacket[] = [];
    for (const statement of statements) rows = await query(statement);
    return rows;
  });
}

/** The same for `work`, which may send several statements as one text. */
export async function withServer<R>(
  options: ServerOptions,
  work: (query: (text: string) => Promise<RowDataPacket[]>) => Promise<R>,
): Promise<R> {
  const { query, end } = await connectTo(options);
  try {
    return await work(query);
  } finally {
    await end();
  }
}

/** A connection that is kept until `end`. */
export async function connectTo(options: ServerOptions): Promise<{
  query(text: string): Promise<RowDataPacket[]>;
  end(): Promise<void>;
}> {
  const { host, port, user, password, database } = options;
  const connection = await createConnection({
    host,
    port,
    user,
    password,
    ...(database ? { database } : {}),
    multipleStatements: true,
  });
  return {
    query: async (text) => (await connection.query<RowDataPacket[]>(text))[0],
    end: () => connection.end(),
  };
}

/** Leaves one that is there as it is. */
export function createDatabaseStatement(name: string): string {
  return `CREATE DATABASE IF NOT EXISTS \`${name}\` CHARACTER SET utf8mb4 COLLATE utf8mb4_bin`;
}

/** What the databases of one test run begin with, by the pid of the process that started its workers. */
export function testDatabasePrefix(runPid: number): string {
  return `wahub_t_${runPid}_`;
}

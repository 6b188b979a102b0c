import { dbType } from './kit.ts';
import { openMysql } from './mysql.ts';
import { explainMysqlError } from './mysql-start.ts';
import { openSqlite } from './sqlite.ts';
import type { Database, DatabaseOptions } from './types.ts';

export type {
  Changes,
  Database,
  DatabaseOptions,
  Db,
  MysqlOptions,
  ReadDb,
  Tx,
} from './types.ts';

/**
 * Opens the database. Throws when `options.type` is not the dialect the tables were built for (`DB_TYPE`), when
 * SQLite's file is in use by another process, or when the file or the server cannot be reached.
 */
export async function openDatabase(options: DatabaseOptions): Promise<Database> {
  if (options.type !== dbType) {
    throw new Error(`the tables were built for ${dbType}: set DB_TYPE=${options.type} in the environment`);
  }
  return options.type === 'mysql' ? openMysql(options) : openSqlite(options);
}

/** The StartError for what `openDatabase` threw, in one line for a person; other errors as they are. */
export function explainStart(error: unknown, options: DatabaseOptions): unknown {
  return options.type === 'mysql' ? explainMysqlError(error, options) : error;
}

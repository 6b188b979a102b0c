/** Which engine the environment names: known before any table is built. */
import { StartError } from '../utils/errors.ts';

export type DbType = 'sqlite' | 'mysql';

/** SQLite when it names none; spaces about the word, which an env file of Docker keeps, are no part of it. Throws StartError for any other word. */
export function readDbType(value: string | undefined): DbType {
  const type = value?.trim() || 'sqlite';
  if (type !== 'sqlite' && type !== 'mysql')
    throw new StartError(`DB_TYPE must be sqlite or mysql, not ${type}`);
  return type;
}

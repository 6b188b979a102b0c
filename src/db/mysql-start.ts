/** Why a MySQL server cannot be used at a start, in one line for a person. */
import { StartError } from '../utils/errors.ts';
import { isUnavailable, reasonOf } from './errors.ts';
import type { MysqlOptions } from './types.ts';

/** The StartError for what connecting threw; other errors as they are. */
export function explainMysqlError(error: unknown, options: MysqlOptions): unknown {
  if (!(error instanceof Error)) return error;
  const { user, database } = options;
  const { errno, errorCode } = reasonOf(error);
  const say = (line: string) =>
    new StartError(`the database at ${placeOf(options)} ${line}`, { cause: error });
  if (errno === 1045 || errno === 1698) return say(`refuses the user ${user}: check DB_USER and DB_PASSWORD`);
  if (errno === 1044) return say(`lets the user ${user} not use ${database}: grant it, or check DB_NAME`);
  if (errno === 1049) return say(`has no database ${database}: create it, or check DB_NAME`);
  if (isUnavailable(error))
    return say(`cannot be used (${errorCode}): start it, or check ${settingsOf(options)}`);
  return error;
}

/** The server as a person names it. */
export function placeOf({
  host,
  port,
  socketPath,
}: Pick<MysqlOptions, 'host' | 'port' | 'socketPath'>): string {
  return socketPath ?? `${host}:${port}`;
}

const settingsOf = ({ socketPath }: MysqlOptions) =>
  socketPath === undefined ? 'DB_HOST and DB_PORT' : 'DB_SOCKET';

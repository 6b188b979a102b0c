/** Which database the environment (and .env) names, without asking for the secrets that only the service needs. */
import { config } from 'dotenv';
import { readDbType } from '../src/db/db-type.ts';
import type { DatabaseOptions } from '../src/db/types.ts';
import { readNames } from '../src/utils/config-env.ts';
import { StartError } from '../src/utils/errors.ts';
import { parseHosts } from '../src/utils/host-list.ts';

config({ quiet: true });

/** Names, aliases and defaults are those of the service (.env.example). Ends the process with a sentence where they name no database. */
export function readDatabaseOptions(): DatabaseOptions {
  try {
    return optionsOf(readNames(process.env));
  } catch (error) {
    if (!(error instanceof StartError)) throw error;
    process.stderr.write(`${error.message}\n`);
    process.exit(1);
  }
}

function optionsOf(names: ReturnType<typeof readNames>): DatabaseOptions {
  if (readDbType(names.DB_TYPE) === 'sqlite') {
    return { type: 'sqlite', path: names.DB_SQLITE_PATH ?? `${names.DATA_DIR ?? './data'}/wahub.db` };
  }
  const hosts = parseHosts(names.DB_HOST ?? '127.0.0.1', Number(names.DB_PORT ?? 3306));
  if (!hosts) throw new StartError('DB_HOST must be a host, or several between commas: db1,db2:3307');
  const [first, ...others] = hosts;
  return {
    type: 'mysql',
    ...first,
    others,
    ...(names.DB_SOCKET === undefined ? {} : { socketPath: names.DB_SOCKET }),
    user: names.DB_USER ?? 'wahub',
    password: names.DB_PASSWORD ?? '',
    database: names.DB_NAME ?? 'wahub',
  };
}

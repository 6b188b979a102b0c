/** Runs once, in the process that starts the workers. */
import { dbType } from '../../src/db/kit.ts';
import { mysqlOptions, onServer, testDatabasePrefix } from './mariadb.ts';

/** The workers keep their migrated databases for the next test file; after the last one they go. */
export default function setUp(): () => Promise<void> {
  return async () => {
    if (dbType !== 'mysql' || !process.env.TEST_MYSQL_URL) return;
    const server = { ...mysqlOptions(''), database: '' };
    // `_` stands for any sign: those of another run must not go.
    const ours = `${testDatabasePrefix(process.pid).replaceAll('_', '\\\\_')}%`;
    const rows = await onServer(server, [`SHOW DATABASES LIKE '${ours}'`]);
    const names = rows.map((row) => String(Object.values(row)[0]));
    await onServer(
      server,
      names.map((name) => `DROP DATABASE IF EXISTS \`${name}\``),
    );
  };
}

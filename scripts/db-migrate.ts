/**
 * `npm run db:migrate`: brings the database to the newest migration, as every start of the service does.
 * `-- --force` drops everything first, after asking; `-- --force --yes` does not ask.
 */
import { createInterface } from 'node:readline/promises';
import type { DatabaseOptions } from '../src/db/types.ts';
import { StartError } from '../src/utils/errors.ts';
import { readDatabaseOptions } from './database-options.ts';

const options = readDatabaseOptions();
// Only now: the tables are built for DB_TYPE when these load, and .env may have named it.
const { openDatabase } = await import('../src/db/client.ts');
const { migrate } = await import('../src/db/migrate.ts');
const { placeOf } = await import('../src/db/mysql-start.ts');
const { dropEverything } = await import('../src/db/reset.ts');

const name = options.type === 'sqlite' ? options.path : `${options.database} on ${placeOf(options)}`;

if (!process.argv.includes('--force') || (await confirmReset())) await run(options);
else {
  console.log('Nothing was changed.');
  process.exitCode = 1;
}

async function confirmReset(): Promise<boolean> {
  if (process.argv.includes('--yes')) return true;
  if (!process.stdin.isTTY) {
    console.error('--force drops everything: confirm it on a terminal, or add --yes.');
    return false;
  }
  const terminal = createInterface({ input: process.stdin, output: process.stdout });
  const answer = await terminal.question(`Every table of ${name} will be dropped. Type "drop" to go on: `);
  terminal.close();
  return answer.trim() === 'drop';
}

async function run(target: DatabaseOptions): Promise<void> {
  const database = await openDatabase(target);
  try {
    if (process.argv.includes('--force')) {
      const dropped = await dropEverything(database);
      console.log(`Dropped ${dropped.length} tables of ${name}.`);
    }
    await migrate(database);
    console.log(`${name} is at the newest migration.`);
  } catch (error) {
    if (!(error instanceof StartError)) throw error;
    console.error(error.message);
    process.exitCode = 1;
  } finally {
    await database.close();
  }
}

/** Opens the database given as JSON and migrates it, as a process of the service does at its start. */
import { type DatabaseOptions, openDatabase } from '../../../src/db/client.ts';
import { migrate } from '../../../src/db/migrate.ts';

const database = await openDatabase(JSON.parse(process.argv[2] ?? '') as DatabaseOptions);
await migrate(database);
await database.close();

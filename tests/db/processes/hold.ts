/** Opens the database given as JSON, says so, writes a row and keeps it open until it is killed. */
import { type DatabaseOptions, openDatabase } from '../../../src/db/client.ts';
import { settings } from '../../../src/db/schema.ts';

const database = await openDatabase(JSON.parse(process.argv[2] ?? '') as DatabaseOptions);
await database.db.insert(settings).values({ name: 'held', value: process.pid, updatedAt: 1 });
process.stdout.write('open\n');
setInterval(() => undefined, 1_000);

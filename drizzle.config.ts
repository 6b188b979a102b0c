import { mkdirSync } from 'node:fs';
import { dirname } from 'node:path';
import { defineConfig } from 'drizzle-kit';
import { readDatabaseOptions } from './scripts/database-options.ts';

const options = readDatabaseOptions();
const shared = {
  schema: './src/db/schema.ts',
  casing: 'snake_case' as const,
  // Ours, not declared in the schema: `db:push` must not drop it.
  tablesFilter: ['!migration_lease'],
};

function configure() {
  if (options.type === 'mysql') {
    const { type, others: _others, ...dbCredentials } = options;
    return defineConfig({ ...shared, dialect: type, out: './drizzle/mysql', dbCredentials });
  }
  if (!process.argv.includes('generate')) mkdirSync(dirname(options.path), { recursive: true });
  const dbCredentials = { url: `file:${options.path}` };
  return defineConfig({ ...shared, dialect: options.type, out: './drizzle/sqlite', dbCredentials });
}

export default configure();

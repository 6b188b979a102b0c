import { mkdirSync } from 'node:fs';
import { dirname } from 'node:path';
import { config } from 'dotenv';
import { defineConfig } from 'drizzle-kit';

config({ quiet: true });

/** Names and defaults are those of the service itself (.env.example). */
const env = process.env;
const sqlitePath = env.DB_SQLITE_PATH ?? './data/wahub.db';
/** Ours, not declared in the schema: drizzle-kit must not drop it. */
const tablesFilter = ['!migration_lease'];
const shared = { schema: './src/db/schema.ts', casing: 'snake_case', tablesFilter } as const;

function mysqlConfig() {
  return defineConfig({
    ...shared,
    dialect: 'mysql',
    out: './drizzle/mysql',
    dbCredentials: {
      host: env.DB_HOST ?? env.DB_MYSQL_HOST ?? '127.0.0.1',
      port: Number(env.DB_PORT ?? env.DB_MYSQL_PORT ?? 3306),
      user: env.DB_USER ?? env.DB_MYSQL_USER ?? 'wahub',
      password: env.DB_PASSWORD ?? env.DB_PASS ?? env.DB_MYSQL_PASSWORD ?? '',
      database: env.DB_NAME ?? env.DB_MYSQL_DATABASE ?? 'wahub',
    },
  });
}

function sqliteConfig() {
  if (!process.argv.includes('generate')) mkdirSync(dirname(sqlitePath), { recursive: true });
  return defineConfig({
    ...shared,
    dialect: 'sqlite',
    out: './drizzle/sqlite',
    dbCredentials: { url: `file:${sqlitePath}` },
  });
}

export default env.DB_TYPE === 'mysql' ? mysqlConfig() : sqliteConfig();

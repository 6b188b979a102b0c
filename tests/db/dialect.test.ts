import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';

const root = fileURLToPath(new URL('../../', import.meta.url));

const FUNCTIONS = 'functions of one dialect';

/** What only one of the two databases knows, or what means something else in the other. */
const DIALECT: [name: string, pattern: RegExp][] = [
  ['.for(…): use skipLocked', /(?<!Symbol)\.for\(/],
  ['.returning(…): ids are made by us', /\.\$?returning(Id)?\(/],
  ['onDuplicateKeyUpdate: use upsert', /onDuplicateKeyUpdate/],
  ['onConflict…: use upsert', /onConflictDo/],
  ['ON CONFLICT, ON DUPLICATE KEY: use upsert', /on\s+(conflict|duplicate\s+key)/i],
  ['INSERT IGNORE, INSERT OR …: use tryInsert', /insert\s+(ignore|or\s+(ignore|replace))\b/i],
  ['FOR UPDATE, SKIP LOCKED: use skipLocked', /\bfor\s+update\b|\bskip\s+locked\b/i],
  ['PRAGMA', /\bpragma\s+\w+\s*(=|\(|`|')/i],
  [
    'functions of one dialect',
    /\b(unix_timestamp|group_concat|json_extract|strftime|unixepoch|julianday|now)\(/i,
  ],
  ['drivers', /from '(mysql2|@libsql\/client|drizzle-orm\/(mysql2|libsql|mysql-core|sqlite-core))/],
];

/** Functions of one dialect count only inside an sql`…` template. */
function sqlTemplates(source: string): string {
  return [...source.matchAll(/sql(?:<[^>]*>)?`[^`]*`/g)].map(([template]) => template).join('\n');
}

function brokenRules(source: string): string[] {
  const templates = sqlTemplates(source);
  return DIALECT.filter(([name, pattern]) => pattern.test(name === FUNCTIONS ? templates : source)).map(
    ([name]) => name,
  );
}

function findings(path: string): string[] {
  return brokenRules(readFileSync(path, 'utf8')).map((rule) => `${path.slice(root.length)}: ${rule}`);
}

function sources(folder: string): string[] {
  return readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter((name) => /\.tsx?$/.test(name))
    .map((name) => join(folder, name));
}

test('nothing outside of src/db knows a dialect', () => {
  const outside = sources(join(root, 'src')).filter((path) => !path.includes('/src/db/'));
  expect(outside.flatMap(findings)).toEqual([]);
});

test.each([
  "query.for('update')",
  'insert(t).values(v).returning()',
  'insert(t).values(v).$returningId()',
  '.onDuplicateKeyUpdate({ set })',
  '.onConflictDoNothing()',
  'insert into t values (1) on conflict do nothing',
  'INSERT IGNORE INTO t',
  'insert or replace into t',
  'select a from t for update skip locked',
  'PRAGMA synchronous = OFF',
  'sql`select unix_timestamp() from t`',
  "sql<number>`select json_extract(a, '$.b') from t`",
  "import { createPool } from 'mysql2/promise';",
  "import { text } from 'drizzle-orm/sqlite-core';",
])('the rules find %s', (source) => {
  expect(brokenRules(source)).toHaveLength(1);
});

test('the rules leave other code alone', () => {
  expect(
    brokenRules('for (const x of y) await db.insert(t).values({ at: clock.now() }); // sql`a = 1`'),
  ).toEqual([]);
});

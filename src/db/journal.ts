/** Which migrations there are, and how far a database is. Both dialects have the same ones, by name. */
import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { z } from 'zod';
import type { DbType } from './db-type.ts';

export interface JournalEntry {
  /** the name of the migration, such as 0003_media */
  tag: string;
  /** what marks it as applied in `__drizzle_migrations` */
  when: number;
}

const Tables = z.object({ tables: z.record(z.string(), z.unknown()) });
const Journal = z.object({ entries: z.array(z.object({ tag: z.string(), when: z.number() })) });

/** The folder of a dialect's migrations. */
export function migrationsFolder(dialect: DbType): string {
  return join(packageRoot(), 'drizzle', dialect);
}

/** Every migration of the dialect, the oldest first. */
export function readJournal(dialect: DbType, dir = migrationsFolder(dialect)): JournalEntry[] {
  return Journal.parse(JSON.parse(readFileSync(join(dir, 'meta', '_journal.json'), 'utf8'))).entries;
}

/** The tables that there are after a migration. */
export function tablesAfter(dialect: DbType, { tag }: JournalEntry): string[] {
  const file = join(migrationsFolder(dialect), 'meta', `${tag.split('_', 1)[0]}_snapshot.json`);
  return Object.keys(Tables.parse(JSON.parse(readFileSync(file, 'utf8'))).tables).sort();
}

/** The folder of package.json, from `src/db` as well as from `dist/db`. */
export function packageRoot(): string {
  let dir = dirname(fileURLToPath(import.meta.url));
  while (!existsSync(join(dir, 'package.json'))) {
    const up = dirname(dir);
    if (up === dir) throw new Error('package.json was not found above the program');
    dir = up;
  }
  return dir;
}

/**
 * How far a database is whose newest applied migration is that of `when` (0: none). `unknown`: a later release has
 * migrated it.
 */
export type Position =
  | { state: 'empty' }
  | { state: 'unknown' }
  | { state: 'older' | 'newest'; entry: JournalEntry };

export function positionOf(journal: readonly JournalEntry[], when: number): Position {
  if (when === 0) return { state: 'empty' };
  const entry = journal.find((known) => known.when === when);
  if (!entry) return { state: 'unknown' };
  return { state: entry === journal.at(-1) ? 'newest' : 'older', entry };
}

/** The facts that a restore must know of the database it is to fill. */
import { readHost } from '../../cluster/host.ts';
import type { Database } from '../../db/client.ts';
import { readJournal, tablesAfter } from '../../db/journal.ts';
import { hasRows } from '../../db/load.ts';
import { readTableNames } from '../../db/reset.ts';
import { readRestoreMark } from '../../db/restore-mark.ts';
import { StartError } from '../../utils/errors.ts';
import { readKeyHolders } from '../encryption/announcements.ts';
import { type Manifest, PASSING_TABLES } from './format.ts';

const LEASE = 'migration_lease';
const APPLIED = '__drizzle_migrations';
/** Rows in these alone are no tenant's data: a service that was started once has left them. */
const NOBODYS: ReadonlySet<string> = new Set([LEASE, APPLIED, 'settings', ...PASSING_TABLES]);

/**
 * The tables that must go. Throws StartError when a service runs on the database, when tables of another program
 * are in it, and when it holds anything without `force`, unless that is the rest of a restore that was cut off.
 */
export async function emptiesFor(database: Database, manifest: Manifest, force: boolean): Promise<string[]> {
  const names = await readTableNames(database);
  const ours = namesOfOurs(database, manifest);
  const foreign = names.filter((name) => !ours.has(name));
  if (foreign.length > 0) {
    throw new StartError(
      `this database holds tables that are not ours (${foreign.slice(0, 5).join(', ')}): restore into one of its own`,
    );
  }
  await requireNobody(database, names);
  const half = names.includes(LEASE) && (await readRestoreMark(database)) !== null;
  if (!half && !force) await requireEmpty(database, names);
  return names.filter((name) => name !== LEASE);
}

/** Tables of every release up to this one. */
function namesOfOurs({ dialect }: Database, { tables }: Manifest): Set<string> {
  const ever = readJournal(dialect).flatMap((entry) => tablesAfter(dialect, entry));
  return new Set([LEASE, APPLIED, ...ever, ...tables.map(({ name }) => name)]);
}

/** SQLite's file is locked by us by now. */
async function requireNobody(database: Database, names: readonly string[]): Promise<void> {
  if (database.dialect === 'sqlite' || !names.includes('processes') || !names.includes('settings')) return;
  const [running] = await readKeyHolders(database, readHost());
  if (running) throw new StartError(`a service runs on this database (${running.name}): stop it first`);
}

async function requireEmpty(database: Database, names: readonly string[]): Promise<void> {
  for (const name of names) {
    if (NOBODYS.has(name) || !(await hasRows(database, name))) continue;
    throw new StartError(
      `this database is not empty (there are rows in ${name}): restore into an empty one, or add --force to replace what is in it`,
    );
  }
}

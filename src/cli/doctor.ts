/** `npm run doctor`: looks at what the service needs and says of each whether it is well, and what to do if not. */
import { accessSync, constants, existsSync, statfsSync, statSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { type Database, explainStart, openDatabase } from '../db/client.ts';
import { requireMigrated } from '../db/migrate.ts';
import { upsert } from '../db/ops.ts';
import { settings } from '../db/schema.ts';
import { checkSqliteFile, explainSqliteError, quickCheck } from '../db/sqlite-check.ts';
import { openConnection } from '../db/sqlite-connection.ts';
import { lockDatabaseFile } from '../db/sqlite-lock.ts';
import { findKeyTrouble, wrongKey } from '../services/encryption/start-check.ts';
import { countUnreadable } from '../services/health.ts';
import { FUTURE_MS } from '../utils/clock.ts';
import { ConfigError, type DataConfig, loadConfig, loadDataConfig } from '../utils/config.ts';
import { createSecretBox } from '../utils/crypto.ts';
import { StartError } from '../utils/errors.ts';
import type { Reporter } from './tool.ts';

const USAGE = 'usage: npm run doctor';
/** Less free space than this is trouble soon: logs, files and the write-ahead log want some. */
const MIN_FREE_BYTES = 1024 ** 3;
const MIN_FREE_SHARE = 0.05;
/** Others of the machine must not read what is kept there. */
const OTHERS = 0o007;

/** The finding of a check: well (a few words), or what is wrong and what to do. Throws: the same as wrong. */
type Check = () => Promise<string> | string;

/** Runs every check. Throws StartError when one found something. May run beside the service. */
export async function doctor(args: readonly string[], reporter: Reporter): Promise<void> {
  if (args.length > 0) throw new StartError(USAGE);
  const report = createReport(reporter);
  await report.check('configuration', () => {
    loadConfig(process.env);
    return 'complete';
  });
  const config = readData();
  if (config !== null) await checkData(config, report.check);
  if (report.troubles() > 0) throw new StartError(`${report.troubles()} things need a look, see above`);
  reporter.say('All is well.');
}

function createReport(reporter: Reporter) {
  let troubles = 0;
  return {
    troubles: () => troubles,
    async check(name: string, look: Check): Promise<boolean> {
      try {
        reporter.say(`ok       ${name}: ${await look()}`);
        return true;
      } catch (error) {
        troubles++;
        for (const line of linesOf(error)) reporter.warn(`${name}: ${line}`);
        return false;
      }
    },
  };
}

function linesOf(error: unknown): readonly string[] {
  if (error instanceof ConfigError) return error.lines;
  return [error instanceof Error ? error.message : String(error)];
}

/** Null when even the place of the data is not known: the first check has said so. */
function readData(): DataConfig | null {
  try {
    return loadDataConfig(process.env);
  } catch {
    return null;
  }
}

async function checkData(config: DataConfig, check: (name: string, look: Check) => Promise<boolean>) {
  const { database: options } = config;
  const folders = new Set([resolve(config.files.uploadPath)]);
  if (options.type === 'sqlite') folders.add(dirname(resolve(options.path)));
  for (const folder of folders) {
    await check(`folder ${folder}`, () => checkFolder(folder));
    if (existsSync(folder)) await check(`disk of ${folder}`, () => checkDisk(folder));
  }
  if (options.type === 'sqlite') await check(`file ${options.path}`, () => checkFile(resolve(options.path)));
  let database: Database | undefined;
  await check('database', async () => {
    database = await openDatabase(options.type === 'sqlite' ? { ...options, beside: true } : options).catch(
      (error) => {
        throw explainStart(error, options);
      },
    );
    return 'it answers';
  });
  if (database === undefined) return;
  try {
    await checkDatabase(database, config, check);
  } finally {
    await database.close();
  }
}

async function checkDatabase(
  database: Database,
  { encryptionKeys: [key, ...extra] }: DataConfig,
  check: (name: string, look: Check) => Promise<boolean>,
): Promise<void> {
  await check('clock', async () => {
    const askedMs = performance.now();
    const shared = await database.now();
    const skewMs = Math.round(Date.now() - shared - (performance.now() - askedMs) / 2);
    if (Math.abs(skewMs) <= FUTURE_MS) return `${skewMs} ms from the database's`;
    throw new StartError(
      `this machine is ${skewMs} ms from the database: set the clock that is wrong by NTP (timedatectl, chronyc tracking)`,
    );
  });
  const migrated = await check('schema', async () => {
    await requireMigrated(database);
    return 'of this release';
  });
  if (!migrated) return;
  await check('writing', async () => {
    const row = { name: 'write_probe', value: { by: 'doctor' }, updatedAt: await database.now() };
    await upsert(database.db, settings, row, [settings.name], { value: row.value, updatedAt: row.updatedAt });
    return 'a row was written';
  });
  await check('sealed values', async () => {
    if (key === undefined) throw new StartError('ENCRYPTION_KEY is not set');
    const secrets = createSecretBox([key, ...extra]);
    const some: string[] = [];
    const troubles = await findKeyTrouble(database, secrets, [], (place, id) =>
      some.push(`${place} (${id})`),
    );
    if (troubles.length > 0) throw new StartError(wrongKey(secrets.keyId, troubles));
    if (some.length > 0) {
      throw new StartError(
        `some are sealed with other keys: ${some.join(', ')}. Add those keys to ENCRYPTION_KEYS_EXTRA, then run npm run rotate-encryption-key`,
      );
    }
    return `a value of each kind opens with the key ${secrets.keyId}`;
  });
  await check('credentials of sessions', async () => {
    const unreadable = await countUnreadable(database);
    if (unreadable === 0) return 'none is unreadable';
    throw new StartError(
      `${unreadable} sessions cannot be read: put the key that sealed them back (docs/operations.md, credentials_unreadable)`,
    );
  });
}

function checkFolder(folder: string): string {
  if (!existsSync(folder)) return 'will be made';
  try {
    accessSync(folder, constants.R_OK | constants.W_OK | constants.X_OK);
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? String(error.code) : String(error);
    throw new StartError(`this user cannot write there (${code}): chown it, or mount it writable`);
  }
  if ((statSync(folder).mode & OTHERS) === 0) return 'can be written, closed to others';
  throw new StartError(`other users of this machine can look into it: chmod 700 ${folder}`);
}

function checkDisk(folder: string): string {
  const { bavail, blocks, bsize } = statfsSync(folder);
  const free = bavail * bsize;
  const words = `${(free / 1e9).toFixed(1)} GB free of ${((blocks * bsize) / 1e9).toFixed(1)} GB`;
  if (free >= Math.min(MIN_FREE_BYTES, blocks * bsize * MIN_FREE_SHARE)) return words;
  throw new StartError(`${words}: make room, before nothing can be written`);
}

/** Every page, when no service runs on it; beside one SQLite itself watches. */
async function checkFile(path: string): Promise<string> {
  if (!existsSync(path)) return 'will be made';
  const mode = statSync(path).mode & 0o777;
  if ((mode & 0o077) !== 0) {
    throw new StartError(`others can read it (mode ${mode.toString(8)}): chmod 600 ${path}*`);
  }
  const lock = await lockDatabaseFile(path).catch((error) => {
    if (error instanceof StartError) return null;
    throw error;
  });
  if (lock === null) return 'in use by the service';
  try {
    checkSqliteFile(path, { served: existsSync(`${path}.pid`), refill: false });
    const connection = openConnection(path, 100);
    try {
      await quickCheck(path, connection);
    } finally {
      connection.close();
    }
    return 'whole';
  } catch (error) {
    throw explainSqliteError(error, path);
  } finally {
    lock.release();
  }
}

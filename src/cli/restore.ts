/** `npm run restore -- <folder or .tar file>`: a backup of either database becomes this one. */
import { parseArgs } from 'node:util';
import { type Database, openDatabase } from '../db/client.ts';
import { placeOf } from '../db/mysql-start.ts';
import { createOutbox } from '../events/outbox.ts';
import { createEventStream } from '../events/stream.ts';
import { createQueueSignals } from '../queue/signals.ts';
import type { BackupFolders } from '../services/backup/files.ts';
import type { Manifest } from '../services/backup/format.ts';
import { prepareRestored } from '../services/backup/prepare-restored.ts';
import { restoreBackup } from '../services/backup/restore.ts';
import { type BackupSource, openSource } from '../services/backup/sources.ts';
import { type Verified, verifyBackup } from '../services/backup/verify.ts';
import { countSealed } from '../services/encryption/rotate.ts';
import { systemClock as clock } from '../utils/clock.ts';
import { type DataConfig, loadDataConfig } from '../utils/config.ts';
import { createSecretBox, type SecretBox } from '../utils/crypto.ts';
import { StartError } from '../utils/errors.ts';
import { describe } from './backup.ts';
import { withBackupFiles } from './backup-files.ts';
import type { Reporter } from './tool.ts';

const USAGE = `usage: npm run restore -- <folder or .tar file> [options]
  --check               only look whether the backup is whole
  --force               replace what is in the database
  --moved               nothing ran on the data since the backup: keep Signal sessions, tokens and running campaigns
  --hold                pause the queue of every session: nothing is sent until each is resumed
  --skip-damaged-files  leave out files that are missing or damaged in the backup`;

const OPTIONS = {
  check: { type: 'boolean', default: false },
  force: { type: 'boolean', default: false },
  moved: { type: 'boolean', default: false },
  hold: { type: 'boolean', default: false },
  'skip-damaged-files': { type: 'boolean', default: false },
} as const;

/** Restores a backup. Throws StartError; before the checks are done nothing is touched. */
export async function restore(args: readonly string[], reporter: Reporter): Promise<void> {
  const { path, values } = readArgs(args);
  const config = loadDataConfig(process.env);
  const source = openSource(path);
  const verified = await verifyBackup(source, reporter.progress);
  const { manifest, damagedFiles } = verified;
  reporter.say(`${source.path}: ${describe(manifest)}`);
  if (damagedFiles.size > 0 && !values['skip-damaged-files']) {
    const [first] = damagedFiles;
    throw new StartError(
      `${damagedFiles.size} files are missing or damaged (${first}): add --skip-damaged-files to go on without them`,
    );
  }
  if (values.moved && manifest.live) {
    throw new StartError(
      'this backup was made while the service ran, so things have happened since: leave --moved out',
    );
  }
  warnOfKeys(manifest, boxOf(config), reporter);
  if (values.check) {
    reporter.say('The backup is whole.');
    return;
  }
  await withBackupFiles(config, (places) =>
    fill(config, { ...verified, ...places, source }, values, reporter),
  );
}

interface Choices {
  force: boolean;
  moved: boolean;
  hold: boolean;
}

async function fill(
  config: DataConfig,
  what: Verified & BackupFolders & { source: BackupSource },
  { force, moved, hold }: Choices,
  reporter: Reporter,
): Promise<void> {
  const { database: target } = config;
  const database = await openDatabase(target.type === 'sqlite' ? { ...target, refill: true } : target);
  try {
    let held = 0;
    await restoreBackup({ ...what, database, force, moved, onProgress: reporter.progress }, async () => {
      held = await prepare(database, config, { moved, hold });
    });
    reporter.say(`Restored ${nameOf(config)} and its files.`);
    await reportSealed(database, boxOf(config), reporter);
    if (!moved) reportCare(held, reporter);
    if (hold)
      reporter.say('Every queue is paused: POST /message/resume-queue lifts that, session by session.');
  } finally {
    await database.close();
  }
}

function readArgs(args: readonly string[]) {
  try {
    const { positionals, values } = parseArgs({ args: [...args], allowPositionals: true, options: OPTIONS });
    const [path, ...rest] = positionals;
    if (path !== undefined && rest.length === 0) return { path, values };
  } catch (error) {
    throw new StartError(`${error instanceof Error ? error.message : String(error)}\n${USAGE}`);
  }
  throw new StartError(USAGE);
}

function prepare(
  database: Database,
  config: DataConfig,
  options: { moved: boolean; hold: boolean },
): Promise<number> {
  const stream = createEventStream(createOutbox({ clock, hasDefault: config.webhook !== null }));
  const deps = { database, db: database.db, clock, stream, signals: createQueueSignals() };
  return prepareRestored(deps, options);
}

/** By the ids alone: nothing is opened, and nothing was touched yet. */
function warnOfKeys({ sealed }: Manifest, secrets: SecretBox | null, reporter: Reporter): void {
  const ids = Object.keys(sealed);
  if (ids.length === 0) return;
  if (!secrets) {
    reporter.warn(`ENCRYPTION_KEY is not set: it must be the one with the id ${ids.join(', ')}`);
    return;
  }
  for (const [keyId, values] of Object.entries(sealed)) {
    if (secrets.keyIds.includes(keyId)) continue;
    reporter.warn(
      `ENCRYPTION_KEY is ${secrets.keyId}, but ${values} values of the backup are sealed with ${keyId}: with another key every number must be linked again`,
    );
  }
}

async function reportSealed(
  database: Database,
  secrets: SecretBox | null,
  reporter: Reporter,
): Promise<void> {
  if (!secrets) return;
  for (const { keyId, values, unreadable } of await countSealed({ database, secrets })) {
    if (unreadable === 0) reporter.say(`All ${values} sealed values open with the key ${keyId}.`);
    else reporter.warn(`${unreadable} of ${values} values sealed with the key ${keyId} do not open.`);
  }
}

function reportCare(held: number, reporter: Reporter): void {
  reporter.say(
    'Signal sessions were left out: they are made again with the next message to or from each contact.',
  );
  reporter.say('Everybody signs in again; API keys work as they did at the time of the backup.');
  if (held > 0)
    reporter.say(`${held} campaigns are paused with the reason "restored": look, then resume or stop them.`);
  reporter.say(
    'What waits in the queues is sent under its old id. See docs/backup.md before you start the service.',
  );
}

function boxOf({ encryptionKeys: [key, ...extra] }: DataConfig): SecretBox | null {
  return key ? createSecretBox([key, ...extra]) : null;
}

function nameOf({ database }: DataConfig): string {
  return database.type === 'sqlite' ? database.path : `${database.database} on ${placeOf(database)}`;
}

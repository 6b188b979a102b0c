/** `npm run rotate-encryption-key`: everything is sealed with ENCRYPTION_KEY, so that the old key can go. */

import { readHost } from '../cluster/host.ts';
import { type Database, openDatabase } from '../db/client.ts';
import { requireMigrated } from '../db/migrate.ts';
import { readKeyHolders } from '../services/encryption/announcements.ts';
import { type Rotation, rotateSealed } from '../services/encryption/rotate.ts';
import { loadDataConfig } from '../utils/config.ts';
import { createSecretBox, type SecretBox } from '../utils/crypto.ts';
import { DAY_MS } from '../utils/durations.ts';
import { StartError } from '../utils/errors.ts';
import type { Reporter } from './tool.ts';

/** The longest that a signed link is good for: those to files and reports. */
const LINK_MS = DAY_MS;

/** Reseals what other keys have sealed, beside the running service. Throws StartError. */
export async function rotateEncryptionKey(_args: readonly string[], reporter: Reporter): Promise<void> {
  const config = loadDataConfig(process.env);
  const [key, ...extra] = config.encryptionKeys;
  if (!key) throw new StartError('ENCRYPTION_KEY is not set');
  const secrets = createSecretBox([key, ...extra]);
  const { database: options } = config;
  const database = await openDatabase(options.type === 'sqlite' ? { ...options, beside: true } : options);
  try {
    await requireMigrated(database);
    await requireProcesses(database, secrets);
    const rotation = await rotateSealed(
      { database, secrets },
      {
        onProgress: ({ place, seen, resealed }) =>
          reporter.progress(`${place}: ${resealed} resealed, ${seen} looked at`),
      },
    );
    await requireProcesses(database, secrets);
    report(rotation, secrets, reporter);
  } finally {
    await database.close();
  }
}

/** Every running process must seal with the new key already, or there would be no end. */
async function requireProcesses(database: Database, secrets: SecretBox): Promise<void> {
  const holders = await readKeyHolders(database, readHost());
  const behind = holders.filter(({ keys }) => keys?.seals !== secrets.keyId);
  if (behind.length === 0) return;
  const lines = behind.map(({ name, keys }) =>
    keys === null
      ? `${name} does not say which key it uses: restart it with this release`
      : `${name} still seals with the key ${keys.seals}: restart it with the ENCRYPTION_KEY ${secrets.keyId}`,
  );
  throw new StartError(['some processes are not ready for it', ...lines].join('\n  '));
}

function report({ resealed, left, lost, damaged }: Rotation, secrets: SecretBox, reporter: Reporter): void {
  reporter.say(`Sealed ${resealed} values with the key ${secrets.keyId}.`);
  for (const [keyId, values] of lost) {
    reporter.warn(
      `${values} values are sealed with the key ${keyId}, which is not configured: add it to ENCRYPTION_KEYS_EXTRA and run this again, or they are lost`,
    );
  }
  if (damaged > 0) reporter.warn(`${damaged} values cannot be opened with the key that they name`);
  if (left > 0) {
    throw new StartError(`${left} values changed again and again and are not resealed: run this again`);
  }
  const old = secrets.keyIds.slice(1);
  if (old.length === 0) return;
  const until = new Date(Date.now() + LINK_MS).toISOString();
  reporter.say(
    `Nothing is sealed with ${old.join(', ')} any more: ENCRYPTION_KEYS_EXTRA can be removed and the service restarted.`,
  );
  reporter.say(`Links that were signed before (files, QR pages) work until then, and expire by ${until}.`);
}

/**
 * Makes the first admin: of ADMIN_EMAIL and ADMIN_PASSWORD, or of `-- <e-mail>` (admin@localhost when not given)
 * with a random password that is printed once. Does nothing when there is an admin already.
 */
import { randomBytes } from 'node:crypto';
import { config as loadDotenv } from 'dotenv';

loadDotenv({ quiet: true });

/** Loaded after `.env`, because the tables are built for DB_TYPE when they load. */
async function seed(): Promise<void> {
  const { loadConfig } = await import('../src/utils/config.ts');
  const { ensureDevelopmentSecrets } = await import('../src/utils/secrets-file.ts');
  const { openDatabase } = await import('../src/db/client.ts');
  const { migrate } = await import('../src/db/migrate.ts');
  const { createCredentials } = await import('../src/services/auth/credentials.ts');
  const { ensureFirstAdmin } = await import('../src/services/first-admin.ts');
  const { createEventStream } = await import('../src/events/stream.ts');
  const { createSecretBox } = await import('../src/utils/crypto.ts');
  const { createLogger } = await import('../src/utils/logger.ts');
  const { systemClock: clock } = await import('../src/utils/clock.ts');

  ensureDevelopmentSecrets('.env', process.env);
  const config = loadConfig(process.env);
  const given = config.adminEmail !== null;
  config.adminEmail ??= process.argv[2] ?? 'admin@localhost';
  config.adminPassword ??= randomBytes(18).toString('base64url');
  const logger = createLogger({ ...config.log, level: 'silent' });
  const database = await openDatabase(config.database);
  try {
    await migrate(database);
    const { db } = database;
    const secrets = createSecretBox([config.encryptionKey, ...config.extraEncryptionKeys]);
    const credentials = createCredentials({ config, db, clock, logger });
    const deps = { config, db, clock, secrets, stream: createEventStream(), logger, credentials };
    const admin = await ensureFirstAdmin(deps);
    if (!admin) throw new Error(`${config.adminEmail} belongs to a user who is not an active admin`);
    if (!admin.created) console.log(`There is an admin already: ${admin.email}`);
    else if (given) console.log(`Made the admin ${admin.email} with ADMIN_PASSWORD`);
    else
      console.log(
        `Made the admin ${admin.email} with the password ${config.adminPassword}\nIt is shown only once.`,
      );
  } finally {
    await database.close();
    await logger.close();
  }
}

seed().catch((error: unknown) => {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 1;
});

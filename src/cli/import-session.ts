/** `npm run import-session`: a link that another gateway on this machine made, without a running service's help. */
import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { eq } from 'drizzle-orm';
import { type Database, openDatabase } from '../db/client.ts';
import { requireMigrated } from '../db/migrate.ts';
import { users } from '../db/schema.ts';
import { createOutbox } from '../events/outbox.ts';
import { createEventStream } from '../events/stream.ts';
import { createAllowances } from '../queue/allowances.ts';
import { explainFlaw, IMPORT_WARNING, SessionId } from '../services/sessions/index.ts';
import { type ImportedLink, importLink } from '../services/sessions/transfer/import-link.ts';
import { type LinkSource, openSource } from '../services/sessions/transfer/source.ts';
import { firstWorkspaceOf } from '../services/workspaces/own.ts';
import { systemClock as clock } from '../utils/clock.ts';
import type { Config } from '../utils/config.ts';
import { loadConfig } from '../utils/config.ts';
import { createSecretBox } from '../utils/crypto.ts';
import { AppError, StartError } from '../utils/errors.ts';
import { BrokenLink } from '../whatsapp/link-check.ts';
import type { Reporter } from './tool.ts';

const USAGE =
  'usage: npm run import-session -- --user <e-mail> --session <name> --from <folder, archive or JSON> [--keys <folder>]';

interface ImportRequest {
  user: string;
  session: string;
  from: string;
  /** the folder of the keys when `from` is a row of Evolution */
  keys: string | undefined;
}

/**
 * Imports a link beside the service, or while that is stopped; a running one connects it within seconds. Throws
 * StartError.
 */
export async function importSession(args: readonly string[], reporter: Reporter): Promise<void> {
  const request = readRequest(args);
  const config = loadConfig(process.env);
  const { database: options } = config;
  const database = await openDatabase(options.type === 'sqlite' ? { ...options, beside: true } : options);
  try {
    await requireMigrated(database);
    const { row, keys, leftOut } = await store(database, config, request);
    const counts = Object.entries(keys).map(([kind, n]) => `${n} ${kind}`);
    reporter.say(`Imported ${row.sessionId} (+${row.phoneNumber}): ${counts.join(', ') || 'no keys'}.`);
    if (leftOut > 0) reporter.warn(`${leftOut} files are no keys, or damaged, and were left out`);
    reporter.warn(IMPORT_WARNING);
    reporter.say('A running service connects it within ten seconds.');
  } catch (error) {
    if (error instanceof BrokenLink) throw new StartError(explainFlaw(error));
    throw error instanceof AppError ? new StartError(error.message) : error;
  } finally {
    await database.close();
  }
}

function readRequest(args: readonly string[]): ImportRequest {
  const text = { type: 'string' } as const;
  try {
    const { values } = parseArgs({
      args: [...args],
      options: { user: text, session: text, from: text, keys: text },
    });
    const { user, session, from, keys } = values;
    if (!user || !session || !from) throw new StartError(USAGE);
    if (!SessionId.safeParse(session).success) {
      throw new StartError('--session must have 1 to 100 of A-Z a-z 0-9 _ . -');
    }
    return { user, session, from, keys };
  } catch (error) {
    throw error instanceof StartError ? error : new StartError(USAGE);
  }
}

async function store(database: Database, config: Config, request: ImportRequest): Promise<ImportedLink> {
  const userId = await findUser(database, request.user);
  const source = await openSource(await folderOf(request));
  return importLink(
    {
      database,
      db: database.db,
      clock,
      config,
      allowances: createAllowances({ db: database.db, clock }),
      secrets: createSecretBox([config.encryptionKey, ...config.extraEncryptionKeys]),
      stream: createEventStream(createOutbox({ clock, hasDefault: config.webhook !== null })),
    },
    {
      userId,
      sessionId: request.session,
      ...(request.keys === undefined
        ? { source }
        : { source: await openSource(request.keys), credentials: await credentialsIn(source) }),
      owner: null,
    },
  );
}

async function findUser({ db }: Database, user: string): Promise<number> {
  const [row] = await db.select({ id: users.id }).from(users).where(eq(users.email, user.toLowerCase()));
  if (!row) throw new StartError(`there is no user ${user}`);
  return firstWorkspaceOf(db, row.id);
}

/** wa-multi-session has a folder for all sessions, and one for each in it. */
async function folderOf({ from, session }: ImportRequest): Promise<string> {
  for (const name of [`${session}_credentials`, session]) {
    const found = await stat(join(from, name)).catch(() => null);
    if (found?.isDirectory()) return join(from, name);
  }
  return from;
}

async function credentialsIn(source: LinkSource): Promise<string> {
  for await (const file of source.files()) {
    const text = file.name === 'creds.json' ? await file.text() : null;
    if (text !== null) return text;
  }
  throw new BrokenLink('no_credentials', '--from');
}

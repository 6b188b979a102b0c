/**
 * Brings a linked device from another program into the database. The session's row stays inactive until the end: keys
 * come first, then the credentials and `paired` in one transaction. What is cut off in between is no link at all, and
 * the next import or scan clears it away.
 */
import { and, eq, exists, inArray, isNull } from 'drizzle-orm';
import { collectBatches } from '../../../db/batches.ts';
import type { Db, Tx } from '../../../db/client.ts';
import { affected, isUniqueViolation, transact, tryInsert } from '../../../db/ops.ts';
import { isLinking, waKeys, whatsappAccounts } from '../../../db/schema.ts';
import { type Fact, type Origin, record } from '../../../events/record.ts';
import { forgetFormerNumber } from '../../../queue/other-number.ts';
import { MINUTE_MS } from '../../../utils/durations.ts';
import { AppError } from '../../../utils/errors.ts';
import { newId } from '../../../utils/ids.ts';
import { toCurrent } from '../../../utils/phone/former.ts';
import type { ProxyAddress } from '../../../utils/proxy/address.ts';
import { APP_STATE_COLLECTIONS } from '../../../whatsapp/app-state.ts';
import {
  deleteImported,
  deleteKeys,
  IMPORT_INTERRUPTED,
  IMPORTING,
  KEYS_AT_A_TIME,
} from '../../../whatsapp/credential-transfer.ts';
import { type StoredKey, writeCredentials, writeKeys } from '../../../whatsapp/credential-writer.ts';
import { canonicalJid } from '../../../whatsapp/jid.ts';
import {
  BrokenLink,
  type CheckedLink,
  checkCredentials,
  checkKey,
  parseLinkJson,
} from '../../../whatsapp/link-check.ts';
import { CREDENTIALS_FILE, type KeyKind, type KeyName, keyOfFile } from '../../../whatsapp/link-files.ts';
import { learnPairs, pairsIn } from '../../../whatsapp/same-chat.ts';
import type { Deps } from '../../context.ts';
import { type QuotaDeps, takeRoom } from '../../quotas.ts';
import { refuseWhileSuspended } from '../../workspaces/suspension.ts';
import { sealProxy } from '../connection.ts';
import { hasLinked, readSession, type SessionRecord } from '../find.ts';
import { keepPeople } from '../people.ts';
import type { LinkFile, LinkSource } from './source.ts';

const accounts = whatsappAccounts;

/** Longer than the largest link takes; it also is how long a session waits for an import that has died. */
const MAX_IMPORT_MS = 5 * MINUTE_MS;

export type ImportDeps = Pick<Deps, 'database' | 'db' | 'secrets' | 'config'> & QuotaDeps;

export interface LinkImport {
  userId: number;
  sessionId: string;
  source: LinkSource;
  /** the text of `creds.json` when it is kept apart from the keys */
  credentials?: string | undefined;
  origin?: Origin;
  /** what its connections go through; missing: nothing, or that of before */
  proxy?: ProxyAddress | undefined;
  /** the process that will connect it; null: the first one that looks */
  owner: string | null;
  /** part of the last transaction */
  onCommit?(tx: Tx, row: SessionRecord): Promise<void>;
}

export interface ImportedLink {
  row: SessionRecord;
  /** how many keys of each kind were taken */
  keys: Partial<Record<KeyKind, number>>;
  /** files that are no key, or a damaged one */
  leftOut: number;
}

/**
 * Verifies the link and stores it. Throws BrokenLink, SESSION_EXISTS for a session that is linked or being linked,
 * DUPLICATE_PHONE when the phone has an active session, QUOTA_EXCEEDED, CONFLICT when another import or a pairing of
 * the session came in between.
 */
export async function importLink(deps: ImportDeps, input: LinkImport): Promise<ImportedLink> {
  const deadlineMs = deps.clock.monotonic() + MAX_IMPORT_MS;
  const { folder, text } = await findCredentials(input);
  const link = checkCredentials(parseCredentials(text));
  const begun = await begin(deps, input, link);
  try {
    await deleteKeys(deps.db, begun.id);
    const counted = await storeKeys(deps, begun, filesIn(input.source, folder), deadlineMs);
    return { row: await commit(deps, input, begun, link), ...counted };
  } catch (error) {
    await undo(deps.db, begun).catch(() => undefined);
    throw error;
  }
}

/** Where `creds.json` is, and what it says. */
async function findCredentials({
  source,
  sessionId,
  credentials,
}: LinkImport): Promise<{ folder: string; text: string }> {
  const found = new Map<string, string | null>();
  const withKeys = new Set<string>();
  for await (const file of source.files()) {
    if (file.name === CREDENTIALS_FILE) found.set(file.folder, await file.text());
    else if (keyOfFile(file.name)) withKeys.add(file.folder);
  }
  if (credentials !== undefined) {
    return { folder: chooseFolder([...withKeys], sessionId) ?? '', text: credentials };
  }
  const folder = chooseFolder([...found.keys()], sessionId);
  const text = folder === null ? null : (found.get(folder) ?? null);
  if (folder === null || text === null) throw new BrokenLink('no_credentials', CREDENTIALS_FILE);
  return { folder, text };
}

/** Of several folders that of this session, as wa-multi-session and others name it. */
function chooseFolder(folders: readonly string[], sessionId: string): string | null {
  if (folders.length <= 1) return folders[0] ?? null;
  const own = folders.filter((folder) => {
    const name = folder.slice(folder.lastIndexOf('/') + 1);
    return name === sessionId || name === `${sessionId}_credentials`;
  });
  if (own.length !== 1) throw new BrokenLink('several_links', folders.slice(0, 5).join(', '));
  return own[0] ?? null;
}

function parseCredentials(text: string): unknown {
  try {
    const value = parseLinkJson(text);
    // Evolution keeps the text of the JSON as JSON.
    return typeof value === 'string' ? parseLinkJson(value) : value;
  } catch {
    throw new BrokenLink('no_credentials', CREDENTIALS_FILE);
  }
}

/** A row that is being imported into. */
interface Begun {
  id: string;
  /** `importedAt` while it is, which no other import has */
  stamp: number;
  /** null: the session is new */
  before: Pick<SessionRecord, 'status' | 'reason' | 'importedAt'> | null;
}

async function begin(deps: ImportDeps, input: LinkImport, link: CheckedLink): Promise<Begun> {
  const { userId, sessionId, owner } = input;
  const stamp = deps.clock.now();
  return transact(deps.database, async (tx) => {
    await refuseDuplicate(tx, userId, link.phone);
    const known = await readSession(tx, userId, sessionId);
    if (known) return resume(tx, known, stamp);
    await takeRoom(tx, deps, userId, 'sessions');
    await refuseWhileSuspended(tx, userId);
    const id = newId(stamp);
    const inserted = await tryInsert(tx, accounts, {
      id,
      userId,
      sessionId,
      status: 'disconnected',
      reason: IMPORTING,
      pairing: 'qr',
      importedAt: stamp,
      owner,
      fence: 1,
      createdAt: stamp,
      updatedAt: stamp,
    });
    if (!inserted) throw inUse();
    return { id, stamp, before: null };
  });
}

async function refuseDuplicate(tx: Tx, userId: number, phone: string): Promise<void> {
  const [taken] = await tx
    .select({ sessionId: accounts.sessionId })
    .from(accounts)
    .where(hasLinked(userId, phone));
  if (taken) throw duplicate();
}

const duplicate = () => new AppError('DUPLICATE_PHONE', 'This phone already has an active session.');

/** A session without a phone takes the link. */
async function resume(tx: Tx, known: SessionRecord, stamp: number): Promise<Begun> {
  const { id, status, reason, importedAt } = known;
  if (known.paired || isLinking(status)) {
    throw new AppError(
      'SESSION_EXISTS',
      'The session of this name has a link, or a code that waits to be scanned. Take another name, or delete it first.',
    );
  }
  // The rest of an interrupted one is being cleared away until its stamp is gone.
  const isImport = reason === IMPORTING || reason === IMPORT_INTERRUPTED;
  const isRunning = isImport && importedAt !== null && stamp - importedAt < MAX_IMPORT_MS;
  if (isRunning) throw inUse();
  const changed = await tx
    .update(accounts)
    .set({
      status: 'disconnected',
      reason: IMPORTING,
      errorMessage: null,
      importedAt: stamp,
      updatedAt: stamp,
    })
    .where(
      and(
        eq(accounts.id, id),
        eq(accounts.paired, false),
        eq(accounts.status, status),
        importedAt === null ? isNull(accounts.importedAt) : eq(accounts.importedAt, importedAt),
      ),
    );
  if (affected(changed) === 0) throw inUse();
  return { id, stamp, before: { status, reason, importedAt } };
}

const inUse = () =>
  new AppError('CONFLICT', 'Another import or pairing of this session has begun. Try again in a moment.');

/** The row still waits for this import. */
const waits = ({ id, stamp }: Begun) =>
  and(
    eq(accounts.id, id),
    eq(accounts.reason, IMPORTING),
    eq(accounts.importedAt, stamp),
    eq(accounts.paired, false),
  );

async function* filesIn(source: LinkSource, folder: string): AsyncGenerator<LinkFile> {
  for await (const file of source.files()) if (file.folder === folder) yield file;
}

type ReadKey = KeyName & { value: Buffer };

async function storeKeys(
  deps: ImportDeps,
  begun: Begun,
  files: AsyncGenerator<LinkFile>,
  deadlineMs: number,
): Promise<Pick<ImportedLink, 'keys' | 'leftOut'>> {
  const keys: Partial<Record<KeyKind, number>> = {};
  let leftOut = 0;
  for await (const read of collectBatches(readKeys(files), KEYS_AT_A_TIME)) {
    const batch = read.filter((key) => key !== null);
    if (batch.length > 0) await transact(deps.db, (tx) => storeBatch(tx, deps, begun, batch));
    if (deps.clock.monotonic() > deadlineMs) throw new BrokenLink('too_large', 'time');
    for (const { type } of batch) keys[type] = (keys[type] ?? 0) + 1;
    leftOut += read.length - batch.length;
  }
  return { keys, leftOut };
}

/** Null for each file that is no key, or a damaged one. */
async function* readKeys(files: AsyncGenerator<LinkFile>): AsyncGenerator<ReadKey | null> {
  for await (const file of files) if (file.name !== CREDENTIALS_FILE) yield readKey(file);
}

async function readKey(file: LinkFile): Promise<ReadKey | null> {
  const key = keyOfFile(file.name);
  if (key === null) return null;
  const text = await file.text();
  if (text === null) return null;
  try {
    const value = checkKey(key, parseLinkJson(text));
    return value === null ? null : { ...key, value };
  } catch (error) {
    // A program that was killed while it wrote left half a file: one key less is no harm.
    if (error instanceof SyntaxError) return null;
    throw error;
  }
}

async function storeBatch(
  tx: Tx,
  { secrets, clock }: ImportDeps,
  begun: Begun,
  keys: readonly StoredKey[],
): Promise<void> {
  const held = await tx.update(accounts).set({ importedAt: begun.stamp }).where(waits(begun));
  if (affected(held) === 0) throw inUse();
  await writeKeys(tx, secrets, begun.id, keys);
  const updatedAt = clock.now();
  // A person who has given this number a token is no stranger to it.
  const people = keys.flatMap(({ type, name }) =>
    type === 'tctoken' && name.includes('@') ? [{ jid: canonicalJid(name), name: null, hasChat: true }] : [],
  );
  await keepPeople(tx, begun.id, people, updatedAt);
  await learnPairs(tx, begun.id, pairsIn(keys), updatedAt);
}

/** Whether the program that had the link before has read any of the collections that are followed. */
async function hasReadAppState(tx: Tx, accountId: string): Promise<boolean> {
  const { type, name } = waKeys;
  const read = and(
    eq(waKeys.accountId, accountId),
    eq(type, 'app-state-sync-version'),
    inArray(name, [...APP_STATE_COLLECTIONS]),
  );
  return (await tx.select({ name }).from(waKeys).where(read).limit(1)).length > 0;
}

async function commit(
  deps: ImportDeps,
  { userId, sessionId, owner, origin, proxy, onCommit }: LinkImport,
  begun: Begun,
  link: CheckedLink,
): Promise<SessionRecord> {
  const { phone, lid, name, platform } = link;
  const now = deps.clock.now();
  try {
    return await transact(deps.database, async (tx) => {
      const other = await forgetFormerNumber(tx, begun.id, phone, begun.stamp);
      const changed = await tx
        .update(accounts)
        .set({
          ...other,
          // When another program linked it is not known.
          ...(other.knownFrom === undefined ? {} : { linkedAt: null }),
          reason: null,
          paired: true,
          // The keys of another program say how far that one has read. Where they say nothing, the reading begins here.
          appStateVersions: (await hasReadAppState(tx, begun.id)) ? null : {},
          phoneNumber: phone,
          activePhone: toCurrent(phone),
          expectedPhone: null,
          lid,
          name: name?.slice(0, 190) ?? null,
          deviceInfo: { platform },
          ...(proxy === undefined ? {} : { proxy: sealProxy(deps.secrets, begun.id, proxy) }),
          importedAt: now,
          updatedAt: now,
          // The process that connects it reads the row again.
          ...(owner === null ? { owner: null } : {}),
        })
        .where(waits(begun));
      if (affected(changed) === 0) throw inUse();
      await writeCredentials(tx, deps, begun.id, link.credentials);
      const fact = { userId, ...(origin ? { origin } : {}) };
      const created: Fact = {
        ...fact,
        session: { id: begun.id, sessionId },
        event: 'session.created',
        data: { pairing: 'import' },
      };
      await record(tx, deps, [
        ...(begun.before === null ? [created] : []),
        { ...fact, event: 'session.imported', subject: sessionId },
      ]);
      const row = await readSession(tx, userId, sessionId);
      if (!row) throw inUse();
      await onCommit?.(tx, row);
      return row;
    });
  } catch (error) {
    throw isUniqueViolation(error) ? duplicate() : error;
  }
}

/** After a failure: a new session goes, another one is as it was. Nothing happens when the row has moved on. */
async function undo(db: Db, begun: Begun): Promise<void> {
  const { id, before } = begun;
  // What it has stored goes first: as soon as the row is free, another import may store its own.
  const isOurs = exists(db.select({ id: accounts.id }).from(accounts).where(waits(begun)));
  await deleteImported(db, id, { hadPhone: before !== null, isOurs });
  if (before === null) await db.delete(accounts).where(waits(begun));
  else await db.update(accounts).set(before).where(waits(begun));
}

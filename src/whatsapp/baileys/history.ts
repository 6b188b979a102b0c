/**
 * The history that a phone tells a device it has just linked: the names, LIDs and privacy tokens of its chats, in pieces inside
 * of messages or as files. All are taken within a bound; what a crash or a failure interrupts is not told again.
 */
import { type BaileysEventMap, type Contact, proto, type WASocket } from '@whiskeysockets/baileys';
import PQueue from 'p-queue';
import { inBatches } from '../../db/batches.ts';
import { createFairQueue, type FairQueue } from '../../utils/fair-queue.ts';
import type { Logger } from '../../utils/logger.ts';
import type { Person } from '../engine.ts';
import type { FetchOptions } from '../inbound-media.ts';
import { canonicalJid, lidOf, parseJid, phoneOf } from '../jid.ts';
import { type HistoryPerson, readHistory, unpackHistory } from './history-reader.ts';
import type { MediaFetcher, SealedFile } from './inbound-file.ts';
import type { RawKeys } from './transactions.ts';

const { HistorySyncType } = proto.HistorySync;

/** Statuses are no chat, and nothing is asked for on demand. */
const IGNORED: ReadonlySet<number> = new Set([HistorySyncType.INITIAL_STATUS_V3, HistorySyncType.ON_DEMAND]);
/** Of one link: a phone with years of chats sends some dozens. */
const MAX_PIECES = 200;
/** Of one piece, packed. */
const MAX_FILE_BYTES = 32 * 1024 ** 2;
const FILE_TIMEOUT_MS = 60_000;
/** Of one link. */
const MAX_PEOPLE = 50_000;
/** Baileys keeps the list of all tokens here, to find old ones. */
const TOKEN_INDEX = '__index';

/** Packed pieces that are downloaded, or wait to be read, at a time: each is held in memory. */
const MAX_FILES = 8;
const MAX_FILES_PER_TENANT = 2;

/** What the histories of all sessions share. */
export interface HistoryTurns {
  /** by tenant: a file comes as fast as the session's proxy is */
  files: FairQueue;
  /** one piece after the other: each may need a hundred megabytes */
  reading: PQueue;
}

export const createHistoryTurns = (): HistoryTurns => ({
  // A session asks for three at a time at most, so that there is no end to give to the waiting: a piece of its history, what is
  // missing of its chats and labels, and the news of them.
  files: createFairQueue({
    concurrency: MAX_FILES,
    perOwner: MAX_FILES_PER_TENANT,
    maxWaiting: Number.POSITIVE_INFINITY,
  }),
  reading: new PQueue({ concurrency: 1 }),
});

export interface HistoryDeps {
  keys: RawKeys;
  fetch(source: SealedFile, options: Omit<FetchOptions, 'accountId'>): ReturnType<MediaFetcher['fetch']>;
  turns: HistoryTurns;
  logger: Logger;
  accountId: string;
  userId: number;
  /** aborted when the socket closes */
  closed: AbortSignal;
  /** the phone and LID of the session itself, digits */
  me(): readonly (string | null)[];
  onPeople(people: Person[]): void;
}

export interface History {
  /** Reads what one message of our own phone brings, little by little. Never throws. */
  take(notification: proto.Message.IHistorySyncNotification): void;
}

/** Takes the history of one link. */
export function createHistory(deps: HistoryDeps): History {
  let pieces = 0;
  let people = 0;
  const { turns } = deps;
  const line = new PQueue({ concurrency: 1 });

  async function takeOne(notification: proto.Message.IHistorySyncNotification): Promise<void> {
    const inline = notification.initialHistBootstrapInlinePayload;
    if (inline?.length) return turns.reading.add(() => read([inline]));
    await turns.files.run(String(deps.userId), async () => {
      if (deps.closed.aborted) return;
      const packed = await downloadPiece(deps, notification);
      await turns.reading.add(() => read(packed));
    });
  }

  async function read(packed: readonly Uint8Array[]): Promise<void> {
    if (deps.closed.aborted) return;
    const bytes = await unpackHistory(packed);
    for await (const batch of readHistory(bytes)) {
      if (deps.closed.aborted || people >= MAX_PEOPLE) return;
      people += batch.length;
      await keep(deps, batch);
    }
  }

  return {
    take(notification) {
      const { syncType, initialHistBootstrapInlinePayload: inline, directPath } = notification;
      if (IGNORED.has(syncType ?? -1) || !(inline?.length || directPath)) return;
      pieces += 1;
      if (pieces > MAX_PIECES) return;
      line
        .add(() => takeOne(notification))
        .catch((error: unknown) => {
          if (deps.closed.aborted) return;
          deps.logger.warn('a piece of the history could not be read', {
            accountId: deps.accountId,
            syncType,
            error: String(error),
          });
        });
    },
  };
}

const isPersonOf = (jid: string, own: ReadonlySet<string | null>): boolean => {
  const user = parseJid(jid);
  return (
    (user?.kind === 'phone' || user?.kind === 'lid') && /^\d{5,20}$/.test(user.user) && !own.has(user.user)
  );
};

/** Those of the contacts that the library tells of who bring a name; `me`: the session's own phone and LID, digits. */
export function namedPeople(contacts: readonly Partial<Contact>[], me: readonly (string | null)[]): Person[] {
  const own = new Set(me);
  return contacts.flatMap(({ id, name, notify }) =>
    id !== undefined && (name || notify) && isPersonOf(id, own)
      ? [{ jid: canonicalJid(id), name: name || null, pushName: notify || null, hasChat: false }]
      : [],
  );
}

/** Contacts that are told of before the event loop turns. */
const CONTACTS_AT_ONCE = 500;

/**
 * Tells of contacts as the library does, soon after. Straight from what it emits: in its buffer each would be joined with all
 * others, and a phone may bring 50,000 of them at once.
 */
export function followContacts(
  { ev }: Pick<WASocket, 'ev'>,
  tell: (contacts: readonly Partial<Contact>[]) => void,
): void {
  let told: Partial<Contact>[] = [];
  let isTelling = false;
  /** One at a time, until none is left: a name that is told later must not be overtaken by one from before. */
  const tellAll = async () => {
    while (told.length > 0) {
      const all = told;
      told = [];
      for await (const batch of inBatches(all, CONTACTS_AT_ONCE)) tellBatch(batch);
    }
    isTelling = false;
  };
  const tellBatch = (batch: readonly Partial<Contact>[]) => {
    try {
      tell(batch);
    } catch {
      // Names alone are lost where one of them cannot be read.
    }
  };
  const emit = ev.emit.bind(ev);
  ev.emit = (event, data) => {
    const contacts = contactsIn(event, data);
    if (contacts === null) return emit(event, data);
    for (const contact of contacts) told.push(contact);
    if (!isTelling) setImmediate(() => void tellAll());
    isTelling = true;
    return true;
  };
}

function contactsIn<E extends keyof BaileysEventMap>(
  event: E,
  data: BaileysEventMap[E],
): readonly Partial<Contact>[] | null {
  if (event !== 'contacts.upsert' && event !== 'contacts.update') return null;
  // Safe because both events have a list of contacts.
  return data as readonly Partial<Contact>[];
}

/** All of the packed file, which is small enough to be held. */
async function downloadPiece(
  { fetch, closed }: HistoryDeps,
  notification: proto.Message.IHistorySyncNotification,
): Promise<Uint8Array[]> {
  const { mediaKey, fileSha256, directPath } = notification;
  if (!mediaKey?.length || !directPath) throw new Error('it names no file');
  const source = {
    kind: 'history' as const,
    mediaKey: Buffer.from(mediaKey),
    fileSha256: fileSha256?.length ? Buffer.from(fileSha256) : null,
    url: null,
    directPath,
  };
  const stream = await fetch(source, {
    maxBytes: MAX_FILE_BYTES,
    timeoutMs: FILE_TIMEOUT_MS,
    signal: closed,
  });
  return stream.toArray();
}

/** LIDs first: a token is kept under the LID of its chat. */
async function keep(deps: HistoryDeps, batch: readonly HistoryPerson[]): Promise<void> {
  const own = new Set(deps.me());
  const known = batch.filter(({ jid }) => isPersonOf(jid, own));
  if (known.length === 0) return;
  await keepMappings(deps.keys, known);
  await keepTokens(deps.keys, known);
  // Under both of their names: a message may be addressed by either.
  const people = known.flatMap(({ jid, otherJid, name, pushName, hasChat }) =>
    [jid, ...(otherJid === null ? [] : [otherJid])].map((one) => ({
      jid: canonicalJid(one),
      name,
      pushName,
      hasChat,
    })),
  );
  deps.onPeople(people.filter(({ name, pushName, hasChat }) => (name ?? pushName) !== null || hasChat));
}

async function keepMappings(keys: RawKeys, people: readonly HistoryPerson[]): Promise<void> {
  const mappings: Record<string, string> = {};
  for (const { jid, otherJid } of people) {
    const phone = phoneOf(jid) ?? phoneOf(otherJid);
    const lid = lidOf(jid) ?? lidOf(otherJid);
    if (phone && lid) Object.assign(mappings, { [phone]: lid, [`${lid}_reverse`]: phone });
  }
  if (Object.keys(mappings).length > 0) await keys.set({ 'lid-mapping': mappings });
}

interface StoredToken {
  token: Buffer;
  timestamp?: string;
  senderTimestamp?: number;
}

/** A token that is there already and newer stays. */
async function keepTokens(keys: RawKeys, people: readonly HistoryPerson[]): Promise<void> {
  const withToken = people.filter(({ token }) => token !== null);
  if (withToken.length === 0) return;
  const phones = withToken.flatMap(({ jid }) => phoneOf(jid) ?? []);
  const lids = await keys.get('lid-mapping', phones);
  const nameOf = (jid: string) => {
    const lid = lids[phoneOf(jid) ?? ''];
    return typeof lid === 'string' ? `${lid}@lid` : canonicalJid(jid);
  };
  const names = withToken.map(({ jid }) => nameOf(jid));
  const before = await keys.get('tctoken', [...names, TOKEN_INDEX]);
  const entries: Record<string, StoredToken> = {};
  for (const { jid, token } of withToken) {
    const known = asToken(before[nameOf(jid)]);
    if (!token || Number(known?.timestamp ?? 0) >= token.timestamp) continue;
    const sent = token.senderTimestamp ?? known?.senderTimestamp;
    entries[nameOf(jid)] = {
      token: token.bytes,
      timestamp: String(token.timestamp),
      ...(sent === undefined ? {} : { senderTimestamp: sent }),
    };
  }
  const added = Object.keys(entries);
  if (added.length === 0) return;
  const index = [...new Set([...namesIn(asToken(before[TOKEN_INDEX])), ...added])];
  await keys.set({ tctoken: { ...entries, [TOKEN_INDEX]: { token: Buffer.from(JSON.stringify(index)) } } });
}

/** Safe because what is stored under this kind is what Baileys and `keepTokens` set. */
function asToken(value: unknown): StoredToken | undefined {
  return value as StoredToken | undefined;
}

function namesIn(index: StoredToken | undefined): string[] {
  try {
    const names: unknown = JSON.parse(index?.token.toString() ?? '[]');
    return Array.isArray(names) ? names.filter((name) => typeof name === 'string') : [];
  } catch {
    return [];
  }
}

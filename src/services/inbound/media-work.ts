/** The files of inbound messages that are still to be downloaded: a row each, claimed by one process at a time. */

import { and, asc, count, eq, isNotNull, isNull, lte, notInArray, sql } from 'drizzle-orm';
import { readLive } from '../../cluster/processes.ts';
import { affected, prepared, skipLocked } from '../../db/ops.ts';
import { inboundMedia, mediaSources, messages } from '../../db/schema.ts';
import { type BackoffRange, backoffMs, spread } from '../../utils/backoff.ts';
import { DAY_MS, HOUR_MS, MINUTE_MS } from '../../utils/durations.ts';
import { AppError } from '../../utils/errors.ts';
import type { AccountRef } from '../../whatsapp/engine.ts';
import type { InboundMediaKind, MediaSource } from '../../whatsapp/inbound-content.ts';
import { MediaFailure } from '../../whatsapp/inbound-media.ts';
import type { EngineRequests } from '../../whatsapp/requests.ts';
import type { Deps } from '../context.ts';

/** WhatsApp keeps files for weeks; what could not be had for a day will not be. */
const GIVE_UP_AFTER_MS = DAY_MS;
/** Longer than a download may take: a claim that has run out belongs to a process that hangs. */
const CLAIM_MS = 10 * MINUTE_MS;
/** Downloads of one tenant at a time in one process: they come as fast as its proxies are. */
const MAX_PER_TENANT = 2;
/** Files of a workspace that are fetched again at a time. */
const MAX_AGAIN = 20;
/** Somebody waits for a file that was asked for again. */
const AGAIN_FOR_MS = HOUR_MS;
const AGAIN_RETRY_SECONDS = 30;
const RETRY: BackoffRange = { firstMs: 5_000, maxMs: HOUR_MS };

/** One download that this process has claimed. */
export interface MediaWork {
  /** messages.id, and later media.id */
  id: string;
  userId: number;
  accountId: string;
  /** where the file is, and its key: `openMediaWork` opens it */
  keyId: string;
  sealed: Buffer;
  /** this one included */
  attempts: number;
  giveUpAt: number;
  /** media.id of the file that was asked for again; null: it is fetched for the first time */
  mediaId: string | null;
}

type Row = typeof inboundMedia.$inferSelect;

/** The row that remembers where a file is, with the key sealed. */
export function newMediaWork(
  { secrets, clock }: Pick<Deps, 'secrets' | 'clock'>,
  account: AccountRef,
  id: string,
  source: MediaSource,
): typeof inboundMedia.$inferInsert {
  const now = clock.now();
  return {
    id,
    userId: account.userId,
    accountId: account.id,
    keyId: secrets.keyId,
    sealed: secrets.seal(encodeSource(source), sealedSourceContext(id)),
    nextAttemptAt: now,
    giveUpAt: now + GIVE_UP_AFTER_MS,
  };
}

/** The same, kept with the message: the file may be asked for again. */
export function keptSource({
  id,
  keyId,
  sealed,
}: ReturnType<typeof newMediaWork>): typeof mediaSources.$inferInsert {
  return { id, keyId, sealed };
}

/** The row that has the file of a message fetched again; what it seals is what is kept of it. */
export async function againWork(
  { db, clock }: Pick<Deps, 'db' | 'clock'>,
  message: { id: string; userId: number; accountId: string },
  mediaId: string,
): Promise<typeof inboundMedia.$inferInsert | null> {
  const { id, userId, accountId } = message;
  const [kept] = await db.select().from(mediaSources).where(eq(mediaSources.id, id));
  if (!kept) return null;
  const now = clock.now();
  return { ...kept, userId, accountId, mediaId, nextAttemptAt: now, giveUpAt: now + AGAIN_FOR_MS };
}

/** Throws RATE_LIMITED when as many files of the workspace are being fetched again as may be. */
export async function requireAgainRoom(db: Deps['db'], userId: number): Promise<void> {
  const open = and(eq(inboundMedia.userId, userId), isNotNull(inboundMedia.mediaId));
  const [row] = await db.select({ n: count() }).from(inboundMedia).where(open);
  if ((row?.n ?? 0) < MAX_AGAIN) return;
  throw new AppError('RATE_LIMITED', `${MAX_AGAIN} files are being fetched again: wait for one of them.`, {
    retryAfterSeconds: AGAIN_RETRY_SECONDS,
    details: { limit: MAX_AGAIN },
  });
}

/**
 * What the engine is asked for a file to be put at WhatsApp again; null when nothing is kept of it, when it is not sealed (no phone
 * has files of channels), or it is another session's.
 */
export async function readAgainRequest(
  { db, secrets }: Pick<Deps, 'db' | 'secrets'>,
  account: AccountRef,
  id: string,
): Promise<EngineRequests['media.again']['input'] | null> {
  const [row] = await db
    .select({ message: messages, source: mediaSources })
    .from(messages)
    .innerJoin(mediaSources, eq(mediaSources.id, messages.id))
    .where(and(eq(messages.id, id), eq(messages.accountId, account.id)));
  if (!row) return null;
  const { mediaKey } = openSource(secrets, row.source);
  if (mediaKey === null) return null;
  const { messageId, peer, direction, author } = row.message;
  return {
    messageId,
    chat: peer,
    fromMe: direction === 'out',
    participant: author === '' ? null : author,
    mediaKey: encodeBytes(mediaKey),
  };
}

/**
 * Claims at most `limit` downloads that are due. Tenants take turns, those with the fewest under way first, and of each the
 * longest waiting; `running` is what this process has under way of each (by user ID), at most MAX_PER_TENANT. Throws what the
 * database throws before anything is claimed; what is claimed already is given back.
 */
export async function claimMedia(
  { db, clock }: Pick<Deps, 'db' | 'clock'>,
  processId: string,
  limit: number,
  running: ReadonlyMap<number, number> = new Map(),
): Promise<MediaWork[]> {
  const now = clock.now();
  const counts = new Map(running);
  const claimed: MediaWork[] = [];
  try {
    for (let level = 0; level < MAX_PER_TENANT; ) {
      if (claimed.length >= limit) break;
      const passed = [...counts].filter(([, count]) => count > level).map(([userId]) => userId);
      const [row] = await readDue(db, now, passed);
      if (!row) {
        // Nothing at all is due.
        if (passed.length === 0) break;
        level += 1;
        continue;
      }
      // One that another process was quicker to claim counts as well: the next look finds what is left.
      counts.set(row.userId, (counts.get(row.userId) ?? 0) + 1);
      const attempts = row.attempts + 1;
      const result = await db
        .update(inboundMedia)
        .set({ claimedBy: processId, attempts, nextAttemptAt: now + CLAIM_MS })
        .where(and(eq(inboundMedia.id, row.id), eq(inboundMedia.nextAttemptAt, row.nextAttemptAt)));
      if (affected(result) === 1) claimed.push({ ...row, attempts });
    }
  } catch (error) {
    // The next look meets it again; without this, those would rest until their claims have run out.
    if (claimed.length === 0) throw error;
  }
  return claimed;
}

/** Where the file is. Throws MediaFailure `corrupt` when its seal does not open: its key is lost, or the row is damaged. */
export function openMediaWork(secrets: Deps['secrets'], work: MediaWork): MediaSource {
  try {
    return openSource(secrets, work);
  } catch (cause) {
    throw new MediaFailure('corrupt', 'where the file is cannot be opened', cause);
  }
}

const longestWaiting = prepared((db) =>
  skipLocked(
    db
      .select()
      .from(inboundMedia)
      .where(lte(inboundMedia.nextAttemptAt, sql.placeholder('now')))
      .orderBy(asc(inboundMedia.nextAttemptAt))
      .limit(1),
  ).prepare(),
);

/** The longest waiting of those tenants that are not passed over; none that somebody has locked. */
function readDue(db: Deps['db'], now: number, passed: readonly number[]): Promise<Row[]> {
  if (passed.length === 0) return longestWaiting(db).execute({ now });
  const others = notInArray(inboundMedia.userId, [...passed]);
  return skipLocked(
    db
      .select()
      .from(inboundMedia)
      .where(and(lte(inboundMedia.nextAttemptAt, now), others))
      .orderBy(asc(inboundMedia.nextAttemptAt))
      .limit(1),
  );
}

/** Frees what processes that are gone had claimed; how many. */
export async function releaseDeadClaims(
  { database, db, clock }: Pick<Deps, 'database' | 'db' | 'clock'>,
  processId: string,
): Promise<number> {
  const live = await readLive(database);
  return affected(
    await db
      .update(inboundMedia)
      .set({ claimedBy: null, nextAttemptAt: clock.now() })
      .where(
        and(
          isNotNull(inboundMedia.claimedBy),
          notInArray(inboundMedia.claimedBy, [...new Set([...live, processId])]),
        ),
      ),
  );
}

/** Lets a claim go, to be tried again in `delayMs`; an attempt that was cut off by a stop does not count. */
export async function postponeMedia(
  { db, clock }: Pick<Deps, 'db' | 'clock'>,
  work: MediaWork,
  { delayMs, counts }: { delayMs: number; counts: boolean },
): Promise<void> {
  await db
    .update(inboundMedia)
    .set({
      claimedBy: null,
      nextAttemptAt: clock.now() + delayMs,
      attempts: counts ? work.attempts : work.attempts - 1,
    })
    .where(eq(inboundMedia.id, work.id));
}

/** What waits for its next attempt is due now; nothing when it has been claimed since. */
export async function hastenMedia({ db, clock }: Pick<Deps, 'db' | 'clock'>, id: string): Promise<void> {
  await db
    .update(inboundMedia)
    .set({ nextAttemptAt: clock.now() })
    .where(and(eq(inboundMedia.id, id), isNull(inboundMedia.claimedBy)));
}

/** From 5 s up to an hour, with jitter; whole milliseconds. */
export function retryDelayMs(attempts: number, random: number): number {
  return Math.round(spread(backoffMs(RETRY, attempts), random));
}

/** The context that a source is sealed with. */
export const sealedSourceContext = (id: string) => `inbound_media:${id}`;

const encodeBytes = (bytes: Uint8Array) => Buffer.from(bytes).toString('base64');
const decodeBytes = (text: string | null) => (text === null ? null : Buffer.from(text, 'base64'));

function encodeSource({ kind, url, directPath, mediaKey, fileSha256 }: MediaSource): Buffer {
  const sha = fileSha256 ? encodeBytes(fileSha256) : null;
  const key = mediaKey ? encodeBytes(mediaKey) : null;
  return Buffer.from(JSON.stringify([kind, url, directPath, key, sha]));
}

function openSource(secrets: Deps['secrets'], row: Pick<Row, 'id' | 'keyId' | 'sealed'>): MediaSource {
  const plain = secrets.open(row.sealed, row.keyId, sealedSourceContext(row.id));
  const [kind, url, directPath, mediaKey, sha] = asEncoded(JSON.parse(plain.toString()));
  return { kind, url, directPath, mediaKey: decodeBytes(mediaKey), fileSha256: decodeBytes(sha) };
}

type Encoded = [InboundMediaKind, string | null, string | null, string | null, string | null];

/** Safe because only `encodeSource` makes what the seal opens. */
function asEncoded(value: unknown): Encoded {
  return value as Encoded;
}

/** Reads what is missing of the collections of a phone, as often as it takes. */
import { type BinaryNode, getBinaryNodeChildren, type WASocket } from '@whiskeysockets/baileys';
import { retry } from '../../utils/backoff.ts';
import { sleep } from '../../utils/clock.ts';
import { HOUR_MS, MINUTE_MS } from '../../utils/durations.ts';
import type { Mutex } from '../../utils/mutex.ts';
import { APP_STATE_COLLECTIONS, type AppStateCollection } from '../app-state.ts';
import type { AppStateDeps } from './app-state.ts';
import type { Keeper } from './app-state-keeper.ts';
import { isCollection, VERSION, versionOf } from './app-state-version.ts';
import type { HistoryTurns } from './history.ts';

/** Links of a release before begin within this time, each at a moment of its own: all of them read everything once. */
const SPREAD_MS = 5 * MINUTE_MS;
/** Baileys has read what it was told of by then, or does not. */
const TOLD_PATIENCE_MS = 30_000;
const READ_RETRY = { firstMs: 5_000, maxMs: 5 * MINUTE_MS };
const READ_TIMEOUT_MS = HOUR_MS;

export interface Reader {
  /**
   * Reads what is missing, and tries again: for an hour of a connection at most, and then no more what could not be read. At
   * once does nothing when it does so already. Never rejects.
   */
  readAll(): Promise<void>;
  /** Reads again where Baileys does not: it reads the first collection that it is told of, and that once. Never rejects. */
  wasTold(stanza: BinaryNode): Promise<void>;
}

interface Lines {
  turns: HistoryTurns;
  /** what this service changes itself: what is read meanwhile would be kept without it */
  inTurn: Mutex;
}

export function createReader(
  deps: AppStateDeps,
  keeper: Keeper,
  sock: WASocket,
  { turns, inTurn }: Lines,
): Reader {
  const { clock, signal } = deps.storing;
  const told = new Map<AppStateCollection, number>();
  /** what could not be read for an hour */
  const givenUp = new Set<AppStateCollection>();
  /** news that came while other things were read: collections, and the versions that they were told to have */
  const news = new Map<AppStateCollection, number>();
  /** those of them whose own question failed: they are read with the other things */
  const late = new Set<AppStateCollection>();
  let leftMs = READ_TIMEOUT_MS;
  let isReading = false;
  let isReadingNews = false;
  let isWaiting = false;
  /** aborted when it has begun: once in a connection, and at once where there is news */
  const spread = new AbortController();

  const notGivenUp = () => APP_STATE_COLLECTIONS.filter((name) => !givenUp.has(name));

  const inOrder = (work: () => Promise<void>) => turns.files.run(String(deps.userId), () => inTurn(work));

  async function begin(): Promise<void> {
    if (!(await keeper.begin())) throw new Error('how far they are known could not be read');
  }

  async function readAll(): Promise<void> {
    if (isReading) return;
    isReading = true;
    let names = notGivenUp();
    const readSome = async () => {
      names = notGivenUp().filter((name) => names.includes(name) || late.has(name));
      late.clear();
      // The others are read then; what is new of them is told.
      names = await readMissing(deps, keeper, sock, names);
      if (names.length === 0) return;
      throw new Error(`not read: ${names.join(', ')}`);
    };
    let startedMs = clock.monotonic();
    try {
      await retry(begin, { ...deps.storing, range: READ_RETRY, timeoutMs: leftMs });
      if (keeper.isOfEarlierRelease()) {
        await sleep(clock, Math.random() * SPREAD_MS, AbortSignal.any([signal, spread.signal]));
      }
      spread.abort();
      startedMs = clock.monotonic();
      do {
        const timeoutMs = leftMs - (clock.monotonic() - startedMs);
        await retry(() => inOrder(readSome), { ...deps.storing, range: READ_RETRY, timeoutMs });
      } while (late.size > 0);
    } catch (error) {
      // The next connection tries again.
      leftMs = Math.max(0, leftMs - (clock.monotonic() - startedMs));
      const { behind, unknown } = keeper.missing();
      for (const name of [...behind, ...unknown]) givenUp.add(name);
      deps.logger.debug('the chats of the phone could not be read', {
        accountId: deps.accountId,
        error: String(error),
      });
    } finally {
      isReading = false;
    }
  }

  /**
   * Reads what was told of while other collections are read, whose pauses may be long. One question at a time: it takes along
   * all that was told before its turn.
   */
  async function readNews(): Promise<void> {
    if (isReadingNews) return;
    isReadingNews = true;
    const readOnce = async () => {
      const unread = notGivenUp().filter((name) => keeper.reached(name) < (news.get(name) ?? 0));
      news.clear();
      try {
        await readMissing(deps, keeper, sock, unread);
      } catch {
        // Before the turn ends: what is tried again may have the next one.
        for (const name of unread) late.add(name);
      }
    };
    try {
      while (news.size > 0) await inOrder(readOnce);
    } finally {
      isReadingNews = false;
    }
    // Nothing to do while it goes on: it takes these along.
    if (late.size > 0) await readAll();
  }

  return {
    readAll,
    async wasTold(stanza) {
      for (const { attrs } of getBinaryNodeChildren(stanza, 'collection')) {
        const { name = '' } = attrs;
        if (isCollection(name)) told.set(name, Math.max(versionOf(attrs), told.get(name) ?? 0));
      }
      spread.abort();
      if (isWaiting) return;
      isWaiting = true;
      await sleep(clock, TOLD_PATIENCE_MS, signal);
      isWaiting = false;
      const versions = new Map(told);
      told.clear();
      if (signal.aborted) return;
      if (isReading) {
        for (const [name, version] of versions) news.set(name, Math.max(version, news.get(name) ?? 0));
        return readNews();
      }
      const { behind } = keeper.missing();
      const isUnread = (name: AppStateCollection) =>
        behind.includes(name) || keeper.reached(name) < (versions.get(name) ?? 0);
      if (notGivenUp().some(isUnread)) await readAll();
    },
  };
}

/**
 * Reads what may be missing of these collections: all of those of which not everything was kept, of the others what is new. One
 * question in most cases. Resolves with those that could not be read; rejects when WhatsApp does not answer.
 */
export async function readMissing(
  deps: AppStateDeps,
  keeper: Keeper,
  sock: WASocket,
  names: readonly AppStateCollection[],
): Promise<AppStateCollection[]> {
  if (deps.storing.signal.aborted || names.length === 0) return [];
  const unread: AppStateCollection[] = [];
  await keeper.hold(async () => {
    if (!keeper.follows()) return;
    const missing = keeper.missing();
    const behind = missing.behind.filter((name) => names.includes(name));
    const wanted = [...behind, ...missing.unknown.filter((name) => names.includes(name))];
    const { keys, creds } = sock.authState;
    keeper.asks(wanted);
    await keys.transaction(async () => {
      // Without a version Baileys asks for all that there is, and tells all of it.
      const none = Object.fromEntries(behind.map((name) => [name, null]));
      if (behind.length > 0) await keys.set({ [VERSION]: none });
      await sock.resyncAppState(names, false);
    }, creds.me?.id ?? '');
    // Baileys gives up without a word; that there is nothing only WhatsApp can say.
    const isRead = (name: AppStateCollection) => keeper.reached(name) > 0 || keeper.isEmpty(name);
    keeper.wasRead(wanted.filter(isRead));
    unread.push(...wanted.filter((name) => !isRead(name)));
  });
  return unread;
}

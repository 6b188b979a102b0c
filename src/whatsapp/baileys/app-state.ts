/**
 * Follows how the phone keeps its chats and labels, over crashes too. Baileys keeps the version of a collection before it
 * tells what came with it, so that a crash in between would lose that. Here the gateway keeps a version of its own, in one
 * transaction with what was told; where it is behind, the collection is read again from its beginning.
 */
import { AsyncResource } from 'node:async_hooks';
import type { BinaryNode, WASocket } from '@whiskeysockets/baileys';
import type { RetryOptions } from '../../utils/backoff.ts';
import { AppError } from '../../utils/errors.ts';
import type { Logger } from '../../utils/logger.ts';
import { createMutex } from '../../utils/mutex.ts';
import type { AppStateChange, AppStateCollection, AppStateVersions, LearntAppState } from '../app-state.ts';
import { changesIn } from './app-state-changes.ts';
import { createAppStateKeeper } from './app-state-keeper.ts';
import { readWithPauses } from './app-state-pauses.ts';
import { createReader, readMissing } from './app-state-reader.ts';
import { VERSION } from './app-state-version.ts';
import { keepPatchesFew } from './few-patches.ts';
import type { HistoryTurns } from './history.ts';
import type { RawKeys } from './transactions.ts';

const TOLD = 'CB:notification,type:server_sync';
const ANSWER = 'CB:iq,,sync';
/** Somebody else changes the same collection at that moment: so often in a row is it tried again. */
const MAX_TRIES = 3;

export interface AppStateDeps {
  accountId: string;
  userId: number;
  logger: Logger;
  /** the stored keys */
  raw: RawKeys;
  /** how often and how long it is tried to keep what was learnt */
  storing: RetryOptions;
  /** null: the link did not begin here, and nothing was learnt yet; undefined: nobody keeps it, and nothing is followed */
  versions(): Promise<AppStateVersions | null | undefined>;
  learn(learnt: LearntAppState): Promise<void>;
}

export interface AppState {
  /** The same keys, for Baileys: which versions it writes is seen. */
  keys: RawKeys;
  /** Listens to a socket, and reads what is missing once the phone has shared its key. */
  follow(sock: WASocket, turns: HistoryTurns): void;
  /**
   * Does `work`, which makes changes at WhatsApp and resolves with them; one after another. What WhatsApp refuses because
   * another device was faster is done again. Resolves when they are kept, or when that was given up: the next connection
   * learns them then. Rejects as the work does, and with UNAVAILABLE when its turn comes too late, or others are always faster:
   * nothing begins for a caller that has gone, or on a closed link.
   */
  own(work: OwnWork, options: OwnOptions): Promise<void>;
}

export interface OwnOptions {
  /** aborted when nobody waits for it any more */
  gone: AbortSignal;
  /**
   * The work has to know all that this collection holds: what is new of it is read and kept before. Rejects with UNAVAILABLE
   * while not all of it is kept.
   */
  knowing?: AppStateCollection;
}

/** `told`: what was told until now and is not kept yet. */
export type OwnWork = (told: () => readonly AppStateChange[]) => Promise<readonly OwnChange[]>;

type WithoutOwn<C> = C extends unknown ? Omit<C, 'own'> : never;
export type OwnChange = WithoutOwn<AppStateChange>;

export function createAppState(deps: AppStateDeps): AppState {
  const { raw } = deps;
  const keeper = createAppStateKeeper(deps);
  const inTurn = createMutex();
  let followed: WASocket | null = null;

  async function readNew(name: AppStateCollection): Promise<void> {
    await keeper.begin();
    if (keeper.knows(name)) {
      const before = keeper.reached(name);
      keeper.asks([name]);
      await keeper.hold(async () => followed?.resyncAppState([name], false));
      await keeper.kept();
      // Baileys gives up without a word where there is something that it cannot read.
      if (keeper.knows(name) && (keeper.isEmpty(name) || keeper.reached(name) > before)) return;
    }
    throw new AppError('UNAVAILABLE', 'What the phone has is not all known yet. Try again later.', {
      details: { reason: 'not_read', sent: false },
    });
  }

  function requireWanted(gone: AbortSignal): void {
    if (!gone.aborted && !deps.storing.signal.aborted) return;
    throw new AppError('UNAVAILABLE', 'It was not begun in time.', { details: { sent: false } });
  }

  async function change(work: OwnWork): Promise<void> {
    for (let tries = 1; ; tries++) {
      keeper.takeConflicts();
      const changes = await work(keeper.unkept);
      // Baileys does not look at the answer: it has kept a version that WhatsApp does not have.
      const refused = keeper.takeConflicts();
      if (refused.length === 0) return keeper.take(changes.map((one) => ({ ...one, own: true })));
      for (const name of refused) keeper.lose(name);
      const unread = followed === null ? refused : await readMissing(deps, keeper, followed, refused);
      if (unread.length > 0 || tries === MAX_TRIES) {
        throw new AppError(
          'UNAVAILABLE',
          'Another device changes the same at this moment. Try again later.',
          {
            details: { reason: 'conflict', sent: false },
          },
        );
      }
    }
  }

  return {
    keys: {
      get(type, names) {
        // Baileys reads a version before it writes the next one.
        if (type === VERSION) return keeper.begin().then(() => raw.get(type, names));
        return readWithPauses(raw, type, names);
      },
      async set(data, commit) {
        await raw.set(data, commit);
        for (const [name, state] of Object.entries(data[VERSION] ?? {})) keeper.sawVersion(name, state);
      },
    },
    follow(sock, turns) {
      followed = sock;
      // What Baileys emits may wait in a buffer of its own, for ever when the chat is not among those that it holds.
      const { ev } = sock;
      const emit = ev.emit.bind(ev);
      ev.emit = (event, data) => {
        const changes = changesIn(event, data);
        if (changes === null) return emit(event, data);
        keeper.take(changes);
        return true;
      };
      const reader = createReader(deps, keeper, sock, { turns, inTurn });
      const readAll = AsyncResource.bind(() => void reader.readAll());
      let open = false;
      let begun = false;
      const look = () => {
        if (begun || !open || !sock.authState.creds.myAppStateKeyId) return;
        begun = true;
        // Not in the transaction of whatever told it.
        setImmediate(readAll);
      };
      ev.on('connection.update', ({ connection }) => {
        if (connection === 'open') open = true;
        look();
      });
      ev.on('creds.update', look);
      // Baileys goes on with the answer when all who hear of it have.
      sock.ws.on(ANSWER, (stanza: BinaryNode) => {
        keeper.wasAnswered(stanza);
        keepPatchesFew(stanza, keeper.entries);
      });
      sock.ws.on(
        TOLD,
        AsyncResource.bind((stanza: BinaryNode) => void reader.wasTold(stanza)),
      );
    },
    own: (work, { gone, knowing }) =>
      inTurn(async () => {
        requireWanted(gone);
        if (knowing !== undefined) await readNew(knowing);
        requireWanted(gone);
        await keeper.hold(() => change(work));
        await keeper.kept();
      }),
  };
}

/**
 * wa-multi-session 3.8.3, kept from harm. Left alone it writes credentials to files, asks GitHub for a version at
 * every start, reconnects ten times in 0.1 s and then logs out and deletes the credentials. It does all of that
 * through what it imports from Baileys, so that is what it gets other parts of.
 */
import { createRequire } from 'node:module';
import { basename } from 'node:path';
import type { UserFacingSocketConfig, WASocket, WAVersion } from '@whiskeysockets/baileys';
import * as baileys from '@whiskeysockets/baileys';
import type { SocketHolder, SocketOptions } from '../baileys/holder.ts';

const LIBRARY = 'wa-multi-session';
const BAILEYS = '@whiskeysockets/baileys';

/** The part of the library that is used. */
interface Library {
  startSession(sessionId: string, options: { printQR: boolean }): Promise<unknown>;
  getSession(sessionId: string): unknown;
  deleteSession(sessionId: string): Promise<void>;
  setCredentialsDir(path: string): void;
}

/** One call of `startSession` that has not asked for its socket yet. */
interface Opening {
  version: WAVersion;
  create: (request: SocketOptions) => WASocket;
}

/** The library names its folders so; by that it is known which session it speaks of. */
const FOLDER_SUFFIX = '_credentials';
/** Never made, so that what the library deletes is never there. */
const NO_FOLDER = 'wahub-keeps-credentials-in-its-database';

let holder: LibraryHolder | null = null;

export interface LibraryHolder extends SocketHolder {
  /** Whether the library has this session in its book. */
  holds(accountId: string): boolean;
}

/** Loads the library, once for the process. Throws when it is not the version that this was made for. */
export function loadLibrary(): LibraryHolder {
  holder ??= createHolder();
  return holder;
}

function createHolder(): LibraryHolder {
  const openings = new Map<string, Opening>();
  const library = requireWith(createFacade(openings));
  library.setCredentialsDir(NO_FOLDER);
  /** sessions that the library is still taking out of its book */
  const leaving = new Map<string, Promise<void>>();

  return {
    async start(accountId, version, create) {
      await leaving.get(accountId);
      let created = false;
      openings.set(accountId, {
        version,
        create(request) {
          created = true;
          return create(request);
        },
      });
      try {
        await library.startSession(accountId, { printQR: false });
      } finally {
        openings.delete(accountId);
      }
      if (!created) throw new Error(`${LIBRARY} did not ask for a socket`);
    },
    forget(accountId) {
      const done = () => {
        if (leaving.get(accountId) === left) leaving.delete(accountId);
      };
      const left = library.deleteSession(accountId).then(done, done);
      leaving.set(accountId, left);
    },
    holds: (accountId) => library.getSession(accountId) !== undefined,
  };
}

/** Baileys as the library sees it: the same, but for where it would go wrong. */
function createFacade(openings: ReadonlyMap<string, Opening>): object {
  const accountsOfState = new WeakMap<object, string>();

  function openingOf(accountId: string | undefined): Opening {
    const opening = accountId === undefined ? undefined : openings.get(accountId);
    if (!opening) throw new Error(`${LIBRARY} opens a session that was not asked for`);
    return opening;
  }

  function makeSocket({ auth, version, browser }: UserFacingSocketConfig): object {
    const opening = openingOf(accountsOfState.get(auth));
    return asSeenByLibrary(opening.create({ version: version ?? opening.version, browser }));
  }

  return {
    ...baileys,
    __esModule: true,
    default: makeSocket,
    makeWASocket: makeSocket,
    // The library awaits it before it knows any session by name: all of them get the same answer anyway.
    async fetchLatestBaileysVersion() {
      const [opening] = openings.values();
      return { version: opening?.version ?? baileys.DEFAULT_CONNECTION_CONFIG.version, isLatest: true };
    },
    // The socket gets our own credentials: this only names the session.
    async useMultiFileAuthState(folder: string) {
      const name = basename(folder);
      const state = {};
      accountsOfState.set(state, name.slice(0, name.length - FOLDER_SUFFIX.length));
      return { state, saveCreds: async () => undefined };
    },
  };
}

/**
 * The library hears of a QR and of a connection that opens, never of one that closes: whether to connect again is our
 * supervisor's to decide, and only we log out.
 */
function asSeenByLibrary(sock: WASocket): object {
  const { process } = sock.ev;
  const watch: WASocket['ev']['process'] = (handler) =>
    process.call(sock.ev, ({ 'connection.update': update }) => {
      if (update && update.connection !== 'close') return handler({ 'connection.update': update });
    });
  const refuse = async () => undefined;
  return { ...sock, ev: { ...sock.ev, process: watch }, logout: refuse, end: refuse };
}

/** Loads the library with `facade` in Baileys' place; everybody else's Baileys stays what it is. */
function requireWith(facade: object): Library {
  const require = createRequire(import.meta.url);
  const file = createRequire(require.resolve('wa-multi-session')).resolve(BAILEYS);
  const before = require.cache[file];
  require.cache[file] = asModule(file, facade);
  try {
    return checked(require('wa-multi-session'));
  } finally {
    if (before) require.cache[file] = before;
    else delete require.cache[file];
  }
}

/** Safe because a module in the cache that is loaded is only asked for its exports. */
function asModule(file: string, exports: object): NodeJS.Module {
  return {
    id: file,
    filename: file,
    loaded: true,
    exports,
    children: [],
    paths: [],
  } as unknown as NodeJS.Module;
}

const USED = ['startSession', 'getSession', 'deleteSession', 'setCredentialsDir'] as const;

/** Safe because the names are looked at, and what they do is proven by the conformance tests. */
function checked(library: unknown): Library {
  const known = typeof library === 'object' && library !== null;
  if (!known || !USED.every((name) => typeof Reflect.get(library, name) === 'function')) {
    throw new Error(`${LIBRARY} is not the version that this adapter was made for`);
  }
  return library as Library;
}

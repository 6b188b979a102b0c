import makeWASocket, {
  type AuthenticationState,
  type ConnectionState,
  DisconnectReason,
  initAuthCreds,
  type SignalDataSet,
  type SignalDataTypeMap,
  type UserFacingSocketConfig,
  type WASocket,
} from '@whiskeysockets/baileys';
import type { Emulator } from '../src/index.ts';

const WAIT_TIMEOUT_MS = 60_000;
const RECONNECT_MS = 50;
const REST_MS = 300;
const LIBSIGNAL_NOISE =
  /^(Closing session|Opening session|Removing old closed session|Session already|Closing open session|Failed to decrypt message|Session error|Decrypted message with closed|Migrating session)/;

/** Credentials and keys of a bare client, in memory. */
type MemoryAuth = AuthenticationState & { keyCount(): number };

/** How a bare client connects. */
export interface BareClientOptions {
  emulator: Pick<Emulator, 'waUrl' | 'scan' | 'pair'>;
  phone: string;
  name?: string;
  /** Saved credentials; a new device is linked when not given. */
  auth?: MemoryAuth;
  /** How a new device is linked. */
  pairBy?: 'qr' | 'code';
  /** Overrides of the socket's configuration. */
  config?: Partial<UserFacingSocketConfig>;
  /** False: the client is not brought back when its connection closes (515 apart). */
  reconnect?: boolean;
}

/** An unmodified Baileys client. */
export interface BareClient {
  /** The current socket; another one after a reconnect. */
  readonly sock: WASocket;
  readonly auth: MemoryAuth;
  /** Status codes of the closes so far, 515 included. */
  readonly closes: number[];
  /** Resolves when the client is (again) open. Rejects after 60 s, or when it is closed for good. */
  waitOpen(): Promise<void>;
  /** Resolves with the code of the next close that is not 515. */
  waitClose(): Promise<number>;
  /** Sends a text and answers its id; resolves when Baileys has written it to the socket. */
  send(to: string, text: string, messageId?: string): Promise<string>;
  /** Resolves with the server's acknowledgement: its error code, if any. */
  waitAck(id: string): Promise<string | undefined>;
  close(): Promise<void>;
}

/** Connects a client to the emulator, linking a new device unless `auth` is given; resolves when open. */
export async function connectBareClient(options: BareClientOptions): Promise<BareClient> {
  const client = startBareClient(options);
  await client.waitOpen();
  return client;
}

/** The same without waiting for the connection. */
export function startBareClient(options: BareClientOptions): BareClient {
  silenceLibsignal();
  const auth = options.auth ?? createMemoryAuth();
  const happenings = createHappenings();
  const line = keepConnected(options, auth, happenings);
  return {
    get sock() {
      return line.sock();
    },
    auth,
    closes: line.closes,
    async waitOpen() {
      const event = line.isOpen() ? undefined : await happenings.next('open', (one) => one.kind !== 'ack');
      if (event?.kind === 'closed') {
        throw new Error(`closed with ${event.code} before it was open`);
      }
    },
    async waitClose() {
      const event = await happenings.next('close', (one) => one.kind === 'closed');
      return event.kind === 'closed' ? event.code : 0;
    },
    async send(to, text, messageId) {
      const sent = await line.sock().sendMessage(toJid(to), { text }, messageId ? { messageId } : {});
      return sent?.key.id ?? '';
    },
    async waitAck(id) {
      if (!line.acks.has(id)) {
        await happenings.next(`ack of ${id}`, (one) => one.kind === 'ack' && one.id === id);
      }
      return line.acks.get(id);
    },
    close: line.close,
  };
}

/** Opens sockets one after another until the client is closed or turned away for good. */
function keepConnected(
  options: BareClientOptions,
  auth: MemoryAuth,
  happenings: ReturnType<typeof createHappenings>,
) {
  const closes: number[] = [];
  const acks = new Map<string, string | undefined>();
  let sock: WASocket;
  let isOpen = false;
  let ended = false;
  const onClose = (code: number) => {
    isOpen = false;
    closes.push(code);
    const isRestart = code === DisconnectReason.restartRequired;
    if (!ended && (isRestart || (options.reconnect && !isFinal(code)))) {
      setTimeout(start, isRestart ? 0 : RECONNECT_MS);
    } else {
      happenings.tell({ kind: 'closed', code });
    }
  };
  const onUpdate = (update: Partial<ConnectionState>) => {
    if (update.qr && !auth.creds.me) {
      linkDevice(options, sock, update.qr).catch((error: unknown) => console.error('linking failed', error));
    }
    if (update.connection === 'open') {
      isOpen = true;
      happenings.tell({ kind: 'open' });
    } else if (update.connection === 'close') {
      onClose(closeCode(update));
    }
  };
  const onAck = (id: string, error: string | undefined) => {
    acks.set(id, error);
    happenings.tell({ kind: 'ack', id });
  };
  const start = () => {
    if (!ended) {
      sock = openSocket(options, auth, onUpdate, onAck);
    }
  };
  start();
  const close = async () => {
    ended = true;
    // A socket that is ended right after it opened leaves timers behind.
    await new Promise((resolve) => setTimeout(resolve, REST_MS));
    await sock.end(undefined);
  };
  return { sock: () => sock, isOpen: () => isOpen, closes, acks, close };
}

function openSocket(
  { emulator, config }: BareClientOptions,
  auth: MemoryAuth,
  onUpdate: (update: Partial<ConnectionState>) => void,
  onAck: (id: string, error: string | undefined) => void,
): WASocket {
  const sock = makeWASocket({
    auth,
    waWebSocketUrl: emulator.waUrl,
    logger: SILENT_LOGGER,
    emitOwnEvents: false,
    ...config,
  });
  sock.ev.on('creds.update', (update) => void Object.assign(auth.creds, update));
  sock.ev.on('connection.update', onUpdate);
  sock.ws.on('CB:ack,class:message', ({ attrs }: { attrs: { id: string; error?: string } }) =>
    onAck(attrs.id, attrs.error),
  );
  return sock;
}

type Happening = { kind: 'open' } | { kind: 'closed'; code: number } | { kind: 'ack'; id: string };

function createHappenings() {
  const listeners = new Set<(event: Happening) => void>();
  return {
    tell(event: Happening) {
      for (const listener of [...listeners]) {
        listener(event);
      }
    },
    /** The next one that matches. Rejects after 60 s. */
    next(what: string, matches: (event: Happening) => boolean): Promise<Happening> {
      return new Promise((resolve, reject) => {
        const timer = setTimeout(() => {
          listeners.delete(listener);
          reject(new Error(`${what}: nothing in ${WAIT_TIMEOUT_MS} ms`));
        }, WAIT_TIMEOUT_MS);
        const listener = (event: Happening) => {
          if (matches(event)) {
            clearTimeout(timer);
            listeners.delete(listener);
            resolve(event);
          }
        };
        listeners.add(listener);
      });
    },
  };
}

async function linkDevice(options: BareClientOptions, sock: WASocket, qr: string): Promise<void> {
  const { emulator, phone, name } = options;
  const who = name === undefined ? { phone } : { phone, name };
  if (options.pairBy === 'code') {
    await emulator.pair({ code: await sock.requestPairingCode(phone), ...who });
  } else {
    await emulator.scan({ qr, ...who });
  }
}

function closeCode(update: Partial<ConnectionState>): number {
  const error: unknown = update.lastDisconnect?.error;
  const output = typeof error === 'object' && error !== null && 'output' in error ? error.output : undefined;
  const code =
    typeof output === 'object' && output !== null && 'statusCode' in output ? output.statusCode : 0;
  return Number(code);
}

function isFinal(code: number): boolean {
  return code === DisconnectReason.loggedOut || code === DisconnectReason.connectionReplaced;
}

/** `digits` become a JID; what has an `@` stays. */
export function toJid(to: string): string {
  return to.includes('@') ? to : `${to}@s.whatsapp.net`;
}

/** Fresh credentials with keys in a Map. */
function createMemoryAuth(): MemoryAuth {
  const values = new Map<string, unknown>();
  return {
    creds: initAuthCreds(),
    keyCount: () => values.size,
    keys: {
      get: async <T extends keyof SignalDataTypeMap>(type: T, ids: string[]) => {
        const found: { [id: string]: SignalDataTypeMap[T] } = {};
        for (const id of ids) {
          const value = values.get(`${type}|${id}`);
          if (value !== undefined) {
            found[id] = value as SignalDataTypeMap[T]; // `set` stored it under the same type
          }
        }
        return found;
      },
      set: async (data: SignalDataSet) => {
        for (const [type, entries] of Object.entries(data)) {
          for (const [id, value] of Object.entries(entries ?? {})) {
            if (value === null) {
              values.delete(`${type}|${id}`);
            } else {
              values.set(`${type}|${id}`, value);
            }
          }
        }
      },
    },
  };
}

const SILENT_LOGGER: NonNullable<UserFacingSocketConfig['logger']> = {
  level: 'silent',
  child: () => SILENT_LOGGER,
  trace: () => undefined,
  debug: () => undefined,
  info: () => undefined,
  warn: () => undefined,
  error: () => undefined,
};

let silenced = false;

/** libsignal prints sessions, private keys included, to the console. */
function silenceLibsignal(): void {
  if (silenced) {
    return;
  }
  silenced = true;
  for (const level of ['info', 'warn', 'error'] as const) {
    const print = console[level].bind(console);
    console[level] = (...parts: unknown[]) => {
      if (!LIBSIGNAL_NOISE.test(String(parts[0]))) {
        print(...parts);
      }
    };
  }
}

/** Polls until `check` answers something; throws after `timeoutMs`. */
export async function until<T>(
  what: string,
  check: () => T | undefined | false,
  timeoutMs = 25_000,
): Promise<T> {
  const deadline = Date.now() + timeoutMs;
  for (;;) {
    const value = check();
    if (value !== undefined && value !== false) {
      return value;
    }
    if (Date.now() > deadline) {
      throw new Error(`waited ${timeoutMs} ms for ${what}`);
    }
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

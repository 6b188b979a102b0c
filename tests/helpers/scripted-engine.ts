/** An engine without a network: a test says what each socket does. */
import { AppError } from '../../src/utils/errors.ts';
import type {
  AccountRef,
  CloseReason,
  Engine,
  EngineEvent,
  NumberCheck,
  PairingRequest,
} from '../../src/whatsapp/engine.ts';

interface OpenSocket {
  account: AccountRef;
  pairing: PairingRequest;
  connected: boolean;
}

export interface ScriptedEngine extends Engine {
  /** every `open`, in order */
  opens: { accountId: string; account: AccountRef; pairing: PairingRequest }[];
  sockets: Map<string, OpenSocket>;
  logouts: string[];
  /** most sockets that were connecting at one time */
  maxConnecting: number;
  /** runs right after each `open`, e.g. to answer with events */
  onOpen: (accountId: string, pairing: PairingRequest) => void;
  /** `close` never resolves while true */
  hangs: boolean;
  confirmsLogout: boolean;
  listen(onEvent: (account: AccountRef, event: EngineEvent) => void): void;
  /** Tells an event of the session's present socket. */
  emit(accountId: string, event: EngineEvent): void;
  connect(accountId: string, phone: string): void;
  /** The socket ends with this reason. */
  end(accountId: string, reason: CloseReason): void;
}

export function createScriptedEngine(): ScriptedEngine {
  let tell: (account: AccountRef, event: EngineEvent) => void = () => undefined;
  const connecting = () => [...engine.sockets.values()].filter((socket) => !socket.connected).length;

  const engine: ScriptedEngine = {
    name: 'scripted',
    capabilities: {
      contentTypes: ['text'],
      pairingCode: true,
      passkey: false,
      groups: false,
      groupChanges: false,
      people: false,
      chats: false,
      presence: false,
      calls: false,
      markRead: false,
      marks: false,
      mediaAgain: false,
      standing: true,
      amend: false,
      status: false,
      channels: false,
    },
    opens: [],
    sockets: new Map(),
    logouts: [],
    maxConnecting: 0,
    onOpen: () => undefined,
    hangs: false,
    confirmsLogout: true,
    listen(onEvent) {
      tell = onEvent;
    },
    async open(account, pairing) {
      if (engine.sockets.has(account.id)) engine.end(account.id, 'closed_by_us');
      engine.opens.push({ accountId: account.id, account, pairing });
      engine.sockets.set(account.id, { account, pairing, connected: false });
      engine.maxConnecting = Math.max(engine.maxConnecting, connecting());
      engine.onOpen(account.id, pairing);
    },
    async close(accountId) {
      if (engine.hangs) return new Promise<void>(() => undefined);
      engine.end(accountId, 'closed_by_us');
    },
    async logout(accountId) {
      engine.logouts.push(accountId);
      if (engine.confirmsLogout) engine.end(accountId, 'logged_out');
      return engine.confirmsLogout;
    },
    async answerPasskey() {},
    async confirmPasskey() {},
    isConnected: (accountId) => engine.sockets.get(accountId)?.connected ?? false,
    send: async () => ({ outcome: 'not_sent', reason: 'scripted' }),
    checkNumbers: async (_accountId, phones): Promise<NumberCheck[]> =>
      phones.map((phone) => ({ phone, exists: true, jid: `${phone}@s.whatsapp.net`, lid: null })),
    markRead: async () => undefined,
    groups: async () => [],
    ask: async () => {
      throw new AppError('UNAVAILABLE', 'The script has no answer.');
    },
    async stop() {
      for (const accountId of [...engine.sockets.keys()]) engine.end(accountId, 'closed_by_us');
    },
    emit(accountId, event) {
      const socket = engine.sockets.get(accountId);
      if (!socket) throw new Error(`${accountId} has no socket`);
      tell(socket.account, event);
    },
    connect(accountId, phone) {
      const socket = engine.sockets.get(accountId);
      if (!socket) throw new Error(`${accountId} has no socket`);
      socket.connected = true;
      engine.emit(accountId, {
        type: 'connected',
        phone,
        lid: `9${phone}`,
        name: 'Shop',
        platform: 'android',
      });
    },
    end(accountId, reason) {
      const socket = engine.sockets.get(accountId);
      if (!socket) return;
      engine.sockets.delete(accountId);
      tell(socket.account, { type: 'closed', reason, code: null, message: null });
    },
  };
  return engine;
}

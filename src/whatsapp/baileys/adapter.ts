/** The default engine: sessions straight on Baileys, with credentials in our database. */

import type { WABrowserDescription } from '@whiskeysockets/baileys';
import { wordsOf } from '../../db/errors.ts';
import type { Clock } from '../../utils/clock.ts';
import { MINUTE_MS } from '../../utils/durations.ts';
import { AppError } from '../../utils/errors.ts';
import type { ConnectRules } from '../../utils/guarded-http/connector.ts';
import type { Logger } from '../../utils/logger.ts';
import { createKeyedMutex } from '../../utils/mutex.ts';
import type { Egress } from '../../utils/proxy/egress.ts';
import { CAPABILITIES } from '../capabilities.ts';
import { type CredentialStore, OwnershipLost, UnreadableCredentials } from '../credential-store.ts';
import type {
  AccountRef,
  CloseReason,
  Engine,
  EngineCallbacks,
  EngineEvent,
  PairingRequest,
} from '../engine.ts';
import { probeServer } from '../probe.ts';
import { pauseInChanges } from './app-state-pauses.ts';
import { isUnanswered } from './ask-in-parts.ts';
import { withBound } from './bound.ts';
import { describeBrowser } from './browser.ts';
import type { Ending } from './close-reason.ts';
import { createEgressSource, egressFor } from './egress.ts';
import { listGroups } from './groups.ts';
import { createHistoryTurns } from './history.ts';
import { ownHolder, type SocketHolder, type SocketOptions } from './holder.ts';
import { createMediaFetcher } from './inbound-file.ts';
import { fixLibsignal } from './libsignal-fixes.ts';
import { startLink } from './link.ts';
import type { Link, LinkDeps } from './link-types.ts';
import { unlinkDevice } from './logout.ts';
import { markRead } from './mark-read.ts';
import { queryNumbers } from './number-check.ts';
import { askWhatsApp } from './requests/index.ts';
import { sendOnce } from './send.ts';
import type { SocketSettings, WaServer } from './socket-config.ts';
import { installTrust } from './trust.ts';
import { createUploads } from './uploads.ts';
import type { VersionStore } from './version.ts';

const CONNECT_TIMEOUT_MS = 20_000;
const QUERY_TIMEOUT_MS = 20_000;
/** A little longer than Baileys waits for an answer: what was done is then told. */
const ASK_TIMEOUT_MS = 23_000;
const PROBE_TIMEOUT_MS = 3_000;
/** WhatsApp answers within a second or two; what takes longer is not answered at all. */
const ANSWER_TIMEOUT_MS = 8_000;
/** Longer than the API should wait, shorter than a server's patience with an unconfirmed message. */
const INBOUND_STORE_TIMEOUT_MS = MINUTE_MS;

export interface BaileysEngineOptions {
  callbacks: EngineCallbacks;
  store: CredentialStore;
  clock: Clock;
  logger: Logger;
  /** another server than WhatsApp's own: the emulator */
  waServer: WaServer | null;
  version: VersionStore;
  /** where files are written on their way to WhatsApp; the service clears it of old ones */
  stagingPath: string;
  /** how proxies of sessions may be reached */
  proxyRules: ConnectRules;
  /** who asks for the sockets; only this adapter when missing */
  holder?: SocketHolder;
  /** what the phone lists this device as */
  browser?: WABrowserDescription;
  connectTimeoutMs?: number;
  /** how long each QR is shown; WhatsApp's own times (60 s, then 20 s) when missing */
  qrTimeoutMs?: number;
  /** how long WhatsApp may take to answer about a recipient's devices and keys */
  answerTimeoutMs?: number;
  /** how long a message that cannot be stored keeps its socket open */
  inboundStoreTimeoutMs?: number;
}

/** See the port in engine.ts. The preload must be in place before this module is loaded. */
export function createBaileysEngine(options: BaileysEngineOptions): Engine {
  const { clock, logger, store, version } = options;
  installTrust();
  fixLibsignal();
  pauseInChanges();
  const holder = options.holder ?? ownHolder;
  const links = new Map<string, Link>();
  /** by account: an `open` and a `close` of the same session never overlap */
  const exclusive = createKeyedMutex();
  const callbacks = guardCallbacks(options.callbacks, logger);
  const uploads = createUploads(callbacks, clock, options.stagingPath);
  const { proxyRules, waServer } = options;
  const files = createMediaFetcher(waServer, createEgressSource(callbacks, proxyRules, waServer));
  const historyTurns = createHistoryTurns();

  async function open(account: AccountRef, pairing: PairingRequest): Promise<void> {
    await links.get(account.id)?.finish({ reason: 'closed_by_us' });
    let link: Link | null = null;
    let egress: Egress | null = null;
    try {
      const keys = await store.load(account);
      const connection = await callbacks.connectionOf(account.id);
      egress = egressFor(connection, proxyRules, waServer);
      const browser = describeBrowser(connection.browser, pairing);
      await holder.start(account.id, version.current(), (request) => {
        link = startLink(depsFor(request, { egress, browser }), account, keys, pairing);
        links.set(account.id, link);
        return link.sock;
      });
    } catch (error) {
      if (!link) egress?.close();
      const ending = { reason: reasonOfFailedOpen(error), code: null, message: wordsOf(error) };
      await finishFailed(link, account, ending);
    }
  }

  /** One `closed` for an open that failed, whether there is a socket by now or not. */
  async function finishFailed(link: Link | null, account: AccountRef, ending: Ending): Promise<void> {
    if (link) await link.finish(ending);
    else callbacks.onEvent(account, { type: 'closed', ...ending });
  }

  /**
   * Throws AppError UNAVAILABLE when the session is not connected (`details.sent` is false) or the server does not answer in
   * time, NOT_CONNECTED when the connection ended meanwhile, the AppErrors of `ask`, and UNAVAILABLE for its other failures.
   */
  async function query<R>(
    accountId: string,
    ask: (link: Link, gone: AbortSignal) => Promise<R>,
    timeoutMs = QUERY_TIMEOUT_MS,
  ): Promise<R> {
    const link = links.get(accountId);
    if (!link?.isOpen()) {
      throw new AppError('UNAVAILABLE', 'The session is not connected.', { details: { sent: false } });
    }
    const caller = new AbortController();
    const asked = ask(link, caller.signal);
    const bound = await withBound(clock, asked, timeoutMs, link.closed).catch((error: unknown) => {
      if (error instanceof AppError) throw error;
      if (link.isOpen() && !isUnanswered(error)) throw unexpected(accountId, error);
      return null;
    });
    if (bound?.done) return bound.value;
    // What of it waits for its turn does not begin any more.
    caller.abort();
    if (link.isOpen()) throw new AppError('UNAVAILABLE', 'WhatsApp did not answer in time.');
    throw new AppError('NOT_CONNECTED', 'The session was disconnected while WhatsApp was asked.');
  }

  function unexpected(accountId: string, error: unknown): AppError {
    logger.warn('what WhatsApp was asked has failed', { accountId, error: String(error) });
    return new AppError('UNAVAILABLE', 'WhatsApp could not be asked this.', { cause: error });
  }

  function passkeyOf(accountId: string) {
    const link = links.get(accountId);
    if (!link) throw new AppError('CONFLICT', 'This session is not being linked now.');
    return link.passkey();
  }

  function depsFor(request: SocketOptions, own: Pick<SocketSettings, 'egress' | 'browser'>): LinkDeps {
    const onEvent = (account: AccountRef, event: EngineEvent) => {
      if (event.type === 'connected') version.accepted(request.version);
      if (event.type === 'closed') {
        if (event.reason === 'client_outdated') version.refused(request.version);
        own.egress?.close();
        // An `open` finishes the older socket before it starts the next.
        links.delete(account.id);
        holder.forget(account.id);
      }
      callbacks.onEvent(account, event);
    };
    return {
      callbacks: { ...callbacks, onEvent },
      clock,
      logger,
      uploads,
      fetchFile: files.fetch,
      historyTurns,
      settings: {
        logger,
        version: request.version,
        browser: own.browser ?? options.browser ?? request.browser,
        waServer,
        egress: own.egress,
        connectTimeoutMs: options.connectTimeoutMs ?? CONNECT_TIMEOUT_MS,
        qrTimeoutMs: options.qrTimeoutMs,
      },
      answerTimeoutMs: options.answerTimeoutMs ?? ANSWER_TIMEOUT_MS,
      inboundStoreTimeoutMs: options.inboundStoreTimeoutMs ?? INBOUND_STORE_TIMEOUT_MS,
    };
  }

  const engine: Engine = {
    name: 'baileys',
    capabilities: CAPABILITIES.baileys,
    open: (account, pairing) => exclusive.run(account.id, () => open(account, pairing)),
    close: (accountId) =>
      exclusive.run(accountId, async () => links.get(accountId)?.finish({ reason: 'closed_by_us' })),
    logout: (accountId, timeoutMs) =>
      exclusive.run(accountId, async () => {
        const link = links.get(accountId);
        return link ? unlinkDevice(link, clock, timeoutMs) : false;
      }),
    isConnected: (accountId) => links.get(accountId)?.isOpen() ?? false,
    answerPasskey: async (accountId, assertion) => passkeyOf(accountId).answer(assertion),
    confirmPasskey: async (accountId, equal) => passkeyOf(accountId).confirm(equal),
    expectUrgent: (accountId) => links.get(accountId)?.rightOfWay.expect(),
    async send(accountId, to, content, sendOptions) {
      const link = links.get(accountId);
      if (!link) return { outcome: 'not_sent', reason: 'not connected' };
      return sendOnce(link, clock, to, content, sendOptions);
    },
    async checkNumbers(accountId, phones) {
      return query(accountId, (link) => queryNumbers(link.sock, phones));
    },
    async markRead(accountId, messages) {
      return query(accountId, (link) => markRead(link.sock, messages));
    },
    async groups(accountId) {
      return query(accountId, (link) => listGroups(link.sock));
    },
    async ask(accountId, name, input) {
      return query(
        accountId,
        (link, gone) => {
          const openMedia = (mediaId: string) => callbacks.openMedia(link.account, mediaId);
          const fetchPlain = (url: string, maxBytes: number) =>
            files.fetchPlain(url, { accountId, maxBytes, timeoutMs: QUERY_TIMEOUT_MS, signal: link.closed });
          return askWhatsApp({ link, gone, openMedia, fetchPlain }, name, input);
        },
        ASK_TIMEOUT_MS,
      );
    },
    probe: async () => (await probeServer({ waServer, timeoutMs: PROBE_TIMEOUT_MS })) === null,
    async stop() {
      const ids = new Set([...links.keys(), ...exclusive.keys()]);
      await Promise.all([...ids].map((accountId) => engine.close(accountId)));
      await files.close();
    },
  };
  return engine;
}

function reasonOfFailedOpen(error: unknown): CloseReason {
  if (error instanceof OwnershipLost) return 'ownership_lost';
  return error instanceof UnreadableCredentials ? 'credentials_unreadable' : 'connection_lost';
}

/** A callback that throws must not end a socket's cleaning up in the middle. */
function guardCallbacks(callbacks: EngineCallbacks, logger: Logger): LinkDeps['callbacks'] {
  const onEvent: EngineCallbacks['onEvent'] = (account, event) => {
    try {
      callbacks.onEvent(account, event);
    } catch (error) {
      logger.error('an event of a session could not be taken', {
        accountId: account.id,
        event: event.type,
        error,
      });
    }
  };
  return {
    onEvent,
    connectionOf: (accountId) => callbacks.connectionOf(accountId),
    findOutbound: (accountId, messageId) => callbacks.findOutbound(accountId, messageId),
    findAnswered: async (accountId, messageId) =>
      callbacks.findAnswered
        ? callbacks.findAnswered(accountId, messageId)
        : callbacks.findOutbound(accountId, messageId),
    isWithdrawn: async (accountId, messageId) =>
      (await callbacks.isWithdrawn?.(accountId, messageId)) ?? false,
    storeInbound: (account, messages) => callbacks.storeInbound(account, messages),
    storeGroupNotice: async (account, notice) => callbacks.storeGroupNotice?.(account, notice),
    async storeReceipt(account, receipt) {
      if (callbacks.storeReceipt) return callbacks.storeReceipt(account, receipt);
      onEvent(account, { type: 'receipt', ...receipt });
    },
    storeCall: async (account, call) => callbacks.storeCall?.(account, call),
    findAbsent: async (accountId) => (await callbacks.findAbsent?.(accountId)) ?? [],
    wantsPosts: (accountId, place) => callbacks.wantsPosts?.(accountId, place) ?? false,
    listChats: async (accountId, max) => (await callbacks.listChats?.(accountId, max)) ?? null,
    findChat: (accountId, chat) => callbacks.findChat(accountId, chat),
    saveChat: (account, chat, setting) => callbacks.saveChat(account, chat, setting),
    appStateVersions: async (accountId) => callbacks.appStateVersions?.(accountId),
    learnAppState: async (account, learnt) => callbacks.learnAppState?.(account, learnt),
    async nextLabel(accountId, after) {
      if (callbacks.nextLabel) return callbacks.nextLabel(accountId, after);
      throw new AppError('UNAVAILABLE', 'Nothing here knows the labels of the phone.');
    },
    openMedia: (account, mediaId) => callbacks.openMedia(account, mediaId),
    describeMedia: async (account, mediaId) => (await callbacks.describeMedia?.(account, mediaId)) ?? {},
  };
}

/** The life of one Baileys socket: from `open` to exactly one `closed`. */

import { AsyncLocalStorage } from 'node:async_hooks';
import { setMaxListeners } from 'node:events';
import makeWASocket, {
  type Contact,
  DEFAULT_CONNECTION_CONFIG,
  type SignalKeyStoreWithTransaction,
  type WASocket,
} from '@whiskeysockets/baileys';
import { reasonOf } from '../../db/errors.ts';
import { type RetryOptions, retry } from '../../utils/backoff.ts';
import { createLru } from '../../utils/lru.ts';
import type { AccountKeys } from '../credential-store.ts';
import type { AccountRef, PairingRequest } from '../engine.ts';
import { canonicalJid, lidOf, phoneOf } from '../jid.ts';
import { followAbsent } from './absent.ts';
import { type AckBook, createAckBook } from './ack-book.ts';
import { type AppState, createAppState } from './app-state.ts';
import { type Arrivals, createArrivals } from './arrivals.ts';
import { type AuthState, createAuthState, identityOf } from './auth-state.ts';
import { refuseUnsigned, toleratePeers } from './bundles.ts';
import { type Chats, createChats } from './chats.ts';
import {
  type Ending,
  explainClose,
  isBrokenChannel,
  readFailure,
  readStreamError,
  type Verdict,
} from './close-reason.ts';
import { type Contacts, createContacts } from './contacts.ts';
import { openVote } from './decode-vote.ts';
import { createDeviceCache, type DeviceCache } from './device-cache.ts';
import { answered } from './devices.ts';
import { createDoubts } from './doubts.ts';
import { gatherWrites } from './gather-writes.ts';
import { readNotice } from './group-news.ts';
import { createGroupCache, type GroupCache } from './groups.ts';
import { boundClose, boundQueriesUnderLock, guardListeners, refuseQueries } from './guard.ts';
import { createHistory, followContacts, namedPeople } from './history.ts';
import { createInbound } from './inbound.ts';
import { createKeeper } from './keeper.ts';
import type { Alias, Link, LinkControl, LinkDeps } from './link-types.ts';
import { followPairing } from './pairing.ts';
import type { PasskeyStep } from './passkey.ts';
import { encodeAgain, secretOf } from './prepare-message.ts';
import { createAttention, followPresence, readCall, tellCallInTime } from './presence.ts';
import { listedPeople } from './read-message.ts';
import { createReceiptKeeper } from './receipts.ts';
import { createReceiver } from './receive.ts';
import { isRelaying, refuseWithdrawn } from './relay-scope.ts';
import { createResends } from './resends.ts';
import { boundRetryMemory, forgetSent } from './retry-memory.ts';
import { createRightOfWay } from './right-of-way.ts';
import { lookAtStoredSessions } from './session-look.ts';
import { makeSocketConfig, type SessionParts, uploadAgentFor } from './socket-config.ts';
import { followStanding } from './standing.ts';
import { holdsKeys, installTransactions, persistKeys } from './transactions.ts';
import { withServerRoot } from './trust.ts';
import { passOverUnheard } from './unheard.ts';

/** From the server's `<success>` to an open session: a first login also uploads 812 pre-keys. */
const LOGIN_TIMEOUT_MS = 45_000;
/** How long the last key writes may take when a socket is closed. */
const FLUSH_TIMEOUT_MS = 5_000;
/** Pauses while the service behind the host cannot do something. */
const HOST_RETRY = { firstMs: 100, maxMs: 5_000 };
const MAX_LID_MAPPINGS = 5_000;
const MAX_ALIASES = 5_000;

const NO_BYTES = Buffer.alloc(0);

/** Sockets belong to no request and no transaction. */
const inCleanContext = AsyncLocalStorage.snapshot();

/** Starts a socket. What it tells goes to the gateway; it never reconnects by itself. */
export function startLink(
  deps: LinkDeps,
  account: AccountRef,
  keys: AccountKeys,
  pairing: PairingRequest,
): Link {
  return inCleanContext(() => createLink(deps, account, keys, pairing));
}

function createLink(deps: LinkDeps, account: AccountRef, keys: AccountKeys, pairing: PairingRequest): Link {
  const { callbacks, clock } = deps;
  const closing = new AbortController();
  // Each send in flight listens on it.
  setMaxListeners(0, closing.signal);
  const pending: Promise<void>[] = [];
  let finished: Promise<void> | undefined;
  let open = false;
  let cancelWatch = () => {};

  const control: LinkControl = {
    tell(event) {
      if (!closing.signal.aborted) callbacks.onEvent(account, event);
    },
    tellLast: (event) => callbacks.onEvent(account, event),
    finish(ending) {
      finished ??= close({ code: null, message: null, ...ending });
      return finished;
    },
    watch(reason, timeoutMs) {
      cancelWatch();
      if (closing.signal.aborted) return;
      cancelWatch = clock.setTimer(() => void control.finish({ reason, message: 'watchdog' }), timeoutMs);
    },
    unwatch: () => cancelWatch(),
    beforeClosed: (work) => void pending.push(work.catch(() => undefined)),
  };

  const contacts = createContacts();
  const auth = createAuthState(keys, contacts.learn);
  const groups = createGroupCache();
  const chats = createChats({
    list: async (max) => (await callbacks.listChats?.(account.id, max)) ?? null,
    find: (chat) => callbacks.findChat(account.id, chat),
    save: (chat, setting) => callbacks.saveChat(account, chat, setting),
  });
  const appState = createAppState({
    accountId: account.id,
    userId: account.userId,
    logger: deps.logger,
    raw: auth.raw,
    storing: { clock, range: HOST_RETRY, signal: closing.signal, timeoutMs: deps.inboundStoreTimeoutMs },
    versions: () => callbacks.appStateVersions(account.id),
    learn: (learnt) => callbacks.learnAppState(account, learnt),
  });
  const acks = createAckBook(clock, control.tell);
  const arrivals = createArrivals(clock);
  const devices = createDeviceCache();
  const aliases = createLru<string, Alias>({ max: MAX_ALIASES });
  const doubts = createDoubts({ clock, closed: closing.signal, sock: () => sock }, () => {
    void control.finish({ reason: 'stalled', message: 'the server does not answer any more' });
  });
  const sock = makeSocket({
    deps,
    account,
    auth,
    contacts,
    groups,
    chats,
    appState,
    devices,
    control,
    acks,
    arrivals,
    closed: closing.signal,
    self: () => link,
  });
  const link: Link = {
    account,
    sock,
    acks,
    arrivals,
    contacts,
    clock,
    answerTimeoutMs: deps.answerTimeoutMs,
    devices,
    aliases,
    doubts,
    rightOfWay: createRightOfWay(clock),
    groups,
    chats,
    appState,
    nextLabel: labelIds((after) => callbacks.nextLabel(account.id, after)),
    attention: createAttention(),
    uploads: deps.uploads,
    uploadAgent: uploadAgentFor(deps.settings),
    proxied: deps.settings.egress !== null,
    closed: closing.signal,
    learnAlias(alias) {
      aliases.set(alias.alias, alias);
      control.tell({ type: 'alias', ...alias });
    },
    isOpen: () => open && !closing.signal.aborted && sock.ws.isOpen,
    passkey: () => passkey,
    finish: control.finish,
  };
  keys.onLost(() => void control.finish({ reason: 'ownership_lost' }));
  keys.onAway(
    () =>
      void control.finish({
        reason: 'connection_lost',
        message: 'the keys of the session could not be read or kept',
      }),
  );
  const passkey = listen();
  return link;

  function listen(): PasskeyStep {
    control.watch('timed_out', deps.settings.connectTimeoutMs);
    const step = followPairing(link, auth, pairing, deps, control);
    followEnd(link, () => open, control);
    // Straight from the stanzas, as receipts are: Baileys tells neither of them reliably.
    sock.ws.on('CB:ack,class:message', acks.take);
    followHistory(link, auth, deps, control);
    followStanding(link, control);
    groups.follow(sock);
    appState.follow(sock, deps.historyTurns);
    followPresence(link, control);
    followAbsent(link, callbacks);
    sock.ws.on('CB:success', () => control.watch('timed_out', LOGIN_TIMEOUT_MS));
    sock.ev.on('creds.update', () => {
      // The key store reports a failure itself.
      void auth.save().catch(() => undefined);
    });
    sock.ev.on('connection.update', ({ connection }) => {
      if (connection !== 'open') return;
      open = true;
      control.unwatch();
      control.tell({ type: 'connected', ...identityOf(auth) });
    });
    return step;
  }

  async function close(ending: Ending): Promise<void> {
    cancelWatch();
    closing.abort();
    const ended = sock.end(undefined);
    refuseQueries(sock);
    const noted = (error: unknown) =>
      deps.logger.warn('a socket did not end as it should', { accountId: account.id, error: String(error) });
    await ended.catch(noted);
    await keys.close(FLUSH_TIMEOUT_MS).catch(noted);
    await Promise.all(pending);
    callbacks.onEvent(account, { type: 'closed', ...ending });
  }
}

interface SocketParts {
  deps: LinkDeps;
  account: AccountRef;
  auth: AuthState;
  contacts: Contacts;
  groups: GroupCache;
  chats: Chats;
  appState: AppState;
  devices: DeviceCache;
  control: LinkControl;
  acks: AckBook;
  arrivals: Arrivals;
  closed: AbortSignal;
  self: () => Link;
}

function makeSocket(parts: SocketParts): WASocket {
  const { deps, account, auth, contacts, groups, devices, control, closed } = parts;
  const { callbacks, clock, settings } = deps;
  const storeRetries: RetryOptions = {
    clock,
    range: HOST_RETRY,
    signal: closed,
    timeoutMs: deps.inboundStoreTimeoutMs,
    onGivenUp: () =>
      void control.finish({ reason: 'connection_lost', message: 'what came in could not be stored' }),
  };
  const inbound = createInbound({
    clock,
    contacts,
    chats: parts.chats,
    storeRetries,
    onRefusedSetting: (error) =>
      deps.logger.warn('a setting of a chat is refused by the database and given up', {
        accountId: account.id,
        ...reasonOf(error),
      }),
    me: () => ({ phone: phoneOf(auth.state.creds.me?.id), lid: lidOf(auth.state.creds.me?.lid) }),
    store: (messages) => callbacks.storeInbound(account, messages),
    openVote: (vote, voters) =>
      openVote(vote, {
        findSent: (messageId) => callbacks.findAnswered(account.id, messageId),
        secretOf: (messageId) => secretOf(auth.state.creds, messageId),
        creators: ownUserJids(auth),
        voters,
      }),
  });
  const resends = createResends({ clock, logger: deps.logger, accountId: account.id, closed });
  const session: SessionParts = {
    auth: auth.state,
    userDevicesCache: devices.store,
    cachedGroupMetadata: async (jid) => groups.get(jid),
    async getMessage({ id, remoteJid }) {
      const content = id ? await retry(() => callbacks.findOutbound(account.id, id), storeRetries) : null;
      return id && remoteJid && content ? encodeAgain(parts.self(), remoteJid, content, id) : undefined;
    },
    makeSignalRepository(signal, logger, lookUpLids) {
      const keys = withTransactions(signal.keys);
      installTransactions(keys, parts.appState.keys);
      // A relay holds the session's keys: whatever it does not know by then it must not ask for.
      const lookUp: typeof lookUpLids = async (jids) =>
        isRelaying() || !lookUpLids ? undefined : answered(parts.self(), lookUpLids(jids));
      const repository = DEFAULT_CONNECTION_CONFIG.makeSignalRepository(signal, logger, lookUp);
      inbound.wrap(repository, keys);
      refuseUnsigned(repository);
      lookAtStoredSessions(repository, keys);
      refuseWithdrawnRelays(repository);
      // Its own has no size and a timer for each entry.
      Object.assign(repository.lidMapping, {
        mappingCache: createLru<string, string>({ max: MAX_LID_MAPPINGS }),
      });
      return repository;
    },
  };
  const config = makeSocketConfig(settings, session, resends.failed);
  const root = settings.waServer?.rootKey;
  const sock = withServerRoot(root ? Buffer.from(root, 'hex') : null, () => makeWASocket(config));
  boundClose(sock, clock);
  gatherWrites(sock);
  boundRetryMemory(sock);
  resends.follow(sock, async (ids) => {
    for (const id of ids) {
      if (await retry(() => callbacks.isWithdrawn(account.id, id), storeRetries)) forgetSent(sock, id);
    }
  });
  const receiver = createReceiver(sock, inbound, {
    closed,
    wantsPosts: (place) => callbacks.wantsPosts(account.id, place),
    askedAgain: (stanza) => parts.arrivals.hold(stanza),
  });
  toleratePeers(sock);
  boundQueriesUnderLock(sock, { clock, holdsKeys, timeoutMs: deps.answerTimeoutMs / 4 });
  const { arrivals } = parts;
  const receive: typeof receiver.receive = async (stanza, byBaileys) => {
    const settle = () => arrivals.end(stanza);
    const handled = receiver.receive(stanza, byBaileys);
    handled.catch(settle);
    return { end: (await handled).end.finally(settle) };
  };
  const keep = createKeepers(parts, storeRetries);
  guardListeners(sock, { receive, keep }, (event, error) => {
    deps.logger.debug('a listener of the socket failed', { event, accountId: account.id });
    if (event !== 'message') return;
    // Without this one nothing is read any more, unless it is a single stanza that cannot be decoded.
    const loggedIn = parts.self().isOpen();
    if (!loggedIn || isBrokenChannel(error)) {
      return void control.finish(explainClose(null, error, loggedIn));
    }
    deps.logger.warn('a stanza of the server cannot be decoded and is passed over', {
      accountId: account.id,
    });
    // Anything behind it in the same frame waits in Baileys' buffer.
    sock.ws.emit('message', NO_BYTES);
  });
  passOverUnheard(sock.ws);
  sock.ws.prependListener('CB:message', (stanza) => {
    const { me } = auth.state.creds;
    arrivals.begin(stanza, [me?.id, me?.lid]);
    const people = listedPeople(stanza);
    if (people.length > 0 && inbound.isOurs(stanza)) control.tell({ type: 'people', people });
  });
  return sock;
}

/** What has to be stored before it is confirmed, messages apart. */
function createKeepers(parts: SocketParts, storeRetries: RetryOptions) {
  const { deps, account, acks, arrivals, contacts, groups, closed } = parts;
  const { callbacks, clock } = deps;
  const failed = (what: string) => (error: unknown) =>
    deps.logger.warn(what, { accountId: account.id, error: String(error) });
  const common = {
    storeRetries,
    onUnreadable: failed('what WhatsApp told could not be read'),
    onFull: () =>
      deps.logger.warn('more is told than can wait to be kept: it comes again with the next login', {
        accountId: account.id,
      }),
  };
  return {
    notification: createKeeper({
      ...common,
      read(notification) {
        const notice = readNotice({ contacts }, notification, clock.now());
        // Whom the next message goes to must not wait until this is kept.
        for (const { group } of notice?.news ?? []) groups.forget(group);
        return notice;
      },
      store: (notice) => callbacks.storeGroupNotice(account, notice),
    }),
    call: tellCallInTime(
      parts.self,
      parts.control,
      createKeeper({
        ...common,
        read: (stanza) => readCall({ contacts }, stanza, clock.now()),
        store: (call) => callbacks.storeCall(account, call),
      }),
    ),
    receipt: createReceiptKeeper({
      ...{ acks, arrivals, contacts, clock, closed },
      onRefused: failed('a receipt could not be written'),
      store: (receipt) => callbacks.storeReceipt(account, receipt),
    }),
  };
}

/** Ids for new labels, one at a time: none is given twice, also where it is not known what became of the first label. */
function labelIds(next: (after: string | null) => Promise<string>): Link['nextLabel'] {
  let given: string | null = null;
  return async () => {
    const first = await next(given);
    return (taken) => {
      let id = first;
      while (taken.has(id)) id = String(Number(id) + 1);
      given = id;
      return id;
    };
  };
}

function ownUserJids({ state: { creds } }: AuthState): string[] {
  return [creds.me?.id, creds.me?.lid].flatMap((jid) => (jid ? [canonicalJid(jid)] : []));
}

/** Safe because Baileys hands its repository the store that it has given transactions to. */
function withTransactions(keys: object): SignalKeyStoreWithTransaction {
  return keys as SignalKeyStoreWithTransaction;
}

type Repository = ReturnType<typeof DEFAULT_CONNECTION_CONFIG.makeSignalRepository>;

/** A relay that was given up while it waited for its turn goes no further. */
function refuseWithdrawnRelays(repository: Repository): void {
  const { encryptMessage, encryptGroupMessage } = repository;
  repository.encryptMessage = async (opts) => {
    refuseWithdrawn();
    const sealed = await encryptMessage.call(repository, opts);
    // Messages that Baileys sends by itself, to a device that asks for one again, pass none of our last steps.
    if (!isRelaying()) await persistKeys();
    return sealed;
  };
  repository.encryptGroupMessage = async (opts) => {
    refuseWithdrawn();
    return encryptGroupMessage.call(repository, opts);
  };
}

/** Everything by which a socket can end, except what we do ourselves. */
function followEnd({ sock }: Link, isLoggedIn: () => boolean, control: LinkControl): void {
  let verdict: Verdict | null = null;
  // Before Baileys' own listeners, which end the socket.
  sock.ws.prependListener('CB:failure', (node) => {
    verdict ??= readFailure(node);
  });
  sock.ws.prependListener('CB:stream:error', (node) => {
    verdict ??= readStreamError(node);
  });
  sock.ev.on('connection.update', ({ connection, lastDisconnect }) => {
    if (connection !== 'close') return;
    void control.finish(explainClose(verdict, lastDisconnect?.error, isLoggedIn()));
  });
  // Baileys' wrapper listens to this one as well, and so keeps `ws` from giving up.
  sock.ws.on('unexpected-response', (_request: unknown, response: { statusCode?: number }) => {
    const code = response.statusCode ?? null;
    void control.finish({ reason: 'unavailable', code, message: `the server answered HTTP ${code}` });
  });
}

/** Reads what our own phone tells of its chats; other senders are ignored. */
function followHistory(
  { sock, closed, account }: Link,
  auth: AuthState,
  deps: LinkDeps,
  control: LinkControl,
): void {
  const me = () => [phoneOf(auth.state.creds.me?.id), lidOf(auth.state.creds.me?.lid)];
  const history = createHistory({
    keys: auth.raw,
    turns: deps.historyTurns,
    logger: deps.logger,
    accountId: account.id,
    userId: account.userId,
    closed,
    me,
    async fetch(source, options) {
      // Another server has its files elsewhere, and the message does not say where.
      const [own] = deps.settings.waServer ? (await sock.refreshMediaConn(false)).hosts : [];
      const url = own ? `https://${own.hostname}${source.directPath}` : null;
      return deps.fetchFile({ ...source, url }, { ...options, accountId: account.id });
    },
    onPeople: (people) => control.tell({ type: 'people', people }),
  });
  const tellNames = (contacts: readonly Partial<Contact>[]) => {
    const people = namedPeople(contacts, me());
    if (people.length > 0) control.tell({ type: 'people', people });
  };
  followContacts(sock, tellNames);
  sock.ev.on('messages.upsert', ({ messages }) => {
    for (const { key, message } of messages) {
      const notification = message?.protocolMessage?.historySyncNotification;
      if (notification && key.fromMe) history.take(notification);
    }
  });
}

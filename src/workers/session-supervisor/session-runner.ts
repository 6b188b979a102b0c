/** The state machine of one session, from the moment this process owns it until it does not any more. */

import { NotOwnerError } from '../../cluster/commands.ts';
import { NO_PAIRING, type OwnedSession } from '../../cluster/leases.ts';
import { isLinking } from '../../db/schema.ts';
import { requeueSending } from '../../queue/claim.ts';
import { sleep } from '../../utils/clock.ts';
import { MINUTE_MS } from '../../utils/durations.ts';
import { AppError } from '../../utils/errors.ts';
import { OwnershipLost } from '../../whatsapp/credential-store.ts';
import type {
  AccountRef,
  CloseReason,
  EngineEvent,
  PairedIdentity,
  PasskeyStage,
} from '../../whatsapp/engine.ts';
import {
  backoffDelayMs,
  decide,
  explain,
  type History,
  isSamePhone,
  outdatedDelayMs,
  tally,
} from './policy.ts';
import type { RunnerDeps } from './runner-deps.ts';
import { type RowChange, readRow, type SessionRow, type SessionStatus } from './session-row.ts';
import { createSocket, within } from './socket.ts';
import type { Ticket } from './start-gate.ts';
import { createStatusWriter, type WriteOutcome } from './status-writer.ts';

/** A 503 on the WebSocket upgrade leaves the client connecting for ever; a real connection takes seconds. */
const CONNECT_TIMEOUT_MS = 45_000;
/** After a QR's end the next one, or the end of the pairing, must come within this time. */
const QR_GRACE_MS = 20_000;
/** A challenge that has run out begins again, and a phone that is awaited is given up, within this time. */
const PASSKEY_GRACE_MS = 90_000;
/** A handshake takes a second or two. */
const SILENT_AFTER_MS = 4_000;
const HEALTHY_AFTER_MS = MINUTE_MS;
const LOGOUT_TIMEOUT_MS = 10_000;
const REFRESH_TIMEOUT_MS = 15_000;
const ERASE_TRIES = 5;

export interface SessionRunner {
  readonly account: OwnedSession;
  readonly status: SessionStatus;
  /** Connects if the row says that there is something to connect. */
  start(urgency: number): void;
  onEvent(account: AccountRef, event: EngineEvent): void;
  /** Connects now; begins a pairing when there are no credentials. Nothing happens while a socket lives. */
  open(): Promise<void>;
  restart(): Promise<void>;
  logout(): Promise<{ confirmed: boolean }>;
  /** A disabled user's session holds no socket. */
  setEnabled(enabled: boolean): Promise<void>;
  /** Closes the socket and writes nothing. May be called twice. */
  stop(): Promise<void>;
}

type ClosedEvent = { reason: CloseReason };

export function createSessionRunner(deps: RunnerDeps, account: OwnedSession, row: SessionRow): SessionRunner {
  const { clock, engine, logger } = deps;
  const writer = createStatusWriter(deps, account, row);
  const socket = createSocket(deps, account.id);
  const history: History = { paired: row.paired, failures: 0, restarts: 0, outdated: 0 };
  let { expectedPhone, enabled } = row;
  /** Grows with every change of mind: what was begun under a smaller one gives up. */
  let generation = 0;
  let stopped = false;
  let ending = false;
  let connected = false;
  let ticket: Ticket | null = null;
  let cancelTimer: () => void = () => undefined;
  let cancelEarly: () => void = () => undefined;
  let line: Promise<unknown> = Promise.resolve();
  let puttingBack: Promise<void> = Promise.resolve();

  function next(): number {
    cancelTimer();
    cancelEarly();
    ticket?.release();
    ticket = null;
    generation += 1;
    return generation;
  }

  function inTurn<R>(work: () => Promise<R>): Promise<R> {
    const result = line.then(work);
    line = result.catch(() => undefined);
    return result;
  }

  async function setStatus(status: SessionStatus, reason: string | null, also: RowChange = {}) {
    const message = explain(reason);
    const outcome = await writer.write({ ...also, status, reason, errorMessage: message });
    if (outcome === 'lost') deps.onLost(account.id);
    return outcome;
  }

  /** `urgency` null: somebody waits for it, so it does not queue for a place. */
  async function connect(urgency: number | null): Promise<void> {
    const mine = next();
    if (stopped || ending || !enabled || socket.live) return;
    if (urgency !== null) {
      ticket = deps.gate.enter(urgency);
      await ticket.ready;
      if (mine !== generation) return;
    }
    const now = await readRow(deps.db, account.id).catch(() => undefined);
    if (mine !== generation) return;
    if (now === undefined || !deps.isSafe()) return retryLater();
    if (now === null || now.owner !== account.owner || now.fence !== account.fence) {
      return deps.onLost(account.id);
    }
    if (!now.enabled) return void suspend();
    expectedPhone = now.expectedPhone;
    const byCode = now.pairing === 'code' && expectedPhone !== null && !history.paired;
    watch(CONNECT_TIMEOUT_MS, 'stalled');
    if (history.failures > 0) hurryIfSilent(mine);
    socket.open(account, byCode && expectedPhone ? { mode: 'code', phone: expectedPhone } : { mode: 'qr' });
  }

  /** The database or the lease is away: not the session's failure. */
  function retryLater(): void {
    reconnectIn(backoffDelayMs(3, deps.random));
  }

  function reconnectIn(delayMs: number): void {
    next();
    cancelTimer = clock.setTimer(() => void connect(0), delayMs);
  }

  /** After a failure of the network: sooner, when the server turns out to answer. */
  function reconnectWithin(delayMs: number): void {
    reconnectIn(delayMs);
    cancelEarly = deps.outage.wait(account.id, () => void connect(0));
  }

  /** A connection that was begun in an outage may hang on while others come through: it is begun anew. */
  function hurryIfSilent(mine: number): void {
    cancelTimer = clock.setTimer(() => {
      if (mine !== generation) return;
      cancelEarly = deps.outage.wait(account.id, () => {
        if (mine === generation && !connected) void connectAnew();
      });
    }, SILENT_AFTER_MS);
  }

  async function connectAnew(): Promise<void> {
    next();
    await socket.close();
    await connect(0);
  }

  function watch(timeoutMs: number, reason: CloseReason): void {
    socket.watch(timeoutMs, () => void stall(reason));
  }

  async function stall(reason: CloseReason): Promise<void> {
    const mine = next();
    logger.warn('a session waited too long', { session: account.sessionId, status: writer.last.status });
    await socket.close();
    if (mine === generation) onClosed({ reason });
  }

  function onEvent(from: AccountRef, event: EngineEvent): void {
    if (stopped || !socket.accepts(from)) return;
    if (event.type === 'closed') {
      if (socket.ended()) onClosed(event);
      return;
    }
    if (ending) return;
    if (event.type === 'qr') onSecret({ qr: event.qr }, event.expiresAt);
    if (event.type === 'pairing_code') onSecret({ pairingCode: event.code }, event.expiresAt);
    if (event.type === 'passkey') onPasskey(event);
    if (event.type === 'paired') onPaired();
    if (event.type === 'connected') void onConnected(event);
  }

  function onSecret(secret: RowChange, expiresAt: number): void {
    next();
    history.outdated = 0;
    // Credentials that were there are gone when WhatsApp asks for a phone again.
    const unpaired = history.paired ? { paired: false, activePhone: null } : {};
    history.paired = false;
    watch(Math.max(0, expiresAt - clock.now()) + QR_GRACE_MS, 'pairing_expired');
    void setStatus('qr', null, { ...unpaired, ...secret, qrExpiresAt: expiresAt });
  }

  /** The stage on the row is what every process, page and program sees of it. */
  function onPasskey(step: PasskeyStage): void {
    next();
    const { stage, expiresAt } = step;
    watch(Math.max(0, expiresAt - clock.now()) + PASSKEY_GRACE_MS, 'passkey_expired');
    const passkey = {
      stage,
      options: stage === 'asked' ? { ...step.options } : null,
      code: stage === 'confirm' ? step.code : null,
      expiresAt,
    };
    const status = stage === 'confirm' ? 'passkey_confirm' : 'passkey';
    void setStatus(status, stage === 'asked' ? step.failed : null, { ...NO_PAIRING, passkey });
  }

  function onPaired(): void {
    next();
    history.paired = true;
    watch(CONNECT_TIMEOUT_MS, 'stalled');
    void setStatus('connecting', null, { ...NO_PAIRING, paired: true });
  }

  async function onConnected(identity: PairedIdentity): Promise<void> {
    const mine = next();
    socket.unwatch();
    Object.assign(history, { paired: true, restarts: 0, outdated: 0 });
    if (expectedPhone !== null && !isSamePhone(expectedPhone, identity.phone))
      return refuse('phone_mismatch');
    cancelTimer = clock.setTimer(() => {
      history.failures = 0;
      deps.outage.forget(account.id);
    }, HEALTHY_AFTER_MS);
    const outcome = await setStatus('connected', null, connectedRow(identity, clock.now()));
    if (mine !== generation) return;
    if (outcome === 'duplicate') return refuse('duplicate_phone');
    if (outcome !== 'written') return;
    connected = true;
    deps.outage.over();
    // A claim that is made meanwhile would be put back as well, and its message sent twice.
    await puttingBack;
    if (mine !== generation) return;
    await settle(() => deps.dispatcher.add(account));
  }

  function onClosed({ reason }: ClosedEvent): void {
    next();
    const farewell = leave();
    if (stopped || ending) return;
    tally(history, reason);
    const decision = decide(reason, history);
    switch (decision.do) {
      case 'reopen':
        return void connect(null);
      case 'verify':
        return void reconnectIn(backoffDelayMs(history.failures, deps.random));
      case 'retry':
        void setStatus('disconnected', decision.reason, { ...NO_PAIRING, ...farewell });
        return void reconnectWithin(backoffDelayMs(history.failures, deps.random));
      case 'refresh':
        return void refresh(decision.announce, farewell);
      case 'pause':
        return void setStatus('disconnected', decision.reason, { ...NO_PAIRING, ...farewell });
      case 'end':
        return void finish(decision.status, decision.reason, farewell);
    }
  }

  /** The socket is gone: nothing is sent through it any more. */
  function leave(): RowChange {
    if (!connected) return {};
    connected = false;
    void settle(() => deps.dispatcher.remove(account.id));
    const at = clock.now();
    return { disconnectedAt: at, lastSeenAt: at };
  }

  async function refresh(announce: boolean, farewell: RowChange): Promise<void> {
    const mine = generation;
    const status = announce ? 'failed' : 'disconnected';
    void setStatus(status, 'client_outdated', { ...NO_PAIRING, ...farewell });
    await within(clock, REFRESH_TIMEOUT_MS, deps.refreshClientVersion());
    if (mine !== generation) return;
    reconnectIn(announce ? outdatedDelayMs(deps.random) : backoffDelayMs(history.outdated, deps.random));
  }

  /** The session ends. Only a logout makes its credentials worthless, and only then are they erased. */
  async function finish(status: SessionStatus, reason: string, also: RowChange = {}): Promise<WriteOutcome> {
    next();
    const erased = status === 'logged_out' || reason === 'phone_mismatch' || reason === 'duplicate_phone';
    if (erased) history.paired = false;
    const unpaired = erased ? { paired: false } : {};
    const change = { ...also, ...NO_PAIRING, ...unpaired, activePhone: null };
    const outcome = await setStatus(status, reason, change);
    if (outcome === 'written' && erased) await eraseCredentials();
    if (outcome === 'written') putBack();
    return outcome;
  }

  /** What was on its way waits for the next link, or for its expiry. */
  function putBack(): void {
    const work = async () => {
      await deps.dispatcher.remove(account.id);
      await requeueSending(deps.db, account, clock.now());
    };
    puttingBack = puttingBack.then(() => settle(work));
  }

  async function eraseCredentials(): Promise<void> {
    for (let attempt = 1; attempt <= ERASE_TRIES; attempt++) {
      try {
        await deps.credentials.erase(account);
        return;
      } catch (error) {
        if (stopped || error instanceof OwnershipLost) return deps.onLost(account.id);
        logger.error('credentials could not be erased', { session: account.sessionId, error: String(error) });
        await sleep(clock, backoffDelayMs(attempt, deps.random));
      }
    }
  }

  /** Unlinks at WhatsApp and closes. True when WhatsApp confirmed. */
  async function unlink(): Promise<boolean> {
    next();
    socket.unwatch();
    const confirmed = engine.isConnected(account.id)
      ? await within(clock, 2 * LOGOUT_TIMEOUT_MS, engine.logout(account.id, LOGOUT_TIMEOUT_MS))
      : false;
    await socket.close();
    return confirmed === true;
  }

  /** A phone that must not be linked here: the newcomer goes, whoever was there before stays. */
  async function refuse(reason: 'phone_mismatch' | 'duplicate_phone'): Promise<void> {
    ending = true;
    await unlink();
    await finish('failed', reason);
    ending = false;
  }

  async function logout(): Promise<{ confirmed: boolean }> {
    if (stopped) throw new NotOwnerError();
    if (writer.last.status === 'logged_out') return { confirmed: true };
    ending = true;
    try {
      const farewell = leave();
      const confirmed = await unlink();
      const outcome = await finish('logged_out', 'logout', farewell);
      if (outcome === 'lost' || outcome === 'stopped') throw new NotOwnerError();
      return { confirmed };
    } finally {
      ending = false;
    }
  }

  async function open(): Promise<void> {
    if (stopped) throw new NotOwnerError();
    if (!enabled) throw new AppError('FORBIDDEN', 'The user of this session is disabled.');
    if (socket.live) return;
    Object.assign(history, { failures: 0, restarts: 0, outdated: 0 });
    // A crash between the end and the erasure would have left them.
    if (writer.last.status === 'logged_out') await eraseCredentials();
    // Whoever asked may look at the row next, and must not find the old state there.
    const outcome = await setStatus('connecting', null, NO_PAIRING);
    if (outcome === 'lost' || outcome === 'stopped') throw new NotOwnerError();
    await connect(null);
  }

  async function closeForNow(): Promise<void> {
    next();
    await socket.close();
    leave();
  }

  async function suspend(): Promise<void> {
    enabled = false;
    await closeForNow();
    if (!stopped && isActive(writer.last.status)) {
      void setStatus('disconnected', 'user_disabled', { ...NO_PAIRING, disconnectedAt: clock.now() });
    }
  }

  function start(urgency: number): void {
    const { status, reason } = writer.last;
    const outdated = status === 'failed' && reason === 'client_outdated';
    const resumes = history.paired ? isActive(status) || outdated : isLinking(status);
    if (!resumes) {
      putBack();
      return;
    }
    if (!enabled) return void suspend();
    if (!outdated) void setStatus('connecting', null, NO_PAIRING);
    void connect(urgency);
  }

  async function settle(work: () => unknown): Promise<void> {
    try {
      await work();
    } catch (error) {
      logger.error('the dispatcher failed', { session: account.sessionId, error: String(error) });
    }
  }

  return {
    account,
    get status() {
      return writer.last.status;
    },
    start,
    onEvent,
    open: () => inTurn(open),
    restart: () =>
      inTurn(async () => {
        await closeForNow();
        await open();
      }),
    logout: () => inTurn(logout),
    setEnabled: (value) =>
      inTurn(async () => {
        if (value === enabled || stopped) return;
        if (!value) return suspend();
        enabled = true;
        if (writer.last.reason === 'user_disabled') start(0);
      }),
    async stop() {
      stopped = true;
      writer.stop();
      await closeForNow();
      deps.outage.forget(account.id);
    },
  };
}

const isActive = (status: SessionStatus) =>
  isLinking(status) || status === 'connected' || status === 'disconnected';

function connectedRow(identity: PairedIdentity, at: number): RowChange {
  return {
    ...NO_PAIRING,
    paired: true,
    phoneNumber: identity.phone,
    activePhone: identity.phone,
    lid: identity.lid,
    name: identity.name?.slice(0, 190) ?? null,
    deviceInfo: { platform: identity.platform },
    connectedAt: at,
    lastSeenAt: at,
  };
}

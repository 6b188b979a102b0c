/** The state machine of one session, from the moment this process owns it until it does not any more. */

import { NotOwnerError } from '../../cluster/commands.ts';
import { NO_PAIRING, type OwnedSession } from '../../cluster/leases.ts';
import { isLinking } from '../../db/schema.ts';
import { WANTED_ENDS, wentAt } from '../../services/alarms/alarms.ts';
import { MINUTE_MS } from '../../utils/durations.ts';
import { AppError } from '../../utils/errors.ts';
import { createMutex } from '../../utils/mutex.ts';
import { deleteImported, IMPORT_INTERRUPTED } from '../../whatsapp/credential-transfer.ts';
import type { AccountRef, CloseReason, EngineEvent, PairedIdentity } from '../../whatsapp/engine.ts';
import {
  CONNECT_TIMEOUT_MS,
  endsPairing,
  isProgress,
  type ProgressEvent,
  planConnected,
  planProgress,
} from './event-plan.ts';
import { backoffDelayMs, decide, explain, outdatedDelayMs, type SocketHistory, tally } from './policy.ts';
import type { RunnerDeps } from './runner-deps.ts';
import { createSending, eraseCredentials, type Sending } from './runner-effects.ts';
import {
  endInterrupted,
  isInterrupted,
  type RowChange,
  readRow,
  type SessionRow,
  type SessionStatus,
} from './session-row.ts';
import { createSocket, type Socket, within } from './socket.ts';
import type { Ticket } from './start-gate.ts';
import { createStatusWriter, type StatusWriter, type WriteOutcome } from './status-writer.ts';

/** A handshake takes a second or two. */
const SILENT_AFTER_MS = 4_000;
const HEALTHY_AFTER_MS = MINUTE_MS;
const LOGOUT_TIMEOUT_MS = 10_000;
const REFRESH_TIMEOUT_MS = 15_000;
/** The program that a link was imported from is still running when it takes the connection back so soon. */
const IMPORT_WATCH_MS = MINUTE_MS;

export interface SessionRunner {
  readonly account: OwnedSession;
  readonly status: SessionStatus;
  /** Connects if the row says that there is something to connect. */
  start(urgency: number): void;
  onEvent(account: AccountRef, event: EngineEvent): void;
  /** Connects now; begins a pairing when there are no credentials. Nothing happens while a socket lives. */
  open(): Promise<void>;
  restart(): Promise<void>;
  /** Connects again when `proxy`, as the row has it, is not the one that it connects by. */
  follow(proxy: string | null): Promise<void>;
  logout(): Promise<{ confirmed: boolean }>;
  /** Closes the socket and ends as `replaced`: the credentials stay, for another program. */
  handOver(): Promise<void>;
  /** A disabled user's session holds no socket. */
  setEnabled(enabled: boolean): Promise<void>;
  /** Closes the socket and writes nothing. May be called twice. */
  stop(): Promise<void>;
}

export function createSessionRunner(deps: RunnerDeps, account: OwnedSession, row: SessionRow): SessionRunner {
  return new Runner(deps, account, row);
}

class Runner implements SessionRunner {
  readonly account: OwnedSession;
  readonly #deps: RunnerDeps;
  readonly #writer: StatusWriter;
  readonly #socket: Socket;
  readonly #history: SocketHistory;
  #expectedPhone: string | null;
  #importedAt: number | null;
  /** whether it was ever connected */
  readonly #hadPhone: boolean;
  /** sealed, as the row had it when it connected last */
  #proxy: string | null;
  #enabled: boolean;
  /** Grows with every change of mind: what was begun under a smaller one gives up. */
  #generation = 0;
  #stopped = false;
  #ending = false;
  #connected = false;
  /** the row says that it is connected, or was when its process ended without a word */
  #countsAsLive: boolean;
  /** when the connection was lost that the row still counts as live; null: not known */
  #leftAt: number | null = null;
  #ticket: Ticket | null = null;
  #cancelTimer: () => void = () => undefined;
  #cancelEarly: () => void = () => undefined;
  readonly #inOrder = createMutex();
  readonly #sending: Sending;

  constructor(deps: RunnerDeps, account: OwnedSession, row: SessionRow) {
    this.#deps = deps;
    this.account = account;
    this.#writer = createStatusWriter(deps, account, row);
    this.#socket = createSocket(deps, account.id);
    this.#sending = createSending(deps, account);
    this.#history = { paired: row.paired, failures: 0, restarts: 0, outdated: 0 };
    this.#expectedPhone = row.expectedPhone;
    this.#importedAt = row.importedAt;
    this.#hadPhone = row.connectedAt !== null;
    this.#proxy = row.proxy;
    this.#enabled = row.enabled;
    this.#countsAsLive = row.paired && row.connectedAt !== null && wentAt(row) === null;
  }

  get status() {
    return this.#writer.last.status;
  }

  start(urgency: number): void {
    const { status, reason } = this.#writer.last;
    // Before anything else that is asked of the session.
    if (reason === IMPORT_INTERRUPTED && this.#importedAt !== null)
      void this.#inOrder(() => this.#clearImport());
    const outdated = status === 'failed' && reason === 'client_outdated';
    const resumes = this.#history.paired ? isActive(status) || outdated : isLinking(status);
    if (!resumes) this.#sending.requeue();
    else if (!this.#enabled) void this.#suspend();
    else {
      if (!outdated) void this.#setStatus('connecting', null, { ...NO_PAIRING, ...this.#missedFromNow() });
      void this.#connect(urgency);
    }
  }

  onEvent(from: AccountRef, event: EngineEvent): void {
    if (this.#stopped || !this.#socket.accepts(from)) return;
    if (event.type === 'closed') {
      if (this.#socket.ended()) this.#onClosed(event.reason);
      return;
    }
    // Events of a socket that is being closed change nothing: its end is what counts.
    if (this.#ending || this.#socket.closing) return;
    if (event.type === 'connected') void this.#onConnected(event);
    else if (isProgress(event)) this.#onProgress(event);
  }

  open(): Promise<void> {
    return this.#inOrder(() => this.#open());
  }

  restart(): Promise<void> {
    return this.#inOrder(async () => {
      await this.#closeForNow();
      await this.#open();
    });
  }

  follow(proxy: string | null): Promise<void> {
    return this.#inOrder(async () => {
      if (proxy === this.#proxy || this.#stopped || !this.#enabled) return;
      this.#proxy = proxy;
      if (!isActive(this.status) || !(this.#history.paired || this.#socket.live)) return;
      await this.#closeForNow();
      await this.#open();
    });
  }

  logout(): Promise<{ confirmed: boolean }> {
    return this.#inOrder(() => this.#logout());
  }

  handOver(): Promise<void> {
    return this.#inOrder(() => this.#handOver());
  }

  setEnabled(enabled: boolean): Promise<void> {
    return this.#inOrder(async () => {
      if (enabled === this.#enabled || this.#stopped) return;
      if (!enabled) return this.#suspend();
      this.#enabled = true;
      if (this.#writer.last.reason === 'user_disabled') this.start(0);
    });
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    this.#writer.stop();
    await this.#closeForNow();
    this.#deps.outage.forget(this.account.id);
  }

  /** A new beginning: timers, tickets and whatever is under way are given up. */
  #next(): number {
    this.#cancelTimer();
    this.#cancelEarly();
    this.#ticket?.release();
    this.#ticket = null;
    this.#generation += 1;
    return this.#generation;
  }

  async #setStatus(status: SessionStatus, reason: string | null, also: RowChange = {}) {
    const change = { ...also, ...this.#farewell(status) };
    const outcome = await this.#writer.write({ ...change, status, reason, errorMessage: explain(reason) });
    if (outcome === 'lost') this.#deps.onLost(this.account.id);
    return outcome;
  }

  /**
   * The row is told once when a connection is gone that it counts as live, also one of a process that was killed: attempts that
   * fail afterwards do not renew it.
   */
  #farewell(status: SessionStatus): RowChange {
    const wasLive = this.#countsAsLive;
    this.#countsAsLive = status === 'connected';
    if (!wasLive || status === 'connected') return {};
    const at = this.#leftAt;
    return at === null ? { disconnectedAt: this.#deps.clock.now() } : { disconnectedAt: at, lastSeenAt: at };
  }

  /** It begins again after an end that somebody wanted: a link that is there is missed from now on, one that is not is not. */
  #missedFromNow(): RowChange {
    if (!WANTED_ENDS.has(this.#writer.last.reason ?? '')) return {};
    return { disconnectedAt: this.#history.paired ? this.#deps.clock.now() : null };
  }

  /** `urgency` null: somebody waits for it, so it does not queue for a place. */
  async #connect(urgency: number | null): Promise<void> {
    const { account } = this;
    const deps = this.#deps;
    const mine = this.#next();
    if (this.#stopped || this.#ending || !this.#enabled || this.#socket.live) return;
    if (urgency !== null) {
      this.#ticket = deps.gate.enter(urgency, account.userId);
      await this.#ticket.ready;
      if (mine !== this.#generation) return;
    }
    const now = await readRow(deps.db, account.id).catch(() => undefined);
    if (mine !== this.#generation) return;
    // The database or the lease is away: not the session's failure.
    if (now === undefined || !deps.isSafe()) return this.#reconnectIn(backoffDelayMs(3, deps.random));
    if (now === null || now.owner !== account.owner || now.fence !== account.fence) {
      return deps.onLost(account.id);
    }
    if (!now.enabled) return void this.#suspend();
    this.#expectedPhone = now.expectedPhone;
    this.#importedAt = now.importedAt;
    this.#proxy = now.proxy;
    const byCode = now.pairing === 'code' && now.expectedPhone !== null && !this.#history.paired;
    this.#watch(CONNECT_TIMEOUT_MS, 'stalled');
    if (this.#history.failures > 0) this.#hurryIfSilent(mine);
    this.#socket.open(
      account,
      byCode && now.expectedPhone ? { mode: 'code', phone: now.expectedPhone } : { mode: 'qr' },
    );
  }

  #reconnectIn(delayMs: number): void {
    this.#next();
    this.#cancelTimer = this.#deps.clock.setTimer(() => void this.#connect(0), delayMs);
  }

  /** After a failure of the network: sooner, when the server turns out to answer. */
  #reconnectWithin(delayMs: number): void {
    this.#reconnectIn(delayMs);
    this.#cancelEarly = this.#waitForServer(() => void this.#connect(0));
  }

  /** A look at the server goes past a proxy: on its behalf none is taken, only what others hear counts. */
  #waitForServer(retry: () => void): () => void {
    return this.#deps.outage.wait(this.account.id, retry, { looks: this.#proxy === null });
  }

  /** A connection that was begun in an outage may hang on while others come through: it is started again. */
  #hurryIfSilent(mine: number): void {
    this.#cancelTimer = this.#deps.clock.setTimer(() => {
      if (mine !== this.#generation) return;
      this.#cancelEarly = this.#waitForServer(() => {
        if (mine === this.#generation && !this.#connected) void this.#connectAnew();
      });
    }, SILENT_AFTER_MS);
  }

  async #connectAnew(): Promise<void> {
    this.#next();
    await this.#socket.close();
    await this.#connect(0);
  }

  #watch(timeoutMs: number, reason: CloseReason): void {
    this.#socket.watch(timeoutMs, () => void this.#stall(reason));
  }

  async #stall(reason: CloseReason): Promise<void> {
    const { account } = this;
    const deps = this.#deps;
    const mine = this.#next();
    deps.logger.warn('a session waited too long', { session: account.sessionId, status: this.status });
    await this.#socket.close();
    if (mine === this.#generation) this.#onClosed(reason);
  }

  #onProgress(event: ProgressEvent): void {
    this.#next();
    if (event.type === 'qr' || event.type === 'pairing_code') this.#history.outdated = 0;
    const { status, reason, change, paired, watch } = planProgress(
      event,
      this.#history.paired,
      this.#deps.clock.now(),
    );
    this.#history.paired = paired;
    this.#watch(watch.timeoutMs, watch.reason);
    void this.#setStatus(status, reason, change);
  }

  async #onConnected(identity: PairedIdentity): Promise<void> {
    const { account } = this;
    const deps = this.#deps;
    const mine = this.#next();
    this.#socket.unwatch();
    Object.assign(this.#history, { paired: true, restarts: 0, outdated: 0 });
    this.#leftAt = null;
    const change = planConnected(identity, this.#expectedPhone, deps.clock.now());
    if (change === null) return this.#refuse('phone_mismatch');
    this.#cancelTimer = deps.clock.setTimer(() => {
      this.#history.failures = 0;
      deps.outage.forget(account.id);
    }, HEALTHY_AFTER_MS);
    const outcome = await this.#setStatus('connected', null, change);
    if (mine !== this.#generation) return;
    if (outcome === 'duplicate') {
      this.#countsAsLive = false;
      return this.#refuse('duplicate_phone');
    }
    if (outcome !== 'written') return;
    this.#connected = true;
    deps.outage.over();
    await this.#sending.begin(() => mine === this.#generation);
  }

  #onClosed(reason: CloseReason): void {
    this.#next();
    this.#leave();
    if (this.#stopped || this.#ending) return;
    const history = this.#history;
    const { random } = this.#deps;
    tally(history, reason);
    const decision = decide(reason, history);
    switch (decision.do) {
      case 'reopen':
        void this.#connect(null);
        break;
      case 'verify':
        this.#reconnectIn(backoffDelayMs(history.failures, random));
        break;
      case 'retry':
        void this.#setStatus('disconnected', decision.reason, NO_PAIRING);
        this.#reconnectWithin(backoffDelayMs(history.failures, random));
        break;
      case 'refresh':
        void this.#refresh(decision.announce);
        break;
      case 'pause':
        void this.#setStatus('disconnected', decision.reason, NO_PAIRING);
        break;
      case 'end':
        void this.#finish(decision.status, this.#reasonOfEnd(decision.reason));
        break;
    }
  }

  /** A link that was just imported is replaced by the program that it came from. */
  #reasonOfEnd(reason: string): string {
    const isNew = this.#importedAt !== null && this.#deps.clock.now() - this.#importedAt < IMPORT_WATCH_MS;
    return reason === 'replaced' && isNew ? 'replaced_after_import' : reason;
  }

  /** The socket is gone: nothing is sent through it any more. */
  #leave(): void {
    if (!this.#connected) return;
    this.#connected = false;
    this.#leftAt = this.#deps.clock.now();
    this.#sending.end();
  }

  /** WhatsApp finds the client too old: a newer version is looked for before the next connection. */
  async #refresh(announce: boolean): Promise<void> {
    const { clock, random, refreshClientVersion } = this.#deps;
    const mine = this.#generation;
    const status = announce ? 'failed' : 'disconnected';
    void this.#setStatus(status, 'client_outdated', NO_PAIRING);
    await within(clock, REFRESH_TIMEOUT_MS, refreshClientVersion());
    if (mine !== this.#generation) return;
    this.#reconnectIn(announce ? outdatedDelayMs(random) : backoffDelayMs(this.#history.outdated, random));
  }

  /** The session ends. Only a logout makes its credentials worthless, and only then are they erased. */
  async #finish(status: SessionStatus, reason: string): Promise<WriteOutcome> {
    this.#next();
    const erased = endsPairing(status, reason);
    if (erased) this.#history.paired = false;
    const unpaired = erased ? { paired: false } : {};
    const change = { ...NO_PAIRING, ...unpaired, activePhone: null };
    const outcome = await this.#setStatus(status, reason, change);
    if (outcome === 'written' && erased) await this.#eraseCredentials();
    if (outcome === 'written') this.#sending.requeue();
    return outcome;
  }

  #eraseCredentials(): Promise<void> {
    return eraseCredentials(this.#deps, this.account, () => this.#stopped);
  }

  /** Clears away an import whose process died. Until it is gone no other import begins. */
  async #clearImport(): Promise<void> {
    const { db, logger } = this.#deps;
    const { id, sessionId } = this.account;
    try {
      const isOurs = isInterrupted(db, this.account);
      await deleteImported(db, id, { hadPhone: this.#hadPhone, isOurs });
      await endInterrupted(this.#deps, this.account, explain(IMPORT_INTERRUPTED));
      this.#importedAt = null;
    } catch (error) {
      // The next owner tries again; an import may begin when five minutes are over.
      logger.error('what an import left could not be cleared away', {
        session: sessionId,
        error: String(error),
      });
    }
  }

  /** Unlinks at WhatsApp and closes. True when WhatsApp confirmed. */
  async #unlink(): Promise<boolean> {
    const { engine, clock } = this.#deps;
    const { id } = this.account;
    this.#next();
    this.#socket.unwatch();
    const confirmed = engine.isConnected(id)
      ? await within(clock, 2 * LOGOUT_TIMEOUT_MS, engine.logout(id, LOGOUT_TIMEOUT_MS))
      : false;
    await this.#socket.close();
    return confirmed === true;
  }

  /** A phone that must not be linked here: the newcomer goes, whoever was there before stays. */
  async #refuse(reason: 'phone_mismatch' | 'duplicate_phone'): Promise<void> {
    this.#ending = true;
    await this.#unlink();
    await this.#finish('failed', reason);
    this.#ending = false;
  }

  async #logout(): Promise<{ confirmed: boolean }> {
    if (this.#stopped) throw new NotOwnerError();
    if (this.status === 'logged_out') return { confirmed: true };
    this.#ending = true;
    try {
      this.#leave();
      const confirmed = await this.#unlink();
      const outcome = await this.#finish('logged_out', 'logout');
      if (outcome === 'lost' || outcome === 'stopped') throw new NotOwnerError();
      return { confirmed };
    } finally {
      this.#ending = false;
    }
  }

  async #handOver(): Promise<void> {
    if (this.#stopped) throw new NotOwnerError();
    this.#ending = true;
    try {
      this.#leave();
      this.#next();
      this.#socket.unwatch();
      await this.#socket.close();
      const outcome = await this.#finish('replaced', 'exported');
      if (outcome === 'lost' || outcome === 'stopped') throw new NotOwnerError();
    } finally {
      this.#ending = false;
    }
  }

  async #open(): Promise<void> {
    if (this.#stopped) throw new NotOwnerError();
    if (!this.#enabled) throw new AppError('FORBIDDEN', 'The user of this session is disabled.');
    if (this.#socket.live) return;
    Object.assign(this.#history, { failures: 0, restarts: 0, outdated: 0 });
    // A link may have been imported since this process took the session.
    const row = await readRow(this.#deps.db, this.account.id);
    // Meanwhile a connection that was waiting for its turn may have begun: its QR must not be erased.
    if (this.#socket.live) return;
    if (row?.paired) this.#history.paired = true;
    // A crash between the end and the erasure would have left them.
    else if (this.status === 'logged_out') await this.#eraseCredentials();
    // The caller may look at the row next, and must not find the old state there.
    const change = { ...NO_PAIRING, ...this.#missedFromNow() };
    const outcome = await this.#setStatus('connecting', null, change);
    if (outcome === 'lost' || outcome === 'stopped') throw new NotOwnerError();
    await this.#connect(null);
  }

  async #closeForNow(): Promise<void> {
    this.#next();
    await this.#socket.close();
    this.#leave();
  }

  async #suspend(): Promise<void> {
    this.#enabled = false;
    await this.#closeForNow();
    if (!this.#stopped && isActive(this.status)) {
      void this.#setStatus('disconnected', 'user_disabled', NO_PAIRING);
    }
  }
}

const isActive = (status: SessionStatus) =>
  isLinking(status) || status === 'connected' || status === 'disconnected';

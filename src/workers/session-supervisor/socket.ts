/** The one socket a session may have: opened once, closed within a bound, watched while something is awaited. */
import { type Clock, sleep } from '../../utils/clock.ts';
import type { Logger } from '../../utils/logger.ts';
import type { AccountRef, Engine, PairingRequest } from '../../whatsapp/engine.ts';

/** An engine that has not closed a socket by then is left behind; its next `open` closes it. */
const CLOSE_TIMEOUT_MS = 10_000;

export interface Socket {
  readonly live: boolean;
  /** `close` was called and has not resolved: the socket may still speak, but its end is decided. */
  readonly closing: boolean;
  /** Must not be called while one lives. */
  open(account: AccountRef, pairing: PairingRequest): void;
  /** Ends it because the supervisor wants so. Resolves when nothing of it can come any more. */
  close(): Promise<void>;
  /** Calls `onStall` unless the next event (or `unwatch`) comes in time. Replaces an earlier watch. */
  watch(timeoutMs: number, onStall: () => void): void;
  unwatch(): void;
  /** False for what a socket before this one still has to say. */
  accepts(account: AccountRef): boolean;
  /** The engine's last word about it; true when the supervisor had not asked for that. */
  ended(): boolean;
}

export function createSocket(
  deps: { engine: Engine; clock: Clock; logger: Logger },
  accountId: string,
): Socket {
  /** Each socket has a reference of its own: it is the token by which its events are told from older ones. */
  let current: AccountRef | null = null;
  let closing = false;
  let cancelWatch: () => void = () => undefined;
  const former = new WeakSet<AccountRef>();

  function forget(): void {
    cancelWatch();
    if (current) former.add(current);
    current = null;
  }

  return {
    get live() {
      return current !== null;
    },
    get closing() {
      return closing;
    },
    open(account, pairing) {
      if (current) throw new Error('a session has one socket at a time');
      const { id, userId, sessionId, owner, fence } = account;
      current = { id, userId, sessionId, owner, fence };
      // `closed` is reported also when this fails, and the watch is there in case it is not.
      deps.engine.open(current, pairing).catch((error: unknown) => {
        deps.logger.warn('a socket could not be opened', { session: sessionId, error: String(error) });
      });
    },
    async close() {
      const mine = current;
      if (!mine) return;
      closing = true;
      await within(deps.clock, CLOSE_TIMEOUT_MS, deps.engine.close(accountId));
      closing = false;
      if (current === mine) forget();
    },
    watch(timeoutMs, onStall) {
      cancelWatch();
      cancelWatch = deps.clock.setTimer(onStall, timeoutMs);
    },
    unwatch: () => cancelWatch(),
    accepts: (account) => current !== null && !former.has(account),
    ended() {
      const asked = closing;
      forget();
      return !asked;
    },
  };
}

/** The value, or null when it fails or takes longer than `timeoutMs`. Never rejects. */
export async function within<R>(clock: Clock, timeoutMs: number, work: Promise<R>): Promise<R | null> {
  const ended = new AbortController();
  try {
    return await Promise.race([work, sleep(clock, timeoutMs, ended.signal).then(() => null)]);
  } catch {
    return null;
  } finally {
    ended.abort();
  }
}

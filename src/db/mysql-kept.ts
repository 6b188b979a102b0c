/**
 * Connections on which a statement begins a transaction, kept for the next one: BEGIN would be a round trip in each. They
 * stay within the limit of the pool.
 */
import type { PoolConnection } from 'mysql2/promise';
import { monotonicMs, startTimer, stopTimer } from './event-loop.ts';

/** `single`: each statement commits by itself. `several`: they commit together. */
export type Commits = 'single' | 'several';

const modes = new WeakMap<object, Commits>();
const ended = new WeakSet<object>();

/** The statement that lets a connection commit so; null: it does. */
export function commitSetting({ connection }: PoolConnection, commits: Commits): string | null {
  if ((modes.get(connection) ?? 'single') === commits) return null;
  return `set autocommit = ${commits === 'single' ? 1 : 0}`;
}

/** Notes that the connection commits so now. */
export function noteCommits({ connection }: PoolConnection, commits: Commits): void {
  modes.set(connection, commits);
}

/** Call it once for each new connection: one that ends while it is kept is not given out any more. */
export function watchEnd({ connection }: PoolConnection): void {
  const note = () => ended.add(connection);
  connection.once('end', note);
  connection.once('error', note);
}

/** Closes a connection whose state is not known: whoever gives it back keeps it for nobody. */
export function discard(connection: PoolConnection): void {
  ended.add(connection.connection);
  connection.destroy();
}

export interface KeptConnections {
  readonly size: number;
  add(connection: PoolConnection): void;
  /** The one that was used last; undefined: there is none. */
  take(): PoolConnection | undefined;
  /** Closes them; from then on none is kept. */
  close(): void;
}

/** How often it is looked for those that nobody has used for long. */
const SWEEP_MS = 5_000;

/** `idleMs`: those that were not used for so long are closed. */
export function keepConnections(idleMs: number): KeptConnections {
  const kept: { connection: PoolConnection; atMs: number }[] = [];
  let timer: NodeJS.Timeout | undefined;
  let closed = false;

  function sweep(): void {
    timer = undefined;
    const sinceMs = monotonicMs() - idleMs;
    while (kept[0] !== undefined && kept[0].atMs <= sinceMs) kept.shift()?.connection.destroy();
    if (kept.length > 0) timer = startTimer(sweep, SWEEP_MS).unref();
  }

  return {
    get size() {
      return kept.length;
    },
    add(connection) {
      if (closed || ended.has(connection.connection)) {
        connection.release();
        return;
      }
      kept.push({ connection, atMs: monotonicMs() });
      timer ??= startTimer(sweep, SWEEP_MS).unref();
    },
    take() {
      for (let one = kept.pop(); one; one = kept.pop()) {
        if (!ended.has(one.connection.connection)) return one.connection;
        one.connection.destroy();
      }
      return undefined;
    },
    close() {
      closed = true;
      stopTimer(timer);
      for (const { connection } of kept.splice(0)) connection.release();
    },
  };
}

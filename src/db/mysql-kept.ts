/**
 * Connections that are kept for the next one that needs such a connection: on those of transactions a statement begins one, as
 * BEGIN would be a round trip in each. The pool would give them out only in a later turn. They stay within its limit.
 */
import type { PoolConnection } from 'mysql2/promise';
import { monotonicMs, startTimer, stopTimer } from './event-loop.ts';

/** `single`: each statement commits by itself. `several`: they commit together. */
export type Commits = 'single' | 'several';

const modes = new WeakMap<object, Commits>();
const ended = new WeakSet<object>();

const commitsOf = ({ connection }: PoolConnection): Commits => modes.get(connection) ?? 'single';

/** The statement that lets a connection commit so; null: it does. */
export function commitSetting(connection: PoolConnection, commits: Commits): string | null {
  if (commitsOf(connection) === commits) return null;
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
  /** The one of those that commit so, or of all (`any`), that was used last; undefined: there is none. */
  take(commits: Commits, any: boolean): PoolConnection | undefined;
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
    take(commits, any) {
      for (;;) {
        const same = kept.findLastIndex(({ connection }) => commitsOf(connection) === commits);
        const at = same < 0 && any ? kept.length - 1 : same;
        const [one] = at < 0 ? [] : kept.splice(at, 1);
        if (one === undefined || !ended.has(one.connection.connection)) return one?.connection;
        one.connection.destroy();
      }
    },
    close() {
      closed = true;
      stopTimer(timer);
      for (const { connection } of kept.splice(0)) connection.release();
    },
  };
}

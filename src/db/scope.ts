/** The layer that both engines put around drizzle: the guard of open transactions and the callbacks after a commit. */
import { AsyncLocalStorage } from 'node:async_hooks';
import type { AtEnd, Db, Tx } from './types.ts';

const openTransaction = new AsyncLocalStorage<{ open: boolean }>();
/** Made while the module loads, when no request and no transaction is running yet. */
const cleanContext = AsyncLocalStorage.snapshot();

/** Runs `fn` outside of every async context (request, transaction) of the caller. */
export function inCleanContext<R>(fn: () => R): R {
  return cleanContext(fn);
}

/**
 * Throws when the caller runs inside a transaction: a write through the outer `db` would not belong to it
 * (MySQL) or would wait for its end for ever (SQLite).
 */
export function assertOutsideTransaction(): void {
  if (isInTransaction()) {
    throw new Error('db was used for a write inside db.transaction(): use the tx that was passed in');
  }
}

/** Whether the caller runs inside an open transaction. */
export function isInTransaction(): boolean {
  return openTransaction.getStore()?.open === true;
}

/** How an engine runs one transaction: commits when `fn` resolves, rolls back when it rejects. */
export type RunTransaction = <R>(fn: (raw: object) => Promise<R>) => Promise<R>;

interface Hook {
  run(isCommitted: boolean): void;
  /** also where nobody knows whether the commit is done */
  inDoubtToo: boolean;
}
/** What is done last, with what it is to be done. */
type Ends = Map<AtEnd<unknown>, unknown[]>;

/** The part of a drizzle database or transaction that is wrapped here. */
interface Raw {
  insert: Db['insert'];
  update: Db['update'];
  delete: Db['delete'];
  transaction: (fn: (raw: object) => Promise<unknown>) => Promise<unknown>;
}

/** Safe because drizzle's databases and transactions of both dialects have these methods. */
function asRaw(drizzle: object): Raw {
  return drizzle as Raw;
}

/** Safe because the wrapped drizzle object has every method of Db; select builders are typed as MySQL's. */
function asDb(drizzle: object): Db {
  return drizzle as Db;
}

/** Turns a drizzle database into our `Db`, in place (ops.ts still finds the dialect's methods on it). */
export function wrapDatabase(drizzle: object, run: RunTransaction): Db {
  const raw = asRaw(drizzle);
  const { insert, update, delete: remove } = raw;
  const guarded = {
    insert: ((table) => {
      assertOutsideTransaction();
      return insert.call(raw, table);
    }) as Db['insert'],
    update: ((table) => {
      assertOutsideTransaction();
      return update.call(raw, table);
    }) as Db['update'],
    delete: ((table) => {
      assertOutsideTransaction();
      return remove.call(raw, table);
    }) as Db['delete'],
    async transaction<R>(fn: (tx: Tx) => Promise<R>): Promise<R> {
      assertOutsideTransaction();
      const hooks: Hook[] = [];
      const ends: Ends = new Map();
      let isAsked = false;
      try {
        const result = await run((opened) =>
          runInside(opened, { root: db, hooks, ends }, async (tx) => {
            const value = await fn(tx);
            for (const [work, items] of ends) await work(tx, items);
            isAsked = true;
            return value;
          }),
        );
        runHooks(hooks, true);
        return result;
      } catch (error) {
        if (isAsked) runHooks(hooks, false);
        throw error;
      }
    },
  };
  const db = asDb(Object.assign(drizzle, guarded));
  return db;
}

const roots = new WeakMap<Db, Db>();

/** The database that a transaction is one of; a database itself. */
export function rootOf(db: Db): Db {
  return roots.get(db) ?? db;
}

/** The transaction with another session: what is written through it goes another way. */
export function viewOf(tx: Tx, session: object): Tx {
  const view: Tx = Object.assign(Object.create(tx), { session });
  roots.set(view, rootOf(tx));
  return view;
}

/** What the transaction and those nested in it belong to, what is to be done at its end, and what after its commit. */
interface Outer {
  root: Db;
  hooks: Hook[];
  ends: Ends;
}

/** Work that `fn` leaves running after its end may use `db` again: the mark is per transaction, not per context. */
async function runInside<R>(opened: object, outer: Outer, fn: (tx: Tx) => Promise<R>): Promise<R> {
  const mark = { open: true };
  try {
    return await openTransaction.run(mark, () => fn(wrapTransaction(opened, outer)));
  } finally {
    mark.open = false;
  }
}

function wrapTransaction(drizzle: object, { root, hooks, ends }: Outer): Tx {
  const nest = asRaw(drizzle).transaction;
  const tx = Object.assign(asDb(drizzle), {
    afterCommit(fn: () => void) {
      hooks.push({ run: fn, inDoubtToo: false });
    },
    afterCommitAsked(fn: (isCommitted: boolean) => void) {
      hooks.push({ run: fn, inDoubtToo: true });
    },
    atEnd<T>(work: AtEnd<T>, items: readonly T[]) {
      addEnd(ends, asWork(work), items);
    },
    async transaction<R>(fn: (tx: Tx) => Promise<R>): Promise<R> {
      const own: Hook[] = [];
      const ownEnds: Ends = new Map();
      let result: { value: R } | undefined;
      await nest.call(drizzle, async (inner) => {
        result = { value: await fn(wrapTransaction(inner, { root, hooks: own, ends: ownEnds })) };
      });
      if (result === undefined) throw new Error('a nested transaction ended without a result');
      hooks.push(...own);
      for (const [work, items] of ownEnds) addEnd(ends, work, items);
      return result.value;
    },
  });
  roots.set(tx, root);
  return tx;
}

function addEnd(ends: Ends, work: AtEnd<unknown>, items: readonly unknown[]): void {
  ends.set(work, [...(ends.get(work) ?? []), ...items]);
}

/** Safe because `work` gets the items that were given with it, and no others. */
function asWork<T>(work: AtEnd<T>): AtEnd<unknown> {
  return work as AtEnd<unknown>;
}

/** The change is committed, or may be: a callback that throws must neither undo that nor keep the others from running. */
function runHooks(hooks: readonly Hook[], isCommitted: boolean): void {
  inCleanContext(() => {
    for (const { run, inDoubtToo } of hooks) {
      if (!isCommitted && !inDoubtToo) continue;
      try {
        run(isCommitted);
      } catch (error) {
        process.emitWarning(error instanceof Error ? error : String(error), 'AfterCommitWarning');
      }
    }
  });
}

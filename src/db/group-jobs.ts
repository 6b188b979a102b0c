/** A job that can wait for its turn in a group: one statement, a transaction, or something that runs alone. */
import { DatabaseTimeoutError } from './errors.ts';
import { startTimer, stopTimer } from './event-loop.ts';
import type { OpenTransaction, Rows, Statement } from './sqlite-connection.ts';

export interface GroupLimits {
  /** members of one transaction */
  maxMembers: number;
  /** how long a group may go on taking members, and how long it may hold the event loop at a stretch */
  maxHoldMs: number;
  /** a member that is not done after this is rolled back: no other can write meanwhile */
  memberTimeoutMs: number;
  /** how long to wait for a foreign program that holds the file */
  busyTimeoutMs: number;
}

/** One caller's part of a shared transaction. Both ends resolve only when the whole group is committed. */
export interface Member {
  execute(statement: Statement): Promise<Rows>;
  commit(): Promise<void>;
  rollback(): Promise<void>;
}

/** Something that shares a transaction with others. */
export interface GroupJob {
  alone: false;
  /** `isFirst`: nothing of another job is in the transaction. */
  work(group: Group, isFirst: boolean): Promise<void>;
  /** The group is committed. */
  committed(): void;
  /** Nothing of it is in the database. */
  lost(error: Error): void;
}

/** Something that runs outside of our transactions, while none is open. */
interface AloneJob {
  alone: true;
  work(): Promise<void>;
  lost(error: Error): void;
}

export type Job = GroupJob | AloneJob;

export interface Group {
  transaction: OpenTransaction;
  /** Rolls back all that is in the transaction and ends the group. */
  undo(): Promise<void>;
  /** Resolves after a turn of the event loop when the group has held that for long enough; null when it has not. */
  yieldIfDue(): Promise<void> | null;
}

export function asError(error: unknown): Error {
  return error instanceof Error ? error : new Error(String(error));
}

type Submit = (job: Job) => void;

export function submitStatement(submit: Submit, statement: Statement): Promise<Rows> {
  return new Promise((resolve, reject) => {
    // A refusal too is reported only after the commit: it may be about a row of another member.
    let answer = () => reject(new Error('the statement did not run'));
    submit({
      alone: false,
      async work(group) {
        try {
          const result = await group.transaction.execute(statement);
          answer = () => resolve(result);
        } catch (error) {
          answer = () => reject(asError(error));
        }
      },
      committed: () => answer(),
      lost: reject,
    });
  });
}

export function submitAlone<R>(submit: Submit, fn: () => Promise<R>): Promise<R> {
  return new Promise((resolve, reject) => {
    submit({
      alone: true,
      work: () => fn().then(resolve, reject),
      lost: reject,
    });
  });
}

export function submitMember(submit: Submit, limits: GroupLimits): Promise<Member> {
  return new Promise((resolve, reject) => {
    const outcome = deferred();
    submit({
      alone: false,
      async work(group, isFirst) {
        const part = isFirst ? wholePart(group) : savepointPart(group);
        try {
          await part.begin();
        } catch (error) {
          return reject(asError(error));
        }
        await new Promise<void>((free) => {
          resolve(createMember(group, part, outcome.promise, free, limits.memberTimeoutMs));
        });
      },
      committed: outcome.resolve,
      lost(error) {
        outcome.reject(error);
        reject(error);
      },
    });
  });
}

/** How a member's part of the transaction is marked off from those of others. */
interface Part {
  begin(): Promise<void>;
  keep(): Promise<void>;
  undo(): Promise<void>;
}

function savepointPart({ transaction }: Group): Part {
  return {
    begin: () => transaction.executeMultiple('SAVEPOINT member'),
    keep: () => transaction.executeMultiple('RELEASE member'),
    undo: () => transaction.executeMultiple('ROLLBACK TO member; RELEASE member'),
  };
}

/** With a savepoint SQLite keeps a copy of every page that changes: the first member does without, as most are alone. */
function wholePart(group: Group): Part {
  const nothing = async () => undefined;
  return { begin: nothing, keep: nothing, undo: () => group.undo() };
}

function createMember(
  group: Group,
  part: Part,
  outcome: Promise<void>,
  free: () => void,
  timeoutMs: number,
): Member {
  /** why; made when somebody asks, because a stack is dear */
  let over: (() => Error) | null = null;
  const timer = startTimer(() => {
    const error = new DatabaseTimeoutError(
      `a transaction was not done after ${timeoutMs} ms and was rolled back`,
    );
    void end(part.undo, () => error).catch(() => undefined);
  }, timeoutMs);

  async function end(work: () => Promise<void>, reason: () => Error): Promise<void> {
    over = reason;
    stopTimer(timer);
    try {
      await work();
    } finally {
      free();
    }
  }
  const run = (statement: Statement): Promise<Rows> =>
    over ? Promise.reject(over()) : group.transaction.execute(statement);
  const finished = () => new Error('the transaction is over: its tx cannot be used any more');

  return {
    execute(statement) {
      const due = group.yieldIfDue();
      return due === null ? run(statement) : due.then(() => run(statement));
    },
    async commit() {
      if (over) throw over();
      await end(part.keep, finished);
      await outcome;
    },
    async rollback() {
      // After a timeout or a failed commit it is rolled back already.
      if (!over) await end(part.undo, finished);
      await outcome;
    },
  };
}

interface Deferred {
  promise: Promise<void>;
  resolve(): void;
  reject(error: Error): void;
}

function deferred(): Deferred {
  let resolve = () => {};
  let reject = (_error: Error) => {};
  const promise = new Promise<void>((yes, no) => {
    resolve = yes;
    reject = no;
  });
  // A caller that gave up does not wait for the outcome any more.
  promise.catch(() => undefined);
  return { promise, resolve, reject };
}

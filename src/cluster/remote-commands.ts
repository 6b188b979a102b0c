/** Commands between processes: how one asks, how the session's owner answers. */
import type { Database } from '../db/client.ts';
import type { Clock } from '../utils/clock.ts';
import { AppError } from '../utils/errors.ts';
import { newId } from '../utils/ids.ts';
import type { Logger } from '../utils/logger.ts';
import {
  answerCommand,
  type CommandRow,
  keepFailure,
  postCommand,
  readOwner,
  redirectCommand,
  removeCommand,
  takeCommands,
  toFailure,
  withdrawCommand,
} from './command-rows.ts';
import { createCommandWatch } from './command-watch.ts';
import { NotOwnerError } from './not-owner.ts';

/** The session's owner may have changed while the command waited. */
const LOOK_AGAIN_MS = 1_000;

export interface Question {
  accountId: string;
  verb: string;
  input: unknown;
  timeoutMs: number;
  /** no caller waits any more */
  signal: AbortSignal;
  /** Runs it in this process; throws NotOwnerError while another one holds the session. */
  tryHere(): Promise<unknown>;
}

/** Asks the session's owner. Throws what the owner threw, NotOwnerError when the session has no owner. */
export type AskOwner = (question: Question) => Promise<unknown>;

export function createAskOwner(deps: { database: Database; clock: Clock; logger: Logger }): AskOwner {
  const { database, clock } = deps;
  const { db } = database;
  const watch = createCommandWatch({ db, clock });

  async function follow(question: Question, id: string): Promise<unknown> {
    let lookAtMs = clock.monotonic() + LOOK_AGAIN_MS;
    while (!question.signal.aborted) {
      const row = await watch.next(id);
      if (row === null) throw new NotOwnerError();
      if (row.state === 'done') return row.result;
      if (row.state === 'failed') throw toFailure(row.result);
      if (row.state === 'running' || clock.monotonic() < lookAtMs) continue;
      lookAtMs = clock.monotonic() + LOOK_AGAIN_MS;
      const moved = await askAnew(question, row);
      if (moved) return moved.answer;
    }
    throw new NotOwnerError();
  }

  /** The session may have no owner by now, or another one's. */
  async function askAnew(question: Question, row: CommandRow): Promise<{ answer: unknown } | null> {
    const owner = await readOwner(db, question.accountId);
    if (owner === undefined) throw new NotOwnerError();
    if (owner !== null && owner !== row.owner) {
      await redirectCommand(database, { ...row, owner }, clock.now());
      return null;
    }
    // It may not run twice: it is taken off the table before it is tried here.
    if (!(await withdrawCommand(db, row.id))) return null;
    try {
      return { answer: await question.tryHere() };
    } catch (error) {
      if (!(error instanceof NotOwnerError)) throw error;
      const holder = (await readOwner(db, question.accountId)) ?? row.owner;
      await redirectCommand(database, { ...row, owner: holder }, clock.now());
      return null;
    }
  }

  return async (question) => {
    const { accountId, verb, input, timeoutMs } = question;
    const owner = await readOwner(db, accountId);
    if (!owner) throw new NotOwnerError();
    const id = newId(clock.now());
    const deadlineAt = (await database.now()) + timeoutMs;
    await postCommand(database, { id, accountId, owner, verb, input, deadlineAt }, clock.now());
    try {
      return await follow(question, id);
    } finally {
      removeCommand(db, id).catch((error) =>
        deps.logger.warn('a command could not be removed', { error: String(error) }),
      );
    }
  };
}

/** Runs a command of this process's sessions. Throws NotOwnerError for another one's. */
export type RunHere = (accountId: string, verb: string, input: unknown) => Promise<unknown>;

export interface CommandRequests {
  /** Takes what this process is asked and begins to work on it. */
  look(): Promise<void>;
  /** Resolves when nothing is being worked on. */
  idle(): Promise<void>;
}

/** Answers what other processes ask of this one. */
export function createCommandRequests(deps: {
  database: Database;
  logger: Logger;
  processId: string;
  runHere: RunHere;
}): CommandRequests {
  const running = new Set<Promise<void>>();
  const take = () => takeCommands(deps.database, deps.processId);

  async function work(row: CommandRow): Promise<void> {
    const write = (state: 'done' | 'failed' | 'refused', result: unknown) =>
      answerCommand(deps.database.db, row.id, state, result).catch((error) =>
        deps.logger.warn('an answer could not be written', { verb: row.verb, error: String(error) }),
      );
    try {
      const answer = await deps.runHere(row.accountId, row.verb, row.input);
      await write('done', answer);
    } catch (error) {
      if (error instanceof NotOwnerError) return write('refused', null);
      if (error instanceof AppError) return write('failed', keepFailure(error));
      deps.logger.error('a command of another process failed', { verb: row.verb, error });
      await write('failed', keepFailure(new AppError('UNAVAILABLE', 'The session could not do that.')));
    }
  }

  return {
    async look() {
      for (let taken = await take(); taken.length > 0; taken = await take()) {
        for (const row of taken) {
          const done = work(row).finally(() => running.delete(done));
          running.add(done);
        }
      }
    },
    async idle() {
      while (running.size > 0) await Promise.all(running);
    },
  };
}

/** What a verb asks of the process that holds a session's socket. */
import { type Clock, sleep } from '../utils/clock.ts';
import { AppError } from '../utils/errors.ts';
import type { GroupSummary, NumberCheck, ReadMessage } from '../whatsapp/engine.ts';

/** Verb -> its input and its answer. */
export interface Commands {
  /** start (or start again) connecting: also begins a pairing that has expired */
  open: { input: Record<string, never>; output: null };
  /** close and connect again with the same credentials */
  restart: { input: Record<string, never>; output: null };
  /** unlink at WhatsApp, erase the credentials, end as `logged_out` */
  logout: { input: Record<string, never>; output: { confirmed: boolean } };
  check_numbers: { input: { phones: string[] }; output: NumberCheck[] };
  mark_read: { input: { messages: ReadMessage[] }; output: null };
  list_groups: { input: Record<string, never>; output: GroupSummary[] };
}

export type CommandName = keyof Commands;

export interface CommandBus {
  /** of this process: a session that is made here is born as its own, so that its QR waits for nobody */
  readonly processId: string;
  /**
   * Runs a command at the session's owner and waits for its answer.
   * Throws AppError UNAVAILABLE when no process owns the session or none answers in `timeoutMs`.
   */
  run<N extends CommandName>(
    accountId: string,
    name: N,
    input: Commands[N]['input'],
    timeoutMs: number,
  ): Promise<Commands[N]['output']>;
  /** The supervisor of this process takes the commands of the sessions it owns. */
  handle(handler: CommandHandler): () => void;
}

/** Throws NotOwnerError when the session belongs to another process. */
export type CommandHandler = <N extends CommandName>(
  accountId: string,
  name: N,
  input: Commands[N]['input'],
) => Promise<Commands[N]['output']>;

/** This process cannot run the command, because another one owns the session. */
export class NotOwnerError extends Error {
  override name = 'NotOwnerError';
}

/** Ownership moves within one tick of a few seconds; after that a command finds the new owner. */
const RETRY_AFTER_SECONDS = 5;

/** Makes the bus of this process: a session that it owns is a direct call away. */
export function createCommandBus(deps: { processId: string; clock: Clock }): CommandBus {
  let local: CommandHandler | null = null;

  async function runLocally<N extends CommandName>(
    accountId: string,
    name: N,
    input: Commands[N]['input'],
  ): Promise<Commands[N]['output']> {
    if (!local) throw unavailable('This process runs no sessions.');
    try {
      return await local(accountId, name, input);
    } catch (error) {
      if (!(error instanceof NotOwnerError)) throw error;
      throw unavailable('Another process holds this session and cannot be asked at the moment.');
    }
  }

  return {
    processId: deps.processId,
    run: (accountId, name, input, timeoutMs) =>
      withDeadline(deps.clock, timeoutMs, runLocally(accountId, name, input)),
    handle(handler) {
      local = handler;
      return () => {
        if (local === handler) local = null;
      };
    },
  };
}

/** The work itself goes on: it belongs to the session, not to the caller. */
async function withDeadline<R>(clock: Clock, timeoutMs: number, work: Promise<R>): Promise<R> {
  const settled = new AbortController();
  const late = sleep(clock, timeoutMs, settled.signal).then(() => {
    throw unavailable('The session did not answer in time.');
  });
  try {
    return await Promise.race([work, late]);
  } finally {
    late.catch(() => undefined);
    settled.abort();
  }
}

function unavailable(message: string): AppError {
  return new AppError('UNAVAILABLE', message, { retryAfterSeconds: RETRY_AFTER_SECONDS });
}

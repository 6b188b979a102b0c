/** Commands of a verb to the process that holds a session's socket. */
import { type Clock, sleep } from '../utils/clock.ts';
import { AppError } from '../utils/errors.ts';
import type { GroupSummary, NumberCheck, PasskeyAssertion, ReadMessage } from '../whatsapp/engine.ts';
import type { EngineRequest, EngineRequests, RequestName } from '../whatsapp/requests.ts';
import { NotOwnerError } from './not-owner.ts';
import type { AskOwner, RunHere } from './remote-commands.ts';

export { NotOwnerError } from './not-owner.ts';

/** Verb -> its input and its answer. */
export interface Commands {
  /** start (or start again) connecting: also begins a pairing that has expired */
  open: { input: Record<string, never>; output: null };
  /** close and connect again with the same credentials */
  restart: { input: Record<string, never>; output: null };
  /** connect again when the way out has changed */
  follow_settings: { input: Record<string, never>; output: null };
  /** unlink at WhatsApp, erase the credentials, end as `logged_out` */
  logout: { input: Record<string, never>; output: { confirmed: boolean } };
  /** close and end as `replaced`: another program is to use the credentials */
  hand_over: { input: Record<string, never>; output: null };
  check_numbers: { input: { phones: string[] }; output: NumberCheck[] };
  mark_read: { input: { messages: ReadMessage[] }; output: null };
  /** has the phone put the file of a message (messages.id) at WhatsApp again */
  media_again: { input: { id: string }; output: EngineRequests['media.again']['output'] };
  list_groups: { input: Record<string, never>; output: GroupSummary[] };
  /** whatever else WhatsApp is asked: the answer is that of the request */
  ask: { input: EngineRequest; output: EngineRequests[RequestName]['output'] };
  answer_passkey: { input: { assertion: PasskeyAssertion }; output: null };
  confirm_passkey: { input: { equal: boolean }; output: null };
}

export type CommandName = keyof Commands;

/** Another release may know other verbs. */
const KNOWN: Record<CommandName, true> = {
  open: true,
  restart: true,
  follow_settings: true,
  logout: true,
  hand_over: true,
  check_numbers: true,
  mark_read: true,
  media_again: true,
  list_groups: true,
  ask: true,
  answer_passkey: true,
  confirm_passkey: true,
};

export interface CommandBus {
  /** of this process: a session that is made here is born as its own, so that its QR comes at once */
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
  /** Runs a command that another process asks of this one. Throws NotOwnerError for a session that is not this process's. */
  runHere: RunHere;
  /** The supervisor of this process takes the commands of the sessions it owns. */
  handle(handler: CommandHandler): () => void;
}

/** Throws NotOwnerError when the session belongs to another process. */
export type CommandHandler = <N extends CommandName>(
  accountId: string,
  name: N,
  input: Commands[N]['input'],
) => Promise<Commands[N]['output']>;

/** Ownership moves within one tick of a few seconds; after that a command finds the new owner. */
const RETRY_AFTER_SECONDS = 5;

/**
 * Makes the bus of this process: a session that it owns is a direct call away, another one's is asked through
 * `askOwner`. Without that (the database serves one process) there is no other process to ask.
 */
export function createCommandBus(deps: {
  processId: string;
  clock: Clock;
  askOwner?: AskOwner | undefined;
}): CommandBus {
  let local: CommandHandler | null = null;

  async function runLocally<N extends CommandName>(
    accountId: string,
    name: N,
    input: Commands[N]['input'],
  ): Promise<Commands[N]['output']> {
    if (!local) throw new NotOwnerError();
    return local(accountId, name, input);
  }

  async function runAnywhere<N extends CommandName>(
    accountId: string,
    name: N,
    input: Commands[N]['input'],
    bound: { timeoutMs: number; signal: AbortSignal },
  ): Promise<Commands[N]['output']> {
    const tryHere = () => runLocally(accountId, name, input);
    try {
      return await tryHere();
    } catch (error) {
      if (!(error instanceof NotOwnerError)) throw error;
    }
    const text = 'Another process holds this session and cannot be asked at the moment.';
    if (!deps.askOwner) throw unavailable(text, { sent: false });
    try {
      return asOutput<N>(await deps.askOwner({ accountId, verb: name, input, tryHere, ...bound }));
    } catch (error) {
      throw error instanceof NotOwnerError ? unavailable(text) : error;
    }
  }

  return {
    processId: deps.processId,
    run: (accountId, name, input, timeoutMs) =>
      withDeadline(deps.clock, timeoutMs, (signal) =>
        runAnywhere(accountId, name, input, { timeoutMs, signal }),
      ),
    async runHere(accountId, verb, input) {
      if (!isCommandName(verb)) throw unavailable('The process that holds this session does not know this.');
      return runLocally(accountId, verb, asInput(input));
    },
    handle(handler) {
      local = handler;
      return () => {
        if (local === handler) local = null;
      };
    },
  };
}

const isCommandName = (verb: string): verb is CommandName => Object.hasOwn(KNOWN, verb);

/** Safe because only `run` of another process writes inputs, with the types of this table. */
function asInput(input: unknown): Commands[CommandName]['input'] {
  return input as Commands[CommandName]['input'];
}

/** Safe because only the handler of another process writes answers, with the types of this table. */
function asOutput<N extends CommandName>(answer: unknown): Commands[N]['output'] {
  return answer as Commands[N]['output'];
}

/** The work itself goes on: it belongs to the session, not to the caller. */
async function withDeadline<R>(
  clock: Clock,
  timeoutMs: number,
  work: (signal: AbortSignal) => Promise<R>,
): Promise<R> {
  const finished = new AbortController();
  const result = work(finished.signal);
  const late = sleep(clock, timeoutMs, finished.signal).then(() => {
    throw unavailable('The session did not answer in time.');
  });
  try {
    return await Promise.race([result, late]);
  } finally {
    late.catch(() => undefined);
    result.catch(() => undefined);
    finished.abort();
  }
}

function unavailable(message: string, details?: { sent: false }): AppError {
  return new AppError('UNAVAILABLE', message, {
    retryAfterSeconds: RETRY_AFTER_SECONDS,
    ...(details === undefined ? {} : { details }),
  });
}

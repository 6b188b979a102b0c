/** What a verb asks of the process that holds a session's socket. */
import type { NumberCheck } from '../whatsapp/engine.ts';

/** Verb -> its input and its answer. */
export interface Commands {
  /** start (or start again) connecting: also begins a pairing that has expired */
  open: { input: Record<string, never>; output: null };
  /** close and connect again with the same credentials */
  restart: { input: Record<string, never>; output: null };
  /** unlink at WhatsApp, erase the credentials, end as `logged_out` */
  logout: { input: Record<string, never>; output: { confirmed: boolean } };
  check_numbers: { input: { phones: string[] }; output: NumberCheck[] };
}

export type CommandName = keyof Commands;

export interface CommandBus {
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

export type CommandHandler = <N extends CommandName>(
  accountId: string,
  name: N,
  input: Commands[N]['input'],
) => Promise<Commands[N]['output']>;

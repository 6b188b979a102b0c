/** Asking the process that holds a session's socket. */
import { eq } from 'drizzle-orm';
import type { CommandName, Commands } from '../../cluster/commands.ts';
import { whatsappAccounts } from '../../db/schema.ts';
import { AppError } from '../../utils/errors.ts';
import { sessionNotFound } from '../access.ts';
import type { Deps } from '../context.ts';

/**
 * Runs a command at the owner of a session. Throws UNAVAILABLE when no answer comes, SESSION_NOT_FOUND when that is
 * because the session was deleted in the meantime.
 */
export async function askOwner<N extends CommandName>(
  deps: Pick<Deps, 'commands' | 'db'>,
  session: { id: string; sessionId: string },
  name: N,
  input: Commands[N]['input'],
  timeoutMs: number,
): Promise<Commands[N]['output']> {
  try {
    return await deps.commands.run(session.id, name, input, timeoutMs);
  } catch (error) {
    if (!(error instanceof AppError && error.code === 'UNAVAILABLE')) throw error;
    const { id } = whatsappAccounts;
    const rows = await deps.db.select({ id }).from(whatsappAccounts).where(eq(id, session.id));
    throw rows.length === 0 ? sessionNotFound(session.sessionId) : error;
  }
}

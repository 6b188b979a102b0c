/** News between processes: by the database, because that is all they share. */
import { id, index, int, json, oneOf, primaryKey, string, table, timestamp } from '../kit.ts';

/** Something a process wants done where a session's socket is: the row goes when its answer was read. */
export const sessionCommands = table(
  'session_commands',
  {
    id: id().primaryKey(),
    accountId: id().notNull(),
    /** the process that is asked, or that has taken it */
    owner: id().notNull(),
    verb: string(40).notNull(),
    input: json<unknown>().notNull(),
    state: oneOf('waiting', 'running', 'done', 'failed', 'refused').notNull(),
    /** the answer, or why there is none */
    result: json<unknown>(),
    /** by the database's clock; no caller waits for it any longer */
    deadlineAt: timestamp().notNull(),
  },
  (t) => [
    index('session_commands_owner_ix').on(t.owner, t.state, t.id),
    index('session_commands_deadline_ix').on(t.deadlineAt),
  ],
);

/** There is news about a session for its owner: a message, a command, a session to be taken. */
export const wakeUps = table(
  'wake_ups',
  {
    owner: id().notNull(),
    accountId: id().notNull(),
    /** a message of this priority was queued, or of one of several (`prioritiesIn`), and there is no other news; null: look at everything */
    priority: int(),
    createdAt: timestamp().notNull(),
  },
  (t) => [primaryKey({ columns: [t.owner, t.accountId] }), index('wake_ups_created_ix').on(t.createdAt)],
);

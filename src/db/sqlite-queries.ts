/** drizzle's way from a query to the driver of SQLite, without the dozen promises of a cache that we do not have. */
import { LibSQLPreparedQuery } from 'drizzle-orm/libsql';
import { fill } from './fill.ts';
import type { Rows, Statement } from './sqlite-connection.ts';

interface Runner {
  execute(statement: Statement): Promise<Rows>;
}

/** The parts of a prepared query that are used here; pinned by the lock file, proven by the tests. */
interface Query {
  query: { sql: string; params: unknown[] };
  client: Runner;
  /** the transaction that it belongs to */
  tx?: Runner | undefined;
}

/** Call it before the first query. May be called again. Errors reach the caller as the driver's, not as drizzle's. */
export function shortenQueries(): void {
  Object.assign(LibSQLPreparedQuery.prototype, {
    run(this: Query, values?: Record<string, unknown>) {
      return execute(this, values);
    },
    values(this: Query, values?: Record<string, unknown>) {
      return execute(this, values).then(({ rows }) => rows);
    },
    queryWithCache: (_text: string, _params: unknown, run: () => Promise<unknown>) => run(),
  });
}

function execute({ query, client, tx }: Query, values: Record<string, unknown> = {}): Promise<Rows> {
  return (tx ?? client).execute({ sql: query.sql, args: fill(query.params, values) });
}

/** drizzle's way from a query to the driver of SQLite, without the dozen promises of a cache that we do not have. */
import { is, Param, Placeholder } from 'drizzle-orm';
import { LibSQLPreparedQuery } from 'drizzle-orm/libsql';
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

/** Takes the value of one place of a statement from those of a call. */
type Place = (values: Record<string, unknown>) => unknown;

/** Of each list of parameters the places that are filled: null where none is. Most belong to prepared queries, and come again. */
const knownPlaces = new WeakMap<readonly unknown[], readonly (Place | null)[] | null>();

/** As drizzle's `fillPlaceholders`, which asks each parameter of each call for its class. */
function fill(params: readonly unknown[], values: Record<string, unknown>): readonly unknown[] {
  let places = knownPlaces.get(params);
  if (places === undefined) {
    const all = params.map(toPlace);
    places = all.some((place) => place !== null) ? all : null;
    knownPlaces.set(params, places);
  }
  if (places === null) return params;
  return places.map((place, at) => (place === null ? params[at] : place(values)));
}

function toPlace(param: unknown): Place | null {
  if (is(param, Placeholder)) return named(param);
  if (!is(param, Param) || !is(param.value, Placeholder)) return null;
  const { encoder } = param;
  const value = named(param.value);
  return (values) => encoder.mapToDriverValue(value(values));
}

function named({ name }: Placeholder): Place {
  return (values) => {
    if (!(name in values)) throw new Error(`No value for placeholder "${name}" was provided`);
    return values[name];
  };
}

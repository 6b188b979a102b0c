/** drizzle's way from a query to the driver of MySQL, without a cache that we do not have and without asking each value for its class. */
import { Column, DrizzleQueryError, is, SQL } from 'drizzle-orm';
import { MySql2PreparedQuery } from 'drizzle-orm/mysql2';
import { fill } from './fill.ts';

interface Options {
  sql: string;
}

/** The parts of a prepared query that are used here; pinned by the lock file, proven by the tests. */
interface Query {
  client: { query(options: Options, values: readonly unknown[]): Promise<readonly unknown[]> };
  params: readonly unknown[];
  /** of a write */
  rawQuery: Options;
  /** of what answers with rows */
  query: Options;
  fields?: readonly SelectedField[] | undefined;
  customResultMapper?: unknown;
  returningIds?: unknown;
}

interface SelectedField {
  path: readonly string[];
  field: unknown;
}

type Execute = (this: Query, values?: Record<string, unknown>) => Promise<unknown>;

const { execute: executeAsDrizzle } = prototype();

/** Call it before the first query. May be called again. */
export function shortenQueries(): void {
  prototype().execute = execute;
}

/** Safe because drizzle's prepared queries are run by this method. */
function prototype(): { execute: Execute } {
  return MySql2PreparedQuery.prototype as unknown as { execute: Execute };
}

const execute: Execute = async function (this: Query, values = {}) {
  const { client, fields, customResultMapper, returningIds } = this;
  const reader = fields ? readerOf(fields) : null;
  if (customResultMapper || returningIds || (fields && reader === null)) {
    return executeAsDrizzle.call(this, values);
  }
  const options = reader === null ? this.rawQuery : this.query;
  const filled = fill(this.params, values);
  let answer: readonly unknown[];
  try {
    answer = await client.query(options, filled);
  } catch (error) {
    throw new DrizzleQueryError(options.sql, [...filled], error instanceof Error ? error : undefined);
  }
  return reader === null ? answer : rowsOf(answer).map(reader);
};

/** Safe because the driver was asked for rows as arrays. */
function rowsOf([rows]: readonly unknown[]): readonly (readonly unknown[])[] {
  return rows as readonly (readonly unknown[])[];
}

type Reader = (row: readonly unknown[]) => Record<string, unknown>;

/** How a row is read, by the fields of its query; null: drizzle reads it. */
const readers = new WeakMap<readonly SelectedField[], Reader | null>();

function readerOf(fields: readonly SelectedField[]): Reader | null {
  let reader = readers.get(fields);
  if (reader === undefined) {
    reader = makeReader(fields);
    readers.set(fields, reader);
  }
  return reader;
}

interface Decoder {
  mapFromDriverValue(value: unknown): unknown;
}

function makeReader(fields: readonly SelectedField[]): Reader | null {
  const columns: { name: string; decoder: Decoder }[] = [];
  for (const { path, field } of fields) {
    const decoder = decoderOf(field);
    const [name, ...deeper] = path;
    if (decoder === null || name === undefined || deeper.length > 0) return null;
    columns.push({ name, decoder });
  }
  return (row) => {
    const read: Record<string, unknown> = {};
    for (const [at, { name, decoder }] of columns.entries()) {
      const value = row[at];
      read[name] = value === null ? null : decoder.mapFromDriverValue(value);
    }
    return read;
  };
}

function decoderOf(field: unknown): Decoder | null {
  if (is(field, Column)) return field;
  if (is(field, SQL)) return Object(field).decoder;
  return is(field, SQL.Aliased) ? Object(field.sql).decoder : null;
}

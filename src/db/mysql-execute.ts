/**
 * Prepared statements that are run again with the driver's own command, by what it knows of them. Its `execute` makes two commands
 * of each run, the first of which looks for the statement by a text that it puts together.
 */
import { tracingChannel } from 'node:diagnostics_channel';
import type { PoolConnection, QueryOptions } from 'mysql2/promise';

const executions = tracingChannel('mysql2:execute').start;

type Done = (error: unknown, rows?: unknown, fields?: unknown) => void;

/** The parts of the driver's connection that are used here; pinned by the lock file, proven by the tests. */
interface Core {
  execute(options: object, values: readonly unknown[], done: Done): Execution;
  addCommand(command: object): unknown;
}

/** The same of its command. */
interface Execution {
  /** set when the statement is prepared */
  statement?: unknown;
  constructor: unknown;
}

type ExecutionClass = new (options: object, done: Done) => object;

/** Runs the statement again. */
export type Again = (options: QueryOptions, values: readonly unknown[]) => Promise<unknown>;

/** The first run of a statement. */
export interface FirstRun {
  answer: Promise<unknown>;
  /** How it is run again; null while it is not prepared: nothing of it has run then. */
  again(): Again | null;
}

/** Prepares a statement and runs it. */
export function prepareAndRun(
  connection: PoolConnection,
  options: QueryOptions,
  values: readonly unknown[],
): FirstRun {
  const core = coreOf(connection);
  let first: Execution | undefined;
  const answer = new Promise((resolve, reject) => {
    first = core.execute(options, values, doneOf(resolve, reject));
  });
  return {
    answer,
    again() {
      if (first?.statement === undefined) return null;
      const { statement } = first;
      const Execute = classOf(first);
      return ({ sql, rowsAsArray, timeout }, more) =>
        new Promise((resolve, reject) => {
          const run = { sql, rowsAsArray, timeout, values: more, statement };
          const done = doneOf(resolve, reject);
          // Who listens to what is executed hears of it from the driver.
          if (executions.hasSubscribers) core.execute(run, more, done);
          else core.addCommand(new Execute(run, done));
        });
    },
  };
}

function doneOf(resolve: (answer: unknown) => void, reject: (error: unknown) => void): Done {
  return (error, rows, fields) => {
    if (error) reject(error);
    else resolve([rows, fields]);
  };
}

/** Safe because the driver makes its commands of their options and of what hears of their end. */
function classOf(execution: Execution): ExecutionClass {
  return execution.constructor as ExecutionClass;
}

/** Safe because every connection of the driver has these. */
function coreOf({ connection }: PoolConnection): Core {
  return connection as unknown as Core;
}

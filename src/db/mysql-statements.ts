/**
 * Statements that come again and again are prepared on their connection: the server reads such a text once, and gets values
 * alone from then on. On MariaDB only, which looks at the types of the values each time, as if they stood in the text.
 */
import { LRUCache } from 'lru-cache';
import type { PoolConnection, QueryOptions } from 'mysql2/promise';
import { startTimer, stopTimer } from './event-loop.ts';

/** A text is prepared when it has come so often: before, preparing it costs more than it saves. */
const TIMES = 8;
/** Texts that are counted; those of batches of all sizes are some hundreds. */
const MAX_TEXTS = 1_000;
/** Values of a statement: larger ones are rare, and the server keeps a place for each. */
const MAX_VALUES = 400;
/**
 * Statements that one connection keeps. A server keeps 16,382 of all its clients (`max_prepared_stmt_count`): enough for ten
 * processes of ten connections.
 */
export const MAX_PREPARED = 150;
/** ER_MAX_PREPARED_STMT_COUNT_REACHED */
const TOO_MANY = 1461;

const PREPARABLE = /^[\s(]*(select|insert|update|delete)\b/i;

/** Connections that may prepare, with the texts that they have prepared. */
const able = new WeakMap<object, LRUCache<string, true>>();

const seen = new LRUCache<string, number>({ max: MAX_TEXTS });

/** Lets statements be prepared on a connection to MariaDB. */
export function letPrepare({ connection }: PoolConnection): void {
  able.set(connection, new LRUCache({ max: MAX_PREPARED }));
}

/** Runs a statement on its connection, prepared where that pays off. `timeout` of the options bounds each of its answers. */
export async function runStatement(
  connection: PoolConnection,
  options: QueryOptions & { timeout: number },
  values: unknown[] = [],
): Promise<unknown> {
  const texts = able.get(connection.connection);
  if (texts === undefined || !isFrequent(options.sql) || !arePlain(values)) {
    return connection.query(options, values);
  }
  try {
    // Safe because `isPlain` has looked at them.
    const running = connection.execute(options, values as (string | number | null)[]);
    if (texts.get(options.sql)) return await running;
    const result = await bounded(running, options.timeout);
    texts.set(options.sql, true);
    return result;
  } catch (error) {
    if (Object(error).errno !== TOO_MANY) throw error;
    able.delete(connection.connection);
    return connection.query(options, values);
  }
}

function isFrequent(text: string): boolean {
  const times = (seen.get(text) ?? 0) + 1;
  if (times <= TIMES) seen.set(text, times);
  return times > TIMES && PREPARABLE.test(text);
}

const arePlain = (values: readonly unknown[]): boolean =>
  values.length <= MAX_VALUES && values.every(isPlain);

/** What means the same inside of a text and beside it. */
function isPlain(value: unknown): boolean {
  if (typeof value === 'number') return Number.isFinite(value);
  return value === null || typeof value === 'string' || typeof value === 'boolean' || Buffer.isBuffer(value);
}

/** mysql2 has no bound on the preparing itself. A connection that does not answer is as good as gone. */
async function bounded<R>(running: Promise<R>, timeoutMs: number): Promise<R> {
  let timer: NodeJS.Timeout | undefined;
  const timeout = new Promise<never>((_, reject) => {
    const error = new Error(`a statement was not prepared in ${timeoutMs} ms`);
    timer = startTimer(
      () => reject(Object.assign(error, { code: 'PROTOCOL_SEQUENCE_TIMEOUT', fatal: true })),
      timeoutMs,
    );
  });
  try {
    return await Promise.race([running, timeout]);
  } finally {
    stopTimer(timer);
  }
}

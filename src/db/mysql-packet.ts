/** Statements that are longer than their server takes (`max_allowed_packet`): they are refused here, before they are sent. */
import type { PoolConnection } from 'mysql2/promise';

/** What the protocol adds to the text of a statement; far less than that. */
const ENVELOPE_BYTES = 256;
/** A character of a string takes so many bytes in UTF-8 at most. */
const MAX_CHARACTER_BYTES = 3;

/**
 * The server would take no statement so long. It would cut the connection over it, and everything that is tried again while the
 * database is away would try this for ever. Numbered as the server does it.
 */
export class StatementTooLongError extends Error {
  override name = 'StatementTooLongError';
  readonly errno = 1153;
  readonly code = 'ER_NET_PACKET_TOO_LARGE';
}

/**
 * From now on each statement of this connection that is longer than `maxBytes` throws StatementTooLongError. Nothing of it is
 * sent: a transaction goes on as after any value that is refused. A limit that is no number refuses nothing.
 */
export function refuseTooLong(connection: PoolConnection, maxBytes: number): void {
  if (!(maxBytes > 0)) return;
  const client = formatterOf(connection);
  const format = client.format.bind(client);
  const left = maxBytes - ENVELOPE_BYTES;
  client.format = (...given) => {
    const text = format(...given);
    if (text.length * MAX_CHARACTER_BYTES > left && Buffer.byteLength(text) > left) {
      throw new StatementTooLongError(
        `a statement is longer than the ${maxBytes} bytes that the server takes`,
      );
    }
    return text;
  };
}

/** Safe because mysql2's connection writes each statement with its values by this method of its own. */
function formatterOf({ connection }: PoolConnection): { format(...given: unknown[]): string } {
  return connection as unknown as { format(...given: unknown[]): string };
}

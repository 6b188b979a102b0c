/** Stanzas of one turn of the event loop leave in one write: a system call costs more than sealing a short stanza. */
import type { EventEmitter } from 'node:events';
import type { Writable } from 'node:stream';
import type { WASocket } from '@whiskeysockets/baileys';
import { yieldToEventLoop } from '../../db/event-loop.ts';

/** What of a stream is needed to hold its writes back. */
type Corkable = Pick<Writable, 'cork' | 'uncork' | 'write'>;

/**
 * Call it right after the socket is made. Receipts come many at a time, and Baileys confirms each by itself. Nothing waits
 * longer than until the sockets of the process have had their turn; a write is still reported when it was made, in its order.
 */
export function gatherWrites(sock: WASocket): void {
  const client: EventEmitter = sock.ws;
  client.on('upgrade', (response: { socket: Corkable }) => holdUntilTurn(response.socket));
}

/** Holds what is written back until the event loop turns. */
export function holdUntilTurn(stream: Corkable): void {
  const { write } = stream;
  let isHeld = false;
  const held = (...args: unknown[]): boolean => {
    if (!isHeld) {
      isHeld = true;
      stream.cork();
      void yieldToEventLoop().then(() => {
        isHeld = false;
        stream.uncork();
      });
    }
    return Reflect.apply(write, stream, args);
  };
  Object.assign(stream, { write: held });
}

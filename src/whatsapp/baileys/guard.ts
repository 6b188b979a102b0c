/** Guards around a Baileys socket, so that it can neither hang at its end nor end the process. */
import type { EventEmitter } from 'node:events';
import type { BinaryNode, WASocket } from '@whiskeysockets/baileys';
import type { WebSocket } from 'ws';
import type { Clock } from '../../utils/clock.ts';
import { createMutex } from '../../utils/mutex.ts';
import type { Receiver } from './receive.ts';

type Listener = (...args: unknown[]) => unknown;
type Handler = (listener: Listener, args: unknown[]) => unknown;

/** Baileys' wrapper of a WebSocket, with the field that its types hide. */
interface Client extends EventEmitter {
  socket: WebSocket | null;
  close(): Promise<void>;
}

/** Safe because `ws` of a socket is rc14's WebSocketClient, an EventEmitter with these two. */
function clientOf(sock: WASocket): Client {
  return sock.ws as unknown as Client;
}

/** How long a server may take to close its side before the connection is cut. */
const CLOSE_GRACE_MS = 250;

/** Baileys looks up the sender before it takes its turn, so that messages of one batch overtook each other. */
const MESSAGE = 'CB:message';
/** It confirms these whatever becomes of them. */
const NOTIFICATION = 'CB:notification';
const CALL = 'CB:call';
const RECEIPT = 'CB:receipt';

type Keep = (stanza: BinaryNode) => Promise<void> | null;

const whenKept =
  (keep: Keep): Handler =>
  (listener, args) =>
    keep(asStanza(args[0]))?.then(() => listener(...args)) ?? listener(...args);

/** Safe because Baileys gives these listeners the stanza that it has decoded. */
function asStanza(argument: unknown): BinaryNode {
  return argument as BinaryNode;
}

/**
 * An async listener of Baileys that rejects (a frame that cannot be decoded, an answer to a closed socket) would be
 * an unhandled rejection and end the process: `onError` gets it instead. Messages are handled in their order, by `receive`,
 * which says when the next one may begin, and may leave them to Baileys. Notifications, calls and receipts are Baileys' once their
 * `keep` has resolved, at once where that is null, and never when it rejects; a receipt that was kept is only confirmed, because
 * nobody listens to what Baileys makes of it.
 * Call it right after the socket is made.
 */
export function guardListeners(
  sock: WASocket,
  {
    receive,
    keep,
  }: { receive: Receiver['receive']; keep: Record<'notification' | 'call' | 'receipt', Keep> },
  onError: (event: string, error: unknown) => void,
): void {
  const client = clientOf(sock);
  const inOrder = createMutex();
  const ours: Record<string, Handler> = {
    async [MESSAGE](listener, args) {
      const { end } = await inOrder(() => receive(asStanza(args[0]), async () => listener(...args)));
      await end;
    },
    [NOTIFICATION]: whenKept(keep.notification),
    [CALL]: whenKept(keep.call),
    async [RECEIPT](listener, args) {
      const stanza = asStanza(args[0]);
      const kept = keep.receipt(stanza);
      if (kept === null) return listener(...args);
      await kept;
      return sock.sendMessageAck(stanza);
    },
  };
  for (const event of client.eventNames()) {
    const listeners = client.listeners(event) as Listener[];
    client.removeAllListeners(event);
    for (const listener of listeners) {
      client.on(event, (...args: unknown[]) => {
        const fail = (error: unknown) => onError(String(event), error);
        try {
          const handle = ours[String(event)];
          const result = handle ? handle(listener, args) : listener(...args);
          if (result instanceof Promise) result.catch(fail);
        } catch (error) {
          fail(error);
        }
      });
    }
  }
}

/** Baileys waits for the server's side of the close, up to 30 s: here the connection is cut after a moment. */
export function boundClose(sock: WASocket, clock: Clock): void {
  const client = clientOf(sock);
  const close = client.close.bind(client);
  client.close = async () => {
    const socket = client.socket;
    const cancel = clock.setTimer(() => socket?.terminate(), CLOSE_GRACE_MS);
    try {
      await close();
    } finally {
      cancel();
    }
  };
}

/**
 * Refuses every query that still waits for an answer, and those that come later: Baileys leaves them, their timers
 * and through them the whole socket alive for a minute.
 */
export function refuseQueries(sock: WASocket): void {
  const client = clientOf(sock);
  const closed = () => new Error('Connection Closed');
  if (client.listenerCount('error') > 0) client.emit('error', closed());
  const on = client.on.bind(client);
  client.on = (event, listener) => {
    on(event, listener);
    if (event === 'error') queueMicrotask(() => listener(closed()));
    return client;
  };
}

/**
 * Baileys asks the server while it holds the session's keys when it sends a message again: as long as that takes,
 * no other message can be encrypted. Such a question counts as refused after `timeoutMs`.
 */
export function boundQueriesUnderLock(
  sock: WASocket,
  { clock, timeoutMs, holdsKeys }: { clock: Clock; timeoutMs: number; holdsKeys: () => boolean },
): void {
  const client = clientOf(sock);
  const on = client.on.bind(client);
  client.on = (event, listener) => {
    on(event, listener);
    // An answer that has come makes this one a call that changes nothing.
    if (String(event).startsWith('TAG:') && holdsKeys()) {
      // A process that was busy for this long first reads what is in the socket: the answer may be there.
      clock.setTimer(() => setImmediate(() => listener(NO_ANSWER)), timeoutMs);
    }
    return client;
  };
}

const NO_ANSWER = {
  tag: 'iq',
  attrs: { type: 'error' },
  content: [{ tag: 'error', attrs: { code: '408', text: 'Timed Out' } }],
};

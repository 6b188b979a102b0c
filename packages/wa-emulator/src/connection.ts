import { type BinaryNode, decodeBinaryNode, encodeBinaryNode, type proto } from '@whiskeysockets/baileys';
import type { WebSocket } from 'ws';
import type { Device } from './devices.ts';
import { createFrameReader, encodeFrame } from './frames.ts';
import type { NoiseIdentity } from './identity.ts';
import { createHandshake, type Handshake, type Transport } from './noise.ts';
import type { Timers } from './timers.ts';

const CLOSE_GRACE_MS = 50;

/** One client's socket after the encrypted channel is up. */
export interface Connection {
  /** The linked device that logged in, or was just linked over it. */
  device: Device | undefined;
  /** The client's static noise key. */
  clientStatic: Buffer;
  readonly isOpen: boolean;
  send(node: BinaryNode): void;
  /** Sends, properly encrypted, what is no stanza. */
  sendGarbage(): void;
  /** Sends a last stanza and closes the WebSocket properly a moment later. */
  end(lastNode?: BinaryNode): void;
  /** Closes the WebSocket without a word in the protocol. */
  close(): void;
  /** Cuts the TCP connection. */
  destroy(): void;
}

/** The protocol's handlers of a connection. */
export interface ConnectionHandlers {
  onHello(connection: Connection, payload: proto.ClientPayload): void;
  onNode(connection: Connection, node: BinaryNode): void;
  onClose(connection: Connection): void;
  /** One of the above has thrown: the connection stays as it is. */
  onError(doing: string, error: unknown): void;
}

/** Runs the handshake on a fresh WebSocket and then decodes its stanzas, in order. */
export function acceptConnection(
  socket: WebSocket,
  identity: NoiseIdentity,
  timers: Timers,
  handlers: ConnectionHandlers,
): void {
  const reader = createFrameReader();
  let handshake: Handshake | undefined;
  let transport: Transport | undefined;
  let decoding: Promise<void> = Promise.resolve();
  const connection = createConnection(socket, timers, () => transport);
  const guard = (doing: string, work: () => void) => {
    try {
      work();
    } catch (error) {
      handlers.onError(doing, error);
    }
  };
  const onFrame = (frame: Buffer) => {
    if (transport) {
      const plaintext = transport.open(frame);
      decoding = decoding
        .then(() => decodeBinaryNode(plaintext))
        .then(
          (node) => guard(`handle <${node.tag}>`, () => handlers.onNode(connection, node)),
          () => socket.terminate(),
        );
    } else if (handshake) {
      const finished = handshake.finish(frame);
      transport = finished.transport;
      connection.clientStatic = finished.clientStatic;
      guard('log a client in', () => handlers.onHello(connection, finished.payload));
    } else {
      handshake = createHandshake(identity, reader.header ?? Buffer.alloc(0));
      socket.send(encodeFrame(handshake.answerHello(frame)));
    }
  };

  socket.on('message', (data: Buffer) => {
    try {
      reader.push(data).forEach(onFrame);
    } catch {
      socket.terminate(); // not a client that speaks this protocol
    }
  });
  socket.on('error', () => socket.terminate());
  socket.on('close', () => guard('forget a connection', () => handlers.onClose(connection)));
}

function createConnection(
  socket: WebSocket,
  timers: Timers,
  transport: () => Transport | undefined,
): Connection {
  const connection: Connection = {
    device: undefined,
    clientStatic: Buffer.alloc(0),
    get isOpen() {
      return socket.readyState === socket.OPEN;
    },
    send(node) {
      const channel = transport();
      if (channel && connection.isOpen) {
        socket.send(encodeFrame(channel.seal(encodeBinaryNode(node))));
      }
    },
    sendGarbage() {
      const channel = transport();
      if (channel && connection.isOpen) {
        socket.send(encodeFrame(channel.seal(Buffer.from([0, 248, 9, 255, 1]))));
      }
    },
    end(lastNode) {
      if (lastNode) {
        connection.send(lastNode);
      }
      timers.after(CLOSE_GRACE_MS, () => socket.close());
    },
    close: () => socket.close(1000),
    destroy: () => socket.terminate(),
  };
  return connection;
}

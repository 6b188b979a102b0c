import { createServer, type Server } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { type WebSocket, WebSocketServer } from 'ws';
import { hostAndPort } from './address.ts';

/** How the server refuses connections while it is "away". */
export type RefuseMode = 'reset' | 'silent' | 'http503' | 'closed';

/** The WebSocket listener. */
export interface WaServer {
  url: string;
  /** Refuses new connections in that way until `accept`. */
  refuse(mode: RefuseMode): Promise<void>;
  /** Cuts every open TCP connection. */
  cut(): void;
  accept(): Promise<void>;
  /** Cuts every connection, stops listening; may be called twice. */
  close(): Promise<void>;
}

const PATH = '/ws/chat';

/** Listens for clients. Rejects when the port is taken. */
export async function startWaServer(
  host: string,
  wantedPort: number,
  onSocket: (socket: WebSocket) => void,
): Promise<WaServer> {
  const sockets = new Set<Socket>();
  const http = createServer((_request, response) => response.writeHead(404).end());
  let mode: RefuseMode | undefined;
  http.on('connection', (socket: Socket) => {
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket));
    if (mode === 'reset') {
      socket.resetAndDestroy();
    }
  });
  const websockets = serveUpgrades(http, onSocket, () => mode);
  const cut = () => {
    for (const socket of sockets) {
      socket.destroy();
    }
  };

  await listen(http, wantedPort, host);
  const { port } = http.address() as AddressInfo;
  let closed = false;
  return {
    url: `ws://${hostAndPort(host, port)}${PATH}`,
    async refuse(next) {
      mode = next;
      if (next === 'closed') {
        http.close();
      } else if (!http.listening && !closed) {
        await listen(http, port, host);
      }
    },
    cut,
    async accept() {
      mode = undefined;
      if (!http.listening && !closed) {
        await listen(http, port, host);
      }
    },
    async close() {
      if (closed) {
        return;
      }
      closed = true;
      cut();
      await new Promise<void>((resolve) => http.close(() => resolve()));
      websockets.close();
    },
  };
}

function serveUpgrades(
  http: Server,
  onSocket: (socket: WebSocket) => void,
  currentMode: () => RefuseMode | undefined,
): WebSocketServer {
  const websockets = new WebSocketServer({ noServer: true, perMessageDeflate: false, clientTracking: false });
  http.on('upgrade', (request, socket: Duplex, head) => {
    const mode = currentMode();
    if (mode === 'silent') {
      return;
    }
    if (mode === 'http503') {
      socket.end(plainAnswer('503 Service Unavailable'));
    } else if (new URL(request.url ?? '/', 'http://emulator').pathname !== PATH) {
      socket.end(plainAnswer('404 Not Found'));
    } else {
      websockets.handleUpgrade(request, socket, head, onSocket);
    }
  });
  return websockets;
}

function plainAnswer(status: string): string {
  return `HTTP/1.1 ${status}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n`;
}

function listen(server: Server, port: number, host: string): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, host, () => {
      server.off('error', reject);
      resolve();
    });
  });
}

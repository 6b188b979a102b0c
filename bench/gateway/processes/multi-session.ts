/**
 * wa-multi-session as it ships, behind the least server that a gateway needs: `POST /send` with `to` and `text` answers when
 * the library has written the message to its socket. Nothing is queued and nothing is kept.
 */
import { once } from 'node:events';
import { createServer, type IncomingMessage } from 'node:http';
import { createRequire } from 'node:module';
import type { AddressInfo } from 'node:net';
import type { UserFacingSocketConfig } from '@whiskeysockets/baileys';
import * as baileys from '@whiskeysockets/baileys';
import { cpuMs, serveCalls } from '../child.ts';

const SESSION = 'bench';
let waWebSocketUrl = '';

interface Library {
  setCredentialsDir(path: string): void;
  startSession(
    sessionId: string,
    options: { printQR: boolean; onQRUpdated(qr: string): void; onConnected(): void },
  ): Promise<unknown>;
  sendTextMessage(message: { sessionId: string; to: string; text: string }): Promise<unknown>;
}

/** Its own Baileys dials the emulated WhatsApp, and asks nobody for a version. */
function loadLibrary(): Library {
  const require = createRequire(import.meta.url);
  const file = createRequire(require.resolve('wa-multi-session')).resolve('@whiskeysockets/baileys');
  const makeSocket = (config: UserFacingSocketConfig) => baileys.makeWASocket({ ...config, waWebSocketUrl });
  const exports = {
    ...baileys,
    __esModule: true,
    default: makeSocket,
    makeWASocket: makeSocket,
    fetchLatestBaileysVersion: async () => ({ version: baileys.DEFAULT_CONNECTION_CONFIG.version }),
  };
  require.cache[file] = asModule({ id: file, filename: file, loaded: true, exports });
  return asLibrary(require('wa-multi-session'));
}

/** Safe because a module in the cache that is loaded is only asked for its exports. */
function asModule(module: object): NodeJS.Module {
  return module as NodeJS.Module;
}

/** Safe because the version that is installed has these functions. */
function asLibrary(exports: unknown): Library {
  return exports as Library;
}

const library = loadLibrary();

async function send(request: IncomingMessage): Promise<void> {
  let body = '';
  for await (const piece of request) body += String(piece);
  await library.sendTextMessage({ sessionId: SESSION, ...JSON.parse(body) });
}

const server = createServer((request, response) => {
  send(request).then(
    () => response.setHeader('content-type', 'application/json').end('{"success":true}'),
    (error: unknown) => response.writeHead(500).end(JSON.stringify({ error: String(error) })),
  );
});
server.listen(0, '127.0.0.1');
await once(server, 'listening');

const calls = {
  async where() {
    return { url: `http://127.0.0.1:${asPort(server.address())}` };
  },
  /** Links the phone; resolves when the session is open. */
  async link(input: { waUrl: string; url: string; phone: string; dir: string }) {
    waWebSocketUrl = input.waUrl;
    library.setCredentialsDir(input.dir);
    await new Promise<void>((resolve, reject) => {
      const scan = (qr: string) =>
        fetch(`${input.url}/scan`, {
          method: 'POST',
          headers: { 'content-type': 'application/json' },
          body: JSON.stringify({ qr, phone: input.phone }),
        });
      const onQRUpdated = (qr: string) => void scan(qr).catch(reject);
      library.startSession(SESSION, { printQR: false, onQRUpdated, onConnected: resolve }).catch(reject);
    });
  },
  async cpuMs() {
    return cpuMs();
  },
};

/** Safe because the server listens on a TCP port. */
function asPort(address: string | AddressInfo | null): number {
  return (address as AddressInfo).port;
}

export type MultiSessionCalls = typeof calls;

serveCalls(calls, async () => {
  server.closeAllConnections();
});

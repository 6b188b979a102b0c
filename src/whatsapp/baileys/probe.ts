/** A cheap sign of life of the server: whether it takes a WebSocket. Nothing is said on it. */
import { readFileSync } from 'node:fs';
import { DEFAULT_CONNECTION_CONFIG, DEFAULT_ORIGIN } from '@whiskeysockets/baileys';
import { WebSocket } from 'ws';
import type { WaServer } from './socket-config.ts';

const ANSWER_TIMEOUT_MS = 3_000;

/** Never rejects, and takes 3 s at most. */
export function probeServer(waServer: WaServer | null): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = new WebSocket(waServer?.url ?? DEFAULT_CONNECTION_CONFIG.waWebSocketUrl, {
      origin: DEFAULT_ORIGIN,
      handshakeTimeout: ANSWER_TIMEOUT_MS,
      ...(waServer?.caFile ? { ca: readFileSync(waServer.caFile) } : {}),
    });
    const end = (answers: boolean) => {
      resolve(answers);
      socket.terminate();
    };
    socket.on('open', () => end(true));
    socket.on('error', () => end(false));
    socket.on('unexpected-response', () => end(false));
  });
}

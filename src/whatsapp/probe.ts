/** A cheap sign of life of the server: whether it takes a WebSocket. Nothing is said on it. */
import { readFileSync } from 'node:fs';
import { WebSocket } from 'ws';
import type { Egress } from '../utils/proxy/egress.ts';

/** WhatsApp's own, as its web client opens it. */
export const WHATSAPP_SOCKET_URL = 'wss://web.whatsapp.com/ws/chat';
export const WHATSAPP_ORIGIN = 'https://web.whatsapp.com';

export interface ProbeOptions {
  /** another server than WhatsApp's own */
  waServer: { url: string; caFile: string | null } | null;
  /** through a session's proxy; directly when missing */
  egress?: Egress;
  timeoutMs: number;
}

/** Null when it answers, else why not: a ProxyFailure when that is the proxy's. Never rejects. */
export function probeServer({ waServer, egress, timeoutMs }: ProbeOptions): Promise<Error | null> {
  const url = waServer?.url ?? WHATSAPP_SOCKET_URL;
  const trusted = waServer?.caFile ? { ca: readFileSync(waServer.caFile) } : {};
  const agent = url.startsWith('ws:') ? egress?.plainAgent : egress?.agent;
  return new Promise((resolve) => {
    const socket = new WebSocket(url, {
      origin: WHATSAPP_ORIGIN,
      handshakeTimeout: timeoutMs,
      ...(agent ? { agent } : trusted),
    });
    const end = (failure: Error | null) => {
      resolve(failure);
      socket.terminate();
    };
    socket.on('open', () => end(null));
    socket.on('error', end);
    socket.on('unexpected-response', (_request, { statusCode }) =>
      end(new Error(`The server answered with status ${statusCode}.`)),
    );
  });
}

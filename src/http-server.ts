/** The HTTP server of a process: it listens, and it leaves without breaking anybody's request. */
import type { Server } from 'node:http';
import { Server as NetServer } from 'node:net';
import { serve } from '@hono/node-server';
import { createApp, type HttpApp } from './app.ts';
import { allRoutes } from './controllers/index.ts';
import { noteConnection } from './db/event-loop.ts';
import { forNode } from './middlewares/json-answer.ts';
import type { Deps } from './services/context.ts';
import { type Clock, sleep } from './utils/clock.ts';

export interface HttpServer {
  url: string;
  /**
   * Takes no new connection, tells clients on old ones to come back elsewhere (`Connection: close`) and gives open
   * requests some seconds. Call it once.
   */
  stop(): Promise<void>;
}

/** How long idle connections are left open: a request may be on its way on each of them. */
const IDLE_GRACE_MS = 1_000;
/** Node tells clients to leave a connection alone after 5 s; those that are still there then are not used. */
const HAND_OVER_GRACE_MS = 6_000;
/** How long open requests (long polls, event streams) may go on after a stop was asked for. */
const OPEN_GRACE_MS = 8_000;

/**
 * Listens as the configuration says. Rejects when the port is taken. `handsOver`: another process takes the requests
 * when this one stops, so that none may fail for it.
 */
export function startHttp(deps: Deps, { handsOver = false } = {}): Promise<HttpServer> {
  const app = createApp(deps, allRoutes);
  const { host, port } = deps.config;
  const answer = (...asked: Parameters<HttpApp['fetch']>) =>
    Promise.resolve(app.fetch(...asked)).then(forNode);
  return new Promise((resolve, reject) => {
    const server = asHttpServer(
      serve({ fetch: answer, hostname: host, port }, (address) => {
        server.off('error', reject);
        const name = address.address.includes(':')
          ? 'localhost'
          : address.address.replace('0.0.0.0', 'localhost');
        const stop = async () => {
          await leave(server, deps.clock, handsOver ? HAND_OVER_GRACE_MS : IDLE_GRACE_MS);
          await app.stop();
        };
        resolve({ url: `http://${name}:${address.port}`, stop });
      }),
    );
    server.once('error', reject);
    server.on('connection', noteConnection);
  });
}

/** Safe because without an option `createServer` it is Node's own HTTP/1 server. */
function asHttpServer(server: ReturnType<typeof serve>): Server {
  return server as Server;
}

async function leave(server: Server, clock: Clock, idleGraceMs: number): Promise<void> {
  server.prependListener('request', (_request, response) => {
    response.shouldKeepAlive = false;
  });
  // The socket that listens only: http's own close() would end idle connections on which a request may be coming.
  const closed = new Promise<void>((resolve) => {
    NetServer.prototype.close.call(server, () => resolve());
  });
  const done = new AbortController();
  const over = closed.then(() => done.abort());
  await sleep(clock, idleGraceMs, done.signal);
  // After a busy moment timers run before sockets are read: what has arrived is looked at first.
  await turns(2);
  server.close();
  await sleep(clock, OPEN_GRACE_MS, done.signal);
  server.closeAllConnections();
  await over;
}

async function turns(n: number): Promise<void> {
  for (let i = 0; i < n; i++) await new Promise<void>((resolve) => setImmediate(resolve));
}

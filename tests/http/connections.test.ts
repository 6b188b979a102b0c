/** Clients that come at once, each with a new connection, while the process has much to do. */
import { request } from 'node:http';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { monotonicMs, yieldAfter } from '../../src/db/event-loop.ts';
import { type HttpServer, startHttp } from '../../src/http-server.ts';
import { openTestApp, type TestApp } from '../helpers/app.ts';

let t: TestApp;
let server: HttpServer;
beforeEach(async () => {
  t = await openTestApp({ config: { port: 0, host: '127.0.0.1' } });
  server = await startHttp(t.deps);
});
afterEach(async () => {
  await server.stop();
  await t.close();
});

const CLIENTS = 40;
const PIECE_MS = 1;

function ask(): Promise<number> {
  return new Promise((resolve, reject) => {
    const sent = request(`${server.url}/health/live`, { agent: false }, (answer) => {
      answer.resume();
      answer.on('end', () => resolve(answer.statusCode ?? 0));
    });
    sent.on('error', reject).end();
  });
}

describe('many new connections', () => {
  it('do not each wait for a whole turn of a busy loop', async () => {
    let open = CLIENTS;
    let pieces = 0;
    const busy = async () => {
      while (open > 0) {
        pieces++;
        for (const endMs = monotonicMs() + PIECE_MS; monotonicMs() < endMs; );
        await yieldAfter(20);
      }
    };
    const answers = Array.from({ length: CLIENTS }, () =>
      ask().finally(() => {
        open--;
      }),
    );
    await busy();
    expect(await Promise.all(answers)).toEqual(Array(CLIENTS).fill(200));
    // libuv takes one a turn: twenty pieces for each, or one.
    expect(pieces).toBeLessThan(CLIENTS * 3);
  });
});

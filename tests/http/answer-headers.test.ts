/** The headers of answers, as they come over a socket. */
import { type IncomingMessage, request } from 'node:http';
import { Hono } from 'hono';
import { secureHeaders } from 'hono/secure-headers';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type HttpServer, startHttp } from '../../src/http-server.ts';
import { openTestApp, type TestApp } from '../helpers/app.ts';

const ORIGIN = 'https://page.example';

let t: TestApp;
let server: HttpServer;
beforeAll(async () => {
  t = await openTestApp({ config: { port: 0, host: '127.0.0.1', allowedOrigins: [ORIGIN] } });
  server = await startHttp(t.deps);
});
afterAll(async () => {
  await server.stop();
  await t.close();
});

interface Answer {
  status: number;
  /** each name as often as it came */
  headers: [string, string][];
  text: string;
}

function ask(
  path: string,
  options: { method?: string; headers?: Record<string, string> } = {},
): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const sent = request(`${server.url}${path}`, { ...options, agent: false }, (answer: IncomingMessage) => {
      let text = '';
      answer.setEncoding('utf8').on('data', (piece: string) => {
        text += piece;
      });
      answer.on('end', () => {
        const { rawHeaders: raw, statusCode = 0 } = answer;
        const pairs = raw.flatMap((name, at): [string, string][] =>
          at % 2 === 0 ? [[name.toLowerCase(), raw[at + 1] ?? '']] : [],
        );
        resolve({ status: statusCode, headers: pairs, text });
      });
    });
    sent.on('error', reject).end();
  });
}

/** Those that hono's own middleware would set. */
async function usual(): Promise<[string, string][]> {
  const app = new Hono();
  app.use(
    secureHeaders({
      contentSecurityPolicy: {
        defaultSrc: ["'self'"],
        scriptSrc: ["'self'"],
        styleSrc: ["'self'"],
        imgSrc: ["'self'", 'data:', 'blob:'],
        connectSrc: ["'self'"],
        objectSrc: ["'none'"],
        baseUri: ["'none'"],
        formAction: ["'self'"],
        frameAncestors: ["'none'"],
      },
      xFrameOptions: 'DENY',
    }),
  );
  app.get('/', (c) => c.body(null));
  return [...(await app.request('/')).headers];
}

describe('the headers of an answer', () => {
  it.each([
    ['of JSON', '/health/live'],
    ['of a refusal', '/auth/me'],
    ['of an unknown address', '/nowhere'],
    ['of a page', '/dashboard/sign-in'],
    ['of a redirect', '/'],
  ])('%s are those of a careful site, each of them once', async (_name, path) => {
    const { headers } = await ask(path);
    for (const header of await usual()) expect(headers).toContainEqual(header);
    const names = headers.map(([name]) => name).filter((name) => name !== 'set-cookie');
    expect(names).toEqual([...new Set(names)]);
    expect(headers).toContainEqual(['vary', expect.stringMatching(/(^|, )Origin$/)]);
    expect(names).toEqual(expect.arrayContaining(['x-request-id', 'cache-control']));
  });

  it('tell the length and the type of JSON', async () => {
    const { headers, text } = await ask('/auth/me');
    expect(headers).toContainEqual(['content-length', String(Buffer.byteLength(text))]);
    expect(headers).toContainEqual(['content-type', 'application/json']);
    expect(headers).toContainEqual(['www-authenticate', 'Bearer']);
    expect(JSON.parse(text)).toMatchObject({ code: 'UNAUTHORIZED' });
  });

  it('are those of GET for HEAD', async () => {
    const [got, head] = [await ask('/health/live'), await ask('/health/live', { method: 'HEAD' })];
    const namesOf = ({ headers }: Answer) =>
      headers.map(([name]) => name).filter((n) => n !== 'content-length');
    expect(head).toMatchObject({ status: got.status, text: '' });
    expect(namesOf(head).sort()).toEqual(namesOf(got).sort());
  });

  it('let a page of an allowed origin read it, and no other', async () => {
    const allowed = await ask('/health/live', { headers: { origin: ORIGIN } });
    expect(allowed.headers).toContainEqual(['access-control-allow-origin', ORIGIN]);
    expect(allowed.headers).toContainEqual(['vary', 'Origin']);
    for (const header of await usual()) expect(allowed.headers).toContainEqual(header);
    const other = await ask('/health/live', { headers: { origin: 'https://other.example' } });
    expect(other.headers.map(([name]) => name)).not.toContain('access-control-allow-origin');
    const before = await ask('/message/send-text', { method: 'OPTIONS', headers: { origin: ORIGIN } });
    expect(before.status).toBe(204);
    expect(before.headers).toContainEqual(['access-control-allow-methods', 'GET,POST,PUT,DELETE']);
    for (const header of await usual()) expect(before.headers).toContainEqual(header);
  });
});

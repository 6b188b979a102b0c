/** What a short request must not cost: a whole Request of the web's, with a stream of its body. */
import { once } from 'node:events';
import { createServer, type ServerResponse } from 'node:http';
import { type AddressInfo, connect } from 'node:net';
import { Hono } from 'hono';
import { expect, it } from 'vitest';
import { whenGone } from '../../src/middlewares/gone.ts';
import type { HttpEnv } from '../../src/middlewares/http-env.ts';
import { receiveBody } from '../../src/middlewares/receive-body.ts';

const URL_OF_FILE = 'data:text/plain,hello';

/** Safe because a body without a file needs none of the service's parts. */
const noDeps = () => ({}) as never;

/** The fields of a body of a route with these files, and how often its stream was asked for. */
async function receive(body: string, files: readonly string[], headers: Record<string, string>) {
  let streams = 0;
  const app = new Hono<HttpEnv>().post('/', async (c) => {
    const { body: stream } = c.req.raw;
    Object.defineProperty(c.req.raw, 'body', {
      get() {
        streams++;
        return stream;
      },
    });
    const limit = { bytes: 1_000, setting: null };
    const { fields } = await receiveBody(c, noDeps(), files, limit);
    return c.json(fields);
  });
  const all = { 'content-type': 'application/json', ...headers };
  const answer = await app.request('/', { method: 'POST', headers: all, body });
  return { fields: await answer.json(), streams };
}

it.each([{ files: [] }, { files: ['image'] }])('a short body is read at once, $files', async ({ files }) => {
  const body = JSON.stringify({ to: '62', text: URL_OF_FILE });
  const headers = { 'content-length': String(body.length) };
  expect(await receive(body, files, headers)).toEqual({ fields: JSON.parse(body), streams: 0 });
});

it('one whose length is not told is read as it comes', async () => {
  expect(await receive('{"to":"62"}', [], {})).toEqual({ fields: { to: '62' }, streams: 1 });
});

/** A request that is not to be looked at. */
const req = {
  get raw(): never {
    throw new Error('the whole Request was made');
  },
};

it('the socket tells that a caller has gone, and nothing more once nobody asks', async () => {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const client = connect((server.address() as AddressInfo).port, '127.0.0.1');
  client.write('GET / HTTP/1.1\r\nHost: x\r\n\r\n');
  const [, outgoing]: [unknown, ServerResponse] = asRequest(await once(server, 'request'));
  let unasked = 0;
  const stop = whenGone({ env: { outgoing }, req: asReq(req) }, () => unasked++);
  stop();
  const gone = new Promise<void>((resolve) => {
    whenGone({ env: { outgoing }, req: asReq(req) }, resolve);
  });
  client.destroy();
  await gone;
  await new Promise<void>((resolve) => {
    whenGone({ env: { outgoing }, req: asReq(req) }, resolve);
  });
  expect(unasked).toBe(0);
  server.close();
});

/** Safe because these are what Node's server tells of a request. */
function asRequest(told: unknown[]): [unknown, ServerResponse] {
  return told as [unknown, ServerResponse];
}

/** Safe because nothing of it is looked at. */
function asReq(request: object): Parameters<typeof whenGone>[0]['req'] {
  return request as Parameters<typeof whenGone>[0]['req'];
}

/** No text in any field of any request holds the event loop: nothing else waits for it longer than 50 ms. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { allRoutes } from '../../src/controllers/index.ts';
import type { Route } from '../../src/controllers/route.ts';
import { type Shape, shapeOf } from '../../src/utils/schema-shape.ts';
import { openTestApp, type Tenant, type TestApp } from '../helpers/app.ts';
import { hurriedClock } from '../helpers/clock.ts';
import { heldAtLeast, heldBy, MAX_HOLD_MS } from '../helpers/held.ts';

/** As large as a body may be, and far larger. */
const SIZES = [240_000, 1_000_000];
/** What is worst for patterns, for normalization, for readers of numbers, cards and templates. */
const PIECES = [
  ' ',
  'a',
  'a@',
  '1',
  '\u0301\u0323',
  '[',
  '{',
  '{{a|',
  '\ufb00',
  '😀',
  'TEL\r',
  '%',
  '=',
  '"',
  '\\',
  '.',
  '-',
  '+62 ',
];

let t: TestApp;
let owner: Tenant;
beforeAll(async () => {
  t = await openTestApp({ clock: hurriedClock });
  owner = await t.tenant('admin');
});
afterAll(() => t.close());

interface Field {
  path: string[];
}

/** Every text of a body, with the lists and records it is in. */
function textsOf(shape: Shape, path: string[] = [], depth = 0): Field[] {
  if (depth > 4) return [];
  const here: Field[] = shape.kinds.size === 0 || shape.kinds.has('string') ? [{ path }] : [];
  const inner = [...shape.properties].flatMap(([name, one]) => textsOf(one, [...path, name], depth + 1));
  const items = shape.kinds.has('array') ? textsOf(shape.items, [...path, '[]'], depth + 1) : [];
  const names = shape.kinds.has('object') && shape.rest !== null ? [{ path: [...path, '{}'] }] : [];
  return [...here, ...inner, ...items, ...names];
}

/** The example's body with this text in that place. */
function withText(base: unknown, path: readonly string[], text: string): unknown {
  const [name, ...rest] = path;
  if (name === undefined) return text;
  if (name === '[]') return [withText(undefined, rest, text)];
  if (name === '{}') return { [text]: text };
  const object = typeof base === 'object' && base !== null && !Array.isArray(base) ? base : {};
  return { ...object, [name]: withText(Reflect.get(object, name), rest, text) };
}

/** Stands where a text comes. */
const PLACE = 'where-the-text-comes';
const written = new Map<string, Buffer>();

/** As JSON, of about that many bytes. Each is written once: that takes longer than most requests. */
function longText(piece: string, size: number): Buffer {
  const key = `${size} ${piece}`;
  const bytes = Buffer.byteLength(JSON.stringify(piece)) - 2;
  const text = written.get(key) ?? Buffer.from(JSON.stringify(piece.repeat(Math.floor(size / bytes))));
  written.set(key, text);
  return text;
}

/** The body as JSON, with that text in each of its places. */
function bodyWith(body: unknown, text: Buffer): Uint8Array<ArrayBuffer> {
  const parts = JSON.stringify(body).split(JSON.stringify(PLACE));
  return Buffer.concat(
    parts.flatMap((part, i) => (i === 0 ? [Buffer.from(part)] : [text, Buffer.from(part)])),
  );
}

async function send(route: Route, body: string | Uint8Array<ArrayBuffer>, type: string): Promise<void> {
  const params = route.example?.params ?? {};
  const path = route.path.replace(/:(\w+)/g, (_all, name: string) => encodeURIComponent(params[name] ?? 'x'));
  const headers = { 'content-type': type, authorization: `Bearer ${owner.token}` };
  const response = await t.app.request(path, { method: route.method.toUpperCase(), headers, body });
  await response.body?.cancel();
}

const withBody = allRoutes.filter((route) => route.body !== undefined);

describe('the event loop', () => {
  it.each(withBody.map((route) => [`${route.method} ${route.path}`, route] as const))(
    'is not held by a text of %s',
    async (_name, route) => {
      const fields = route.body === undefined ? [] : textsOf(shapeOf(route.body));
      const slow: string[] = [];
      for (const [at, { path }] of fields.entries()) {
        for (const size of SIZES) {
          // Each field gets some of the texts, each text comes to each kind of field.
          const pieces = PIECES.filter((_piece, index) => (index + at) % 6 === 0 || fields.length < 3);
          for (const piece of pieces) {
            const body = bodyWith(withText(route.example?.body, path, PLACE), longText(piece, size));
            const held = await heldAtLeast(() => send(route, body, 'application/json'));
            if (held > MAX_HOLD_MS)
              slow.push(`${path.join('.')} of ${JSON.stringify(piece)}: ${Math.round(held)} ms`);
          }
        }
      }
      expect(slow).toEqual([]);
    },
    120_000,
  );

  it.each(PIECES)('is not held by a form, a query, a path or a header of %j', async (piece) => {
    const encoded = encodeURIComponent(piece);
    const form = `to=${encoded.repeat(Math.floor(240_000 / encoded.length))}`;
    const names = Array.from({ length: 999 }, (_, i) => `${encoded}[${i}]=1`).join('&');
    const short = encoded.repeat(Math.floor(12_000 / encoded.length));
    const header = Buffer.from(piece.repeat(Math.floor(12_000 / piece.length)))
      .toString('latin1')
      .replace(/[\r\n\0]/g, ' ');
    const ask =
      (path: string, init: RequestInit = {}) =>
      async () => {
        const headers = new Headers(init.headers);
        if (!headers.has('authorization')) headers.set('authorization', `Bearer ${owner.token}`);
        const response = await t.app.request(path, { ...init, headers });
        await response.body?.cancel();
      };
    const type = { 'content-type': 'application/x-www-form-urlencoded' };
    const requests = [
      ask('/message/send-text', { method: 'POST', body: form, headers: type }),
      ask('/message/send-text', { method: 'POST', body: names, headers: type }),
      ask('/dashboard/login', { method: 'POST', body: form, headers: type }),
      ask(`/message/list?to=${short}&since=${short}`),
      ask(`/session/qr/${short}`),
      ask(`/${short}`),
      ...[
        'authorization',
        'x-api-key',
        'prefer',
        'idempotency-key',
        'accept-language',
        'cookie',
        'x-forwarded-for',
        'x-request-id',
        'range',
      ].map((name) => ask('/session/qr/main', { headers: { [name]: header } })),
    ];
    const held: number[] = [];
    for (const request of requests) held.push(await heldAtLeast(request));
    expect(Math.max(...held)).toBeLessThan(MAX_HOLD_MS);
  });

  it.each<[string, (size: number) => string]>([
    ['a list of numbers that ends early', (size) => `[${'1,'.repeat(Math.min(size / 2, 40_000))}`],
    [
      'a list of texts with a word at its end',
      (size) => `[${`"${'a'.repeat(20)}",`.repeat(Math.min(size / 23, 40_000))}word]`,
    ],
    ['lines with a word at their end', (size) => `["",${'\n'.repeat(size - 20)}word]`],
    ['lines with a comma too much', (size) => `["a"${'\n'.repeat(size - 20)}"b"]`],
    ['escapes in a text without an end', (size) => `{"text":"${'\\u00e9'.repeat(size / 6 - 4)}`],
    ['a word without an end', (size) => 'a'.repeat(size)],
  ])('is not held by what is not JSON: %s', async (_what, bodyOf) => {
    const route = withBody.find(({ path }) => path === '/message/send-image');
    if (route === undefined) throw new Error('the route is not there');
    const held: number[] = [];
    // Below the limit of bodies that may hold a file: 1 MB of them is no file.
    for (const size of [240_000, 1_000_000]) {
      const body = bodyOf(size);
      held.push(await heldAtLeast(() => send(route, body, 'application/json')));
    }
    expect(Math.max(...held)).toBeLessThan(MAX_HOLD_MS);
  });

  it('is seen by the probe when it is held', async () => {
    const held = await heldBy(async () => {
      await new Promise((resolve) => setTimeout(resolve, 20));
      const start = process.cpuUsage();
      while (process.cpuUsage(start).user < 150_000);
      await new Promise((resolve) => setTimeout(resolve, 20));
    });
    expect(held).toBeGreaterThan(MAX_HOLD_MS);
  });
});

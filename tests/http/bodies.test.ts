/** What a body may be: how large, how deep, in which encoding, and how its values are spelled. */
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { route } from '../../src/controllers/route.ts';
import { readPhone } from '../../src/utils/phone.ts';
import { openTestApp, type Reply, type TestApp } from '../helpers/app.ts';

const seen: unknown[] = [];
/** Notes that it was asked at all. */
const noted = (text: string) => seen.push(text) > 0;

const Fields = z.object({
  to: z.string().max(80).optional(),
  code: z.string().max(10).regex(/^\d+$/).optional(),
  hours: z.int().max(48).optional(),
  share: z.number().optional(),
  ptt: z.boolean().optional(),
  word: z.string().max(5).refine(noted, 'must be liked').optional(),
  words: z.array(z.string().max(5).refine(noted)).max(3).optional(),
  rows: z
    .array(z.object({ id: z.string(), text: z.string().max(20) }))
    .max(3)
    .optional(),
  place: z.object({ lat: z.number(), name: z.string().optional() }).optional(),
  either: z.union([z.string(), z.number()]).optional(),
  fields: z.record(z.string(), z.unknown()).optional(),
});
const routeOf = (path: string, files?: string[]) =>
  route({
    method: 'post',
    path,
    tag: 'Tests',
    summary: 'Says what it was given',
    description: 'for a test',
    auth: 'public',
    body: files === undefined ? Fields : Fields.extend({ file: z.string().optional() }),
    ...(files === undefined ? {} : { files }),
    response: null,
    example: { body: {} },
    handler: ({ body }) => ({ got: body }),
  });
/** Half of an emoji, as a text that was cut in the middle of one ends. */
const HALF = 'x\ud83d';
const halved = route({
  method: 'get',
  path: '/halved',
  tag: 'Tests',
  summary: 'Says half a character',
  description: 'for a test',
  auth: 'public',
  response: null,
  handler: () => ({ text: HALF, [HALF]: ['\\ud83d', '😀', '\udc00'] }),
});

let t: TestApp;
beforeAll(async () => {
  t = await openTestApp({ routes: [routeOf('/plain'), routeOf('/filed', ['file']), halved] });
});
afterAll(() => t.close());

const JSON_TYPE = 'application/json';
const FORM_TYPE = 'application/x-www-form-urlencoded';

async function send(path: string, body: string | Buffer<ArrayBuffer>, type?: string): Promise<Reply> {
  seen.splice(0);
  const headers = type === undefined ? {} : { 'content-type': type };
  const response = await t.app.request(path, { method: 'POST', headers, body });
  const text = await response.text();
  return { status: response.status, headers: response.headers, text, body: JSON.parse(text) };
}
const json = (body: unknown, path = '/plain') =>
  send(path, typeof body === 'string' ? body : JSON.stringify(body), JSON_TYPE);
const form = (body: string, path = '/plain') => send(path, body, FORM_TYPE);
const got = (reply: Reply) => reply.body.got;

it.each(['/plain', '/filed'])(
  'a caller that breaks off in the middle of %s is no fault of the service',
  async (path) => {
    const broken = Object.assign(new Error('aborted'), { code: 'ECONNRESET' });
    const body = new ReadableStream({ pull: (controller) => controller.error(broken) });
    t.lines.length = 0;
    const response = await t.app.request(path, {
      method: 'POST',
      headers: { 'content-type': JSON_TYPE },
      body,
      duplex: 'half',
    } as RequestInit);
    expect(response.status).toBe(400);
    expect(t.lines.filter(({ level }) => level === 'error')).toEqual([]);
  },
);

const refusal = (field: string) => ({
  status: 400,
  body: { code: 'VALIDATION_FAILED', details: { [field]: expect.any(String) } },
});

describe('a body', () => {
  it.each(['/plain', '/filed'])('to %s that is JSON under the type of a form is told so', async (path) => {
    expect(await send(path, ' {"to":"1"}', FORM_TYPE)).toMatchObject({
      status: 400,
      body: {
        code: 'VALIDATION_FAILED',
        details: { body: 'is JSON, but its Content-Type is application/x-www-form-urlencoded' },
        hint: 'Send the header Content-Type: application/json.',
      },
    });
  });

  it.each([
    ['/plain', 256 * 1024],
    ['/filed', 1024 * 1024],
  ])('to %s has at most %d bytes that are no file', async (path, max) => {
    const fields = (size: number) => `{"to":"1"${' '.repeat(size - 10)}}`;
    expect(await json(fields(max), path)).toMatchObject({ status: 200 });
    expect(await json(fields(max + 1), path)).toMatchObject({
      status: 413,
      body: { code: 'BODY_TOO_LARGE' },
    });
  });

  it('may hold a file of 16 MB where the route takes one', async () => {
    const file = `data:text/plain;base64,${'QUJD'.repeat(3_900_000)}`;
    expect(await json({ file }, '/filed')).toMatchObject({ status: 200 });
    expect(await json({ file }, '/plain')).toMatchObject({ status: 413 });
  });

  it.each<[string, string | undefined, string?]>([
    ['lists', `{"fields":${'['.repeat(100)}${']'.repeat(100)}}`],
    ['objects', `${'{"fields":'.repeat(100)}1${'}'.repeat(100)}`],
    ['lists without an end', `{"fields":${'['.repeat(200_000)}`],
    ['values', `{"fields":[${'1,'.repeat(60_000)}1]}`],
    ['names', `{"fields":{${Array.from({ length: 15_000 }, (_, i) => `"${i}":1`).join(',')}}}`],
    ['nested fields of a form', undefined, `fields${'[a]'.repeat(40)}=1`],
    ['fields of a form', undefined, 'a=1&'.repeat(1_001)],
  ])('has not too many %s', async (_what, text, fields) => {
    const reply = text === undefined ? await form(fields ?? '') : await json(text);
    expect(reply).toMatchObject({ status: 400, body: { code: 'VALIDATION_FAILED' } });
  });

  it('takes what a large but honest request has', async () => {
    const fields = Object.fromEntries(Array.from({ length: 200 }, (_, i) => [`column ${i}`, 'value']));
    expect(got(await json({ fields }))).toEqual({ fields });
  });

  it('is UTF-8, as JSON and as a form', async () => {
    const latin1 = Buffer.from('{"to":"José"}', 'latin1');
    expect(await send('/plain', latin1, JSON_TYPE)).toMatchObject(refusal('body'));
    expect(await send('/filed', latin1, JSON_TYPE)).toMatchObject(refusal('body'));
    expect(await send('/plain', Buffer.from('to=José', 'latin1'), FORM_TYPE)).toMatchObject(refusal('body'));
    expect(await form('to=Jos%E9')).toMatchObject(refusal('body'));
    expect(got(await form('to=Jos%C3%A9+1'))).toEqual({ to: 'José 1' });
    expect(got(await json('\ufeff{"to":"José"}'))).toEqual({ to: 'José' });
  });

  it('holds no half characters, and neither does an answer', async () => {
    const body = String.raw`{"to":"a\ud83d","fields":{"\uDE00b":["\ud83d\ude00","\\ud83d"]}}`;
    expect(got(await json(body))).toEqual({
      to: 'a\ufffd',
      fields: { '\ufffdb': ['😀', String.raw`\ud83d`] },
    });
    const { text } = await t.call('/halved');
    expect(JSON.parse(text)).toEqual({
      success: true,
      text: 'x\ufffd',
      'x\ufffd': ['\\ud83d', '😀', '\ufffd'],
    });
  });

  it('that is compressed is told so, not called unreadable', async () => {
    for (const [path, type] of [
      ['/plain', JSON_TYPE],
      ['/filed', JSON_TYPE],
      ['/plain', FORM_TYPE],
    ] as const) {
      const headers = { 'content-type': type, 'content-encoding': 'gzip' };
      const response = await t.app.request(path, { method: 'POST', headers, body: gzipSync('{"to":"1"}') });
      expect([path, response.status]).toEqual([path, 415]);
      expect(await response.json()).toMatchObject({
        message: expect.stringContaining('without Content-Encoding: gzip'),
      });
    }
  });

  it('of another type is told so', async () => {
    for (const type of ['text/plain', 'application/xml', 'multipart/form-data; boundary=x']) {
      expect(await send('/plain', 'to=1', type)).toMatchObject({ status: 415 });
    }
  });
});

describe('lengths are looked at first', () => {
  it('before refinements and patterns', async () => {
    const word = 'x'.repeat(80_000);
    expect(await json({ word, code: word, words: [word] })).toMatchObject({
      status: 400,
      body: { details: { word: 'must have at most 5 characters', code: 'must have at most 10 characters' } },
    });
    expect(seen).toEqual([]);
  });

  it('before a list is looked into', async () => {
    const reply = await json({ words: Array.from({ length: 4 }, () => 'a') });
    expect(reply).toMatchObject({ status: 400, body: { details: { words: 'must have at most 3 items' } } });
    expect(seen).toEqual([]);
    expect(await json({ rows: Array.from({ length: 40_000 }, () => ({})) })).toMatchObject(refusal('rows'));
  });

  it('of names, too', async () => {
    expect(await json({ fields: { ['n'.repeat(201)]: 1 } })).toMatchObject({ status: 400 });
    expect(await json(`{"fields":{"__proto__":{"to":"1"}}}`)).toMatchObject({ status: 400 });
  });

  it('and an answer tells some of many reasons', async () => {
    const rows = [{}, {}, {}];
    const reply = await json({ rows, words: [1, 2, 3].map(() => ({})) });
    expect(Object.keys(Object(reply.body.details)).length).toBeGreaterThan(5);
  });
});

describe('values', () => {
  it('may be numbers where a text is meant', async () => {
    const body = { to: 6281234567890, code: 123456, rows: [{ id: 1, text: 2.5 }], either: 7 };
    expect(got(await json(body))).toEqual({
      to: '6281234567890',
      code: '123456',
      rows: [{ id: '1', text: '2.5' }],
      either: 7,
    });
    // JSON has lost its last digits.
    expect(await json('{"to":123456789012345678901}')).toMatchObject(refusal('to'));
  });

  it('may be texts where a number is meant', async () => {
    expect(got(await json({ hours: '24', share: ' -1.5 ', either: '7' }))).toEqual({
      hours: 24,
      share: -1.5,
      either: '7',
    });
    for (const hours of ['', 'x', '1e1', '0x10', '24h', 'Infinity']) {
      expect(await json({ hours }), hours).toMatchObject(refusal('hours'));
    }
  });

  it('of a form are read as the schema wants them', async () => {
    const fields =
      'to=%2B62+812&hours=24&ptt=true&words=a&rows[0][id]=1&rows[0][text]=Ya&rows[1][id]=2&rows[1][text]=No' +
      '&place[lat]=-6.2&place[name]=Jakarta&fields[toString]=x&fields[a][b]=c&unknown=1';
    expect(got(await form(fields))).toEqual({
      to: '+62 812',
      hours: 24,
      ptt: true,
      words: ['a'],
      rows: [
        { id: '1', text: 'Ya' },
        { id: '2', text: 'No' },
      ],
      place: { lat: -6.2, name: 'Jakarta' },
      fields: { toString: 'x', a: { b: 'c' } },
    });
    expect(got(await form('words[]=a&words[]=b&ptt=0'))).toEqual({ words: ['a', 'b'], ptt: false });
    expect(got(await form('words=a&words=b'))).toEqual({ words: ['a', 'b'] });
    expect(got(await form('rows=[{"id":"1","text":"Ya"}]'))).toEqual({ rows: [{ id: '1', text: 'Ya' }] });
    expect(got(await form('fields[x]=1&fields[y][]=2', '/filed'))).toEqual({ fields: { x: '1', y: ['2'] } });
    expect(await form('to=1&to[a]=2')).toMatchObject(refusal('body'));
    expect(got(await form(''))).toEqual({});
  });

  it.each(['/plain', '/filed'])(
    'of a form to %s keep a space that may stand before a number at home',
    async (path) => {
      for (const written of [' 812-3456-7890', ' 81234567890', ' 8123-4567', ' 31 555 0123']) {
        const { to } = Object(got(await form(`to=${written.replaceAll(' ', '+')}`, path)));
        expect([written, readPhone(to, 'ID')]).toEqual([written, readPhone(written.trim(), 'ID')]);
      }
      expect(got(await form('to=+62+812-3456-7890', path))).toMatchObject({ to: '+62 812-3456-7890' });
    },
  );

  it('of a multipart form lose no plus, so that a space is one', async () => {
    for (const written of [' 812-3456-7890', ' 62 812-3456-7890', '+62 812-3456-7890']) {
      const body = new FormData();
      body.set('to', written);
      const response = await t.app.request('/filed', { method: 'POST', body });
      expect(await response.json()).toMatchObject({ got: { to: written } });
    }
  });

  it('of a form change no prototype', async () => {
    for (const name of [
      '__proto__[to]',
      'constructor[prototype][to]',
      'fields[constructor]',
      'to[__proto__]',
    ]) {
      const { status } = await form(`${encodeURIComponent(name)}=6281`);
      expect(status).toBeLessThan(500);
    }
    expect(Reflect.get({}, 'to')).toBeUndefined();
  });
});

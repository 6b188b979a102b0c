import { expect, test } from 'vitest';
import { liftDataUrls } from '../../src/middlewares/lift-data-urls.ts';

/** The JSON that is left and the URLs that were taken out of it, when the text comes in pieces of `size` bytes. */
async function lift(text: string, size: number, maxBytes = 10_000) {
  const bytes = Buffer.from(text);
  async function* pieces() {
    for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
  }
  const urls: Record<string, string> = {};
  const rest = await liftDataUrls(
    pieces(),
    ['image', 'file'],
    async (field, url) => {
      let read = '';
      for await (const piece of url) read += piece;
      urls[field] = read;
    },
    maxBytes,
  );
  return { rest: Buffer.from(rest).toString(), urls };
}

const SIZES = [1, 2, 3, 7, 1_000];
const long = `data:image/png;base64,${'QUJD'.repeat(20_000)}`;

test.each(SIZES)('takes the URLs of its fields out, in pieces of %d bytes', async (size) => {
  const body = { to: '62', image: long, caption: 'a "quoted" \\ text with data: in it', file: 'data:,x' };
  const { rest, urls } = await lift(JSON.stringify(body), size);
  expect(urls).toEqual({ image: long, file: 'data:,x' });
  expect(JSON.parse(rest)).toEqual({ ...body, image: '', file: '' });
});

test.each(SIZES)('reads escapes as JSON does, in pieces of %d bytes', async (size) => {
  const { rest, urls } = await lift(
    '{"image" : "DATA:image\\/png;base64,AA\\u002b\\u002F==" , "x":[1]}',
    size,
  );
  expect(urls).toEqual({ image: 'data:image/png;base64,AA+/==' });
  expect(JSON.parse(rest)).toEqual({ image: '', x: [1] });
});

test.each([
  '{"image":"https://example.com/data:"}',
  '{"image":"dat"}',
  '{"image":""}',
  '{"image":{"image":"data:,a"}}',
  '{"list":["image","data:,a"],"other":"data:,b"}',
  '{"caption":"image","text":"\\"image\\":\\"data:,c\\""}',
  '[{"image":"data:,a"}]',
  '{"image":null,"im\\u0061ge":"x"}',
])('leaves alone what is no such field: %s', async (text) => {
  for (const size of SIZES) expect(await lift(text, size)).toEqual({ rest: text, urls: {} });
});

test('what is left has a limit, what is taken out has none here', async () => {
  const text = JSON.stringify({ image: long, caption: 'x'.repeat(200) });
  await expect(lift(text, 100, 1_000)).resolves.toMatchObject({ urls: { image: long } });
  await expect(lift(text, 100, 100)).rejects.toMatchObject({ code: 'BODY_TOO_LARGE' });
});

test('a failure of whoever takes the URL ends the reading with it, at once and later', async () => {
  async function* endless() {
    yield Buffer.from('{"image":"data:,');
    for (;;) yield Buffer.alloc(65_536, 97);
  }
  const refuse = async () => {
    throw new Error('refused');
  };
  await expect(liftDataUrls(endless(), ['image'], refuse, 100)).rejects.toThrow('refused');
  const readSome = async (_field: string, url: AsyncIterable<Buffer>) => {
    let bytes = 0;
    for await (const piece of url) {
      bytes += piece.length;
      if (bytes > 1_000_000) throw new Error('too large');
    }
  };
  await expect(liftDataUrls(endless(), ['image'], readSome, 100)).rejects.toThrow('too large');
});

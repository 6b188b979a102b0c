/** What reads requests takes anything: it answers with a value or with a failure of its own, and never breaks. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { z } from 'zod';
import { liftDataUrls } from '../../src/middlewares/lift-data-urls.ts';
import { fitted } from '../../src/utils/fit-input.ts';
import { parseFormFields } from '../../src/utils/form-fields.ts';
import {
  decodeUtf8,
  parseJson,
  toJsonText,
  toSharedJsonText,
  UnreadableText,
  wholeCharacters,
} from '../../src/utils/json.ts';

const RUNS = { numRuns: 1_000 };
const anyText = fc.string({ unit: 'binary' });
/** Names that other objects have, and pieces that mean something to a form. */
const formPieces = fc.constantFrom(
  'a',
  'b',
  '0',
  '[',
  ']',
  '[]',
  '=',
  '&',
  '%41',
  '%',
  '+',
  '__proto__',
  'constructor',
  'é',
);
const halves = fc.string({ unit: fc.constantFrom('a', '\ud83d', '\ude00', '\\', 'u', '"', '\\ud83d', '😀') });

/** The value, or null for a failure that was foreseen. */
function tried<R>(work: () => R): R | null {
  try {
    return work();
  } catch (error) {
    expect(error).toBeInstanceOf(UnreadableText);
    return null;
  }
}

test('what many are told is made into text once', () => {
  let reads = 0;
  const told = {
    get text() {
      reads++;
      return 'half \ud83d';
    },
  };
  const texts = [1, 2, 3].map(() => toSharedJsonText(told));
  expect(new Set(texts)).toEqual(new Set(['{"text":"half \ufffd"}']));
  expect(reads).toBe(1);
  expect([toSharedJsonText(null), toSharedJsonText(7)]).toEqual(['null', '7']);
});

test('bytes are UTF-8 or refused', () => {
  const property = fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
    const text = tried(() => decodeUtf8(bytes));
    if (text !== null && text !== '')
      expect(Buffer.from(text)).toEqual(Buffer.from(bytes).subarray(-Buffer.byteLength(text)));
  });
  fc.assert(property, RUNS);
});

test('JSON is read as JSON.parse reads it, but for halves of characters', () => {
  const property = fc.property(fc.oneof(fc.json(), anyText, halves), (text) => {
    const decoded = wholeCharacters(text);
    const read = tried(() => parseJson(decoded));
    if (read !== null) expect(read).toEqual(JSON.parse(toJsonText(JSON.parse(decoded))));
  });
  fc.assert(property, RUNS);
});

test('what is written as JSON is whole, and reads as what was meant', () => {
  const property = fc.property(fc.dictionary(halves, fc.array(halves)), (value) => {
    const text = toJsonText(value);
    expect(parseJson(text)).toEqual(parseJson(JSON.stringify(value)));
    expect(text).not.toMatch(/(?<!\\)(?:\\\\)*\\ud[89a-f]/);
  });
  fc.assert(property, RUNS);
});

test('forms are fields or refused, and change no prototype', () => {
  const texts = fc.array(formPieces, { maxLength: 40 }).map((pieces) => pieces.join(''));
  const property = fc.property(fc.oneof(texts, anyText), (text) => {
    const fields = tried(() => parseFormFields(text));
    if (fields !== null) expect(Object.getPrototypeOf(fields)).toBe(Object.prototype);
    expect(Object.keys(Object.prototype)).toEqual([]);
  });
  fc.assert(property, RUNS);
});

test('a form that was written from fields reads as those fields', () => {
  const name = fc.stringMatching(/^[a-z]{1,8}$/);
  const property = fc.property(
    fc.dictionary(name, fc.oneof(fc.string(), fc.array(fc.string(), { minLength: 1 }))),
    (fields) => {
      const pairs = Object.entries(fields).flatMap(([key, value]) =>
        Array.isArray(value)
          ? value.map((one) => `${key}[]=${encodeURIComponent(one)}`)
          : [`${key}=${encodeURIComponent(value)}`],
      );
      expect(parseFormFields(pairs.join('&'))).toEqual({ ...fields });
    },
  );
  fc.assert(property, RUNS);
});

const Everything = z.object({
  text: z.string().max(5).optional(),
  count: z.int().optional(),
  flag: z.boolean().optional(),
  list: z
    .array(z.object({ id: z.string().max(3) }))
    .max(2)
    .optional(),
  either: z.union([z.string().max(3), z.number(), z.array(z.string()).max(2)]).optional(),
  record: z.record(z.string(), z.unknown()).optional(),
});

test('what a schema accepts, it accepts after fitting; nothing breaks it', () => {
  const schemas = [fitted(Everything, 'json'), fitted(Everything, 'form')];
  const keys = fc.constantFrom(
    'text',
    'count',
    'flag',
    'list',
    'either',
    'record',
    '__proto__',
    'constructor',
  );
  const property = fc.property(fc.dictionary(keys, fc.jsonValue()), (input) => {
    for (const schema of schemas) {
      const before = Everything.safeParse(input);
      const after = schema.safeParse(input);
      if (before.success && !Object.hasOwn(Object(input.record), '__proto__'))
        expect(after.success).toBe(true);
    }
  });
  fc.assert(property, RUNS);
});

test('a body gives up its data: URLs wherever its pieces are cut', async () => {
  const property = fc.asyncProperty(
    anyText,
    fc.string(),
    fc.integer({ min: 1, max: 50 }),
    async (caption, file, size) => {
      const url = `data:text/plain,${file}`;
      const bytes = Buffer.from(JSON.stringify({ caption, image: url }));
      async function* pieces() {
        for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
      }
      const taken: string[] = [];
      const rest = await liftDataUrls(
        pieces(),
        ['image'],
        async (_field, stream) => {
          const parts: Buffer[] = [];
          for await (const part of stream) parts.push(Buffer.from(part));
          taken.push(Buffer.concat(parts).toString());
        },
        100_000,
      );
      expect(taken).toEqual([wholeCharacters(url)]);
      expect(parseJson(decodeUtf8(rest))).toEqual({ caption: wholeCharacters(caption), image: '' });
    },
  );
  await fc.assert(property, RUNS);
});

/** What WhatsApp is asked about people: once for the same, and not again for a while. */
import { expect, it } from 'vitest';
import { createAnswerBook } from '../../src/services/people/answers.ts';
import { AppError } from '../../src/utils/errors.ts';
import { createFakeClock } from '../helpers/clock.ts';

const KEEP_MS = 60_000;

function world(max = 10) {
  const clock = createFakeClock();
  const book = createAnswerBook<string>({ keepMs: KEEP_MS, max });
  const asked: string[] = [];
  let answer = async (): Promise<string> => 'one';
  return {
    clock,
    book,
    asked,
    answers(next: () => Promise<string>) {
      answer = next;
    },
    find: (question: string) =>
      book.find({ clock }, question, () => {
        asked.push(question);
        return answer();
      }),
  };
}

it('is one question for all who ask the same at a time, and for as long as its answer is kept', async () => {
  const { clock, asked, answers, find } = world();
  let tell = (_text: string) => {};
  answers(() => new Promise((resolve) => (tell = resolve)));
  const all = Array.from({ length: 100 }, () => find('ayu'));
  expect(asked).toEqual(['ayu']);
  const askedAt = clock.now();
  tell('one');
  expect(new Set((await Promise.all(all)).map(({ value }) => value))).toEqual(new Set(['one']));
  answers(async () => 'two');
  await clock.advance(KEEP_MS - 1);
  asked.length = 0;
  expect(await find('ayu')).toEqual({ value: 'one', askedAt });
  expect(asked).toEqual([]);
  await clock.advance(1);
  expect(await find('ayu')).toEqual({ value: 'two', askedAt: clock.now() });
});

it('is not asked again within a minute where WhatsApp did not answer, but is where it was not asked', async () => {
  const { clock, asked, answers, find } = world();
  const fails = (error: Error) => {
    answers(async () => {
      throw error;
    });
    return expect(find('a')).rejects.toBe(error);
  };
  await fails(new AppError('RATE_LIMITED', 'our own limit'));
  await fails(new AppError('NOT_CONNECTED', 'no socket'));
  await fails(new Error('a fault in here'));
  await fails(new AppError('UNAVAILABLE', 'no answer'));
  expect(asked).toHaveLength(4);
  answers(async () => 'one');
  await expect(find('a')).rejects.toMatchObject({ code: 'UNAVAILABLE' });
  await clock.advance(60_000);
  expect((await find('a')).value).toBe('one');
  expect(asked).toHaveLength(5);
});

it('does not keep what was asked before it changed, nor more answers than it has room for', async () => {
  const { book, asked, answers, find } = world(2);
  let tell = (_text: string) => {};
  answers(() => new Promise((resolve) => (tell = resolve)));
  const before = find('a');
  book.forget('a');
  tell('old');
  expect((await before).value).toBe('old');
  answers(async () => 'new');
  expect((await find('a')).value).toBe('new');
  for (const question of ['b', 'c', 'a']) await find(question);
  expect(asked).toEqual(['a', 'a', 'b', 'c', 'a']);
});

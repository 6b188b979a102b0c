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

it('is not asked again within a minute where WhatsApp refused it, but is after a failure of this moment', async () => {
  const { clock, asked, answers, find } = world();
  const fails = (error: Error) => {
    answers(async () => {
      throw error;
    });
    return expect(find('a')).rejects.toBe(error);
  };
  const ofThisMoment = [
    ...(['RATE_LIMITED', 'NOT_CONNECTED', 'SESSION_NOT_FOUND', 'UNAVAILABLE', 'INTERNAL'] as const),
    ...(['QUOTA_EXCEEDED', 'FILE_TOO_LARGE', 'FILE_INFECTED', 'UNSUPPORTED_MEDIA'] as const),
  ];
  for (const code of ofThisMoment) await fails(new AppError(code, 'of this moment'));
  await fails(new Error('a fault in here'));
  await fails(new AppError('NOT_FOUND', 'WhatsApp knows nothing of this.', { details: { whatsapp: 404 } }));
  expect(asked).toHaveLength(ofThisMoment.length + 2);
  answers(async () => 'one');
  await expect(find('a')).rejects.toMatchObject({ code: 'NOT_FOUND' });
  await clock.advance(60_000);
  expect((await find('a')).value).toBe('one');
  expect(asked).toHaveLength(ofThisMoment.length + 3);
});

it('keeps no more answers than it has room for', async () => {
  const { asked, find } = world(2);
  for (const question of ['a', 'b', 'c', 'a']) await find(question);
  expect(asked).toEqual(['a', 'b', 'c', 'a']);
});

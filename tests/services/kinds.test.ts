import { expect, it } from 'vitest';
import { reaction } from '../../src/services/messages/kinds/reaction.ts';

const accepts = (emoji: string) => reaction.fields.emoji.safeParse(emoji).success;

it('a reaction is one character as a person counts, or none', () => {
  for (const one of ['', '👍', '👍🏽', '👨‍👩‍👧‍👦', '🇮🇩', 'a']) expect(accepts(one), one).toBe(true);
  for (const more of ['👍👍', 'ab', '👍 ', '👍'.repeat(33)]) expect(accepts(more), more).toBe(false);
});

it('a reaction of many megabytes is refused without being taken apart', () => {
  expect(accepts('👍'.repeat(8_000_000))).toBe(false);
});

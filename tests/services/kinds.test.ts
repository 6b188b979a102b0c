import { expect, it } from 'vitest';
import { reaction } from '../../src/services/messages/kinds/reaction.ts';
import { firstLink } from '../../src/services/messages/link-preview.ts';

const accepts = (emoji: string) => reaction.fields.emoji.safeParse(emoji).success;

it('a reaction is one character as a person counts, or none', () => {
  for (const one of ['', '👍', '👍🏽', '👨‍👩‍👧‍👦', '🇮🇩', 'a']) expect(accepts(one), one).toBe(true);
  for (const more of ['👍👍', 'ab', '👍 ', '👍'.repeat(33)]) expect(accepts(more), more).toBe(false);
});

it.each([
  ['see https://example.com/a?b=1.', 'https://example.com/a?b=1'],
  ['(HTTP://example.com/x), and https://other.example', 'HTTP://example.com/x'],
  ['*https://example.com*', 'https://example.com'],
  ['https://example.com/{{code}} for {name}', null],
  ['https://example.com/{name}', null],
  ['https://', null],
  ['example.com', null],
  [`https://example.com/${'a'.repeat(3_000)}`, null],
])('the link of "%s" is %s', (text, link) => {
  expect(firstLink(text)).toBe(link);
});

it('a reaction of many megabytes is refused without being taken apart', () => {
  expect(accepts('👍'.repeat(8_000_000))).toBe(false);
});

import { describe, expect, it } from 'vitest';
import { createRenderer } from '../../src/services/campaigns/render-content.ts';
import { namedIn } from '../../src/services/messages/kinds/mentions.ts';
import { reaction } from '../../src/services/messages/kinds/reaction.ts';
import { firstLink } from '../../src/services/messages/link-preview.ts';
import { cpuMsOf } from '../helpers/cpu-time.ts';

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
  ['https:// or https://{ or rather https://example.com/x', null],
  ['https:// or https://: or rather https://example.com/x', 'https://example.com/x'],
  ['(https://en.example.org/wiki/Tea_(meal))', 'https://en.example.org/wiki/Tea_(meal)'],
  ['[https://example.com/[a]], see', 'https://example.com/[a]'],
  ['https://example.com/a).', 'https://example.com/a'],
  ['example.com', null],
  [`https://example.com/${'a'.repeat(3_000)}`, null],
])('the link of "%s" is %s', (text, link) => {
  expect(firstLink(text)).toBe(link);
});

it('many links that are none cost little', async () => {
  const text = `${'https://[ '.repeat(6_500)}https://example.com/x`;
  const tookMs = await cpuMsOf(() => {
    expect(firstLink(text)).toBe('https://example.com/x');
    expect(firstLink(`${`https://${'%'.repeat(2_000)} `.repeat(30)}`)).toBeNull();
  });
  expect(tookMs).toBeLessThan(500);
});

describe('of a campaign', () => {
  const preview = { url: 'https://toko.example', title: 'Toko' };
  const rendered = (text: string, fields: Record<string, string> = {}) => {
    const render = createRenderer({ type: 'text', text, preview }, 'seed');
    const made = render({ phone: '6281234567890', name: null, fields, position: 1 });
    return typeof made === 'string' ? made : made.content;
  };

  it('a recipient whose text links to another page first gets no preview of this one', () => {
    const own = 'See {link|https://toko.example}';
    expect(rendered(own)).toEqual({ type: 'text', text: 'See https://toko.example', preview });
    for (const link of ['https://toko.example/vip', 'https://other.example', 'nothing']) {
      expect(rendered(own, { link })).toEqual({ type: 'text', text: `See ${link}` });
    }
  });

  it('so does one whose alternative has no link', () => {
    const texts = ['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h'].map((seed) => {
      const text = '{{Halo|Lihat https://toko.example}}';
      const made = createRenderer(
        { type: 'text', text, preview },
        seed,
      )({
        ...{ phone: '6281234567890', name: null, fields: {}, position: 1 },
      });
      return typeof made === 'string' ? made : made.content;
    });
    expect(texts).toContainEqual({ type: 'text', text: 'Halo' });
    expect(texts).toContainEqual({ type: 'text', text: 'Lihat https://toko.example', preview });
  });
});

it('a thousand people are named in pieces, with turns of the loop between', async () => {
  const mentions = Array.from({ length: 1_024 }, (_, i) => `+62812${String(10_000_000 + i)}`);
  let turns = 0;
  let done = false;
  const count = () => {
    turns++;
    if (!done) setImmediate(count);
  };
  setImmediate(count);
  const named = await namedIn({ mentions: [...mentions, '@all'] }, 'ID');
  done = true;
  expect(named.mentions).toHaveLength(1_024);
  expect(named.mentionAll).toBe(true);
  expect(turns).toBeGreaterThanOrEqual(5);
  await expect(namedIn({ mentions: ['12036304@g.us'] }, 'ID')).rejects.toMatchObject({
    code: expect.stringMatching(/^(?:VALIDATION_FAILED|INVALID_NUMBER)$/),
  });
});

it('a reaction of many megabytes is refused without being taken apart', () => {
  expect(accepts('👍'.repeat(8_000_000))).toBe(false);
});

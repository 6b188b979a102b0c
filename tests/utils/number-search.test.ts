import { expect, it } from 'vitest';
import { toSearchedNumber } from '../../src/services/number-search.ts';

it.each([
  ['0029', '0029'],
  ['029', '029'],
  ['000029', '000029'],
  ['0812', '0812'],
  ['08123', '8123'],
  ['0812-3456', '8123456'],
  ['(0812) 3456', '8123456'],
  ['0000 0029', '00000029'],
  ['00 29', '0029'],
  ['0062812', '0062812'],
  ['00 62 812-34', '6281234'],
  ['+62 812', '62812'],
  ['٠٨١٢٣', '8123'],
  ['0', '0'],
  ['budi', null],
  ['62812x', null],
  ['-', null],
])('%s is searched as a part %s', (text, part) => {
  expect(toSearchedNumber(text, 'ID').part).toBe(part);
});

it.each(['0812-3456-7890', '+62 812-3456-7890', '6281234567890@s.whatsapp.net'])(
  '%s is searched as a whole number',
  (text) => {
    expect(toSearchedNumber(text, 'ID').whole).toEqual(['6281234567890']);
  },
);

it('a text that may be either of two numbers is searched as both', () => {
  expect(toSearchedNumber('(415) 555-2671', 'ID').whole.sort()).toEqual(['14155552671', '624155552671']);
  expect(toSearchedNumber('812-3456-7890', 'ID').whole.sort()).toEqual(['6281234567890', '81234567890']);
});

it('a text that no number is as long as is none', () => {
  expect(toSearchedNumber('0'.repeat(401), 'ID')).toEqual({ part: null, whole: [] });
});

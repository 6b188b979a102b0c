/** Lines of CSV as RFC 4180 has them. */
import { expect, it } from 'vitest';
import { csvLines } from '../../src/utils/csv.ts';

it('writes each value, nothing for null, and a line break after every line', () => {
  expect(csvLines([['a', 1, true, false, null, ''], ['b']])).toBe('a,1,true,false,,\r\nb\r\n');
  expect(csvLines([])).toBe('');
});

it('quotes separators, quotes and line breaks of every kind', () => {
  expect(csvLines([['a,b', 'say "x"', 'one\ntwo', 'one\rtwo', 'one\r\ntwo', ' c ']])).toBe(
    '"a,b","say ""x""","one\ntwo","one\rtwo","one\r\ntwo", c \r\n',
  );
});

it('lets no cell be a formula', () => {
  expect(csvLines([['=1+1', '+6281234567890', '-5', '@x']])).toBe("'=1+1,+6281234567890,-5,'@x\r\n");
});

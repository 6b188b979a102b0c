/** Exports run nothing in a spreadsheet, whatever its separator, and are read back as they were. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { foldColumn } from '../../src/services/contacts/columns.ts';
import { fromSafeCell, toSafeCell } from '../../src/utils/csv.ts';
import { own } from '../../src/utils/own.ts';

describe('a cell', () => {
  it.each([
    ['=1+1', "'=1+1"],
    ['@SUM(A1)', "'@SUM(A1)"],
    ['\t=1', "'\t'=1"],
    ['＝1+1', "'＝1+1"],
    ['x;=1+1', "x;'=1+1"],
    ['x; "=cmd|calc"', `x; "'=cmd|calc"`],
    ['x\n-2+3', "x\n'-2+3"],
    ['x|@y', "x|'@y"],
    ['+6281234567890', '+6281234567890'],
    ['-5,25', '-5,25'],
    ['a;+6281234567890;-7', 'a;+6281234567890;-7'],
    ['a - b = c', 'a - b = c'],
  ])('%j is written %j', (text, safe) => {
    expect(toSafeCell(text)).toBe(safe);
    expect(fromSafeCell(safe)).toBe(text);
  });

  const texts = fc
    .array(fc.constantFrom('=', '+', '-', '@', ';', '|', '\t', '\n', ' ', '"', 'a', '1', '.'))
    .map((list) => list.join(''));
  it('begins no formula at any separator', () => {
    fc.assert(
      fc.property(texts, (text) => {
        for (const separator of [';', '|', '\t', '\n']) {
          const cells = String(toSafeCell(text)).split(separator);
          for (const cell of cells) {
            const begin = cell.replaceAll('"', '').trimStart();
            if (/^[=+\-@]/.test(begin)) expect(begin).toMatch(/^[+-]\d+(?:[.,]\d+)?(?:[;|\t\r\n]|$)/);
          }
        }
      }),
      { numRuns: 1_000 },
    );
  });
});

it('names that every object has name nothing in a table', () => {
  for (const name of ['constructor', 'toString', '__proto__', 'valueOf'])
    expect(own({ a: 1 }, name)).toBeUndefined();
  expect(own({ a: 1 }, 'a')).toBe(1);
  expect(foldColumn('to String')).toBe('tostring');
});

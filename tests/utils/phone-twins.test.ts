import { describe, expect, it } from 'vitest';
import { isFormer, toCurrent, twinOf } from '../../src/utils/phone/former.ts';

/** [before, today] */
const TWINS = [
  ['5215512345678', '525512345678'],
  ['541123456789', '5491123456789'],
  ['554789211984', '5547989211984'],
  ['551187654321', '5511987654321'],
  ['22507123456', '2250707123456'],
  ['22505123456', '2250505123456'],
  ['22501123456', '2250101123456'],
  ['22548123456', '2250748123456'],
  ['22997123456', '2290197123456'],
] as const;

describe('two spellings of one subscriber', () => {
  it.each(TWINS)('%s is %s', (before, today) => {
    expect(twinOf(before)).toBe(today);
    expect(twinOf(today)).toBe(before);
    expect(toCurrent(before)).toBe(today);
    expect(toCurrent(today)).toBe(today);
  });

  it.each([
    '6281234567890',
    '551123456789', // a line of Brazil never got a 9
    '5511923456789', // and a 9 before 2 to 5 was no number of eight digits
    '2252720123456',
    '22981123456', // a service of Bénin, which keeps its eight digits
    '14155552671',
    '525',
  ])('%s has one', (digits) => {
    expect(twinOf(digits)).toBeNull();
    expect(toCurrent(digits)).toBe(digits);
  });

  it('knows the lengths of plans that ended, not every length', () => {
    expect(isFormer('22997123456')).toBe(true);
    expect(isFormer('229971234')).toBe(false);
    expect(isFormer('520512345678')).toBe(false);
    expect(isFormer('62812')).toBe(false);
    for (const digits of ['2289012345', '248512345', '253612345', '26577123456', '99555123456']) {
      expect([digits, isFormer(digits)]).toEqual([digits, true]);
    }
    // Their plans have changed before June 2011, or never.
    for (const digits of ['2356123456', '2577912345', '2686123456']) {
      expect([digits, isFormer(digits)]).toEqual([digits, false]);
    }
  });
});

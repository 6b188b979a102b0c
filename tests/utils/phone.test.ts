import { describe, expect, it } from 'vitest';
import { AppError } from '../../src/utils/errors.ts';
import { formatE164, kindOfBare, normalizeGroup, normalizePhone, readPhone } from '../../src/utils/phone.ts';

describe('normalizePhone', () => {
  it.each([
    ['08123456789', '628123456789'],
    ['+62 812-3456-789', '628123456789'],
    ['0062 812 3456 789', '628123456789'],
    ['6281234567890', '6281234567890'],
    ['+6281234567890', '6281234567890'],
    ['(0812) 3456-7890', '6281234567890'],
    ['628123456789@s.whatsapp.net', '628123456789'],
    ['628123456789:12@s.whatsapp.net', '628123456789'],
    ['628123456789@c.us', '628123456789'],
    ['15550001111', '15550001111'],
    ['+1 (555) 000-1111', '15550001111'],
    ['+44 7911 123456', '447911123456'],
    ['85291234567', '85291234567'],
    ['819012345678', '819012345678'],
    ['6591234567', '6591234567'],
    ['8123456789', '628123456789'],
    ['6.281234567890E+12', '6281234567890'],
    ['+6281377074494;ext=1', '6281377074494'],
    ['+62 (0)812 3456 789', '628123456789'],
    ['011 44 7911 123456', '447911123456'],
    ['tel:8123456789;phone-context=+62', '628123456789'],
    ['+54 11 15-2345-6789', '5491123456789'],
    ['５２１５５１２３４５６７８', '5215512345678'],
  ])('reads %s as %s in Indonesia', (input, digits) => {
    expect(normalizePhone(input, 'ID')).toBe(digits);
  });

  it('reads national spellings in the default country', () => {
    expect(normalizePhone('(202) 555-0123', 'US')).toBe('12025550123');
    expect(normalizePhone('07911 123456', 'GB')).toBe('447911123456');
  });

  it.each([
    '',
    'abc',
    '12',
    '+62',
    '0',
    '1'.repeat(30),
    '120363041234567890@g.us',
    'x@s.whatsapp.net',
    '628@lid',
    '+'.repeat(70),
  ])('refuses %j', (input) => {
    expect(() => normalizePhone(input, 'ID')).toThrow(expect.objectContaining({ code: 'INVALID_NUMBER' }));
    expect(() => normalizePhone(input, 'ID')).toThrow(AppError);
  });

  it.each([
    ['(415) 555-2671', ['+624155552671', '+14155552671']],
    ['4155552671', ['+624155552671', '+14155552671']],
    ['062812345678', ['+6262812345678', '+62812345678']],
    ['628123456', ['+62628123456', '+628123456']],
    // A mobile at home without its 0, or a line in Japan.
    ['81234567890', ['+6281234567890', '+81234567890']],
    ['812-3456-7890', ['+6281234567890', '+81234567890']],
    ['8.1234567890E+10', ['+6281234567890', '+81234567890']],
    ['٨١٢٣٤٥٦٧٨٩٠', ['+6281234567890', '+81234567890']],
  ])('names the readings of %s', (input, readings) => {
    expect(() => normalizePhone(input, 'ID')).toThrow(
      expect.objectContaining({
        code: 'INVALID_NUMBER',
        message: expect.stringContaining(`Write ${readings.join(' or ')}.`),
        details: { reason: 'ambiguous', readings },
      }),
    );
  });

  it('refuses a number that is whole in two countries, unless its groups tell which', () => {
    expect(() => normalizePhone('6592345678', 'US')).toThrow('Write +16592345678 or +6592345678.');
    expect(normalizePhone('(659) 234-5678', 'US')).toBe('16592345678');
    expect(normalizePhone('65 9234 5678', 'US')).toBe('6592345678');
  });

  it.each([
    ['81234567890', 'either', '6281234567890', '81234567890'],
    ['85291234567', 'either', '6285291234567', '85291234567'],
    ['81234567890.0', 'either', '6281234567890', '81234567890'],
    ['8571234567', 'home', '628571234567', null],
    ['6281234567890', 'international', '6281234567890', '6281234567890'],
    ['6591234567', 'international', '626591234567', '6591234567'],
    ['+6281234567890', null, '6281234567890', '6281234567890'],
    ['081234567890', null, '6281234567890', '6281234567890'],
    ['14155552671', 'international', null, '14155552671'],
  ])('reads %s as it is said that bare numbers are', (input, kind, home, international) => {
    const read = (bare: 'home' | 'international') => {
      const found = readPhone(input, 'ID', bare);
      return 'phone' in found ? found.phone : null;
    };
    expect([kindOfBare(input, 'ID'), read('home'), read('international')]).toEqual([
      kind,
      home,
      international,
    ]);
    const strict = readPhone(input, 'ID', 'strict');
    expect('problem' in strict && strict.problem === 'ambiguous').toBe(kind === 'either');
  });

  it('asks where a number that is complete at home is one abroad too', () => {
    expect(() => normalizePhone('84951234567', 'RU')).toThrow('Write +74951234567 or +84951234567.');
    expect(normalizePhone('8 (495) 123-45-67', 'RU')).toBe('74951234567');
  });

  it.each([
    '+5215512345678',
    '+525512345678',
    '+22507123456',
    '+2250707123456',
    '+22997123456',
    '+2290197123456',
    '+5547989211984',
    '+554789211984',
    '+541123456789',
    '+5491123456789',
    '+2302512345',
    '+689871234',
  ])('takes %s as WhatsApp spells it', (input) => {
    for (const home of ['ID', 'MX', 'BR', 'AR']) expect(normalizePhone(input, home)).toBe(input.slice(1));
  });

  it('keeps what it made when it is given with a plus', () => {
    for (const input of ['08123456789', '15550001111', '+44 7911 123456']) {
      const digits = normalizePhone(input, 'ID');
      expect(normalizePhone(formatE164(digits), 'US')).toBe(digits);
    }
  });
});

describe('normalizeGroup', () => {
  it('takes the JID or the bare id, of new groups and old ones', () => {
    expect(normalizeGroup('120363041234567890')).toBe('120363041234567890@g.us');
    expect(normalizeGroup(' 6281234567890-1600000000@g.us ')).toBe('6281234567890-1600000000@g.us');
  });

  it.each(['abc@g.us', '120363041234567890@s.whatsapp.net', '1@g.us', '1@g.us@g.us', ''])(
    'refuses %j',
    (input) => {
      expect(() => normalizeGroup(input)).toThrow(expect.objectContaining({ code: 'INVALID_NUMBER' }));
    },
  );
});

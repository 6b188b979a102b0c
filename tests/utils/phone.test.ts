import { describe, expect, it } from 'vitest';
import { AppError } from '../../src/utils/errors.ts';
import { formatE164, normalizeGroup, normalizePhone } from '../../src/utils/phone.ts';

describe('normalizePhone', () => {
  it.each([
    ['08123456789', '628123456789'],
    ['+62 812-3456-789', '628123456789'],
    ['0062 812 3456 789', '628123456789'],
    ['6281234567890', '6281234567890'],
    ['+6281234567890', '6281234567890'],
    ['81234567890', '6281234567890'],
    ['(0812) 3456-7890', '6281234567890'],
    ['628123456789@s.whatsapp.net', '628123456789'],
    ['628123456789:12@s.whatsapp.net', '628123456789'],
    ['628123456789@c.us', '628123456789'],
    ['15550001111', '15550001111'],
    ['+1 (555) 000-1111', '15550001111'],
    ['+44 7911 123456', '447911123456'],
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

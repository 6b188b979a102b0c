import fc from 'fast-check';
import {
  type CountryCode,
  getCountries,
  getExampleNumber,
  type PhoneNumber,
  parsePhoneNumberFromString,
} from 'libphonenumber-js/max';
import examples from 'libphonenumber-js/mobile/examples';
import { describe, expect, it } from 'vitest';
import { formatE164, normalizePhone, readPhone } from '../../src/utils/phone.ts';

const COUNTRIES: readonly CountryCode[] = [
  ...[
    'ID',
    'SG',
    'MY',
    'TH',
    'PH',
    'VN',
    'IN',
    'PK',
    'BD',
    'LK',
    'JP',
    'KR',
    'CN',
    'HK',
    'TW',
    'AU',
    'NZ',
    'TR',
  ],
  ...[
    'SA',
    'AE',
    'EG',
    'NG',
    'KE',
    'ZA',
    'CI',
    'BJ',
    'GB',
    'DE',
    'FR',
    'IT',
    'ES',
    'NL',
    'PL',
    'RU',
    'UA',
    'SE',
  ],
  ...['US', 'MX', 'BR', 'AR', 'CO', 'CL', 'PE'],
] as CountryCode[];

const exampleOf = (country: CountryCode): PhoneNumber => {
  const number = getExampleNumber(country, examples);
  if (!number) throw new Error(`no example for ${country}`);
  return number;
};
const inScript = (zero: number, text: string) =>
  text.replace(/\d/g, (digit) => String.fromCodePoint(zero + Number(digit)));
const exponentOf = (digits: string) => `${digits[0]}.${digits.slice(1)}E+${digits.length - 1}`;
const grouped = (number: PhoneNumber) => number.formatInternational();

/** Spellings that mean the same everywhere. */
const SPELLINGS: Record<string, (digits: string, number: PhoneNumber) => string> = {
  plus: (d) => `+${d}`,
  spaces: (_, n) => grouped(n),
  hyphens: (_, n) => grouped(n).replaceAll(' ', '-'),
  dots: (_, n) => grouped(n).replaceAll(' ', '.'),
  'no-break spaces': (_, n) => grouped(n).replaceAll(' ', '\u00A0'),
  'marks of direction': (d) => `\u202A+${d}\u202C`,
  'zero-width spaces': (d) => `\uFEFF+${[...d].join('\u200B')}`,
  'soft hyphens': (d) => `+${[...d].join('\u00AD')}`,
  'Arabic-Indic': (d) => `+${inScript(0x660, d)}`,
  Persian: (d) => `+${inScript(0x6f0, d)}`,
  Devanagari: (d) => `+${inScript(0x966, d)}`,
  'full width': (d) => `\uFF0B${inScript(0xff10, d)}`,
  'mathematical bold': (d) => `+${inScript(0x1d7ce, d)}`,
  '00': (d) => `00${d}`,
  '00 and a plus': (d) => `+00${d}`,
  '00 in Arabic-Indic': (d) => inScript(0x660, `00${d}`),
  '011': (d) => `011${d}`,
  'tel:': (_, n) => n.getURI(),
  'tel: with an extension': (d) => `tel:+${d};ext=12`,
  extension: (_, n) => `${grouped(n)} ext. 5`,
  x5: (d) => `+${d}x5`,
  '#5': (d) => `+${d} #5`,
  'wa.me': (d) => `https://wa.me/${d}?text=Hi%20123`,
  'api.whatsapp.com': (d) => `https://api.whatsapp.com/send?phone=%2B${d}&text=5`,
  JID: (d) => `${d}@s.whatsapp.net`,
  'JID of a device': (d) => `${d}:7@s.whatsapp.net`,
  'c.us': (d) => `${d}@c.us`,
  decimals: (d) => `+${d}.0`,
  'decimal comma': (d) => `+${d},00`,
  exponent: (d) => `+${exponentOf(d)}`,
  apostrophe: (d) => `'+${d}`,
  formula: (d) => `="+${d}"`,
};

/** What is not one number. */
const REFUSED: Record<string, (digits: string) => string> = {
  'text behind': (d) => `+${d} WA`,
  'text before': (d) => `Budi +${d}`,
  'a letter within': (d) => `+${d.slice(0, 6)}O${d.slice(7)}`,
  'a count in brackets': (d) => `+${d.slice(0, -1)} (2)`,
  'a fraction': (d) => `${d}.5`,
  'two numbers': (d) => `+${d}, +${d}`,
  'two numbers without a comma': (d) => `+${d} +${d}`,
  'two numbers in two lines': (d) => `+${d}\n+${d}`,
  'two numbers and a slash': (d) => `+${d}/${d}`,
  'a rounded exponent': (d) => `${d[0]}.${d.slice(1, 4)}E+${d.length - 1}`,
  'a footnote': (d) => `+${d}²`,
  'circled digits': (d) => `+${d}①`,
  'another parameter': (d) => `+${d};5`,
  'a LID': (d) => `${d}@lid`,
  'a group': (d) => `${d}@g.us`,
  'too many digits': (d) => `+${d}00000000`,
  'too few digits': (d) => `+${d.slice(0, 4)}`,
};

describe('the table of spellings', () => {
  it.each(COUNTRIES)('holds for %s', (country) => {
    const number = exampleOf(country);
    const digits = number.number.slice(1);
    const read = (text: string, home = 'ID') => readPhone(text, home);
    for (const [name, spell] of Object.entries(SPELLINGS)) {
      const text = spell(digits, number);
      expect([name, text, read(text)]).toMatchObject([name, text, { phone: digits }]);
    }
    for (const [name, spell] of Object.entries(REFUSED)) {
      const text = spell(digits);
      expect([name, text, read(text)]).toMatchObject([name, text, { problem: expect.any(String) }]);
    }
    // Where it is at home: with its trunk prefix, if the country has one, and as its people write it.
    expect(read(number.formatNational(), country)).toMatchObject({ phone: digits });
    expect(read(inScript(0x660, number.formatNational()), country)).toMatchObject({ phone: digits });
    expect(read(digits, country)).toMatchObject({ phone: digits });
  });

  it.each(COUNTRIES)(
    'reads bare digits of %s as that number in every country, or names the other',
    (country) => {
      const digits = exampleOf(country).number.slice(1);
      for (const home of COUNTRIES) {
        const read = readPhone(digits, home);
        if ('phone' in read) expect([home, read.phone]).toEqual([home, digits]);
        else
          expect([home, read.problem, read.readings]).toEqual([
            home,
            'ambiguous',
            expect.arrayContaining([digits]),
          ]);
      }
    },
  );

  it('reads bare mobile numbers of all countries as themselves in Indonesia', () => {
    for (const country of getCountries()) {
      const number = getExampleNumber(country, examples);
      if (!number?.isValid()) continue;
      const digits = number.number.slice(1);
      expect([country, readPhone(digits, 'ID')]).toMatchObject([country, { phone: digits }]);
    }
  });
});

/** By default country: what is written, and its E.164 digits; null: refused. */
const CASES: Record<string, readonly (readonly [string, string | null])[]> = {
  ID: [
    ['+62 812 3456 7890.0', '6281234567890'],
    ['(0812) 3456-7890.00', '6281234567890'],
    ['0812.3456.7890.0', null],
    ['+62 812 3456 7890.5', null],
    ['6281234567890.123', null],
    ['+62.812.345.678.90', '6281234567890'],
    ['+6281234567890-1', null],
    ['081234567890 12', null],
    ['=62-81234567890', null],
    ['-6.281234567890E+12', null],
    ['8.1234567890E+10', null],
    ['8.571234567E+09', '628571234567'],
    ['tel:8123456789;phone-context=+62', '628123456789'],
    ['https://wa.me/+62 812 3456 7890', '6281234567890'],
    ['https://wa.me.evil.com/6281234567890', null],
    ['\u2066+6281234567890\u2069', '6281234567890'],
    ['6,281,234,567,890', '6281234567890'],
    ['6.281.234.567.890,00', '6281234567890'],
    ['6.281234567890e+012', '6281234567890'],
    ['=+6281234567890', '6281234567890'],
    ['-81234567890', null],
    ['+-6281234567890', null],
    ['(81234567890)', null],
    ['081234567890,', '6281234567890'],
    ['081234567890,,1', null],
    ['081234567890p1', null],
    ['081234567890w1', null],
    ['*81234567890#', null],
    ['O8l234567890', null],
    ['whatsapp:+6281234567890', '6281234567890'],
    ['sms:+6281234567890?body=5', '6281234567890'],
    ['sms:+6281234567890;+6281234567891', null],
    ['tel:+6281234567890;isub=12345', '6281234567890'],
    ['https://wa.me/c/6281234567890', '6281234567890'],
    ['https://wa.me/6281234567890/6281234567891', null],
    ['https://wa.me/6281234567890?phone=6281234567891', null],
    ['https://api.whatsapp.com/send?phone=6281234567890&phone=6281234567891', null],
    ['https://chat.whatsapp.com/6281234567890', null],
    ['TEL;waid=6281234567890:+62 812-3456-7890', null],
    ['0812345', null],
    ['111111111111', null],
    ['+62 62 812 3456 7890', null],
    ['8 (812) 345-67-89', null],
    ['881234567890', null],
    ['0881234567890', '62881234567890'],
    ['+881234567890', '881234567890'],
    ['001 62 812 3456 7890', '6281234567890'],
    ['008 65 9123 4567', '6591234567'],
    ['00790 0123454768', null],
    ['@budi.santoso', null],
    // Pastes of people, address books and web pages.
    ['+62 812 3456 7890 доб. 5', '6281234567890'],
    ['+62 21 555 1234 ramal 12', '62215551234'],
    ['+62 21 555 1234 内线12', '62215551234'],
    ['Budi доб. 5', null],
    ['\u2066\u2068+62 812 3456 7890\u2069\u2069', '6281234567890'],
    ['+62\u202f812\u20093456\u20057890', '6281234567890'],
    ['+62 812\u20113456\u20117890', '6281234567890'],
    ['+62 ８１２ ٣٤٥٦ ۷۸۹۰', '6281234567890'],
    ['০৮১২৩৪৫৬৭৮৯০', '6281234567890'],
    ['๐๘๑๒๓๔๕๖๗๘๙๐', '6281234567890'],
    ['۰۰۶۲۸۱۲۳۴۵۶۷۸۹۰', '6281234567890'],
    ['⁺⁶²⁸¹²³⁴⁵⁶⁷⁸⁹⁰', null],
    ['+6②81234567890', null],
    ['六二八一二三四五六七八九〇', null],
    ['+62 812 3456 7890 / WA', null],
    ['📱 +62 812 3456 7890', null],
    ['0812_3456_7890', null],
    ['0812/3456/7890', null],
    ['0+6281234567890', null],
    ['+62 +812 3456 7890', null],
    ['{+62}81234567890', null],
    ['[+62] 812-3456-7890', '6281234567890'],
    ['(+62 812) 3456-7890', '6281234567890'],
    ['+62-0812-3456-7890', '6281234567890'],
    ['0x5B68E9A0D2', null],
    ['#NAME?', null],
    ['########', null],
    ['[object Object]', null],
    ['6281234567890@broadcast', null],
    ['https://wa.me/message/ABCDEFG', null],
    ['whatsapp://send?phone=6281234567890', '6281234567890'],
    [
      'https://api.whatsapp.com/send/?phone=6281234567890&text&type=phone_number&app_absent=0',
      '6281234567890',
    ],
    ['sip:+6281234567890@example.com', null],
    ['@628123456789', null],
  ],
  SG: [
    ['65 65 9123 4567', null],
    ['001 62 81234567890', '6281234567890'],
    ['9.1234567E7', '6591234567'],
  ],
  NG: [
    ['009 234 803 123 4567', '2348031234567'],
    ['0803123456', null],
  ],
  US: [
    ['1415555267', null],
    ['011 52 1 55 1234 5678', '5215512345678'],
    ['415-555-2671x1234567', null],
    ['1 415 555 2671 5', null],
    ['-4155552671', null],
    ['4,155,552,671', '14155552671'],
  ],
  BR: [
    ['0021 62 81234567890', '6281234567890'],
    ['00 15 55 11 98765 4321', '5511987654321'],
    ['0 15 11 98765-4321', '5511987654321'],
  ],
  RU: [
    ['8 (912) 345-67-89', '79123456789'],
    ['8-10-62-812-3456-7890', '6281234567890'],
    ['+8 912 345 67 89', null],
  ],
  MX: [
    ['55 1234 5678', '525512345678'],
    ['044 55 1234 5678', null],
    ['00 1 415 555 2671', '14155552671'],
  ],
  IN: [
    ['98765 43210', '919876543210'],
    ['+91 098765 43210', '919876543210'],
    ['9.87654321E+09', null],
  ],
  GB: [
    ['00 44 (0) 7911 123456', '447911123456'],
    ['07911 123456 / 57', null],
  ],
  DE: [
    ['0151 / 234 567 89', '4915123456789'],
    ['030 123456-0', '49301234560'],
    ['030/123456-78/79', null],
  ],
  MY: [
    ['+60 (0)12-345 6789', '60123456789'],
    ['123456789.0', '60123456789'],
    ['012-3456789/8', null],
  ],
  AR: [
    ['011 15-2345-6789', '5491123456789'],
    ['54 11 15 2345 6789', '5491123456789'],
    ['11 2345 6789', null],
  ],
  JP: [
    ['０９０（１２３４）５６７８', '819012345678'],
    ['010 62 812 3456 7890', '6281234567890'],
    ['9.012345678E+09', '819012345678'],
  ],
  FR: [
    ['06.12.34.56.78', '33612345678'],
    ['0612345678.5', null],
  ],
};

describe.each(Object.entries(CASES))('in %s', (home, cases) => {
  it.each(cases)('%s is %s', (text, digits) => {
    const read = readPhone(text, home);
    expect(read).toMatchObject(digits === null ? { problem: expect.any(String) } : { phone: digits });
  });
});

describe('what was repaired', () => {
  it('is nothing where the trunk prefix was there', () => {
    expect(readPhone('89123456789', 'RU')).toEqual({ phone: '79123456789', repair: null });
    expect(readPhone('9123456789', 'RU')).toEqual({ phone: '79123456789', repair: 'leading_zero' });
  });

  it('and what to write is said where a calling code stands twice', () => {
    expect(() => normalizePhone('+62 62 812 3456 7890', 'ID')).toThrow(
      'Write +626281234567890 or +6281234567890.',
    );
  });
});

describe('numbers of every plan', () => {
  const anyNumber = fc
    .tuple(fc.constantFrom(...getCountries()), fc.nat({ max: 9_999 }))
    .map(([country, tail]) => {
      const example = getExampleNumber(country, examples);
      if (!example) return null;
      const digits = `${example.number.slice(1, -4)}${String(tail).padStart(4, '0')}`;
      return parsePhoneNumberFromString(`+${digits}`)?.isValid() ? digits : null;
    })
    .filter((digits) => digits !== null);

  it('come back from every form that we write', () => {
    fc.assert(
      fc.property(anyNumber, fc.constantFrom(...COUNTRIES), (digits, home) => {
        expect(normalizePhone(formatE164(digits), home)).toBe(digits);
        expect(normalizePhone(`${digits}@s.whatsapp.net`, home)).toBe(digits);
      }),
      { numRuns: 1_000 },
    );
  });

  it('lose no digit and gain none, whatever is written around them', () => {
    const piece = fc.constantFrom(
      ...'0123456789'.split(''),
      '+',
      ' ',
      '-',
      '(',
      ')',
      '.',
      '0',
      '62',
      '8',
      'x',
      ';',
      '/',
      '\u200B',
      '٣',
    );
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 24 }), fc.constantFrom(...COUNTRIES), (pieces, home) => {
        const text = pieces.join('');
        const read = readPhone(text, home);
        if (!('phone' in read)) return;
        const written = text
          .replaceAll('٣', '3')
          .replace(/[x;][^x;]*$/, '')
          .replace(/\D/g, '');
        const national = parsePhoneNumberFromString(`+${read.phone}`)?.nationalNumber ?? read.phone;
        const kept = written.endsWith(national) || written.endsWith(read.phone);
        const undone = /\.0+$/.test(text) || home === 'AR' || read.phone.startsWith('54');
        expect([text, home, read.phone, kept || undone]).toEqual([text, home, read.phone, true]);
      }),
      { numRuns: 3_000 },
    );
  });

  it('are read in a time that their length does not rule', () => {
    const worst = [
      '(',
      ' ',
      '+',
      '-',
      '.',
      '0',
      '٣',
      '\u200B',
      ';ext=',
      ' x',
      'tel:',
      '"',
      "'",
      '1e',
      '0.',
      'ext ',
    ];
    for (const text of worst) {
      expect(readPhone(text.repeat(1_000_000), 'ID')).toMatchObject({ problem: 'too_long' });
      expect(readPhone(text.repeat(400).slice(0, 400), 'ID')).toHaveProperty('problem');
    }
  });
});

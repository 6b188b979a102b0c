/** The values that a setting may have: the schemas of single values, which all come as strings. */
import { isSupportedCountry } from 'libphonenumber-js/max';
import { z } from 'zod';
import { withoutTrailing } from './text.ts';
import { isTimeZone } from './time-zone.ts';

/** A whole number within these bounds. */
export const whole = (min: number, max: number) =>
  z
    .string()
    .regex(/^\d+$/, 'must be a whole number')
    .transform(Number)
    .pipe(z.number().min(min, `must be at least ${min}`).max(max, `must be at most ${max}`));
/** Of TCP. */
export const port = () => whole(1, 65_535);
const YES = new Set(['true', '1', 'yes', 'on']);
const NO = new Set(['false', '0', 'no', 'off']);
/** `true`, `1`, `yes`, `on`, or their opposites. */
export const flag = () =>
  z
    .string()
    .toLowerCase()
    .refine((value) => YES.has(value) || NO.has(value), 'must be true or false')
    .transform((value) => YES.has(value));
/** One of these words, in any case. */
export const word = <const W extends readonly [string, ...string[]]>(words: W) =>
  z
    .string()
    .toLowerCase()
    .pipe(z.enum(words, { error: `must be one of ${words.join(', ')}` }));
/** A URL of such a protocol. */
export const url = (protocol: RegExp, error: string) => z.url({ protocol, error });
/** An http or https URL, without a slash at its end. */
export const httpUrl = () =>
  url(/^https?$/, 'must be an http or https URL').transform((value) => withoutTrailing(value, '/'));

const DAY_S = 86_400;
const SECONDS: Record<string, number | undefined> = { s: 1, m: 60, h: 3600, d: DAY_S, w: 7 * DAY_S };
const UNIT = /^(\d{1,9})\s*([smhdw]?)$/i;
/** `7d`, `12h`, `30m`, `45s`, `2w`, or plain seconds; at most 10 years. */
export const durationSeconds = () =>
  z
    .string()
    .regex(UNIT, 'must be a duration such as 7d, 12h or 30m')
    .transform((value) => {
      const [, digits = '0', unit = ''] = UNIT.exec(value) ?? [];
      return Number(digits) * (SECONDS[unit.toLowerCase()] ?? 1);
    })
    .pipe(z.number().min(60, 'must be at least 60s').max(315_360_000, 'must be at most 10 years'));

/** The texts between commas, without empty ones. */
export const list = () =>
  z.string().transform((value) =>
    value
      .split(',')
      .map((part) => part.trim())
      .filter((part) => part !== ''),
  );

/** `ID, SG`: country codes between commas. */
export const countries = () =>
  list()
    .transform((names) => names.map((name) => name.toUpperCase()))
    .refine(
      (names) => names.every((name) => isSupportedCountry(name)),
      'must be country codes such as ID,SG',
    );

/** `true` is one proxy, a number that many. */
export const proxies = () =>
  z
    .string()
    .toLowerCase()
    .transform((value) => (YES.has(value) ? '1' : NO.has(value) ? '0' : value))
    .pipe(whole(0, 10));

const SHORT_NAMES: Record<string, string | undefined> = { dev: 'development', prod: 'production' };
/** NODE_ENV, also in its short names. */
export const environment = () =>
  z
    .string()
    .toLowerCase()
    .transform((value) => SHORT_NAMES[value] ?? value)
    .pipe(
      z.enum(['development', 'production', 'test'], { error: 'must be development, production or test' }),
    );

/** `wahub/prod`: folders in a bucket; ends with a slash unless it is empty. */
export const prefix = () =>
  z
    .string()
    .regex(/^[A-Za-z0-9_.\-/]{0,200}$/, 'must consist of letters, digits, _ . - and /')
    .transform((value) => value.split('/').filter((part) => part !== ''))
    .refine((parts) => parts.every((part) => !/^\.+$/.test(part)), 'must not hold . or .. as a folder')
    .transform((parts) => parts.map((part) => `${part}/`).join(''));

/** An IANA time zone. */
export const timeZone = () => z.string().refine(isTimeZone, 'must be a time zone such as Asia/Jakarta');

/** ISO 3166 alpha-2, in any case. */
export const country = () =>
  z
    .string()
    .toUpperCase()
    .refine((name) => isSupportedCountry(name), 'must be a country code such as ID');

/** The environment as strings: names, aliases and what each value may be. config.ts makes the Config of it. */

import { isSupportedCountry } from 'libphonenumber-js/max';
import { z } from 'zod';
import { DAY_MS } from './durations.ts';
import { parseHosts } from './host-list.ts';
import { withoutTrailing } from './text.ts';
import { isTimeZone } from './time-zone.ts';

/** Ours first, then the names of the systems that came before; ours wins when both are set. */
const ALIASES: Record<string, readonly string[]> = {
  KEY: ['API_KEY'],
  DB_HOST: ['DB_MYSQL_HOST'],
  DB_PORT: ['DB_MYSQL_PORT'],
  DB_USER: ['DB_MYSQL_USERNAME'],
  DB_PASSWORD: ['DB_MYSQL_PASSWORD', 'DB_PASS'],
  DB_NAME: ['DB_MYSQL_DATABASE'],
  S3_ACCESS_KEY_ID: ['S3_ACCESS_KEY'],
  S3_SECRET_ACCESS_KEY: ['S3_SECRET_KEY'],
};

/** Placeholders that example files of this and of older systems carry: never anybody's real secret. */
const PLACEHOLDERS: readonly RegExp[] = [
  /^<.*>$/,
  /^x+$/i,
  /^(?:your|insert)[-_ ]/i,
  /^(?:change|replace)[-_ ]?(?:me|this|it|with)/i,
  /^(?:secret|password|example|placeholder|todo|api[-_]?key)(?:[-_ ]?(?:key|here|value))?$/i,
];

/** True for a value that was copied from an example file. */
export function isPlaceholder(value: string): boolean {
  const text = value.trim();
  return PLACEHOLDERS.some((pattern) => pattern.test(text));
}

/** Trimmed values under our own names; what is empty counts as not set. */
export function readNames(env: NodeJS.ProcessEnv): Record<string, string> {
  const read = (name: string) => env[name]?.trim() || undefined;
  const values: Record<string, string> = {};
  for (const name of Object.keys(env)) {
    const value = read(name);
    if (value !== undefined) values[name] = value;
  }
  for (const [name, others] of Object.entries(ALIASES)) {
    const value = read(name) ?? others.map(read).find((other) => other !== undefined);
    if (value !== undefined) values[name] = value;
  }
  return values;
}

const whole = (min: number, max: number) =>
  z
    .string()
    .regex(/^\d+$/, 'must be a whole number')
    .transform(Number)
    .pipe(z.number().min(min, `must be at least ${min}`).max(max, `must be at most ${max}`));
const port = () => whole(1, 65_535);
const YES = new Set(['true', '1', 'yes', 'on']);
const NO = new Set(['false', '0', 'no', 'off']);
const flag = () =>
  z
    .string()
    .toLowerCase()
    .refine((value) => YES.has(value) || NO.has(value), 'must be true or false')
    .transform((value) => YES.has(value));
const word = <const W extends readonly [string, ...string[]]>(words: W) =>
  z
    .string()
    .toLowerCase()
    .pipe(z.enum(words, { error: `must be one of ${words.join(', ')}` }));
const url = (protocol: RegExp, error: string) => z.url({ protocol, error });
const httpUrl = () =>
  url(/^https?$/, 'must be an http or https URL').transform((value) => withoutTrailing(value, '/'));

const DAY_S = 86_400;
const SECONDS: Record<string, number | undefined> = { s: 1, m: 60, h: 3600, d: DAY_S, w: 7 * DAY_S };
const UNIT = /^(\d{1,9})\s*([smhdw]?)$/i;
/** `7d`, `12h`, `30m`, `45s`, `2w`, or plain seconds; at most 10 years. */
const durationSeconds = () =>
  z
    .string()
    .regex(UNIT, 'must be a duration such as 7d, 12h or 30m')
    .transform((value) => {
      const [, digits = '0', unit = ''] = UNIT.exec(value) ?? [];
      return Number(digits) * (SECONDS[unit.toLowerCase()] ?? 1);
    })
    .pipe(z.number().min(60, 'must be at least 60s').max(315_360_000, 'must be at most 10 years'));

/** What stands between commas, without what is empty. */
const list = () =>
  z.string().transform((value) =>
    value
      .split(',')
      .map((part) => part.trim())
      .filter((part) => part !== ''),
  );

/** `ID, SG`: country codes between commas. */
const countries = () =>
  list()
    .transform((names) => names.map((name) => name.toUpperCase()))
    .refine(
      (names) => names.every((name) => isSupportedCountry(name)),
      'must be country codes such as ID,SG',
    );

/** `true` is one proxy, a number that many. */
const proxies = () =>
  z
    .string()
    .toLowerCase()
    .transform((value) => (YES.has(value) ? '1' : NO.has(value) ? '0' : value))
    .pipe(whole(0, 10));

const SHORT_NAMES: Record<string, string | undefined> = { dev: 'development', prod: 'production' };
const environment = () =>
  z
    .string()
    .toLowerCase()
    .transform((value) => SHORT_NAMES[value] ?? value)
    .pipe(
      z.enum(['development', 'production', 'test'], { error: 'must be development, production or test' }),
    );

/** `wahub/prod`: folders in a bucket; ends with a slash unless it is empty. */
const prefix = () =>
  z
    .string()
    .regex(/^[A-Za-z0-9_.\-/]{0,200}$/, 'must consist of letters, digits, _ . - and /')
    .transform((value) => value.split('/').filter((part) => part !== ''))
    .refine((parts) => parts.every((part) => !/^\.+$/.test(part)), 'must not hold . or .. as a folder')
    .transform((parts) => parts.map((part) => `${part}/`).join(''));

const timeZone = () => z.string().refine(isTimeZone, 'must be a time zone such as Asia/Jakarta');

const GIB = 1024 ** 3;
const LOG_LEVELS = ['error', 'warn', 'info', 'http', 'verbose', 'debug', 'silly', 'silent'] as const;

export const Env = z.object({
  NODE_ENV: environment().default('development'),
  HOST: z.string().default('0.0.0.0'),
  PORT: port().default(5001),
  PUBLIC_URL: httpUrl().optional(),
  TRUST_PROXY: proxies().default(0),
  DATA_DIR: z.string().optional(),
  KEY: z.string().max(200, 'must have at most 200 characters').optional(),
  // As the tables read it when they are built: in lower case.
  DB_TYPE: z.enum(['sqlite', 'mysql'], { error: 'must be sqlite or mysql' }).optional(),
  DB_SQLITE_PATH: z.string().optional(),
  DB_SQLITE_SYNCHRONOUS: z
    .string()
    .toUpperCase()
    .pipe(z.enum(['NORMAL', 'FULL'], { error: 'must be NORMAL or FULL' }))
    .default('NORMAL'),
  DB_HOST: z
    .string()
    .refine(
      (value) => parseHosts(value, 1) !== null,
      'must be a host, or several between commas: db1,db2:3307',
    )
    .optional(),
  DB_PORT: port().default(3306),
  DB_USER: z.string().optional(),
  DB_PASSWORD: z.string().default(''),
  DB_NAME: z.string().optional(),
  DB_CONNECTION_LIMIT: whole(2, 500).default(10),
  JWT_SECRET: z.string().optional(),
  JWT_EXPIRES_IN: durationSeconds().default(7 * DAY_S),
  ENCRYPTION_KEY: z.string().optional(),
  ENCRYPTION_KEYS_EXTRA: list().optional(),
  ENCRYPTION_KEYS_LOST: list().optional(),
  ADMIN_EMAIL: z.email('must be an e-mail address').max(255).optional(),
  ADMIN_PASSWORD: z.string().min(8, 'must have at least 8 characters').optional(),
  // Open outside of production only.
  ALLOW_REGISTRATION: flag().optional(),
  SMTP_URL: url(/^smtps?$/, 'must be an smtp or smtps URL').optional(),
  SMTP_HOST: z.string().max(255).optional(),
  SMTP_PORT: port().optional(),
  SMTP_USER: z.string().max(255).optional(),
  SMTP_PASSWORD: z.string().max(1024).optional(),
  SMTP_FROM: z.string().max(255).optional(),
  SMTP_SECURE: flag().optional(),
  REGISTRATIONS_PER_DAY: whole(1, 100_000).default(20),
  DEFAULT_COUNTRY: z
    .string()
    .toUpperCase()
    .refine((name) => isSupportedCountry(name), 'must be a country code such as ID')
    .default('ID'),
  MESSAGE_DELAY_MIN: whole(0, DAY_MS).default(3000),
  MESSAGE_DELAY_MAX: whole(0, DAY_MS).default(7000),
  MAX_MESSAGES_PER_MINUTE: whole(1, 100_000).default(20),
  MAX_MESSAGES_PER_HOUR: whole(1, 1_000_000).default(500),
  MAX_MESSAGES_PER_RECIPIENT: whole(1, 100_000).default(10),
  OTP_RESERVE_PERCENT: whole(0, 90).default(20),
  MAX_RETRY_ATTEMPTS: whole(1, 20).default(3),
  ACK_TIMEOUT_MS: whole(1000, 120_000).default(20_000),
  PREPARE_TIMEOUT_MS: whole(1000, 600_000).default(60_000),
  TYPING_MS_PER_CHAR: whole(0, 1000).default(0),
  OTP_RETURN_CODE: flag().default(false),
  OTP_FAILOVER_AFTER_SECONDS: whole(1, 3600).default(15),
  // `*` says what nothing says as well, on purpose.
  OTP_ALLOWED_COUNTRIES: z
    .string()
    .pipe(z.union([z.literal('*').transform(() => null), countries()]))
    .optional(),
  OTP_SENDS_PER_HOUR: whole(1, 10_000_000).default(10_000),
  OTP_PER_ADDRESS_PER_HOUR: whole(1, 1_000_000).default(30),
  OTP_WRONG_CHECKS_PER_HOUR: whole(1, 10_000_000).default(10_000),
  OTP_CONVERSION_MIN_SENDS: whole(1, 1_000_000).default(20),
  OTP_CONVERSION_MIN_PERCENT: whole(0, 100).default(20),
  INTERACTIVE_MODE: word(['auto', 'native', 'text']).default('auto'),
  QUEUE_QUOTA: whole(1, 10_000_000).default(1_000_000),
  QUOTA_SESSIONS: whole(1, 100_000).default(100),
  QUOTA_STORED_BYTES: whole(1, 1024 * 1024 * GIB).default(10 * GIB),
  QUOTA_STORED_FILES: whole(1, 10_000_000).default(10_000),
  QUOTA_UPLOADS_IN_FLIGHT: whole(1, 10_000).default(20),
  QUOTA_IMPORTS_RUNNING: whole(1, 1_000).default(10),
  QUOTA_API_KEYS: whole(1, 10_000).default(100),
  QUOTA_KEYS_IN_GRACE: whole(1, 100).default(3),
  QUOTA_WEBHOOKS: whole(1, 10_000).default(20),
  QUOTA_LISTS: whole(1, 1_000_000).default(10_000),
  QUOTA_CONTACTS: whole(1, 1_000_000_000).default(5_000_000),
  QUOTA_TEMPLATES: whole(1, 100_000).default(1000),
  QUOTA_OTP_TEMPLATES: whole(1, 10_000).default(100),
  QUOTA_REQUESTS_PER_MINUTE: whole(1, 100_000_000).optional(),
  WA_ENGINE: word(['baileys', 'wa-multi-session']).default('baileys'),
  WA_SERVER_URL: url(/^wss?$/, 'must be a ws or wss URL').optional(),
  WA_SERVER_ROOT_KEY: z
    .string()
    .regex(/^[0-9a-f]{64}$/i, 'must be 64 hex digits')
    .optional(),
  WA_SERVER_CA: z.string().optional(),
  EMULATOR_URL: httpUrl()
    .refine((value) => /^https?:\/\/(127\.\d+\.\d+\.\d+|localhost|\[::1\])(:|$)/.test(value), {
      error: 'must be an address of this machine',
    })
    .optional(),
  CONNECT_CONCURRENCY: whole(1, 1000).default(10),
  WEBHOOK_BASE_URL: httpUrl().optional(),
  WEBHOOK_SECRET: z.string().optional(),
  WEBHOOK_ALLOW_PRIVATE: flag().default(false),
  STORAGE: word(['local', 's3']).default('local'),
  S3_ENDPOINT: httpUrl().optional(),
  S3_REGION: z
    .string()
    .regex(/^[a-z0-9-]{1,64}$/, 'must be a region such as ap-southeast-1')
    .default('us-east-1'),
  S3_BUCKET: z
    .string()
    .regex(/^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$/, 'must be the name of a bucket')
    .optional(),
  S3_ACCESS_KEY_ID: z.string().optional(),
  S3_SECRET_ACCESS_KEY: z.string().optional(),
  S3_PREFIX: prefix().default(''),
  S3_PATH_STYLE: flag().optional(),
  UPLOAD_PATH: z.string().optional(),
  MAX_FILE_SIZE: whole(1, GIB).default(10 * 1024 ** 2),
  MAX_MEDIA_SIZE: whole(1, GIB).default(50 * 1024 ** 2),
  MAX_CSV_SIZE: whole(1, 4 * GIB).default(200 * 1024 ** 2),
  CLAMAV_HOST: z.string().optional(),
  CLAMAV_PORT: port().default(3310),
  FFMPEG_PATH: z.string().min(1).default('ffmpeg'),
  // The documents give it in milliseconds: 900000 is their 15 minutes.
  RATE_LIMIT_WINDOW: whole(1000, DAY_MS).default(900_000),
  RATE_LIMIT_MAX: whole(1, 1_000_000).default(100),
  API_RATE_LIMIT_MAX: whole(1, 10_000_000).default(600),
  ALLOWED_ORIGINS: z.string().default('http://localhost:3000'),
  METRICS_TOKEN: z.string().min(16, 'must have at least 16 characters').optional(),
  LOG_LEVEL: word(LOG_LEVELS).optional(),
  LOG_DIR: z.string().default('./logs'),
  LOG_FILES: flag().optional(),
  RETENTION_ACTIVITY_DAYS: whole(1, 3650).default(30),
  RETENTION_MESSAGE_DAYS: whole(1, 3650).default(365),
  RETENTION_OTP_DAYS: whole(1, 3650).default(7),
  RETENTION_MEDIA_DAYS: whole(1, 3650).default(30),
  TZ_HOUSEKEEPING: timeZone().optional(),
});

export type EnvValues = z.output<typeof Env>;

/**
 * The settings. One that the Config has as it comes is declared once, with its name in both, what it may be, and what it is
 * when missing; config.ts says how the others are derived.
 */
import { z } from 'zod';
import {
  countries,
  country,
  durationSeconds,
  environment,
  flag,
  httpUrl,
  list,
  port,
  prefix,
  proxies,
  timeZone,
  url,
  whole,
  word,
} from './config-values.ts';
import { DAY_MS } from './durations.ts';
import { parseHosts } from './host-list.ts';

/** What Linux takes as the path of a UNIX socket. */
const MAX_SOCKET_PATH = 107;

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
  /^[.…]+$/,
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

const DAY_S = 86_400;
const GIB = 1024 ** 3;
const LOG_LEVELS = ['error', 'warn', 'info', 'http', 'verbose', 'debug', 'silly', 'silent'] as const;

interface Setting<N extends string = string, S extends z.ZodType = z.ZodType> {
  /** in the environment */
  name: N;
  schema: S;
}
type Settings = Readonly<Record<string, Setting>>;
type ShapeOf<G extends Settings> = { [K in keyof G as G[K]['name']]: G[K]['schema'] };
type OrNull<V> = undefined extends V ? Exclude<V, undefined> | null : V;
type ValuesOf<G extends Settings> = { [K in keyof G]: OrNull<z.output<G[K]['schema']>> };

const set = <const N extends string, S extends z.ZodType>(name: N, schema: S): Setting<N, S> => ({
  name,
  schema,
});

/** Safe because each setting is there under its name in the environment. */
function shapeOf<G extends Settings>(group: G): ShapeOf<G> {
  const named = Object.values(group).map(({ name, schema }) => [name, schema]);
  return Object.fromEntries(named) as ShapeOf<G>;
}

/** The settings of a group as the Config has them: null for what is not set and has no default. */
export function settingsOf<G extends Settings>(
  group: G,
  env: { [N in G[keyof G]['name']]?: unknown },
): ValuesOf<G> {
  const values = new Map<string, unknown>(Object.entries(env));
  const named = Object.entries(group).map(([key, { name }]) => [key, values.get(name) ?? null]);
  // Safe because the environment has passed the schemas of these settings.
  return Object.fromEntries(named) as ValuesOf<G>;
}

export const SERVICE = {
  env: set('NODE_ENV', environment().default('development')),
  host: set('HOST', z.string().default('0.0.0.0')),
  port: set('PORT', port().default(5001)),
  /** how many reverse proxies in front are trusted to name the caller's address; 0 = none */
  trustProxy: set('TRUST_PROXY', proxies().default(0)),
  /** the first admin's API key, when set */
  adminKey: set('KEY', z.string().max(200, 'must have at most 200 characters').optional()),
  adminPassword: set('ADMIN_PASSWORD', z.string().min(8, 'must have at least 8 characters').optional()),
  /** seconds */
  jwtExpiresInSeconds: set('JWT_EXPIRES_IN', durationSeconds().default(7 * DAY_S)),
  /** ids of keys that are gone for good: what they sealed does not stop the start */
  lostEncryptionKeys: set('ENCRYPTION_KEYS_LOST', list().default([])),
  /** accounts that one address may make in a day */
  registrationsPerDay: set('REGISTRATIONS_PER_DAY', whole(1, 100_000).default(20)),
  /** ISO 3166 alpha-2, for national spellings of numbers */
  defaultCountry: set('DEFAULT_COUNTRY', country().default('ID')),
  /** how buttons and lists are sent when a request does not say; `auto`: as every phone shows them */
  interactiveMode: set('INTERACTIVE_MODE', word(['auto', 'native', 'text']).default('auto')),
  /** rows a tenant may have waiting in the queue */
  queueQuota: set('QUEUE_QUOTA', whole(1, 10_000_000).default(1_000_000)),
  engine: set('WA_ENGINE', word(['baileys', 'wa-multi-session']).default('baileys')),
  /** control API of the emulator that plays WhatsApp; null: there is none, as everywhere but in the sandbox */
  emulatorUrl: set(
    'EMULATOR_URL',
    httpUrl()
      .refine((value) => /^https?:\/\/(127\.\d+\.\d+\.\d+|localhost|\[::1\])(:|$)/.test(value), {
        error: 'must be an address of this machine',
      })
      .optional(),
  ),
  /** sessions that may be connecting at the same time at start */
  connectConcurrency: set('CONNECT_CONCURRENCY', whole(1, 1000).default(10)),
  /** URLs that clients name (webhooks, media) may lead to private addresses: tests, receivers in the same network */
  allowPrivateUrls: set('WEBHOOK_ALLOW_PRIVATE', flag().default(false)),
  /** proxies of sessions may have private addresses: one that is in the same network */
  allowPrivateProxies: set('PROXY_ALLOW_PRIVATE', flag().default(false)),
  /** where the API of Telegram's bots is: its own, or a server of one's own in front of it */
  telegramUrl: set('TELEGRAM_API_URL', httpUrl().default('https://api.telegram.org')),
  metricsToken: set('METRICS_TOKEN', z.string().min(16, 'must have at least 16 characters').optional()),
};

export const PACING = {
  delayMinMs: set('MESSAGE_DELAY_MIN', whole(0, DAY_MS).default(3000)),
  delayMaxMs: set('MESSAGE_DELAY_MAX', whole(0, DAY_MS).default(7000)),
  perMinute: set('MAX_MESSAGES_PER_MINUTE', whole(1, 100_000).default(20)),
  perHour: set('MAX_MESSAGES_PER_HOUR', whole(1, 1_000_000).default(500)),
  /** messages an hour to one recipient */
  perRecipientPerHour: set('MAX_MESSAGES_PER_RECIPIENT', whole(1, 100_000).default(10)),
  /** percent of each window that only high priority may spend */
  otpReservePercent: set('OTP_RESERVE_PERCENT', whole(0, 90).default(20)),
  /** people who do not know a young session that it may write to in 24 hours; 0 = no limit */
  newContactsPerDay: set('NEW_CONTACTS_PER_DAY', whole(0, 1_000_000).default(20)),
  maxAttempts: set('MAX_RETRY_ATTEMPTS', whole(1, 20).default(3)),
  ackTimeoutMs: set('ACK_TIMEOUT_MS', whole(1000, 120_000).default(20_000)),
  prepareTimeoutMs: set('PREPARE_TIMEOUT_MS', whole(1000, 600_000).default(60_000)),
  /** how long "typing…" shows before a text, per character; 0 = not at all */
  typingMsPerChar: set('TYPING_MS_PER_CHAR', whole(0, 1000).default(0)),
};

export const OTP = {
  /** older clients check the code themselves: it is in the answer of a send */
  returnCode: set('OTP_RETURN_CODE', flag().default(false)),
  /** without an acknowledgement for this long, the next session of the failover list sends the same code */
  failoverAfterMs: set(
    'OTP_FAILOVER_AFTER_SECONDS',
    whole(1, 3600)
      .default(15)
      .transform((seconds) => seconds * 1000),
  ),
  /** ISO 3166 alpha-2; null: every country, which `*` says on purpose */
  allowedCountries: set(
    'OTP_ALLOWED_COUNTRIES',
    z
      .string()
      .pipe(z.union([z.literal('*').transform(() => null), countries()]))
      .optional(),
  ),
  /** sends and resends of one tenant an hour */
  sendsPerHour: set('OTP_SENDS_PER_HOUR', whole(1, 10_000_000).default(10_000)),
  /** sends for one end-user address an hour, and as many wrong checks */
  perAddressPerHour: set('OTP_PER_ADDRESS_PER_HOUR', whole(1, 1_000_000).default(30)),
  /** wrong checks of one tenant an hour, all numbers together */
  wrongChecksPerHour: set('OTP_WRONG_CHECKS_PER_HOUR', whole(1, 10_000_000).default(10_000)),
};

/** The alarm: fewer than `minPercent` of at least `minSends` codes of the last hour were verified. */
export const CONVERSION = {
  minSends: set('OTP_CONVERSION_MIN_SENDS', whole(1, 1_000_000).default(20)),
  minPercent: set('OTP_CONVERSION_MIN_PERCENT', whole(0, 100).default(20)),
};

/** How many of each thing a tenant may have, all its users, keys and processes together. */
export const QUOTAS = {
  sessions: set('QUOTA_SESSIONS', whole(1, 100_000).default(100)),
  /** people, whatever their roles */
  members: set('QUOTA_MEMBERS', whole(1, 1_000_000).default(1000)),
  /** of files that clients brought, those of messages included */
  storedBytes: set('QUOTA_STORED_BYTES', whole(1, 1024 * 1024 * GIB).default(10 * GIB)),
  storedFiles: set('QUOTA_STORED_FILES', whole(1, 10_000_000).default(10_000)),
  /** requests whose file is under way */
  uploadsInFlight: set('QUOTA_UPLOADS_IN_FLIGHT', whole(1, 10_000).default(20)),
  importsRunning: set('QUOTA_IMPORTS_RUNNING', whole(1, 1_000).default(10)),
  /** checks of many numbers that are not done yet */
  numberChecksRunning: set('QUOTA_NUMBER_CHECKS_RUNNING', whole(1, 10_000).default(20)),
  /** numbers that are given to be looked up in 24 hours, many at once */
  numberChecksPerDay: set('QUOTA_NUMBER_CHECKS_PER_DAY', whole(1, 10_000_000).default(10_000)),
  apiKeys: set('QUOTA_API_KEYS', whole(1, 10_000).default(100)),
  /** own keys that were replaced and still work */
  keysInGrace: set('QUOTA_KEYS_IN_GRACE', whole(1, 100).default(3)),
  webhooks: set('QUOTA_WEBHOOKS', whole(1, 10_000).default(20)),
  alertChannels: set('QUOTA_ALERT_CHANNELS', whole(1, 1_000).default(10)),
  lists: set('QUOTA_LISTS', whole(1, 1_000_000).default(10_000)),
  /** on all lists together */
  contacts: set('QUOTA_CONTACTS', whole(1, 1_000_000_000).default(5_000_000)),
  templates: set('QUOTA_TEMPLATES', whole(1, 100_000).default(1000)),
  otpTemplates: set('QUOTA_OTP_TEMPLATES', whole(1, 10_000).default(100)),
};

export const HTTP_LIMITS = {
  /** for `/api/whatsapp/*`. The documents give it in milliseconds: 900000 is their 15 minutes */
  windowMs: set('RATE_LIMIT_WINDOW', whole(1000, DAY_MS).default(900_000)),
  max: set('RATE_LIMIT_MAX', whole(1, 1_000_000).default(100)),
  /** everywhere else, a minute and credential */
  apiMaxPerMinute: set('API_RATE_LIMIT_MAX', whole(1, 10_000_000).default(600)),
};

export const FILES = {
  maxUploadBytes: set('MAX_FILE_SIZE', whole(1, GIB).default(10 * 1024 ** 2)),
  maxMediaBytes: set('MAX_MEDIA_SIZE', whole(1, GIB).default(50 * 1024 ** 2)),
  maxCsvBytes: set('MAX_CSV_SIZE', whole(1, 4 * GIB).default(200 * 1024 ** 2)),
  /** the program that makes voice notes of other sounds: a path, or a name that is looked up */
  ffmpeg: set('FFMPEG_PATH', z.string().min(1).default('ffmpeg')),
};

export const RETENTION_DAYS = {
  activity: set('RETENTION_ACTIVITY_DAYS', whole(1, 3650).default(30)),
  messages: set('RETENTION_MESSAGE_DAYS', whole(1, 3650).default(365)),
  otp: set('RETENTION_OTP_DAYS', whole(1, 3650).default(7)),
  audit: set('RETENTION_AUDIT_DAYS', whole(1, 3650).default(730)),
  /** at least two months: limits are held against the counts of this one */
  usage: set('RETENTION_USAGE_DAYS', whole(62, 3650).default(762)),
  media: set('RETENTION_MEDIA_DAYS', whole(1, 3650).default(30)),
  requests: set('RETENTION_REQUEST_DAYS', whole(1, 3650).default(30)),
  requestBodies: set('RETENTION_REQUEST_BODY_DAYS', whole(1, 3650).default(7)),
};

/** The fields that the Config has otherwise than the environment: config.ts says how. */
const DERIVED = {
  PUBLIC_URL: httpUrl().optional(),
  DATA_DIR: z.string().optional(),
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
  DB_SOCKET: z.string().startsWith('/', 'must be a path that begins with /').max(MAX_SOCKET_PATH).optional(),
  DB_USER: z.string().optional(),
  DB_PASSWORD: z.string().default(''),
  DB_NAME: z.string().optional(),
  DB_CONNECTION_LIMIT: whole(2, 500).default(10),
  JWT_SECRET: z.string().optional(),
  ENCRYPTION_KEY: z.string().optional(),
  ENCRYPTION_KEYS_EXTRA: list().default([]),
  ADMIN_EMAIL: z.email('must be an e-mail address').max(255).optional(),
  // Open outside of production only.
  ALLOW_REGISTRATION: flag().optional(),
  SMTP_URL: url(/^smtps?$/, 'must be an smtp or smtps URL').optional(),
  SMTP_HOST: z.string().max(255).optional(),
  SMTP_PORT: port().optional(),
  SMTP_USER: z.string().max(255).optional(),
  SMTP_PASSWORD: z.string().max(1024).optional(),
  SMTP_FROM: z.string().max(255).optional(),
  SMTP_SECURE: flag().optional(),
  // Each name has settings of its own: config-oidc.ts.
  OIDC_PROVIDERS: z.string().max(1000).optional(),
  QUOTA_REQUESTS_PER_MINUTE: whole(1, 100_000_000).optional(),
  // No limit when they are not set.
  QUOTA_MESSAGES_PER_DAY: whole(1, 10_000_000_000).optional(),
  QUOTA_MESSAGES_PER_MONTH: whole(1, 10_000_000_000).optional(),
  WA_SERVER_URL: url(/^wss?$/, 'must be a ws or wss URL').optional(),
  WA_SERVER_ROOT_KEY: z
    .string()
    .regex(/^[0-9a-f]{64}$/i, 'must be 64 hex digits')
    .optional(),
  WA_SERVER_CA: z.string().optional(),
  WEBHOOK_BASE_URL: httpUrl().optional(),
  WEBHOOK_SECRET: z.string().optional(),
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
  CLAMAV_HOST: z.string().optional(),
  CLAMAV_PORT: port().default(3310),
  ALLOWED_ORIGINS: z.string().default('http://localhost:3000'),
  LOG_LEVEL: word(LOG_LEVELS).optional(),
  LOG_DIR: z.string().default('./logs'),
  LOG_FILES: flag().optional(),
  TZ_HOUSEKEEPING: timeZone().optional(),
};

export const Env = z.object({
  ...shapeOf(SERVICE),
  ...DERIVED,
  ...shapeOf(PACING),
  ...shapeOf(OTP),
  ...shapeOf(CONVERSION),
  ...shapeOf(QUOTAS),
  ...shapeOf(HTTP_LIMITS),
  ...shapeOf(FILES),
  ...shapeOf(RETENTION_DAYS),
});

export type EnvValues = z.output<typeof Env>;

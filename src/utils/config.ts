/** The environment -> Config. Nothing else in the service reads the environment. */
import { hkdfSync } from 'node:crypto';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { z } from 'zod';
import {
  crossProblems,
  dataProblems,
  originsOf,
  productionProblems,
  secretProblems,
  warningsOf,
} from './config-checks.ts';
import { Env, type EnvValues, isPlaceholder, readNames } from './config-env.ts';
import { smtpOf } from './config-smtp.ts';
import type { Config } from './config-types.ts';
import { parseHosts } from './host-list.ts';
import { mainZoneOf } from './time-zone.ts';

export type { Config } from './config-types.ts';

/** Everything that is wrong with the configuration, one sentence each; never a value of a secret. */
export class ConfigError extends Error {
  readonly lines: readonly string[];

  constructor(lines: readonly string[]) {
    super(`The configuration is not usable:\n${lines.map((line) => `  ${line}`).join('\n')}`);
    this.name = 'ConfigError';
    this.lines = lines;
  }
}

const HEX_KEY = /^[0-9a-f]{64}$/i;

/** Names whose example values count as not set outside of production. */
const SECRETS = [
  'JWT_SECRET',
  'ENCRYPTION_KEY',
  'KEY',
  'ADMIN_PASSWORD',
  'WEBHOOK_SECRET',
  'METRICS_TOKEN',
  'S3_SECRET_ACCESS_KEY',
  'SMTP_PASSWORD',
] as const;

/**
 * Reads the whole configuration (names and defaults: .env.example). Throws ConfigError with every problem at
 * once. Pure: touches no file; in development `ensureDevelopmentSecrets` runs before it.
 */
export function loadConfig(env: NodeJS.ProcessEnv): Config {
  const names = readNames(env);
  const examples = dropExamples(names);
  const parsed = Env.safeParse(names);
  const lines = parsed.success ? [] : linesOf(parsed.error);
  const production = /^prod(uction)?$/i.test(names.NODE_ENV ?? '');
  lines.push(...secretProblems(names, examples, production));
  if (parsed.success) lines.push(...crossProblems(parsed.data, names));
  if (parsed.success && production) lines.push(...productionProblems(parsed.data));
  if (!parsed.success || lines.length > 0) throw new ConfigError(lines);
  const config = toConfig(parsed.data);
  return examples.has('KEY') ? { ...config, warnings: [...config.warnings, EXAMPLE_KEY] } : config;
}

const EXAMPLE_KEY =
  'KEY is a value from an example file and opens nothing: make one with `openssl rand -hex 32`, or remove it';

/** What the tools for the data need: they run without the secrets of the service. */
export interface DataConfig extends Pick<Config, 'database' | 'storage' | 'files' | 'webhook'> {
  /** the one that seals first; none when ENCRYPTION_KEY is not set */
  encryptionKeys: Buffer[];
}

/** Where the data lies. Throws ConfigError as `loadConfig` does, but not for secrets that are missing or weak. */
export function loadDataConfig(env: NodeJS.ProcessEnv): DataConfig {
  const names = readNames(env);
  dropExamples(names);
  const parsed = Env.safeParse(names);
  const lines = parsed.success ? dataProblems(parsed.data, names) : linesOf(parsed.error);
  if (!parsed.success || lines.length > 0) throw new ConfigError(lines);
  const { ENCRYPTION_KEY, ENCRYPTION_KEYS_EXTRA = [] } = parsed.data;
  const keys = ENCRYPTION_KEY === undefined ? [] : [ENCRYPTION_KEY, ...ENCRYPTION_KEYS_EXTRA];
  return {
    database: databaseOf(parsed.data),
    storage: storageOf(parsed.data),
    files: filesOf(parsed.data),
    encryptionKeys: keys.map(toEncryptionKey),
    webhook: webhookOf(parsed.data),
  };
}

/** Takes example values out of `names`; tells which they were. */
function dropExamples(names: Record<string, string>): Set<string> {
  const examples = new Set<string>();
  for (const name of SECRETS) {
    if (names[name] === undefined || !isPlaceholder(names[name])) continue;
    examples.add(name);
    delete names[name];
  }
  if (names.DB_PASSWORD !== undefined && isPlaceholder(names.DB_PASSWORD)) examples.add('DB_PASSWORD');
  const hook = names.WEBHOOK_BASE_URL;
  if (hook !== undefined && isExampleHost(hook)) {
    delete names.WEBHOOK_BASE_URL;
  }
  return examples;
}

function linesOf(error: z.ZodError): string[] {
  return error.issues.map((issue) => `${issue.path.join('.')} ${issue.message}`);
}

function toConfig(env: EnvValues): Config {
  const test = env.NODE_ENV === 'test';
  return {
    env: env.NODE_ENV,
    host: env.HOST,
    port: env.PORT,
    publicUrl: env.PUBLIC_URL ?? `http://localhost:${env.PORT}`,
    trustProxy: env.TRUST_PROXY,
    dataDir: env.DATA_DIR ?? DATA_DIR,
    database: databaseOf(env),
    adminKey: env.KEY ?? null,
    adminEmail: env.ADMIN_EMAIL?.toLowerCase() ?? null,
    adminPassword: env.ADMIN_PASSWORD ?? null,
    allowRegistration: env.ALLOW_REGISTRATION ?? env.NODE_ENV !== 'production',
    registrationsPerDay: env.REGISTRATIONS_PER_DAY,
    smtp: smtpOf(env),
    jwtSecret: env.JWT_SECRET ?? '',
    jwtExpiresInSeconds: env.JWT_EXPIRES_IN,
    encryptionKey: toEncryptionKey(env.ENCRYPTION_KEY ?? ''),
    extraEncryptionKeys: (env.ENCRYPTION_KEYS_EXTRA ?? []).map(toEncryptionKey),
    lostEncryptionKeys: env.ENCRYPTION_KEYS_LOST ?? [],
    defaultCountry: env.DEFAULT_COUNTRY,
    pacing: {
      delayMinMs: env.MESSAGE_DELAY_MIN,
      delayMaxMs: env.MESSAGE_DELAY_MAX,
      perMinute: env.MAX_MESSAGES_PER_MINUTE,
      perHour: env.MAX_MESSAGES_PER_HOUR,
      perRecipientPerHour: env.MAX_MESSAGES_PER_RECIPIENT,
      otpReservePercent: env.OTP_RESERVE_PERCENT,
      maxAttempts: env.MAX_RETRY_ATTEMPTS,
      ackTimeoutMs: env.ACK_TIMEOUT_MS,
      prepareTimeoutMs: env.PREPARE_TIMEOUT_MS,
      typingMsPerChar: env.TYPING_MS_PER_CHAR,
    },
    otp: {
      returnCode: env.OTP_RETURN_CODE,
      failoverAfterMs: env.OTP_FAILOVER_AFTER_SECONDS * 1000,
      allowedCountries: env.OTP_ALLOWED_COUNTRIES ?? null,
      sendsPerHour: env.OTP_SENDS_PER_HOUR,
      perAddressPerHour: env.OTP_PER_ADDRESS_PER_HOUR,
      wrongChecksPerHour: env.OTP_WRONG_CHECKS_PER_HOUR,
      conversion: { minSends: env.OTP_CONVERSION_MIN_SENDS, minPercent: env.OTP_CONVERSION_MIN_PERCENT },
    },
    interactiveMode: env.INTERACTIVE_MODE,
    queueQuota: env.QUEUE_QUOTA,
    quotas: quotasOf(env),
    engine: env.WA_ENGINE,
    waServer:
      env.WA_SERVER_URL === undefined
        ? null
        : {
            url: env.WA_SERVER_URL,
            rootKey: env.WA_SERVER_ROOT_KEY ?? null,
            caFile: env.WA_SERVER_CA ?? null,
          },
    emulatorUrl: env.EMULATOR_URL ?? null,
    connectConcurrency: env.CONNECT_CONCURRENCY,
    httpLimits: {
      windowMs: env.RATE_LIMIT_WINDOW,
      max: env.RATE_LIMIT_MAX,
      apiMaxPerMinute: env.API_RATE_LIMIT_MAX,
    },
    files: filesOf(env),
    storage: storageOf(env),
    webhook: webhookOf(env),
    allowPrivateUrls: env.WEBHOOK_ALLOW_PRIVATE,
    retentionDays: {
      activity: env.RETENTION_ACTIVITY_DAYS,
      messages: env.RETENTION_MESSAGE_DAYS,
      otp: env.RETENTION_OTP_DAYS,
      media: env.RETENTION_MEDIA_DAYS,
    },
    housekeepingTimeZone: env.TZ_HOUSEKEEPING ?? mainZoneOf(env.DEFAULT_COUNTRY),
    statisticsTimeZone: env.TZ_HOUSEKEEPING ?? 'UTC',
    allowedOrigins: originsOf(env),
    metricsToken: env.METRICS_TOKEN ?? null,
    log: {
      level: env.LOG_LEVEL ?? (test ? 'silent' : 'info'),
      dir: env.LOG_DIR,
      json: env.NODE_ENV === 'production',
      files: env.LOG_FILES ?? !test,
    },
    warnings: warningsOf(env),
  };
}

/** A tenant with many keys gets no more than this many times what one of them may ask. */
const KEYS_WORTH = 5;

function quotasOf(env: EnvValues): Config['quotas'] {
  return {
    sessions: env.QUOTA_SESSIONS,
    storedBytes: env.QUOTA_STORED_BYTES,
    storedFiles: env.QUOTA_STORED_FILES,
    uploadsInFlight: env.QUOTA_UPLOADS_IN_FLIGHT,
    importsRunning: env.QUOTA_IMPORTS_RUNNING,
    apiKeys: env.QUOTA_API_KEYS,
    keysInGrace: env.QUOTA_KEYS_IN_GRACE,
    webhooks: env.QUOTA_WEBHOOKS,
    lists: env.QUOTA_LISTS,
    contacts: env.QUOTA_CONTACTS,
    templates: env.QUOTA_TEMPLATES,
    otpTemplates: env.QUOTA_OTP_TEMPLATES,
    requestsPerMinute: env.QUOTA_REQUESTS_PER_MINUTE ?? KEYS_WORTH * env.API_RATE_LIMIT_MAX,
  };
}

function databaseOf(env: EnvValues): Config['database'] {
  if (env.DB_TYPE !== 'mysql') {
    return {
      type: 'sqlite',
      path: env.DB_SQLITE_PATH ?? join(env.DATA_DIR ?? DATA_DIR, 'wahub.db'),
      synchronous: env.DB_SQLITE_SYNCHRONOUS,
    };
  }
  const [first, ...others] = parseHosts(env.DB_HOST ?? '', env.DB_PORT) ?? [{ host: '', port: env.DB_PORT }];
  return {
    type: 'mysql',
    ...first,
    others,
    user: env.DB_USER ?? '',
    password: env.DB_PASSWORD,
    database: env.DB_NAME ?? '',
    connectionLimit: env.DB_CONNECTION_LIMIT,
  };
}

function storageOf(env: EnvValues): Config['storage'] {
  if (env.STORAGE !== 's3') return { type: 'local' };
  return {
    type: 's3',
    endpoint: env.S3_ENDPOINT ?? null,
    region: env.S3_REGION,
    bucket: env.S3_BUCKET ?? '',
    accessKeyId: env.S3_ACCESS_KEY_ID ?? '',
    secretAccessKey: env.S3_SECRET_ACCESS_KEY ?? '',
    // Names of hosts for every bucket are AWS's way; elsewhere they need DNS that few have.
    pathStyle: env.S3_PATH_STYLE ?? env.S3_ENDPOINT !== undefined,
    prefix: env.S3_PREFIX,
  };
}

const DATA_DIR = './data';

/**
 * The documents' `./uploads`. A data folder that is named holds the files, too (it is a volume, or all that may be written
 * to), and files that an earlier release put below `./data` stay where they are found.
 */
function uploadFolder(dataDir: string | undefined): string {
  const within = join(dataDir ?? DATA_DIR, 'uploads');
  return dataDir !== undefined || existsSync(within) ? within : './uploads';
}

function filesOf(env: EnvValues): Config['files'] {
  return {
    uploadPath: env.UPLOAD_PATH ?? uploadFolder(env.DATA_DIR),
    maxUploadBytes: env.MAX_FILE_SIZE,
    maxMediaBytes: env.MAX_MEDIA_SIZE,
    maxCsvBytes: env.MAX_CSV_SIZE,
    clamav: env.CLAMAV_HOST === undefined ? null : { host: env.CLAMAV_HOST, port: env.CLAMAV_PORT },
    ffmpeg: env.FFMPEG_PATH,
  };
}

function webhookOf(env: EnvValues): Config['webhook'] {
  if (env.WEBHOOK_BASE_URL === undefined) return null;
  return { baseUrl: env.WEBHOOK_BASE_URL, secret: env.WEBHOOK_SECRET ?? null };
}

/** 64 hex digits are the key itself; another text goes through HKDF-SHA256 (RFC 5869). */
function toEncryptionKey(text: string): Buffer {
  if (HEX_KEY.test(text)) return Buffer.from(text, 'hex');
  return Buffer.from(hkdfSync('sha256', text, 'wahub', 'encryption key', 32));
}

/** As in `https://your-server.com/hook`, `https://example.com` and every name below `.example`. */
function isExampleHost(url: string): boolean {
  const host = /^https?:\/\/([^/:]*)/i.exec(url)?.[1]?.toLowerCase() ?? '';
  return /^(?:your-|(?:www\.)?example\.)/.test(host) || host.endsWith('.example');
}

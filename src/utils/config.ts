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
import {
  CONVERSION,
  Env,
  type EnvValues,
  FILES,
  HTTP_LIMITS,
  isPlaceholder,
  OTP,
  PACING,
  QUOTAS,
  RETENTION_DAYS,
  readNames,
  SERVICE,
  settingsOf,
} from './config-env.ts';
import { oidcOf, oidcProblems } from './config-oidc.ts';
import { smtpOf } from './config-smtp.ts';
import { type HostAddress, parseHosts } from './host-list.ts';
import type { S3Options } from './storage/s3-client.ts';
import { mainZoneOf } from './time-zone.ts';

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
  lines.push(...oidcProblems(names, production));
  if (parsed.success) lines.push(...crossProblems(parsed.data, names, examples));
  if (parsed.success && production) lines.push(...productionProblems(parsed.data, lines));
  if (!parsed.success || lines.length > 0) throw new ConfigError(lines);
  const config = toConfig(parsed.data, names);
  return examples.has('KEY') ? { ...config, warnings: [...config.warnings, EXAMPLE_KEY] } : config;
}

const EXAMPLE_KEY =
  'KEY is a value from an example file and opens nothing: make one with `openssl rand -hex 32`, or remove it';

/** The configuration that the tools for the data need: they run without the secrets of the service. */
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
  const { ENCRYPTION_KEY, ENCRYPTION_KEYS_EXTRA } = parsed.data;
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

/** The whole configuration after parsing: nothing else in the service reads the environment. */
export type Config = ReturnType<typeof toConfig>;
export type Quotas = Config['quotas'];

function toConfig(env: EnvValues, names: Record<string, string>) {
  const test = env.NODE_ENV === 'test';
  return {
    ...settingsOf(SERVICE, env),
    /** without a slash at the end; what links in answers begin with */
    publicUrl: env.PUBLIC_URL ?? `http://localhost:${env.PORT}`,
    dataDir: env.DATA_DIR ?? DATA_DIR,
    database: databaseOf(env),
    adminEmail: env.ADMIN_EMAIL?.toLowerCase() ?? null,
    allowRegistration: env.ALLOW_REGISTRATION ?? env.NODE_ENV !== 'production',
    /** null: no mails, and registrations are not confirmed */
    smtp: smtpOf(env),
    /** where people may sign in with an account of another service */
    oidc: oidcOf(names),
    jwtSecret: env.JWT_SECRET ?? '',
    /** 32 bytes; key id is derived from it */
    encryptionKey: toEncryptionKey(env.ENCRYPTION_KEY ?? ''),
    /** open what they sealed and seal nothing: the other key of a rotation */
    extraEncryptionKeys: env.ENCRYPTION_KEYS_EXTRA.map(toEncryptionKey),
    pacing: settingsOf(PACING, env),
    otp: { ...settingsOf(OTP, env), conversion: settingsOf(CONVERSION, env) },
    /** services/quotas.ts counts them */
    quotas: {
      ...settingsOf(QUOTAS, env),
      requestsPerMinute: env.QUOTA_REQUESTS_PER_MINUTE ?? KEYS_WORTH * env.API_RATE_LIMIT_MAX,
      /** accepted messages of a day and a month in UTC; null: no limit */
      messagesPerDay: env.QUOTA_MESSAGES_PER_DAY ?? null,
      messagesPerMonth: env.QUOTA_MESSAGES_PER_MONTH ?? null,
    },
    waServer: waServerOf(env),
    httpLimits: settingsOf(HTTP_LIMITS, env),
    files: filesOf(env),
    storage: storageOf(env),
    webhook: webhookOf(env),
    retentionDays: settingsOf(RETENTION_DAYS, env),
    /** IANA zone in which the housekeeper's nights fall */
    housekeepingTimeZone: env.TZ_HOUSEKEEPING ?? mainZoneOf(env.DEFAULT_COUNTRY),
    /** IANA zone of the days and hours in statistics, unless the caller names one */
    statisticsTimeZone: env.TZ_HOUSEKEEPING ?? 'UTC',
    /** `*` allows every origin */
    allowedOrigins: originsOf(env),
    log: {
      level: env.LOG_LEVEL ?? (test ? 'silent' : 'info'),
      dir: env.LOG_DIR,
      json: env.NODE_ENV === 'production',
      files: env.LOG_FILES ?? !test,
    },
    /** settings that work but are dangerous where the service runs: one sentence each, logged at the start */
    warnings: warningsOf(env),
  };
}

/** A tenant with many keys gets no more than this many times what one of them may ask. */
const KEYS_WORTH = 5;

/** Set: another WhatsApp server than the real one. */
function waServerOf(env: EnvValues): { url: string; rootKey: string | null; caFile: string | null } | null {
  if (env.WA_SERVER_URL === undefined) return null;
  return {
    url: env.WA_SERVER_URL,
    rootKey: env.WA_SERVER_ROOT_KEY ?? null,
    caFile: env.WA_SERVER_CA ?? null,
  };
}

type Database =
  | { type: 'sqlite'; path: string; synchronous: 'NORMAL' | 'FULL' }
  | {
      type: 'mysql';
      host: string;
      port: number;
      /** more servers with the same data: used, in their order, while the first cannot be */
      others?: readonly HostAddress[];
      /** path of the server's UNIX socket, instead of host and port */
      socketPath?: string | undefined;
      user: string;
      password: string;
      database: string;
      connectionLimit: number;
    };

function databaseOf(env: EnvValues): Database {
  if (env.DB_TYPE !== 'mysql') {
    return {
      type: 'sqlite',
      path: env.DB_SQLITE_PATH ?? join(env.DATA_DIR ?? DATA_DIR, 'wahub.db'),
      synchronous: env.DB_SQLITE_SYNCHRONOUS,
    };
  }
  const nowhere: [HostAddress] = [{ host: 'localhost', port: env.DB_PORT }];
  const [first, ...others] = parseHosts(env.DB_HOST ?? '', env.DB_PORT) ?? nowhere;
  return {
    type: 'mysql',
    ...first,
    others,
    ...(env.DB_SOCKET === undefined ? {} : { socketPath: env.DB_SOCKET }),
    user: env.DB_USER ?? '',
    password: env.DB_PASSWORD,
    database: env.DB_NAME ?? '',
    connectionLimit: env.DB_CONNECTION_LIMIT,
  };
}

/** Where the bytes of files lie; `local`: below `files.uploadPath`. */
function storageOf(env: EnvValues): { type: 'local' } | ({ type: 's3' } & S3Options) {
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

function filesOf(env: EnvValues) {
  return {
    ...settingsOf(FILES, env),
    uploadPath: env.UPLOAD_PATH ?? uploadFolder(env.DATA_DIR),
    clamav: clamavOf(env),
  };
}

/** Null: uploads are not scanned. */
function clamavOf(env: EnvValues): { host: string; port: number } | null {
  return env.CLAMAV_HOST === undefined ? null : { host: env.CLAMAV_HOST, port: env.CLAMAV_PORT };
}

/** One webhook for the whole service; null: only those that tenants made. */
function webhookOf(env: EnvValues): { baseUrl: string; secret: string | null } | null {
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

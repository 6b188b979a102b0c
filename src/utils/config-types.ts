import type { HostAddress } from './host-list.ts';

import type { S3Options } from './storage/s3-client.ts';

/** How many of each thing a tenant may have, all its users, keys and processes together. */
export interface Quotas {
  sessions: number;
  /** of files that clients brought, those of messages included */
  storedBytes: number;
  /** uploads that are kept */
  storedFiles: number;
  /** requests whose file is under way */
  uploadsInFlight: number;
  importsRunning: number;
  apiKeys: number;
  /** own keys that were replaced and still work */
  keysInGrace: number;
  webhooks: number;
  lists: number;
  /** on all lists together */
  contacts: number;
  templates: number;
  otpTemplates: number;
  requestsPerMinute: number;
}

/** Where mails are handed over. */
export interface SmtpConfig {
  host: string;
  port: number;
  /** TLS from the first byte; else STARTTLS, which is demanded when there is a password */
  secure: boolean;
  user: string | null;
  password: string | null;
  /** `WaHub <hub@example.com>` or the address alone */
  from: string;
}

/** The whole configuration after parsing: nothing else in the service reads the environment. */
export interface Config {
  env: 'development' | 'production' | 'test';
  host: string;
  port: number;
  /** without a slash at the end; what links in answers begin with */
  publicUrl: string;
  /** how many reverse proxies in front are trusted to name the caller's address; 0 = none */
  trustProxy: number;
  dataDir: string;
  database:
    | { type: 'sqlite'; path: string; synchronous: 'NORMAL' | 'FULL' }
    | {
        type: 'mysql';
        host: string;
        port: number;
        /** more servers with the same data: used, in their order, while the first cannot be */
        others?: readonly HostAddress[];
        user: string;
        password: string;
        database: string;
        connectionLimit: number;
      };
  /** the first admin's API key, when set */
  adminKey: string | null;
  adminEmail: string | null;
  adminPassword: string | null;
  allowRegistration: boolean;
  /** accounts that one address may make in a day */
  registrationsPerDay: number;
  /** null: no mails, and registrations are not confirmed */
  smtp: SmtpConfig | null;
  jwtSecret: string;
  /** seconds */
  jwtExpiresInSeconds: number;
  /** 32 bytes; key id is derived from it */
  encryptionKey: Buffer;
  /** open what they sealed and seal nothing: the other key of a rotation */
  extraEncryptionKeys: Buffer[];
  /** ids of keys that are gone for good: what they sealed does not stop the start */
  lostEncryptionKeys: string[];
  /** ISO 3166 alpha-2, for national spellings of numbers */
  defaultCountry: string;
  pacing: {
    delayMinMs: number;
    delayMaxMs: number;
    perMinute: number;
    perHour: number;
    /** messages an hour to one recipient */
    perRecipientPerHour: number;
    /** percent of each window that only high priority may spend */
    otpReservePercent: number;
    maxAttempts: number;
    ackTimeoutMs: number;
    prepareTimeoutMs: number;
    /** how long "typing…" shows before a text, per character; 0 = not at all */
    typingMsPerChar: number;
  };
  otp: {
    /** older clients check the code themselves: it is in the answer of a send */
    returnCode: boolean;
    /** without an acknowledgement for this long, the next session of the failover list sends the same code */
    failoverAfterMs: number;
    /** ISO 3166 alpha-2; null: every country */
    allowedCountries: string[] | null;
    /** sends and resends of one tenant an hour */
    sendsPerHour: number;
    /** sends for one end-user address an hour, and as many wrong checks */
    perAddressPerHour: number;
    /** wrong checks of one tenant an hour, all numbers together */
    wrongChecksPerHour: number;
    /** the alarm: fewer than `minPercent` of at least `minSends` codes of the last hour were verified */
    conversion: { minSends: number; minPercent: number };
  };
  /** how buttons and lists are sent when a request does not say; `auto`: as every phone shows them */
  interactiveMode: 'auto' | 'native' | 'text';
  /** rows a tenant may have waiting in the queue */
  queueQuota: number;
  /** what a tenant may have besides; services/quotas.ts counts it */
  quotas: Quotas;
  engine: 'baileys' | 'wa-multi-session';
  /** set: another WhatsApp server than the real one */
  waServer: { url: string; rootKey: string | null; caFile: string | null } | null;
  /** control API of the emulator that plays WhatsApp; null: there is none, as everywhere but in the sandbox */
  emulatorUrl: string | null;
  /** sessions that may be connecting at the same time at start */
  connectConcurrency: number;
  httpLimits: {
    /** for `/api/whatsapp/*` */
    windowMs: number;
    max: number;
    /** everywhere else, a minute and credential */
    apiMaxPerMinute: number;
  };
  files: {
    uploadPath: string;
    maxUploadBytes: number;
    maxMediaBytes: number;
    maxCsvBytes: number;
    /** null: uploads are not scanned */
    clamav: { host: string; port: number } | null;
    /** the program that makes voice notes of other sounds: a path, or a name that is looked up */
    ffmpeg: string;
  };
  /** where the bytes of files lie; `local`: below `files.uploadPath` */
  storage: { type: 'local' } | ({ type: 's3' } & S3Options);
  /** one webhook for the whole service; null: only those that tenants made */
  webhook: { baseUrl: string; secret: string | null } | null;
  /** URLs that clients name (webhooks, media) may lead to private addresses: tests, receivers in the same network */
  allowPrivateUrls: boolean;
  retentionDays: { activity: number; messages: number; otp: number; media: number };
  /** IANA zone in which the housekeeper's nights fall */
  housekeepingTimeZone: string;
  /** IANA zone of the days and hours in statistics, unless the caller names one */
  statisticsTimeZone: string;
  /** `*` allows every origin */
  allowedOrigins: string[];
  metricsToken: string | null;
  log: { level: string; dir: string; json: boolean; files: boolean };
  /** settings that work but are dangerous where the service runs: one sentence each, logged at the start */
  warnings: readonly string[];
}

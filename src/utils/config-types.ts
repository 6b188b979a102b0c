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
  jwtSecret: string;
  /** seconds */
  jwtExpiresInSeconds: number;
  /** 32 bytes; key id is derived from it */
  encryptionKey: Buffer;
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
  };
  /** rows a tenant may have waiting in the queue */
  queueQuota: number;
  engine: 'baileys' | 'wa-multi-session';
  /** set: another WhatsApp server than the real one */
  waServer: { url: string; rootKey: string | null; caFile: string | null } | null;
  /** sessions that may be connecting at the same time at start */
  connectConcurrency: number;
  httpLimits: {
    /** for `/api/whatsapp/*` */
    windowMs: number;
    max: number;
    /** everywhere else, a minute and credential */
    apiMaxPerMinute: number;
  };
  allowedOrigins: string[];
  metricsToken: string | null;
  log: { level: string; dir: string; json: boolean; files: boolean };
}

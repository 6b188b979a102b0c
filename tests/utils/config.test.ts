import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parse } from 'dotenv';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ConfigError, loadConfig } from '../../src/utils/config.ts';
import { Env } from '../../src/utils/config-env.ts';
import { ensureDevelopmentSecrets } from '../../src/utils/secrets-file.ts';

const JWT_SECRET = '7c0d95e1f3b24a68'.repeat(4);
const ENCRYPTION_KEY = '5e1b93c07f2d4a86'.repeat(4);
const SECRETS = { JWT_SECRET, ENCRYPTION_KEY };

function linesOf(env: NodeJS.ProcessEnv): readonly string[] {
  try {
    loadConfig(env);
  } catch (error) {
    if (error instanceof ConfigError) return error.lines;
    throw error;
  }
  return [];
}

describe('loadConfig', () => {
  it('takes the defaults of the documents', () => {
    const config = loadConfig(SECRETS);
    expect(config).toMatchObject({
      env: 'development',
      port: 5001,
      publicUrl: 'http://localhost:5001',
      trustProxy: 0,
      database: { type: 'sqlite' },
      jwtExpiresInSeconds: 604_800,
      defaultCountry: 'ID',
      pacing: {
        delayMinMs: 3000,
        delayMaxMs: 7000,
        perMinute: 20,
        perHour: 500,
        perRecipientPerHour: 10,
        newContactsPerDay: 20,
      },
      httpLimits: { windowMs: 900_000, max: 100, apiMaxPerMinute: 600 },
      allowedOrigins: ['http://localhost:3000'],
      waServer: null,
      webhook: null,
      allowRegistration: true,
      log: { level: 'info', json: false, files: true },
    });
    expect(config.encryptionKey.toString('hex')).toBe(ENCRYPTION_KEY);
  });

  it.each([
    [{}, 'Asia/Jakarta'],
    [{ DEFAULT_COUNTRY: 'SG' }, 'Asia/Singapore'],
    [{ DEFAULT_COUNTRY: 'US' }, 'UTC'],
    [{ DEFAULT_COUNTRY: 'US', TZ_HOUSEKEEPING: 'America/Chicago' }, 'America/Chicago'],
  ])('takes the zone of the country where there is one, unless it is set: %j', (env, zone) => {
    expect(loadConfig({ ...SECRETS, ...env }).housekeepingTimeZone).toBe(zone);
  });

  it("takes the gateway document's example and treats its placeholders as not set", () => {
    const config = loadConfig({
      ...SECRETS,
      NODE_ENV: 'DEVELOPMENT',
      KEY: 'your-api-key',
      DB_TYPE: 'mysql',
      DB_HOST: 'localhost',
      DB_PORT: '3306',
      DB_USER: 'wahub_user',
      DB_PASSWORD: 'your_password',
      DB_NAME: 'wahub',
      JWT_EXPIRES_IN: '7d',
      WEBHOOK_BASE_URL: 'https://your-webhook-url.com',
    });
    expect(config.adminKey).toBeNull();
    expect(config.webhook).toBeNull();
    expect(config.database).toMatchObject({ type: 'mysql', user: 'wahub_user', password: 'your_password' });
  });

  it.each([
    ['DB_MYSQL_HOST', 'DB_MYSQL_PORT', 'DB_MYSQL_USERNAME', 'DB_MYSQL_PASSWORD', 'DB_MYSQL_DATABASE'],
    ['DB_HOST', 'DB_PORT', 'DB_USER', 'DB_PASS', 'DB_NAME'],
  ])('accepts the names %s, %s, %s, %s and %s', (host, port, user, password, name) => {
    const { database } = loadConfig({
      ...SECRETS,
      DB_TYPE: 'mysql',
      [host]: 'db.internal',
      [port]: '3307',
      [user]: 'root',
      [password]: 'pw',
      [name]: 'whatsapp',
    });
    expect(database).toMatchObject({
      host: 'db.internal',
      port: 3307,
      user: 'root',
      password: 'pw',
      database: 'whatsapp',
    });
  });

  it('takes several database hosts, with ports of their own or the common one', () => {
    const read = (host: string, port = '3307') => {
      const names = { DB_TYPE: 'mysql', DB_USER: 'u', DB_NAME: 'n', DB_HOST: host, DB_PORT: port };
      const { database } = loadConfig({ ...SECRETS, ...names });
      if (database.type !== 'mysql') throw new Error('not MySQL');
      const { host: first, port: itsPort, others = [] } = database;
      return [{ host: first, port: itsPort }, ...others].map((one) => `${one.host}|${one.port}`);
    };
    expect(read('db1')).toEqual(['db1|3307']);
    expect(read('db1:4000, 10.0.0.2,[::1]:3309')).toEqual(['db1|4000', '10.0.0.2|3307', '::1|3309']);
    expect(read('fe80::1')).toEqual(['fe80::1|3307']);
    for (const wrong of ['db1,', 'db1:0', 'db1:70000', 'db 1', ':3306', 'http://db1']) {
      const names = { DB_TYPE: 'mysql', DB_USER: 'u', DB_NAME: 'n', DB_HOST: wrong };
      expect(linesOf({ ...SECRETS, ...names })).toEqual([expect.stringContaining('DB_HOST must be a host')]);
    }
  });

  it('takes the path of a socket instead of a host, and not both', () => {
    const names = { ...SECRETS, DB_TYPE: 'mysql', DB_USER: 'u', DB_NAME: 'n' };
    const { database } = loadConfig({ ...names, DB_SOCKET: '/run/mysqld/mysqld.sock' });
    expect(database).toMatchObject({ socketPath: '/run/mysqld/mysqld.sock', others: [] });
    expect(linesOf({ ...names, DB_SOCKET: 'mysqld.sock' })).toEqual([
      expect.stringContaining('DB_SOCKET must be a path'),
    ]);
    const both = { DB_HOST: 'localhost', DB_SOCKET: '/run/mysqld/mysqld.sock' };
    expect(linesOf({ ...names, ...both })).toEqual([expect.stringContaining('both set')]);
    expect(linesOf({ ...SECRETS, DB_SOCKET: both.DB_SOCKET })).toEqual([expect.stringContaining('DB_TYPE')]);
  });

  it('prefers its own name to that of an older system', () => {
    const config = loadConfig({ ...SECRETS, KEY: 'k'.repeat(32), API_KEY: 'o'.repeat(32) });
    expect(config.adminKey).toBe('k'.repeat(32));
    expect(loadConfig({ ...SECRETS, API_KEY: 'o'.repeat(32) }).adminKey).toBe('o'.repeat(32));
  });

  it('stops with every problem at once, one line each, without telling a secret', () => {
    const lines = linesOf({
      NODE_ENV: 'Production',
      PORT: 'http',
      JWT_SECRET: 'your-jwt-secret-64-chars',
      ENCRYPTION_KEY: 'too-short-to-be-true',
      KEY: 'your-api-key',
      DB_PASSWORD: 'your_password',
      MESSAGE_DELAY_MIN: '-1',
      RATE_LIMIT_WINDOW: '15',
    });
    for (const name of [
      'PORT',
      'JWT_SECRET',
      'ENCRYPTION_KEY',
      'KEY',
      'DB_PASSWORD',
      'MESSAGE_DELAY_MIN',
      'RATE_LIMIT_WINDOW',
    ]) {
      expect(lines.filter((line) => line.startsWith(`${name} `))).toHaveLength(1);
    }
    expect(lines.join()).not.toContain('too-short-to-be-true');
  });

  it('wants secrets of 64 characters in production', () => {
    expect(linesOf({ NODE_ENV: 'production' })).toHaveLength(2);
    expect(linesOf({ NODE_ENV: 'production', ...SECRETS, JWT_SECRET: JWT_SECRET.slice(1) })).toEqual([
      expect.stringContaining('JWT_SECRET is shorter than 64'),
    ]);
    expect(linesOf({ NODE_ENV: 'production', ...SECRETS })).toEqual([]);
  });

  it('never falls back to SQLite when a database host is named', () => {
    expect(linesOf({ ...SECRETS, DB_HOST: 'localhost' })).toEqual([expect.stringContaining('DB_TYPE')]);
    expect(linesOf({ ...SECRETS, DB_MYSQL_HOST: 'localhost' })).toEqual([expect.stringContaining('DB_TYPE')]);
    expect(linesOf({ ...SECRETS, DB_TYPE: 'postgres' })).toEqual([
      expect.stringContaining('sqlite or mysql'),
    ]);
    expect(linesOf({ ...SECRETS, DB_TYPE: 'mysql' })).toHaveLength(3);
  });

  it.each([undefined, 'mysql'])('says what to do about the port of PostgreSQL, with DB_TYPE %s', (type) => {
    const database = { DB_HOST: 'localhost', DB_PORT: '5432', DB_USER: 'u', DB_NAME: 'whatsapp_api' };
    const env = { ...SECRETS, ...database, ...(type === undefined ? {} : { DB_TYPE: type }) };
    expect(linesOf(env)).toEqual([expect.stringMatching(/PostgreSQL.*not supported.*3306.*SQLite/)]);
    expect(linesOf({ ...env, DB_TYPE: 'sqlite' })).toEqual([]);
  });

  it('says that an example of a KEY opens nothing', () => {
    const { adminKey, warnings } = loadConfig({ ...SECRETS, KEY: 'your-api-key' });
    expect(adminKey).toBeNull();
    expect(warnings).toEqual([expect.stringContaining('KEY')]);
    expect(loadConfig(SECRETS).warnings).toEqual([]);
  });

  it('finds contradictions', () => {
    expect(linesOf({ ...SECRETS, MESSAGE_DELAY_MIN: '9000' })).toHaveLength(1);
    expect(linesOf({ ...SECRETS, WA_SERVER_CA: 'ca.pem' })).toHaveLength(1);
    expect(linesOf({ ...SECRETS, ADMIN_EMAIL: 'a@b.co' })).toHaveLength(1);
    expect(linesOf({ ...SECRETS, ALLOWED_ORIGINS: 'https://a.example, nonsense' })).toHaveLength(1);
  });

  it('asks for everything that a bucket needs, a line each, and tells no value', () => {
    expect(linesOf({ ...SECRETS, STORAGE: 's3' })).toEqual([
      'S3_BUCKET is missing: STORAGE=s3 needs it',
      'S3_ACCESS_KEY_ID is missing: STORAGE=s3 needs it',
      'S3_SECRET_ACCESS_KEY is missing: STORAGE=s3 needs it',
    ]);
    const wrong = {
      S3_ENDPOINT: 'minio:9000',
      S3_BUCKET: 'No Bucket',
      S3_PREFIX: 'a/../b',
      S3_REGION: 'Java 1',
    };
    const lines = linesOf({ ...SECRETS, STORAGE: 's3', ...wrong });
    expect(lines.map((line) => line.split(' ')[0]).sort()).toEqual(Object.keys(wrong).sort());
    expect(loadConfig(SECRETS).storage).toEqual({ type: 'local' });
  });

  it('reads the settings of a bucket, also under the names that others use', () => {
    const needed = { STORAGE: 'S3', S3_BUCKET: 'wahub', S3_ACCESS_KEY: 'id', S3_SECRET_KEY: 'very/secret' };
    const read = (more: NodeJS.ProcessEnv) => loadConfig({ ...SECRETS, ...needed, ...more }).storage;
    expect(read({})).toEqual({
      type: 's3',
      endpoint: null,
      region: 'us-east-1',
      bucket: 'wahub',
      accessKeyId: 'id',
      secretAccessKey: 'very/secret',
      pathStyle: false,
      prefix: '',
    });
    expect(read({ S3_ENDPOINT: 'https://s3.example.net/', S3_PREFIX: '/prod//eu/' })).toMatchObject({
      endpoint: 'https://s3.example.net',
      pathStyle: true,
      prefix: 'prod/eu/',
    });
    expect(read({ S3_ENDPOINT: 'https://s3.example.net', S3_PATH_STYLE: 'false' })).toMatchObject({
      pathStyle: false,
    });
  });

  it.each([
    ['12h', 43_200],
    ['30m', 1800],
    ['3600', 3600],
    ['2w', 1_209_600],
  ])('reads the duration %s', (text, seconds) => {
    expect(loadConfig({ ...SECRETS, JWT_EXPIRES_IN: text }).jwtExpiresInSeconds).toBe(seconds);
  });

  it('derives a 32-byte key from another text, always the same', () => {
    const first = loadConfig({ JWT_SECRET, ENCRYPTION_KEY: 'correct horse battery staple' }).encryptionKey;
    const second = loadConfig({ JWT_SECRET, ENCRYPTION_KEY: 'correct horse battery staple' }).encryptionKey;
    expect(first).toHaveLength(32);
    expect(first).toEqual(second);
    expect(first).not.toEqual(loadConfig({ JWT_SECRET, ENCRYPTION_KEY: 'another text' }).encryptionKey);
  });

  it('describes every variable that it reads in .env.example, whose values are all usable or empty', () => {
    const text = readFileSync('.env.example', 'utf8');
    const names = Object.keys(Env.shape);
    expect(names.length).toBeGreaterThan(100);
    const missing = names.filter((name) => !new RegExp(`^#? ?${name}=`, 'm').test(text));
    expect(missing).toEqual([]);
    expect(linesOf({ ...parse(text), ...SECRETS })).toEqual([]);
    expect(linesOf({ ...parse(text.replace(/^# ([A-Z0-9_]+=)/gm, '$1')), ...SECRETS })).toEqual([]);
  });

  it('shows defaults in it: taking the "# " of a line away changes nothing', () => {
    const text = readFileSync('.env.example', 'utf8');
    const shown = parse(text.replace(/^[A-Z0-9_]+=.*$/gm, '').replace(/^# ([A-Z0-9_]+=)/gm, '$1'));
    const unset = loadConfig(SECRETS);
    // Where uploads lie depends on whether these are set and on what lies there: the lines above them say how.
    const { DATA_DIR: _data, UPLOAD_PATH: _uploads, ...others } = shown;
    const defaults = Object.entries(others).filter(([, value]) => value !== '');
    expect(defaults.length).toBeGreaterThan(70);
    for (const [name, value] of defaults) {
      expect(loadConfig({ ...SECRETS, [name]: value }), name).toEqual(unset);
    }
  });
});

describe('SMTP', () => {
  const smtpOf = (names: NodeJS.ProcessEnv) => loadConfig({ ...SECRETS, ...names }).smtp;

  it('is a URL or its parts, and null without either', () => {
    expect(smtpOf({})).toBeNull();
    const hub = { user: 'hub@example.com', password: 'p@ss', from: 'hub@example.com' };
    expect(smtpOf({ SMTP_URL: 'smtps://hub%40example.com:p%40ss@mail.example.com' })).toEqual({
      ...hub,
      host: 'mail.example.com',
      port: 465,
      secure: true,
    });
    const parts = { SMTP_HOST: 'mail.example.com', SMTP_USER: 'hub@example.com', SMTP_PASSWORD: 'p@ss' };
    expect(smtpOf(parts)).toEqual({ ...hub, host: 'mail.example.com', port: 587, secure: false });
    expect(smtpOf({ ...parts, SMTP_PORT: '465' })).toMatchObject({ secure: true });
    expect(smtpOf({ SMTP_HOST: '127.0.0.1', SMTP_FROM: 'WaHub <hub@example.com>' })).toMatchObject({
      user: null,
    });
  });

  it.each([
    [{ SMTP_HOST: 'mail.example.com' }, 'SMTP_FROM'],
    [{ SMTP_USER: 'hub@example.com' }, 'SMTP_HOST'],
    [{ SMTP_HOST: 'mail.example.com', SMTP_USER: 'hub@example.com' }, 'SMTP_PASSWORD'],
    [{ SMTP_URL: 'https://mail.example.com' }, 'SMTP_URL'],
    [{ SMTP_HOST: 'mail.example.com', SMTP_FROM: 'hub@example.com\nBcc: x@example.com' }, 'SMTP_FROM'],
  ])('%j is refused by the name of what is wrong', (names, named) => {
    expect(() => smtpOf(names)).toThrow(named);
  });
});

describe('ensureDevelopmentSecrets', () => {
  let dir: string;
  beforeEach(() => {
    dir = mkdtempSync(join(tmpdir(), 'wahub-env-'));
  });
  afterEach(() => rmSync(dir, { recursive: true }));

  it('makes them once and keeps them in a file that only its owner reads', () => {
    const path = join(dir, '.env');
    const env: NodeJS.ProcessEnv = {};
    expect(ensureDevelopmentSecrets(path, env)).toEqual(['JWT_SECRET', 'ENCRYPTION_KEY']);
    expect(loadConfig(env).jwtSecret).toHaveLength(64);
    expect(statSync(path).mode & 0o777).toBe(0o600);
    const again: NodeJS.ProcessEnv = {};
    expect(ensureDevelopmentSecrets(path, again)).toEqual([]);
    expect(again).toEqual(env);
    expect(readdirSync(dir)).toEqual(['.env']);
  });

  it('replaces example values and leaves the other lines alone', () => {
    const path = join(dir, '.env');
    writeFileSync(path, '# mine\nPORT=7000\nJWT_SECRET=your-jwt-secret-64-chars\nENCRYPTION_KEY=\nHOST=::1');
    const env: NodeJS.ProcessEnv = { JWT_SECRET: 'your-jwt-secret-64-chars' };
    ensureDevelopmentSecrets(path, env);
    const lines = readFileSync(path, 'utf8').split('\n');
    expect(lines).toHaveLength(6);
    expect([lines[0], lines[1], lines[4]]).toEqual(['# mine', 'PORT=7000', 'HOST=::1']);
    expect(lines[2]).toBe(`JWT_SECRET=${env.JWT_SECRET}`);
    expect(env.JWT_SECRET).toMatch(/^[0-9a-f]{64}$/);
  });

  it("has the documents' folder of uploads, unless a data folder is named or holds files of before", () => {
    const pathOf = (env: NodeJS.ProcessEnv = {}) => loadConfig({ ...SECRETS, ...env }).files.uploadPath;
    const before = process.cwd();
    process.chdir(dir);
    try {
      expect(pathOf()).toBe('./uploads');
      expect(pathOf({ DATA_DIR: '/data' })).toBe('/data/uploads');
      expect(pathOf({ DATA_DIR: '/data', UPLOAD_PATH: '/files' })).toBe('/files');
      mkdirSync('data/uploads', { recursive: true });
      expect(pathOf()).toBe('data/uploads');
    } finally {
      process.chdir(before);
    }
  });

  it('touches nothing in production or when both are set', () => {
    const path = join(dir, '.env');
    expect(ensureDevelopmentSecrets(path, { NODE_ENV: 'PRODUCTION' })).toEqual([]);
    expect(ensureDevelopmentSecrets(path, { ...SECRETS })).toEqual([]);
    expect(existsSync(path)).toBe(false);
  });
});

describe('OpenID providers', () => {
  const client = (name: string) => ({
    [`OIDC_${name}_CLIENT_ID`]: 'hub',
    [`OIDC_${name}_CLIENT_SECRET`]: 'b6a1c2d4e5f6a7b8',
  });
  const oidcOf = (names: NodeJS.ProcessEnv) => loadConfig({ ...SECRETS, ...names }).oidc;

  it('are named in the order of their buttons; Google and Microsoft know their issuers', () => {
    expect(oidcOf({})).toEqual([]);
    const names = {
      OIDC_PROVIDERS: 'keycloak, google,microsoft,our-login',
      ...client('GOOGLE'),
      ...client('MICROSOFT'),
      ...client('KEYCLOAK'),
      ...client('OUR_LOGIN'),
      OIDC_MICROSOFT_TENANT: '8a1b2c3d-0000-4000-8000-000000000000',
      OIDC_KEYCLOAK_ISSUER: 'https://login.example.com/realms/staff',
      OIDC_OUR_LOGIN_ISSUER: 'http://localhost:9000/app/',
      OIDC_OUR_LOGIN_LABEL: 'Staff',
    };
    expect(oidcOf(names).map(({ id, label, issuer }) => [id, label, issuer])).toEqual([
      ['keycloak', 'Keycloak', 'https://login.example.com/realms/staff'],
      ['google', 'Google', 'https://accounts.google.com'],
      [
        'microsoft',
        'Microsoft',
        'https://login.microsoftonline.com/8a1b2c3d-0000-4000-8000-000000000000/v2.0',
      ],
      ['our-login', 'Staff', 'http://localhost:9000/app/'],
    ]);
    expect(linesOf({ ...SECRETS, ...names, NODE_ENV: 'production' })).toContainEqual(
      expect.stringContaining('OIDC_OUR_LOGIN_ISSUER must be an https URL'),
    );
  });

  it.each([
    [{ OIDC_PROVIDERS: 'google' }, 'OIDC_GOOGLE_CLIENT_ID is missing'],
    [{ OIDC_PROVIDERS: 'google,google', ...client('GOOGLE') }, 'OIDC_PROVIDERS names a provider twice'],
    [{ OIDC_PROVIDERS: 'Goo gle', ...client('GOOGLE') }, 'OIDC_PROVIDERS must be names'],
    [{ OIDC_PROVIDERS: 'keycloak', ...client('KEYCLOAK') }, 'OIDC_KEYCLOAK_ISSUER is missing'],
    [
      { OIDC_PROVIDERS: 'keycloak', ...client('KEYCLOAK'), OIDC_KEYCLOAK_ISSUER: 'http://10.0.0.1' },
      'OIDC_KEYCLOAK_ISSUER must be an https URL',
    ],
    [
      { OIDC_PROVIDERS: 'microsoft', ...client('MICROSOFT'), OIDC_MICROSOFT_TENANT: 'common' },
      'OIDC_MICROSOFT_TENANT must be the id of one tenant',
    ],
    [
      { OIDC_PROVIDERS: 'google', ...client('GOOGLE'), OIDC_GOOGLE_CLIENT_SECRET: 'your-secret' },
      'OIDC_GOOGLE_CLIENT_SECRET is a value from an example',
    ],
  ])('stop the start when a setting is not usable: %j', (names, line) => {
    expect(linesOf({ ...SECRETS, ...names })).toContainEqual(expect.stringContaining(line));
  });
});

describe('ALLOW_REGISTRATION', () => {
  it('is closed in production unless it is opened, and open elsewhere', () => {
    const inProduction = { NODE_ENV: 'production', ...SECRETS };
    expect(loadConfig(inProduction).allowRegistration).toBe(false);
    expect(loadConfig({ ...inProduction, ALLOW_REGISTRATION: 'true' }).allowRegistration).toBe(true);
    expect(loadConfig(SECRETS).allowRegistration).toBe(true);
  });
});

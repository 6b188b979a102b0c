/** What a production start refuses, what it warns of, and who can read what it writes. */
import { randomBytes } from 'node:crypto';
import { chmodSync, mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { openDatabase } from '../../src/db/client.ts';
import { type Config, ConfigError, loadConfig } from '../../src/utils/config.ts';
import { ensureDataFolder } from '../../src/utils/data-folder.ts';
import { createLogger } from '../../src/utils/logger.ts';

const secret = () => randomBytes(32).toString('hex');
const PRODUCTION = { NODE_ENV: 'production', JWT_SECRET: secret(), ENCRYPTION_KEY: secret() };
const load = (env: NodeJS.ProcessEnv): Config => loadConfig({ ...PRODUCTION, ...env });

function refusals(env: NodeJS.ProcessEnv): readonly string[] {
  try {
    load(env);
    return [];
  } catch (error) {
    if (error instanceof ConfigError) return error.lines;
    throw error;
  }
}

const ADMIN = { ADMIN_EMAIL: 'siti@example.com' };

describe('in production', () => {
  it('a password from an example is refused once, not as one that is missing too', () => {
    expect(refusals({ ...ADMIN, ADMIN_PASSWORD: 'password' })).toEqual([
      'ADMIN_PASSWORD is a value from an example file: set your own',
    ]);
  });

  it.each<[NodeJS.ProcessEnv, string]>([
    [{ JWT_SECRET: '…' }, 'JWT_SECRET is a value from an example file: make one with `openssl rand -hex 32`'],
    [{ JWT_SECRET: '-' }, 'JWT_SECRET is shorter than 64 characters: make one with `openssl rand -hex 32`'],
    [
      { ENCRYPTION_KEY: '...' },
      'ENCRYPTION_KEY is a value from an example file: make one with `openssl rand -hex 32`',
    ],
    [{ KEY: 'aaa' }, 'KEY is shorter than 32 characters: make one with `openssl rand -hex 32`'],
  ])('a secret that is wrong in several ways has one line (%j)', (env, line) => {
    expect(refusals(env)).toEqual([line]);
  });

  it.each<[string, NodeJS.ProcessEnv]>([
    ['JWT_SECRET', { JWT_SECRET: 'a'.repeat(64) }],
    ['ENCRYPTION_KEY', { ENCRYPTION_KEY: '0'.repeat(64) }],
    ['ENCRYPTION_KEY', { ENCRYPTION_KEY: 'ab'.repeat(40) }],
    ['KEY', { KEY: 'k'.repeat(40) }],
    ['METRICS_TOKEN', { METRICS_TOKEN: '1'.repeat(20) }],
    ['ADMIN_PASSWORD', { ...ADMIN, ADMIN_PASSWORD: '12345678' }],
    ['ADMIN_PASSWORD', { ...ADMIN, ADMIN_PASSWORD: 'Password123!' }],
    ['ADMIN_PASSWORD', { ...ADMIN, ADMIN_PASSWORD: 'P4$$w0rd' }],
    ['ADMIN_PASSWORD', { ...ADMIN, ADMIN_PASSWORD: 'admin2026' }],
    ['ADMIN_PASSWORD', { ...ADMIN, ADMIN_PASSWORD: 'abcabcabc' }],
    ['ADMIN_PASSWORD', { ...ADMIN, ADMIN_PASSWORD: 'rahasia1' }],
    ['ADMIN_PASSWORD', { ...ADMIN, ADMIN_PASSWORD: 'Siti1990' }],
    ['ADMIN_PASSWORD', { ...ADMIN, ADMIN_PASSWORD: 'abcdefghij' }],
    ['EMULATOR_URL', { EMULATOR_URL: 'http://127.0.0.1:5002' }],
  ])('%s stops the start with one line that tells no secret (%j)', (name, env) => {
    const lines = refusals(env);
    expect(lines).toHaveLength(1);
    expect(lines[0]).toMatch(new RegExp(`^${name} `));
    for (const value of Object.values(env))
      if (name !== 'EMULATOR_URL') expect(lines[0]).not.toContain(value);
  });

  it.each(['correct horse battery', 'x7Kq-9vT2', 'kopi-susu-gula-aren', 'Tr4nsJakarta!koridor'])(
    'takes the admin password %s',
    (ADMIN_PASSWORD) => expect(refusals({ ...ADMIN, ADMIN_PASSWORD })).toEqual([]),
  );

  it('warns of each switch that is dangerous there, and of none elsewhere', () => {
    const switches = {
      WEBHOOK_ALLOW_PRIVATE: 'true',
      OTP_RETURN_CODE: 'true',
      WA_SERVER_URL: 'wss://127.0.0.1:1/',
      JWT_SECRET: '0123456789abcdef'.repeat(4),
    };
    const { warnings } = load(switches);
    for (const name of [...Object.keys(switches), 'OTP_ALLOWED_COUNTRIES']) {
      expect(warnings.filter((line) => line.startsWith(name))).toHaveLength(1);
    }
    expect(warnings.join()).not.toContain('0123456789abcdef');
    expect(load({ ...switches, NODE_ENV: 'development' }).warnings).toEqual([]);
  });

  it('offers the own country for codes until one was chosen, or all were meant', () => {
    const lines = (env: NodeJS.ProcessEnv) => load(env).warnings;
    expect(lines({ DEFAULT_COUNTRY: 'SG' })).toEqual([expect.stringContaining('OTP_ALLOWED_COUNTRIES=SG')]);
    expect(lines({ OTP_ALLOWED_COUNTRIES: 'ID' })).toEqual([]);
    expect(lines({ OTP_ALLOWED_COUNTRIES: '*' })).toEqual([]);
    expect(load({ OTP_ALLOWED_COUNTRIES: '*' }).otp.allowedCountries).toBeNull();
  });

  it('registration is closed unless it was opened', () => {
    expect(load({}).allowRegistration).toBe(false);
    expect(load({ ALLOW_REGISTRATION: 'true' }).allowRegistration).toBe(true);
    expect(load({ NODE_ENV: 'development' }).allowRegistration).toBe(true);
    expect(load({ NODE_ENV: 'development', ALLOW_REGISTRATION: 'false' }).allowRegistration).toBe(false);
  });
});

describe('quotas', () => {
  it('have defaults, and a tenant may ask no more than five keys could', () => {
    expect(load({}).quotas).toMatchObject({ sessions: 100, keysInGrace: 3, requestsPerMinute: 3000 });
    expect(load({ API_RATE_LIMIT_MAX: '50' }).quotas.requestsPerMinute).toBe(250);
    expect(load({ QUOTA_SESSIONS: '7' }).quotas.sessions).toBe(7);
    expect(refusals({ QUOTA_SESSIONS: '0' })).toEqual([expect.stringContaining('QUOTA_SESSIONS')]);
  });
});

describe.skipIf(process.platform === 'win32')('what is written', () => {
  const root = mkdtempSync(join(tmpdir(), 'wahub-modes-'));
  afterAll(() => rmSync(root, { recursive: true, force: true }));
  const modeOf = (path: string) => statSync(path).mode & 0o777;

  it('the data folder is for the service alone; one that is open stays, with a line that says how to close it', () => {
    const dataDir = join(root, 'new', 'data');
    expect(ensureDataFolder({ dataDir })).toBeNull();
    expect(modeOf(dataDir)).toBe(0o700);
    chmodSync(dataDir, 0o755);
    expect(ensureDataFolder({ dataDir })).toContain(`chmod 700 ${dataDir}`);
  });

  it('logs cannot be read by everybody, nor the database by anybody else', async () => {
    const dir = join(root, 'logs');
    const logger = createLogger({ level: 'info', dir, json: true, files: true });
    logger.error('something');
    await logger.close();
    for (const name of readdirSync(dir).filter((file) => file.endsWith('.log'))) {
      expect(modeOf(join(dir, name)) & 0o027).toBe(0);
    }
    expect(modeOf(dir) & 0o027).toBe(0);
    const path = join(root, 'db', 'test.db');
    const database = await openDatabase({ type: 'sqlite', path, synchronous: 'NORMAL' });
    await database.close();
    expect([modeOf(path), modeOf(join(root, 'db'))]).toEqual([0o600, 0o700]);
  });
});

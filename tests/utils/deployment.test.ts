/** What is said about installing and sizing, and the files that people install, fit the settings of the service. */
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { parse as parseEnv } from 'dotenv';
import { describe, expect, it } from 'vitest';
import { parse as parseYaml } from 'yaml';
import { z } from 'zod';
import { MAX_WAIT_SECONDS } from '../../src/services/outcomes.ts';
import { loadConfig } from '../../src/utils/config.ts';

const read = (path: string) => readFileSync(path, 'utf8');
const EXAMPLE = read('.env.example');
/** What somebody has in `.env` who takes the "# " away everywhere and fills in what must be filled in. */
const WHOLE = parseEnv(EXAMPLE.replace(/^# ([A-Z0-9_]+=)/gm, '$1'));
const SECRETS = {
  JWT_SECRET: 'f0e1d2c3b4a5968778695a4b3c2d1e0f'.repeat(2),
  ENCRYPTION_KEY: '0f1e2d3c4b5a69788796a5b4c3d2e1f0'.repeat(2),
  KEY: '9b8a7c6d5e4f30211203f4e5d6c7a8b9',
  ADMIN_EMAIL: 'siti@hub.example.net',
  ADMIN_PASSWORD: 'kuda-laut-71-berenang',
  DB_PASSWORD: 'rumput-basah-44',
};

describe('compose.yaml', () => {
  const Compose = z.object({
    services: z.record(
      z.string(),
      z.object({ env_file: z.string().optional(), environment: z.record(z.string(), z.string()) }),
    ),
  });
  const { services } = Compose.parse(parseYaml(read('compose.yaml'), { merge: true }));
  const gateways = Object.entries(services).filter(([name]) => name.startsWith('gateway-'));
  /** As Docker Compose does it: `environment` wins over the file. */
  const environmentOf = (env: Record<string, string>, own: Record<string, string>) => {
    const filled = Object.entries(own).map(([name, value]) => [
      name,
      value.replace(/\$\{(\w+):\?\}/g, (_, from: string) => env[from] ?? ''),
    ]);
    return { ...env, ...Object.fromEntries(filled) };
  };

  it('gives every setting of .env to both gateways', () => {
    expect(gateways).toHaveLength(2);
    for (const [name, { env_file }] of gateways) expect(env_file, name).toBe('.env');
  });

  it('starts in production, on its own database and its own folders, whatever else stands there', () => {
    const env = {
      ...WHOLE,
      ...SECRETS,
      DB_SOCKET: '/run/mysqld/mysqld.sock',
      DB_HOST: '127.0.0.1',
      PORT: '80',
    };
    for (const [, { environment }] of gateways) {
      const config = loadConfig(environmentOf({ ...env, OTP_ALLOWED_COUNTRIES: 'ID' }, environment));
      expect(config).toMatchObject({
        env: 'production',
        port: 5001,
        dataDir: '/data',
        files: { uploadPath: '/data/uploads' },
        database: { type: 'mysql', user: 'wahub', password: SECRETS.DB_PASSWORD },
        otp: { allowedCountries: ['ID'] },
      });
      expect(JSON.stringify(config.database)).toContain('"mariadb"');
    }
    const logs = gateways.map(([, { environment }]) => environment.LOG_DIR);
    expect(new Set(logs).size).toBe(2);
  });
});

describe('deploy/wahub.service', () => {
  const unit = read('deploy/wahub.service');
  const linesOf = (key: string) =>
    [...unit.matchAll(new RegExp(`^${key}=(.*)$`, 'gm'))].map(([, value = '']) => value);

  it('sets nothing that a .env made of the example sets otherwise: its files win', () => {
    const own = linesOf('Environment').flatMap((line) => line.split(' ').map((pair) => pair.split('=')[0]));
    expect(own).toContain('DATA_DIR');
    const live = Object.keys(parseEnv(EXAMPLE));
    expect(own.filter((name = '') => live.includes(name))).toEqual([]);
    expect(live).not.toContain('PORT');
  });

  it('runs in production whatever its files say', () => {
    expect(linesOf('ExecStart')).toEqual(['/usr/bin/env NODE_ENV=production /usr/bin/node dist/main.js']);
  });

  it('reads the file of its own name last, which the document writes for a second one', () => {
    const files = linesOf('EnvironmentFile');
    expect(files).toEqual(['/etc/wahub/wahub.env', '-/etc/wahub/%N.env']);
    const document = read('docs/deployment.md')
      .split('\n## ')
      .find((part) => part.startsWith('systemd'));
    for (const said of [
      '/opt/wahub',
      'npm ci && npm run build',
      'wahub-2.service',
      '/etc/wahub/wahub-2.env',
    ]) {
      expect(document).toContain(said);
    }
    const [, written = ''] = /printf '([^']+)' > \/etc\/wahub\/wahub-2\.env/.exec(document ?? '') ?? [];
    expect(Object.keys(parseEnv(written.replaceAll('\\n', '\n')))).toEqual(['PORT', 'LOG_DIR']);
  });

  it('reads no settings from the checkout, and the document leaves no secrets there', () => {
    const folder = linesOf('WorkingDirectory')[0];
    expect(linesOf('InaccessiblePaths')).toEqual([`-${folder}/.env`]);
    const [, recipe = ''] = /## systemd[\s\S]*?```bash\n([\s\S]*?)```/.exec(read('docs/deployment.md')) ?? [];
    expect(recipe).toContain('install -m 600 .env.example /etc/wahub/wahub.env');
    expect(recipe).not.toMatch(/ \.env /);
  });

  it('can read what the documents show: no comment stands behind a value', () => {
    const settings = [...read('README.md').matchAll(/```ini\n([\s\S]*?)```/g)].map(([, text = '']) => text);
    expect(settings.length).toBeGreaterThan(0);
    for (const text of [...settings, EXAMPLE]) expect(text).not.toMatch(/^[A-Z0-9_]+=.*[ \t]#/m);
  });
});

describe('the nginx of docs/deployment.md', () => {
  const [, conf = ''] = /```nginx\n([\s\S]*?)```/.exec(read('docs/deployment.md')) ?? [];
  const numberOf = (pattern: RegExp) => Number(pattern.exec(conf)?.[1]);

  it('takes the largest file that the service takes, and waits for the answers that wait', () => {
    const { maxCsvBytes, maxMediaBytes } = loadConfig(SECRETS).files;
    const taken = numberOf(/client_max_body_size (\d+)m;/) * 1024 ** 2;
    expect(taken).toBeGreaterThan(Math.max(maxCsvBytes, maxMediaBytes) + 1024 ** 2);
    expect(numberOf(/proxy_read_timeout (\d+)m;/) * 60).toBeGreaterThan(MAX_WAIT_SECONDS * 2);
  });
});

describe('ecosystem.config.js', () => {
  const instances = (env: NodeJS.ProcessEnv) => {
    const print = "import('./ecosystem.config.js').then(({ apps }) => console.log(apps[0].instances))";
    return Number(execFileSync(process.execPath, ['-e', print], { env, encoding: 'utf8' }));
  };

  it('runs two processes on MySQL unless a number is set, and one on SQLite', () => {
    expect(instances({ DB_TYPE: 'mysql', WAHUB_INSTANCES: '3' })).toBe(3);
    expect(instances({ DB_TYPE: 'mysql', WAHUB_INSTANCES: ' ' })).toBe(2);
    expect(instances({ DB_TYPE: 'sqlite', WAHUB_INSTANCES: '3' })).toBe(1);
  });
});

describe('docs/sizing.md', () => {
  const document = read('docs/sizing.md');
  const numbersOf = (pattern: RegExp) =>
    [...document.matchAll(pattern)].map(([, number = '']) => Number(number));
  const { pacing } = loadConfig(SECRETS);
  /** Messages that one session may send in a second, as shipped. */
  const each = Math.min(
    pacing.perHour / 3600,
    pacing.perMinute / 60,
    2000 / (pacing.delayMinMs + pacing.delayMaxMs),
  );
  const rows = document
    .slice(document.indexOf('| messages/s | messages in a day'))
    .split('\n\n')[0]
    ?.split('\n')
    .slice(2)
    .map((line) =>
      line
        .split('|')
        .map((cell) => Number(cell.trim().replaceAll(',', '')))
        .slice(1, -1),
    );

  it('reckons sessions with the limits that are shipped', () => {
    expect(numbersOf(/`r = n \/ ([\d.]+)`/g)).toEqual([Number((1 / each).toFixed(1))]);
  });

  it('has a table that follows from its formula', () => {
    const [g, gOfMany] = numbersOf(/`g = ([\d.]+)`/g).slice(0, 2);
    const [d, dOfMany] = numbersOf(/`d = ([\d.]+)`/g).slice(0, 2);
    const [u = 0] = numbersOf(/`u = ([\d.]+)`/g);
    const cores = (perSecond: number, ms = 0) => Math.ceil((perSecond * ms) / (1000 * u));
    expect(rows?.length).toBeGreaterThan(4);
    for (const [perSecond = 0, inDay = 0, sessions = 0, processes, ofDatabase] of rows ?? []) {
      const isOne = cores(perSecond, g) === 1;
      expect([processes, ofDatabase], `${perSecond} messages/s`).toEqual([
        cores(perSecond, isOne ? g : gOfMany),
        cores(perSecond, isOne ? d : dOfMany),
      ]);
      expect(inDay / (perSecond * 12 * 3600)).toBeCloseTo(1, 1);
      expect(sessions / (perSecond / each)).toBeCloseTo(1, 2);
    }
  });
});

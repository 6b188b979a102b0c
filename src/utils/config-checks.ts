/** Faults and dangers of a configuration whose values are all readable: one sentence each. */
import type { EnvValues } from './config-env.ts';
import { smtpProblems } from './config-smtp.ts';
import { guessablePassword, guessableSecret, isTyped } from './guessable.ts';
import { withoutTrailing } from './text.ts';

/** NIST SP 800-132 asks for 128 bits; 64 characters hold more than that even when a person typed them. */
const MIN_SECRET_LENGTH = 64;
const MIN_KEY_LENGTH = { production: 32, development: 16, test: 16 } as const;
/** Secrets that are missing, short, or copied from an example. */
export function secretProblems(
  names: Record<string, string>,
  examples: Set<string>,
  production: boolean,
): string[] {
  const lines: string[] = [];
  if (production) {
    for (const name of examples) {
      const isMade = GUESSED.some((secret) => secret === name);
      lines.push(`${name} is a value from an example file: ${isMade ? howToMake : 'set your own'}`);
    }
  }
  for (const name of ['JWT_SECRET', 'ENCRYPTION_KEY'] as const) {
    const value = names[name];
    if (value === undefined) {
      if (!(production && examples.has(name))) lines.push(`${name} is missing: ${howToMake}`);
    } else if (production && value.length < MIN_SECRET_LENGTH) {
      lines.push(`${name} is shorter than ${MIN_SECRET_LENGTH} characters: ${howToMake}`);
    }
  }
  const min = production ? MIN_KEY_LENGTH.production : MIN_KEY_LENGTH.development;
  if (names.KEY !== undefined && names.KEY.length < min) {
    lines.push(`KEY is shorter than ${min} characters: ${howToMake}`);
  }
  return lines;
}

const howToMake = 'make one with `openssl rand -hex 32`';

/** As the example of an older system names it. */
const POSTGRES_PORT = '5432';

/** Settings that are missing to reach the data. */
export function dataProblems(env: EnvValues, names: Record<string, string>): string[] {
  const lines: string[] = [];
  if (env.DB_TYPE !== 'sqlite' && names.DB_HOST !== undefined && names.DB_PORT === POSTGRES_PORT) {
    lines.push(
      'DB_PORT=5432 is the port of PostgreSQL, which is not supported: name a MySQL or MariaDB server (DB_TYPE=mysql, mostly DB_PORT=3306), or remove the DB_ lines for SQLite',
    );
  } else if (env.DB_TYPE === undefined && names.DB_HOST !== undefined) {
    lines.push('DB_HOST is set but DB_TYPE is not: say DB_TYPE=mysql (or remove DB_HOST for SQLite)');
  } else if (env.DB_TYPE === undefined && names.DB_SOCKET !== undefined) {
    lines.push('DB_SOCKET is set but DB_TYPE is not: say DB_TYPE=mysql (or remove DB_SOCKET for SQLite)');
  }
  if (env.DB_TYPE === 'mysql') {
    const place = env.DB_SOCKET === undefined ? (['DB_HOST'] as const) : [];
    for (const name of [...place, 'DB_USER', 'DB_NAME'] as const) {
      if (env[name] === undefined) lines.push(`${name} is missing: DB_TYPE=mysql needs it`);
    }
    if (env.DB_HOST !== undefined && env.DB_SOCKET !== undefined) {
      lines.push('DB_HOST and DB_SOCKET are both set: remove the one that is not meant');
    }
  }
  if (env.STORAGE === 's3') {
    for (const name of ['S3_BUCKET', 'S3_ACCESS_KEY_ID', 'S3_SECRET_ACCESS_KEY'] as const) {
      if (env[name] === undefined) lines.push(`${name} is missing: STORAGE=s3 needs it`);
    }
  }
  return lines;
}

/** Settings that do not go together. */
export function crossProblems(
  env: EnvValues,
  names: Record<string, string>,
  examples: ReadonlySet<string>,
): string[] {
  const lines = dataProblems(env, names);
  if (env.MESSAGE_DELAY_MIN > env.MESSAGE_DELAY_MAX) {
    lines.push('MESSAGE_DELAY_MIN must not be larger than MESSAGE_DELAY_MAX');
  }
  if (env.WA_SERVER_URL === undefined && (names.WA_SERVER_ROOT_KEY ?? names.WA_SERVER_CA) !== undefined) {
    lines.push('WA_SERVER_ROOT_KEY and WA_SERVER_CA need WA_SERVER_URL');
  }
  // One that was copied from an example has its line already.
  const hasPassword = env.ADMIN_PASSWORD !== undefined || examples.has('ADMIN_PASSWORD');
  if ((env.ADMIN_EMAIL !== undefined) !== hasPassword) {
    lines.push('ADMIN_EMAIL and ADMIN_PASSWORD must be set together');
  }
  if (Buffer.byteLength(env.ADMIN_PASSWORD ?? '') > 72)
    lines.push('ADMIN_PASSWORD must have at most 72 bytes');
  lines.push(...smtpProblems(env));
  for (const origin of originsOf(env)) {
    if (!isOrigin(origin))
      lines.push(`ALLOWED_ORIGINS holds what is not an origin such as https://app.example.com`);
  }
  return lines;
}

/**
 * Secrets that can be guessed outright stop the start, and so does what belongs in a sandbox only. A secret that `told`
 * has a line about, such as a short one, gets no other.
 */
export function productionProblems(env: EnvValues, told: readonly string[]): string[] {
  const lines: string[] = [];
  for (const name of GUESSED) {
    if (told.some((line) => line.startsWith(`${name} `))) continue;
    const why = env[name] === undefined ? null : guessableSecret(env[name]);
    if (why !== null) lines.push(`${name} ${why}: ${howToMake}`);
  }
  const weak = env.ADMIN_PASSWORD && guessablePassword(env.ADMIN_PASSWORD, env.ADMIN_EMAIL);
  if (weak) lines.push(`ADMIN_PASSWORD ${weak}: anybody would try it, so choose another one`);
  if (env.EMULATOR_URL !== undefined) {
    lines.push('EMULATOR_URL is for the sandbox: remove it in production (or run npm run sandbox)');
  }
  return lines;
}

const GUESSED = ['JWT_SECRET', 'ENCRYPTION_KEY', 'KEY', 'METRICS_TOKEN', 'WEBHOOK_SECRET'] as const;

/** Settings that may be meant in production, and are dangerous when they are not. */
export function warningsOf(env: EnvValues): string[] {
  if (env.NODE_ENV !== 'production') return [];
  const lines: string[] = [];
  for (const name of GUESSED) {
    if (isTyped(env[name] ?? '')) lines.push(`${name} does not look random: ${howToMake}`);
  }
  if (env.PROXY_ALLOW_PRIVATE) {
    lines.push(
      'PROXY_ALLOW_PRIVATE=true: every user can make this service knock at addresses inside your network',
    );
  }
  if (env.WEBHOOK_ALLOW_PRIVATE) {
    lines.push(
      'WEBHOOK_ALLOW_PRIVATE=true: every user can make this service ask addresses inside your network',
    );
  }
  if (env.OTP_RETURN_CODE) {
    lines.push('OTP_RETURN_CODE=true: answers hold the codes, so whoever sees an answer can pass the check');
  }
  if (env.WA_SERVER_URL !== undefined) {
    lines.push('WA_SERVER_URL is set: sessions connect there and not to WhatsApp');
  }
  if (env.OTP_ALLOWED_COUNTRIES === undefined) {
    lines.push(
      `OTP_ALLOWED_COUNTRIES is not set: codes go to every country. OTP_ALLOWED_COUNTRIES=${env.DEFAULT_COUNTRY} keeps them at home, * says that all are meant`,
    );
  }
  return lines;
}

/** ALLOWED_ORIGINS, without slashes at their ends. */
export function originsOf(env: EnvValues): string[] {
  return env.ALLOWED_ORIGINS.split(',')
    .map((origin) => withoutTrailing(origin.trim(), '/'))
    .filter((origin) => origin !== '');
}

function isOrigin(text: string): boolean {
  return text === '*' || (URL.canParse(text) && new URL(text).origin === text.toLowerCase());
}

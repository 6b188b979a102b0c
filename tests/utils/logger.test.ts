import { spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DrizzleQueryError } from 'drizzle-orm';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createLogger } from '../../src/utils/logger.ts';
import { redact } from '../../src/utils/redact.ts';

let dir: string;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'wahub-log-'));
});
afterEach(() => {
  rmSync(dir, { recursive: true });
});

const readLog = (name: string) =>
  readFileSync(join(dir, name), 'utf8')
    .split('\n')
    .filter((line) => line !== '')
    .map((line): Record<string, unknown> => JSON.parse(line));

describe('createLogger', () => {
  it('writes JSON lines to logs/app.log, and those of the database also to logs/database.log', async () => {
    const logger = createLogger({ level: 'info', dir, json: true, files: true });
    logger.info('started', { port: 5001, apiKey: 'wahub_secret' });
    logger.child({ component: 'database' }).warn('slow', { durationMs: 900 });
    logger.debug('not at this level');
    await logger.close();
    expect(readLog('app.log').map((line) => line.message)).toEqual(['started', 'slow']);
    expect(readLog('app.log')[0]).toMatchObject({ level: 'info', port: 5001, apiKey: '[redacted]' });
    expect(readLog('database.log').map((line) => line.message)).toEqual(['slow']);
  });

  it('writes lines of plain values in the same form and order as all others', async () => {
    const logger = createLogger({ level: 'info', dir, json: true, files: true });
    const meta = { via: 'api_key', status: 202, 'x-api-key': 'wahub_secret', none: undefined, empty: null };
    const text = `Failed query: select ?\nparams: +6281234567890 ${'x'.repeat(5000)}`;
    logger.info('one', { ...meta, text, to: text });
    logger.info('two', { ...meta, text, to: text, zz: [] });
    logger.warn('of the database', { component: 'database' });
    logger.error('last', { error: new Error('no') });
    await logger.close();
    const [one, two] = readFileSync(join(dir, 'app.log'), 'utf8').split('\n');
    const bare = (line = '') => line.replace(/"timestamp":"[\d:.TZ-]{24}"/, '"timestamp"');
    expect(bare(two)).toBe(bare(one).replace('"one"', '"two"').replace(/}$/, ',"zz":[]}'));
    expect(one).toContain('"x-api-key":"[redacted]"');
    expect(one).not.toContain('6281234567890');
    expect(readLog('app.log').map((line) => line.message)).toEqual(['one', 'two', 'of the database', 'last']);
    expect(readLog('database.log').map((line) => line.message)).toEqual(['of the database']);
  });

  it('drops what is said after it was closed', async () => {
    const logger = createLogger({ level: 'info', dir, json: true, files: true });
    const child = logger.child({ component: 'engine' });
    logger.info('in time');
    await logger.close();
    child.info('late');
    logger.error('late');
    expect(readLog('app.log').map((line) => line.message)).toEqual(['in time']);
  });

  const atOnce = (first: string, rest: string) => `${first} ${rest}`;
  const soon = (first: string, rest: string) => `setTimeout(() => { ${first} ${rest} }, 1);`;
  const withOpenFiles = (first: string, rest: string) => `
    ${first}
    const hasFirst = (name) => readFileSync('${dir}/' + name, 'utf8').includes('first');
    setInterval(() => {
      try { if (!hasFirst('app.log') || !hasFirst('database.log')) return; } catch { return; }
      ${rest}
    }, 1);`;

  it.each([
    ['throws', 'warn', soon, "throw new Error('uncaught')", 1],
    ['ends itself', 'warn', soon, 'process.exit(3)', 3],
    ['throws, errors too', 'error', soon, "throw new Error('uncaught')", 1],
    ['ends itself, errors too', 'error', soon, 'process.exit(3)', 3],
    ['ends itself, errors too when their files are open', 'error', withOpenFiles, 'process.exit(3)', 3],
    ['ends itself at once, errors too', 'error', atOnce, 'process.exit(3)', 3],
  ])(
    'keeps in its files what was said before the process %s',
    (_, level, when, end, status) => {
      const { href } = new URL('../../src/utils/logger.ts', import.meta.url);
      const options = JSON.stringify({ level: 'info', dir, json: true, files: true });
      const say = (message: string) => `logger.${level}('${message}');`;
      const lines = `
      import { readFileSync } from 'node:fs';
      const { createLogger } = await import('${href}');
      const logger = createLogger(${options}).child({ component: 'database' });
      ${when(say('first'), `${say('second')} ${say('last')} ${end};`)}`;
      const args = ['--import', import.meta.resolve('tsx'), '--input-type=module', '--eval', lines];
      const child = spawnSync(process.execPath, args, { encoding: 'utf8', timeout: 30_000 });
      expect(child.status, child.stderr).toBe(status);
      for (const name of ['app.log', 'database.log']) {
        expect(readLog(name).map((line) => line.message)).toEqual(['first', 'second', 'last']);
      }
    },
    40_000,
  );

  it('says nothing at level silent', async () => {
    const logger = createLogger({ level: 'silent', dir, json: true, files: true });
    logger.error('nobody hears');
    await logger.close();
    expect(readdirSync(dir)).toEqual([]);
  });
});

describe('redact', () => {
  it('hides what is secret by name, at any depth and in any spelling', () => {
    const hidden = redact({
      headers: { Authorization: 'Bearer x', 'X-Api-Key': 'k', accept: '*/*' },
      data: [{ otp: '123456', text: 'hello', to: '+62', api_key: 'k', newPassword: 'p' }],
    });
    expect(hidden).toEqual({
      headers: { Authorization: '[redacted]', 'X-Api-Key': '[redacted]', accept: '*/*' },
      data: [
        {
          otp: '[redacted]',
          text: '[redacted]',
          to: '+62',
          api_key: '[redacted]',
          newPassword: '[redacted]',
        },
      ],
    });
  });

  it('tells of a failed query its SQL and code, never a value', () => {
    const driver = Object.assign(new Error("Duplicate entry 'ann@example.com' for key"), {
      sqlMessage: "Duplicate entry 'ann@example.com' for key",
      sql: "insert into users values ('ann@example.com')",
      code: 'ER_DUP_ENTRY',
      errno: 1062,
    });
    const text = JSON.stringify(
      redact({ error: new DrizzleQueryError('insert into users values (?)', ['ann@example.com'], driver) }),
    );
    expect(text).toContain('insert into users');
    expect(text).toContain('ER_DUP_ENTRY');
    expect(text).not.toContain('ann@example.com');
  });

  it('tells no value of a failed query that comes as a text, or in the words of another error', () => {
    const failed = new DrizzleQueryError('insert into messages values (?, ?)', [
      'two\nlines of a message',
      '+6281234567890',
    ]);
    const fields = { error: String(failed), also: new Error(`it could not be kept: ${failed}`) };
    const text = JSON.stringify(redact(fields));
    expect(text.match(/insert into messages/g)).toHaveLength(2);
    expect(text).not.toMatch(/two|lines of a message|6281234567890/);
    expect(redact('see \nparams: in the docs')).toBe('see \nparams: in the docs');
  });

  it.each([
    ["Duplicate entry 'ann@example.com' for key 'users.email'", 'Duplicate entry …'],
    [`Duplicate entry 'it's "ann@example.com"-1' for key 'PRIMARY'`, 'Duplicate entry …'],
    [
      "Incorrect integer value: 'ann@example.com' for column `w`.`t`.`n` at row 1",
      'Incorrect integer value: …',
    ],
    ["Truncated incorrect DOUBLE value: 'ann@example.com'", 'Truncated incorrect DOUBLE value: …'],
    ["Invalid utf8mb4 character string: 'ann@example.com'", 'Invalid utf8mb4 character string: …'],
    [
      "You have an error in your SQL syntax; check the manual for the right syntax to use near 'ann@example.com' at line 1",
      'You have an error in your SQL syntax; check the manual for the right syntax to use near …',
    ],
  ])('tells no value that MySQL names: %s', (words, left) => {
    expect(redact({ error: String(new Error(words)) })).toEqual({ error: `Error: ${left}` });
    const { message } = Object(redact(new Error(`it could not be kept: ${words}`)));
    expect(message).toBe(`it could not be kept: ${left}`);
  });

  it('is bounded for circles, long texts and long lists', () => {
    const circle: Record<string, unknown> = {};
    circle.self = circle;
    expect(JSON.stringify(redact(circle))).toContain('[…]');
    expect(String(redact('x'.repeat(5000))).length).toBeLessThan(2010);
    expect(redact(Array.from({ length: 80 }, () => 1))).toHaveLength(50);
  });
});

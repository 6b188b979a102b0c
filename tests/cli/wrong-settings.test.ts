/** What a person is told whose settings are wrong: a line each, of all of them at once, and no stack. */
import { execFile } from 'node:child_process';
import { tmpdir } from 'node:os';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { readDbType } from '../../src/db/db-type.ts';

const TSX = import.meta.resolve('tsx');

function printed(program: string, args: readonly string[], env: Record<string, string>): Promise<string> {
  const file = fileURLToPath(new URL(`../../${program}`, import.meta.url));
  return new Promise((resolve) => {
    const options = { env: { PATH: process.env.PATH, ...env }, cwd: tmpdir(), timeout: 55_000 };
    execFile(process.execPath, ['--import', TSX, file, ...args], options, (_error, stdout, stderr) =>
      resolve(stdout + stderr),
    );
  });
}

test('a start in production names every wrong setting, the kind of database too', async () => {
  const env = { NODE_ENV: 'production', DB_TYPE: 'sqlit', PORT: '50x', JWT_SECRET: 'secret' };
  const lines = (await printed('src/main.ts', [], env)).trimEnd().split('\n');
  expect(lines[0]).toBe('WaHub could not start: The configuration is not usable:');
  for (const name of ['DB_TYPE', 'PORT', 'JWT_SECRET', 'ENCRYPTION_KEY']) {
    expect(lines.filter((line) => line.startsWith(`  ${name} `))).toHaveLength(1);
  }
  expect(lines.filter((line) => /^\s+at /.test(line))).toEqual([]);
}, 60_000);

test.each([
  ['src/cli/main.ts', 'doctor'],
  ['scripts/db-migrate.ts'],
  ['scripts/db-push.ts'],
  ['scripts/db-seed.ts'],
])(
  'a tool says in a line which kinds of databases there are: %s',
  async (program, ...args) => {
    const said = await printed(program, args, { DB_TYPE: 'sqlit' });
    expect(said).toBe('DB_TYPE must be sqlite or mysql, not sqlit\n');
  },
  60_000,
);

test('spaces about the kind of database, as a file of Docker keeps them, are no part of it', async () => {
  const env = { DB_TYPE: 'sqlite ', DB_SQLITE_PATH: ':memory:' };
  expect(await printed('scripts/db-migrate.ts', [], env)).toBe(':memory: is at the newest migration.\n');
  expect([' ', ' mysql\r'].map(readDbType)).toEqual(['sqlite', 'mysql']);
}, 60_000);

import { readdirSync } from 'node:fs';
import { expect, it } from 'vitest';
import { NOT_ON_MYSQL, NOT_ON_SQLITE, OWN_PARTS } from '../../scripts/test-parts.mjs';
import { testsWithoutDatabase } from '../../scripts/without-database.mjs';

const found = new Set(testsWithoutDatabase());

it.each(['tests/utils/phone.test.ts', 'tests/inbound/decode.test.ts', 'tests/structure/structure.test.ts'])(
  '%s has nothing to do with the database',
  (file) => {
    expect(found).toContain(file);
  },
);

it.each([
  ['tests/queue/dispatcher.test.ts', 'by its fixture, which a helper opens one for'],
  ['tests/http/role-walk.test.ts', 'by an app'],
  ['tests/e2e/kills.test.ts', 'by a process that is started on one'],
  ['tests/cli/backup.test.ts', 'by a tool'],
  ['tests/db/words.test.ts', 'by the code that knows which one it is'],
])('%s has: %s', (file) => {
  expect(found).not.toContain(file);
});

it('a test of MariaDB alone is never left out there', () => {
  expect([...found].filter((file) => file.endsWith('.mysql.test.ts'))).toEqual([]);
});

it('a test whose tool knows the databases is one of them', () => {
  expect(found).not.toContain('tests/soak/reconnects.test.ts');
});

/** Whether one of vitest's patterns names the file; of those only `**` and `*` are in use. */
function isIn(file: string, patterns: readonly string[]): boolean {
  const toText = (pattern: string) =>
    pattern.replace(/[.]/g, '\\.').replace(/\*\*\/?|\*/g, (star) => (star === '*' ? '[^/]*' : '.*'));
  return patterns.some((pattern) => new RegExp(`^${toText(pattern)}$`).test(file));
}

it('every test file is in a part', () => {
  const files = readdirSync(new URL('..', import.meta.url), { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.test.ts'))
    .map((name) => `tests/${name.replaceAll('\\', '/')}`);
  expect(files.length).toBeGreaterThan(300);
  const isNowhere = (file: string) =>
    !isIn(file, OWN_PARTS) && isIn(file, NOT_ON_SQLITE) && isIn(file, NOT_ON_MYSQL);
  expect(files.filter(isNowhere)).toEqual([]);
  expect(isIn('tests/workers/a.mysql.test.ts', NOT_ON_SQLITE)).toBe(true);
  expect(isIn('tests/workers/a.test.ts', NOT_ON_SQLITE)).toBe(false);
});

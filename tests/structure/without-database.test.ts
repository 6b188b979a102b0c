import { expect, it } from 'vitest';
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

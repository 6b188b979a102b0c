/** What those who wait are told of a failure: its words, and nothing of a database's statements. */
import { DrizzleQueryError } from 'drizzle-orm';
import { expect, it } from 'vitest';
import { wordsOf } from '../../src/db/errors.ts';

it.each([
  [new Error('All encryptions failed'), 'All encryptions failed'],
  ['closed', 'closed'],
  [
    new DrizzleQueryError('select sealed from wa_keys where name = ?', ['6281234567890.0']),
    'the database could not be used',
  ],
  [
    Object.assign(new Error("Duplicate entry 'x'"), { sqlMessage: "Duplicate entry 'x'" }),
    'the database could not be used',
  ],
])('of a failure its words are told, but not those of a database: %s', (error, words) => {
  expect(wordsOf(error)).toBe(words);
});

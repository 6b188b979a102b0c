/** Several rows, each changed to values of its own, in one statement. */
import { afterAll, expect, test } from 'vitest';
import { changerOfSeveral, insertMany } from '../../src/db/ops.ts';
import { countStatements } from '../helpers/statements.ts';
import { tallies, useFixture } from './fixture.ts';

// Before the database is opened.
const counter = countStatements();
afterAll(() => counter.stop());
const open = useFixture();
const change = changerOfSeveral({
  key: tallies.name,
  seen: tallies.value,
  own: [tallies.value, tallies.label],
  shared: [tallies.active],
});
const nameOf = (n: number) => `t${String(n).padStart(3, '0')}`;

test.each([1, 3, 64, 65, 150])('each of %i rows gets its own values, and no other row', async (count) => {
  const { db } = await open();
  const before = Array.from({ length: count + 1 }, (_, n) => ({ name: nameOf(n), value: n, label: null }));
  await insertMany(db, tallies, before);
  const labelOf = (n: number) => (n % 2 === 0 ? `label ${n}` : null);
  const rows = before.slice(1).map(({ name, value }) => [name, value, value + 1_000, labelOf(value)]);
  counter.take();
  const changed = await db.transaction((tx) => change(tx, rows, [0]));
  const { texts } = counter.take();
  expect(changed).toBe(count);
  const updates = [...texts].filter(([text]) => text.startsWith('update'));
  expect(updates.reduce((sum, [, n]) => sum + n, 0)).toBe(Math.ceil(count / 64));
  const { name, value, label, active } = tallies;
  const after = await db.select({ name, value, label, active }).from(tallies).orderBy(name);
  expect(after).toEqual([
    { name: nameOf(0), value: 0, label: null, active: true },
    ...rows.map(([key, , to, text]) => ({ name: key, value: to, label: text, active: false })),
  ]);
});

test('a row that is not as it was seen, or not there, is not changed and not counted', async () => {
  const { db } = await open();
  await insertMany(db, tallies, [
    { name: 'a', value: 1 },
    { name: 'b', value: 2 },
  ]);
  const rows = [
    ['a', 7, 100, null],
    ['b', 2, 200, null],
    ['gone', 3, 300, null],
  ];
  expect(await db.transaction((tx) => change(tx, rows, [0]))).toBe(1);
  const found = await db.select({ name: tallies.name, value: tallies.value }).from(tallies);
  expect(new Map(found.map(({ name, value }) => [name, value]))).toEqual(
    new Map([
      ['a', 1],
      ['b', 200],
    ]),
  );
});

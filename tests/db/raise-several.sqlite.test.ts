/** Counters of several rows, raised in one statement. */
import { expect, test } from 'vitest';
import { insertMany, raiserOfSeveral } from '../../src/db/ops.ts';
import { tallies, useFixture } from './fixture.ts';

const open = useFixture();
const raise = raiserOfSeveral(tallies.value, tallies.name);
const nameOf = (n: number) => `t${String(n).padStart(3, '0')}`;

test.each([1, 3, 64, 65, 150])('each of %i rows is raised once by its own number', async (count) => {
  const { db } = await open();
  const names = Array.from({ length: count + 1 }, (_, n) => nameOf(n));
  await insertMany(
    db,
    tallies,
    names.map((name) => ({ name, value: 10 })),
  );
  const by = new Map(names.slice(1).map((name, n) => [name, n + 1]));
  const raised = await db.transaction((tx) => raise(tx, by));
  expect(raised).toEqual(new Map([...by].map(([name, n]) => [name, 10 + n])));
  const rows = await db.select({ name: tallies.name, value: tallies.value }).from(tallies);
  expect(new Map(rows.map(({ name, value }) => [name, value]))).toEqual(raised.set(nameOf(0), 10));
});

test('a row that is not there is not among the answers', async () => {
  const { db } = await open();
  await insertMany(db, tallies, [{ name: 'a', value: 1 }]);
  const raised = await db.transaction((tx) =>
    raise(
      tx,
      new Map([
        ['a', 2],
        ['gone', 5],
      ]),
    ),
  );
  expect(raised).toEqual(new Map([['a', 3]]));
});

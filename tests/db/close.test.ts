import { expect, test } from 'vitest';
import { openDatabase } from '../../src/db/client.ts';
import { migrate } from '../../src/db/migrate.ts';
import { isUnavailable } from '../../src/db/ops.ts';
import { settings } from '../../src/db/schema.ts';
import { createEmptyDatabase } from '../helpers/database.ts';

test('closing waits for the transaction that is open and refuses what comes later', async () => {
  const { options, remove } = await createEmptyDatabase();
  const database = await openDatabase(options);
  await migrate(database);
  const row = { name: 'a', value: 1, updatedAt: 1 };
  let closed = false;
  let finish = () => {};
  const mayFinish = new Promise<void>((resolve) => {
    finish = resolve;
  });
  let entered = () => {};
  const inside = new Promise<void>((resolve) => {
    entered = resolve;
  });
  const writing = database.db.transaction(async (tx) => {
    await tx.insert(settings).values(row);
    entered();
    await mayFinish;
    expect(closed).toBe(false);
    return tx.select({ name: settings.name }).from(settings);
  });
  await inside;
  const closing = database.close().then(() => {
    closed = true;
  });
  setTimeout(finish, 30);
  expect(await writing).toEqual([{ name: 'a' }]);
  await closing;
  await database.close();
  await expect(database.db.insert(settings).values({ ...row, name: 'b' })).rejects.toSatisfy(isUnavailable);
  await expect(database.db.select().from(settings)).rejects.toSatisfy(isUnavailable);

  const again = await openDatabase(options);
  expect(await again.db.select({ name: settings.name }).from(settings)).toEqual([{ name: 'a' }]);
  await again.close();
  await remove();
});

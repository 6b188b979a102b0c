import { expect, test } from 'vitest';
import { yieldToEventLoop } from '../../src/db/event-loop.ts';
import { transact } from '../../src/db/ops.ts';
import { createSharedCommit } from '../../src/db/shared-commit.ts';
import { turns } from '../helpers/clock.ts';
import { tallies, useFixture } from './fixture.ts';

const open = useFixture();

async function steps(count: number): Promise<void> {
  for (let n = 0; n < count; n++) await null;
}

test('a transaction waits for nothing where nothing is to come, so that others write at once', async () => {
  const database = await open();
  const commit = createSharedCommit();
  let hasTurned = false;
  const waited = await transact(database, async (tx) => {
    setImmediate(() => {
      hasTurned = true;
    });
    await commit.takeAlong(tx);
    return hasTurned;
  });
  commit.committed();
  expect(waited).toBe(false);
});

test('a transaction takes along what is offered without waiting for anything, though it has more steps', async () => {
  const database = await open();
  const commit = createSharedCommit();
  const { written } = await transact(database, async (tx) => {
    const written = steps(100).then(() =>
      commit.offer(async (on) => {
        await on.insert(tallies).values({ name: 'far' });
      }),
    );
    await commit.takeAlong(tx);
    return { written };
  });
  commit.committed();
  expect(await written).toBe(true);
  expect(await database.db.select({ name: tallies.name }).from(tallies)).toEqual([{ name: 'far' }]);
});

test('a transaction waits for what comes, while the event loop turns once or twice', async () => {
  const database = await open();
  const [early, late] = [createSharedCommit(), createSharedCommit()];
  const names: string[] = [];
  const run = (commit: typeof early, name: string, ready: () => Promise<unknown>) => {
    let offered: Promise<boolean> | undefined;
    const written = transact(database, async (tx) => {
      commit.comes();
      offered ??= ready().then(() =>
        commit.offer(async (on) => {
          names.push(name);
          await on.insert(tallies).values({ name });
        }),
      );
      await commit.takeAlong(tx);
    });
    return written.then(() => {
      commit.committed();
      return offered;
    });
  };
  // A reading beside the transaction, and steps that wait for nothing.
  const read = () => yieldToEventLoop().then(() => steps(100));
  expect(await run(early, 'early', read)).toBe(true);
  expect(await run(late, 'late', () => turns(1_000))).toBe(false);
  expect(names).toEqual(['early']);
});

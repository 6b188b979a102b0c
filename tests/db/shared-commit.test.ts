import { expect, test } from 'vitest';
import { transact } from '../../src/db/ops.ts';
import { createSharedCommit } from '../../src/db/shared-commit.ts';
import { turns } from '../helpers/clock.ts';
import { tallies, useFixture } from './fixture.ts';

const open = useFixture();

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

test('a transaction waits for what comes, until the event loop turns', async () => {
  const database = await open();
  const [early, late] = [createSharedCommit(), createSharedCommit()];
  const names: string[] = [];
  const run = (commit: typeof early, name: string, ready: () => Promise<unknown>) => {
    commit.comes();
    const offered = ready().then(() =>
      commit.offer(async (tx) => {
        names.push(name);
        await tx.insert(tallies).values({ name });
      }),
    );
    return transact(database, (tx) => commit.takeAlong(tx)).then(() => {
      commit.committed();
      return offered;
    });
  };
  expect(await run(early, 'early', async () => undefined)).toBe(true);
  expect(await run(late, 'late', () => turns(1_000))).toBe(false);
  expect(names).toEqual(['early']);
});

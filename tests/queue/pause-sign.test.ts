/** What a session's line takes its row to show, where showing it fails. */
import { expect, test } from 'vitest';
import type { PauseRequest } from '../../src/queue/limit-pauses.ts';
import { PRIORITIES } from '../../src/queue/priority.ts';
import { createPauseSign } from '../../src/workers/dispatcher/pause-sign.ts';
import { silentLogger } from '../helpers/engine.ts';
import { createManualClock } from '../helpers/manual-clock.ts';

const clock = createManualClock(1_800_000_000_000);
const account = { id: 'a'.repeat(32), userId: 1, sessionId: 'main', owner: 'b'.repeat(32), fence: 1 };

function openSign() {
  const asked: (PauseRequest & { end(written: boolean | Error): Promise<void> })[] = [];
  const limitPauses = {
    show: (request: PauseRequest) =>
      new Promise<boolean>((resolve, reject) => {
        const end = async (written: boolean | Error) => {
          if (written instanceof Error) reject(written);
          else resolve(written);
          await Promise.resolve();
        };
        asked.push({ ...request, end });
      }),
    hurry: () => undefined,
    isBusy: () => false,
    stop: async () => undefined,
  };
  const refused: unknown[] = [];
  const sign = createPauseSign({ limitPauses, clock, logger: silentLogger }, account, () => refused.push(1));
  return { asked, refused, sign };
}

const until = clock.now() + 30_000;
const normal = { until, reason: 'hour_limit', priority: PRIORITIES.normal } as const;
const high = { ...normal, priority: PRIORITIES.high };

test('what was asked for and not written is asked for again, as a pause that is new', async () => {
  const { asked, sign } = openSign();
  sign.show(normal);
  sign.show(high);
  expect(asked.map(({ isNew }) => isNew)).toEqual([true, false]);
  for (const { end } of [...asked]) await end(new Error('the database is away'));
  sign.show(normal);
  expect(asked).toHaveLength(3);
  expect(asked[2]).toMatchObject({ ...normal, isNew: true });
});

test('what was written stays shown when what followed is refused', async () => {
  const { asked, refused, sign } = openSign();
  sign.show(normal);
  await asked[0]?.end(true);
  sign.show(high);
  await asked[1]?.end(false);
  expect(refused).toHaveLength(1);
  sign.show(normal);
  expect(asked).toHaveLength(2);
  sign.show(high);
  expect(asked[2]).toMatchObject({ isNew: false });
  sign.forget();
  sign.show(normal);
  expect(asked[3]).toMatchObject({ isNew: true });
});

import { describe, expect, test } from 'vitest';
import { dbType } from '../../src/db/kit.ts';
import { startKillWorld } from '../helpers/kill-world.ts';

/** 30 on each database; `npm run test:soak -- tests/soak/kills.test.ts` does a thousand. */
const KILLS = 30;
const WORLDS = dbType === 'sqlite' ? [1] : [1, 3];

describe.each(WORLDS)('%d processes', (processes) => {
  const share = KILLS / WORLDS.length;
  test(`${share} kill -9: text, images, codes, a group, what comes in and webhooks, each once and under its id`, async () => {
    const world = await startKillWorld(processes);
    try {
      const work = world.work();
      await world.killAtRandom(share, Math.random);
      await work.stop();
      const outcome = await world.settle();
      for (const count of Object.values(outcome)) expect(count).toBeGreaterThan(0);
    } finally {
      await world.stop();
    }
  }, 1_800_000);
});

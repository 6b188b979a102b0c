import { describe, expect, test } from 'vitest';
import { dbType } from '../../src/db/kit.ts';
import { startKillWorld } from '../helpers/kill-world.ts';

/** 16 on each database; `npm run test:soak -- tests/soak/kills.test.ts` does a thousand. */
const KILLS = 16;
const WORLDS = dbType === 'sqlite' ? [1] : [1, 3];
/** Another one each time, printed so that the kills can be had again. */
const SEED = Date.now() % 2 ** 31;

describe.each(WORLDS)('%d processes', (processes) => {
  const share = KILLS / WORLDS.length;
  test(`${share} kill -9: text, images, codes, a group, posts, polls, events, what comes in and webhooks, each once and under its id`, async () => {
    console.log(`seed ${SEED}`);
    const world = await startKillWorld(processes, SEED);
    try {
      const work = world.work();
      await world.killAtRandom(share);
      await work.stop();
      const { killed, ...counts } = await world.allArrived();
      for (const count of Object.values(counts)) expect(count).toBeGreaterThan(0);
      expect(killed.starting + killed.working + killed.stopping).toBeGreaterThanOrEqual(share);
    } finally {
      await world.stop();
    }
  }, 1_800_000);
});

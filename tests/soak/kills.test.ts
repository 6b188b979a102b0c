/** The long run of tests/e2e/kills.test.ts: KILLS of them (1,000 unless told otherwise), by one and by three processes. */
import { describe, expect, test } from 'vitest';
import { dbType } from '../../src/db/kit.ts';
import { startKillWorld } from '../helpers/kill-world.ts';

const KILLS = Number(process.env.KILLS ?? 1_000);
/** So many are followed by a look at everything, so that a fault is found near the kill that made it. */
const ROUND = 125;
const PROGRESS_MS = 60_000;
/** Another one each time, printed so that the kills can be had again. */
const SEED = Number(process.env.SEED ?? Date.now() % 2 ** 31);

describe.each(dbType === 'sqlite' ? [1] : [1, 3])('%d processes', (processes) => {
  const share = dbType === 'sqlite' ? KILLS : Math.ceil(KILLS / 2);
  test(
    `${share} kill -9 at random moments: nothing lost, nothing under two ids, no status goes back`,
    async () => {
      console.log(`seed ${SEED}`);
      const world = await startKillWorld(processes, SEED);
      const progress = setInterval(() => console.log(JSON.stringify(world.killed)), PROGRESS_MS);
      try {
        for (let done = 0; done < share; done += ROUND) {
          const from = performance.now();
          const work = world.work();
          await world.killAtRandom(Math.min(ROUND, share - done));
          await work.stop();
          const outcome = await world.allArrived();
          const seconds = Math.round((performance.now() - from) / 1_000);
          console.log(`${Math.min(done + ROUND, share)} kills, ${seconds} s: ${JSON.stringify(outcome)}`);
          expect(outcome.text).toBeGreaterThan(0);
        }
      } finally {
        clearInterval(progress);
        await world.stop();
      }
    },
    share * 60_000,
  );
});

/** How often the feeder looks for campaigns. */
import { afterAll, afterEach, beforeEach, expect, it } from 'vitest';
import { PRIORITIES } from '../../src/queue/priority.ts';
import { countStatements } from '../helpers/statements.ts';
import { type CampaignWorld, openCampaigns } from './campaign-fixture.ts';

const counter = countStatements();
let w: CampaignWorld;
beforeEach(async () => {
  w = await openCampaigns();
});
afterEach(() => w.close());
afterAll(() => counter.stop());

/** Of each look one. */
function looks(): number {
  const texts = [...counter.take().texts].filter(([text]) =>
    /from .campaigns. where .*due_at.*order by/s.test(text),
  );
  return texts
    .filter(([text]) => !text.includes('recall_at. is not null'))
    .reduce((sum, [, n]) => sum + n, 0);
}

it('is not more often when other messages are queued, and at once when a campaign may have begun', async () => {
  const accountId = await w.session('other');
  await w.clock.advance(2_000);
  looks();
  for (let n = 0; n < 40; n++) {
    w.t.deps.signals.wake(accountId, { priority: PRIORITIES.normal });
    await w.clock.advance(50);
  }
  // About once a second; each of these would be one, had it woken the look.
  const idle = looks();
  expect(idle).toBeGreaterThanOrEqual(1);
  expect(idle).toBeLessThanOrEqual(5);
  w.t.deps.signals.wake(accountId);
  await w.clock.advance(250);
  expect(looks()).toBeGreaterThanOrEqual(1);
});

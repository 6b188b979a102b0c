import { afterAll, beforeAll, expect, test } from 'vitest';
import {
  leftOver,
  type OvertakingWorld,
  sendCodes,
  startCampaign,
  startOvertaking,
} from '../helpers/overtaking.ts';

const GAP_MS = 1_200;
const RECIPIENTS = 300;
const CODES = 6;
/** From the end of the gap to the acknowledgement, on a machine that does much else. */
const SEND_MS = 1_000;

let world: OvertakingWorld;
beforeAll(async () => {
  world = await startOvertaking(GAP_MS);
}, 120_000);
afterAll(() => world?.stop());

test('a code sent while a campaign runs on its session is acknowledged within one pacing gap', async () => {
  const id = await startCampaign(world, RECIPIENTS);
  const told = await sendCodes(world, { codes: CODES, gapMs: GAP_MS });
  // The one that was being sent when the code came, and nothing else of the campaign.
  for (const { before } of told) expect(before).toBeLessThanOrEqual(1);
  for (const { tookMs } of told) expect(tookMs).toBeLessThanOrEqual(GAP_MS + SEND_MS);
  expect(await leftOver(world, id)).toBeGreaterThan(RECIPIENTS / 2);
}, 120_000);

import { afterAll, beforeAll, expect, test } from 'vitest';
import {
  leftOver,
  type OvertakingWorld,
  sendCodes,
  startCampaign,
  startOvertaking,
} from '../helpers/overtaking.ts';

const GAP_MS = 500;
const RECIPIENTS = 10_000;
const CODES = 100;
const SEND_MS = 1_000;

let world: OvertakingWorld;
beforeAll(async () => {
  world = await startOvertaking(GAP_MS);
}, 120_000);
afterAll(() => world?.stop());

test(`each of ${CODES} codes overtakes a campaign to ${RECIPIENTS} on its session within one pacing gap`, async () => {
  const id = await startCampaign(world, RECIPIENTS);
  const told = await sendCodes(world, { codes: CODES, gapMs: GAP_MS });
  const times = told.map(({ tookMs }) => tookMs).sort((a, b) => a - b);
  console.log(`gap ${GAP_MS} ms: median ${times[CODES / 2]} ms, slowest ${times.at(-1)} ms`);
  for (const { before } of told) expect(before).toBeLessThanOrEqual(1);
  expect(times.at(-1)).toBeLessThanOrEqual(GAP_MS + SEND_MS);
  expect(await leftOver(world, id)).toBeGreaterThan(RECIPIENTS / 2);
}, 600_000);

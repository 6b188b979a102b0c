/** How long a code takes on an idle queue, from the request to WhatsApp's acknowledgement, and a bare client's message. */
import { startChild } from '../gateway/child.ts';
import type { BareCalls } from '../gateway/processes/bare.ts';
import { goalOn, printPhases, printTable, ratio } from '../gateway/table.ts';
import { startWorld, takeProfile } from '../gateway/world.ts';
import { difference, useEach } from '../measure/database-use.ts';
import { loadAverage } from '../measure/loop.ts';
import { median, quantile } from '../measure/quantile.ts';
import { meetEverybody, phoneOf } from './recipients.ts';

const CODES = 400;
/** Before those, on both sides: a service that runs for some time has its code compiled. */
const WARM_CODES = 800;
/** Above the bare client, at the 99th percentile, and of its CPU time. */
const GOAL_MS = goalOn({ sqlite: 15, mysql: 25 });
const GOAL_CPU = goalOn({ sqlite: 2, mysql: 2.5 });
const SERVICE_PHONE = '6281110000000';
const BARE_PHONE = '6281110001000';
const HEAD = [
  '',
  'median ms',
  'p99 ms',
  'slowest ms',
  'CPU ms each',
  'p99 above the bare client',
  'CPU ratio',
];

/**
 * One at a time and in turn, so that whatever else the machine does meets both alike. A number gets one code only: its next one
 * would have to cool down.
 */
export async function benchLatency(): Promise<void> {
  const world = await startWorld();
  const bare = startChild<BareCalls>('bare');
  await bare.calls.connect({ target: world.target, phones: [BARE_PHONE] });
  await world.link('main', SERVICE_PHONE);
  await meetEverybody(world, bare, WARM_CODES + CODES);
  const took: { bare: number[]; service: number[] } = { bare: [], service: [] };
  const sendEach = async (from: number, to: number) => {
    for (let n = from; n < to; n++) {
      took.bare.push(await bare.calls.timeOne({ to: phoneOf(n), text: `Your code: ${100_000 + n}` }));
      const startMs = performance.now();
      // This one answers when the outcome is known.
      const answer = await world.api.post('/api/messages/main/otp', { to: phoneOf(n) });
      took.service.push(performance.now() - startMs);
      requireSent(answer);
    }
  };
  await sendEach(0, WARM_CODES);
  took.bare.length = 0;
  took.service.length = 0;
  const cpuMs = async () => ({ bare: await bare.calls.cpuMs(), service: await world.service.calls.cpuMs() });
  const databaseBefore = await world.databaseUse();
  const before = await cpuMs();
  await world.observed(CODES, () => sendEach(WARM_CODES, WARM_CODES + CODES));
  const after = await cpuMs();
  const database = difference(await world.databaseUse(), databaseBefore);
  const bareP99 = p99(took.bare);
  const spentMs = { bare: after.bare - before.bare, service: after.service - before.service };
  const row = (name: string, side: keyof typeof took, ...last: string[]) => {
    const times = took[side];
    const figures = [median(times), p99(times), Math.max(...times), spentMs[side] / CODES];
    return [name, ...figures.map((ms) => ms.toFixed(1)), ...last];
  };
  const above = (p99(took.service) - bareP99).toFixed(1);
  printTable(
    `${CODES} codes on an idle queue, known recipients (${world.title}, load average ${loadAverage()})`,
    HEAD,
    [
      row('bare Baileys: send to acknowledgement', 'bare', '', ''),
      row(
        'a code: POST to the answer "sent"',
        'service',
        `${above} ms (goal ${GOAL_MS})`,
        ratio(spentMs.service, spentMs.bare, GOAL_CPU),
      ),
    ],
  );
  console.log(`the database for each code: ${useEach(database, CODES)}`);
  printPhases(CODES, takeProfile()?.profiled);
  await bare.stop();
  await world.stop();
}

const p99 = (times: readonly number[]) => quantile(times, 0.99);

/** A receipt may have come before the answer left. */
function requireSent(answer: unknown): void {
  const status = Object(answer).data?.status;
  if (!['sent', 'delivered', 'read'].includes(status))
    throw new Error(`a code is ${status}: ${JSON.stringify(answer)}`);
}

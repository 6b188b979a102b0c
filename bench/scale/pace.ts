/** Many sessions that all send as much as their limits allow: how late does a message leave, and is a limit missed? */
import { setTimeout as delay } from 'node:timers/promises';
import { linkAll, waitSpread } from '../density/fleet.ts';
import { post, RECIPIENTS } from '../density/pace.ts';
import { printTable } from '../gateway/table.ts';
import { type Service, startGround, startService } from '../gateway/world.ts';
import { difference } from '../measure/database-use.ts';
import { loadAverage } from '../measure/loop.ts';

const PER_MINUTE = 20;
/** Each message goes out as soon as the limit of a minute allows: the client spaces them evenly. */
const PACED = { MAX_MESSAGES_PER_MINUTE: String(PER_MINUTE), NEW_CONTACTS_PER_DAY: '0' };
/** So that what was sent to get acquainted is out of the windows. */
const REST_MS = 62_000;
const DRAIN_MS = 120_000;
const GOAL_MS = 1_000;

/** Arguments: sessions, minutes, processes (several on MySQL only). */
export async function benchPace([
  sessions = 1_000,
  minutes = 10,
  processes = 1,
]: readonly number[]): Promise<void> {
  const ground = await startGround();
  const services: Service[] = [];
  for (let n = 0; n < processes; n++) services.push(await startService(ground, PACED));
  const [first] = services;
  if (!first) return;
  const linkedMs = performance.now();
  await linkAll(services, sessions);
  await waitSpread(services, { sessions, processes, moves: 0 });
  console.log(`${sessions} sessions linked in ${((performance.now() - linkedMs) / 1_000).toFixed(0)} s`);
  const everyMs = 60_000 / (sessions * PER_MINUTE);
  await post(services, { sessions, total: sessions * RECIPIENTS, everyMs });
  await waitSent(services, sessions * RECIPIENTS);
  await delay(REST_MS);
  await Promise.all(services.map(({ service }) => service.calls.forgetSent()));
  const total = Math.round(sessions * PER_MINUTE * minutes);
  const cpu = async () => sum(await Promise.all(services.map(({ service }) => service.calls.cpuMs())));
  const [since, databaseBefore, cpuBefore] = [Date.now(), await first.databaseUse(), await cpu()];
  await first.observed(total / services.length, async () => {
    await post(services, { sessions, total, everyMs });
    await waitSent(services, total);
  });
  const spentMs = Date.now() - since;
  const cpuMs = (await cpu()) - cpuBefore;
  const database = difference(await first.databaseUse(), databaseBefore);
  const { sent, unsent, sinceCommit, sinceAllowed, mostInMinute } = await first.service.calls.lateness({
    since,
    perMinute: PER_MINUTE,
  });
  const what = `${sessions} sessions at ${PER_MINUTE} messages a minute for ${minutes} min, ${processes} process(es)`;
  printTable(`${what} (${ground.title}, load average ${loadAverage()})`, HEAD, [
    [
      'until the acknowledgement: since the commit',
      `${sent} (${unsent} not)`,
      ((sent * 1_000) / spentMs).toFixed(0),
      sinceCommit.p50.toFixed(0),
      sinceCommit.p99.toFixed(0),
      sinceCommit.max.toFixed(0),
      '',
      '',
      '',
    ],
    [
      'since the commit and the limit',
      '',
      '',
      sinceAllowed.p50.toFixed(0),
      `${sinceAllowed.p99.toFixed(0)} (goal ${GOAL_MS})`,
      sinceAllowed.max.toFixed(0),
      `${mostInMinute} (limit ${PER_MINUTE})`,
      (cpuMs / total).toFixed(2),
      Number.isNaN(database.cpuMs) ? '' : (database.cpuMs / total).toFixed(2),
    ],
  ]);
  for (const service of services) await service.stop();
  await ground.stop();
}

const HEAD = [
  '',
  'sent',
  'per second',
  'p50 ms',
  'p99 ms',
  'max ms',
  'most in a minute',
  'CPU ms each',
  'database CPU ms',
];

const sum = (list: readonly number[]) => list.reduce((all, one) => all + one, 0);

/** Until all are sent, or no more are for a long time: what is missing is in the table. */
async function waitSent(services: readonly Service[], total: number): Promise<void> {
  const sentSoFar = async () =>
    sum(await Promise.all(services.map(({ service }) => service.calls.sentCount())));
  const endMs = performance.now() + DRAIN_MS;
  while ((await sentSoFar()) < total && performance.now() < endMs) await delay(200);
}

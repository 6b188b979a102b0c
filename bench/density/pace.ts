/** How late timers are in processes that carry many sessions, each of which sends at the pace of a careful person. */
import { setTimeout as delay } from 'node:timers/promises';
import { printTable } from '../gateway/table.ts';
import { type Service, startGround, startService } from '../gateway/world.ts';
import { waitUntil } from '../measure/until.ts';
import { linkAll, sessionName, waitSpread } from './fleet.ts';

const PER_MINUTE = 20;
const MINUTES = 2;
const WARM_MS = 300_000;
/** Of each session. The first message to each asks for devices and keys; that is done before the measuring. */
export const RECIPIENTS = 4;
const REST_MS = 10_000;
const PACED = {
  MESSAGE_DELAY_MIN: '2000',
  NEW_CONTACTS_PER_DAY: '0',
  MESSAGE_DELAY_MAX: '3900',
};
const GOAL = 'goal 50 and 200';

/**
 * 500 sessions in one process for two minutes unless the arguments say otherwise: sessions, processes (MySQL for
 * several), minutes.
 */
export async function benchPace([
  sessions = 500,
  processes = 1,
  minutes = MINUTES,
]: readonly number[]): Promise<void> {
  const ground = await startGround();
  const services: Service[] = [];
  for (let n = 0; n < processes; n++) services.push(await startService(ground, PACED));
  await linkAll(services, sessions);
  await waitSpread(services, { sessions, processes, moves: 0 });
  const everyMs = 60_000 / (sessions * PER_MINUTE);
  await post(services, { total: sessions * RECIPIENTS, everyMs, sessions });
  const sentSoFar = () => Promise.all(services.map(({ service }) => service.calls.sentCount()));
  const isWarm = async () => sum(await sentSoFar()) >= sessions * RECIPIENTS;
  await waitUntil('everybody is known', isWarm, { timeoutMs: WARM_MS });
  await delay(REST_MS);
  await Promise.all(services.map(({ service }) => service.calls.forgetSent()));
  const total = Math.round(sessions * PER_MINUTE * minutes);
  const posting = post(services, { total, everyMs, sessions });
  const before = await Promise.all(services.map(({ service }) => service.calls.cpuMs()));
  await Promise.all(services.map(({ service }) => service.calls.startDelays()));
  await delay(minutes * 60_000);
  const measured = await Promise.all(services.map(({ service }) => service.calls.stopDelays()));
  const after = await Promise.all(services.map(({ service }) => service.calls.cpuMs()));
  const sent = await sentSoFar();
  await posting;
  const ms = (value = Number.NaN) => value.toFixed(1);
  const rows = services.map((_, n) => {
    const { wall, own } = measured[n] ?? {};
    const busy = ((after[n] ?? 0) - (before[n] ?? 0)) / (minutes * 600);
    return [
      `process ${n + 1}`,
      ms(wall?.p50),
      ms(wall?.p99),
      ms(wall?.max),
      ms(own?.p99),
      ms(own?.max),
      `${busy.toFixed(0)} %`,
      String(sent[n]),
    ];
  });
  const head = ['', 'p50 ms', 'p99 ms', 'max ms', 'own p99', 'own max', 'CPU', 'sent'];
  const what = `${sessions} sessions at ${PER_MINUTE} messages a minute to known recipients, ${total} in all`;
  printTable(`Delay of the event loop: ${what} (${ground.title}; ${GOAL})`, head, rows);
  for (const service of services) await service.stop();
  await ground.stop();
}

const sum = (list: readonly number[]) => list.reduce((all, one) => all + one, 0);

/** One message after the other, for each session in turn, by each process in turn. */
export async function post(
  services: readonly Service[],
  { total, everyMs, sessions }: { total: number; everyMs: number; sessions: number },
): Promise<void> {
  const open = new Set<Promise<unknown>>();
  const startMs = performance.now();
  for (let n = 0; n < total; n++) {
    const leftMs = startMs + n * everyMs - performance.now();
    if (leftMs > 1) await delay(leftMs);
    const to = String(6281220000000 + (n % (sessions * RECIPIENTS)));
    const body = { session: sessionName(n % sessions), to, text: `paced ${n}` };
    const sending = services[n % services.length]?.api.post('/message/send-text', body);
    if (!sending) continue;
    const done = sending.finally(() => open.delete(done));
    open.add(done);
  }
  await Promise.all(open);
}

/** The gain of a second process: messages a second of the same sessions over two of them against one. */
import { readDatabaseOptions } from '../../scripts/database-options.ts';
import { printTable, ratio } from '../gateway/table.ts';
import { atOnce, type Service, startGround, startService } from '../gateway/world.ts';
import { freeShare, shareCpu } from '../measure/cpu-share.ts';
import { median } from '../measure/quantile.ts';
import { waitUntil } from '../measure/until.ts';
import { linkAll, sessionName, waitSpread } from './fleet.ts';

const GOAL = 1.6;
/** Of a core for each process: the emulated WhatsApp, the database and the client want to run as well. */
const SHARE = 0.55;
const ROUNDS = 5;
const EACH = 40;
const RECIPIENTS = Array.from({ length: 20 }, (_, n) => String(6281220000000 + n));

interface Run {
  perSecond: number;
  /** of all processes of the service together */
  cpuMsEach: number;
}

async function sendAll(services: readonly Service[], sessions: number): Promise<Run> {
  const total = sessions * EACH;
  const cpu = async () => sum(await Promise.all(services.map(({ service }) => service.calls.cpuMs())));
  const sent = async () => sum(await Promise.all(services.map(({ service }) => service.calls.sentCount())));
  await Promise.all(services.map(({ service }) => service.calls.forgetSent()));
  const [startMs, startCpuMs] = [performance.now(), await cpu()];
  await atOnce(async (n) => {
    if (n >= total) return false;
    const to = RECIPIENTS[Math.floor(n / sessions) % RECIPIENTS.length];
    const body = { session: sessionName(n % sessions), to, text: `bench ${n}` };
    await services[n % services.length]?.api.post('/message/send-text', body);
    return true;
  });
  await waitUntil('all messages are sent', async () => (await sent()) >= total, { everyMs: 20 });
  const seconds = (performance.now() - startMs) / 1_000;
  return { perSecond: total / seconds, cpuMsEach: ((await cpu()) - startCpuMs) / total };
}

const sum = (list: readonly number[]) => list.reduce((all, one) => all + one, 0);

/** Arguments: sessions, and each process's share of a core (1: no limit). */
export async function benchProcesses([sessions = 40, share = SHARE]: readonly number[]): Promise<void> {
  if (readDatabaseOptions().type === 'sqlite') {
    console.log('\nTwo processes need DB_TYPE=mysql: SQLite serves one.');
    return;
  }
  const ground = await startGround();
  const services = [await startService(ground)];
  const [first] = services;
  if (!first) return;
  await linkAll(services, sessions);
  const limit = ({ service }: Service) => shareCpu(service.pid, share);
  const limited = share < 1 && limit(first);
  const measure = async () => {
    const runs: Run[] = [];
    for (let n = 0; n <= ROUNDS; n++) {
      const run = await sendAll(services, sessions);
      if (n > 0) runs.push(run);
      await ground.emulator.calls.reset();
    }
    return runs;
  };
  const alone = await measure();
  services.push(await startService(ground));
  await waitSpread(services, { sessions, processes: 2, moves: sessions / 2 });
  if (limited) services.slice(1).forEach(limit);
  const both = await measure();
  const row = (name: string, runs: readonly Run[]) => [
    name,
    median(runs.map(({ perSecond }) => perSecond)).toFixed(0),
    median(runs.map(({ cpuMsEach }) => cpuMsEach)).toFixed(2),
  ];
  const rate = (runs: readonly Run[]) => median(runs.map(({ perSecond }) => perSecond));
  const cpu = (runs: readonly Run[]) => median(runs.map(({ cpuMsEach }) => cpuMsEach));
  const head = ['', 'per second', 'CPU ms each', 'ratio', 'CPU ratio'];
  const cores = limited ? `each process with ${share} of a core` : 'all on the cores there are';
  printTable(`Messages acknowledged, ${sessions} sessions, ${cores} (${ground.title})`, head, [
    [...row('one process', alone), '', ''],
    [
      ...row('two processes', both),
      ratio(rate(both), rate(alone), GOAL),
      (cpu(both) / cpu(alone)).toFixed(2),
    ],
  ]);
  for (const service of services) {
    await service.stop();
    freeShare(service.service.pid);
  }
  await ground.stop();
}

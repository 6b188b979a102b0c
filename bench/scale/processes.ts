/** 1, 2, 4 and, if asked, 8 processes on one database: does a message cost the same, and does anything wait for a lock? */
import { setTimeout as delay } from 'node:timers/promises';
import { readDatabaseOptions } from '../../scripts/database-options.ts';
import { linkAll, sessionName, waitSpread } from '../density/fleet.ts';
import { printTable } from '../gateway/table.ts';
import { atOnce, type Service, startGround, startService } from '../gateway/world.ts';
import { freeShare, shareCpu } from '../measure/cpu-share.ts';
import { type DatabaseUse, difference } from '../measure/database-use.ts';
import { loadAverage } from '../measure/loop.ts';
import { median } from '../measure/quantile.ts';
import { waitUntil } from '../measure/until.ts';

const PROCESSES = [1, 2, 4, 8];
/** Processes and sessions of each of them, unless the arguments say otherwise: a few minutes in all. */
const MOST = 4;
const SESSIONS_EACH = 10;
/**
 * Of a core for each process, the same in every case: eight of them, the database, the emulated WhatsApp and the client fit
 * on two cores.
 */
const SHARE = 0.1;
const ROUNDS = 3;
/** Rounds before those, with the whole machine: Node compiles what runs often, and after one round it still has most to do. */
const WARM_UP_ROUNDS = 4;
/** CPU time of a message against that with one process. */
const GOAL = 1.1;
/** Messages of one round for each process: what it sends in some ten seconds. */
const EACH_PROCESS = 240;
const RECIPIENTS = Array.from({ length: 20 }, (_, n) => String(6281220000000 + n));
const HEAD = [
  '',
  'per second',
  'CPU ms each',
  'against one',
  'database CPU ms',
  'statements',
  'transactions',
  'lock waits',
  'ms waited each',
  'load',
];

interface Run {
  perSecond: number;
  /** of all processes of the service together */
  cpuMs: number;
  database: DatabaseUse;
}

/** Arguments: the most processes, the sessions of each, and each one's share of a core (1: no limit). */
export async function benchProcesses([
  most = MOST,
  sessionsEach = SESSIONS_EACH,
  share = SHARE,
]: readonly number[]): Promise<void> {
  if (readDatabaseOptions().type === 'sqlite') {
    console.log('\nSeveral processes need --database mysql: SQLite serves one.');
    return;
  }
  const rows: string[][] = [];
  let alone = Number.NaN;
  for (const processes of PROCESSES.filter((one) => one <= most)) {
    const sessions = processes * sessionsEach;
    const startMs = performance.now();
    const runs = await measureCase(processes, sessions, share);
    const of = (pick: (run: Run) => number) => median(runs.map(pick));
    const cpuMs = of((run) => run.cpuMs);
    if (processes === 1) alone = cpuMs;
    rows.push([
      `${processes} processes, ${sessions} sessions`,
      of((run) => run.perSecond).toFixed(0),
      cpuMs.toFixed(2),
      `${(cpuMs / alone).toFixed(2)} (goal ${GOAL})`,
      ...(['cpuMs', 'statements', 'transactions', 'lockWaits', 'lockWaitMs'] as const).map((field) =>
        of((run) => run.database[field]).toFixed(2),
      ),
      loadAverage(),
    ]);
    console.log(`${processes} process(es): ${((performance.now() - startMs) / 1_000).toFixed(0)} s`);
  }
  printTable(`Messages acknowledged, each process with ${share} of a core (MariaDB)`, HEAD, rows);
}

async function measureCase(processes: number, sessions: number, share: number): Promise<Run[]> {
  const ground = await startGround();
  const services: Service[] = [];
  try {
    while (services.length < processes) services.push(await startService(ground));
    await linkAll(services, sessions);
    await waitSpread(services, { sessions, processes, moves: 0 });
    for (let n = 0; n < WARM_UP_ROUNDS; n++) await sendAll(services, sessions);
    const isLimited = share < 1 && services.every(({ service }) => shareCpu(service.pid, share));
    if (share < 1 && !isLimited) console.log('warning: no CPU share can be given here: all run unlimited');
    const runs: Run[] = [];
    for (let n = 0; n < ROUNDS; n++) {
      await ground.emulator.calls.reset();
      const measured = () => sendAll(services, sessions);
      const [first] = services;
      const isSeen = n === ROUNDS - 1 && first !== undefined;
      runs.push(await (isSeen ? first.observed(EACH_PROCESS, measured) : measured()));
    }
    return runs;
  } finally {
    for (const one of services) {
      await one.stop();
      freeShare(one.service.pid);
    }
    await ground.stop();
  }
}

/**
 * Each process has clients of its own, as many as one alone: answers that come together bring requests that come together, and that
 * is the same for each. Of four processes each has three requests of four for sessions of others.
 */
async function sendAll(services: readonly Service[], sessions: number): Promise<Run> {
  const each = Math.ceil((EACH_PROCESS * services.length) / sessions);
  const total = sessions * each;
  const [meter] = services;
  if (!meter) throw new Error('no process runs');
  const cpu = async () => sum(await Promise.all(services.map(({ service }) => service.calls.cpuMs())));
  const sent = async () => sum(await Promise.all(services.map(({ service }) => service.calls.sentCount())));
  await Promise.all(services.map(({ service }) => service.calls.forgetSent()));
  const databaseBefore = await meter.databaseUse();
  const cpuBefore = await cpu();
  const startMs = performance.now();
  let next = 0;
  const clientsOf = (service: Service) =>
    atOnce(async () => {
      const n = next++;
      if (n >= total) return false;
      const to = RECIPIENTS[Math.floor(n / sessions) % RECIPIENTS.length];
      await postUntilTaken(service, { session: sessionName(n % sessions), to, text: `bench ${n}` });
      return true;
    });
  await Promise.all(services.map(clientsOf));
  await waitUntil('all messages are sent', async () => (await sent()) >= total, { timeoutMs: SEND_MS });
  const seconds = (performance.now() - startMs) / 1_000;
  await delay(RECEIPTS_MS);
  const use = difference(await meter.databaseUse(), databaseBefore);
  return {
    perSecond: total / seconds,
    cpuMs: ((await cpu()) - cpuBefore) / total,
    database: {
      cpuMs: use.cpuMs / total,
      statements: use.statements / total,
      transactions: use.transactions / total,
      lockWaits: use.lockWaits / total,
      lockWaitMs: use.lockWaitMs / total,
    },
  };
}

/** A process on a small share may refuse for a moment (503): then nothing was queued, and the client asks again. */
async function postUntilTaken({ api }: Service, body: object): Promise<void> {
  for (let tries = 1; ; tries++) {
    try {
      await api.post('/message/send-text', body);
      return;
    } catch (error) {
      if (tries >= MAX_TRIES || !String(error).includes(': 503 ')) throw error;
      await delay(tries * 200);
    }
  }
}
const MAX_TRIES = 10;
const SEND_MS = 180_000;

/** Receipts come up to 80 ms after the acknowledgement, and are written some time later under a share. */
const RECEIPTS_MS = 1_000;

const sum = (list: readonly number[]) => list.reduce((all, one) => all + one, 0);

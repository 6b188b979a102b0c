/**
 * `npm run bench -- gateway [enqueue|send|sessions] [rounds]`: the service against what it is built on, both in one run
 * and in turn: enqueues a second against a bare Hono with one INSERT, messages a second against a bare Baileys
 * loop, and messages a second after 300 sessions were opened and closed. Medians of 5 rounds, after one that nobody
 * counts: it warms the recipients and the code.
 */
import { setTimeout as delay } from 'node:timers/promises';
import { MAX_IN_FLIGHT } from '../src/workers/dispatcher/line-plan.ts';
import { type Child, startChild } from './gateway/child.ts';
import type { BareCalls } from './gateway/processes/bare.ts';
import {
  addUp,
  cellsOf,
  DATABASE_HEAD,
  databaseCells,
  goalOn,
  printPhases,
  printTable,
  type Round,
  ratio,
  summarize,
} from './gateway/table.ts';
import { atOnce, isObserving, openApi, startWorld, takeProfile, type World } from './gateway/world.ts';
import { difference } from './measure/database-use.ts';
import { isProfiling } from './measure/profile.ts';

const ROUNDS = Number(process.argv[3] ?? 5);
/** Of a slice: about half a second. */
const ENQUEUES = 1_000;
const RECIPIENTS = Array.from({ length: 20 }, (_, n) => String(6281220000000 + n));
/** As many messages of a session as the service leaves unacknowledged. */
const WINDOW = MAX_IN_FLIGHT;
/**
 * How fast the machine is changes within seconds: in a round both sides take turns, so that it meets both. A slice of
 * sending has several windows of each session.
 */
const SLICES = 8;
const CASES = [
  { sessions: 1, each: 12 * WINDOW },
  { sessions: 20, each: 3 * WINDOW },
];
const CHURN = 300;
const CHURN_AT_ONCE = 10;
/** Receipts come up to 80 ms after the acknowledgement, and logs are written later; they belong to the message's cost. */
const RECEIPTS_MS = 300;
const HEAD = ['', 'per second', 'spread', 'CPU ms each', 'ratio', 'CPU ratio', ...DATABASE_HEAD];

const phoneOf = (n: number) => String(6281110000000 + n);

async function measureRound(
  world: World,
  count: number,
  work: () => Promise<void>,
  cpuMs: () => Promise<number>,
): Promise<Round> {
  const databaseBefore = await world.databaseUse();
  const cpuBefore = await cpuMs();
  const startMs = performance.now();
  await work();
  const seconds = (performance.now() - startMs) / 1_000;
  await delay(RECEIPTS_MS);
  const spentMs = (await cpuMs()) - cpuBefore;
  return { count, seconds, cpuMs: spentMs, database: difference(await world.databaseUse(), databaseBefore) };
}

async function benchEnqueue(): Promise<void> {
  const world = await startWorld();
  const bare = openApi(world.bareUrl);
  await world.link('bench', phoneOf(0));
  await world.service.calls.pauseSession('bench');
  const sides = {
    bare: (body: object) => bare.post('/', body),
    api: (body: object) => world.api.post('/message/send-text', body),
  };
  let posted = 0;
  const post = async (side: keyof typeof sides, count: number): Promise<void> => {
    const from = posted;
    posted += count;
    await atOnce(async (n) => {
      if (n >= count) return false;
      const to = String(6281230000000 + ((from + n) % 5_000));
      await sides[side]({ session: 'bench', to, text: `hello ${from + n}` });
      return true;
    });
  };
  const slice = async (side: keyof typeof sides): Promise<Round> => {
    const cpuMs = () => world.service.calls.cpuMs();
    const round = await measureRound(world, ENQUEUES, () => post(side, ENQUEUES), cpuMs);
    await world.service.calls.emptyQueue();
    return round;
  };
  const rounds: Record<keyof typeof sides, Round[]> = { bare: [], api: [] };
  for (let n = 0; n <= ROUNDS; n++) {
    const slices: Record<keyof typeof sides, Round[]> = { bare: [], api: [] };
    for (let k = 0; k < SLICES; k++) {
      for (const side of ['bare', 'api'] as const) slices[side].push(await slice(side));
    }
    if (n === 0) continue;
    for (const side of ['bare', 'api'] as const) rounds[side].push(addUp(slices[side]));
  }
  // Both sides are in one process: what is looked at is a round without the other one.
  const count = SLICES * ENQUEUES;
  if (isObserving()) await world.observed(count, () => post('api', count));
  const [one, other] = [summarize(rounds.bare), summarize(rounds.api)];
  printTable(`Durable enqueues, 32 connections (${world.title})`, HEAD, [
    ['bare Hono, one INSERT', ...cellsOf(one), '', '', ...databaseCells(one)],
    [
      'POST /message/send-text',
      ...cellsOf(other),
      ratio(other.perSecond, one.perSecond, 0.6),
      (other.cpuMsEach / one.cpuMsEach).toFixed(2),
      ...databaseCells(other),
    ],
  ]);
  await bare.close();
  await world.stop();
}

/** Posts `each` messages for each session and waits until WhatsApp has acknowledged all of them. */
async function sendThroughService(world: World, sessions: number, each: number): Promise<void> {
  const total = sessions * each;
  await world.service.calls.forgetSent();
  const sent = world.service.calls.waitSent(total);
  await atOnce(async (n) => {
    if (n >= total) return false;
    const to = RECIPIENTS[Math.floor(n / sessions) % RECIPIENTS.length];
    await world.api.post('/message/send-text', { session: `bench-${n % sessions}`, to, text: `bench ${n}` });
    return true;
  });
  await sent;
}

async function benchSend(): Promise<void> {
  for (const { sessions, each } of CASES) {
    const world = await startWorld();
    const bare: Child<BareCalls> = startChild<BareCalls>('bare');
    const phones = Array.from({ length: sessions }, (_, n) => phoneOf(n));
    await bare.calls.connect({ target: world.target, phones: phones.map((_, n) => phoneOf(1_000 + n)) });
    for (const [n, phone] of phones.entries()) await world.link(`bench-${n}`, phone);
    const sides = {
      bare: {
        work: (count: number) => bare.calls.send({ each: count, window: WINDOW, recipients: RECIPIENTS }),
        cpuMs: () => bare.calls.cpuMs(),
      },
      service: {
        work: (count: number) => sendThroughService(world, sessions, count),
        cpuMs: () => world.service.calls.cpuMs(),
      },
    };
    const slice = async (side: keyof typeof sides): Promise<Round> => {
      const { work, cpuMs } = sides[side];
      const round = await measureRound(world, sessions * each, () => work(each), cpuMs);
      await world.emulator.calls.reset();
      return round;
    };
    const takeTurns = async () => {
      const slices: Record<keyof typeof sides, Round[]> = { bare: [], service: [] };
      for (let n = 0; n < SLICES; n++) {
        for (const side of ['bare', 'service'] as const) slices[side].push(await slice(side));
      }
      return { bare: addUp(slices.bare), service: addUp(slices.service) };
    };
    const rounds: Record<keyof typeof sides, Round[]> = { bare: [], service: [] };
    for (let n = 0; n <= ROUNDS; n++) {
      const isSeen = n === ROUNDS;
      if (isSeen && isProfiling()) await bare.calls.startProfile();
      const count = SLICES * sessions * each;
      const round = await (isSeen ? world.observed(count, takeTurns) : takeTurns());
      if (isSeen && isProfiling())
        printPhases(count, takeProfile()?.profiled, await bare.calls.stopProfile());
      if (n === 0) continue;
      for (const side of ['bare', 'service'] as const) rounds[side].push(round[side]);
    }
    const [one, other] = [summarize(rounds.bare), summarize(rounds.service)];
    printTable(`Messages acknowledged, ${sessions} session(s), known recipients (${world.title})`, HEAD, [
      ['bare Baileys loop', ...cellsOf(one), '', '', '', '', ''],
      [
        'the service, from POST to acknowledgement',
        ...cellsOf(other),
        ratio(other.perSecond, one.perSecond, goalOn({ sqlite: 0.88, mysql: 0.65 })),
        ratio(other.cpuMsEach, one.cpuMsEach, goalOn({ sqlite: 1.25, mysql: 1.7 })),
        ...databaseCells(other),
      ],
    ]);
    await bare.stop();
    await world.stop();
  }
}

async function benchSessions(): Promise<void> {
  const world = await startWorld();
  const sessions = 2;
  const each = 200;
  for (let n = 0; n < sessions; n++) await world.link(`bench-${n}`, phoneOf(n));
  const measureAll = async (): Promise<Round[]> => {
    const rounds: Round[] = [];
    for (let n = 0; n <= ROUNDS; n++) {
      const work = () => sendThroughService(world, sessions, each);
      const round = await measureRound(world, sessions * each, work, () => world.service.calls.cpuMs());
      if (n > 0) rounds.push(round);
      await world.emulator.calls.reset();
    }
    return rounds;
  };
  const before = summarize(await measureAll());
  for (let at = 0; at < CHURN; at += CHURN_AT_ONCE) {
    const names = Array.from({ length: CHURN_AT_ONCE }, (_, n) => `churn-${at + n}`);
    await Promise.all(names.map((name, n) => world.link(name, phoneOf(2_000 + at + n))));
    await Promise.all(names.map((name) => world.api.remove(`/session/${name}`)));
  }
  const after = summarize(await measureAll());
  printTable(`Messages acknowledged, ${sessions} sessions (${world.title})`, HEAD, [
    ['before', ...cellsOf(before), '', '', ...databaseCells(before)],
    [
      `after ${CHURN} sessions were opened and closed`,
      ...cellsOf(after),
      ratio(after.perSecond, before.perSecond, 0.9),
      (after.cpuMsEach / before.cpuMsEach).toFixed(2),
      ...databaseCells(after),
    ],
  ]);
  await world.stop();
}

const parts = { enqueue: benchEnqueue, send: benchSend, sessions: benchSessions };
const wanted = process.argv[2];
for (const [name, run] of Object.entries(parts)) {
  if (wanted === undefined || wanted === name) await run();
}

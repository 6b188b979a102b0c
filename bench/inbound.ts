/**
 * `npm run bench -- inbound [messages] [rounds]`: what comes in, per second: until it is stored and confirmed to WhatsApp,
 * and until the webhook's receiver has it, and the CPU time that all of it takes; beside a bare Baileys client, which opens
 * and confirms the same and keeps nothing; both in turn. One person per session writes as fast as the emulator can seal.
 */
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { type Child, startChild } from './gateway/child.ts';
import type { BareCalls } from './gateway/processes/bare.ts';
import {
  addUp,
  cellsOf,
  DATABASE_HEAD,
  databaseCells,
  printPhases,
  printTable,
  type Round,
  ratio,
  summarize,
} from './gateway/table.ts';
import { startWorld, takeProfile, type World } from './gateway/world.ts';
import { difference } from './measure/database-use.ts';
import { isProfiling } from './measure/profile.ts';
import { waitUntil } from './measure/until.ts';

const TOTAL = Number(process.argv[2] ?? 2_000);
const CASES = [1, 10];
const ROUNDS = Number(process.argv[3] ?? 3);
/** How fast the machine is changes within seconds: in a round both sides take turns, so that it meets both. */
const SLICES = 5;
const OFTEN = { everyMs: 10 };
const GOAL = process.env.DB_TYPE === 'mysql' ? 0.5 : 0.7;
const HEAD = ['', 'per second', 'spread', 'CPU ms each', 'ratio', 'CPU ratio', ...DATABASE_HEAD];

interface Receiver {
  url: string;
  count(): number;
  close(): void;
}

/** Answers every event at once, and counts them. */
async function startReceiver(): Promise<Receiver> {
  let count = 0;
  const server = createServer((request, response) => {
    request.resume().on('end', () => {
      count += 1;
      response.end();
    });
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}/`,
    count: () => count,
    close() {
      server.closeAllConnections();
      server.close();
    },
  };
}

/** Messages that the server has not been told of yet. */
async function unconfirmed(world: World): Promise<number> {
  const sessions = asSessions(await (await fetch(`${world.target.url}/sessions`)).json());
  return sessions.reduce((sum, { pending }) => sum + pending, 0);
}

/** Safe because this is what the emulator's control API answers. */
function asSessions(answer: unknown): { pending: number }[] {
  return answer as { pending: number }[];
}

async function deliver(world: World, to: string, count: number): Promise<void> {
  const body = JSON.stringify({ to, from: `62899${to.slice(-8)}`, text: 'message {n}', count });
  const headers = { 'content-type': 'application/json' };
  const response = await fetch(`${world.target.url}/deliver`, { method: 'POST', headers, body });
  if (!response.ok) throw new Error(await response.text());
}

/** What was told is noted, and logs are written, after that; it belongs to the message's cost. */
const NOTES_MS = 300;
const MEASURED = ['bare', 'confirmed', 'told'] as const;
type Measured = (typeof MEASURED)[number];

interface Side {
  phones: readonly string[];
  cpuMs(): Promise<number>;
  /** Resolves when somebody has heard of all messages that came since the call before, `count` of them. */
  told?(count: number): Promise<void>;
}

/** One round of one side: until all is confirmed, and until the webhook's receiver has all. */
async function measure(world: World, side: Side, total: number): Promise<{ confirmed: Round; told: Round }> {
  const databaseBefore = await world.databaseUse();
  const cpuBefore = await side.cpuMs();
  const startMs = performance.now();
  const seconds = () => (performance.now() - startMs) / 1_000;
  await Promise.all(side.phones.map((phone) => deliver(world, phone, total / side.phones.length)));
  await waitUntil('all is confirmed', async () => (await unconfirmed(world)) === 0, OFTEN);
  const confirmedAfter = seconds();
  await side.told?.(total);
  const toldAfter = seconds();
  await delay(NOTES_MS);
  const cpuMs = (await side.cpuMs()) - cpuBefore;
  const database = difference(await world.databaseUse(), databaseBefore);
  const round = (took: number): Round => ({ count: total, seconds: took, cpuMs, database });
  return { confirmed: round(confirmedAfter), told: round(toldAfter) };
}

const phonesOf = (prefix: string, count: number) =>
  Array.from({ length: count }, (_, n) => `${prefix}${String(n).padStart(8, '0')}`);

async function measureCase(
  world: World,
  receiver: Receiver,
  sessions: number,
  linked: number,
): Promise<void> {
  const slice = Math.floor(TOTAL / SLICES / sessions) * sessions;
  const phones = phonesOf('62811', sessions);
  const barePhones = phonesOf(`6281${sessions}9`, sessions);
  for (const [n, phone] of phones.entries()) if (n >= linked) await world.link(`in-${n}`, phone);
  const bare: Child<BareCalls> = startChild<BareCalls>('bare');
  await bare.calls.connect({ target: world.target, phones: barePhones });
  let heard = receiver.count();
  const sides: Record<'bare' | 'service', Side> = {
    bare: { phones: barePhones, cpuMs: () => bare.calls.cpuMs() },
    service: {
      phones,
      cpuMs: () => world.service.calls.cpuMs(),
      async told(count) {
        await waitUntil('all was told', async () => receiver.count() - heard >= count, OFTEN);
        heard = receiver.count();
      },
    },
  };
  const takeTurns = async (): Promise<Record<Measured, Round>> => {
    const slices: Record<Measured, Round[]> = { bare: [], confirmed: [], told: [] };
    for (let n = 0; n < SLICES; n++) {
      slices.bare.push((await measure(world, sides.bare, slice)).confirmed);
      const { confirmed, told } = await measure(world, sides.service, slice);
      slices.confirmed.push(confirmed);
      slices.told.push(told);
    }
    return { bare: addUp(slices.bare), confirmed: addUp(slices.confirmed), told: addUp(slices.told) };
  };
  const rounds: Record<Measured, Round[]> = { bare: [], confirmed: [], told: [] };
  for (let n = 0; n <= ROUNDS; n++) {
    const isSeen = n === ROUNDS;
    if (isSeen && isProfiling()) await bare.calls.startProfile();
    const count = SLICES * slice;
    const round = await (isSeen ? world.observed(count, takeTurns) : takeTurns());
    if (isSeen && isProfiling()) printPhases(count, takeProfile()?.profiled, await bare.calls.stopProfile());
    // The first round makes the keys of both.
    if (n === 0) continue;
    for (const side of MEASURED) rounds[side].push(round[side]);
  }
  const one = summarize(rounds.bare);
  const row = (name: string, of: Round[]) => {
    const other = summarize(of);
    const ratios = [
      ratio(other.perSecond, one.perSecond, GOAL),
      (other.cpuMsEach / one.cpuMsEach).toFixed(2),
    ];
    return [name, ...cellsOf(other), ...ratios, ...databaseCells(other)];
  };
  printTable(`Messages that came in, ${sessions} session(s) (${world.title})`, HEAD, [
    ['bare Baileys: opened and confirmed', ...cellsOf(one), '', '', '', '', ''],
    row('the service: stored and confirmed', rounds.confirmed),
    row('the same, until the webhook has all', rounds.told),
  ]);
  await bare.stop();
}

process.env.WEBHOOK_ALLOW_PRIVATE = 'true';
const receiver = await startReceiver();
const world = await startWorld();
try {
  await world.api.post('/webhook', { url: receiver.url, events: ['message.received'] });
  let linked = 0;
  for (const sessions of CASES) {
    await measureCase(world, receiver, sessions, linked);
    linked = sessions;
  }
} finally {
  await world.stop();
  receiver.close();
}

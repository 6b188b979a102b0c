/**
 * `npm run bench -- inbound [messages]`: what comes in, per second: until it is stored and confirmed to WhatsApp, and
 * until the webhook's receiver has it, and the CPU time that all of it takes. One person per session writes as fast as the emulator can seal.
 */
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { startWorld, type World } from './gateway/world.ts';
import { difference, useEach } from './measure/database-use.ts';

const TOTAL = Number(process.argv[2] ?? 2_000);
const CASES = [1, 10];
const ROUNDS = 3;
const TIMEOUT_MS = 120_000;

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

async function until(look: () => Promise<boolean>): Promise<void> {
  const endMs = performance.now() + TIMEOUT_MS;
  while (!(await look())) {
    if (performance.now() > endMs) throw new Error(`not done in ${TIMEOUT_MS} ms`);
    await delay(10);
  }
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

const perSecond = (count: number, ms: number) => Math.round((count * 1_000) / ms);
const median = (values: number[]) => [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)] ?? 0;

/** One round: rates until stored and until told. */
async function measure(world: World, receiver: Receiver, phones: readonly string[]) {
  const each = Math.floor(TOTAL / phones.length);
  const total = each * phones.length;
  const before = receiver.count();
  const databaseBefore = await world.databaseUse();
  const cpuBefore = await world.service.calls.cpuMs();
  const startMs = performance.now();
  await Promise.all(phones.map((phone) => deliver(world, phone, each)));
  await until(async () => (await unconfirmed(world)) === 0);
  const storedMs = performance.now() - startMs;
  await until(async () => receiver.count() - before >= total);
  const toldMs = performance.now() - startMs;
  const cpuMs = ((await world.service.calls.cpuMs()) - cpuBefore) / total;
  const database = useEach(difference(await world.databaseUse(), databaseBefore), total);
  return { stored: perSecond(total, storedMs), told: perSecond(total, toldMs), cpuMs, database };
}

process.env.WEBHOOK_ALLOW_PRIVATE = 'true';
const receiver = await startReceiver();
const world = await startWorld();
try {
  await world.api.post('/webhook', { url: receiver.url, events: ['message.received'] });
  console.log(`${world.title}: inbound messages a second, ${TOTAL} a round, median of ${ROUNDS}`);
  const phones: string[] = [];
  for (const sessions of CASES) {
    while (phones.length < sessions) {
      const phone = `62811${String(phones.length).padStart(8, '0')}`;
      await world.link(`in-${phones.length}`, phone);
      phones.push(phone);
    }
    await measure(world, receiver, phones);
    const rounds = [];
    for (let round = 1; round <= ROUNDS; round += 1) {
      const measured = () => measure(world, receiver, phones);
      rounds.push(await (round === ROUNDS ? world.observed(TOTAL, measured) : measured()));
    }
    const stored = median(rounds.map((round) => round.stored));
    const told = median(rounds.map((round) => round.told));
    const cpuMs = median(rounds.map((round) => round.cpuMs)).toFixed(2);
    console.log(
      `  ${String(sessions).padStart(3)} session(s)   stored ${stored}   webhook received ${told}   CPU ms each ${cpuMs}\n` +
        `      the database for each, in the last round: ${rounds.at(-1)?.database}`,
    );
  }
} finally {
  await world.stop();
  receiver.close();
}

/** How long a code takes to the phone while a campaign runs on the same session, and a bare client's message meanwhile. */
import { setTimeout as delay } from 'node:timers/promises';
import { type Child, startChild } from '../gateway/child.ts';
import type { BareCalls } from '../gateway/processes/bare.ts';
import { printTable } from '../gateway/table.ts';
import { startWorld, type World } from '../gateway/world.ts';
import { difference, useEach } from '../measure/database-use.ts';
import { loadAverage } from '../measure/loop.ts';
import { quantile } from '../measure/quantile.ts';
import { waitUntil } from '../measure/until.ts';
import { meetEverybody, phoneOf } from '../otp/recipients.ts';
import { contactOf } from './contacts.ts';

const CODES = 200;
/** Between two codes: each meets the campaign at another moment of its messages. */
const EVERY_MS = 60;
/** Above a bare client's message and what may be on the wire when the code comes. */
const GOAL_MS = 20;
const SERVICE_PHONE = '6281110000000';
const BARE_PHONE = '6281110001000';
const BROADCAST = '/session/main/broadcast';
/** Lines of one file: far below the limit of a request's body. */
const CSV_LINES = 5_000;
/** The campaign is under way: its first messages have left. */
const UNDER_WAY = 100;
const START_TIMEOUT_MS = 300_000;
const ARRIVAL_TIMEOUT_MS = 10_000;
const HEAD = ['', 'n', 'p50 ms', 'p99 ms', 'max ms', 'p99 above the bare one and the wire'];

/** A number gets one code only: its next one would have to cool down. */

interface Times {
  /** from handing it over until the phone has it, in milliseconds */
  phone: number[];
  /** the same until the sender knows that it is sent */
  told: number[];
}

/** Starts a campaign to so many contacts and sends codes while it runs. */
export async function benchCodes(contacts: number): Promise<void> {
  const world = await startWorld();
  const bare = startChild<BareCalls>('bare');
  try {
    await bare.calls.connect({ target: world.target, phones: [BARE_PHONE] });
    await world.link('main', SERVICE_PHONE);
    await meetEverybody(world, bare, CODES);
    const campaignId = await startCampaign(world, contacts);
    const since = Date.now();
    const sentBefore = await world.service.calls.sentCount();
    const databaseBefore = await world.databaseUse();
    const times = await world.observed(CODES, () => sendCodes(world, bare));
    const seconds = (Date.now() - since) / 1_000;
    const sent = (await world.service.calls.sentCount()) - sentBefore - CODES;
    const database = difference(await world.databaseUse(), databaseBefore);
    await endCampaign(world, campaignId);
    const wire = await world.service.calls.wireTimes(since);
    const title = `${contacts} recipients, ${(sent / seconds).toFixed(0)} of the campaign a second meanwhile`;
    show(`A code beside a campaign on the same session: ${title} (${world.title})`, times, wire);
    console.log(`the database for each message: ${useEach(database, sent + CODES)}`);
  } finally {
    await bare.stop();
    await world.stop();
  }
}

/** Resolves with its id when everybody is frozen and messages go out. */
async function startCampaign(world: World, contacts: number): Promise<string> {
  const list = asData(await world.api.post(`${BROADCAST}/lists`, { name: 'bench' }));
  for (let from = 0; from < contacts; from += CSV_LINES) {
    const lines = Array.from(
      { length: Math.min(CSV_LINES, contacts - from) },
      (_, n) => `Pelanggan ${from + n},${contactOf(from + n)}`,
    );
    const csv = Buffer.from(`name,number\n${lines.join('\n')}\n`).toString('base64');
    const file = `data:text/csv;base64,${csv}`;
    await world.api.post(`${BROADCAST}/lists/${list.id}/contacts/bulk`, { file });
  }
  await world.service.calls.forgetSent();
  const started = { listId: list.id, message: 'Halo {name|Kak}, toko buka hari ini.' };
  const { id } = asData(await world.api.post(`${BROADCAST}/send`, started));
  const isUnderWay = async () => {
    const { waitingFor } = asData(await world.api.get(`${BROADCAST}/campaigns/${id}`));
    return !waitingFor?.includes('recipients') && (await world.service.calls.sentCount()) >= UNDER_WAY;
  };
  await waitUntil('the campaign sends', isUnderWay, { timeoutMs: START_TIMEOUT_MS });
  return id;
}

/** One at a time and in turn, so that whatever else the machine does meets both alike. */
async function sendCodes(world: World, bare: Child<BareCalls>): Promise<Record<'bare' | 'code', Times>> {
  const times = { bare: { phone: [], told: [] }, code: { phone: [], told: [] } };
  for (let n = 0; n < CODES; n++) {
    const to = phoneOf(n);
    await timeOne(world, times.bare, { from: BARE_PHONE, to }, () =>
      bare.calls.timeOne({ to, text: `Your code: ${100_000 + n}` }),
    );
    await delay(EVERY_MS);
    // This one answers when the outcome is known.
    await timeOne(world, times.code, { from: SERVICE_PHONE, to }, () =>
      world.api.post('/api/messages/main/otp', { to }),
    );
    await delay(EVERY_MS);
  }
  return times;
}

async function timeOne(
  world: World,
  { phone, told }: Times,
  pair: { from: string; to: string },
  work: () => Promise<unknown>,
): Promise<void> {
  const startedAt = Date.now();
  const startMs = performance.now();
  await work();
  told.push(performance.now() - startMs);
  phone.push((await arrivedAt(world, pair, startedAt)) - startedAt);
}

/**
 * When the message that left since then was on that phone, epoch milliseconds: all processes share a clock. The sender may know
 * of it before the phone has it.
 */
async function arrivedAt(
  world: World,
  { from, to }: { from: string; to: string },
  since: number,
): Promise<number> {
  const query = new URLSearchParams({ from, to, limit: '1' });
  let at = Number.NaN;
  const hasArrived = async () => {
    const answer = await (await fetch(`${world.target.url}/messages?${query}`)).json();
    at = Date.parse(asArrivals(answer)[0]?.at ?? '');
    return at >= since;
  };
  await waitUntil('the phone has the message', hasArrived, { timeoutMs: ARRIVAL_TIMEOUT_MS, everyMs: 5 });
  return at;
}

/** One that has ended by itself did not run beside all of the codes. */
async function endCampaign(world: World, id: string): Promise<void> {
  const { status } = asData(await world.api.get(`${BROADCAST}/campaigns/${id}`));
  if (status === 'running') await world.api.post(`${BROADCAST}/campaigns/${id}/stop`, {});
  else console.log(`warning: the campaign is ${status}; give it more contacts`);
}

function show(title: string, times: Record<'bare' | 'code', Times>, wire: readonly number[]): void {
  const wireMs = quantile(wire, 0.5);
  const above = (field: keyof Times) =>
    `${(quantile(times.code[field], 0.99) - quantile(times.bare[field], 0.99) - wireMs).toFixed(1)} (goal ${GOAL_MS})`;
  const row = (name: string, list: readonly number[], told = '') => [
    name,
    String(list.length),
    ...[0.5, 0.99, 1].map((share) => quantile(list, share).toFixed(1)),
    told,
  ];
  printTable(`${title}, load average ${loadAverage()}`, HEAD, [
    row('bare Baileys: to the phone', times.bare.phone),
    row('a code: POST to the phone', times.code.phone, above('phone')),
    row('bare Baileys: to the acknowledgement', times.bare.told),
    row('a code: POST to the answer "sent"', times.code.told, above('told')),
    row("a campaign's message on the wire", wire),
  ]);
  console.log(`above: without the median of the last line: ${wireMs.toFixed(1)} ms`);
}

/** Safe because only what these routes answer is asked for. */
function asData(answer: unknown): { id: string; status: string; waitingFor?: string[] | string } {
  return Object(answer).data;
}

/** Safe because this is what the emulator's control API answers. */
function asArrivals(answer: unknown): { at: string }[] {
  return answer as { at: string }[];
}

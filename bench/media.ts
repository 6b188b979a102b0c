/**
 * `npm run bench -- media`: images a second through the service, from a POST with the file to WhatsApp's
 * acknowledgement, against a bare Baileys loop; and one upload that is sent to many. Medians of 5 rounds.
 */
import { setTimeout as delay } from 'node:timers/promises';
import { MAX_IN_FLIGHT } from '../src/workers/dispatcher/line-plan.ts';
import { dataUrl, pngFile } from '../tests/helpers/files.ts';
import { startChild } from './gateway/child.ts';
import type { BareMediaCalls } from './gateway/processes/bare-media.ts';
import { cellsOf, printTable, type Round, ratio, summarize } from './gateway/table.ts';
import { atOnce, startWorld, type World } from './gateway/world.ts';

const ROUNDS = 5;
const EACH = 160;
const BYTES = 100_000;
/** As many messages of a session as the service leaves unacknowledged. */
const WINDOW = MAX_IN_FLIGHT;
const RECIPIENTS = Array.from({ length: 20 }, (_, n) => String(6281240000000 + n));
/** Receipts come up to 80 ms after the acknowledgement; they belong to the message's cost. */
const RECEIPTS_MS = 300;
const HEAD = ['', 'per second', 'spread', 'CPU ms each', 'ratio', 'CPU ratio'];

async function sendThroughService(world: World, count: number, image: () => string): Promise<void> {
  await world.service.calls.forgetSent();
  const sent = world.service.calls.waitSent(count);
  await atOnce(async (n) => {
    if (n >= count) return false;
    const to = RECIPIENTS[n % RECIPIENTS.length];
    await world.api.post('/message/send-image', { session: 'bench', to, image: image() });
    return true;
  });
  await sent;
}

const world = await startWorld();
const bare = startChild<BareMediaCalls>('bare-media');
await bare.calls.connect({ target: world.target, phone: '6281110003000' });
await world.link('bench', '6281110003001');
const upload = asUpload(await world.api.post('/media', { file: dataUrl('image/png', pngFile(BYTES)) }));

const sides = {
  bare: {
    work: (each: number) => bare.calls.send({ each, window: WINDOW, recipients: RECIPIENTS, bytes: BYTES }),
    cpuMs: () => bare.calls.cpuMs(),
  },
  service: {
    work: (count: number) => sendThroughService(world, count, () => dataUrl('image/png', pngFile(BYTES))),
    cpuMs: () => world.service.calls.cpuMs(),
  },
  upload: {
    work: (count: number) => sendThroughService(world, count, () => upload.data.id),
    cpuMs: () => world.service.calls.cpuMs(),
  },
};
type Side = keyof typeof sides;
const rounds: Record<Side, Round[]> = { bare: [], service: [], upload: [] };
for (let n = 0; n <= ROUNDS; n++) {
  for (const side of ['bare', 'service', 'upload'] as const) {
    const { work, cpuMs } = sides[side];
    const count = n === 0 ? 2 * RECIPIENTS.length : EACH;
    const cpuBefore = await cpuMs();
    const startMs = performance.now();
    await work(count);
    const seconds = (performance.now() - startMs) / 1_000;
    await delay(RECEIPTS_MS);
    if (n > 0) rounds[side].push({ count, seconds, cpuMs: (await cpuMs()) - cpuBefore });
    await world.emulator.calls.reset();
  }
}

const [one, each, many] = [summarize(rounds.bare), summarize(rounds.service), summarize(rounds.upload)];
const against = (other: typeof each) => [
  ...cellsOf(other),
  ratio(other.perSecond, one.perSecond, 0.6),
  (other.cpuMsEach / one.cpuMsEach).toFixed(2),
];
printTable(`Images of ${BYTES / 1_000} kB acknowledged, known recipients (${world.title})`, HEAD, [
  ['bare Baileys loop, each its own image', ...cellsOf(one), '', ''],
  ['the service, each its own image', ...against(each)],
  ['the service, one upload to many', ...against(many)],
]);
await bare.stop();
await world.stop();

/** Safe because it is the answer of POST /media. */
function asUpload(answer: unknown): { data: { id: string } } {
  return answer as { data: { id: string } };
}

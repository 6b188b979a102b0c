/**
 * `npm run bench -- peers [messages] [rounds]`: what
 * others that put HTTP before WhatsApp need for the same: the service, wa-multi-session behind a minimal server and, if
 * `GOWA_BIN` names a program that was built as bench/README.md says, GOWA. One session each, 20 known recipients, 32
 * connections, on the same emulated WhatsApp and in turn, beside a bare Baileys loop; until the phones have all messages.
 */
import { join } from 'node:path';
import { MAX_IN_FLIGHT } from '../src/workers/dispatcher/line-plan.ts';
import { type Child, startChild } from './gateway/child.ts';
import type { BareCalls } from './gateway/processes/bare.ts';
import type { MultiSessionCalls } from './gateway/processes/multi-session.ts';
import { cellsOf, printTable, type Round, summarize } from './gateway/table.ts';
import { atOnce, type Ground, openApi, startGround, startService } from './gateway/world.ts';
import { loadAverage } from './measure/loop.ts';
import { waitUntil } from './measure/until.ts';
import { startGowa } from './peers/gowa.ts';
import type { Peer } from './peers/peer.ts';

const MESSAGES = Number(process.argv[2] ?? 600);
const ROUNDS = Number(process.argv[3] ?? 3);
const RECIPIENTS = Array.from({ length: 20 }, (_, n) => String(6_281_220_000_000 + n));
/** As many messages as the service leaves unacknowledged. */
const WINDOW = MAX_IN_FLIGHT;
const PHONES = {
  bare: '6281110001000',
  service: '6281110000000',
  multi: '6281110002000',
  gowa: '6281110003000',
};
const HEAD = ['', 'per second', 'spread', 'CPU ms each', 'to the bare one', 'CPU to the bare one'];

const recipientOf = (n: number) => RECIPIENTS[n % RECIPIENTS.length] ?? '';

async function startOurs(ground: Ground): Promise<Peer> {
  const { service, api, link, stop } = await startService(ground);
  await link('bench', PHONES.service);
  return {
    phone: PHONES.service,
    send: (to, text) => api.post('/message/send-text', { session: 'bench', to, text }),
    cpuMs: () => service.calls.cpuMs(),
    stop,
  };
}

async function startMultiSession({ target, scratch }: Ground): Promise<Peer> {
  const child: Child<MultiSessionCalls> = startChild<MultiSessionCalls>('multi-session');
  const { waUrl, url: control } = target;
  const dir = join(scratch.dir, 'multi-session');
  await child.calls.link({ waUrl, url: control, phone: PHONES.multi, dir });
  const api = openApi((await child.calls.where()).url);
  return {
    phone: PHONES.multi,
    send: (to, text) => api.post('/send', { to, text }),
    cpuMs: () => child.calls.cpuMs(),
    async stop() {
      await api.close();
      await child.stop();
    },
  };
}

/** Until everything that this number has sent since the last reset is on the phones. */
async function waitArrived(ground: Ground, from: string): Promise<void> {
  const haveAll = async () => (await ground.emulator.calls.countFrom(from)) >= MESSAGES;
  await waitUntil(`${MESSAGES} messages of ${from}`, haveAll, { everyMs: 20 });
}

async function measure(
  ground: Ground,
  { phone, cpuMs }: Omit<Peer, 'send' | 'stop'>,
  work: () => Promise<void>,
) {
  await ground.emulator.calls.reset();
  const cpuBefore = await cpuMs();
  const startMs = performance.now();
  await work();
  await waitArrived(ground, phone);
  const seconds = (performance.now() - startMs) / 1_000;
  return { count: MESSAGES, seconds, cpuMs: (await cpuMs()) - cpuBefore };
}

const sendAll = (peer: Peer) =>
  atOnce(async (n) => {
    if (n >= MESSAGES) return false;
    await peer.send(recipientOf(n), `bench ${n}`);
    return true;
  });

const ground = await startGround();
const bare = startChild<BareCalls>('bare');
const peers = new Map<string, Peer>();
const rounds = new Map<string, Round[]>();
const loop = { phone: PHONES.bare, cpuMs: () => bare.calls.cpuMs() };
const sendLoop = () => bare.calls.send({ each: MESSAGES, window: WINDOW, recipients: RECIPIENTS });
try {
  await bare.calls.connect({ target: ground.target, phones: [PHONES.bare] });
  peers.set('WaHub', await startOurs(ground));
  peers.set('wa-multi-session behind a minimal server', await startMultiSession(ground));
  const gowa = process.env.GOWA_BIN;
  if (gowa) peers.set('GOWA', await startGowa(gowa, ground, PHONES.gowa));
  const keep = (name: string, round: Round) => rounds.set(name, [...(rounds.get(name) ?? []), round]);
  // The first round makes the keys of all recipients.
  for (let n = 0; n <= ROUNDS; n++) {
    const alone = await measure(ground, loop, sendLoop);
    if (n > 0) keep('bare Baileys loop', alone);
    for (const [name, peer] of peers) {
      const round = await measure(ground, peer, () => sendAll(peer));
      if (n > 0) keep(name, round);
    }
  }
  const [one] = [...rounds.values()].map(summarize);
  const rows = [...rounds].map(([name, list]) => {
    const summary = summarize(list);
    const rate = summary.perSecond / (one?.perSecond ?? Number.NaN);
    const cpu = summary.cpuMsEach / (one?.cpuMsEach ?? Number.NaN);
    return [name, ...cellsOf(summary), rate.toFixed(2), cpu.toFixed(2)];
  });
  const what = `${MESSAGES} messages of one session to known recipients, until the phones have them`;
  printTable(`${what} (${ground.title}, load average ${loadAverage()})`, HEAD, rows);
} finally {
  for (const peer of peers.values()) await peer.stop();
  await bare.stop();
  await ground.stop();
}

import { type Emulator, startEmulator } from 'wa-emulator';
import { type BareClient, connectBareClient, until } from '../packages/wa-emulator/tests/bare-client.ts';
import { median } from './measure/quantile.ts';

/**
 * How much bare Baileys clients can send through the emulator in one process: known recipients, every
 * message acknowledged, delivered and read. On Node 20 load the storage shim first:
 * `tsx --import ./src/whatsapp/baileys/preload.ts bench/emulator-rate.ts [runs]`
 */
const RUNS = Number(process.argv[2] ?? 5);
const RECIPIENTS = 20;
const CASES = [
  { sessions: 1, messagesEach: 500 },
  { sessions: 20, messagesEach: 30 },
];

async function connectAll(emulator: Emulator, count: number): Promise<BareClient[]> {
  const phones = Array.from({ length: count }, (_, index) => String(6281110000000 + index));
  return Promise.all(phones.map((phone) => connectBareClient({ emulator, phone })));
}

async function sendAll(emulator: Emulator, clients: BareClient[], each: number): Promise<number> {
  await emulator.reset();
  const start = performance.now();
  await Promise.all(
    clients.map(async (client, index) => {
      for (let n = 0; n < each; n++) {
        await client.send(String(6281220000000 + ((index + n) % RECIPIENTS)), `bench ${n}`);
      }
    }),
  );
  const total = clients.length * each;
  await until('all read', () => emulator.received().filter(({ readAt }) => readAt).length === total, 60_000);
  return (total * 1000) / (performance.now() - start);
}

for (const { sessions, messagesEach } of CASES) {
  const emulator = await startEmulator();
  const clients = await connectAll(emulator, sessions);
  await sendAll(emulator, clients, RECIPIENTS);
  const rates: number[] = [];
  const cpu = process.cpuUsage();
  for (let run = 0; run < RUNS; run++) {
    rates.push(await sendAll(emulator, clients, messagesEach));
  }
  const { user, system } = process.cpuUsage(cpu);
  const cpuMs = (user + system) / 1000 / (RUNS * sessions * messagesEach);
  const spread = `${Math.min(...rates).toFixed(0)} to ${Math.max(...rates).toFixed(0)}`;
  console.log(
    `${sessions} session(s): ${median(rates).toFixed(0)} msg/s (median of ${RUNS}, ${spread}), ${cpuMs.toFixed(2)} ms CPU a message`,
  );
  await Promise.all(clients.map((client) => client.close()));
  await emulator.stop();
}
process.exit(0);

/**
 * `npm run bench -- fairness [seconds]`: nine tenants that send messages and codes, alone and while a tenth does its
 * worst at every limit (requests, uploads, imports, campaigns, exports, streams, slow webhooks, wrong credentials).
 * Shows how long the nine wait in both, turn by turn in one run, and the ratio of their 99th percentiles.
 */
import { setTimeout as pause } from 'node:timers/promises';
import { Agent } from 'undici';
import { startAbuse } from './fairness/abuse.ts';
import { createCaller, type Tenant } from './fairness/caller.ts';
import { makeTenants } from './fairness/tenants.ts';
import { startGround, startService } from './gateway/world.ts';

const PHASE_MS = Number(process.argv[2] ?? 20) * 1_000;
const ROUNDS = 3;
const OTHERS = 9;
const MESSAGE_EVERY_MS = 300;
const CODE_EVERY_MS = 900;
/** What the nine may wait longer, at most. */
const MAX_RATIO = 1.5;

const ground = await startGround();
// The limits are those of a service as it ships; only the pace of a session is lifted, which is its own.
const service = await startService(ground, {
  API_RATE_LIMIT_MAX: '600',
  WEBHOOK_ALLOW_PRIVATE: 'true',
  OTP_SENDS_PER_HOUR: '100000',
});
const { url } = await service.service.calls.where();
const agent = new Agent({ connections: 256 });
const tenants = await makeTenants({ url, agent, emulator: ground.emulator, count: OTHERS + 1 });
const [worst, ...others] = tenants;
if (!worst) throw new Error('no tenant was made');

type Waits = Record<'message' | 'code', number[]>;
const waits: Record<'alone' | 'beside', Waits> = {
  alone: { message: [], code: [] },
  beside: { message: [], code: [] },
};
let made = 0;

/** Sends at its own pace until `untilMs`, whatever earlier answers do: a slow service must not be asked less. */
async function sendFor(tenant: Tenant, into: Waits, untilMs: number): Promise<void> {
  const call = createCaller(url, agent, { 'x-api-key': tenant.apiKey });
  const open: Promise<void>[] = [];
  const every = async (stepMs: number, kind: keyof Waits, request: () => [string, object]) => {
    await pause(Math.random() * stepMs);
    while (performance.now() < untilMs) {
      const [path, body] = request();
      const startedMs = performance.now();
      open.push(
        call('POST', path, body).then(({ status, text }) => {
          into[kind].push(performance.now() - startedMs);
          if (status !== 202) throw new Error(`${path}: ${status} ${text}`);
        }),
      );
      await pause(stepMs);
    }
  };
  const session = tenant.session;
  await Promise.all([
    every(MESSAGE_EVERY_MS, 'message', () => [
      '/message/send-text',
      { session, to: `+62812${String(10_000_000 + (made++ % 500))}`, text: `message ${made}` },
    ]),
    every(CODE_EVERY_MS, 'code', () => [
      '/otp/send',
      { session, to: `+62813${String(10_000_000 + made++)}` },
    ]),
  ]);
  await Promise.all(open);
}

const at = (sorted: readonly number[], share: number) =>
  sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0;

console.log(
  `${ground.title}: ${OTHERS} tenants, ${ROUNDS} × ${PHASE_MS / 1_000} s alone and beside the tenth`,
);
try {
  await Promise.all(
    others.map((tenant) => sendFor(tenant, { message: [], code: [] }, performance.now() + 5_000)),
  );
  for (let round = 0; round < ROUNDS; round++) {
    const quiet = performance.now() + PHASE_MS;
    await Promise.all(others.map((tenant) => sendFor(tenant, waits.alone, quiet)));
    const abuse = await startAbuse({ url, agent, tenant: worst });
    const loud = performance.now() + PHASE_MS;
    await Promise.all(others.map((tenant) => sendFor(tenant, waits.beside, loud)));
    const answers = await abuse.stop();
    if (round === 0) console.log(`the tenth was answered: ${JSON.stringify(answers)}`);
  }
  for (const kind of ['message', 'code'] as const) {
    const [alone, beside] = [waits.alone[kind], waits.beside[kind]].map((list) => list.sort((a, b) => a - b));
    if (!alone || !beside) continue;
    const ratio = at(beside, 0.99) / at(alone, 0.99);
    const numbers = (sorted: readonly number[]) =>
      [0.5, 0.95, 0.99].map((share) => at(sorted, share).toFixed(1).padStart(7)).join(' ');
    console.log(
      `${kind.padEnd(8)} alone p50/95/99 ${numbers(alone)} ms  beside ${numbers(beside)} ms  ratio of p99 ${ratio.toFixed(2)} ${ratio <= MAX_RATIO ? 'ok' : `ABOVE ${MAX_RATIO}`}`,
    );
    if (ratio > MAX_RATIO) process.exitCode = 1;
  }
} finally {
  await service.stop();
  await ground.stop();
  await agent.close();
}

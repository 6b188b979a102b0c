/** The same number of sessions twice: linked in the service, and as bare Baileys clients. */
import { join } from 'node:path';
import { type Child, startChild } from '../gateway/child.ts';
import type { BareFleetCalls } from '../gateway/processes/bare-fleet.ts';
import { type Ground, type Service, startGround, startService } from '../gateway/world.ts';
import { waitUntil } from '../measure/until.ts';

const LINK_AT_ONCE = 4;

export interface Fleet {
  ground: Ground;
  /** Starts the service with the first `count` sessions; resolves when they are connected. */
  startService(count: number): Promise<{ service: Service; ms: number; cpuMs: number }>;
  /** The same for bare clients, whose credentials are read before the time begins. */
  startBare(count: number): Promise<{ bare: Child<BareFleetCalls>; ms: number; cpuMs: number }>;
  stop(): Promise<void>;
}

export const sessionName = (n: number): string => `fleet-${n}`;
export const phoneOf = (n: number): string => String(6281110000000 + n);
const barePhoneOf = (n: number) => String(6281115000000 + n);

/** As many connections at a time as the service opens by default (CONNECT_CONCURRENCY). */
const CONNECT_AT_ONCE = 10;

/**
 * Links sessions `0` to `count - 1`, through each process in turn: who links a session owns it. A process that has all of
 * them would give away one in two seconds only.
 */
export async function linkAll(services: readonly Service[], count: number): Promise<void> {
  let next = 0;
  const work = async () => {
    while (next < count) {
      const n = next++;
      await services[n % services.length]?.link(sessionName(n), phoneOf(n));
    }
  };
  await Promise.all(Array.from({ length: LINK_AT_ONCE }, work));
}

/** A process gives away a session in two seconds (`RELEASE_EVERY_MS` of the ownership), and each is connected again. */
const MOVE_MS = 3_000;
const READY_MS = 60_000;

/** Until all sessions are connected and each process has its even share. Throws when that takes too long. */
export async function waitSpread(
  [first]: readonly Service[],
  { sessions, processes, moves }: { sessions: number; processes: number; moves: number },
): Promise<void> {
  const isEven = async () => {
    const shares = (await first?.service.calls.shares()) ?? [];
    const total = shares.reduce((all, one) => all + one, 0);
    const isShared = shares.length === processes && Math.max(...shares) - Math.min(...shares) <= 2;
    return total === sessions && isShared;
  };
  const timeoutMs = READY_MS + moves * MOVE_MS;
  await waitUntil(`${sessions} sessions on ${processes} processes`, isEven, { timeoutMs, everyMs: 500 });
}

export async function linkFleet(count: number): Promise<Fleet> {
  const ground = await startGround();
  const dir = join(ground.scratch.dir, 'bare');
  const phones = Array.from({ length: count }, (_, n) => barePhoneOf(n));
  const linker = startChild<BareFleetCalls>('bare-fleet');
  await linker.calls.link({ target: ground.target, phones, dir });
  await linker.stop();
  const first = await startService(ground);
  await linkAll([first], count);
  await first.stop();
  return {
    ground,
    async startService(wanted) {
      const names = Array.from({ length: wanted }, (_, n) => sessionName(n));
      // Nobody is linked while this one runs: it only says what the next one is to connect.
      const teller = await startService(ground, { CONNECT_CONCURRENCY: '1' });
      await teller.service.calls.resumeOnly(names);
      await teller.stop();
      const service = await startService(ground);
      return { service, ...(await service.service.calls.waitConnected(wanted)) };
    },
    async startBare(wanted) {
      const bare = startChild<BareFleetCalls>('bare-fleet');
      await bare.calls.load({ phones: phones.slice(0, wanted), dir });
      return { bare, ...(await bare.calls.connect({ target: ground.target, atOnce: CONNECT_AT_ONCE })) };
    },
    stop: () => ground.stop(),
  };
}

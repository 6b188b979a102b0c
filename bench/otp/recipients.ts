/** Those to whom the benchmarks of codes send. */
import { MAX_IN_FLIGHT } from '../../src/workers/dispatcher/line-plan.ts';
import type { Child } from '../gateway/child.ts';
import type { BareCalls } from '../gateway/processes/bare.ts';
import type { World } from '../gateway/world.ts';

export const phoneOf = (n: number) => String(6_281_220_000_000 + n);

/** The first message to anybody asks for devices and keys, on both sides; it is not what is compared. */
export async function meetEverybody(world: World, bare: Child<BareCalls>, count: number): Promise<void> {
  const recipients = Array.from({ length: count }, (_, n) => phoneOf(n));
  await bare.calls.send({ each: count, window: MAX_IN_FLIGHT, recipients });
  await world.service.calls.forgetSent();
  const sent = world.service.calls.waitSent(count);
  for (const to of recipients)
    await world.api.post('/message/send-text', { session: 'main', to, text: 'hello' });
  await sent;
}

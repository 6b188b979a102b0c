/** The clients of a tenant that does its worst, in a process of their own: what they compute delays nobody's clock. */
import { Agent } from 'undici';
import { type Abuse, startAbuse } from '../../fairness/abuse.ts';
import type { Tenant } from '../../fairness/caller.ts';
import { serveCalls } from '../child.ts';

const agent = new Agent({ connections: 256 });
let abuse: Abuse | null = null;

const calls = {
  async start(input: { url: string; tenant: Tenant }) {
    abuse = await startAbuse({ ...input, agent });
  },
  /** How often each of its lines was given each status. */
  async finish() {
    const counts = (await abuse?.stop()) ?? {};
    abuse = null;
    return counts;
  },
};

export type AbuseCalls = typeof calls;

serveCalls(calls, async () => {
  await abuse?.stop();
  await agent.destroy();
});

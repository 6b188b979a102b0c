/** Bare Baileys clients that do nothing but send: what the service is measured against. */

import type { Emulator } from 'wa-emulator';
import { type BareClient, connectBareClient } from '../../../packages/wa-emulator/tests/bare-client.ts';
import { type Profile, startProfile } from '../../measure/profile.ts';
import { cpuMs, serveCalls } from '../child.ts';

const clients: BareClient[] = [];

interface Target {
  waUrl: string;
  /** the emulator's control API */
  url: string;
}

const calls = {
  async connect({ target, phones }: { target: Target; phones: string[] }) {
    const emulator = {
      waUrl: target.waUrl,
      scan: (input: object) => post<Linked>(`${target.url}/scan`, input),
      pair: (input: object) => post<Linked>(`${target.url}/pair`, input),
    };
    clients.push(...(await Promise.all(phones.map((phone) => connectBareClient({ emulator, phone })))));
  },
  /** Every client sends `each` messages with `window` of them unacknowledged at a time, as the service does. */
  async send({ each, window, recipients }: { each: number; window: number; recipients: string[] }) {
    await Promise.all(clients.map((client) => sendAll(client, { each, window, recipients })));
  },
  /** Milliseconds from handing over one message of the first client to its acknowledgement. */
  async timeOne({ to, text }: { to: string; text: string }) {
    const [client] = clients;
    if (!client) throw new Error('no client is connected');
    const startMs = performance.now();
    const error = await client.waitAck(await client.send(to, text));
    if (error !== undefined) throw new Error(`refused with ${error}`);
    return performance.now() - startMs;
  },
  async cpuMs() {
    return cpuMs();
  },
  async startProfile() {
    profile = await startProfile();
  },
  async stopProfile() {
    return profile?.stop();
  },
};
let profile: Profile | null = null;

async function sendAll(
  client: BareClient,
  { each, window, recipients }: { each: number; window: number; recipients: string[] },
): Promise<void> {
  let next = 0;
  const lane = async () => {
    while (next < each) {
      const n = next++;
      const error = await client.waitAck(
        await client.send(recipients[n % recipients.length] ?? '', `bench ${n}`),
      );
      if (error !== undefined) throw new Error(`refused with ${error}`);
    }
  };
  await Promise.all(Array.from({ length: window }, lane));
}

type Linked = Awaited<ReturnType<Emulator['scan']>>;

/** Safe because the control API answers what the emulator's action of that name does. */
async function post<R>(url: string, body: object): Promise<R> {
  const response = await fetch(url, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(body),
  });
  if (!response.ok) throw new Error(`${url}: ${response.status} ${await response.text()}`);
  return (await response.json()) as R;
}

export type BareCalls = typeof calls;

serveCalls(calls, async () => {
  await Promise.all(clients.map((client) => client.close()));
});

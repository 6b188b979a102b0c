/** One bare Baileys client that sends images: what the service's are measured against. */
import { readFileSync } from 'node:fs';
import { Agent } from 'node:https';
import {
  type BareClient,
  connectBareClient,
  toJid,
} from '../../../packages/wa-emulator/tests/bare-client.ts';
import { pngFile } from '../../../tests/helpers/files.ts';
import { cpuMs, serveCalls } from '../child.ts';

interface Target {
  waUrl: string;
  /** the emulator's control API */
  url: string;
  caFile: string;
}

let client: BareClient | null = null;

const calls = {
  async connect({ target, phone }: { target: Target; phone: string }) {
    const scan = async (input: object) => {
      const headers = { 'content-type': 'application/json' };
      const response = await fetch(`${target.url}/scan`, {
        method: 'POST',
        headers,
        body: JSON.stringify(input),
      });
      return asLinked(await response.json());
    };
    client = await connectBareClient({
      emulator: { waUrl: target.waUrl, scan, pair: scan },
      phone,
      config: { fetchAgent: new Agent({ ca: readFileSync(target.caFile), keepAlive: true }) },
    });
  },
  /** Sends `each` different images with `window` of them unacknowledged at a time. */
  async send(input: { each: number; window: number; recipients: string[]; bytes: number }) {
    let next = 0;
    const lane = async () => {
      while (next < input.each) {
        const to = input.recipients[next++ % input.recipients.length] ?? '';
        // Without a thumbnail of its own it would look for an image library for each one.
        const image = { image: pngFile(input.bytes), mimetype: 'image/png', jpegThumbnail: '' };
        const sent = await client?.sock.sendMessage(toJid(to), image);
        const error = await client?.waitAck(sent?.key.id ?? '');
        if (error !== undefined) throw new Error(`refused with ${error}`);
      }
    };
    await Promise.all(Array.from({ length: input.window }, lane));
  },
  async cpuMs() {
    return cpuMs();
  },
};

type Linked = Awaited<ReturnType<Parameters<typeof connectBareClient>[0]['emulator']['scan']>>;

/** Safe because the control API answers what the emulator's action of that name does. */
function asLinked(answer: unknown): Linked {
  return answer as Linked;
}

export type BareMediaCalls = typeof calls;

serveCalls(calls, async () => {
  await client?.close();
});

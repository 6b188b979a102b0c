/** What goes on while something fails: messages are sent, and people who never wrote before write. */
import { setTimeout as pause } from 'node:timers/promises';
import type { Emulator } from 'wa-emulator';
import type { SandboxProcess } from './sandbox-process.ts';
import { until } from './until.ts';

export interface Meanwhile {
  /** Goes on with both until `work` ends. */
  during(work: Promise<unknown>): Promise<void>;
  /** statuses of refusals so far, with the Retry-After that came along */
  refusals: { status: number; retryAfter: string | undefined }[];
  accepted: ReadonlyMap<string, string>;
  /** Resolves when all that was accepted has arrived under its id, and all that came in is stored and confirmed. */
  allArrived(): Promise<void>;
}

/** `session` is linked to `phone` at `process`. Every person who writes is a new one. */
export function createMeanwhile(
  emulator: Emulator,
  process: SandboxProcess,
  { session, phone }: { session: string; phone: string },
): Meanwhile {
  const accepted = new Map<string, string>();
  const written = new Map<string, string>();
  const refusals: Meanwhile['refusals'] = [];
  const prefix = phone.slice(-4);
  let n = 0;

  async function one(): Promise<void> {
    n++;
    const text = `meanwhile ${n} of ${session}`;
    const to = `62812${String(n % 20).padStart(7, '0')}`;
    const answer = await process.call('POST', '/message/send-text', { session, to, text });
    if (answer.status === 202) accepted.set(text, answer.body.data.messageId);
    else refusals.push({ status: answer.status, retryAfter: answer.retryAfter });
  }

  async function write(): Promise<void> {
    n++;
    const text = `new contact ${n}`;
    const from = `62817${prefix}${String(n).padStart(4, '0')}`;
    const { ids } = await emulator.deliver({ to: phone, from, text });
    written.set(ids[0] ?? '', text);
  }

  return {
    refusals,
    accepted,
    async during(work) {
      let goesOn = true;
      const done = work.finally(() => {
        goesOn = false;
      });
      const sending = (async () => {
        for (; goesOn; await pause(100)) await one();
      })();
      const writing = (async () => {
        for (; goesOn; await pause(1_000)) await write();
      })();
      await Promise.all([done, sending, writing]);
    },
    async allArrived() {
      const arrived = () => emulator.received().filter(({ text }) => accepted.has(text ?? ''));
      await until(
        () => new Set(arrived().map(({ text }) => text)).size === accepted.size,
        180_000,
        'that all that was accepted arrived',
      );
      for (const { id, text } of arrived()) {
        if (accepted.get(text ?? '') !== id) throw new Error(`"${text}" came as ${id}`);
      }
      const inbound = () => emulator.inbound({ to: phone }).filter(({ id }) => written.has(id));
      await until(
        () => inbound().every((message) => message.receivedAt !== undefined),
        180_000,
        'that all that came in is confirmed',
      );
      const refused = inbound().filter((message) => message.nack !== undefined);
      if (refused.length > 0)
        throw new Error(`${refused.length} of ${written.size} new contacts were refused`);
      for (const [id, text] of written) {
        const { body } = await process.call('GET', `/message/${id}`);
        if (body.data?.content?.text !== text) throw new Error(`"${text}" (${id}) was not stored`);
      }
    },
  };
}

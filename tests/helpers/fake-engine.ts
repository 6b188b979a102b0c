/** An engine without WhatsApp: it remembers what it was asked to send and answers as the test says. */
import type { Clock } from '../../src/utils/clock.ts';
import { sleep } from '../../src/utils/clock.ts';
import type { Outgoing } from '../../src/whatsapp/content.ts';
import type { Engine, Recipient, SendOptions, SendResult } from '../../src/whatsapp/engine.ts';

export interface FakeSend {
  accountId: string;
  to: Recipient;
  content: Outgoing;
  messageId: string;
  /** when it was asked */
  at: number;
}

export interface FakeEngine extends Pick<Engine, 'send' | 'isConnected'> {
  /** every attempt, in order, also those that were withheld */
  attempts: FakeSend[];
  /** what left: `mayRelay` had said yes */
  relayed: FakeSend[];
  /** most sends at one time */
  maxInFlight: number;
  /** False takes the socket away. */
  setConnected(connected: boolean): void;
  /** What becomes of a message that is to leave; acknowledged at once when not set. */
  answer: (send: FakeSend) => SendResult | Promise<SendResult>;
  /** Runs before `mayRelay` is asked: the preparation. */
  prepare: (send: FakeSend) => void | Promise<void>;
  /** An answer that comes after a while. */
  later(delayMs: number, result?: SendResult): Promise<SendResult>;
}

export function createFakeEngine(clock: Clock): FakeEngine {
  let connected = true;
  let inFlight = 0;
  const acknowledge = (): SendResult => ({ outcome: 'acknowledged', at: clock.now() });
  const engine: FakeEngine = {
    attempts: [],
    relayed: [],
    maxInFlight: 0,
    answer: acknowledge,
    prepare: () => undefined,
    setConnected(next) {
      connected = next;
    },
    isConnected: () => connected,
    async later(delayMs, result) {
      await sleep(clock, delayMs);
      return result ?? acknowledge();
    },
    async send(accountId, to, content, options: SendOptions): Promise<SendResult> {
      const send: FakeSend = { accountId, to, content, messageId: options.messageId, at: clock.now() };
      engine.attempts.push(send);
      inFlight++;
      engine.maxInFlight = Math.max(engine.maxInFlight, inFlight);
      try {
        await engine.prepare(send);
        if (!connected) return { outcome: 'not_sent', reason: 'not connected' };
        if (!(await options.mayRelay())) return { outcome: 'withheld' };
        if ((await options.mayLeave?.()) === false) return { outcome: 'withheld' };
        engine.relayed.push(send);
        return await engine.answer(send);
      } finally {
        inFlight--;
      }
    },
  };
  return engine;
}

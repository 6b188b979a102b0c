/** Which messages wait for the server's word, and what it said. */
import type { BinaryNode } from '@whiskeysockets/baileys';
import type { Clock } from '../../utils/clock.ts';
import { createLru } from '../../utils/lru.ts';
import type { EngineEvent, SendResult } from '../engine.ts';
import { explainRefusal } from '../refusals.ts';

/** Ids of sends that gave up, kept to recognise an acknowledgement that comes late. */
const MAX_GIVEN_UP = 1_000;

export type Acknowledgement = Extract<SendResult, { outcome: 'acknowledged' | 'refused' }>;

export interface AckBook {
  /** Starts waiting, before the message leaves; null when that id waits already. */
  expect(messageId: string): Promise<Acknowledgement> | null;
  /** No caller waits any more; with `late` a later answer is reported as an event. */
  release(messageId: string, late?: { chat: string }): void;
  /** An `<ack class="message">` of the server. */
  take(node: BinaryNode): void;
  /** Something else proves that the server has the message. */
  prove(messageId: string, at: number): void;
}

export function createAckBook(clock: Clock, tell: (event: EngineEvent) => void): AckBook {
  const waiting = new Map<string, (ack: Acknowledgement) => void>();
  const givenUp = createLru<string, { chat: string }>({ max: MAX_GIVEN_UP });

  function acknowledge(messageId: string, ack: Acknowledgement): boolean {
    const resolve = waiting.get(messageId);
    resolve?.(ack);
    return waiting.delete(messageId);
  }

  return {
    expect(messageId) {
      if (waiting.has(messageId)) return null;
      givenUp.delete(messageId);
      return new Promise((resolve) => waiting.set(messageId, resolve));
    },
    release(messageId, late) {
      waiting.delete(messageId);
      if (late) givenUp.set(messageId, late);
    },
    take({ attrs }) {
      const { id, error } = attrs;
      if (id === undefined) return;
      const at = clock.now();
      const ack: Acknowledgement =
        error === undefined
          ? { outcome: 'acknowledged', at }
          : { outcome: 'refused', code: error, message: explainRefusal(error) };
      if (acknowledge(id, ack)) return;
      const late = givenUp.get(id);
      if (!late) return;
      givenUp.delete(id);
      if (error === undefined) tell({ type: 'receipt', messageId: id, chat: late.chat, status: 'sent', at });
      else tell({ type: 'refused', messageId: id, code: error, at });
    },
    prove(messageId, at) {
      acknowledge(messageId, { outcome: 'acknowledged', at });
      givenUp.delete(messageId);
    },
  };
}

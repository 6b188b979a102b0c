/** When to doubt the connection itself: one recipient without an answer proves nothing, three different ones do. */
import type { WASocket } from '@whiskeysockets/baileys';
import type { Clock } from '../../utils/clock.ts';
import { refusalCode } from './ask-in-parts.ts';
import { withBound } from './bound.ts';

/** Different recipients in a row without an answer of the server. */
const ENOUGH = 3;
const ANSWER_TIMEOUT_MS = 10_000;

export interface Doubts {
  /** The server did not answer about a message to this JID. */
  unanswered(jid: string): void;
  /** It answered about any. */
  answered(): void;
}

/** Asks the server for a sign of life when there is enough reason; `onSilent` is called when none comes. */
export function createDoubts(
  parts: { clock: Clock; closed: AbortSignal; sock: () => WASocket },
  onSilent: () => void,
): Doubts {
  const recipients = new Set<string>();
  let asking = false;

  async function ask(): Promise<void> {
    asking = true;
    const { clock, closed, sock } = parts;
    const answer = await withBound(clock, ping(sock), ANSWER_TIMEOUT_MS, closed);
    asking = false;
    recipients.clear();
    if (!(answer.done && answer.value) && !closed.aborted) onSilent();
  }

  return {
    unanswered(jid) {
      recipients.add(jid);
      if (recipients.size >= ENOUGH && !asking) void ask();
    },
    answered: () => recipients.clear(),
  };
}

/** True when the server answered, if only with an error. Never rejects. */
async function ping(socket: () => WASocket): Promise<boolean> {
  try {
    const sock = socket();
    const attrs = { id: sock.generateMessageTag(), to: '@s.whatsapp.net', type: 'get', xmlns: 'w:p' };
    await sock.query({ tag: 'iq', attrs, content: [{ tag: 'ping', attrs: {} }] });
    return true;
  } catch (error) {
    return refusalCode(error) !== null;
  }
}

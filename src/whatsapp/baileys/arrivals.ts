/** Messages of our other devices that have arrived and are not stored yet: receipts about them wait until they are. */
import type { BinaryNode } from '@whiskeysockets/baileys';
import type { Clock } from '../../utils/clock.ts';
import { MINUTE_MS } from '../../utils/durations.ts';
import { createLru } from '../../utils/lru.ts';
import { parseJid } from '../jid.ts';

/** Messages that wait at one time; of more than that a receipt may come to nothing. */
const MAX_WAITING = 1_000;
/** How long a message may take to come once more; an online device seals it again within seconds. */
const HOLD_MS = MINUTE_MS;

export interface Arrivals {
  /** This stanza has arrived, and will be handled in its turn. `own`: JIDs of this device. */
  begin(stanza: BinaryNode, own: readonly (string | undefined)[]): void;
  /** It could not be opened, and comes again: what waits for it goes on waiting, for a minute at most. */
  hold(stanza: BinaryNode): void;
  /** It was handled, well or badly. */
  end(stanza: BinaryNode): void;
  /** Runs `work` now, or when the message with that id is stored. */
  after(messageId: string, work: () => void): void;
}

export function createArrivals(clock: Pick<Clock, 'setTimer'>): Arrivals {
  const waiting = createLru<string, (() => void)[]>({ max: MAX_WAITING });
  const held = new WeakSet<BinaryNode>();
  const release = ({ attrs: { id = '' } }: BinaryNode) => {
    const works = waiting.get(id) ?? [];
    waiting.delete(id);
    for (const work of works) work();
  };
  return {
    begin({ attrs }, own) {
      const author = parseJid(attrs.participant ?? attrs.from);
      const sameUser = own.map(parseJid).filter((jid) => jid !== null && jid.user === author?.user);
      // A group sends this device's own messages back to it: they are in the history, and it cannot open them.
      const isOurs = sameUser.length > 0 && sameUser.every((jid) => jid?.device !== author?.device);
      if (isOurs && attrs.id !== undefined && !waiting.has(attrs.id)) waiting.set(attrs.id, []);
    },
    hold(stanza) {
      if (!waiting.has(stanza.attrs.id ?? '')) return;
      held.add(stanza);
      clock.setTimer(() => release(stanza), HOLD_MS);
    },
    end(stanza) {
      if (!held.has(stanza)) release(stanza);
    },
    after(messageId, work) {
      const works = waiting.get(messageId);
      if (works) works.push(work);
      else work();
    },
  };
}

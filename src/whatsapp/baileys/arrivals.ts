/** Messages of our other devices that have arrived and are not stored yet: receipts about them wait until they are. */
import type { BinaryNode } from '@whiskeysockets/baileys';
import { createLru } from '../../utils/lru.ts';
import { parseJid } from '../jid.ts';

/** Messages that wait at one time; of more than that a receipt may come to nothing. */
const MAX_WAITING = 1_000;

export interface Arrivals {
  /** This stanza has arrived, and will be handled in its turn. */
  begin(stanza: BinaryNode, own: readonly (string | undefined)[]): void;
  /** It could not be opened, and comes again: what waits for it goes on waiting. */
  hold(stanza: BinaryNode): void;
  /** It was handled, well or badly. */
  end(stanza: BinaryNode): void;
  /** Runs `work` now, or when the message with that id is stored. */
  after(messageId: string, work: () => void): void;
}

export function createArrivals(): Arrivals {
  const waiting = createLru<string, (() => void)[]>({ max: MAX_WAITING });
  const held = new WeakSet<BinaryNode>();
  return {
    begin({ attrs }, own) {
      const author = parseJid(attrs.participant ?? attrs.from)?.user;
      const isOurs = author !== undefined && own.some((jid) => parseJid(jid)?.user === author);
      if (isOurs && attrs.id !== undefined && !waiting.has(attrs.id)) waiting.set(attrs.id, []);
    },
    hold: (stanza) => void held.add(stanza),
    end(stanza) {
      if (held.has(stanza)) return;
      const { id = '' } = stanza.attrs;
      const works = waiting.get(id) ?? [];
      waiting.delete(id);
      for (const work of works) work();
    },
    after(messageId, work) {
      const works = waiting.get(messageId);
      if (works) works.push(work);
      else work();
    },
  };
}

import { createLru } from '../../utils/lru.ts';
import { canonicalJid, lidOf, phoneJid } from '../jid.ts';

const MAX_PAIRS = 5_000;

/** Names of people that this socket has seen: enough to name a chat without a query. */
export interface Contacts {
  learn(lid: string, phone: string): void;
  phoneOfLid(lid: string): string | null;
  /** The canonical JID of a user: by phone when that is known, else by LID. */
  canonical(jid: string): string;
}

export function createContacts(): Contacts {
  const phones = createLru<string, string>({ max: MAX_PAIRS });
  return {
    learn: (lid, phone) => void phones.set(lid, phone),
    phoneOfLid: (lid) => phones.get(lid) ?? null,
    canonical(jid) {
      const lid = lidOf(jid);
      const phone = lid === null ? undefined : phones.get(lid);
      return phone === undefined ? canonicalJid(jid) : phoneJid(phone);
    },
  };
}

import type { Store } from './store.ts';
import { publicFromPrivate } from './xeddsa.ts';

const MAX_OPEN_PRE_KEYS = 1000;
const MAX_PRE_KEY_ID = 0xffffff;

/** The one-time pre-keys of one phone number. */
export interface PreKeys {
  /** The next one, for a bundle. */
  take(): { id: number; public: Buffer };
  /** Its private key, while it has not been used. */
  find(id: number): Buffer | undefined;
  remove(id: number): void;
}

/** Pre-keys whose private halves are derived, so that only the ids of unused ones are kept. */
export function createPreKeys(phone: string, store: Store, derive: (purpose: string) => Buffer): PreKeys {
  const key = `signal|${phone}|pre-keys`;
  const stored: unknown = JSON.parse(store.get(key) ?? '[]');
  const ids = Array.isArray(stored) ? stored.filter((id): id is number => typeof id === 'number') : [];
  let next = ids.shift() ?? 1;
  const open = new Set(ids);
  const privateKey = (id: number) => derive(`pre-key ${phone} ${id}`);
  const save = () => store.set(key, JSON.stringify([next, ...open]));
  return {
    take() {
      const id = next;
      next = id === MAX_PRE_KEY_ID ? 1 : id + 1;
      open.add(id);
      const [oldest] = open;
      if (open.size > MAX_OPEN_PRE_KEYS && oldest !== undefined) {
        open.delete(oldest);
      }
      save();
      return { id, public: publicFromPrivate(privateKey(id)) };
    },
    find: (id) => (open.has(id) ? privateKey(id) : undefined),
    remove(id) {
      if (open.delete(id)) {
        save();
      }
    },
  };
}

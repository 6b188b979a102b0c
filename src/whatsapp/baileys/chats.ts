/** How the chats of one session are set, remembered by the store. */
import { createLru } from '../../utils/lru.ts';
import type { ChatSetting } from '../engine.ts';

const MAX_CHATS = 2_000;

export interface Chats {
  /** Takes in what a message told. Nothing happens when it is known, or when something newer is. Rejects as the store does. */
  note(chat: string, setting: ChatSetting): Promise<void>;
  /** A chat may have several names (canonical JIDs): the setting of the first that has one. Rejects as the store does. */
  find(names: readonly string[]): Promise<ChatSetting | null>;
}

export interface ChatStore {
  find(chat: string): Promise<ChatSetting | null>;
  save(chat: string, setting: ChatSetting): Promise<void>;
}

/** Only the owner of a session writes what its chats say, so that what is remembered here is what the store knows. */
export function createChats(store: ChatStore): Chats {
  const known = createLru<string, { setting: ChatSetting | null }>({ max: MAX_CHATS });

  async function settingOf(chat: string): Promise<ChatSetting | null> {
    const entry = known.get(chat);
    if (entry) return entry.setting;
    const setting = await store.find(chat);
    // A message may have told something newer meanwhile.
    const newer = known.get(chat);
    if (newer) return newer.setting;
    known.set(chat, { setting });
    return setting;
  }

  return {
    async note(chat, setting) {
      const before = await settingOf(chat);
      const isOlder = before?.setAt != null && setting.setAt !== null && setting.setAt < before.setAt;
      const isSame =
        before?.expiration === setting.expiration &&
        (setting.setAt === null || before.setAt === setting.setAt);
      if (isOlder || isSame) return;
      await store.save(chat, setting);
      known.set(chat, { setting });
    },
    async find(names) {
      for (const name of names) {
        const setting = await settingOf(name);
        if (setting) return setting;
      }
      return null;
    },
  };
}

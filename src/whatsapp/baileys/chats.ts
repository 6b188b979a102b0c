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
  /** How all chats are set of which that is known; null where these are more than `max`. */
  list(max: number): Promise<readonly (readonly [chat: string, setting: ChatSetting])[] | null>;
  find(chat: string): Promise<ChatSetting | null>;
  save(chat: string, setting: ChatSetting): Promise<void>;
}

/**
 * Only the owner of a session writes what its chats say, so that what is remembered here is what the store knows. As a rule few chats
 * are set: they are read together, and nothing need be asked of all the others.
 */
export function createChats(store: ChatStore): Chats {
  /** all chats that are set, where they are few; else null, and each is asked for */
  let few: Promise<Map<string, ChatSetting> | null> | undefined;
  const known = createLru<string, { setting: ChatSetting | null }>({ max: MAX_CHATS });

  function readFew(): Promise<Map<string, ChatSetting> | null> {
    few ??= store.list(MAX_CHATS).then(
      (all) => all && new Map(all),
      (error) => {
        few = undefined;
        throw error;
      },
    );
    return few;
  }

  async function settingOf(chat: string): Promise<ChatSetting | null> {
    const all = await readFew();
    if (all !== null) return all.get(chat) ?? null;
    const entry = known.get(chat);
    if (entry) return entry.setting;
    const setting = await store.find(chat);
    // A message may have told something newer meanwhile.
    const newer = known.get(chat);
    if (newer) return newer.setting;
    known.set(chat, { setting });
    return setting;
  }

  async function keep(chat: string, setting: ChatSetting): Promise<void> {
    const all = await readFew();
    if (all === null) return void known.set(chat, { setting });
    all.set(chat, setting);
    if (all.size > MAX_CHATS) few = Promise.resolve(null);
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
      await keep(chat, setting);
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

/** Which devices people have, as Baileys and we read it. */

import { type FullJid, jidEncode, type PossiblyExtendedCacheStore } from '@whiskeysockets/baileys';
import { MINUTE_MS } from '../../utils/durations.ts';
import { createLru } from '../../utils/lru.ts';
import { isLeftOut, isRelaying } from './relay-scope.ts';

const MAX_USERS = 2_000;
const TTL_MS = 5 * MINUTE_MS;

export interface DeviceCache {
  /** what Baileys gets: inside a relay without the devices that it leaves out */
  store: PossiblyExtendedCacheStore;
  has(user: string): boolean;
  jidsOf(user: string): string[];
  set(user: string, devices: readonly FullJid[]): void;
}

export function createDeviceCache(): DeviceCache {
  const users = createLru<string, readonly FullJid[]>({ max: MAX_USERS, ttlMs: TTL_MS });
  /** A relay takes what was found out before it: it must not ask, while it holds the session's keys. */
  const get = (user: string) => {
    const devices = users.get(user) ?? (isRelaying() ? [] : undefined);
    return devices?.filter((device) => !isLeftOut(jidOf(device)));
  };
  return {
    has: (user) => users.has(user),
    jidsOf: (user) => (users.get(user) ?? []).map(jidOf),
    set: (user, devices) => void users.set(user, devices),
    store: {
      get: (user) => asStored(get(user)),
      set: (user, devices) => void users.set(user, asDevices(devices)),
      del: (user) => void users.delete(user),
      flushAll: () => users.clear(),
      mget: async (names) => Object.fromEntries(names.map((user) => [user, asStored(get(user))])),
      mset: (entries) => {
        for (const { key, value } of entries) users.set(key, asDevices(value));
      },
      mdel: (names) => {
        for (const user of names) users.delete(user);
      },
    },
  };
}

function jidOf({ user, server, device }: FullJid): string {
  return jidEncode(user, server, device);
}

/** Safe because Baileys keeps lists of devices here, and nothing else. */
function asDevices(value: unknown): readonly FullJid[] {
  return value as readonly FullJid[];
}

/** Safe for the same reason: it asks for what it keeps. */
function asStored<T>(devices: readonly FullJid[] | undefined): T | undefined {
  return devices as T | undefined;
}

/** What each engine can do: the one table. Verbs refuse what is not in it before anything is queued. */
import type { ContentType } from './content.ts';
import type { EngineCapabilities } from './engine.ts';

const ALL_TYPES: readonly ContentType[] = [
  'text',
  'image',
  'video',
  'audio',
  'document',
  'location',
  'buttons',
  'list',
  'contact',
  'poll',
  'sticker',
  'reaction',
];

export const CAPABILITIES = {
  baileys: { contentTypes: ALL_TYPES, pairingCode: true, passkey: true, groups: true, markRead: true },
  'wa-multi-session': {
    contentTypes: ALL_TYPES,
    pairingCode: true,
    passkey: true,
    groups: true,
    markRead: true,
  },
} as const satisfies Record<string, EngineCapabilities>;

export type EngineName = keyof typeof CAPABILITIES;

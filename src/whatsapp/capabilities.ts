/** Capabilities of the engines, in one table. Verbs refuse what is not in it before anything is queued. */
import { CONTENT_TYPES } from './content.ts';
import type { EngineCapabilities } from './engine.ts';

export const CAPABILITIES = {
  baileys: {
    contentTypes: CONTENT_TYPES,
    pairingCode: true,
    passkey: true,
    groups: true,
    groupChanges: true,
    markRead: true,
    standing: true,
  },
  'wa-multi-session': {
    contentTypes: CONTENT_TYPES,
    pairingCode: true,
    passkey: true,
    groups: true,
    groupChanges: true,
    markRead: true,
    standing: true,
  },
} as const satisfies Record<string, EngineCapabilities>;

export type EngineName = keyof typeof CAPABILITIES;

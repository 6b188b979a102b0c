/** Capabilities of the engines, in one table. Verbs refuse what is not in it before anything is queued. */
import { CONTENT_TYPES } from './content.ts';
import type { EngineCapabilities } from './engine.ts';

/** What Baileys can: both engines stand on it. */
const BAILEYS = {
  contentTypes: CONTENT_TYPES,
  pairingCode: true,
  passkey: true,
  groups: true,
  groupChanges: true,
  people: true,
  chats: true,
  presence: true,
  calls: true,
  markRead: true,
  marks: true,
  mediaAgain: true,
  standing: true,
  amend: true,
  status: true,
  channels: true,
} as const satisfies EngineCapabilities;

export const CAPABILITIES = {
  baileys: BAILEYS,
  'wa-multi-session': BAILEYS,
} as const satisfies Record<string, EngineCapabilities>;

export type EngineName = keyof typeof CAPABILITIES;

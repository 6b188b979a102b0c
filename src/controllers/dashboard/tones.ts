/** The colour of each state: one colour for one meaning, on every page. */
import { own } from '../../utils/own.ts';

export type Tone = 'good' | 'warn' | 'bad' | 'plain';

/** What a state means to the person who reads it. */
const MEANINGS = {
  /** on its way, or its time has not come: nothing to do */
  open: 'plain',
  /** it works, or has come to its good end */
  well: 'good',
  /** it does not go on as it should, or only in part: worth a look */
  held: 'warn',
  /** it came to a bad end, or needs a person */
  broken: 'bad',
  /** somebody ended it on purpose, or it is not in use */
  off: 'plain',
} as const satisfies Record<string, Tone>;
export type Meaning = keyof typeof MEANINGS;

/** Every state that a page shows, by the name that the API gives it: messages, codes, campaigns, imports, sessions, endpoints. */
export const STATE_MEANINGS: Readonly<Record<string, Meaning>> = {
  pending: 'open',
  queued: 'open',
  sending: 'open',
  scheduled: 'open',
  sent: 'open',
  received: 'open',
  repaired: 'open',
  running: 'well',
  delivered: 'well',
  read: 'well',
  verified: 'well',
  completed: 'well',
  registered: 'well',
  done: 'well',
  connected: 'well',
  healthy: 'well',
  active: 'well',
  held: 'held',
  paused: 'held',
  skipped: 'held',
  not_registered: 'held',
  unknown: 'held',
  expired: 'held',
  retrying: 'held',
  duplicate: 'held',
  connecting: 'held',
  disconnected: 'held',
  qr: 'held',
  passkey: 'held',
  passkey_confirm: 'held',
  failed: 'broken',
  invalid: 'broken',
  dead: 'broken',
  down: 'broken',
  logged_out: 'broken',
  replaced: 'broken',
  stopped: 'off',
  canceled: 'off',
  unlinked: 'off',
  unused: 'off',
  disabled: 'off',
};

/** The colour of a state by its name in the API. A name that is not in the table has none. */
export function stateTone(state: string): Tone {
  const meaning = own(STATE_MEANINGS, state);
  return meaning === undefined ? 'plain' : MEANINGS[meaning];
}

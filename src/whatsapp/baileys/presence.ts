/** What people do at this moment: who is online or writes, for those that were asked for, and who calls. */
import { createLru } from '../../utils/lru.ts';
import { canonicalJid } from '../jid.ts';
import type { Link, LinkControl } from './link-types.ts';
import { toPerson } from './requests/groups.ts';

/** More people than anybody watches over one number. */
const MAX_WATCHED = 500;
/** Calls that ring at a time, and a little longer. */
const MAX_CALLS = 100;

/** What a socket remembers of it: names of people whose presence was asked for, and who has begun which call. */
export interface Attention {
  watched: { get(jid: string): true | undefined; set(jid: string, value: true): void };
  calls: { get(callId: string): string | undefined; set(callId: string, from: string): void };
}

export function createAttention(): Attention {
  return {
    watched: createLru<string, true>({ max: MAX_WATCHED }),
    calls: createLru<string, string>({ max: MAX_CALLS }),
  };
}

const STATES: Readonly<Record<string, 'online' | 'offline' | 'typing' | 'recording'>> = {
  available: 'online',
  unavailable: 'offline',
  composing: 'typing',
  recording: 'recording',
  paused: 'online',
};

/** Tells `presence` of those that were asked for, and `call` once for each that begins to ring. */
export function followPresence(link: Link, control: LinkControl): void {
  const { sock, clock, attention } = link;
  sock.ev.on('presence.update', ({ presences }) => {
    for (const [jid, { lastKnownPresence, lastSeen }] of Object.entries(presences)) {
      const state = STATES[lastKnownPresence];
      const person = toPerson(link, { jid });
      const names = [person.jid, link.contacts.canonical(jid)];
      if (!state || !names.some((name) => attention.watched.get(name))) continue;
      const lastSeenAt = lastSeen === undefined || !Number.isFinite(lastSeen) ? null : lastSeen * 1000;
      control.tell({ type: 'presence', person, state, lastSeenAt, at: clock.now() });
    }
  });
  sock.ev.on('call', (calls) => {
    for (const { id, from, callerPn, status, isVideo, isGroup, date, offline } of calls) {
      if (status !== 'offer' || attention.calls.get(id) !== undefined) continue;
      attention.calls.set(id, from);
      const by = toPerson(link, { jid: from, ...(callerPn ? { phone_number: callerPn } : {}) });
      const time = date.getTime();
      const at = Number.isFinite(time) ? time : clock.now();
      const call = { callId: id, by, video: isVideo === true, group: isGroup === true, missed: offline };
      control.tell({ type: 'call', ...call, at });
    }
  });
}

/** From now on the presence of that person is told, whichever of these names it comes under. */
export function watch({ attention }: Link, jids: readonly string[]): void {
  for (const jid of jids) attention.watched.set(canonicalJid(jid), true);
}

/** What people do at this moment: who is online or writes, for those that were asked for, and who calls. */
import type { BinaryNode } from '@whiskeysockets/baileys';
import { createLru } from '../../utils/lru.ts';
import type { CallNews } from '../engine.ts';
import { canonicalJid } from '../jid.ts';
import { MAX_SECONDS } from './decode-text.ts';
import { MAX_WAITING } from './keeper.ts';
import type { Link, LinkControl } from './link-types.ts';
import { toPerson } from './requests/groups.ts';

/** More people than anybody watches over one number. */
const MAX_WATCHED = 500;
/** More than wait to be stored: one that was told of already must be known when it is stored. */
const MAX_CALLS = 2 * MAX_WAITING;

/** What a socket remembers of it: names of people whose presence was asked for, and who has begun which call. */
export interface Attention {
  watched: { get(jid: string): true | undefined; set(jid: string, value: true): void };
  calls: CallBook;
}

/** The calls that were told. A caller chooses the id, so that two may have the same. */
interface CallBook {
  /** False for one that is known already, also when it is over. */
  begin(callId: string, from: string): boolean;
  end(callId: string, from: string): void;
  /** Who rings under that id now. */
  ringing(callId: string): string[];
}

export function createCallBook(): CallBook {
  const calls = createLru<string, { callId: string; from: string; rings: boolean }>({ max: MAX_CALLS });
  const keyOf = (callId: string, from: string) => `${from} ${callId}`;
  return {
    begin(callId, from) {
      const key = keyOf(callId, from);
      if (calls.has(key)) return false;
      calls.set(key, { callId, from, rings: true });
      return true;
    },
    end(callId, from) {
      calls.set(keyOf(callId, from), { callId, from, rings: false });
    },
    ringing: (callId) =>
      [...calls.values()].filter((call) => call.rings && call.callId === callId).map(({ from }) => from),
  };
}

export function createAttention(): Attention {
  return {
    watched: createLru<string, true>({ max: MAX_WATCHED }),
    calls: createCallBook(),
  };
}

const STATES: Readonly<Record<string, 'online' | 'offline' | 'typing' | 'recording'>> = {
  available: 'online',
  unavailable: 'offline',
  composing: 'typing',
  recording: 'recording',
  paused: 'online',
};

/**
 * The call that a stanza says begins to ring; null for another stanza. As Baileys reads it. `now`: for one without a time. Throws
 * for one that names no call.
 */
export function readCall(
  link: Pick<Link, 'contacts'>,
  { attrs, content }: BinaryNode,
  now: number,
): CallNews | null {
  const [offer] = Array.isArray(content) ? content : [];
  if (offer?.tag !== 'offer' && offer?.tag !== 'offer_notice') return null;
  const { 'call-id': callId, caller_pn, type, 'group-jid': group } = offer.attrs;
  const from = callerIn(offer);
  if (callId === undefined || from === '') throw new Error('a call without an id or a caller');
  const seconds = Number(attrs.t);
  return {
    callId,
    by: toPerson(link, { jid: from, ...(caller_pn ? { phone_number: caller_pn } : {}) }),
    video: Array.isArray(offer.content) && offer.content.some(({ tag }) => tag === 'video'),
    group: type === 'group' || group !== undefined,
    missed: Boolean(attrs.offline),
    at: seconds > 0 && seconds <= MAX_SECONDS ? Math.floor(seconds) * 1_000 : now,
  };
}

/** Who calls, as Baileys names them; empty where an offer does not say it. */
const callerIn = ({ attrs }: BinaryNode) => attrs.from ?? attrs['call-creator'] ?? '';

/** A call is told of by then, stored or not: nobody wants it to ring on because a database is slow. */
const TOLD_WITHIN_MS = 2_000;

/**
 * Keeps a call with `keep`, and tells `call` after 2 s where that takes longer, at once where the call cannot be kept now. So a
 * crash after it was rejected may lose what is written about it: WhatsApp, to whom nothing was confirmed, tells it again, as one
 * that was missed. What `keep` says is returned.
 */
export function tellCallInTime(
  link: () => RingingLink,
  control: Pick<LinkControl, 'tell'>,
  keep: (stanza: BinaryNode) => Promise<void> | null,
): (stanza: BinaryNode) => Promise<void> | null {
  return (stanza) => {
    const kept = keep(stanza);
    if (kept === null) return null;
    const tell = () => {
      const call = readCall(link(), stanza, link().clock.now());
      const [offer] = Array.isArray(stanza.content) ? stanza.content : [];
      if (call !== null && offer) tellCall(link(), control, call, callerIn(offer));
    };
    return kept
      .catch((error: unknown) => {
        // It is stored after a later login, but rings now.
        if (link().isOpen()) tell();
        throw error;
      })
      .finally(link().clock.setTimer(tell, TOLD_WITHIN_MS));
  };
}

type RingingLink = Pick<Link, 'attention' | 'clock' | 'contacts' | 'isOpen'>;

/** Once for each call; `from`: whom a rejection of it goes to. */
function tellCall(
  { attention }: RingingLink,
  control: Pick<LinkControl, 'tell'>,
  call: CallNews,
  from: string,
): void {
  if (attention.calls.begin(call.callId, from)) control.tell({ type: 'call', ...call });
}

/** It does not ring any more: it was answered elsewhere, given up, or refused. */
const OVER: ReadonlySet<string> = new Set(['accept', 'reject', 'terminate', 'timeout']);

/**
 * Tells `presence` of those that were asked for, and `call` once for each that begins to ring, for what is done about it at
 * once: it is stored before, unless that takes long (`tellCallInTime`).
 */
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
      if (OVER.has(status)) attention.calls.end(id, from);
      if (status !== 'offer') continue;
      const by = toPerson(link, { jid: from, ...(callerPn ? { phone_number: callerPn } : {}) });
      const time = date.getTime();
      const at = Number.isFinite(time) ? time : clock.now();
      const call = { callId: id, by, video: isVideo === true, group: isGroup === true, missed: offline, at };
      tellCall(link, control, call, from);
    }
  });
}

/** From now on the presence of that person is told, whichever of these names it comes under. */
export function watch({ attention }: Link, jids: readonly string[]): void {
  for (const jid of jids) attention.watched.set(canonicalJid(jid), true);
}

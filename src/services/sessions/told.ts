/** What WhatsApp tells a session at this moment, as facts for webhooks and streams. */
import type { Fact } from '../../events/record.ts';
import type { EngineEvent } from '../../whatsapp/engine.ts';
import { toPerson } from '../groups/news.ts';

/** A fact of a session, without whose it is. */
export type ToldFact = Pick<Fact, 'event' | 'subject' | 'data'>;

type PresenceEvent = Extract<EngineEvent, { type: 'presence' }>;
type CallEvent = Extract<EngineEvent, { type: 'call' }>;

const iso = (at: number) => new Date(at).toISOString();

export function factOfPresence({ person, state, lastSeenAt, at }: PresenceEvent): ToldFact {
  const lastSeen = lastSeenAt === null ? null : iso(lastSeenAt);
  return { event: 'presence.updated', data: { from: toPerson(person), state, lastSeen, at: iso(at) } };
}

export function factOfCall({ callId, by, video, group, missed, at }: CallEvent): ToldFact {
  const data = { callId, from: toPerson(by), video, isGroup: group, missed, at: iso(at) };
  return { event: 'call.received', subject: callId, data };
}

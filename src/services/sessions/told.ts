/** What WhatsApp tells a session at this moment, as facts for webhooks and streams. */
import type { Tx } from '../../db/client.ts';
import type { Fact } from '../../events/record.ts';
import type { AccountRef, CallNews, EngineEvent } from '../../whatsapp/engine.ts';
import { storeOnce, toPerson } from '../groups/news.ts';
import { type CallTextDeps, findCallText, queueCallText } from './call-text.ts';

/** A fact of a session, without whose it is. */
export type ToldFact = Pick<Fact, 'event' | 'subject' | 'data'>;

type PresenceEvent = Extract<EngineEvent, { type: 'presence' }>;

const iso = (at: number) => new Date(at).toISOString();

export function factOfPresence({ person, state, lastSeenAt, at }: PresenceEvent): ToldFact {
  const lastSeen = lastSeenAt === null ? null : iso(lastSeenAt);
  return { event: 'presence.updated', data: { from: toPerson(person), state, lastSeen, at: iso(at) } };
}

/**
 * Keeps a call as a fact, once: false when it was kept before. The text that the session has for callers is queued with it.
 * Rejects as `storeGroupNotice` does.
 */
export async function storeCall(deps: CallTextDeps, account: AccountRef, call: CallNews): Promise<boolean> {
  const text = await findCallText(deps, account, call);
  const along = text === null ? undefined : (tx: Tx) => queueCallText(tx, deps, account, { call, text });
  return storeOnce(deps, account, `call ${call.by.jid} ${call.callId}`, [factOfCall(call)], along);
}

function factOfCall({ callId, by, video, group, missed, at }: CallNews): ToldFact {
  const data = { callId, from: toPerson(by), video, isGroup: group, missed, at: iso(at) };
  return { event: 'call.received', subject: callId, data };
}

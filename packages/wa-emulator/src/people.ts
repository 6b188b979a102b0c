/** What people tell of themselves, whom accounts block, who is online, and who calls. */
import { randomBytes } from 'node:crypto';
import type { BinaryNode } from '@whiskeysockets/baileys';
import type { Connection } from './connection.ts';
import { type Device, deviceKey } from './devices.ts';
import type { IqAnswer } from './iq-answer.ts';
import { lidJid, parseJid, pnJid } from './jids.ts';
import { child, children, node, unixSeconds } from './nodes.ts';
import { onlineConnections, type World } from './world.ts';

/** A business tells this of itself. */
export interface Business {
  description?: string | undefined;
  category?: string | undefined;
  email?: string | undefined;
  website?: string | undefined;
  address?: string | undefined;
}

/** A person, as far as something was set. */
export interface Person {
  about?: string | undefined;
  business?: Business | undefined;
}

export const PRESENCES = ['available', 'unavailable', 'composing', 'recording', 'paused'] as const;
export type Presence = (typeof PRESENCES)[number];

/** What somebody does: `lastSeen` in seconds since 1970. */
export interface PresenceInput {
  from: string;
  presence: Presence;
  lastSeen?: number | undefined;
}

/** Answers `w:biz`: the profile of a business, empty for everybody else. */
export function answerBusiness(world: World, stanza: BinaryNode): IqAnswer {
  const asked = parseJid(child(child(stanza, 'business_profile'), 'profile')?.attrs.jid);
  const business = asked.kind === 'user' ? world.people.get(asked.phone)?.business : undefined;
  if (asked.kind !== 'user' || !business) return [node('business_profile', {}, [])];
  const text = (tag: string, value: string | undefined) =>
    value === undefined ? [] : [node(tag, {}, Buffer.from(value))];
  const { description, category, email, website, address } = business;
  const profile = node('profile', { jid: pnJid(asked.phone) }, [
    ...text('address', address),
    ...text('description', description),
    ...text('website', website),
    ...text('email', email),
    ...(category === undefined ? [] : [node('categories', {}, text('category', category))]),
  ]);
  return [node('business_profile', {}, [profile])];
}

/** Answers `blocklist`: whom the account blocks, and a change of it. */
export function answerBlocklist(world: World, { phone }: Device, stanza: BinaryNode): IqAnswer {
  const blocked = world.blocked.get(phone) ?? new Set<string>();
  world.blocked.set(phone, blocked);
  if (stanza.attrs.type === 'set') {
    const item = child(stanza, 'item');
    const person = parseJid(item?.attrs.jid);
    if (person.kind !== 'user') return { code: 400, text: 'bad-request' };
    if (item?.attrs.action === 'block') blocked.add(person.phone);
    else blocked.delete(person.phone);
  }
  const items = [...blocked].map((person) => node('item', { jid: lidJid(person), pn_jid: pnJid(person) }));
  return [node('list', { dhash: String(blocked.size) }, items)];
}

/** A client wants to hear when somebody is online. */
export function takeSubscription(world: World, device: Device, stanza: BinaryNode): void {
  const person = parseJid(stanza.attrs.to);
  if (person.kind !== 'user') return;
  const key = deviceKey(device);
  world.subscriptions.set(key, (world.subscriptions.get(key) ?? new Set()).add(person.phone));
}

/** Somebody comes online, goes, types or records: the clients that have subscribed hear of it. How many. */
export function showPresence(world: World, { from, presence, lastSeen }: PresenceInput): number {
  const isChatState = presence !== 'available' && presence !== 'unavailable';
  const state =
    presence === 'recording'
      ? node('composing', { media: 'audio' })
      : node(presence === 'paused' ? 'paused' : 'composing');
  const stanza = isChatState
    ? node('chatstate', { from: lidJid(from) }, [state])
    : node('presence', {
        from: lidJid(from),
        type: presence === 'unavailable' ? 'unavailable' : undefined,
        last: lastSeen === undefined ? undefined : String(lastSeen),
      });
  const subscribed = onlineConnections(world, undefined).filter(
    ({ device }) => device && world.subscriptions.get(deviceKey(device))?.has(from),
  );
  for (const connection of subscribed) connection.send(stanza);
  return subscribed.length;
}

/** Somebody calls an account: its linked devices ring, those that are away when they are back. Answers the id of the call. */
export function ring(
  world: World,
  { to, from, video = false }: { to: string; from: string; video?: boolean | undefined },
): { id: string; rang: number } {
  const id = randomBytes(16).toString('hex').toUpperCase();
  const creator = lidJid(from);
  const offer = node('offer', { 'call-id': id, 'call-creator': creator, caller_pn: pnJid(from) }, [
    node('audio', { enc: 'opus', rate: '16000' }),
    ...(video ? [node('video', { enc: 'vp8' })] : []),
  ]);
  const rang = onlineConnections(world, to).length;
  for (const device of world.devices.of(to)) {
    const stanza = randomBytes(8).toString('hex');
    const attrs = { from: creator, id: stanza, t: unixSeconds() };
    world.outboxes.of(device).push({ class: 'call', id: stanza, from, node: node('call', attrs, [offer]) });
  }
  return { id, rang };
}

/** A client answers a call: it is listed, and acknowledged. */
export function takeCall(world: World, connection: Connection, device: Device, stanza: BinaryNode): void {
  const [answer] = children(stanza);
  const caller = parseJid(stanza.attrs.to);
  world.log.activities.add({
    phone: device.phone,
    kind: 'call',
    type: answer?.tag ?? 'unknown',
    ...(caller.kind === 'user' ? { to: caller.phone } : {}),
    ids: [answer?.attrs['call-id'] ?? ''],
    at: new Date().toISOString(),
  });
  const { id, to } = stanza.attrs;
  connection.send(node('ack', { class: 'call', id, from: to, type: answer?.tag }));
}

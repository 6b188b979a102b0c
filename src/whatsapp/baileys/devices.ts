/** The devices of the people a message goes to, and a Signal session with each of them. */
import {
  extractDeviceJids,
  type FullJid,
  USyncQuery,
  USyncUser,
  type WASocket,
} from '@whiskeysockets/baileys';
import type { Clock } from '../../utils/clock.ts';
import { parseJid } from '../jid.ts';
import { askInParts, UnansweredError } from './ask-in-parts.ts';
import { withBound } from './bound.ts';
import type { DeviceCache } from './device-cache.ts';
import type { RightOfWay } from './right-of-way.ts';

export interface DeviceQueries {
  sock: WASocket;
  devices: DeviceCache;
  clock: Clock;
  closed: AbortSignal;
  /** how long WhatsApp may take to answer about devices and keys */
  answerTimeoutMs: number;
  rightOfWay: RightOfWay;
}

/** Users whose devices could not be found out, as they were asked for. */
export interface UnknownUsers {
  refused: string[];
  unanswered: string[];
}

export interface FoundDevices extends UnknownUsers {
  /** device JIDs in the spelling that was asked for */
  jids: string[];
}

/**
 * The devices of these users (bare JIDs), our own included but not this one; from the cache unless `fresh`. One who
 * cannot be asked about does not spoil the others. Rejects when the connection is closed.
 */
export async function findDevices(
  link: DeviceQueries,
  users: readonly string[],
  { fresh = false } = {},
): Promise<FoundDevices> {
  const unknown = fresh ? [...users] : users.filter((jid) => !link.devices.has(userOf(jid)));
  if (unknown.length > 0) await link.rightOfWay.give();
  const { refused, unanswered } = await askInParts(unknown, (part) => queryDevices(link, part));
  const jids = users.flatMap((jid) => link.devices.jidsOf(userOf(jid)));
  return { jids, refused, unanswered };
}

/** Baileys' own way also asks for new keys of everybody whose LID the answer names, whether needed or not. */
async function queryDevices(link: DeviceQueries, users: readonly string[]): Promise<void> {
  const { sock, devices } = link;
  const query = new USyncQuery().withContext('message').withDeviceProtocol().withLIDProtocol();
  for (const jid of users) query.withUser(new USyncUser().withId(jid));
  const result = await answered(link, sock.executeUSyncQuery(query));
  if (!result) throw new UnansweredError('the directory did not answer');
  await link.rightOfWay.give();
  const { me } = sock.authState.creds;
  if (!me) throw new Error('the socket is not logged in');
  const pairs = result.list.flatMap(({ id, lid }) => (typeof lid === 'string' ? [{ lid, pn: id }] : []));
  if (pairs.length > 0) await sock.signalRepository.lidMapping.storeLIDPNMappings(pairs);
  const found = new Map<string, FullJid[]>(users.map((jid) => [userOf(jid), []]));
  for (const device of extractDeviceJids(result.list, me.id, me.lid ?? '', false)) {
    const list = found.get(device.user) ?? [];
    list.push(device);
    found.set(device.user, list);
  }
  for (const [user, list] of found) devices.set(user, list);
  const known = [...found].filter(([, list]) => list.length > 0);
  if (known.length === 0) return;
  // Baileys reads it when it moves sessions from a number to its LID.
  const stored = known.map(([user, list]) => [user, list.map(({ device }) => String(device ?? 0))]);
  await sock.authState.keys.set({ 'device-list': Object.fromEntries(stored) });
}

/** Devices that have no session after WhatsApp was asked for their keys. */
export interface Keyless {
  jids: Set<string>;
  /** some of them only because no answer came */
  unanswered: boolean;
}

/** Makes a session with each of these devices that has none. Rejects when the connection is closed. */
export async function ensureSessions(link: DeviceQueries, jids: readonly string[]): Promise<Keyless> {
  const without = await withoutSession(link.sock, jids);
  if (without.length === 0) return { jids: new Set(), unanswered: false };
  await link.rightOfWay.give();
  const { unanswered } = await askInParts(without, (part) =>
    answered(link, link.sock.assertSessions([...part], false)),
  );
  const left = new Set(await withoutSession(link.sock, without));
  return { jids: left, unanswered: unanswered.some((jid) => left.has(jid)) };
}

async function withoutSession(sock: WASocket, jids: readonly string[]): Promise<string[]> {
  const without: string[] = [];
  for (const jid of jids) {
    const { exists } = await sock.signalRepository.validateSession(jid);
    if (!exists) without.push(jid);
  }
  return without;
}

/** Rejects with UnansweredError when it takes too long, as Baileys does when the connection is closed. */
export async function answered<R>(
  { clock, closed, answerTimeoutMs }: DeviceQueries,
  work: Promise<R>,
): Promise<R> {
  const bound = await withBound(clock, work, answerTimeoutMs, closed);
  if (bound.done) return bound.value;
  if (bound.why === 'closed') throw new Error('Connection Closed');
  throw new UnansweredError('WhatsApp did not answer in time');
}

/** The part of a JID that the caches know a user by. */
export function userOf(jid: string): string {
  return parseJid(jid)?.user ?? jid;
}

/** Prepares a send over the network: the recipient's devices and a Signal session with each of them. */
import type { GroupMetadata, WASocket } from '@whiskeysockets/baileys';
import type { Outgoing } from '../content.ts';
import type { LeftOut, Recipient } from '../engine.ts';
import {
  canonicalJid,
  isChannelJid,
  isGroupJid,
  lidJid,
  parseJid,
  phoneJid,
  phoneOf,
  STATUS_JID,
} from '../jid.ts';
import { refusalCode } from './ask-in-parts.ts';
import { findChannel, mayPost, UnclearAnswer } from './channels.ts';
import { answered, ensureSessions, type FoundDevices, findDevices, type Keyless, userOf } from './devices.ts';
import type { Link } from './link-types.ts';
import { queryNumbers } from './number-check.ts';

export type Prepared =
  | Ready
  | { kind: 'impossible'; code: string; message: string }
  /** WhatsApp did not tell what is needed: another attempt may work */
  | { kind: 'unanswered'; code: string; message: string };

/** Everything for it is in the socket's caches now. */
export interface Ready {
  kind: 'ready';
  /** the JID to relay to */
  jid: string;
  /** devices without keys, as Baileys names them: nothing is encrypted for these */
  leftOut: ReadonlySet<string>;
  /** the people behind them */
  missing: LeftOut[];
  /** those who are to see a status post, as Baileys names them */
  audience?: string[];
}

const NOT_ON_WHATSAPP: Prepared = {
  kind: 'impossible',
  code: 'NOT_ON_WHATSAPP',
  message: 'the number is not on WhatsApp',
};
const RECIPIENT_KEYS = 'RECIPIENT_KEYS';
const NO_KEYS: Prepared = {
  kind: 'impossible',
  code: RECIPIENT_KEYS,
  message: 'WhatsApp has no usable keys for any device of the recipient',
};
const KEYS_UNANSWERED: Prepared = {
  kind: 'unanswered',
  code: RECIPIENT_KEYS,
  message: "WhatsApp did not answer about the recipient's devices and keys",
};
const GROUP_GONE: Prepared = {
  kind: 'impossible',
  code: 'GROUP_GONE',
  message: 'the group does not exist any more, or this number is not a member of it',
};
const CHANNEL_GONE: Prepared = {
  kind: 'impossible',
  code: 'CHANNEL_GONE',
  message: 'the channel does not exist any more, or this number may not post to it',
};
/** WhatsApp's answers about a group that is not there, or not for us. */
const GROUP_GONE_CODES: ReadonlySet<number> = new Set([401, 403, 404, 410]);

/** Rejects when the connection is closed or the server asks to slow down: another attempt may work. */
export async function prepareRecipient(link: Link, to: Recipient, content: Outgoing): Promise<Prepared> {
  if (to.jid === STATUS_JID) return prepareStatus(link, content);
  if (isChannelJid(to.jid)) return prepareChannel(link, to.jid);
  if (isGroupJid(to.jid)) return prepareGroup(link, to.jid);
  const phone = to.phone ?? phoneOf(to.jid);
  const known = phone === null ? undefined : link.aliases.get(phone);
  if (known) return prepareUser(link, known.phone, known.lid ?? to.lid);
  const lid = to.lid ?? (parseJid(to.jid)?.kind === 'lid' ? to.jid : await findLid(link, phone));
  const found = await prepareUser(link, phone, lid);
  if (found !== NO_KEYS || !phone) return found;
  // The directory may know the number under another spelling, or not at all.
  const [check] = await answered(link, queryNumbers(link.sock, [phone])).catch(() => []);
  if (!check) return KEYS_UNANSWERED;
  if (!check.exists) return NOT_ON_WHATSAPP;
  const account = phoneOf(check.jid);
  if (account === null || account === phone) return found;
  link.learnAlias({ alias: phone, phone: account, lid: check.lid });
  return prepareUser(link, account, check.lid);
}

/**
 * Asks the server once more who the recipient is, and for the devices on both sides; the recipient as the directory names
 * them now. Rejects when no answer comes or the connection is closed.
 */
export async function refreshRecipient(link: Link, to: Recipient, content: Outgoing): Promise<Recipient> {
  if (to.jid === STATUS_JID) {
    await findDevices(link, [...(await readAudience(link, content)).keys()], { fresh: true });
    return to;
  }
  if (isChannelJid(to.jid)) return to;
  if (isGroupJid(to.jid)) {
    link.groups.forget(to.jid);
    const { participants } = await link.groups.fetch(link.sock, to.jid);
    await findDevices(
      link,
      participants.map(({ id }) => canonicalJid(id)),
      { fresh: true },
    );
    return to;
  }
  const phone = to.phone ?? phoneOf(to.jid);
  const [check] = phone === null ? [] : await queryNumbers(link.sock, [phone]);
  const account = phoneOf(check?.jid ?? null);
  if (check?.jid && check.lid) {
    const pair = { lid: lidJid(check.lid), pn: check.jid };
    await link.sock.signalRepository.lidMapping.storeLIDPNMappings([pair]);
  }
  if (phone !== null && account !== null && account !== phone) {
    link.learnAlias({ alias: phone, phone: account, lid: check?.lid ?? null });
  }
  const lid = check?.lid ?? to.lid;
  const names = [lid === null ? to.jid : lidJid(lid), phoneJid(account ?? phone ?? '')];
  const users = [...new Set(phone === null ? names.slice(0, 1) : names)];
  const own = [ownJid(link.sock, true), ownJid(link.sock, false)];
  await findDevices(link, [...own, ...users], { fresh: true });
  return { ...to, lid };
}

/** Null when it is not known, or no answer comes. */
async function findLid(link: Link, phone: string | null): Promise<string | null> {
  if (phone === null) return null;
  const { lidMapping } = link.sock.signalRepository;
  return answered(link, lidMapping.getLIDForPN(phoneJid(phone))).catch(() => null);
}

/** The LID is what WhatsApp addresses people by; the number stays for those who have none. */
async function prepareUser(link: Link, phone: string | null, lid: string | null): Promise<Prepared> {
  const targets = [...(lid ? [lidJid(lid)] : []), ...(phone ? [phoneJid(phone)] : [])];
  let unanswered = false;
  for (const jid of targets) {
    const person = phone ? phoneJid(phone) : jid;
    const reached = (await reach(link, jid, person)) ?? (await reach(link, jid, person, { fresh: true }));
    if (reached?.kind === 'ready') return reached;
    unanswered ||= reached?.kind === 'unanswered';
  }
  return unanswered ? KEYS_UNANSWERED : NO_KEYS;
}

/**
 * Ready when a device of theirs has a session. Null when some are listed or have keys that we do not know yet: to be
 * looked at once more, `fresh`.
 */
async function reach(
  link: Link,
  jid: string,
  person: string,
  { fresh = false } = {},
): Promise<Prepared | null> {
  const me = ownJid(link.sock, parseJid(jid)?.kind === 'lid');
  const devices = await findDevices(link, [me, jid], { fresh });
  const keyless = await ensureSessions(link, otherDevices(link.sock, devices.jids));
  const theirs = devices.jids.filter((device) => userOf(device) === userOf(jid));
  const without = theirs.filter((device) => keyless.jids.has(device));
  const unanswered = devices.unanswered.length > 0 || keyless.unanswered;
  if (!fresh && !unanswered && (theirs.length === 0 || without.length > 0)) return null;
  if (theirs.length > without.length) {
    return {
      kind: 'ready',
      jid,
      leftOut: keyless.jids,
      missing: without.length === 0 ? [] : [leftOutOf(person, without, false)],
    };
  }
  return unanswered || devices.refused.length > 0 ? KEYS_UNANSWERED : NO_KEYS;
}

async function prepareGroup(link: Link, jid: string): Promise<Prepared> {
  const { sock, groups } = link;
  let metadata: GroupMetadata;
  try {
    metadata = await groups.fetch(sock, jid);
  } catch (error) {
    if (GROUP_GONE_CODES.has(refusalCode(error) ?? 0)) return GROUP_GONE;
    throw error;
  }
  const participants = new Map(metadata.participants.map((one) => [canonicalJid(one.id), one]));
  return prepareMembers(
    link,
    jid,
    [...participants.keys()],
    (member) => participants.get(member)?.phoneNumber ?? member,
  );
}

/**
 * A post to a channel is not encrypted, so that nobody's keys are needed: WhatsApp gives it to those who follow. Where its answer does
 * not tell whether we may post, the post itself asks.
 */
async function prepareChannel(link: Link, jid: string): Promise<Prepared> {
  const channel = await answered(link, findChannel(link.sock, jid)).catch((error: unknown) => {
    if (error instanceof UnclearAnswer && error.data !== 429) return undefined;
    throw error;
  });
  if (channel === null || (channel && !mayPost(channel))) return CHANNEL_GONE;
  return { kind: 'ready', jid, leftOut: new Set(), missing: [] };
}

/** A status post goes to a list of people, and to the own phone, as to the members of a group. */
async function prepareStatus(link: Link, content: Outgoing): Promise<Prepared> {
  const named = await readAudience(link, content);
  const audience = [...named.keys(), ownJid(link.sock, true)];
  const prepared = await prepareMembers(link, STATUS_JID, audience, (member) => named.get(member) ?? member);
  return prepared.kind === 'ready' ? { ...prepared, audience } : prepared;
}

/** The people of a status post by the JIDs that WhatsApp addresses them by: each with the name that we know. */
async function readAudience(link: Link, content: Outgoing): Promise<Map<string, string>> {
  const people = ('status' in content && content.status?.recipients) || [];
  const phones = people.filter((jid) => phoneOf(jid) !== null);
  const { lidMapping } = link.sock.signalRepository;
  const pairs = phones.length === 0 ? [] : await answered(link, lidMapping.getLIDsForPNs(phones));
  const lids = new Map(pairs?.map(({ pn, lid }) => [canonicalJid(pn), canonicalJid(lid)]));
  return new Map(people.map((jid) => [lids.get(jid) ?? jid, jid]));
}

async function prepareMembers(
  link: Link,
  jid: string,
  members: readonly string[],
  phoneNumberOf: (member: string) => string,
): Promise<Prepared> {
  const { sock } = link;
  const first = await groupSessions(link, jid, members);
  const { devices, keyless } =
    first.keyless.jids.size > 0 && !first.keyless.unanswered
      ? await groupSessions(link, jid, members, first.keyless)
      : first;
  const own = new Set([ownJid(sock, true), ownJid(sock, false)]);
  const others = members.filter((member) => !own.has(member));
  const nameOf = (member: string) => link.contacts.canonical(phoneNumberOf(member));
  const missing = missingMembers(others, devices, { keyless: keyless.jids, nameOf });
  if (others.length > 0 && missing.filter((one) => one.all).length === others.length) {
    return keyless.unanswered || devices.unanswered.length > 0 ? KEYS_UNANSWERED : NO_KEYS;
  }
  return { kind: 'ready', jid, leftOut: keyless.jids, missing };
}

/** The members of whom a device, or every device, does not get the message, each by the name that `nameOf` gives. */
export function missingMembers(
  members: readonly string[],
  devices: FoundDevices,
  { keyless, nameOf }: { keyless: ReadonlySet<string>; nameOf: (member: string) => string },
): LeftOut[] {
  const byUser = new Map<string, string[]>();
  for (const device of devices.jids) {
    const user = userOf(device);
    const known = byUser.get(user);
    if (known) known.push(device);
    else byUser.set(user, [device]);
  }
  const notFound = new Set([...devices.refused, ...devices.unanswered]);
  return members.flatMap((member) => {
    const theirs = byUser.get(userOf(member)) ?? [];
    const without = theirs.filter((device) => keyless.has(device));
    const unknown = theirs.length === 0 && notFound.has(member);
    if (without.length === 0 && !unknown) return [];
    return leftOutOf(nameOf(member), unknown ? [member] : without, without.length === theirs.length);
  });
}

/** With `before` the owners of devices that had no keys are asked about once more. */
async function groupSessions(link: Link, jid: string, members: readonly string[], before?: Keyless) {
  if (before) {
    const owners = new Set([...before.jids].map(userOf));
    const again = members.filter((member) => owners.has(userOf(member)));
    await findDevices(link, again, { fresh: true });
  }
  const devices = await findDevices(link, members);
  const memory = await link.sock.authState.keys.get('sender-key-memory', [jid]);
  // Who may read the status changes with each post: Baileys gives the key to all of them again.
  const known = jid === STATUS_JID ? {} : (memory[jid] ?? {});
  const fresh = otherDevices(link.sock, devices.jids).filter((device) => !known[device]);
  return { devices, keyless: await ensureSessions(link, fresh) };
}

function leftOutOf(person: string, devices: readonly string[], all: boolean): LeftOut {
  return { jid: person, devices: devices.map((device) => parseJid(device)?.device ?? 0), all };
}

/** Our own user, in the spelling of the conversation: a bare JID without a device. Throws when not logged in. */
export function ownJid(sock: Pick<WASocket, 'authState'>, asLid: boolean): string {
  const { me } = sock.authState.creds;
  const own = parseJid(asLid && me?.lid ? me.lid : me?.id);
  if (!own) throw new Error('the socket is not logged in');
  return own.kind === 'lid' ? lidJid(own.user) : phoneJid(own.user);
}

/** All but this very device: a device has no session with itself. */
function otherDevices(sock: WASocket, devices: readonly string[]): string[] {
  const { me } = sock.authState.creds;
  return devices.filter((jid) => jid !== me?.id && jid !== me?.lid);
}

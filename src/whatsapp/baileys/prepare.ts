/** What a send needs from the network: the recipient's devices and a Signal session with each of them. */
import type { WASocket } from '@whiskeysockets/baileys';
import type { Recipient } from '../engine.ts';
import { isGroupJid, lidJid, parseJid, phoneJid, phoneOf } from '../jid.ts';
import type { Link } from './link-types.ts';
import { queryNumbers } from './number-check.ts';

export type Prepared =
  /** the JID to relay to; everything for it is in the socket's caches now */
  { kind: 'ready'; jid: string } | { kind: 'impossible'; code: string; message: string };

const NOT_ON_WHATSAPP: Prepared = {
  kind: 'impossible',
  code: 'NOT_ON_WHATSAPP',
  message: 'the number is not on WhatsApp',
};

/** Rejects when a query fails: another attempt may work. */
export async function prepareRecipient(link: Link, to: Recipient): Promise<Prepared> {
  if (isGroupJid(to.jid)) return prepareGroup(link, to.jid);
  const phone = to.phone ?? phoneOf(to.jid);
  const lid = to.lid ?? (parseJid(to.jid)?.kind === 'lid' ? to.jid : await findLid(link.sock, phone));
  // The LID is what WhatsApp addresses people by; the number stays for those who have none.
  const targets = [...(lid ? [lidJid(lid)] : []), ...(phone ? [phoneJid(phone)] : [])];
  for (const jid of targets) if (await prepareUser(link, jid)) return { kind: 'ready', jid };
  if (!phone) return NOT_ON_WHATSAPP;
  // rc14 would send to our own devices only and call that sent.
  const [check] = await queryNumbers(link.sock, [phone]);
  if (!check?.exists) return NOT_ON_WHATSAPP;
  throw new Error('the recipient has no device');
}

async function findLid(sock: WASocket, phone: string | null): Promise<string | null> {
  if (phone === null) return null;
  return sock.signalRepository.lidMapping.getLIDForPN(phoneJid(phone));
}

/** True when the user has a device; then there is a Signal session with each of theirs and our own. */
async function prepareUser({ sock }: Link, jid: string): Promise<boolean> {
  const me = ownJid(sock, parseJid(jid)?.kind === 'lid');
  const devices = await sock.getUSyncDevices([me, jid], true, false);
  const user = parseJid(jid)?.user;
  if (!devices.some((device) => parseJid(device.jid)?.user === user)) return false;
  await sock.assertSessions(otherDevices(sock, devices), false);
  return true;
}

async function prepareGroup({ sock, groups }: Link, jid: string): Promise<Prepared> {
  const metadata = await groups.fetch(sock, jid);
  const members = metadata.participants.map((participant) => participant.id);
  const devices = await sock.getUSyncDevices(members, true, false);
  const memory = await sock.authState.keys.get('sender-key-memory', [jid]);
  const known = memory[jid] ?? {};
  const fresh = otherDevices(sock, devices).filter((device) => !known[device]);
  if (fresh.length > 0) await sock.assertSessions(fresh, false);
  return { kind: 'ready', jid };
}

/** Our own user, in the spelling of the conversation: a bare JID without a device. Throws when not logged in. */
export function ownJid(sock: Pick<WASocket, 'authState'>, asLid: boolean): string {
  const { me } = sock.authState.creds;
  const own = parseJid(asLid && me?.lid ? me.lid : me?.id);
  if (!own) throw new Error('the socket is not logged in');
  return own.kind === 'lid' ? lidJid(own.user) : phoneJid(own.user);
}

/** All but this very device: nobody has a session with himself. */
function otherDevices(sock: WASocket, devices: readonly { jid: string }[]): string[] {
  const { me } = sock.authState.creds;
  return devices.map(({ jid }) => jid).filter((jid) => jid !== me?.id && jid !== me?.lid);
}

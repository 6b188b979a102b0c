/** Faults in the keys of a number, and the companions that a rule gives it. */
import type { BinaryNode } from '@whiskeysockets/baileys';
import type { IqAnswer } from './iq-answer.ts';
import { parseJid, SERVER_JID } from './jids.ts';
import { bytesOf, child, children, node, unixSeconds } from './nodes.ts';
import type { Behaviour } from './rules.ts';
import type { World } from './world.ts';

/** How many simulated companions a rule gives a number; they have working keys unless it says otherwise. */
export function simulatedCompanions(rule: Behaviour): number {
  if (rule.kind === 'devices') {
    return rule.count;
  }
  return rule.kind.startsWith('companion_') ? 1 : 0;
}

/** True for a device that only a rule knows of. */
export function isSimulatedCompanion(world: World, address: { phone: string; device: number }): boolean {
  return address.device > 0 && address.device <= simulatedCompanions(world.rules.peek(address.phone));
}

interface Target {
  rule: Behaviour;
  isCompanion: boolean;
}

function targetOf(world: World, jid: string | undefined): Target | null {
  const address = parseJid(jid);
  if (address.kind !== 'user') {
    return null;
  }
  return { rule: world.rules.peek(address.phone), isCompanion: isSimulatedCompanion(world, address) };
}

/** The answer to a whole key query because of one number in it. */
export function queryFault(world: World, jid: string | undefined): IqAnswer | undefined {
  const target = targetOf(world, jid);
  if (target?.rule.kind === 'keys_unanswered') {
    return 'silence';
  }
  const refused =
    target?.rule.kind === 'keys_query_error' ||
    (target?.rule.kind === 'companion_query_error' && target.isCompanion);
  return refused && 'code' in target.rule ? { code: target.rule.code, text: 'not-acceptable' } : undefined;
}

/** A bundle as the rule of its number leaves it. */
export function spoiledBundle(world: World, jid: string | undefined, bundle: BinaryNode[]): BinaryNode[] {
  const target = targetOf(world, jid);
  if (!target) {
    return bundle;
  }
  const { rule, isCompanion } = target;
  switch (rule.kind) {
    case 'no_keys':
      return [];
    case 'companion_no_keys':
      return isCompanion ? [] : bundle;
    case 'keys_error':
      return [errorBundle(jid, rule.code)];
    case 'companion_error':
      return isCompanion ? [errorBundle(jid, rule.code)] : bundle;
    case 'unsigned_keys':
      return bundle.map(withoutSignature);
    case 'companion_unsigned':
      return isCompanion ? bundle.map(withoutSignature) : bundle;
    case 'short_identity':
      return bundle.map((user) => replaceChild(user, 'identity', (old) => bytesOf(old).subarray(1)));
    default:
      return bundle;
  }
}

function errorBundle(jid: string | undefined, code: number): BinaryNode {
  return node('user', { jid }, [node('error', { code: String(code), text: 'not-acceptable' })]);
}

/** The signature of another key than the signed pre-key's. */
function withoutSignature(user: BinaryNode): BinaryNode {
  const skey = child(user, 'skey');
  if (!skey) {
    return user;
  }
  const forged = replaceChild(skey, 'signature', (old) => Buffer.from(bytesOf(old)).reverse());
  return { ...user, content: children(user).map((part) => (part.tag === 'skey' ? forged : part)) };
}

function replaceChild(parent: BinaryNode, tag: string, change: (old: BinaryNode) => Buffer): BinaryNode {
  const content = children(parent).map((part) =>
    part.tag === tag ? { ...part, content: change(part) } : part,
  );
  return { ...parent, content };
}

/** Tells the sessions of `to` that `from` has other identity keys now; how many were told. */
export function tellIdentityChange(world: World, { to, from }: { to: string; from: string }): number {
  const devices = world.devices.of(to);
  for (const device of devices) {
    const id = `identity-${from}-${unixSeconds()}`;
    world.outboxes.of(device).push({
      class: 'notification',
      id,
      from,
      node: node('notification', { from: `${from}${SERVER_JID}`, type: 'encrypt', id, t: unixSeconds() }, [
        node('identity', {}),
      ]),
    });
  }
  return devices.length;
}

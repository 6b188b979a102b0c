import type { BinaryNode } from '@whiskeysockets/baileys';
import type { IqAnswer } from './iq-answer.ts';
import { lidJid, parseJid, userJid } from './jids.ts';
import { simulatedCompanions } from './key-faults.ts';
import { child, children, node, textOf, unixSeconds } from './nodes.ts';
import type { World } from './world.ts';

/** Answers a directory query: who is on WhatsApp, with which devices, under which LID. */
export function answerUsync(world: World, stanza: BinaryNode): IqAnswer {
  const usync = child(stanza, 'usync');
  const asked = children(child(usync, 'list'), 'user').flatMap((user) => findNumber(user)?.phone ?? []);
  for (const phone of asked) {
    const rule = world.rules.peek(phone);
    if (rule.kind === 'usync_unanswered') {
      return 'silence';
    }
    if (rule.kind === 'usync_error') {
      return { code: rule.code, text: 'refused' };
    }
  }
  const protocols = new Set(children(child(usync, 'query')).map(({ tag }) => tag));
  const users = children(child(usync, 'list'), 'user').flatMap((user) => answerUser(world, user, protocols));
  return [node('usync', { ...usync?.attrs }, [node('result', {}, []), node('list', {}, users)])];
}

function answerUser(world: World, user: BinaryNode, protocols: Set<string>): BinaryNode[] {
  const asked = findNumber(user);
  if (!asked) {
    return [];
  }
  const { via } = asked;
  const account = world.aliases.get(asked.phone);
  // Only a question for the number itself leads to the account behind it.
  if (account !== undefined && !protocols.has('contact')) {
    return [];
  }
  const phone = account ?? asked.phone;
  const exists = world.rules.peek(phone).kind !== 'not_on_whatsapp';
  const jid = userJid(phone, via);
  if (!exists) {
    return protocols.has('contact') ? [node('user', { jid }, [node('contact', { type: 'out' })])] : [];
  }
  const content: BinaryNode[] = [];
  if (protocols.has('contact')) {
    content.push(node('contact', { type: 'in' }, Buffer.from(`+${asked.phone}`)));
  }
  if (protocols.has('devices')) {
    if (world.staleDevices.has(phone)) world.staleDevices.set(phone, 'asked');
    content.push(node('devices', {}, [node('device-list', {}, deviceNodes(world, phone))]));
  }
  if (protocols.has('status')) {
    const about = world.people.get(phone)?.about ?? '';
    content.push(node('status', { t: unixSeconds() }, Buffer.from(about)));
  }
  if (protocols.has('lid')) {
    content.push(node('lid', { val: lidJid(phone) }));
  }
  return [node('user', { jid }, content)];
}

function findNumber(user: BinaryNode): { phone: string; via: 'pn' | 'lid' } | undefined {
  const address = parseJid(user.attrs.jid);
  if (address.kind === 'user') {
    return address;
  }
  const digits = textOf(child(user, 'contact')).replace(/\D/g, '');
  return /^\d{5,15}$/.test(digits) ? { phone: digits, via: 'pn' } : undefined;
}

function deviceNodes(world: World, phone: string): BinaryNode[] {
  const rule = world.rules.peek(phone);
  if (rule.kind === 'no_devices') {
    return [];
  }
  const simulated = Array.from({ length: simulatedCompanions(rule) }, (_, index) =>
    node('device', { id: String(index + 1), 'key-index': String(index + 1) }),
  );
  const linked = world.devices
    .of(phone)
    .map(({ id }) => node('device', { id: String(id), 'key-index': String(id) }));
  return [node('device', { id: '0' }), ...simulated, ...linked];
}

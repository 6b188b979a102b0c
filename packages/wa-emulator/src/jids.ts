/** Where a JID points: a device of a phone number, a group, the status, a channel, or something the emulator has no part in. */
export type Address =
  | { kind: 'user'; phone: string; device: number; via: 'pn' | 'lid' }
  | { kind: 'group'; id: string }
  | { kind: 'status' }
  | { kind: 'channel'; id: string }
  | { kind: 'other' };

const LID_MODULUS = 10n ** 15n;
const LID_FACTOR = 628_318_530_717_959n;
const LID_OFFSET = 271_828_182_845_904n;
const LID_FACTOR_INVERSE = invertModulo(LID_FACTOR, LID_MODULUS);

/** Where status posts (stories) go: the stanza names who is to see them. */
export const STATUS_JID = 'status@broadcast';
export const SERVER_JID = '@s.whatsapp.net';

/**
 * The LID user part of a phone number. An affine permutation of the 15-digit numbers: the same for
 * every run and reversible without a table.
 */
export function lidOf(phone: string): string {
  return ((BigInt(phone) * LID_FACTOR + LID_OFFSET) % LID_MODULUS).toString();
}

/** The phone number behind a LID user part. */
export function phoneOfLid(lid: string): string {
  const shifted = (BigInt(lid) - LID_OFFSET + LID_MODULUS) % LID_MODULUS;
  return ((shifted * LID_FACTOR_INVERSE) % LID_MODULUS).toString();
}

/** `phone[:device]@s.whatsapp.net`; device 0 (the phone itself) is left out. */
export function pnJid(phone: string, device = 0): string {
  return `${phone}${device ? `:${device}` : ''}@s.whatsapp.net`;
}

/** `lid[:device]@lid` of a phone number. */
export function lidJid(phone: string, device = 0): string {
  return `${lidOf(phone)}${device ? `:${device}` : ''}@lid`;
}

/** A JID of that phone in the given addressing. */
export function userJid(phone: string, via: 'pn' | 'lid', device = 0): string {
  return via === 'lid' ? lidJid(phone, device) : pnJid(phone, device);
}

/** Reads a JID of any spelling; what is malformed or no user or group is `other`. */
export function parseJid(jid: string | undefined): Address {
  const match = /^([^@:]*)(?::(\d+))?@(.+)$/.exec(jid ?? '');
  const [, user = '', device, server] = match ?? [];
  if (server === 'g.us' && user !== '') {
    return { kind: 'group', id: `${user}@g.us` };
  }
  if (jid === STATUS_JID) {
    return { kind: 'status' };
  }
  if (server === 'newsletter' && user !== '') {
    return { kind: 'channel', id: `${user}@newsletter` };
  }
  if (!/^\d{1,15}$/.test(user)) {
    return { kind: 'other' };
  }
  if (server === 'lid') {
    return { kind: 'user', phone: phoneOfLid(user), device: Number(device ?? 0), via: 'lid' };
  }
  if (server === 's.whatsapp.net' || server === 'c.us') {
    return { kind: 'user', phone: user, device: Number(device ?? 0), via: 'pn' };
  }
  return { kind: 'other' };
}

function invertModulo(value: bigint, modulus: bigint): bigint {
  let [previous, current] = [value, modulus];
  let [x, next] = [1n, 0n];
  while (current !== 0n) {
    const quotient = previous / current;
    [previous, current] = [current, previous - quotient * current];
    [x, next] = [next, x - quotient * next];
  }
  return ((x % modulus) + modulus) % modulus;
}

/** The JID of a group, a channel, or of the status; undefined for every other address. */
export function placeOf(address: Address): string | undefined {
  if (address.kind === 'status') return STATUS_JID;
  return address.kind === 'group' || address.kind === 'channel' ? address.id : undefined;
}

/**
 * How an outbox names the sender of a stanza: the phone number of a person, the JID of a group, a channel or of the status; from
 * anywhere else, as from a list of people, the phone number of its participant, or nothing.
 */
export function senderOf(jid: string | undefined, participant?: string): string {
  const [address, author] = [parseJid(jid), parseJid(participant)];
  if (address.kind === 'user') {
    return address.phone;
  }
  return placeOf(address) ?? (author.kind === 'user' ? author.phone : '');
}

/** A decrypted payload -> what is kept of it, whatever it is: bounded in size and time, and never an error. */
import { createContext, Script } from 'node:vm';
import { proto } from '@whiskeysockets/baileys';
import type { ChatSetting } from '../engine.ts';
import type { UnknownReason } from '../inbound-content.ts';
import {
  type Decoded,
  type DecodeOptions,
  decodeContent,
  settingOf,
  unwrap,
  WITHOUT_CONTENT,
} from './decode.ts';

/**
 * Bytes of a payload that is looked into. Texts have at most 65,536 characters and thumbnails some 100 KB; the worst
 * that fits into this takes some 15 ms to read.
 */
export const MAX_PAYLOAD_BYTES = 262_144;
/** Bytes of a payload that is read without watching the time: nothing in so few takes long. */
const UNWATCHED_BYTES = 8_192;
/** The decoders are linear. Should one still hold the event loop this long, it is broken off. */
const MAX_READING_MS = 1_000;

export type GroupKey = proto.Message.ISenderKeyDistributionMessage;

export interface ReadPayload {
  /** null when there is nothing in it for the history */
  decoded: Decoded | null;
  /** the chat (JID) that our other device says it was sent to; null for what others sent */
  sentTo: string | null;
  /** how its chat is set, when it says so */
  setting: ChatSetting | null;
  /** the key of its sender in a group, which opens what comes next; null when there is none in it */
  groupKey: GroupKey | null;
}

export interface PayloadOptions extends DecodeOptions {
  /** our other device has sent it: it comes wrapped, with the chat that it was sent to */
  isOurs?: boolean;
  /** its stanza has more than one: keys come by themselves, beside the message */
  isPart?: boolean;
  /** the group (JID), or the status, that its stanza came in: keys of any other one are none */
  group?: string | undefined;
}

/** Never throws: what cannot be read is reported as `unknown`. `payload` has no padding any more. */
export function readPayload(payload: Uint8Array, options: PayloadOptions): ReadPayload {
  if (payload.length > MAX_PAYLOAD_BYTES) return unreadable('too_large');
  const read = () => {
    const whole = proto.Message.decode(payload);
    const sent = options.isOurs ? whole.deviceSentMessage : null;
    const message = sent?.message ?? whole;
    const isOnlyKeys = options.isPart && message.senderKeyDistributionMessage;
    const path = sent?.message ? ['deviceSentMessage'] : [];
    return {
      decoded: decodeContent(message, options) ?? (isOnlyKeys ? null : newKind(payload, message, path)),
      sentTo: sent?.destinationJid ?? null,
      setting: settingOf(message),
      groupKey: groupKeyOf(message, options.group),
    };
  };
  try {
    return payload.length <= UNWATCHED_BYTES ? read() : withinTime(read, MAX_READING_MS);
  } catch (error) {
    return unreadable(isTimeout(error) ? 'too_slow' : 'malformed');
  }
}

export function unreadable(reason: UnknownReason): ReadPayload {
  return {
    decoded: { content: { type: 'unknown', reason }, media: null, vote: null },
    sentTo: null,
    setting: null,
    groupKey: null,
  };
}

/**
 * A message that has nothing but keys, settings and a field which this release does not know: a kind that WhatsApp has added.
 * `payload` holds it inside of the fields of `path`, and inside of its own wrappers.
 */
function newKind(payload: Uint8Array, message: proto.IMessage, path: readonly string[]): Decoded | null {
  const { content, wrappers } = unwrap(message);
  if (Object.keys(content).some((name) => !WITHOUT_CONTENT.has(name))) return null;
  let bytes: Uint8Array | undefined = payload;
  for (const name of [...path, ...wrappers]) bytes = bytes && wrappedBytes(bytes, name);
  if (bytes === undefined) return null;
  const known = new Set(fieldsOf(proto.Message.encode(content).finish()).map(({ field }) => field));
  const unknown = fieldsOf(bytes).find(({ field }) => !known.has(field));
  if (unknown === undefined) return null;
  return { content: { type: 'unsupported', kind: `field ${unknown.field}` }, media: null, vote: null };
}

/** The bytes of the message inside of the wrapper of that name; undefined when there are none. */
function wrappedBytes(bytes: Uint8Array, name: string): Uint8Array | undefined {
  const isSent = name === 'deviceSentMessage';
  const wrapper = proto.Message.encode(isSent ? { deviceSentMessage: {} } : { [name]: {} }).finish();
  const inner = { message: {} };
  const { DeviceSentMessage, FutureProofMessage } = proto.Message;
  const inside = (isSent ? DeviceSentMessage : FutureProofMessage).encode(inner).finish();
  const outer = bytesIn(bytes, fieldsOf(wrapper)[0]?.field);
  return outer && bytesIn(outer, fieldsOf(inside)[0]?.field);
}

/** The last one counts, as where it was decoded. */
function bytesIn(bytes: Uint8Array, field: number | undefined): Uint8Array | undefined {
  const found = fieldsOf(bytes).findLast((one) => one.field === field && one.bytes !== null);
  return found?.bytes ?? undefined;
}

interface Field {
  field: number;
  /** null for numbers */
  bytes: Uint8Array | null;
}

/** The fields on the first level of a protobuf message that has been decoded. */
function fieldsOf(payload: Uint8Array): Field[] {
  const fields: Field[] = [];
  let at = 0;
  const varint = () => {
    let value = 0;
    for (let shift = 1; at < payload.length; shift *= 128) {
      const byte = payload[at++] ?? 0;
      value += (byte & 127) * shift;
      if (byte < 128) break;
    }
    return value;
  };
  while (at < payload.length) {
    const tag = varint();
    const wire = tag % 8;
    const one: Field = { field: Math.floor(tag / 8), bytes: null };
    fields.push(one);
    if (wire === 0) varint();
    else if (wire === 1) at += 8;
    else if (wire === 5) at += 4;
    else if (wire === 2) {
      const length = varint();
      one.bytes = payload.subarray(at, at + length);
      at += length;
    }
    // Groups: nothing that WhatsApp uses.
    else break;
  }
  return fields;
}

/** Lengths of the secret and of the public key (with and without its type) in the key of a group. */
const SECRET_BYTES = 32;
const PUBLIC_BYTES: readonly (number | undefined)[] = [32, 33];

/**
 * Null for what is no key, only a part of one, or one of another chat than `group`: its author may have written anything there.
 */
function groupKeyOf(
  { senderKeyDistributionMessage: given }: proto.IMessage,
  group: string | undefined,
): GroupKey | null {
  const bytes = given?.axolotlSenderKeyDistributionMessage;
  if (!given?.groupId || given.groupId !== group || !bytes) return null;
  try {
    // Behind a byte for the version.
    const { id, iteration, chainKey, signingKey } = proto.SenderKeyDistributionMessage.decode(
      bytes.subarray(1),
    );
    const isNumbered = typeof id === 'number' && typeof iteration === 'number';
    const isWhole = chainKey?.length === SECRET_BYTES && PUBLIC_BYTES.includes(signingKey?.length);
    return isNumbered && isWhole ? given : null;
  } catch {
    return null;
  }
}

const box: { work: () => void } = { work: () => undefined };
const context = createContext(box);
const script = new Script('work()');

/** Runs `work`, and breaks it off after `timeoutMs`: also inside of a pattern that does not end. */
export function withinTime<R>(work: () => R, timeoutMs: number): R {
  let result: { value: R } | null = null;
  box.work = () => {
    result = { value: work() };
  };
  try {
    script.runInContext(context, { timeout: timeoutMs });
  } finally {
    box.work = () => undefined;
  }
  return resultOf(result);
}

function resultOf<R>(result: { value: R } | null): R {
  if (result === null) throw new Error('it did not come to its end');
  return result.value;
}

const isTimeout = (error: unknown) =>
  error instanceof Error && 'code' in error && error.code === 'ERR_SCRIPT_EXECUTION_TIMEOUT';

/** A decrypted payload -> what is kept of it, whatever it is: bounded in size and time, and never an error. */
import { createContext, Script } from 'node:vm';
import { proto, writeRandomPadMax16 } from '@whiskeysockets/baileys';
import type { ChatSetting } from '../engine.ts';
import type { UnknownReason } from '../inbound-content.ts';
import { type Decoded, type DecodeOptions, decodeContent, settingOf } from './decode.ts';

/**
 * Bytes of a payload that is looked into. Texts have at most 65,536 characters and thumbnails some 100 KB; the worst
 * that fits into this takes some 15 ms to read.
 */
export const MAX_PAYLOAD_BYTES = 262_144;
/** Bytes of a payload that is read without watching the time: nothing in so few takes long. */
const UNWATCHED_BYTES = 8_192;
/** The decoders are linear. Should one still hold the event loop this long, it is broken off. */
const MAX_READING_MS = 1_000;

export interface ReadPayload {
  /** null when there is nothing in it for the history */
  decoded: Decoded | null;
  /** the chat (JID) that our other device says it was sent to; null for what others sent */
  sentTo: string | null;
  /** how its chat is set, when it says so */
  setting: ChatSetting | null;
  /** the padded payload without everything but the keys of a group: all that Baileys needs of it */
  keys: Uint8Array;
  /** whether there are keys of a group in it */
  hasKeys: boolean;
}

export interface PayloadOptions extends DecodeOptions {
  /** our other device has sent it: it comes wrapped, with the chat that it was sent to */
  isOurs?: boolean;
}

/** Never throws: what cannot be read is reported as `unknown`. `payload` has no padding any more. */
export function readPayload(payload: Uint8Array, options: PayloadOptions): ReadPayload {
  if (payload.length > MAX_PAYLOAD_BYTES) return unreadable('too_large');
  const read = () => {
    const whole = proto.Message.decode(payload);
    const sent = options.isOurs ? whole.deviceSentMessage : null;
    const message = sent?.message ?? whole;
    return {
      decoded: decodeContent(message, options) ?? newKind(payload, whole),
      sentTo: sent?.destinationJid ?? null,
      setting: settingOf(message),
      keys: keysOf(message),
      hasKeys: Boolean(message.senderKeyDistributionMessage),
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
    keys: keysOf({}),
    hasKeys: false,
  };
}

/** A message that has nothing but a field which this release does not know: a kind that WhatsApp has added. */
function newKind(payload: Uint8Array, message: proto.Message): Decoded | null {
  if (Object.keys(message).some((name) => name !== 'messageContextInfo')) return null;
  const known = new Set(fieldsOf(proto.Message.encode(message).finish()));
  const field = fieldsOf(payload).find((one) => !known.has(one));
  if (field === undefined) return null;
  return { content: { type: 'unsupported', kind: `field ${field}` }, media: null, vote: null };
}

/** The numbers of the fields on the first level of a protobuf message that has been decoded. */
function fieldsOf(payload: Uint8Array): number[] {
  const fields: number[] = [];
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
    fields.push(Math.floor(tag / 8));
    if (wire === 0) varint();
    else if (wire === 1) at += 8;
    else if (wire === 5) at += 4;
    else if (wire === 2) {
      const length = varint();
      at += length;
    }
    // Groups: nothing that WhatsApp uses.
    else break;
  }
  return fields;
}

function keysOf({ senderKeyDistributionMessage }: proto.IMessage): Uint8Array {
  const keys = senderKeyDistributionMessage ? { senderKeyDistributionMessage } : {};
  return writeRandomPadMax16(proto.Message.encode(keys).finish());
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

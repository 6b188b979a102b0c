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
  /** how its chat is set, when it says so */
  setting: ChatSetting | null;
  /** the padded payload without everything but the keys of a group: all that Baileys needs of somebody else's message */
  keys: Uint8Array;
  /** whether there are keys of a group in it */
  hasKeys: boolean;
}

/** Never throws: what cannot be read is reported as `unknown`. `payload` has no padding any more. */
export function readPayload(payload: Uint8Array, options: DecodeOptions): ReadPayload {
  if (payload.length > MAX_PAYLOAD_BYTES) return unreadable('too_large');
  const read = () => {
    const message = proto.Message.decode(payload);
    return {
      decoded: decodeContent(message, options),
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
    setting: null,
    keys: keysOf({}),
    hasKeys: false,
  };
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

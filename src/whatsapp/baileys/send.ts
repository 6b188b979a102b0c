/** One attempt to send: everything that needs the network first, then the relay, then the server's word. */
import { wordsOf } from '../../db/errors.ts';
import { type Clock, sleep } from '../../utils/clock.ts';
import { AppError } from '../../utils/errors.ts';
import type { Outgoing } from '../content.ts';
import type { Recipient, SendOptions, SendResult } from '../engine.ts';
import { isChannelJid } from '../jid.ts';
import { RECIPIENT_STALE } from '../refusals.ts';
import type { Acknowledgement } from './ack-book.ts';
import { withBound } from './bound.ts';
import { postStanza } from './channels.ts';
import { answered } from './devices.ts';
import type { EncodedContent } from './encode.ts';
import type { Link } from './link-types.ts';
import { type Ready, refreshRecipient } from './prepare.ts';
import { EncodeError, prepareMessage } from './prepare-message.ts';
import { markLeaving, type Relay, runRelay, WITHDRAWN } from './relay-scope.ts';
import { NOT_WAITING } from './right-of-way.ts';
import { MediaGoneError } from './uploads.ts';

/**
 * See Engine.send. Never rejects. When the server says that the recipient's devices or address were wrong, these are asked
 * for again and the message is sent once more, with the same id.
 */
export async function sendOnce(
  link: Link,
  clock: Clock,
  to: Recipient,
  content: Outgoing,
  options: SendOptions,
): Promise<SendResult> {
  if (!options.urgent) return sendInTurn(link, clock, to, content, options);
  const end = link.rightOfWay.take();
  try {
    return await sendInTurn({ ...link, rightOfWay: NOT_WAITING }, clock, to, content, options);
  } finally {
    end();
  }
}

async function sendInTurn(
  link: Link,
  clock: Clock,
  to: Recipient,
  content: Outgoing,
  options: SendOptions,
): Promise<SendResult> {
  const first = await tryOnce(link, clock, to, content, options);
  if (first.outcome !== 'refused' || first.code !== RECIPIENT_STALE) return first;
  const refreshed = await answered(link, refreshRecipient(link, to, content)).catch(() => to);
  return tryOnce(link, clock, refreshed, content, { ...options, typingMs: 0 });
}

async function tryOnce(
  link: Link,
  clock: Clock,
  to: Recipient,
  content: Outgoing,
  options: SendOptions,
): Promise<SendResult> {
  if (!link.isOpen()) return notSent('not connected');
  let ready: Ready & { encoded: EncodedContent };
  try {
    await link.rightOfWay.give();
    const work = prepareMessage(link, to, content, options.messageId);
    const bound = await withBound(clock, work, options.prepareTimeoutMs, link.closed);
    if (!bound.done) {
      if (bound.why === 'closed') return CUT_OFF;
      link.doubts.unanswered(to.jid);
      return notSent('preparing timed out');
    }
    if (bound.value.kind === 'impossible') {
      return { outcome: 'impossible', code: bound.value.code, message: bound.value.message };
    }
    if (bound.value.kind === 'unanswered') {
      link.doubts.unanswered(to.jid);
      return { ...notSent(bound.value.message), code: bound.value.code };
    }
    ready = bound.value;
    await showTyping(link, clock, ready.jid, options.typingMs ?? 0);
    await link.rightOfWay.give();
    if (!(await options.mayRelay())) return { outcome: 'withheld' };
  } catch (error) {
    if (error instanceof MediaGoneError) return MEDIA_GONE;
    if (error instanceof EncodeError) return UNREADABLE;
    if (isStorageAway(error))
      return { outcome: 'postponed', reason: 'the file cannot be read, or not written, now' };
    return link.isOpen() ? notSent(wordsOf(error)) : CUT_OFF;
  }
  if (!link.isOpen()) return CUT_OFF;
  const result = await relay(link, clock, ready, options);
  const { missing } = ready;
  if (result.outcome === 'acknowledged' || result.outcome === 'refused') link.doubts.answered();
  return result.outcome === 'acknowledged' && missing.length > 0 ? { ...result, leftOut: missing } : result;
}

const CUT_OFF: SendResult = { outcome: 'not_sent', reason: 'connection closed', begun: true };

const UNREADABLE: SendResult = {
  outcome: 'impossible',
  code: 'CONTENT_INVALID',
  message: 'Its content cannot be made into a message.',
};

const MEDIA_GONE: SendResult = {
  outcome: 'impossible',
  code: 'MEDIA_GONE',
  message: 'The file of the message is not kept any more.',
};

const isStorageAway = (error: unknown) => error instanceof AppError && error.code === 'UNAVAILABLE';

/** The message itself ends it. What goes wrong with it must not stop the message. */
async function showTyping(link: Link, clock: Clock, target: string, typingMs: number): Promise<void> {
  if (typingMs <= 0 || isChannelJid(target)) return;
  await link.sock.sendPresenceUpdate('composing', target).catch(() => undefined);
  await sleep(clock, typingMs, link.closed);
}

const notSent = (reason: string) => ({ outcome: 'not_sent', reason }) as const;

/**
 * From here on the stanza may be on the wire. When the bound passes before Baileys has written it, it is withdrawn; once
 * we cannot stop it any more, the socket is closed: it must not be written later, when the row is somebody
 * else's.
 */
async function relay(
  link: Link,
  clock: Clock,
  { jid: target, leftOut, audience, encoded }: Ready & { encoded: EncodedContent },
  { messageId, ackTimeoutMs, mayLeave, commit }: SendOptions,
): Promise<SendResult> {
  const acknowledged = link.acks.expect(messageId);
  if (!acknowledged) return notSent('this message is being sent already');
  let written = false;
  const scope: Relay = { leftOut, mayLeave, commit, withdrawn: false, withheld: false, leaving: false };
  if (!isChannelJid(target)) commit?.comes();
  const relayed = runRelay(scope, async () => {
    if (isChannelJid(target)) return post(link, target, messageId, encoded);
    const { message, ...additional } = encoded;
    await link.sock.relayMessage(target, message, {
      messageId,
      ...additional,
      ...(audience === undefined ? {} : { statusJidList: audience }),
    });
  }).then(() => {
    written = true;
  });
  try {
    const bound = await withBound(clock, firstWord(acknowledged, relayed), ackTimeoutMs, link.closed);
    if (scope.withheld) return { outcome: 'withheld' };
    if (bound.done) return bound.value;
    if (bound.why === 'closed') {
      if (scope.leaving) return { outcome: 'unknown', reason: 'connection closed' };
      scope.withdrawn = true;
      return CUT_OFF;
    }
    if (!written && !scope.leaving) {
      scope.withdrawn = true;
      link.doubts.unanswered(target);
      return notSent('it could not be encrypted in time');
    }
    if (!written) {
      await link.finish({ reason: 'stalled', message: 'a message could not be written in time' });
      return { outcome: 'unknown', reason: 'not written in time' };
    }
    link.doubts.unanswered(target);
    link.acks.release(messageId, { chat: target });
    return { outcome: 'unknown', reason: 'no acknowledgement in time' };
  } finally {
    if (!written || link.closed.aborted) link.acks.release(messageId);
  }
}

/** Rejects as `relayMessage` does. */
async function post(link: Link, channel: string, messageId: string, encoded: EncodedContent): Promise<void> {
  await markLeaving();
  await link.sock.sendNode(postStanza(channel, messageId, encoded));
}

/** The acknowledgement, or the failure of the relay: whichever comes first. Never rejects. */
function firstWord(acknowledged: Promise<Acknowledgement>, relayed: Promise<void>): Promise<SendResult> {
  return new Promise((resolve) => {
    void acknowledged.then(resolve);
    relayed.catch((error: unknown) => {
      const reason = wordsOf(error);
      resolve(BEFORE_THE_WIRE.has(reason) ? notSent(reason) : { outcome: 'unknown', reason });
    });
  });
}

/** Failures of the relay that come before the stanza is written. All others might have come after. */
const BEFORE_THE_WIRE: ReadonlySet<string> = new Set([
  'All encryptions failed',
  'Connection Closed',
  'Timed Out',
  WITHDRAWN,
]);

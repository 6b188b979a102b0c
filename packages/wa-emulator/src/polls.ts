/** Polls and events as the people who got them know them, and how they vote and answer. */
import { createCipheriv, createHash, createHmac, randomBytes } from 'node:crypto';
import { normalizeMessageContent, proto } from '@whiskeysockets/baileys';
import { ControlError } from './control-error.ts';
import { userJid } from './jids.ts';
import type { World } from './world.ts';

const MAX_POLLS = 10_000;

/** Who has sent a poll or an event (phone), and the secret that votes and answers are sealed with. */
export interface Poll {
  about: 'poll' | 'event';
  creator: string;
  secret: Uint8Array;
}

/** What people answer to an event. */
export const EVENT_ANSWERS = ['going', 'not_going', 'maybe'] as const;

/** Remembers what a vote or an answer needs, if the message is a poll or an event. */
export function rememberPoll(world: World, id: string, creator: string, message: proto.IMessage): void {
  const content = normalizeMessageContent(message) ?? message;
  const poll = content.pollCreationMessage ?? content.pollCreationMessageV2 ?? content.pollCreationMessageV3;
  const about = poll ? 'poll' : content.eventMessage ? 'event' : null;
  const secret = message.messageContextInfo?.messageSecret ?? content.messageContextInfo?.messageSecret;
  if (about === null || !secret) return;
  const [oldest] = world.polls.keys();
  if (world.polls.size >= MAX_POLLS && oldest !== undefined) world.polls.delete(oldest);
  world.polls.set(id, { about, creator, secret });
}

/** Who answers, and how they and the conversation are named. */
interface Voter {
  voter: string;
  via: 'pn' | 'lid';
}

/** A vote as a phone seals it; without options it takes the vote back. Throws a ControlError for a poll that nobody got. */
export function buildVote(
  world: World,
  { pollId, options, ...by }: Voter & { pollId: string; options: readonly string[] },
): proto.IMessage {
  const selectedOptions = options.map((option) => createHash('sha256').update(option).digest());
  const plain = proto.Message.PollVoteMessage.encode({ selectedOptions }).finish();
  const { key, ...vote } = sealFor(world, { about: 'poll', id: pollId, ...by }, plain);
  return { pollUpdateMessage: { pollCreationMessageKey: key, vote, senderTimestampMs: Date.now() } };
}

/** An answer to an event as a phone seals it. Throws a ControlError for an event that nobody got. */
export function buildAnswer(
  world: World,
  {
    eventId,
    answer,
    guests,
    ...by
  }: Voter & { eventId: string; answer: (typeof EVENT_ANSWERS)[number]; guests: number },
): proto.IMessage {
  const { GOING, NOT_GOING, MAYBE } = proto.Message.EventResponseMessage.EventResponseType;
  const response = { going: GOING, not_going: NOT_GOING, maybe: MAYBE }[answer];
  const said = { response, timestampMs: Date.now(), ...(guests > 0 ? { extraGuestCount: guests } : {}) };
  const plain = proto.Message.EventResponseMessage.encode(said).finish();
  const { key, ...sealed } = sealFor(world, { about: 'event', id: eventId, ...by }, plain);
  return { encEventResponseMessage: { eventCreationMessageKey: key, ...sealed } };
}

function sealFor(
  world: World,
  { about, id, voter, via }: Voter & { about: Poll['about']; id: string },
  plain: Uint8Array,
) {
  const poll = world.polls.get(id);
  if (poll?.about !== about) throw new ControlError(404, `messageId: nobody got ${about} ${id}`);
  const [creator, author] = [userJid(poll.creator, via), userJid(voter, via)];
  const hmac = (key: Uint8Array, data: Uint8Array) => createHmac('sha256', key).update(data).digest();
  const use = about === 'poll' ? 'Poll Vote' : 'Event Response';
  const names = Buffer.concat([Buffer.from(`${id}${creator}${author}${use}`), Buffer.from([1])]);
  const encIv = randomBytes(12);
  const cipher = createCipheriv('aes-256-gcm', hmac(hmac(new Uint8Array(32), poll.secret), names), encIv);
  cipher.setAAD(Buffer.from(`${id}\u0000${author}`));
  const encPayload = Buffer.concat([cipher.update(plain), cipher.final(), cipher.getAuthTag()]);
  return { key: { remoteJid: creator, fromMe: false, id }, encPayload, encIv };
}

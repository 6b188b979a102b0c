/** Polls as the people who got them know them, and votes in them. */
import { createCipheriv, createHash, createHmac, randomBytes } from 'node:crypto';
import { normalizeMessageContent, proto } from '@whiskeysockets/baileys';
import { ControlError } from './control-error.ts';
import { userJid } from './jids.ts';
import type { World } from './world.ts';

const MAX_POLLS = 10_000;

/** Who has sent a poll (phone), and the secret that its votes are sealed with. */
export interface Poll {
  creator: string;
  secret: Uint8Array;
}

/** Remembers what a vote in this message needs, if it is a poll. */
export function rememberPoll(world: World, id: string, creator: string, message: proto.IMessage): void {
  const content = normalizeMessageContent(message) ?? message;
  const isPoll =
    content.pollCreationMessage ?? content.pollCreationMessageV2 ?? content.pollCreationMessageV3;
  const secret = message.messageContextInfo?.messageSecret ?? content.messageContextInfo?.messageSecret;
  if (!isPoll || !secret) return;
  const [oldest] = world.polls.keys();
  if (world.polls.size >= MAX_POLLS && oldest !== undefined) world.polls.delete(oldest);
  world.polls.set(id, { creator, secret });
}

/** A vote as a phone seals it; without options it takes the vote back. Throws a ControlError for a poll that nobody got. */
export function buildVote(
  world: World,
  {
    pollId,
    options,
    voter,
    via,
  }: { pollId: string; options: readonly string[]; voter: string; via: 'pn' | 'lid' },
): proto.IMessage {
  const poll = world.polls.get(pollId);
  if (!poll) throw new ControlError(404, `messageId: nobody got a poll ${pollId}`);
  const [creator, author] = [userJid(poll.creator, via), userJid(voter, via)];
  const hmac = (key: Uint8Array, data: Uint8Array) => createHmac('sha256', key).update(data).digest();
  const names = Buffer.concat([Buffer.from(`${pollId}${creator}${author}Poll Vote`), Buffer.from([1])]);
  const encIv = randomBytes(12);
  const cipher = createCipheriv('aes-256-gcm', hmac(hmac(new Uint8Array(32), poll.secret), names), encIv);
  cipher.setAAD(Buffer.from(`${pollId}\u0000${author}`));
  const selectedOptions = options.map((option) => createHash('sha256').update(option).digest());
  const plain = proto.Message.PollVoteMessage.encode({ selectedOptions }).finish();
  const encPayload = Buffer.concat([cipher.update(plain), cipher.final(), cipher.getAuthTag()]);
  return {
    pollUpdateMessage: {
      pollCreationMessageKey: { remoteJid: creator, fromMe: false, id: pollId },
      vote: { encPayload, encIv },
      senderTimestampMs: Date.now(),
    },
  };
}

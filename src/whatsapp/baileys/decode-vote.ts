/** Votes in our polls and answers to our events: sealed with a secret that only we and the members of the chat know. */
import { createHash } from 'node:crypto';
import { decryptEventResponse, decryptPollVote, proto } from '@whiskeysockets/baileys';
import type { Outgoing } from '../content.ts';
import type { EventAnswer, InboundContent } from '../inbound-content.ts';
import { positive } from './decode-text.ts';

/** A vote or an answer as it comes, and the poll or the event that it is about. */
export interface SealedVote {
  about: 'poll' | 'event';
  /** the id on the wire of the poll or the event */
  targetId: string;
  encPayload: Uint8Array;
  encIv: Uint8Array;
}

/** What it says. */
export type OpenedVote =
  | { about: 'poll'; options: string[] }
  | { about: 'event'; response: EventAnswer; guests: number };

export interface VoteKeys {
  /** what was sent under that id; null when it is not ours or not known any more */
  findSent: (messageId: string) => Promise<Outgoing | null>;
  /** the secret that our polls and events are sent with */
  secretOf: (messageId: string) => Uint8Array;
  /** our own user JIDs: the seal names one, and does not say which */
  creators: readonly string[];
  /** the user JIDs of who has answered */
  voters: readonly string[];
}

/** People that somebody may bring along; more is no answer of a person. */
const MAX_GUESTS = 1_000;

const { GOING, NOT_GOING, MAYBE } = proto.Message.EventResponseMessage.EventResponseType;
const ANSWERS: ReadonlyMap<unknown, EventAnswer> = new Map<unknown, EventAnswer>([
  [GOING, 'going'],
  [NOT_GOING, 'not_going'],
  [MAYBE, 'maybe'],
]);

/** Null when the message is neither. */
export function sealedVoteOf({
  pollUpdateMessage: update,
  encEventResponseMessage: answer,
}: proto.IMessage): SealedVote | null {
  const poll = toSealed('poll', update?.pollCreationMessageKey, update?.vote);
  return poll ?? toSealed('event', answer?.eventCreationMessageKey, answer);
}

function toSealed(
  about: SealedVote['about'],
  key: proto.IMessageKey | null | undefined,
  sealed: proto.Message.IPollEncValue | null | undefined,
): SealedVote | null {
  const { encPayload, encIv } = sealed ?? {};
  return key?.id && encPayload && encIv ? { about, targetId: key.id, encPayload, encIv } : null;
}

/**
 * The options that were chosen, none for a vote that was taken back, or the answer to an event; null when what it is about is
 * not ours, or it cannot be opened. Rejects when the history cannot be read.
 */
export async function openVote(vote: SealedVote, keys: VoteKeys): Promise<OpenedVote | null> {
  const sent = await keys.findSent(vote.targetId);
  if (vote.about === 'event') return sent?.type === 'event' ? openAnswer(vote, keys) : null;
  if (sent?.type !== 'poll') return null;
  const chosen = unseal(vote, keys, (names) => decryptPollVote(vote, toPollNames(names)).selectedOptions);
  if (!chosen) return null;
  const names = new Map(
    sent.options.map((option) => [createHash('sha256').update(option).digest('hex'), option]),
  );
  const options = chosen.flatMap((hash) => names.get(Buffer.from(hash).toString('hex')) ?? []);
  return { about: 'poll', options };
}

function openAnswer(vote: SealedVote, keys: VoteKeys): OpenedVote | null {
  const opened = unseal(vote, keys, (names) => decryptEventResponse(vote, toEventNames(names)));
  const response = ANSWERS.get(opened?.response);
  if (!opened || !response) return null;
  const guests = positive(opened.extraGuestCount) ?? 0;
  return { about: 'event', response, guests: Math.min(guests, MAX_GUESTS) };
}

/** The message with what its vote says, once that is opened. */
export function withOpened(content: InboundContent, opened: OpenedVote | null): InboundContent {
  if (content.type === 'poll_vote' && opened?.about === 'poll')
    return { ...content, options: opened.options };
  if (content.type !== 'event_response' || opened?.about !== 'event') return content;
  return { ...content, response: opened.response, guests: opened.guests };
}

interface SealNames {
  id: string;
  secret: Uint8Array;
  creator: string;
  voter: string;
}

const toPollNames = ({ id, secret, creator, voter }: SealNames) => ({
  pollMsgId: id,
  pollEncKey: secret,
  pollCreatorJid: creator,
  voterJid: voter,
});

const toEventNames = ({ id, secret, creator, voter }: SealNames) => ({
  eventMsgId: id,
  eventEncKey: secret,
  eventCreatorJid: creator,
  responderJid: voter,
});

function unseal<R>(
  { targetId: id }: SealedVote,
  { secretOf, creators, voters }: VoteKeys,
  open: (names: SealNames) => R,
): R | null {
  const secret = secretOf(id);
  for (const creator of creators) {
    for (const voter of voters) {
      try {
        return open({ id, secret, creator, voter });
      } catch {
        // Sealed under another pair of names.
      }
    }
  }
  return null;
}

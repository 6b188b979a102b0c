/** Votes in our polls: sealed with a secret that only we and the members of the chat know. */
import { createHash } from 'node:crypto';
import { decryptPollVote, type proto } from '@whiskeysockets/baileys';
import type { Outgoing } from '../content.ts';

/** A vote as it comes, and the poll that it is about. */
export interface SealedVote {
  pollId: string;
  encPayload: Uint8Array;
  encIv: Uint8Array;
}

export interface VoteKeys {
  /** what was sent under that id; null when it is not ours or not known any more */
  findSent: (messageId: string) => Promise<Outgoing | null>;
  /** the secret that our polls are sent with */
  secretOf: (messageId: string) => Uint8Array;
  /** our own user JIDs: the seal names one, and does not say which */
  creators: readonly string[];
  /** the voter's user JIDs */
  voters: readonly string[];
}

/** Null when the message is no vote. */
export function sealedVoteOf(update: proto.Message.IPollUpdateMessage | null | undefined): SealedVote | null {
  const { encPayload, encIv } = update?.vote ?? {};
  const pollId = update?.pollCreationMessageKey?.id;
  return pollId && encPayload && encIv ? { pollId, encPayload, encIv } : null;
}

/**
 * The options that were chosen, none for a vote that was taken back; null when the poll is not ours or the vote cannot
 * be opened. Rejects when the history cannot be read.
 */
export async function openVote(vote: SealedVote, keys: VoteKeys): Promise<string[] | null> {
  const poll = await keys.findSent(vote.pollId);
  if (poll?.type !== 'poll') return null;
  const chosen = unseal(vote, keys);
  if (!chosen) return null;
  const names = new Map(
    poll.options.map((option) => [createHash('sha256').update(option).digest('hex'), option]),
  );
  return chosen.flatMap((hash) => names.get(Buffer.from(hash).toString('hex')) ?? []);
}

function unseal(vote: SealedVote, { secretOf, creators, voters }: VoteKeys): Uint8Array[] | null {
  const pollEncKey = secretOf(vote.pollId);
  for (const pollCreatorJid of creators) {
    for (const voterJid of voters) {
      try {
        const context = { pollCreatorJid, pollMsgId: vote.pollId, pollEncKey, voterJid };
        return decryptPollVote(vote, context).selectedOptions;
      } catch {
        // Sealed under another pair of names.
      }
    }
  }
  return null;
}

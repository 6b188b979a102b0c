import { createCipheriv, createHash, createHmac, randomBytes } from 'node:crypto';
import { proto } from '@whiskeysockets/baileys';
import { describe, expect, it } from 'vitest';
import { openVote, type VoteKeys } from '../../src/whatsapp/baileys/decode-vote.ts';
import type { Content } from '../../src/whatsapp/content.ts';

const SECRET = randomBytes(32);
const POLL: Content = { type: 'poll', question: 'Q?', options: ['a', 'b', 'c'], multiple: true };
const ME = { phone: '628111@s.whatsapp.net', lid: '111@lid' };
const VOTER = { phone: '628222@s.whatsapp.net', lid: '222@lid' };

/** As a phone seals a vote: AES-GCM under a key of the poll's secret and both names. */
function seal(options: readonly string[], creator: string, voter: string, pollId = 'P1') {
  const hmac = (key: Uint8Array, data: Uint8Array) => createHmac('sha256', key).update(data).digest();
  const names = Buffer.concat([Buffer.from(`${pollId}${creator}${voter}Poll Vote`), Buffer.from([1])]);
  const key = hmac(hmac(new Uint8Array(32), SECRET), names);
  const encIv = randomBytes(12);
  const cipher = createCipheriv('aes-256-gcm', key, encIv);
  cipher.setAAD(Buffer.from(`${pollId}\u0000${voter}`));
  const selectedOptions = options.map((option) => createHash('sha256').update(option).digest());
  const plain = proto.Message.PollVoteMessage.encode({ selectedOptions }).finish();
  const encPayload = Buffer.concat([cipher.update(plain), cipher.final(), cipher.getAuthTag()]);
  return { about: 'poll' as const, targetId: pollId, encPayload, encIv };
}

const keys = (more: Partial<VoteKeys> = {}): VoteKeys => ({
  findSent: async (id) => (id === 'P1' ? POLL : null),
  secretOf: () => SECRET,
  creators: Object.values(ME),
  voters: Object.values(VOTER),
  ...more,
});

const chosen = (...options: string[]) => ({ about: 'poll', options });

describe('a vote', () => {
  it.each([
    [ME.phone, VOTER.phone],
    [ME.lid, VOTER.lid],
    [ME.phone, VOTER.lid],
    [ME.lid, VOTER.phone],
  ])('is opened under whichever names it was sealed (%s, %s)', async (creator, voter) => {
    expect(await openVote(seal(['c', 'a'], creator, voter), keys())).toEqual(chosen('c', 'a'));
  });

  it('that was taken back chooses nothing', async () => {
    expect(await openVote(seal([], ME.phone, VOTER.phone), keys())).toEqual(chosen());
  });

  it('leaves out what the poll does not offer', async () => {
    expect(await openVote(seal(['a', 'z'], ME.phone, VOTER.phone), keys())).toEqual(chosen('a'));
  });

  it.each<[string, Partial<VoteKeys>]>([
    ['of somebody else than who sent it', { voters: ['628333@s.whatsapp.net'] }],
    ['under another secret', { secretOf: () => randomBytes(32) }],
    ['in a poll that is not ours', { findSent: async () => null }],
    ['about a message that is no poll', { findSent: async () => ({ type: 'text', text: 'hi' }) }],
  ])('%s is not read', async (_name, more) => {
    expect(await openVote(seal(['a'], ME.phone, VOTER.phone), keys(more))).toBeNull();
  });

  it('waits while the history cannot be read', async () => {
    const findSent = async () => Promise.reject(new Error('database away'));
    await expect(openVote(seal(['a'], ME.phone, VOTER.phone), keys({ findSent }))).rejects.toThrow(
      'database away',
    );
  });
});

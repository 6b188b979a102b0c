/** What WhatsApp's answers about a channel mean: only a plain "there is none" means that it is gone. */
import type { BinaryNode } from '@whiskeysockets/baileys';
import { expect, it } from 'vitest';
import { findChannel, listChannels } from '../../src/whatsapp/baileys/channels.ts';
import type { Link } from '../../src/whatsapp/baileys/link-types.ts';
import { prepareRecipient } from '../../src/whatsapp/baileys/prepare.ts';
import { CHANNEL_REQUESTS } from '../../src/whatsapp/baileys/requests/channels.ts';
import { createFakeClock } from '../helpers/clock.ts';

const CHANNEL = '120363412345678901@newsletter';

/** A socket that is answered so: with JSON, with bytes that are none, or with an error. */
function answering(answer: unknown) {
  const sock = {
    generateMessageTag: () => '1',
    async query(): Promise<BinaryNode> {
      if (answer instanceof Error) throw answer;
      const text = typeof answer === 'string' ? answer : JSON.stringify(answer);
      return { tag: 'iq', attrs: {}, content: [{ tag: 'result', attrs: {}, content: Buffer.from(text) }] };
    },
  };
  const link = {
    sock,
    clock: createFakeClock(),
    closed: new AbortController().signal,
    answerTimeoutMs: 1_000,
  };
  // The functions under test use no other part of it.
  return link as unknown as Link;
}

const refusal = (code: number) => Object.assign(new Error(`refused ${code}`), { data: code });
const failed = (code: number) => ({ errors: [{ message: 'no', extensions: { error_code: code } }] });
const channelOf = (role: string, more: object = {}) => ({
  data: { xwa2_newsletter: { id: CHANNEL, thread_metadata: {}, viewer_metadata: { role }, ...more } },
});

const prepared = (answer: unknown) =>
  prepareRecipient(answering(answer), { jid: CHANNEL, phone: null, lid: null }, { type: 'text', text: 'a' });

it.each([403, 404, 410])('a plain null with %i is a channel that is gone', async (code) => {
  const answer = { data: { xwa2_newsletter: null }, ...failed(code) };
  expect(await findChannel(answering(answer).sock, CHANNEL)).toBeNull();
  expect(await prepared(answer)).toMatchObject({ kind: 'impossible', code: 'CHANNEL_GONE' });
});

it.each([
  ['another field in its place', { data: { xwa3_newsletter: {} } }],
  ['a null without a reason', { data: { xwa2_newsletter: null } }],
  ['a null for another reason', { data: { xwa2_newsletter: null }, ...failed(500) }],
  ['a code without a null', failed(404)],
  ['an id that cannot be read', channelOf('OWNER', { id: 'new-kind-of-id' })],
  ['no JSON', 'nothing of the kind'],
  ['a query that was given up', refusal(400)],
  ['a query that is not found', refusal(404)],
])('%s tells nothing: the post goes on, and nobody is blamed', async (_what, answer) => {
  await expect(findChannel(answering(answer).sock, CHANNEL)).rejects.toMatchObject({ name: 'UnclearAnswer' });
  expect(await prepared(answer)).toMatchObject({ kind: 'ready', jid: CHANNEL });
  const context = { link: answering(answer), openMedia: async () => null, fetchPlain: async () => null };
  const asked = CHANNEL_REQUESTS['channel.info'](context as never, { channel: CHANNEL });
  // Without a code of its own it reaches callers as UNAVAILABLE.
  await expect(asked).rejects.not.toHaveProperty('code');
});

it('waits when WhatsApp is asked too often, or does not answer', async () => {
  for (const error of [refusal(429), new Error('Connection Closed')]) {
    await expect(prepared(error)).rejects.toBe(error);
  }
  await expect(prepared({ data: {}, ...failed(429) })).rejects.toMatchObject({ data: 429 });
  const context = { link: answering(refusal(429)) };
  const list = CHANNEL_REQUESTS['channel.list'](context as never, {});
  await expect(list).rejects.toMatchObject({ code: 'RATE_LIMITED' });
});

it('looks at the role', async () => {
  expect(await prepared(channelOf('ADMIN'))).toMatchObject({ kind: 'ready' });
  expect(await prepared(channelOf('SUBSCRIBER'))).toMatchObject({ code: 'CHANNEL_GONE' });
  expect(await prepared(channelOf('A_NEW_ROLE'))).toMatchObject({ kind: 'ready' });
  await expect(listChannels(answering({ data: {} }).sock)).rejects.toMatchObject({ name: 'UnclearAnswer' });
});

it('says where a list was cut, and reads no answer without end', async () => {
  const one = channelOf('SUBSCRIBER').data.xwa2_newsletter;
  const listed = (n: number) => answering({ data: { xwa2_newsletter_subscribed: Array(n).fill(one) } });
  const whole = await listChannels(listed(2_000).sock);
  expect([whole.channels.length, whole.truncated]).toEqual([2_000, false]);
  const cut = await listChannels(listed(2_001).sock);
  expect([cut.channels.length, cut.truncated]).toEqual([2_000, true]);
  const tooLong = { code: 'UNAVAILABLE', details: { reason: 'too_long', maxBytes: 4 * 1024 ** 2 } };
  await expect(listChannels(listed(100_000).sock)).rejects.toMatchObject(tooLong);
});

/** The history is the whole conversation, whoever of the two sides has sent a message, and from where. */
import { expect, test } from 'vitest';
import { converse } from '../helpers/two-way.ts';

/** `npm run test:soak -- tests/soak/two-way.test.ts` sends a thousand. */
const COUNT = 100;

test(`${COUNT} mixed messages in three chats and two groups: three histories are equal`, async () => {
  const { ours, phone, people } = await converse(COUNT);
  expect(ours).toHaveLength(COUNT);
  expect(ours).toEqual(phone);
  expect(ours).toEqual(people);
}, 120_000);

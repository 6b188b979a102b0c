/** The same as tests/e2e/two-way.test.ts, longer. */
import { expect, test } from 'vitest';
import { converse } from '../helpers/two-way.ts';

const COUNT = Number(process.env.TWO_WAY_MESSAGES ?? 1_000);

test(`${COUNT} mixed messages in three chats and two groups: three histories are equal`, async () => {
  const { ours, phone, people } = await converse(COUNT);
  expect(ours).toHaveLength(COUNT);
  expect(ours).toEqual(phone);
  expect(ours).toEqual(people);
}, 1_800_000);

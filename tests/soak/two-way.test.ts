/** The same as tests/e2e/two-way.test.ts, longer, and with both engines. */
import { expect, test } from 'vitest';
import { converse } from '../helpers/two-way.ts';

const COUNT = Number(process.env.TWO_WAY_MESSAGES ?? 1_000);

test.each(['baileys', 'wa-multi-session'] as const)(
  `${COUNT} mixed messages in three chats and two groups: three histories are equal (%s)`,
  async (engine) => {
    const { ours, phone, people } = await converse(COUNT, engine);
    expect(ours).toHaveLength(COUNT);
    expect(ours).toEqual(phone);
    expect(ours).toEqual(people);
  },
  1_800_000,
);

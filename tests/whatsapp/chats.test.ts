import { expect, it } from 'vitest';
import { createChats } from '../../src/whatsapp/baileys/chats.ts';
import type { ChatSetting } from '../../src/whatsapp/engine.ts';

it('keeps what a message told while an older answer of the gateway was on its way', async () => {
  const answers: ((setting: ChatSetting | null) => void)[] = [];
  const saved: ChatSetting[] = [];
  const chats = createChats({
    find: () => new Promise((resolve) => void answers.push(resolve)),
    save: async (_chat, setting) => void saved.push(setting),
  });
  const sending = chats.find(['a']);
  const told: ChatSetting = { expiration: 604_800, setAt: 5_000 };
  const noting = chats.note('a', told);
  answers[1]?.(null);
  await noting;
  answers[0]?.(null);
  expect(await sending).toEqual(told);
  expect(await chats.find(['a'])).toEqual(told);
  expect(saved).toEqual([told]);
  expect(answers).toHaveLength(2);
});

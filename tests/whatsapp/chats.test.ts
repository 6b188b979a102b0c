import { expect, it, vi } from 'vitest';
import { createChats } from '../../src/whatsapp/baileys/chats.ts';
import type { ChatSetting } from '../../src/whatsapp/engine.ts';
import { turns } from '../helpers/clock.ts';

it('keeps what a message told while an older answer of the gateway was on its way', async () => {
  const answers: ((setting: ChatSetting | null) => void)[] = [];
  const saved: ChatSetting[] = [];
  const chats = createChats({
    list: async () => null,
    find: () => new Promise((resolve) => void answers.push(resolve)),
    save: async (_chat, setting) => void saved.push(setting),
  });
  const sending = chats.find(['a']);
  const told: ChatSetting = { expiration: 604_800, setAt: 5_000 };
  const noting = chats.note('a', told);
  await turns(2);
  answers[1]?.(null);
  await noting;
  answers[0]?.(null);
  expect(await sending).toEqual(told);
  expect(await chats.find(['a'])).toEqual(told);
  expect(saved).toEqual([told]);
  expect(answers).toHaveLength(2);
});

const WEEK: ChatSetting = { expiration: 604_800, setAt: 5_000 };

/** The store of a session with so many chats that are set, and what it was asked for. */
function createStore(count: number) {
  const set = new Map(Array.from({ length: count }, (_, n) => [`set ${n}`, WEEK]));
  const asked = {
    list: vi.fn(async (max: number) => (set.size > max ? null : [...set])),
    find: vi.fn(async (chat: string) => set.get(chat) ?? null),
    save: vi.fn(async (chat: string, setting: ChatSetting) => void set.set(chat, setting)),
  };
  return { set, asked };
}

it('asks once for all chats that are set, and for nothing of those that are not', async () => {
  const { asked } = createStore(10);
  const chats = createChats(asked);
  for (let n = 0; n < 100; n++) expect(await chats.find([`other ${n}`])).toBeNull();
  expect(await chats.find(['other 1', 'set 1'])).toEqual(WEEK);
  await chats.note('told', WEEK);
  await chats.note('set 1', WEEK);
  expect(await chats.find(['told'])).toEqual(WEEK);
  expect(asked.list).toHaveBeenCalledTimes(1);
  expect(asked.save).toHaveBeenCalledTimes(1);
  expect(asked.find).not.toHaveBeenCalled();
});

it('asks for each chat where many are set', async () => {
  const { asked } = createStore(2_001);
  const chats = createChats(asked);
  for (let n = 0; n < 2; n++) expect(await chats.find(['set 2000'])).toEqual(WEEK);
  expect([asked.list, asked.find].map(({ mock }) => mock.calls.length)).toEqual([1, 1]);
});

it('keeps no more than some thousands in memory when more and more are set', async () => {
  const { asked } = createStore(2_000);
  const chats = createChats(asked);
  await chats.note('one more', WEEK);
  expect(asked.find).not.toHaveBeenCalled();
  expect(await chats.find(['one more'])).toEqual(WEEK);
  expect(await chats.find(['set 7'])).toEqual(WEEK);
  expect(await chats.find(['other'])).toBeNull();
  expect(asked.find).toHaveBeenCalledTimes(3);
});

it('asks again after the store did not answer', async () => {
  const { asked } = createStore(1);
  asked.list.mockRejectedValueOnce(new Error('away'));
  const chats = createChats(asked);
  await expect(chats.find(['set 0'])).rejects.toThrow('away');
  expect(await chats.find(['set 0'])).toEqual(WEEK);
});

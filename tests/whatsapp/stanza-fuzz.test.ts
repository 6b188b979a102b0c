import { afterAll, beforeAll, expect, it } from 'vitest';
import { startTestEngine, type TestEngine, until } from '../helpers/engine.ts';
import { expectQuickToRead, sendChanged } from '../helpers/stanza-fuzz.ts';

const PHONE = '6281100000950';
const COUNT = 2_000;
let test: TestEngine;

beforeAll(async () => {
  test = await startTestEngine();
  await test.connect(PHONE);
});
afterAll(() => test.stop());

it(`${COUNT} messages that were changed at random are each answered, and the session goes on`, async () => {
  await sendChanged(test.emulator, PHONE, COUNT, 20_261_128, expectQuickToRead);
  const { ids } = await test.emulator.deliver({ to: PHONE, from: '628590000001', text: 'after all' });
  await until(() => test.emulator.inbound({ id: ids[0] ?? '' })[0]?.receivedAt !== undefined);
  const last = test.callbacks.inbound.at(-1);
  expect(last?.content).toEqual({ type: 'text', text: 'after all' });
  // One session, linked and connected once: nothing has ended its socket.
  expect(test.emulator.sessions()).toMatchObject([{ connected: true, pending: 0 }]);
}, 240_000);

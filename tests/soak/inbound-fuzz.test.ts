import { afterAll, beforeAll, expect, test } from 'vitest';
import { startTestEngine, type TestEngine, until } from '../helpers/engine.ts';
import { sendChanged } from '../helpers/stanza-fuzz.ts';

const PHONE = '6281100000951';
const COUNT = 100_000;
/** Another one each time, printed so that a failure can be had again. */
const SEED = Date.now() % 2 ** 31;
let engine: TestEngine;

beforeAll(async () => {
  engine = await startTestEngine();
  await engine.connect(PHONE);
}, 60_000);
afterAll(() => engine?.stop());

test(`${COUNT} messages that were changed at random end no session and hold nothing for 50 ms`, async () => {
  console.log(`seed ${SEED}`);
  await sendChanged(engine, PHONE, COUNT, SEED);
  const { ids } = await engine.emulator.deliver({ to: PHONE, from: '628590000001', text: 'after all' });
  await until(() => engine.emulator.inbound({ to: PHONE, id: ids[0] ?? '' })[0]?.receivedAt !== undefined);
  expect(engine.host.inbound.at(-1)?.content).toEqual({ type: 'text', text: 'after all' });
  expect(engine.emulator.sessions()).toMatchObject([{ connected: true, pending: 0 }]);
}, 7_200_000);

/** A single key that cannot be opened: its contact is written to and read all the same, and no session ends. */
import { randomBytes } from 'node:crypto';
import { eq } from 'drizzle-orm';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { waKeys } from '../../src/db/schema.ts';
import type { AccountRef } from '../../src/whatsapp/engine.ts';
import { startTestEngine, type TestEngine, until } from '../helpers/engine.ts';

const PHONE = '6281100000901';
const PEER = '6281200000901';
const WRITER = '6281200000902';

let test: TestEngine;
let account: AccountRef;
beforeAll(async () => {
  test = await startTestEngine();
  account = await test.connect(PHONE);
});
afterAll(() => test?.stop());

const textsTo = (to: string) => test.emulator.messages({ to }).map((message) => Object(message).text);

it('writes to a contact and hears it although the keys it shares with them are damaged, and with new ones from then on', async () => {
  expect(await test.send(account, PEER, 'before')).toMatchObject({ outcome: 'acknowledged' });
  await test.emulator.deliver({ to: PHONE, from: WRITER, text: 'hello' });
  await until(() => test.callbacks.inbound.length === 1);
  await test.engine.close(account.id);

  const rows = await test.database.db.select().from(waKeys).where(eq(waKeys.accountId, account.id));
  const kept = rows.filter(({ type }) => type === 'session');
  expect(kept.length).toBeGreaterThan(1);
  await test.database.db
    .update(waKeys)
    .set({ sealed: randomBytes(64) })
    .where(eq(waKeys.type, 'session'));

  await test.engine.open(account, { mode: 'qr' });
  await test.callbacks.next(account.id, 'connected');
  expect(await test.send(account, PEER, 'after')).toMatchObject({ outcome: 'acknowledged' });
  expect(await test.send(account, PEER, 'again')).toMatchObject({ outcome: 'acknowledged' });
  expect(textsTo(PEER)).toEqual(['before', 'after', 'again']);
  await test.emulator.deliver({ to: PHONE, from: WRITER, text: 'hello again' });
  await until(() => test.callbacks.inbound.length === 2);
  expect(test.callbacks.events(account.id).filter(({ type }) => type === 'closed')).toHaveLength(2);
}, 60_000);

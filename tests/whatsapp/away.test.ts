import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { Db } from '../../src/db/client.ts';
import { systemClock } from '../../src/utils/clock.ts';
import { createSecretBox } from '../../src/utils/crypto.ts';
import { createCredentialStore } from '../../src/whatsapp/credential-store.ts';
import type { AccountRef, Engine } from '../../src/whatsapp/engine.ts';
import {
  silentLogger,
  startTestEngine,
  type TestCallbacks,
  type TestEngine,
  until,
} from '../helpers/engine.ts';
import { whileHere } from '../helpers/while-here.ts';

const PHONE = '6281100000801';
const READ_TIMEOUT_MS = 1_500;

let test: TestEngine;
let engine: Engine;
let callbacks: TestCallbacks;
let account: AccountRef;
let isAway = false;
/** reads that the database did not answer */
let refused = 0;

beforeAll(async () => {
  test = await startTestEngine();
  const deps = { secrets: createSecretBox([randomBytes(32)]), clock: systemClock, logger: silentLogger };
  const store = createCredentialStore({
    ...deps,
    db: sometimesAway(test.database.db),
    readTimeoutMs: READ_TIMEOUT_MS,
  });
  ({ engine, callbacks } = test.another({ store }));
  account = await test.addAccount();
  await engine.open(account, { mode: 'qr' });
  const { qr } = await callbacks.next(account.id, 'qr');
  await test.emulator.scan({ qr, phone: PHONE });
  await callbacks.next(account.id, 'closed');
  await engine.open(account, { mode: 'qr' });
  await callbacks.next(account.id, 'connected');
});
afterAll(() => test?.stop());

function refuse(): Error {
  refused += 1;
  return Object.assign(new Error('connect ECONNREFUSED'), { code: 'ECONNREFUSED' });
}

/** Reads fail as they do when the server was killed. */
function sometimesAway(db: Db): Db {
  return new Proxy(db, {
    get(target, name) {
      const value: unknown = Reflect.get(target, name);
      if (typeof value !== 'function') return value;
      return (...args: unknown[]): unknown => {
        const result: unknown = Reflect.apply(value, target, args);
        return name === 'select'
          ? whileHere(Object(result), { isAway: () => isAway, refused: refuse })
          : result;
      };
    },
  });
}

const wire = (id: string | undefined) => test.emulator.inbound({ id: id ?? '' })[0];
const texts = (phone: string) =>
  callbacks.inbound.filter((message) => message.phone === phone).map(({ content }) => content);

it('a message of a new contact waits while keys cannot be read, and is then stored at its first delivery', async () => {
  const person = '628470000001';
  [isAway, refused] = [true, 0];
  const { ids } = await test.emulator.deliver({ to: PHONE, from: person, text: 'hello' });
  await until(() => refused >= 2);
  expect(wire(ids[0])).toMatchObject({ sends: 1, retries: 0 });
  expect(texts(person)).toEqual([]);
  isAway = false;
  await until(() => wire(ids[0])?.receivedAt !== undefined);
  expect(texts(person)).toEqual([{ type: 'text', text: 'hello' }]);
  expect(wire(ids[0])).toMatchObject({ sends: 1, retries: 0 });
  expect(wire(ids[0])?.nack).toBeUndefined();
});

it('when keys cannot be read for long the socket ends without an answer, and the next one gets the message', async () => {
  const people = ['628470000002', '628470000003'];
  [isAway, refused] = [true, 0];
  const ids: string[] = [];
  for (const from of people)
    ids.push(...(await test.emulator.deliver({ to: PHONE, from, text: 'hello' })).ids);
  expect((await callbacks.next(account.id, 'closed')).reason).toBe('connection_lost');
  for (const id of ids) {
    expect(wire(id)?.receivedAt).toBeUndefined();
    expect(wire(id)?.confirmedAt).toBeUndefined();
    expect(wire(id)).toMatchObject({ retries: 0 });
    expect(wire(id)?.nack).toBeUndefined();
  }
  isAway = false;
  await engine.open(account, { mode: 'qr' });
  await until(() => ids.every((id) => wire(id)?.receivedAt !== undefined));
  for (const person of people) expect(texts(person)).toEqual([{ type: 'text', text: 'hello' }]);
  expect(ids.map((id) => wire(id)?.retries)).toEqual([0, 0]);
});

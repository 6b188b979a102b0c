import { afterAll, beforeAll, expect, it } from 'vitest';
import { newMessageId } from '../../src/utils/ids.ts';
import type { CredentialStore } from '../../src/whatsapp/credential-store.ts';
import type { AccountRef, Engine, SendResult } from '../../src/whatsapp/engine.ts';
import { recipientOf, sendOptions, startTestEngine, type TestEngine, until } from '../helpers/engine.ts';
import { createSignal } from '../helpers/signal.ts';

const PHONE = '6281100000001';
const PERSON = '6281200000001';
const MEMBER = '6281200000002';
/** Keys that move with each message. */
const RATCHETS = new Set(['session', 'sender-key']);

let test: TestEngine;
let account: AccountRef;
let engine: Engine;
let gate: Gate;

/** A disk that can be stopped: what is to be written waits, and tells that it does. */
interface Gate {
  /** the types of keys that were written together, one entry for each time */
  written: string[][];
  close(): { asked: Promise<void>; open(): void };
  wrap(store: CredentialStore): CredentialStore;
}

function createGate(): Gate {
  let passing: Promise<void> = Promise.resolve();
  let ask = () => {};
  const written: string[][] = [];
  return {
    written,
    close() {
      const asked = createSignal();
      const opened = createSignal();
      ask = asked.give;
      passing = opened.given;
      return { asked: asked.given, open: opened.give };
    },
    wrap: (store) => ({
      ...store,
      async load(ref) {
        const keys = await store.load(ref);
        return {
          ...keys,
          async set(changes) {
            written.push(changes.map(({ type }) => type));
            const done = keys.set(changes);
            if (changes.some(({ type }) => RATCHETS.has(type))) {
              ask();
              await passing;
            }
            await done;
          },
        };
      },
    }),
  };
}

beforeAll(async () => {
  test = await startTestEngine();
  account = await test.connect(PHONE);
  await test.engine.close(account.id);
  gate = createGate();
  const other = test.another({ store: gate.wrap(test.store) });
  engine = other.engine;
  await engine.open(account, { mode: 'qr' });
  await other.callbacks.next(account.id, 'connected');
});

afterAll(() => test.stop());

const send = (jid: string, text: string): Promise<SendResult> =>
  engine.send(
    account.id,
    jid === PERSON ? recipientOf(PERSON) : { jid, phone: null, lid: null },
    { type: 'text', text },
    sendOptions({ messageId: newMessageId() }),
  );

it.each(['a person', 'a group'])('no stanza to %s leaves before its keys are durable', async (whom) => {
  const group = test.emulator.createGroup({ subject: 'g', participants: [PHONE, MEMBER] });
  const to = whom === 'a group' ? group.id : PERSON;
  expect((await send(to, 'first')).outcome).toBe('acknowledged');
  const before = test.emulator.stanzas({ to }).length;

  const { asked, open } = gate.close();
  const sent = send(to, 'second');
  await asked;
  // What was written to the socket before this question has arrived when its answer comes.
  await engine.checkNumbers(account.id, [PERSON]);
  expect(test.emulator.stanzas({ to })).toHaveLength(before);

  open();
  expect((await sent).outcome).toBe('acknowledged');
  await until(() => test.emulator.received().some((message) => message.text === 'second'));
  expect(test.emulator.received().filter((message) => message.refused)).toEqual([]);
});

it('the key of a group is durable with that of the message which brought it, or a crash in between would lose it', async () => {
  const group = test.emulator.createGroup({ subject: 'g', participants: [PHONE, MEMBER] });
  gate.written.length = 0;
  const { ids } = await test.emulator.deliver({ to: PHONE, from: MEMBER, group: group.id, text: 'hi' });
  await until(() => test.emulator.inbound({ id: ids[0] })[0]?.receivedAt !== undefined);
  const times = gate.written.filter((types) => types.some((type) => RATCHETS.has(type)));
  expect(times[0]).toEqual(expect.arrayContaining(['session', 'sender-key']));
  expect(test.emulator.inbound({ id: ids[0] })[0]).toMatchObject({ retries: 0 });
});

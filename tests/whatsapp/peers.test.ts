/** What is wrong with one person's devices or keys: that person's message alone fails, and the session goes on. */
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { createBaileysEngine } from '../../src/whatsapp/baileys/adapter.ts';
import type { EngineName } from '../../src/whatsapp/capabilities.ts';
import type { AccountRef, SendResult } from '../../src/whatsapp/engine.ts';
import { createMultiSessionEngine } from '../../src/whatsapp/multi-session/adapter.ts';
import { sendOptions, startTestEngine, type TestEngine, until } from '../helpers/engine.ts';

const ENGINES = {
  baileys: createBaileysEngine,
  'wa-multi-session': createMultiSessionEngine,
} satisfies Record<EngineName, unknown>;

const KEYS = { outcome: 'impossible', code: 'RECIPIENT_KEYS' };
const UNANSWERED = { outcome: 'not_sent', code: 'RECIPIENT_KEYS' };

/** What is wrong with a recipient, and what becomes of a message to them alone. */
const FAULTS: readonly [behaviour: string, alone: object][] = [
  ['unsigned_keys', KEYS],
  ['short_identity', KEYS],
  ['no_keys', KEYS],
  ['keys_error:406', KEYS],
  ['keys_query_error:406', KEYS],
  ['no_devices', KEYS],
  ['usync_error:400', UNANSWERED],
  ['usync_error:500', UNANSWERED],
];
const SLOW: readonly [behaviour: string, alone: object][] = [
  ['keys_unanswered', UNANSWERED],
  ['usync_unanswered', UNANSWERED],
];

describe.each(['baileys', 'wa-multi-session'] as const)('with the engine %s', (name) => {
  let test: TestEngine;
  let account: AccountRef;
  let next = 1;
  const own = name === 'baileys' ? '6281100000071' : '6281100000072';
  const fresh = () => `62${name === 'baileys' ? 857 : 858}${String(next++).padStart(7, '0')}`;

  /** The second engine has the same adapter below: one of each kind shows that it is in place. */
  const few = <T>(all: readonly T[]) => (name === 'baileys' ? all : all.slice(0, 1));

  beforeAll(async () => {
    test = await startTestEngine({ answerTimeoutMs: 2_000 }, ENGINES[name]);
    account = await test.connect(own);
  });
  afterAll(() => test.stop());
  afterEach(async () => {
    expect(test.engine.isConnected(account.id)).toBe(true);
    expect(test.callbacks.events(account.id).filter((event) => event.type === 'closed')).toHaveLength(1);
    await test.emulator.reset();
  });

  const sendTo = (jid: string, text: string, prepareTimeoutMs = 30_000): Promise<SendResult> =>
    test.engine.send(
      account.id,
      { jid, phone: null, lid: null },
      { type: 'text', text },
      sendOptions({ prepareTimeoutMs }),
    );
  const broken = (behaviour: string) => {
    const number = fresh();
    test.emulator.setRule({ number, behaviour });
    return number;
  };

  it.each(few([...FAULTS, ...SLOW]))(
    '%s: only the message to that recipient fails',
    async (behaviour, alone) => {
      const to = broken(behaviour);
      const others = [fresh(), fresh()];
      const failing = test.send(account, to, 'hello', { prepareTimeoutMs: 30_000 });
      const results = await Promise.all(others.map((other) => test.send(account, other, 'hello')));
      expect(results.map((result) => result.outcome)).toEqual(['acknowledged', 'acknowledged']);
      expect(await failing).toMatchObject(alone);
      expect(test.emulator.stanzas({ to })).toEqual([]);
      test.emulator.setRule({ number: to, behaviour: 'ok' });
      expect(await test.send(account, to, 'again')).toMatchObject({ outcome: 'acknowledged' });
    },
    40_000,
  );

  it.each(
    few([
      'unsigned_keys',
      'short_identity',
      'no_keys',
      'keys_error:406',
      'keys_query_error:406',
      'usync_error:400',
      'keys_unanswered',
    ]),
  )(
    '%s: everybody else in a group gets the message, and the result names who did not',
    async (behaviour) => {
      const left = broken(behaviour);
      const members = Array.from({ length: 6 }, fresh);
      const participants = [own, left, ...members];
      const group = test.emulator.createGroup({ subject: 'g', participants });
      const result = await sendTo(group.id, 'one');
      expect(result).toMatchObject({ outcome: 'acknowledged' });
      expect('leftOut' in result && result.leftOut).toEqual([
        { jid: `${left}@s.whatsapp.net`, devices: [0], all: true },
      ]);
      await until(() => test.emulator.messages({ group: group.id }).filter((one) => one.text).length === 6);
      test.emulator.setRule({ number: left, behaviour: 'ok' });
      const second = await sendTo(group.id, 'two');
      expect(second).toMatchObject({ outcome: 'acknowledged' });
      expect(second).not.toHaveProperty('leftOut');
      await until(() => test.emulator.messages({ to: left }).some((message) => message.text === 'two'));
    },
    40_000,
  );

  it.each(
    few(['companion_unsigned', 'companion_no_keys', 'companion_error:406', 'companion_query_error:406']),
  )('%s: the phone gets the message without its companion', async (behaviour) => {
    const to = broken(behaviour);
    const result = await test.send(account, to, 'hello');
    expect(result).toMatchObject({
      outcome: 'acknowledged',
      leftOut: [{ jid: `${to}@s.whatsapp.net`, devices: [1], all: false }],
    });
    await until(() => test.emulator.messages({ to }).length === 1);
    const member = broken(behaviour);
    const group = test.emulator.createGroup({ subject: 'g', participants: [own, member, fresh()] });
    const inGroup = await sendTo(group.id, 'hello');
    expect(inGroup).toMatchObject({
      outcome: 'acknowledged',
      leftOut: [{ jid: `${member}@s.whatsapp.net`, devices: [1], all: false }],
    });
    await until(() => test.emulator.messages({ group: group.id }).length === 2);
  });

  it('a recipient with 100 devices gets it as anybody', async () => {
    const to = broken('devices:100');
    expect(await test.send(account, to, 'hello')).toMatchObject({ outcome: 'acknowledged' });
    await until(() => test.emulator.messages({ to }).length === 1);
  });

  it('a group that is gone, or that we are not in, ends only its own message', async () => {
    const group = test.emulator.createGroup({ subject: 'g', participants: [own, fresh()] });
    test.emulator.removeGroup({ id: group.id });
    const foreign = test.emulator.createGroup({ subject: 'g', participants: [fresh(), fresh()] });
    const gone = { outcome: 'impossible', code: 'GROUP_GONE' };
    expect(await sendTo(group.id, 'x')).toMatchObject(gone);
    expect(await sendTo(foreign.id, 'x')).toMatchObject(gone);
    expect(await test.send(account, fresh(), 'hello')).toMatchObject({ outcome: 'acknowledged' });
  });

  it.each(few(['unsigned_keys', 'short_identity', 'no_keys', 'keys_query_error:406']))(
    'an identity change of a contact with %s is confirmed, and the session stays',
    async (behaviour) => {
      const to = fresh();
      await test.send(account, to, 'hello');
      test.emulator.setRule({ number: to, behaviour });
      test.emulator.changeIdentity({ to: own, from: to });
      await until(() => test.emulator.sessions().find((one) => one.phone === own)?.pending === 0);
      expect(await test.send(account, fresh(), 'hello')).toMatchObject({ outcome: 'acknowledged' });
    },
  );

  it('a stanza that cannot be decoded is passed over', async () => {
    await test.emulator.fault({ kind: 'garbage', phone: own });
    const from = fresh();
    await test.emulator.deliver({ to: own, from, text: 'after it' });
    await until(() => test.callbacks.inbound.some((message) => message.phone === from));
    expect(await test.send(account, fresh(), 'hello')).toMatchObject({ outcome: 'acknowledged' });
  });

  it('the directory decides where a message goes, and what it says is told and kept', async () => {
    const [alias, phone] = [fresh(), fresh()];
    test.emulator.setAlias({ alias, phone });
    for (const text of ['one', 'two']) {
      expect(await test.send(account, alias, text)).toMatchObject({ outcome: 'acknowledged' });
    }
    await until(() => test.emulator.messages({ to: phone }).length === 2);
    const told = test.callbacks.events(account.id).filter((event) => event.type === 'alias');
    expect(told).toEqual([{ type: 'alias', alias, phone, lid: expect.stringMatching(/^\d+$/) }]);
    expect(await test.engine.checkNumbers(account.id, [alias])).toMatchObject([
      { phone: alias, exists: true, jid: `${phone}@s.whatsapp.net` },
    ]);
  });
});

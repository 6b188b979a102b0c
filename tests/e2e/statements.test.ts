/**
 * What a message costs the database, from the request until the phone's receipt is written: statements and transactions,
 * which do not depend on what else the machine does. Who adds a statement to each message will see it here.
 */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Emulator, startEmulator } from 'wa-emulator';
import { dbType } from '../../src/db/kit.ts';
import { startTestGateway, type TestGateway } from '../helpers/gateway.ts';
import { linkSession } from '../helpers/sandbox-process.ts';
import { createSignal } from '../helpers/signal.ts';
import { countStatements } from '../helpers/statements.ts';
import { until } from '../helpers/until.ts';
import { startReceiver } from '../webhooks/fixture.ts';

const SESSIONS = ['one', 'two', 'three', 'four'];
const EACH = 30;
const RECIPIENTS = Array.from({ length: 10 }, (_, n) => `62812000010${n}`);
const AT_ONCE = 16;
/** However busy the machine is. */
const TIMEOUT_MS = 120_000;

/** For each message, savepoints and looks of the idle service included: what a busy machine, where less is shared, needs. */
const ATMOST = {
  mysql: { statements: 9, transactions: 1.5 },
  sqlite: { statements: 27, transactions: 1 },
}[dbType];

interface Cost {
  statements: number;
  transactions: number;
}

/** The same from WhatsApp's stanza until the webhook has it. */
const ATMOST_IN = {
  mysql: { statements: 8, transactions: 1.3 },
  sqlite: { statements: 25, transactions: 1 },
}[dbType];

const counter = countStatements();
let emulator: Emulator;
let gateway: TestGateway;

beforeAll(async () => {
  emulator = await startEmulator();
  gateway = await startTestGateway(emulator, { allowPrivateUrls: true });
  for (const [n, session] of SESSIONS.entries()) {
    await linkSession(gateway, emulator, session, `62811100002${n}`);
  }
  // The first message to anybody asks for devices and makes keys.
  await sendAll(RECIPIENTS.length);
}, TIMEOUT_MS);

afterAll(async () => {
  counter.stop();
  await gateway?.remove();
  await emulator?.stop();
});

/** Resolves when each session has sent so many and WhatsApp's phones have read all of them. */
async function sendAll(each: number): Promise<void> {
  const total = SESSIONS.length * each;
  const confirmed = new Set<string>();
  let next = 0;
  const unsubscribe = gateway.deps.signals.onSettled(({ id, status }) => {
    // The last thing that happens to it: nothing of an earlier round is told in the next one.
    if (status === 'read') confirmed.add(id);
  });
  const caller = async () => {
    for (let n = next++; n < total; n = next++) {
      const session = SESSIONS[n % SESSIONS.length];
      const to = RECIPIENTS[Math.floor(n / SESSIONS.length) % RECIPIENTS.length];
      const { status } = await gateway.call('POST', '/message/send-text', {
        session,
        to,
        text: `message ${n}`,
      });
      expect(status).toBe(202);
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, caller));
  await until(async () => confirmed.size === total, TIMEOUT_MS);
  unsubscribe();
}

/** Fails with the texts that were sent most often. */
function expectAtMost({ statements, transactions }: Cost, count: number): void {
  const taken = counter.take();
  const dearest = [...taken.texts].sort((a, b) => b[1] - a[1]).slice(0, 20);
  const shown = dearest.map(([text, n]) => `${(n / count).toFixed(2)} ${text.slice(0, 120)}`).join('\n');
  expect(taken.statements / count, shown).toBeLessThan(statements);
  expect(taken.transactions / count, shown).toBeLessThan(transactions);
}

test(
  'a message costs few statements and fewer transactions',
  async () => {
    counter.take();
    await sendAll(EACH);
    expectAtMost(ATMOST, SESSIONS.length * EACH);
  },
  TIMEOUT_MS,
);

test(
  'the keys of a code that leaves at once are committed with it',
  async () => {
    const sendCode = async (to: string) => {
      const settled = createSignal();
      const unsubscribe = gateway.deps.signals.onSettled(({ status }) => status === 'read' && settled.give());
      const { body } = await gateway.call('POST', '/api/messages/one/otp', { to });
      expect(body).toMatchObject({ data: { status: expect.stringMatching(/sent|delivered|read/) } });
      // The next one leaves at once where this one is over.
      await settled.given;
      unsubscribe();
    };
    const [first = '', ...others] = RECIPIENTS;
    // It notes that the session sends codes, and waits for its turn.
    await sendCode(first);
    counter.take();
    for (const to of others) await sendCode(to);
    const texts = [...counter.take().texts].filter(([text]) => /^insert into .?wa_keys/.test(text));
    // By themselves they are written with a look at the session's row.
    const along = texts.filter(([text]) => !/ select /.test(text)).reduce((sum, [, n]) => sum + n, 0);
    expect(along, JSON.stringify(texts)).toBeGreaterThan(others.length / 2);
  },
  TIMEOUT_MS,
);

test(
  'a message that comes in, with its webhook, costs few statements and fewer transactions',
  async () => {
    const receiver = await startReceiver();
    const { status } = await gateway.call('POST', '/webhook', {
      url: receiver.url,
      events: ['message.received'],
    });
    expect(status).toBe(201);
    const deliver = async (count: number) => {
      const before = receiver.received.length;
      await Promise.all(
        SESSIONS.map((_, n) =>
          emulator.deliver({ to: `62811100002${n}`, from: '6281300000001', text: 'no {n}', count }),
        ),
      );
      await until(async () => receiver.received.length === before + SESSIONS.length * count, TIMEOUT_MS);
    };
    await deliver(1);
    counter.take();
    await deliver(EACH);
    expectAtMost(ATMOST_IN, SESSIONS.length * EACH);
    await receiver.close();
  },
  TIMEOUT_MS,
);

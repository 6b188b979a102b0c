/**
 * kill -9 while everything comes in that people and WhatsApp can send: in the history once, told to webhooks once, kind by kind.
 * `npm run test:soak -- tests/soak/inbound-kills.test.ts`; it needs a machine that does nothing else.
 */
import { setTimeout as pause } from 'node:timers/promises';
import { eq } from 'drizzle-orm';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Emulator, startEmulator } from 'wa-emulator';
import { openDatabase } from '../../src/db/client.ts';
import { dbType } from '../../src/db/kit.ts';
import { idempotencyKeys, inboundMedia, webhookLanes } from '../../src/db/schema.ts';
import { createEmptyDatabase } from '../helpers/database.ts';
import { INBOUND_CASES, type InboundCase, type Played, type Stage } from '../helpers/inbound-cases.ts';
import { createRandom } from '../helpers/random.ts';
import { linkSession, type SandboxProcess, startSandboxProcess } from '../helpers/sandbox-process.ts';
import { until } from '../helpers/until.ts';
import { type Receiver, startReceiver } from '../webhooks/fixture.ts';

const OWN = '628110009701';
/** Each engine on one of the databases: both must do all of it. */
const ENGINE = dbType === 'sqlite' ? 'baileys' : 'wa-multi-session';
/** Everything is played once more before each of these kills; the last ones meet what is left. */
const ROUNDS = 2;
const KILLS = 4;
/** From the beginning of a round or a start to the kill, at most. */
const BEFORE_KILL_MS = 700;
const WAIT_MS = 60_000;
const SEED = Date.now() % 2 ** 31;

let emulator: Emulator;
let sandbox: SandboxProcess;
let receiver: Receiver;
let database: Awaited<ReturnType<typeof createEmptyDatabase>>;
/** Per case and round. */
const plays = new Map<InboundCase, Promise<Played>[]>();
/** How often the history holds a message, by direction and id. */
const kept = new Map<string, number>();
const down: (() => Promise<void>)[] = [];
let people = 0;
let calls = 0;

const stage: Stage = {
  get emulator() {
    return emulator;
  },
  own: OWN,
  person: () => `62812700${String(++people).padStart(5, '0')}`,
  async call(method, path, body) {
    const headers = method === 'GET' ? {} : { 'idempotency-key': `call ${++calls}` };
    const end = performance.now() + WAIT_MS;
    for (;;) {
      const answer = await sandbox.call(method, path, body, headers).catch(() => undefined);
      if (answer !== undefined && answer.status < 300) return answer.body.data;
      // It is down, starts, is not connected yet, or has not heard of the message.
      const passes = answer === undefined || [404, 409, 502, 503, 504].includes(answer.status);
      const reason = answer?.body.details?.reason;
      if (!passes || reason === 'outcome_unknown' || performance.now() > end)
        throw new Error(`${path} was answered ${answer?.status}: ${JSON.stringify(answer?.body)}`);
      await pause(100);
    }
  },
  async send(kind, to, fields) {
    const sent = await stage.call('POST', `/message/send-${kind}`, { session: 'main', to, ...fields });
    const id = String(sent.messageId);
    await until(
      () => emulator.messages({ to, id })[0]?.deliveredAt !== undefined,
      WAIT_MS,
      `${kind} to ${to}`,
    );
    return id;
  },
  async fileOf(id) {
    const state = async () => {
      const { content } = await stage.call('GET', `/message/${id}`);
      return Reflect.get(Object(Reflect.get(Object(content), 'media')), 'state');
    };
    await until(async () => (await state()) !== 'pending', WAIT_MS, `the file of ${id}`);
  },
  whileDown: (work) =>
    new Promise((resolve, reject) => {
      down.push(() => work().then(resolve, reject));
    }),
};

beforeAll(async () => {
  console.log(`seed ${SEED}`);
  emulator = await startEmulator();
  database = await createEmptyDatabase();
  sandbox = await startSandboxProcess(
    emulator,
    {
      MESSAGE_DELAY_MIN: '0',
      MESSAGE_DELAY_MAX: '0',
      MAX_MESSAGES_PER_MINUTE: '100000',
      MAX_MESSAGES_PER_HOUR: '100000',
      NEW_CONTACTS_PER_DAY: '0',
      API_RATE_LIMIT_MAX: '1000000',
      RATE_LIMIT_MAX: '1000000',
      WEBHOOK_ALLOW_PRIVATE: 'true',
      LOG_LEVEL: 'warn',
      WA_ENGINE: ENGINE,
    },
    database.options,
  );
  await linkSession(sandbox, emulator, 'main', OWN);
  await sandbox.call('PUT', '/session/main', { receiveStatus: true, receiveChannels: true });
  receiver = await startReceiver();
  await sandbox.call('POST', '/webhook', { url: receiver.url, events: ['*'] });
  await letPhoneBeRead();
  const random = createRandom(SEED);
  for (let round = 0; round < KILLS; round++) {
    if (round < ROUNDS) for (const one of INBOUND_CASES) begin(one);
    await pause(random() * BEFORE_KILL_MS);
    await killOnce();
  }
  let isOver = false;
  void Promise.allSettled([...plays.values()].flat()).then(() => {
    isOver = true;
  });
  // Some may only now have come to what they do while it is down.
  await until(async () => {
    if (down.length > 0) await killOnce();
    return isOver;
  }, 2 * WAIT_MS).catch(() => undefined);
  await until(async () => (await readKept()) && (await stateOf()) === 'whole', WAIT_MS).catch(
    () => undefined,
  );
}, 240_000);
afterAll(async () => {
  await sandbox?.remove();
  await receiver?.close();
  await emulator?.stop();
  await database?.remove();
});

/** What a new link finds when it reads chats and labels for the first time is no change, and told to nobody: until that is over. */
async function letPhoneBeRead(): Promise<void> {
  const names = ['chat.updated', 'label.updated'];
  const isTold = () => names.every((name) => receiver.received.some(({ type }) => type === name));
  const chat = stage.person();
  for (let n = 1; !isTold(); n++) {
    if (n > 100) throw new Error('the chats of the phone are not followed');
    await emulator.setChat({ phone: OWN, chat, pinned: n % 2 === 1 });
    await emulator.setLabel({ phone: OWN, label: '20', name: `Label ${n}` });
    await until(isTold, 500).catch(() => undefined);
  }
}

async function killOnce(): Promise<void> {
  await sandbox.kill();
  await Promise.all(down.splice(0).map((work) => work()));
  await letClaimsRunOut();
  await sandbox.start();
}

function begin(one: InboundCase): void {
  const play = one.play(stage);
  // Looked at by the test of the case.
  play.catch(() => undefined);
  plays.set(one, [...(plays.get(one) ?? []), play]);
}

/** What a process that was killed has claimed is another one's after a minute: here at once. */
async function letClaimsRunOut(): Promise<void> {
  const { db, close } = await openDatabase(database.options);
  await db.update(webhookLanes).set({ dueAt: 0 });
  await db.update(inboundMedia).set({ nextAttemptAt: 0, claimedBy: null });
  await db.update(idempotencyKeys).set({ createdAt: 0 }).where(eq(idempotencyKeys.status, 'running'));
  await close();
}

/** Reads the history, as a client does. */
async function readKept(): Promise<boolean> {
  kept.clear();
  for (let cursor = ''; ; ) {
    const path = `/message/list?session=main&limit=200${cursor === '' ? '' : `&cursor=${cursor}`}`;
    const { body } = await sandbox.call('GET', path);
    for (const { messageId } of body.data) kept.set(messageId, (kept.get(messageId) ?? 0) + 1);
    if (body.nextCursor === null) return true;
    cursor = body.nextCursor;
  }
}

/** What has become of one play: what the history shows, and how often each event was told. */
async function found({ rows, told }: Played): Promise<object> {
  const ids = new Set(rows.map(({ id }) => id));
  return {
    rows: await Promise.all(
      rows.map(async ({ id }) => ({
        times: kept.get(id) ?? 0,
        shows: (await sandbox.call('GET', `/message/${id}`)).body.data,
      })),
    ),
    told: told.map(({ type, says, mayMiss }) => {
      const times = tellings((event) => event.type === type && saysSo(event.data, says));
      return mayMiss && times === 0 ? 1 : times;
    }),
    others: receiver.received.filter(
      ({ type, data }) =>
        ids.has(String(data.messageId)) && !told.some((one) => one.type === type && saysSo(data, one.says)),
    ),
  };
}

const expected = ({ rows, told }: Played) => ({
  rows: rows.map(({ shows }) => ({ times: 1, shows })),
  told: told.map(() => 1),
  others: [],
});

const saysSo = (data: object, says: object) => expect.objectContaining(says).asymmetricMatch(data);

/** How many different events: one that comes again has the same id. */
const tellings = (isOf: (event: Receiver['received'][number]) => boolean) =>
  new Set(receiver.received.filter(isOf).map(({ headers }) => headers['webhook-id'])).size;

async function stateOf(): Promise<'whole' | 'not yet'> {
  for (const all of plays.values()) {
    for (const play of await Promise.allSettled(all)) {
      if (play.status === 'rejected') continue;
      const now = await found(play.value);
      try {
        expect(now).toMatchObject(expected(play.value));
      } catch {
        return 'not yet';
      }
    }
  }
  return 'whole';
}

test.each(INBOUND_CASES)('$name', async (one) => {
  for (const play of plays.get(one) ?? []) {
    const played = await play;
    expect(await found(played)).toMatchObject(expected(played));
  }
  expect(plays.get(one)).toHaveLength(ROUNDS);
});

/**
 * kill -9 while everything comes in that people and WhatsApp can send: in the history once, told to webhooks once, kind by kind.
 * What happens is that of `inbound-cases.ts`.
 */
import { setTimeout as pause } from 'node:timers/promises';
import { eq } from 'drizzle-orm';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Emulator, startEmulator } from 'wa-emulator';
import { openDatabase } from '../../src/db/client.ts';
import { dbType } from '../../src/db/kit.ts';
import { idempotencyKeys, inboundMedia, webhookLanes } from '../../src/db/schema.ts';
import { type Receiver, startReceiver } from '../webhooks/fixture.ts';
import { createMigratedDatabase } from './database.ts';
import { INBOUND_CASES, type InboundCase, type Played, type Stage } from './inbound-cases.ts';
import { createRandom } from './random.ts';
import { type Answer, linkSession, type SandboxProcess, startSandboxProcess } from './sandbox-process.ts';
import { until } from './until.ts';

const OWN = '628110009701';
/** Each engine on one of the databases: both must do all of it. */
const ENGINE = process.env.WA_ENGINE ?? (dbType === 'sqlite' ? 'baileys' : 'wa-multi-session');
/** Another one each time, printed so that the kills can be had again. */
const SEED = Number(process.env.SEED ?? Date.now() % 2 ** 31);
/** From the beginning of a round or a start to the kill, at most. */
const BEFORE_KILL_MS = 700;
/** However slow the machine is: while anything still comes, it is late and not lost. */
const STANDSTILL_MS = 120_000;
/** Lines of the service about what was not as it must be. */
const MAX_LINES = 40;

/** Registers a test of each case. `rounds`: everything is played once more before each of the first kills; the last ones meet what is left. */
export function testInboundKills({ rounds, kills }: { rounds: number; kills: number }): void {
  let world: World;
  beforeAll(async () => {
    console.log(`${ENGINE} on ${dbType}, seed ${SEED}`);
    world = await startWorld();
    await world.play(rounds, kills);
  }, 1_800_000);
  afterAll(() => world?.stop());

  test.each(INBOUND_CASES)('$name', async (one) => {
    const faults = await world.faultsOf(one);
    expect(faults, faults.join('\n')).toEqual([]);
    expect(world.timesPlayed(one)).toBe(rounds);
  });
  test('the emulator has done all that it was asked for', () => {
    expect(world.emulator.errors()).toEqual([]);
  });
}

interface World {
  emulator: Emulator;
  play(rounds: number, kills: number): Promise<void>;
  timesPlayed(one: InboundCase): number;
  /** What is missing, was told twice or is not what it should be, in all its plays, with what the service says about it. */
  faultsOf(one: InboundCase): Promise<string[]>;
  stop(): Promise<void>;
}

async function startWorld(): Promise<World> {
  const emulator = await startEmulator();
  const database = await createMigratedDatabase();
  const sandbox = await startSandboxProcess(
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
      LOG_LEVEL: process.env.LOG_LEVEL ?? 'warn',
      WA_ENGINE: ENGINE,
    },
    database.options,
  );
  await linkSession(sandbox, emulator, 'main', OWN);
  await sandbox.call('PUT', '/session/main', { receiveStatus: true, receiveChannels: true });
  const receiver = await startReceiver();
  await sandbox.call('POST', '/webhook', { url: receiver.url, events: ['*'] });
  const up = createUpTime();
  const { stage, down } = createStage(emulator, sandbox, up);
  await letPhoneBeRead(stage, receiver);
  const look = createLook(sandbox, receiver);
  const plays = new Map<InboundCase, Promise<Played>[]>();
  const allPlays = () => [...plays.values()].flat();

  function begin(one: InboundCase): void {
    const play = one.play(stage);
    // Looked at by the test of the case.
    play.catch(() => undefined);
    plays.set(one, [...(plays.get(one) ?? []), play]);
  }

  async function killOnce(): Promise<void> {
    up.end();
    await sandbox.kill();
    await Promise.all(down.splice(0).map((work) => work()));
    await letClaimsRunOut();
    await sandbox.start();
    up.begin();
  }

  /** What a process that was killed has claimed is another one's after a minute: here at once. */
  async function letClaimsRunOut(): Promise<void> {
    const { db, close } = await openDatabase(database.options);
    await db.update(webhookLanes).set({ dueAt: 0 });
    await db.update(inboundMedia).set({ nextAttemptAt: 0, claimedBy: null });
    await db.update(idempotencyKeys).set({ createdAt: 0 }).where(eq(idempotencyKeys.status, 'running'));
    await close();
  }

  /** Waits until `done`, as long as anything changes within the time of `isOverdue`. */
  async function whileItComes(done: () => Promise<boolean>): Promise<void> {
    let seen = '';
    let changedAt = performance.now();
    while (!(await done())) {
      const now = JSON.stringify([receiver.received.length, emulator.inbound({ to: OWN })]);
      if (now !== seen) changedAt = performance.now();
      seen = now;
      if (up.isOverdue(changedAt)) return;
      await pause(250);
    }
  }

  return {
    emulator,
    async play(rounds, kills) {
      const random = createRandom(SEED);
      for (let n = 0; n < kills; n++) {
        if (n < rounds) for (const one of INBOUND_CASES) begin(one);
        await pause(random() * BEFORE_KILL_MS);
        await killOnce();
      }
      let isOver = false;
      void Promise.allSettled(allPlays()).then(() => {
        isOver = true;
      });
      // Some may only now have come to what they do while it is down.
      await whileItComes(async () => {
        if (down.length > 0) await killOnce();
        return isOver;
      });
      if (!isOver) return look.readHistory();
      const settled = await Promise.allSettled(allPlays());
      const open = new Set(settled.flatMap((one) => (one.status === 'fulfilled' ? [one.value] : [])));
      await whileItComes(async () => {
        await look.readHistory();
        for (const played of open) if ((await look.faultsOf(played)).length === 0) open.delete(played);
        return open.size === 0;
      });
      await look.readHistory();
    },
    timesPlayed: (one) => plays.get(one)?.length ?? 0,
    async faultsOf(one) {
      const all = (plays.get(one) ?? []).map(async (play, round) => {
        const played = await Promise.race([play, pause(1_000, null)]);
        if (played === null) return [`round ${round}: has not come to its end`];
        const faults = await look.faultsOf(played);
        if (faults.length === 0) return [];
        const ids = idsOf(played);
        return [
          ...faults.map((fault) => `round ${round}: ${fault}`),
          ...ids.map((id) => `the emulator: ${JSON.stringify(emulator.inbound({ id }))}`),
          ...linesAbout(sandbox.output(), ids),
        ];
      });
      return (await Promise.all(all)).flat();
    },
    async stop() {
      await sandbox.remove();
      await receiver.close();
      await emulator.stop();
      await database.remove();
    },
  };
}

/** How long the service has been up since its last start. */
interface UpTime {
  begin(): void;
  end(): void;
  /** Whether it has been up for STANDSTILL_MS since `begun`: on a slow machine a start may take as long. */
  isOverdue(begun: number): boolean;
}

function createUpTime(): UpTime {
  let since: number | null = performance.now();
  return {
    begin() {
      since = performance.now();
    },
    end() {
      since = null;
    },
    isOverdue: (begun) => since !== null && performance.now() - Math.max(begun, since) > STANDSTILL_MS,
  };
}

function createStage(
  emulator: Emulator,
  sandbox: SandboxProcess,
  up: UpTime,
): { stage: Stage; down: (() => Promise<void>)[] } {
  const down: (() => Promise<void>)[] = [];
  let people = 0;
  let calls = 0;
  async function waitFor(look: () => Promise<boolean>, what: string): Promise<void> {
    const begun = performance.now();
    while (!(await look())) {
      if (up.isOverdue(begun)) throw new Error(`${what} did not happen`);
      await pause(50);
    }
  }
  const stage: Stage = {
    emulator,
    own: OWN,
    person: () => `62812700${String(++people).padStart(5, '0')}`,
    async call(method, path, body) {
      const headers = method === 'GET' ? {} : { 'idempotency-key': `call ${++calls}` };
      const begun = performance.now();
      for (;;) {
        const answer = await sandbox.call(method, path, body, headers).catch(() => undefined);
        if (answer !== undefined && answer.status < 300) return answer.body.data;
        // It is down, starts, is not connected yet, or has not heard of the message.
        const passes = answer === undefined || [404, 409, 502, 503, 504].includes(answer.status);
        const reason = answer?.body.details?.reason;
        if (!passes || reason === 'outcome_unknown' || up.isOverdue(begun))
          throw new Error(`${path} was answered ${answer?.status}: ${JSON.stringify(answer?.body)}`);
        await pause(100);
      }
    },
    async send(kind, to, fields) {
      const sent = await stage.call('POST', `/message/send-${kind}`, { session: 'main', to, ...fields });
      const id = String(sent.messageId);
      await waitFor(
        async () => emulator.messages({ to, id })[0]?.deliveredAt !== undefined,
        `${kind} to ${to}`,
      );
      return id;
    },
    async fileOf(id) {
      const state = async () => {
        const { content } = await stage.call('GET', `/message/${id}`);
        return Reflect.get(Object(Reflect.get(Object(content), 'media')), 'state');
      };
      await waitFor(async () => (await state()) !== 'pending', `the file of ${id}`);
    },
    whileDown: (work) =>
      new Promise((resolve, reject) => {
        down.push(() => work().then(resolve, reject));
      }),
  };
  return { stage, down };
}

/** What a new link finds when it reads chats and labels for the first time is no change, and told to nobody: until that is over. */
async function letPhoneBeRead(stage: Stage, receiver: Receiver): Promise<void> {
  const names = ['chat.updated', 'label.updated'];
  const isTold = () => names.every((name) => receiver.received.some(({ type }) => type === name));
  const chat = stage.person();
  for (let n = 1; !isTold(); n++) {
    if (n > 100) throw new Error('the chats of the phone are not followed');
    await stage.emulator.setChat({ phone: OWN, chat, pinned: n % 2 === 1 });
    await stage.emulator.setLabel({ phone: OWN, label: '20', name: `Label ${n}` });
    await until(isTold, 500).catch(() => undefined);
  }
}

interface Look {
  /** Reads the history as it is now, as a client does. */
  readHistory(): Promise<void>;
  /** What the history and the webhooks of one play have too little, too much or otherwise. */
  faultsOf(played: Played): Promise<string[]>;
}

function createLook(sandbox: SandboxProcess, receiver: Receiver): Look {
  /** How often the history holds a message, by its id. */
  let kept = new Map<string, number>();

  /** On a busy machine a connection may end before its answer. */
  async function get(path: string): Promise<Answer> {
    const end = performance.now() + STANDSTILL_MS;
    for (;;) {
      try {
        return await sandbox.call('GET', path);
      } catch (error) {
        if (performance.now() > end) throw error;
        await pause(100);
      }
    }
  }

  async function readHistory(): Promise<void> {
    const read = new Map<string, number>();
    let cursor: string | null = '';
    while (cursor !== null) {
      const path = `/message/list?session=main&limit=200${cursor === '' ? '' : `&cursor=${cursor}`}`;
      const { body }: Answer = await get(path);
      for (const { messageId } of body.data) read.set(messageId, (read.get(messageId) ?? 0) + 1);
      cursor = body.nextCursor;
    }
    kept = read;
  }

  async function rowFaults({ id, shows }: Played['rows'][number]): Promise<string[]> {
    const times = kept.get(id) ?? 0;
    if (times === 0) return [`${id} is not in the history`];
    const { body } = await get(`/message/${id}`);
    return [
      ...(times === 1 ? [] : [`${id} is in the history ${times} times`]),
      ...(isLike(body.data, shows)
        ? []
        : [`${id} shows ${JSON.stringify(body.data)}, not ${JSON.stringify(shows)}`]),
    ];
  }

  /** How many different events: one that comes again has the same id. */
  const tellings = (isOf: (event: Receiver['received'][number]) => boolean) =>
    new Set(receiver.received.filter(isOf).map(({ headers }) => headers['webhook-id'])).size;

  const toldFaults = ({ type, says, mayMiss }: Played['told'][number]) => {
    const times = tellings((event) => event.type === type && isLike(event.data, says));
    if (times === 1 || (mayMiss && times === 0)) return [];
    return [`${type} ${JSON.stringify(says)} was told ${times} times`];
  };

  async function faultsOf(played: Played): Promise<string[]> {
    const ids = idsOf(played);
    const others = receiver.received.filter(
      ({ type, data }) =>
        ids.includes(String(data.messageId)) &&
        !played.told.some((one) => one.type === type && isLike(data, one.says)),
    );
    return [
      ...(await Promise.all(played.rows.map(rowFaults))).flat(),
      ...played.told.flatMap(toldFaults),
      ...others.map(({ type, data }) => `${type} ${JSON.stringify(data)} was told as well`),
    ];
  }

  return { readHistory, faultsOf };
}

const idsOf = ({ rows }: Played): string[] => rows.map(({ id }) => id);

/** Whether it has all that `part` has, as deep as that goes. */
function isLike(whole: unknown, part: object): boolean {
  try {
    expect(whole).toMatchObject(part);
    return true;
  } catch {
    return false;
  }
}

function linesAbout(output: string, ids: readonly string[]): string[] {
  const lines = output.split('\n').filter((line) => ids.some((id) => line.includes(id)));
  return lines.slice(-MAX_LINES).map((line) => `the service: ${line}`);
}

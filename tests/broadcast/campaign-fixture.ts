/** Campaigns over a real database, a fake engine and a clock that the test moves. */
import { eq } from 'drizzle-orm';
import { vi } from 'vitest';
import { yieldToEventLoop } from '../../src/db/event-loop.ts';
import { insertMany } from '../../src/db/ops.ts';
import { broadcastContacts, broadcastLists, messages, whatsappAccounts } from '../../src/db/schema.ts';
import { createSettler } from '../../src/queue/settle.ts';
import { AppError } from '../../src/utils/errors.ts';
import { newId } from '../../src/utils/ids.ts';
import type { NumberCheck } from '../../src/whatsapp/engine.ts';
import { type CampaignFeeder, createCampaignFeeder } from '../../src/workers/campaign-feeder/index.ts';
import { createDispatcher, type Dispatcher } from '../../src/workers/dispatcher.ts';
import { type Call, openTestApp, type Reply, type Tenant, type TestApp } from '../helpers/app.ts';
import { createFakeClock, type FakeClock } from '../helpers/clock.ts';
import { createFakeEngine, type FakeEngine } from '../helpers/fake-engine.ts';
import { FAST } from '../queue/fixture.ts';

/** Every step of the fake clock is a look at a real database. */
vi.setConfig({ testTimeout: 120_000 });

type AccountRow = typeof whatsappAccounts.$inferInsert;
type Pacing = typeof FAST;

export interface CampaignWorld {
  t: TestApp;
  clock: FakeClock;
  engine: FakeEngine;
  tenant: Tenant;
  /** numbers that WhatsApp does not know */
  unknown: Set<string>;
  /** numbers of which WhatsApp says nothing when it answers about others */
  silent: Set<string>;
  /** whether lookups of numbers get no answer */
  setDeaf(deaf: boolean): void;
  /** every number that was looked up */
  lookedUp: string[];
  /** calls `/session/main/broadcast…` as the tenant */
  call(path: string, call?: Call): Promise<Reply>;
  post(path: string, body?: unknown, headers?: Record<string, string>): Promise<Reply>;
  /** starts a campaign; its id */
  start(body: Record<string, unknown>): Promise<string>;
  campaign(id: string): Promise<View>;
  recipients(id: string): Promise<Record<string, unknown>[]>;
  /** a session of the tenant that this process holds; its id */
  session(sessionId: string, columns?: Partial<AccountRow>): Promise<string>;
  setSession(sessionId: string, columns: Partial<AccountRow>): Promise<void>;
  /** a list with these contacts; its id */
  list(contacts: readonly Contact[]): Promise<string>;
  /** lets time go on, 50 ms at a time, until the work is done */
  during<R>(work: Promise<R>): Promise<R>;
  /** what left, by recipient */
  relayed(): string[];
  /** everything of a campaign that ended in history */
  history(id: string): Promise<(typeof messages.$inferSelect)[]>;
  feeder: CampaignFeeder;
  dispatcher: Dispatcher;
  /** another feeder in the place of this one, as after a restart */
  restartFeeder(): Promise<void>;
  close(): Promise<void>;
}

export interface Contact {
  phone: string;
  name?: string | null;
  fields?: Record<string, string>;
}

export interface View {
  id: string;
  status: string;
  reason: string | null;
  reasonMessage: string | null;
  waitingFor: { reason: string; until: string | null; text: string; fix: string | null }[];
  waitingUntil: string | null;
  totalContacts: number;
  senders: { sessionId: string; status: string | null; queued: number; sent: number }[] | null;
  name: string;
  originId: string | null;
  nextRunAt: string | null;
  statistics: Record<string, number> & { estimatedFinishAt: string | null };
}

/** n different Indonesian numbers. */
export function contacts(n: number, from = 0): Contact[] {
  return Array.from({ length: n }, (_, i) => ({
    phone: `62812${String(10_000_000 + from + i)}`,
    name: `Person ${from + i}`,
    fields: { city: i % 2 === 0 ? 'Bandung' : 'Solo' },
  }));
}

/** Longer than a test may take: its loop must not outlive it. */
const DURING_MS = 30_000;

export async function openCampaigns(pacing: Partial<Pacing> = {}): Promise<CampaignWorld> {
  const clock = createFakeClock(Date.UTC(2026, 0, 5, 3, 0, 0));
  const t = await openTestApp({
    clock,
    config: {
      pacing: { ...FAST, ...pacing },
      waServer: { url: 'ws://emulated.invalid', rootKey: null, caFile: null },
    },
  });
  const { deps } = t;
  const engine = createFakeEngine(clock);
  const settler = createSettler(deps, { windowMs: 0, receiptMs: 0 });
  const dispatcher = createDispatcher({ ...deps, engine, settler, random: () => 0.5 });
  const newFeeder = () => createCampaignFeeder({ ...deps, random: () => 0.5 });
  let feeder = newFeeder();
  const unknown = new Set<string>();
  const silent = new Set<string>();
  const lookedUp: string[] = [];
  let deaf = false;
  const unhandle = deps.commands.handle((_account, name, input) =>
    deaf
      ? Promise.reject(new AppError('UNAVAILABLE', 'no answer'))
      : Promise.resolve(answerCommand(name, input, { unknown, silent, lookedUp })),
  );
  const tenant = await t.tenant();
  const call = (path: string, given: Call = {}) =>
    t.call(`/session/main/broadcast${path}`, { token: tenant.token, ...given });
  clock.idleWith(async () => {
    for (let quiet = 0; quiet < 3; ) {
      await dispatcher.idle();
      await yieldToEventLoop();
      quiet = feeder.isQuiet() ? quiet + 1 : 0;
    }
  });
  dispatcher.start();
  feeder.start();

  const world: CampaignWorld = {
    t,
    clock,
    engine,
    tenant,
    unknown,
    silent,
    lookedUp,
    setDeaf(next) {
      deaf = next;
    },
    call,
    post: (path, body = {}, headers = {}) => call(path, { method: 'POST', body, headers }),
    async start(body) {
      const reply = await world.post('/send', body);
      if (reply.status !== 202) throw new Error(`no campaign: ${reply.text}`);
      return String(Object(reply.body.data).id);
    },
    campaign: async (id) => Object((await call(`/campaigns/${id}`)).body.data),
    recipients: async (id) => Object((await call(`/campaigns/${id}/recipients?limit=200`)).body.data),
    async session(sessionId, columns = {}) {
      const now = clock.now();
      const row = {
        id: newId(),
        userId: tenant.id,
        sessionId,
        status: 'connected' as const,
        pairing: 'qr' as const,
        paired: true,
        phoneNumber: '628111000001',
        owner: deps.commands.processId,
        fence: 1,
        createdAt: now,
        updatedAt: now,
        ...columns,
      };
      await deps.db.insert(whatsappAccounts).values(row);
      await dispatcher.add({
        id: row.id,
        userId: tenant.id,
        sessionId,
        owner: row.owner ?? '',
        fence: row.fence ?? 1,
      });
      return row.id;
    },
    async setSession(sessionId, columns) {
      const own = eq(whatsappAccounts.sessionId, sessionId);
      await deps.db.update(whatsappAccounts).set(columns).where(own);
      const rows = await deps.db.select({ id: whatsappAccounts.id }).from(whatsappAccounts).where(own);
      for (const { id } of rows) deps.signals.wake(id, { rowChanged: true });
    },
    async list(rows) {
      const id = newId();
      const at = clock.now();
      const common = { userId: tenant.id, createdAt: at, updatedAt: at };
      await deps.db
        .insert(broadcastLists)
        .values({ id, name: 'Customers', columns: ['city'], contactCount: rows.length, ...common });
      await insertMany(
        deps.db,
        broadcastContacts,
        rows.map(({ phone, name = null, fields = {} }) => ({ listId: id, phone, name, fields, ...common })),
      );
      return id;
    },
    async during(work) {
      let done = false;
      const end = () => {
        done = true;
      };
      work.then(end, end);
      for (const endsMs = performance.now() + DURING_MS; !done && performance.now() < endsMs; )
        await clock.advance(50);
      return work;
    },
    relayed: () => engine.relayed.map((send) => send.to.phone ?? send.to.jid),
    history: (id) => deps.db.select().from(messages).where(eq(messages.campaignId, id)),
    get feeder() {
      return feeder;
    },
    dispatcher,
    async restartFeeder() {
      await feeder.stop();
      feeder = newFeeder();
      feeder.start();
    },
    async close() {
      unhandle();
      await Promise.all([feeder.stop(), dispatcher.stop(), clock.advance(60_000)]);
      await Promise.all([settler.stop(1_000), clock.advance(1_000)]);
      await t.close();
    },
  };
  await world.session('main');
  return world;
}

/** Safe because the only commands of these tests are the lookup of numbers and the end of a session. */
function answerCommand(
  name: string,
  input: object,
  { unknown, silent, lookedUp }: Pick<CampaignWorld, 'unknown' | 'silent' | 'lookedUp'>,
): never {
  if (name === 'logout') return {} as never;
  if (name !== 'check_numbers' || !('phones' in input)) throw new Error(`${name} was not expected`);
  const phones = input.phones as string[];
  lookedUp.push(...phones);
  const answered = phones.filter((phone) => !silent.has(phone));
  const checks: NumberCheck[] = answered.map((phone) => {
    const exists = !unknown.has(phone);
    return { phone, exists, jid: exists ? `${phone}@s.whatsapp.net` : null, lid: null };
  });
  return checks as never;
}

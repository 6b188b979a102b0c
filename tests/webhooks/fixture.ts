/** A service with webhooks, receivers to be told, and sessions to which things happen. */
import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import { eq } from 'drizzle-orm';
import type { Db } from '../../src/db/client.ts';
import { transact } from '../../src/db/ops.ts';
import { messages, webhookOutbox, whatsappAccounts } from '../../src/db/schema.ts';
import { type Fact, record } from '../../src/events/record.ts';
import type { EventName } from '../../src/events/table.ts';
import type { Actor, Ctx } from '../../src/services/context.ts';
import type { CreateWebhookInput } from '../../src/services/webhooks/schemas.ts';
import { createWebhook, type WithSecret } from '../../src/services/webhooks/verbs.ts';
import { type Clock, systemClock } from '../../src/utils/clock.ts';
import type { Config } from '../../src/utils/config.ts';
import { newId, newMessageId } from '../../src/utils/ids.ts';
import {
  createWebhookSender,
  type WebhookSender,
  type WebhookSenderOptions,
} from '../../src/workers/webhook-sender/index.ts';
import { openTestApp, type TestApp } from '../helpers/app.ts';
import { turns } from '../helpers/clock.ts';

interface Received {
  headers: Record<string, string>;
  body: string;
  type: string;
  data: Record<string, unknown>;
  at: number;
}

export type Responder = (request: Received, res: ServerResponse) => unknown;

export interface Receiver {
  url: string;
  received: Received[];
  /** answers 204 until a test says otherwise */
  respond: Responder;
  /** Resolves when `n` requests have come. */
  count(n: number): Promise<void>;
  close(): Promise<void>;
}

export const accept: Responder = (_request, res) => res.writeHead(204).end();
export const answer =
  (status: number, headers: Record<string, string> = {}): Responder =>
  (_request, res) =>
    res.writeHead(status, headers).end();
export const hang: Responder = () => undefined;

export async function startReceiver(clock: Clock = systemClock): Promise<Receiver> {
  const waiting = new Set<() => void>();
  const receiver: Receiver = {
    url: '',
    received: [],
    respond: accept,
    count: (n) =>
      new Promise((resolve) => {
        const look = () => {
          if (receiver.received.length < n) return;
          waiting.delete(look);
          resolve();
        };
        waiting.add(look);
        look();
      }),
    async close() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
  const server = createServer(async (req, res) => {
    const request = await readRequest(req, clock);
    receiver.received.push(request);
    await receiver.respond(request, res);
    for (const look of [...waiting]) look();
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  receiver.url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/hook`;
  return receiver;
}

async function readRequest(req: IncomingMessage, clock: Clock): Promise<Received> {
  const body = await text(req);
  const { type, data } = JSON.parse(body) as { type: string; data: Record<string, unknown> };
  const headers = Object.entries(req.headers).map(([name, value]) => [name, String(value)]);
  return { headers: Object.fromEntries(headers), body, type, data, at: clock.now() };
}

export interface Session {
  id: string;
  userId: number;
  sessionId: string;
}

export interface Fixture extends TestApp {
  clock: Clock;
  ctx(userId: number, changes?: Partial<Actor>): Ctx;
  receiver(): Promise<Receiver>;
  session(userId: number, sessionId?: string): Promise<Session>;
  hook(userId: number, input: CreateWebhookInput): Promise<WithSecret>;
  /** A message of this session reaches a status; its wire id. */
  message(
    session: Session,
    event: EventName,
    changes?: Partial<typeof messages.$inferInsert>,
  ): Promise<string>;
  facts(...facts: Fact[]): Promise<void>;
  sender(options?: WebhookSenderOptions, db?: Db): WebhookSender;
  /** how many rows of a webhook are in each state */
  states(webhookId: string): Promise<Record<string, number>>;
}

let names = 0;

/** For a fake clock: what a timer began has come to its end. */
export function whenIdle(...senders: WebhookSender[]): () => Promise<void> {
  return async () => {
    await turns(2);
    for (const sender of senders) await sender.idle();
    await turns(2);
  };
}

export async function openFixture(
  options: { clock?: Clock; config?: Partial<Config> } = {},
): Promise<Fixture> {
  const clock = options.clock ?? systemClock;
  const app = await openTestApp({ clock, config: { allowPrivateUrls: true, ...options.config } });
  const { deps } = app;
  const undo: (() => Promise<void>)[] = [];
  const fixture: Fixture = {
    ...app,
    clock,
    ctx: (userId, changes = {}) => ({
      ...deps,
      actor: {
        userId,
        personId: userId,
        role: 'user',
        workspaceRole: 'owner',
        via: 'jwt',
        scopes: null,
        sessionIds: null,
        keyId: null,
        ...changes,
      },
      requestId: 'test',
      ip: null,
      userAgent: null,
    }),
    async receiver() {
      const receiver = await startReceiver(clock);
      undo.push(() => receiver.close());
      return receiver;
    },
    async session(userId, sessionId = `session-${++names}`) {
      const id = newId();
      const now = clock.now();
      const row = { id, userId, sessionId, status: 'connected', pairing: 'qr' } as const;
      await deps.db.insert(whatsappAccounts).values({ ...row, createdAt: now, updatedAt: now });
      return { id, userId, sessionId };
    },
    hook: (userId, input) => createWebhook(fixture.ctx(userId), input),
    async message(session, event, changes = {}) {
      const now = clock.now();
      const row: typeof messages.$inferInsert = {
        id: newId(now),
        userId: session.userId,
        accountId: session.id,
        sessionId: session.sessionId,
        messageId: newMessageId(),
        direction: event === 'message.received' ? 'in' : 'out',
        peer: '6281234567890@s.whatsapp.net',
        phone: '6281234567890',
        lid: '123456789@lid',
        type: 'text',
        content: { type: 'text', text: 'a body that is told to nobody' },
        status: event === 'message.received' ? 'received' : 'sent',
        createdAt: now,
        updatedAt: now,
        ...changes,
      };
      const about = { id: session.id, sessionId: session.sessionId };
      const fact: Fact = { userId: session.userId, event, session: about, subject: row.messageId };
      await transact(deps.db, async (tx) => {
        await tx.insert(messages).values(row);
        await record(tx, deps, [{ ...fact, data: { id: row.id, messageId: row.messageId } }]);
      });
      return row.messageId;
    },
    facts: (...facts) => transact(deps.db, (tx) => record(tx, deps, facts)),
    sender(senderOptions = {}, db = deps.db) {
      const sender = createWebhookSender({ ...deps, db, processId: newId() }, senderOptions);
      undo.unshift(() => sender.stop(0));
      sender.start();
      return sender;
    },
    async states(webhookId) {
      const rows = await deps.db
        .select({ state: webhookOutbox.state })
        .from(webhookOutbox)
        .where(eq(webhookOutbox.webhookId, webhookId));
      const sum: Record<string, number> = {};
      for (const { state } of rows) sum[state] = (sum[state] ?? 0) + 1;
      return sum;
    },
    async close() {
      for (const step of undo.splice(0)) await step();
      await app.close();
    },
  };
  return fixture;
}

/** Numbers of one session, in the order in which they came. */
export function seqsOf(receiver: Receiver, session: Session): unknown[] {
  return receiver.received
    .filter((request) => request.data.sessionId === session.sessionId)
    .map((request) => request.data.seq);
}

export const upTo = (n: number) => Array.from({ length: n }, (_, i) => i + 1);

/** `/session`: linked numbers, how they are linked, and what becomes of them. */
import { z } from 'zod';
import type { HttpContext, RatePolicy } from '../middlewares/http-env.ts';
import type { Ctx } from '../services/context.ts';
import {
  ChangeSessionInput,
  CheckPhoneInput,
  CleanupInput,
  CreatedSessionOutput,
  CreateSessionInput,
  changeSession,
  checkPhone,
  cleanupSessions,
  createSession,
  deleteSession,
  followSession,
  getQr,
  getQrImage,
  getSessionStatus,
  listSessions,
  logoutSession,
  ProxyTestInput,
  ProxyTestOutput,
  QrOutput,
  readEvents,
  restartSession,
  type SessionEvent,
  SessionId,
  SessionOutput,
  type SessionRef,
  SessionStatusOutput,
  testProxy,
} from '../services/sessions/index.ts';
import { ListSessionsQuery } from '../services/sessions/schemas.ts';
import { HOUR_MS } from '../utils/durations.ts';
import { type Route, route } from './route.ts';
import { Pagination, tenantQuery } from './schemas.ts';
import { sessionPageRoutes } from './session-page/routes.ts';
import { passkeyRoutes } from './session-passkey.ts';
import { transferRoutes } from './session-transfer.ts';
import { type SseEvent, streamEvents } from './sse.ts';

const tag = 'Sessions';
const scope = 'sessions:write';
const { userId } = tenantQuery;
const OneSession = z.object({ sessionId: SessionId });
const InPath = { params: OneSession, query: z.object({ userId }) };
const inPathExample = { params: { sessionId: 'my-session' } };
const bodyExample = { body: { sessionId: 'my-session' } };

/** Each opens a connection to a place that the client names. */
export const PROXY_TEST_LIMIT: RatePolicy = { name: 'proxy_tests', max: 60, windowMs: HOUR_MS };

/** A QR links whoever scans it: no copy may stay in a cache. */
const NO_STORE = 'no-store';

const readRoutes: Route[] = [
  route({
    method: 'get',
    path: '/session/list',
    tag,
    summary: 'List sessions',
    description: 'All of them, oldest first, unless `limit` asks for pages.',
    auth: 'credential',
    query: ListSessionsQuery,
    response: z.object({ data: z.array(SessionOutput), pagination: Pagination }),
    handler: async ({ ctx, query }) => ({ ...(await listSessions(ctx, query)) }),
  }),
  route({
    method: 'get',
    path: '/session/status',
    tag,
    summary: 'How a session is',
    description:
      'The state of one session and why it is in it, its number, its connection and what WhatsApp restricts.',
    auth: 'credential',
    query: z.object({ session: SessionId, userId }),
    response: z.object({ data: SessionStatusOutput }),
    errors: ['SESSION_NOT_FOUND'],
    example: { query: { session: 'my-session' } },
    handler: async ({ ctx, query }) => ({
      data: await getSessionStatus(ctx, { sessionId: query.session, userId: query.userId }),
    }),
  }),
  route({
    method: 'get',
    path: '/session/qr/:sessionId',
    tag,
    summary: 'The QR code as JSON',
    description: 'Begins the pairing again when it has expired.',
    auth: 'browser',
    link: 'qr',
    ...InPath,
    response: QrOutput.extend({ data: QrOutput }),
    errors: ['SESSION_NOT_FOUND', 'QR_NOT_READY', 'ALREADY_CONNECTED'],
    example: inPathExample,
    handler: async ({ ctx, params, query, http }) => {
      http.header('cache-control', NO_STORE);
      const qr = await getQr(ctx, { ...params, ...query });
      return { ...qr, data: qr };
    },
  }),
  route({
    method: 'get',
    path: '/session/qr-image/:sessionId',
    tag,
    summary: 'The QR code as an image',
    description:
      'The newest code as PNG. It is valid for some seconds: ask again until the session is connected.',
    auth: 'browser',
    link: 'qr',
    ...InPath,
    response: null,
    contentType: 'image/png',
    errors: ['SESSION_NOT_FOUND', 'QR_NOT_READY', 'ALREADY_CONNECTED', 'CONFLICT'],
    example: inPathExample,
    handler: async ({ ctx, params, query, http }) => {
      const png = await getQrImage(ctx, { ...params, ...query });
      const headers = { 'content-type': 'image/png', 'cache-control': NO_STORE };
      return http.body(new Uint8Array(png), 200, headers);
    },
  }),
  route({
    method: 'get',
    path: '/session/events',
    tag,
    summary: 'Live events of a session',
    description:
      'Server-Sent Events `qr`, `status`, `message` and `receipt`; ids are given back as `Last-Event-ID`.',
    auth: 'browser',
    link: 'qr',
    query: z.object({ session: SessionId, userId }),
    response: null,
    contentType: 'text/event-stream',
    errors: ['SESSION_NOT_FOUND'],
    example: { query: { session: 'my-session' } },
    handler: ({ ctx, query, http }) =>
      streamSessionEvents(ctx, http, { sessionId: query.session, userId: query.userId }),
  }),
  route({
    method: 'post',
    path: '/session/check-phone',
    tag,
    summary: 'Whether a phone has an active session of yours',
    description:
      'Answers true when a session of yours is linked to this number. It asks nobody but the database.',
    auth: 'credential',
    scope: 'read',
    body: CheckPhoneInput,
    response: z.object({ hasActiveSession: z.boolean() }),
    errors: ['INVALID_NUMBER'],
    example: { body: { phoneNumber: '+6281234567890' } },
    handler: ({ ctx, body }) => checkPhone(ctx, body),
  }),
];

const writeRoutes: Route[] = [
  route({
    method: 'post',
    path: '/session/create',
    tag,
    summary: 'Make a session and link a phone',
    description:
      'Waits up to 10 s for the first QR or pairing code. A session of that name whose phone is gone (logged ' +
      'out, never paired) begins again; any other answers SESSION_EXISTS, and `/session/restart` connects it.',
    auth: 'credential',
    scope,
    idempotent: true,
    body: CreateSessionInput,
    status: 201,
    response: z.object({ message: z.string(), data: CreatedSessionOutput }),
    errors: ['SESSION_EXISTS', 'DUPLICATE_PHONE', 'INVALID_NUMBER', 'QUOTA_EXCEEDED'],
    example: { body: { sessionId: 'my-session', phoneNumber: '+6281234567890' } },
    handler: async ({ ctx, body, http }) => {
      http.header('cache-control', NO_STORE);
      return { message: 'The session was created.', data: await createSession(ctx, body) };
    },
  }),
  route({
    method: 'post',
    path: '/session/restart',
    tag,
    summary: 'Connect again',
    description: 'With the same credentials; begins a new pairing when there are none.',
    auth: 'credential',
    scope,
    body: OneSession,
    response: z.object({ message: z.string(), data: SessionStatusOutput }),
    errors: ['SESSION_NOT_FOUND'],
    example: bodyExample,
    handler: async ({ ctx, body }) => ({
      message: 'The session is connecting.',
      data: await restartSession(ctx, body),
    }),
  }),
  route({
    method: 'post',
    path: '/session/logout',
    tag,
    summary: 'Unlink the phone',
    description: 'Erases the credentials; the session stays and may be linked again.',
    auth: 'credential',
    scope,
    body: OneSession,
    response: z.object({
      message: z.string(),
      data: SessionStatusOutput.extend({
        confirmed: z.boolean().describe('false: WhatsApp could not be told, remove the device on the phone'),
      }),
    }),
    errors: ['SESSION_NOT_FOUND'],
    example: bodyExample,
    handler: async ({ ctx, body }) => ({
      message: 'The session was logged out.',
      data: await logoutSession(ctx, body),
    }),
  }),
  route({
    method: 'put',
    path: '/session/:sessionId',
    tag,
    summary: 'Change label, proxy, browser and what it does by itself',
    description:
      'What is missing stays, `null` takes it away. With another proxy the session connects again at once; a session with a proxy never goes out without it. Another browser shows on the phone when it is linked the next time. `autoRead` marks what comes in from then on as read; `rejectCalls` rejects calls as they ring, and sends `callText` to whoever called. `receiveStatus` and `receiveChannels` store status posts of others, and posts of channels that the number follows, from then on.',
    auth: 'credential',
    scope,
    params: OneSession,
    body: ChangeSessionInput,
    response: z.object({ message: z.string(), data: SessionStatusOutput }),
    errors: ['SESSION_NOT_FOUND', 'URL_REFUSED', 'NOT_SUPPORTED'],
    example: {
      ...inPathExample,
      body: { label: 'Toko', proxy: 'socks5://user:password@proxy.example.com:1080' },
    },
    handler: async ({ ctx, params, body }) => ({
      message: 'The session was changed.',
      data: await changeSession(ctx, params, body),
    }),
  }),
  route({
    method: 'post',
    path: '/session/:sessionId/proxy/test',
    tag,
    summary: 'Try a proxy',
    description:
      'Opens a WebSocket to WhatsApp through the session’s proxy, or through `proxy` before it is saved. The answer is 200 also when it does not work: `ok` and `reason` say.',
    auth: 'credential',
    scope,
    limit: PROXY_TEST_LIMIT,
    params: OneSession,
    body: ProxyTestInput,
    response: z.object({ data: ProxyTestOutput }),
    errors: ['SESSION_NOT_FOUND', 'URL_REFUSED', 'CONFLICT'],
    example: { ...inPathExample, body: { proxy: 'socks5://user:password@proxy.example.com:1080' } },
    handler: async ({ ctx, params, body }) => ({ data: await testProxy(ctx, params, body) }),
  }),
  route({
    method: 'post',
    path: '/session/cleanup',
    tag,
    summary: 'Remove sessions that are of no use',
    description: 'Never paired, or logged out, at least `hours` ago. Whatever can still reconnect stays.',
    auth: 'credential',
    scope,
    body: CleanupInput,
    response: z.object({ removed: z.number().int() }),
    example: { body: { hours: 24 } },
    handler: ({ ctx, body }) => cleanupSessions(ctx, body),
  }),
  route({
    method: 'delete',
    path: '/session/:sessionId',
    tag,
    summary: 'Unlink the phone and forget the session',
    description: 'What is queued is canceled; the history of messages stays.',
    auth: 'credential',
    scope,
    params: OneSession,
    response: z.object({ message: z.string(), data: z.object({ sessionId: z.string() }) }),
    errors: ['SESSION_NOT_FOUND'],
    example: inPathExample,
    handler: async ({ ctx, params }) => ({
      message: 'The session was deleted.',
      data: await deleteSession(ctx, params),
    }),
  }),
];

/** The page comes first: `/session/:sessionId` must not take its paths. */
export const sessionRoutes: Route[] = [
  ...sessionPageRoutes,
  ...passkeyRoutes,
  ...transferRoutes,
  ...readRoutes,
  ...writeRoutes,
];

/**
 * Answers with the session's events from now on, or from Last-Event-ID on. Ends when the session is deleted, and as
 * every stream does. Throws SESSION_NOT_FOUND, RATE_LIMITED.
 */
async function streamSessionEvents(ctx: Ctx, http: HttpContext, ref: SessionRef): Promise<Response> {
  const session = await followSession(ctx, ref, lastEventId(http));
  return streamEvents(ctx, http, {
    filter: { userId: session.userId, accountId: session.id },
    first: session.snapshot.map(toSse),
    async next() {
      const events = await readEvents(ctx, session);
      return events === null ? null : events.map(toSse);
    },
  });
}

const toSse = ({ seq, event, data }: SessionEvent): SseEvent => ({ id: String(seq), event, data });

/** Numbers only: anything else is a client that has seen nothing yet. */
function lastEventId(http: HttpContext): number | null {
  const text = http.req.header('last-event-id') ?? '';
  return /^\d{1,15}$/.test(text) ? Number(text) : null;
}

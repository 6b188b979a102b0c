/** The surface of the broadcast API apart from its lists and campaigns: `/api/whatsapp`, in flat shapes. */
import { z } from 'zod';
import { sendFields, TextInput } from '../../services/messages/schemas.ts';
import { sendMessage } from '../../services/messages.ts';
import {
  deleteSession,
  ensureQr,
  getSessionStatus,
  listSessions,
  SessionId,
  type SessionOutput,
} from '../../services/sessions/index.ts';
import { type Dialect, type Route, row, sendRow, toDigits } from './dialect.ts';
import { BROADCAST_API_FAILURES } from './texts.ts';

const dialect: Dialect = { tag: 'Broadcast API (older clients)', failures: BROADCAST_API_FAILURES };
const params = z.object({ sessionId: SessionId });
const inPath = { params: { sessionId: 'user123' } };
const Person = z.object({ name: z.string().nullable(), number: z.string() }).nullable();

/** A phone is linked, and the session is connected or on its way back. */
const isActive = ({ status, phoneNumber }: SessionOutput) =>
  status === 'connected' || (phoneNumber !== null && (status === 'connecting' || status === 'disconnected'));

const clients = row(dialect, {
  method: 'get',
  path: '/api/whatsapp/clients',
  summary: 'List the sessions that are connected, or are coming back by themselves',
  description: 'Names only, as the older system answered.',
  response: z.object({
    clients: z.array(
      z.object({ sessionId: z.string(), status: z.string(), connected: z.boolean(), user: Person }),
    ),
  }),
  input: () => ({}),
  verb: listSessions,
  output: ({ data }) => ({
    clients: data.filter(isActive).map(({ sessionId, status, phoneNumber, name, createdAt }) => ({
      sessionId,
      status,
      connected: status === 'connected',
      user: phoneNumber === null ? null : { name, number: toDigits(phoneNumber) },
      createdAt,
    })),
  }),
});

const qrcode = row(dialect, {
  method: 'get',
  path: '/api/whatsapp/:sessionId/qrcode',
  summary: 'The QR code; makes the session when there is none',
  description: 'As a data URL. Ask again until the session is connected.',
  scope: 'sessions:write',
  params,
  response: z.object({ message: z.string(), qrCode: z.string().describe('a data: URL of the PNG') }),
  errors: ['QR_NOT_READY', 'ALREADY_CONNECTED', 'CONFLICT'],
  example: inPath,
  input: (request) => request.params,
  verb: ensureQr,
  output: ({ sessionId, qrCode }) => ({ message: 'QR Code siap untuk di-scan', sessionId, qrCode }),
});

const status = row(dialect, {
  method: 'get',
  path: '/api/whatsapp/:sessionId/status',
  summary: 'Whether the session is connected, and as whom',
  description: 'In the form of the older system. `GET /session/status` says more.',
  params,
  response: z.object({ connected: z.boolean(), user: Person }),
  errors: ['SESSION_NOT_FOUND'],
  example: inPath,
  input: (request) => request.params,
  verb: getSessionStatus,
  output: ({ sessionId, isConnected, user, status: state }) => ({
    connected: isConnected,
    user: user && { name: user.name, number: toDigits(user.phone) },
    sessionId,
    status: state,
  }),
});

const logout = row(dialect, {
  method: 'post',
  path: '/api/whatsapp/:sessionId/logout',
  summary: 'Unlink the phone and forget the session',
  description: 'Messages that wait are canceled. The history stays.',
  scope: 'sessions:write',
  params,
  response: z.object({ message: z.string() }),
  errors: ['SESSION_NOT_FOUND'],
  example: inPath,
  input: (request) => request.params,
  verb: deleteSession,
  output: ({ sessionId }) => ({ message: 'Logout berhasil dan session telah dihapus', sessionId }),
});

const sendText = sendRow(dialect, {
  path: '/api/whatsapp/:sessionId/send-message',
  summary: 'Send a text and wait up to 15 s for the outcome',
  description: 'For programs that cannot follow a message: it answers when WhatsApp has acknowledged it.',
  scope: 'messages:write',
  params,
  body: z.object({ number: sendFields.to, message: TextInput }),
  response: z.object({
    message: z.string(),
    messageId: z.string(),
    to: z.string(),
    status: z.string(),
    timestamp: z.string(),
  }),
  example: { ...inPath, body: { number: '628123456789', message: 'Halo, ini adalah pesan dari API!' } },
  input: (request) => ({
    session: request.params.sessionId,
    to: request.body.number,
    content: { type: 'text' as const, text: request.body.message },
    connectedOnly: true,
  }),
  verb: sendMessage,
  output: ({ messageId, to, status: state, timestamp, sessionId }) => ({
    message: state === 'queued' ? 'Pesan masuk antrean' : 'Pesan berhasil dikirim',
    messageId,
    to: toDigits(to),
    status: state,
    timestamp,
    // Clients of both systems look in both places.
    data: { sessionId, to: toDigits(to), messageId, timestamp, status: state },
  }),
});

export const broadcastApiRoutes: readonly Route[] = [clients, qrcode, status, logout, sendText];

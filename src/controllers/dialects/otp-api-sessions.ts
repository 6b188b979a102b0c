/** The OTP API's sessions: `/api/sessions`. */
import { z } from 'zod';
import {
  CreatedSessionOutput,
  CreateSessionInput,
  deleteSession,
  ensureSession,
  getQr,
  getSessionStatus,
  listSessions,
  QrOutput,
  restartSession,
  SessionId,
  SessionOutput,
  SessionStatusOutput,
} from '../../services/sessions/index.ts';
import { showQrPage } from '../session-page/routes.ts';
import { type Dialect, pageRow, type Route, row } from './dialect.ts';
import { OTP_API_FAILURES } from './texts.ts';

const OTP_API: Dialect = { tag: 'OTP API (older clients)', failures: OTP_API_FAILURES };

const scope = 'sessions:write';
const params = z.object({ sessionId: SessionId });
const example = { params: { sessionId: 'my-session' } };

/** The envelope of every answer. */
const answerOf = <S extends z.ZodType>(data: S) => z.object({ message: z.string(), data });

const create = row(OTP_API, {
  method: 'post',
  path: '/api/sessions/create',
  summary: 'Make a session, or show the one there is',
  description: '201 for a new one; 200 with its state and, while no phone is linked, a fresh QR code.',
  scope,
  idempotent: true,
  statuses: { 201: 'There was no session of that name.' },
  files: [],
  body: CreateSessionInput,
  response: answerOf(CreatedSessionOutput.extend({ isConnected: z.boolean() })),
  errors: ['DUPLICATE_PHONE', 'INVALID_NUMBER'],
  example: { body: { sessionId: 'my-session' } },
  input: (request) => request.body,
  verb: ensureSession,
  kept: { message: 'Session berhasil dibuat' },
  status: ({ created }) => (created ? 201 : 200),
  output: ({ created, ...data }) => ({
    message: created ? 'Session berhasil dibuat' : 'Session sudah ada',
    data,
  }),
});

const list = row(OTP_API, {
  method: 'get',
  path: '/api/sessions',
  summary: 'All sessions, by their id',
  description: 'In the form of the older system. `GET /session/list` says more.',
  response: answerOf(
    z.object({
      sessions: z.record(z.string(), SessionOutput.extend({ isConnected: z.boolean() })),
      total: z.int(),
    }),
  ),
  input: () => ({}),
  verb: listSessions,
  output: ({ data }) => ({
    message: 'Daftar session berhasil diambil',
    data: {
      sessions: Object.fromEntries(
        data.map((one) => [one.sessionId, { ...one, isConnected: one.status === 'connected' }]),
      ),
      total: data.length,
    },
  }),
});

const status = row(OTP_API, {
  method: 'get',
  path: '/api/sessions/:sessionId/status',
  summary: 'Whether a session is connected, and as whom',
  description: 'In the form of the older system. `GET /session/status` says more.',
  params,
  response: answerOf(SessionStatusOutput),
  errors: ['SESSION_NOT_FOUND'],
  example,
  input: (request) => request.params,
  verb: getSessionStatus,
  output: (data) => ({ message: 'Status session berhasil diambil', data }),
});

const qr = row(OTP_API, {
  method: 'get',
  path: '/api/sessions/:sessionId/qr',
  summary: 'The QR code',
  description: 'As a data URL. Ask again until the session is connected.',
  auth: 'browser',
  link: 'qr',
  params,
  response: answerOf(QrOutput),
  errors: ['SESSION_NOT_FOUND', 'QR_NOT_READY', 'ALREADY_CONNECTED'],
  example,
  input: (request) => request.params,
  verb: getQr,
  output: (data) => ({ message: 'QR Code berhasil diambil', data }),
});

const qrPage = pageRow(OTP_API, {
  method: 'get',
  path: '/api/sessions/:sessionId/qr-page',
  summary: 'A page that shows the QR code, in Indonesian unless the browser or `?lang=en` asks for English',
  description: 'It renews itself and says when the session is connected.',
  params,
  errors: ['SESSION_NOT_FOUND'],
  example,
  input: (request) => request.params,
  page: (ctx, ref, http) => showQrPage(ctx, ref, http, 'id'),
});

const restart = row(OTP_API, {
  method: 'put',
  path: '/api/sessions/:sessionId/restart',
  summary: 'Connect again',
  description: 'Closes the connection and opens it again. The phone stays linked.',
  scope,
  params,
  response: answerOf(SessionStatusOutput),
  errors: ['SESSION_NOT_FOUND'],
  example,
  input: (request) => request.params,
  verb: restartSession,
  output: (data) => ({ message: 'Session berhasil di-restart', data }),
});

const remove = row(OTP_API, {
  method: 'delete',
  path: '/api/sessions/:sessionId',
  summary: 'Unlink the phone and forget the session',
  description: 'Messages that wait are canceled. The history stays.',
  scope,
  params,
  response: answerOf(z.object({ sessionId: z.string() })),
  errors: ['SESSION_NOT_FOUND'],
  example,
  input: (request) => request.params,
  verb: deleteSession,
  output: (data) => ({ message: 'Session berhasil dihapus', data }),
});

export const otpApiSessionRoutes: readonly Route[] = [create, list, status, qr, qrPage, restart, remove];

/** The OTP API's messages: `/api/messages`. */
import { z } from 'zod';
import { KINDS } from '../../services/messages/kinds/index.ts';
import { formatPhone, sendMessage } from '../../services/messages.ts';
import { generateOtp } from '../../services/otp/expire.ts';
import { sendOtp } from '../../services/otp/send.ts';
import { type Accepted, type Dialect, type ErrorCode, mediaOf, type Route, row, sendRow } from './dialect.ts';
import {
  AudioBody,
  ButtonBody,
  DocumentBody,
  GenerateQuery,
  ImageBody,
  InSession,
  ListBody,
  LocationBody,
  OneNumber,
  OtpBody,
  TextBody,
  VideoBody,
} from './otp-api-schemas.ts';
import { OTP_API_FAILURES } from './texts.ts';

const dialect: Dialect = { tag: 'OTP API (older clients)', failures: OTP_API_FAILURES };

const sent = {
  sessionId: z.string(),
  to: z.string().describe('a JID'),
  messageId: z.string(),
  timestamp: z.string(),
  status: z.string().describe('`queued` when there was no outcome within 15 s'),
};
const MEDIA_ERRORS = [
  'URL_REFUSED',
  'FILE_TOO_LARGE',
  'UNSUPPORTED_MEDIA',
  'NOT_FOUND',
] as const satisfies ErrorCode[];

const params = { sessionId: 'my-session' };
const to = '08123456789';

/** Common parts of the messages of all kinds. */
const message = {
  scope: 'messages:write',
  params: InSession,
  verb: sendMessage,
  output: ({ sessionId, to: jid, messageId, timestamp, status }: Accepted['answer']) => ({
    message: status === 'queued' ? 'Pesan masuk antrean' : 'Pesan berhasil dikirim',
    data: { sessionId, to: jid, messageId, timestamp, status },
  }),
  response: z.object({ message: z.string(), data: z.object(sent) }),
} as const;

const text = sendRow(dialect, {
  ...message,
  path: '/api/messages/:sessionId/text',
  summary: 'Send a text',
  description: 'In the form of the older system. New programs use `POST /message/send-text`.',
  body: TextBody,
  example: { params, body: { to, message: 'Halo!' } },
  input: (request) => ({
    ...target(request),
    content: { type: 'text' as const, text: request.body.message },
  }),
});

const otp = sendRow(dialect, {
  path: '/api/messages/:sessionId/otp',
  summary: 'Send a one-time password',
  description: 'The code is in the answer with OTP_RETURN_CODE=true only; `/api/otp/verify` checks it.',
  scope: 'otp',
  params: InSession,
  body: OtpBody,
  unhashed: ['otp'],
  errors: ['RATE_LIMITED'],
  example: { params, body: { to, companyName: 'PT. Contoh' } },
  input: ({ params: { sessionId }, body: { otp: code, expiryMinutes, ...fields } }) => ({
    ...fields,
    session: sessionId,
    code,
    expiresInSeconds: expiryMinutes === undefined ? undefined : Math.round(expiryMinutes * 60),
    connectedOnly: true,
  }),
  verb: async (ctx, input) => {
    const { answer, messageRowId } = await sendOtp(ctx, input);
    return { id: messageRowId, answer };
  },
  output: (data) => ({
    message: data.status === 'queued' ? 'OTP masuk antrean' : 'OTP berhasil dikirim',
    data,
  }),
  response: z.object({
    message: z.string(),
    data: z.object({ ...sent, otpId: z.string(), expiresAt: z.string(), otp: z.string().optional() }),
  }),
});

const image = sendRow(dialect, {
  ...message,
  path: '/api/messages/:sessionId/image',
  summary: 'Send an image',
  description: 'In the form of the older system. New programs use `POST /message/send-image`.',
  body: ImageBody,
  files: ['image', 'imageUrl'],
  errors: MEDIA_ERRORS,
  example: { params, body: { to, imageUrl: 'https://example.com/image.jpg', caption: 'Test gambar' } },
  input: (request) => {
    const { caption } = request.body;
    return {
      ...target(request),
      content: KINDS.image.draft({ image: mediaOf(request, 'image', 'imageUrl'), caption }),
    };
  },
});

const video = sendRow(dialect, {
  ...message,
  path: '/api/messages/:sessionId/video',
  summary: 'Send a video',
  description: 'In the form of the older system. New programs use `POST /message/send-video`.',
  body: VideoBody,
  files: ['video', 'videoUrl'],
  errors: MEDIA_ERRORS,
  example: { params, body: { to, videoUrl: 'https://example.com/video.mp4' } },
  input: (request) => {
    const { caption } = request.body;
    return {
      ...target(request),
      content: KINDS.video.draft({ video: mediaOf(request, 'video', 'videoUrl'), caption }),
    };
  },
});

const audio = sendRow(dialect, {
  ...message,
  path: '/api/messages/:sessionId/audio',
  summary: 'Send audio',
  description: 'In the form of the older system. New programs use `POST /message/send-audio`.',
  body: AudioBody,
  files: ['audio', 'audioUrl'],
  errors: MEDIA_ERRORS,
  example: { params, body: { to, audioUrl: 'https://example.com/audio.ogg', ptt: true } },
  input: (request) => {
    const { ptt } = request.body;
    return {
      ...target(request),
      content: KINDS.audio.draft({ audio: mediaOf(request, 'audio', 'audioUrl'), ptt }),
    };
  },
});

const document = sendRow(dialect, {
  ...message,
  path: '/api/messages/:sessionId/document',
  summary: 'Send a document',
  description: 'In the form of the older system. New programs use `POST /message/send-document`.',
  body: DocumentBody,
  files: ['document', 'documentUrl'],
  errors: MEDIA_ERRORS,
  example: { params, body: { to, documentUrl: 'https://example.com/file.pdf', filename: 'file.pdf' } },
  input: (request) => {
    const { filename, fileName, caption } = request.body;
    const source = mediaOf(request, 'document', 'documentUrl');
    return {
      ...target(request),
      content: KINDS.document.draft({ document: source, filename: filename ?? fileName, caption }),
    };
  },
});

const location = sendRow(dialect, {
  ...message,
  path: '/api/messages/:sessionId/location',
  summary: 'Send a location',
  description: 'In the form of the older system. New programs use `POST /message/send-location`.',
  body: LocationBody,
  example: { params, body: { to, latitude: -6.2088, longitude: 106.8456, locationName: 'Jakarta' } },
  input: (request) => {
    const { name, locationName, ...place } = request.body;
    return { ...target(request), content: KINDS.location.draft({ ...place, name: name ?? locationName }) };
  },
});

const button = sendRow(dialect, {
  ...message,
  path: '/api/messages/:sessionId/button',
  summary: 'Send buttons',
  description: 'In the form of the older system. New programs use `POST /message/send-buttons`.',
  body: ButtonBody,
  example: { params, body: { to, text: 'Pilih:', buttons: [{ text: 'Ya' }, { text: 'Tidak' }] } },
  input: (request) => ({ ...target(request), content: KINDS.buttons.draft(request.body) }),
});

const list = sendRow(dialect, {
  ...message,
  path: '/api/messages/:sessionId/list',
  summary: 'Send a list',
  description: 'In the form of the older system. New programs use `POST /message/send-list`.',
  body: ListBody,
  example: {
    params,
    body: {
      to,
      text: 'Pilih menu:',
      buttonText: 'Menu',
      sections: [{ title: 'Utama', rows: [{ rowId: 'a', title: 'Satu' }] }],
    },
  },
  input: (request) => ({ ...target(request), content: KINDS.list.draft(request.body) }),
});

const formatNumber = row(dialect, {
  method: 'get',
  path: '/api/messages/format-phone/:number',
  summary: 'How a number is read',
  description: 'The number as WhatsApp takes it. Nothing is sent.',
  params: OneNumber,
  response: z.object({
    message: z.string(),
    data: z.object({ original: z.string(), formatted: z.string(), whatsappFormat: z.string() }),
  }),
  errors: ['INVALID_NUMBER'],
  example: { params: { number: to } },
  input: (request) => request.params,
  verb: formatPhone,
  output: (data) => ({ message: 'Nomor berhasil diformat', data }),
});

const generate = row(dialect, {
  method: 'get',
  path: '/api/messages/:sessionId/generate-otp',
  summary: 'A random code that is stored nowhere',
  description:
    'For programs that send and check codes themselves. `POST /otp/send` does both, and keeps the code from your database.',
  scope: 'otp',
  params: InSession,
  query: GenerateQuery,
  response: z.object({ message: z.string(), data: z.object({ otp: z.string(), length: z.int() }) }),
  example: { params, query: { length: '6' } },
  input: (request) => request.query.length,
  verb: generateOtp,
  output: (data) => ({ message: 'OTP berhasil dibuat', data }),
});

function target(request: { params: { sessionId: string }; body: { to: string } }) {
  return { session: request.params.sessionId, to: request.body.to, connectedOnly: true };
}

/** `format-phone` comes first: it looks like a session's name. */
export const otpApiMessageRoutes: readonly Route[] = [
  formatNumber,
  generate,
  text,
  otp,
  image,
  video,
  audio,
  document,
  location,
  button,
  list,
];

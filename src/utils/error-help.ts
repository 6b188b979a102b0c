/** What each error code means, what helps, and an example of it: for answers, the OpenAPI document and the page of errors. */
import type { ErrorCode } from './errors.ts';

export interface ErrorHelp {
  /** what it says, in one sentence */
  meaning: string;
  /** what to do, where the failure itself says nothing more exact */
  hint: string;
  example: { message: string; details?: Record<string, unknown> };
}

const SESSION = 'my-session';

export const ERROR_HELP: Readonly<Record<ErrorCode, ErrorHelp>> = {
  VALIDATION_FAILED: {
    meaning: 'The body, the query or the path has a field that is missing, unknown or not as it must be.',
    hint: 'Correct the fields that `details` names and send the request again.',
    example: {
      message: 'Unknown field shceduledAt. Did you mean scheduledAt?',
      details: { shceduledAt: 'is unknown; did you mean scheduledAt?' },
    },
  },
  INVALID_NUMBER: {
    meaning: 'This is no phone number, or it can be read in two ways.',
    hint: 'Write the number with + and its country code. `details.readings` lists the ways to read it.',
    example: {
      message: 'A phone number has no letters: use the international form, as in +6281234567890.',
      details: { reason: 'letters' },
    },
  },
  URL_REFUSED: {
    meaning: 'The service does not fetch this URL, or could not.',
    hint: 'Use a whole https URL that anybody on the internet can open. A file can also be sent itself.',
    example: {
      message: 'The media could not be fetched. The host answered with status 404.',
      details: { reason: 'status' },
    },
  },
  OTP_INVALID: {
    meaning: 'This is not the code.',
    hint: 'Let the person type it again. `details.attemptsLeft` says how often.',
    example: { message: 'This code is wrong.', details: { attemptsLeft: 2 } },
  },
  UNAUTHORIZED: {
    meaning: 'There is no credential, or it is not right, or not valid any more.',
    hint: 'Send `x-api-key: <key>` or `Authorization: Bearer <token>`. Keys are made in the dashboard under Developers.',
    example: { message: 'This needs a credential: Authorization: Bearer <token>, or x-api-key.' },
  },
  SECOND_FACTOR_REQUIRED: {
    meaning: 'The password is right, and the account has a second factor.',
    hint: 'Send `details.token` to POST /auth/second-factor, with a code of one of `details.methods`.',
    example: {
      message: 'The password is right. Now give your second factor.',
      details: { methods: ['totp', 'recovery_code'], expiresAt: '2026-01-31T08:10:00.000Z' },
    },
  },
  SECOND_FACTOR_MISSING: {
    meaning: 'This needs a second factor, and none was given in this sign-in.',
    hint: 'POST /auth/second-factors/confirm gives the one you have, POST /auth/second-factors/totp sets one up.',
    example: {
      message: 'This workspace asks for a second factor: set one up, or give the one you have.',
    },
  },
  FORBIDDEN: {
    meaning: 'The credential is valid, but may not do this.',
    hint: 'The message says why. The same request is refused until that has changed.',
    example: {
      message: 'This API key lacks the scope messages:write.',
      details: { scope: 'messages:write' },
    },
  },
  WORKSPACE_SUSPENDED: {
    meaning:
      'An administrator of the service has suspended the workspace. Nothing is lost, and nothing is sent.',
    hint: 'Ask the administrator of the service. Everything goes on when the workspace is resumed.',
    example: {
      message:
        'This workspace is suspended. The invoice of January is open. Nothing is lost; ask the administrator of the service.',
      details: { reason: 'The invoice of January is open.' },
    },
  },
  NOT_FOUND: {
    meaning: 'It does not exist, or belongs to somebody else.',
    hint: 'Check the id and the address. `/docs` lists every address.',
    example: { message: 'There is nothing at this address.' },
  },
  SESSION_NOT_FOUND: {
    meaning: 'This account has no session of that name.',
    hint: 'GET /session/list shows the sessions of this account.',
    example: { message: 'There is no session my-sesion.', details: { didYouMean: SESSION } },
  },
  QR_NOT_READY: {
    meaning: 'The session has no QR code now: WhatsApp has not sent it yet, or the session needs none.',
    hint: 'The message says why. Where the answer has `Retry-After`, ask again after so many seconds.',
    example: { message: 'There is no QR code at the moment: try again in a moment.' },
  },
  OTP_NOT_FOUND: {
    meaning: 'No code is pending for this number or id.',
    hint: 'Send a new one with POST /otp/send.',
    example: { message: 'No code is waiting to be checked: send a new one.' },
  },
  METHOD_NOT_ALLOWED: {
    meaning: 'The address exists, but not with this method.',
    hint: 'Use a method that the header `Allow` names.',
    example: { message: 'GET is not possible here.', details: { allow: ['POST'] } },
  },
  SESSION_EXISTS: {
    meaning: 'The account has a session of this name already.',
    hint: 'Use it as it is (`details.session`), restart it, or choose another name.',
    example: {
      message: 'There is a session of this name already. POST /session/restart connects it again.',
      details: { session: { sessionId: SESSION, status: 'connected' } },
    },
  },
  DUPLICATE_PHONE: {
    meaning: 'Another session of this account has linked that phone.',
    hint: 'Use that session, or delete it first.',
    example: { message: 'This phone already has an active session.' },
  },
  ALREADY_CONNECTED: {
    meaning: 'The session is connected: there is nothing to scan.',
    hint: 'Send with it. To link another phone, call POST /session/logout first.',
    example: { message: 'This session is connected: there is nothing to scan.' },
  },
  NOT_CONNECTED: {
    meaning: 'The session has no linked phone, was logged out, was replaced, or failed.',
    hint: 'Link its phone: GET /session/qr/:sessionId, or the page of the session in the dashboard.',
    example: {
      message: 'The session is not connected.',
      details: { session: SESSION, status: 'logged_out' },
    },
  },
  BROADCAST_IN_PROGRESS: {
    meaning: 'A campaign to this list runs or is paused.',
    hint: 'Wait until it has ended, or stop it.',
    example: { message: 'A campaign to this list is running on this session.' },
  },
  CONFLICT: {
    meaning: 'The present state does not allow this.',
    hint: 'Read the thing again and decide by its status.',
    example: { message: 'The message cannot be canceled any more: it is sent.' },
  },
  IDEMPOTENCY_CONFLICT: {
    meaning: 'This Idempotency-Key was used for another request.',
    hint: 'Use a new key for each new request, and the same one only to repeat it.',
    example: { message: 'This Idempotency-Key was used for another request.' },
  },
  IDEMPOTENCY_IN_PROGRESS: {
    meaning: 'The first request with this Idempotency-Key still runs.',
    hint: 'Repeat the request with the same key after the seconds in `Retry-After`.',
    example: { message: 'The first request with this Idempotency-Key still runs.' },
  },
  OTP_EXPIRED: {
    meaning: 'The code is too old.',
    hint: 'Send a new one with POST /otp/send.',
    example: { message: 'This code has expired: send a new one.' },
  },
  PASSKEY_EXPIRED: {
    meaning: 'The passkey step took too long.',
    hint: 'Begin linking again.',
    example: { message: 'Nobody signed in time. Scan a new code to begin again.' },
  },
  BODY_TOO_LARGE: {
    meaning: 'The body is larger than this route takes.',
    hint: 'Send less at once. Files belong in a form (multipart/form-data) or in POST /media.',
    example: { message: 'The body is larger than 256 KB.', details: { maxBytes: 262_144 } },
  },
  FILE_TOO_LARGE: {
    meaning: 'The file is larger than the service takes.',
    hint: 'Send a smaller file. Whoever runs the service can raise the limit.',
    example: {
      message: 'The file is larger than 50 MB (MAX_MEDIA_SIZE).',
      details: { maxBytes: 52_428_800 },
    },
  },
  UNSUPPORTED_MEDIA: {
    meaning: 'The content type of the body, or the kind of the file, is not taken here.',
    hint: 'Send JSON with Content-Type: application/json, and a file of a kind that is taken here: `details` or the message says which.',
    example: { message: 'Send JSON: Content-Type: application/json.' },
  },
  NOT_SUPPORTED: {
    meaning: "The session's engine, or this service as it is set up, cannot do this.",
    hint: 'The message says which. docs/engines.md lists what each engine can do.',
    example: { message: 'The engine wa-multi-session cannot send polls.' },
  },
  FILE_INFECTED: {
    meaning: 'The virus scanner found something in the file.',
    hint: 'Do not send this file.',
    example: { message: 'The file is infected (Eicar-Test-Signature) and was not kept.' },
  },
  NOT_ON_WHATSAPP: {
    meaning: 'WhatsApp does not know this number.',
    hint: 'Check the number, or reach the person another way.',
    example: { message: 'WhatsApp does not know this person.' },
  },
  PASSKEY_REFUSED: {
    meaning: 'WhatsApp did not take the answer of the passkey.',
    hint: 'Begin linking again, with the passkey of that WhatsApp account.',
    example: { message: 'WhatsApp did not accept this signature. Sign the new challenge.' },
  },
  NOT_GROUP_ADMIN: {
    meaning: 'The session is in the group, and only an admin may do this.',
    hint: 'Let an admin of the group make the number an admin.',
    example: { message: 'Only an admin of the group may do this.', details: { whatsapp: 403 } },
  },
  NOT_GROUP_MEMBER: {
    meaning: 'The session is not in this group.',
    hint: 'GET /session/{sessionId}/groups lists the groups that it is in. Join by an invite link, or let a member add the number.',
    example: { message: 'The session is not in this group.', details: { whatsapp: 403 } },
  },
  GROUP_GONE: {
    meaning: 'WhatsApp knows no such group, or it was ended.',
    hint: 'Check the id: GET /session/{sessionId}/groups lists the groups that the session is in.',
    example: { message: 'There is no such group.', details: { whatsapp: 404 } },
  },
  GROUP_FULL: {
    meaning: 'The group has as many members as WhatsApp allows.',
    hint: 'Remove somebody first, or use another group.',
    example: { message: 'The group is full.', details: { whatsapp: 419 } },
  },
  INVITE_INVALID: {
    meaning: 'The invite link is not valid, or it was revoked.',
    hint: 'Ask an admin of the group for its link of now.',
    example: { message: 'This invite link is not valid, or it was revoked.', details: { whatsapp: 410 } },
  },
  RATE_LIMITED: {
    meaning: 'This was asked too often.',
    hint: 'Wait for the seconds in `Retry-After`, then send the same request.',
    example: { message: 'Too many requests: wait a little.' },
  },
  OTP_MAX_ATTEMPTS: {
    meaning: 'The code was typed wrong too often.',
    hint: 'Send a new one with POST /otp/send.',
    example: { message: 'Too many wrong codes: send a new one.' },
  },
  QUOTA_EXCEEDED: {
    meaning: 'The account holds, or has used, as much of this as it may.',
    hint: 'The message says what makes room, or from when on there is more. Whoever runs the service can raise the limit.',
    example: {
      message:
        'There are 100 sessions, and at most 100 are allowed, so one more cannot be taken: delete one that is not needed, or ask the administrator for a higher limit.',
      details: { quota: 'sessions', limit: 100, used: 100, requested: 1 },
    },
  },
  INTERNAL: {
    meaning: 'Something failed inside of the service.',
    hint: 'Try again. If it happens again, give the `requestId` to whoever runs the service.',
    example: { message: 'Something went wrong on our side. Tell us the requestId.' },
  },
  SEND_FAILED: {
    meaning: 'WhatsApp refused the message, or it could not be sent.',
    hint: '`details.errorCode` says why; docs/operations.md explains each.',
    example: {
      message: 'The message was not sent: it is expired.',
      details: { messageId: '3EB0A1B2C3D4E5F60718293A', errorCode: 'EXPIRED', status: 'expired' },
    },
  },
  UNAVAILABLE: {
    meaning: 'The service cannot do this at the moment. Nothing was lost.',
    hint: 'Send the same request again after the seconds in `Retry-After`, with the same Idempotency-Key.',
    example: { message: 'The service cannot reach its database. Nothing was lost; try again.' },
  },
};

/** The page that explains every code, relative to the service's address. */
export const ERROR_PAGE = '/docs/errors';

/** Where a code is explained. `publicUrl` has no slash at its end. */
export const errorDocUrl = (publicUrl: string, code: ErrorCode): string =>
  `${publicUrl}${ERROR_PAGE}#${code}`;

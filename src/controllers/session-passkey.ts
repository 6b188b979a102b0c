/** `/session/passkey`: the passkey step of linking a number. */
import { z } from 'zod';
import {
  answerPasskey,
  confirmPasskey,
  getPasskey,
  PasskeyAssertionInput,
  PasskeyOutput,
  SessionId,
} from '../services/sessions/index.ts';
import { type Route, route } from './route.ts';
import { EXAMPLE_ASSERTION, tenantQuery } from './schemas.ts';

const tag = 'Sessions';
const scope = 'sessions:write';
const params = z.object({ sessionId: SessionId });
const example = { params: { sessionId: 'my-session' } };
/** The options are for the person who links this number only. */
const NO_STORE = 'no-store';
const Answer = z.object({ message: z.string(), data: PasskeyOutput });

export const passkeyRoutes: Route[] = [
  route({
    method: 'get',
    path: '/session/passkey/:sessionId',
    tag,
    summary: 'What WhatsApp wants signed',
    description:
      'Some accounts are asked for a passkey after the code was scanned (status `passkey`). Only the browser of the ' +
      'account’s owner can sign, on web.whatsapp.com: see docs/linking.md.',
    auth: 'browser',
    params,
    query: z.object({ userId: tenantQuery.userId }),
    response: z.object({ data: PasskeyOutput }),
    errors: ['SESSION_NOT_FOUND', 'NOT_FOUND'],
    example,
    handler: async ({ ctx, params: { sessionId }, query, http }) => {
      http.header('cache-control', NO_STORE);
      return { data: await getPasskey(ctx, { sessionId, ...query }) };
    },
  }),
  route({
    method: 'post',
    path: '/session/passkey/:sessionId/response',
    tag,
    summary: 'Hand in what the browser signed',
    description:
      'Takes what `navigator.credentials.get()` gave for the options of the request. It has to come before the request expires.',
    auth: 'credential',
    scope,
    params,
    body: z.object({ assertion: PasskeyAssertionInput }),
    response: Answer,
    errors: ['SESSION_NOT_FOUND', 'CONFLICT', 'PASSKEY_EXPIRED', 'PASSKEY_REFUSED', 'UNAVAILABLE'],
    example: {
      ...example,
      body: {
        assertion: EXAMPLE_ASSERTION,
      },
    },
    handler: async ({ ctx, params: ref, body }) => ({
      message: 'WhatsApp has the signature. The phone is awaited.',
      data: await answerPasskey(ctx, ref, body.assertion),
    }),
  }),
  route({
    method: 'post',
    path: '/session/passkey/:sessionId/confirm',
    tag,
    summary: 'Say whether the phone shows the same code',
    description:
      'The last step when WhatsApp shows a code: the person compares it with the one on the phone.',
    auth: 'credential',
    scope,
    params,
    body: z.object({ equal: z.boolean().default(true).describe('false: the codes differ, end the pairing') }),
    response: Answer,
    errors: ['SESSION_NOT_FOUND', 'CONFLICT', 'PASSKEY_EXPIRED', 'PASSKEY_REFUSED', 'UNAVAILABLE'],
    example: { ...example, body: { equal: true } },
    handler: async ({ ctx, params: ref, body }) => ({
      message: body.equal ? 'The device is being linked.' : 'The pairing was ended.',
      data: await confirmPasskey(ctx, ref, body.equal),
    }),
  }),
];

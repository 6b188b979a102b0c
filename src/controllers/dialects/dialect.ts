/**
 * The parts of an older system's surface: rows that name a verb, how its input is read from the request and how
 * its result is reported. Rules live in the verbs; here are only names and shapes.
 */

import type { z } from 'zod';
import { whenGone } from '../../middlewares/gone.ts';
import type { FailureStyle, HttpContext } from '../../middlewares/http-env.ts';
import type { Ctx } from '../../services/context.ts';
import type { MediaSource, ReceivedFile } from '../../services/media/sources.ts';
import { throwUnlessSent, waitForOutcome } from '../../services/outcomes.ts';
import type { Scope } from '../../services/roles.ts';
import type { LinkPurpose } from '../../services/signed-links.ts';
import type { ErrorCode } from '../../utils/errors.ts';
import { phoneJid } from '../../whatsapp/jid.ts';
import { type Route, type RouteExample, type RouteInput, route } from '../route.ts';

export type { ErrorCode, FailureStyle, Route };

/** Common to all rows of a system. */
export interface Dialect {
  tag: string;
  failures: FailureStyle;
}

type Schema = z.ZodType;
type Out<S> = S extends Schema ? z.output<S> : undefined;
type DialectRequest<P, Q, B> = Pick<
  RouteInput<Out<P>, Out<Q>, Out<B>>,
  'params' | 'query' | 'body' | 'files'
>;

interface Address<P, Q, B> {
  method: Route['method'];
  path: `/api/${string}`;
  summary: string;
  description: string;
  auth?: 'credential' | 'browser';
  link?: LinkPurpose;
  scope?: Scope;
  params?: P;
  query?: Q;
  body?: B;
  /** fields that may be a file; an empty list: a form without files is taken in addition to JSON */
  files?: readonly string[];
  errors?: readonly ErrorCode[];
  idempotent?: boolean;
  statuses?: NonNullable<Route['statuses']>;
  unhashed?: readonly string[];
  maxBodyBytes?: number;
  example?: RouteExample;
}

export interface Row<P, Q, B, I, R> extends Address<P, Q, B> {
  input(request: DialectRequest<P, Q, B>): I;
  verb(ctx: Ctx, input: I): Promise<R> | R;
  /** the body of the answer, without `success` */
  output(result: R): Record<string, unknown>;
  /** 200 when missing */
  status?(result: R): 200 | 201;
  /** what a verb's kept answer lacks to be one of this system */
  kept?: { message: string };
  response: Schema;
}

/** A row whose verb answers at once. */
export function row<
  I,
  R,
  P extends Schema | undefined = undefined,
  Q extends Schema | undefined = undefined,
  B extends Schema | undefined = undefined,
>(dialect: Dialect, { input, verb, output, status, kept, ...address }: Row<P, Q, B, I, R>): Route {
  return route<P, Q, B>({
    ...common(dialect),
    ...address,
    handler: async ({ ctx, http, ...request }) => {
      const claim = ctx.idempotency;
      if (claim) claim.shape = (answer) => ({ ...answer, body: { ...kept, ...answer.body } });
      const result = await verb(ctx, input(request));
      if (status) http.status(status(result));
      return output(result);
    },
  });
}

/** A row whose answer is a page. */
export function pageRow<P extends Schema, I>(
  dialect: Dialect,
  {
    input,
    page,
    ...address
  }: Address<P, undefined, undefined> & {
    input(request: DialectRequest<P, undefined, undefined>): I;
    page(ctx: Ctx, input: I, http: HttpContext): Promise<string>;
  },
): Route {
  return route<P>({
    ...common(dialect),
    ...address,
    auth: 'browser',
    link: 'qr',
    response: null,
    contentType: 'text/html',
    handler: async ({ ctx, http, ...request }) => http.html(await page(ctx, input(request), http)),
  });
}

/** Result of a verb that sends: the history row to wait for, and the message so far. */
export interface Accepted {
  id: string;
  answer: SentFields;
}

/** `to`: `+` and digits, or the JID of a group. */
interface SentFields {
  sessionId: string;
  to: string;
  messageId: string;
  timestamp: string;
  status: string;
}

export interface SendRow<P, B, I> extends Omit<Address<P, undefined, B>, 'method' | 'idempotent'> {
  input(request: DialectRequest<P, undefined, B>): I;
  verb(ctx: Ctx, input: I): Promise<Accepted>;
  /** the body of the answer, without `success`; `to` is a JID */
  output(sent: SentFields): Record<string, unknown>;
  response: Schema;
}

/** How long a send waits for WhatsApp's word. */
const WAIT_MS = 15_000;
const SEND_ERRORS = [
  'SESSION_NOT_FOUND',
  'NOT_CONNECTED',
  'INVALID_NUMBER',
  'SEND_FAILED',
  'NOT_ON_WHATSAPP',
] as const satisfies ErrorCode[];

/**
 * A row that sends and waits up to 15 s for the outcome: what failed is reported as a failure; what is still under way
 * is a success with the status `queued`, because a client that tries again on failure must not send twice.
 */
export function sendRow<P extends Schema, B extends Schema, I>(
  dialect: Dialect,
  { input, verb, output, errors = [], ...address }: SendRow<P, B, I>,
): Route {
  return route<P, undefined, B>({
    ...common(dialect),
    files: [],
    ...address,
    method: 'post',
    idempotent: true,
    errors: [...SEND_ERRORS, ...errors],
    handler: async ({ ctx, http, ...request }) => {
      const claim = ctx.idempotency;
      if (claim) {
        claim.shape = ({ body }) => ({
          status: 200,
          body: { success: true, ...output(tell(toSentFields(body.data), 'queued')) },
        });
      }
      const { id, answer } = await verb(ctx, input(request));
      const outcome = await waitForOutcome(ctx, id, {
        timeoutMs: WAIT_MS,
        whenGone: (listener) => whenGone(http, listener),
      });
      if (outcome) throwUnlessSent(outcome, answer);
      return output(tell(answer, outcome?.status ?? 'queued'));
    },
  });
}

/**
 * The older systems ignored every name that they did not know, and their clients rely on it. Only these fields must not get lost:
 * without them something is sent at another time, with another code, or linked under another name or by another way.
 */
const STRICT_NAMES: ReadonlySet<string> = new Set([
  'scheduledAt',
  'otp',
  'expiryMinutes',
  'maxAttempts',
  'sessionId',
  'phoneNumber',
  'pairing',
  'proxy',
]);

function common({ tag, failures }: Dialect) {
  return { tag, apiFailures: failures, auth: 'credential' as const, strictNames: STRICT_NAMES };
}

function tell(answer: SentFields, status: string): SentFields {
  return { ...answer, to: toJid(answer.to), status };
}

function toJid(address: string): string {
  return address.startsWith('+') ? phoneJid(address.slice(1)) : address;
}

/** Safe because what is kept under the key of a send is what the verb of that send answers. */
function toSentFields(value: unknown): SentFields {
  return value as SentFields;
}

/** The file of a body, under one of its two names; the schema has seen that there is one. */
export function mediaOf<K extends string>(
  request: { body: { [key in K]?: string | undefined }; files: ReadonlyMap<string, ReceivedFile> },
  ...names: K[]
): MediaSource {
  for (const name of names) {
    const source = request.files.get(name) ?? request.body[name];
    if (source !== undefined) return source;
  }
  throw new Error(`none of ${names.join(', ')} was required`);
}

/** The digits of a JID or of `+…`, as the broadcast system spells numbers; other addresses stay. */
export function toDigits(address: string): string {
  return address.replace(/^\+/, '').replace(/@s\.whatsapp\.net$/, '');
}

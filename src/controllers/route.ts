/**
 * A route is data: method, path, schemas, scope and a verb. `mount` (mount.ts) turns it into a Hono handler,
 * openapi.ts into the document; both read the same literal, so they cannot disagree.
 */
import type { Context } from 'hono';
import type { z } from 'zod';
import type { FailureStyle, RatePolicy } from '../middlewares/http-env.ts';
import type { Ctx } from '../services/context.ts';
import type { ReceivedFile } from '../services/media/sources.ts';
import type { Permission, Scope } from '../services/roles.ts';
import type { LinkPurpose } from '../services/signed-links.ts';
import type { Config } from '../utils/config.ts';
import type { ErrorCode } from '../utils/errors.ts';
import type { SizeLimit } from '../utils/sizes.ts';

type Schema = z.ZodType;
type Out<S> = S extends Schema ? z.output<S> : undefined;

export interface RouteInput<P, Q, B> {
  ctx: Ctx;
  params: P;
  query: Q;
  body: B;
  /** files that came with the body, by field; see Route.files */
  files: ReadonlyMap<string, ReceivedFile>;
  /** For headers, signals and streamed answers; verbs never see it. */
  http: Context;
}

/** A plain object becomes `{success: true, ...}`; a Response is sent as it is. */
export type RouteReply = Record<string, unknown> | Response;

export interface Route<
  P extends Schema | undefined = Schema | undefined,
  Q extends Schema | undefined = Schema | undefined,
  B extends Schema | undefined = Schema | undefined,
> {
  method: 'get' | 'post' | 'put' | 'delete';
  /** canonical path in Hono's spelling: `/session/qr/:sessionId` */
  path: string;
  /** the same route under older names; the document shows the canonical one only */
  aliases?: readonly string[];
  tag: string;
  summary: string;
  description: string;
  /**
   * `public`: no credential. `credential`: JWT or API key. `jwt`: a Bearer JWT, no key.
   * `browser`: as `credential`, and on GET also the dashboard's cookie or a signed link.
   */
  auth: 'public' | 'credential' | 'jwt' | 'browser';
  /** with `browser`: which signed links open it; none when missing */
  link?: LinkPurpose;
  /**
   * what a key needs here, `read` for a GET without one, null: any key may. Checked before the body is read and anything
   * is counted, and again by the verb
   */
  scope?: Scope | null;
  /** only for users of this role in the service; checked as the scope is */
  role?: 'admin';
  /** what the role in the workspace needs here in addition to the scope; checked as the scope is */
  permission?: Permission;
  /** a read-only user may not; with a scope other than `read` that is understood. Checked as the scope is */
  writes?: boolean;
  /** about the own account: also where the workspace asks for a second factor that was not given yet */
  beforeSecondFactor?: boolean;
  params?: P;
  query?: Q;
  body?: B;
  /**
   * fields of the body that may be a file, as multipart or as a `data:` URL: the handler finds it in `files`, and the
   * field holds its digest
   */
  files?: readonly string[];
  /**
   * largest body in bytes; when missing 256 KB, and 16 MB (of which 1 MB is no file) where `files` names a field. A
   * multipart body may hold a file of `fileLimit` as well
   */
  maxBodyBytes?: number;
  /** largest file of a multipart body; MAX_MEDIA_SIZE when missing */
  fileLimit?: (files: Config['files']) => SizeLimit;
  /** status of the plain answer; 200 when missing. `reply` may choose another with http.status(). */
  status?: 200 | 201 | 202;
  /** further statuses of an answer that is no failure, and when it has them; those of `prefer` are understood */
  statuses?: Partial<Record<200 | 201 | 202, string>>;
  /** schema of the answer without `success`; null for what is not JSON */
  response: Schema | null;
  /** content type of an answer that is not JSON */
  contentType?: string;
  /** codes in addition to those that every route can answer */
  errors?: readonly ErrorCode[];
  /** how failures are reported under `/api`, where clients of an older system look for this route */
  apiFailures?: FailureStyle;
  /** the fields of which misspelt names are refused; of others the answer warns. Those of all fields when missing */
  strictNames?: ReadonlySet<string>;
  /** takes the header `Prefer`, with this preference */
  prefer?: 'wait' | 'respond-async';
  /** takes Idempotency-Key */
  idempotent?: boolean;
  /** fields of the body that are no part of the request's hash: short enough to be guessed from it */
  unhashed?: readonly string[];
  /** probes and pages that are not counted against the limits */
  unlimited?: boolean;
  /** also answered to people of a suspended workspace; what administrators of the service do always is */
  whileSuspended?: boolean;
  /** a limit of its own for each tenant, in addition to the general one */
  limit?: RatePolicy;
  /** a request that passes the schemas: shown in the document, sent by the tests that walk all routes */
  example?: RouteExample;
  handler(input: RouteInput<Out<P>, Out<Q>, Out<B>>): Promise<RouteReply> | RouteReply;
}

export interface RouteExample {
  params?: Record<string, string>;
  query?: Record<string, string>;
  body?: Record<string, unknown>;
  /** of an answer without `success`, where what is made of its schema would say too little */
  answer?: Record<string, unknown>;
}

/** The scope that a key needs for a route; null when any key may. */
export function scopeOf(route: Pick<Route, 'scope' | 'method'>): Scope | null {
  return route.scope === undefined && route.method === 'get' ? 'read' : (route.scope ?? null);
}

/** Keeps the literal's types; the result fits into a list of routes. */
export function route<
  P extends Schema | undefined = undefined,
  Q extends Schema | undefined = undefined,
  B extends Schema | undefined = undefined,
>(definition: Route<P, Q, B>): Route {
  // The schemas validate before the handler runs, so the wider input type is always the narrower one.
  return definition as unknown as Route;
}

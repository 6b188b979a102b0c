/** Route literals -> Hono handlers. */
import { zValidator } from '@hono/zod-validator';
import type { Hono, MiddlewareHandler } from 'hono';
import { bodyLimit } from 'hono/body-limit';
import type { ContentfulStatusCode } from 'hono/utils/http-status';
import type { z } from 'zod';
import { authenticate } from '../middlewares/authenticate.ts';
import type { HttpContext, HttpEnv } from '../middlewares/http-env.ts';
import type { HttpLimiter } from '../middlewares/http-limiter.ts';
import { answerOnce, isKnownKey, newClaim, type RunningKeys } from '../middlewares/idempotency.ts';
import { answerJson } from '../middlewares/json-answer.ts';
import { limitRequests, withBudget } from '../middlewares/rate-limit.ts';
import {
  isMultipart,
  orBrokenOff,
  type ReceivedBody,
  readBody,
  receiveBody,
  wholeOf,
} from '../middlewares/receive-body.ts';
import { describeReply, describeRequest } from '../middlewares/request-data.ts';
import { inShareOf, takeTurn } from '../middlewares/turns.ts';
import { endUpload, inUploadPlace } from '../middlewares/upload-place.ts';
import { warnings } from '../middlewares/warnings.ts';
import {
  requireFactor,
  requireRole,
  requireRoleFor,
  requireScope,
  requireSession,
  requireWrite,
} from '../services/access.ts';
import { type Actor, ANONYMOUS, type Ctx, type Deps } from '../services/context.ts';
import { failureOf } from '../services/idempotency.ts';
import { withKnownNames } from '../services/requests/harmless.ts';
import { LINK_NAMES } from '../services/signed-links.ts';
import { requireNotSuspended } from '../services/workspaces/suspension.ts';
import { AppError } from '../utils/errors.ts';
import { MAX_NAMES } from '../utils/fit-input.ts';
import { isSameName, misspeltName } from '../utils/near-name.ts';
import { takesAnyName } from '../utils/schema-shape.ts';
import { mediaLimit, sayBytes } from '../utils/sizes.ts';
import { shownName } from '../utils/unknown-names.ts';
import { foldingOf, withBothNames, withLostPlus } from './aliases.ts';
import { signInPath } from './dashboard/paths.ts';
import { answerAgain } from './message-answer.ts';
import { type InputReader, inputReader, invalidInput, type ReadResult } from './read-input.ts';
import { type Route, scopeOf } from './route.ts';

/** Bodies that bring no file. */
const DEFAULT_MAX_BODY_BYTES = 256 * 1024;
/** Bodies that may hold a file as a `data:` URL; what is left without it has 1 MB. */
const FILE_BODY_BYTES = 16 * 1024 * 1024;
/** Parts of signed links, and the language of pages: no fields of any route. */
const QUIET_NAMES: ReadonlySet<string> = new Set([...LINK_NAMES, 'lang']);
/** Names in a query that are looked at. */
const MAX_QUERY_NAMES = 50;

export interface MountParts {
  deps: Deps;
  /** of `createContexts` */
  toCtx(c: HttpContext): Ctx;
  limiter: HttpLimiter;
  running: RunningKeys;
}

/** Adds every route under its path and under `/api`. */
export function mount(app: Hono<HttpEnv>, parts: MountParts, routes: readonly Route[]): void {
  for (const route of routes) {
    const serve = serving(parts, route);
    for (const path of pathsOf(route))
      app.on(route.method.toUpperCase(), path, enter(parts, route, path, serve));
  }
}

/** Answers a request, or throws what is to be answered. */
type Serve = (c: HttpContext) => Promise<Response>;

/** From the size of the body to the answer. Functions in each other: as Hono's steps they would cost each request promises. */
function serving(parts: MountParts, route: Route): Serve {
  const { params, query, body } = route;
  let serve: Serve = run(parts, route);
  if (body) serve = readValid(parts.deps, route, body, serve);
  serve = query ? keepQuery(query, readQuery(parts.deps, query, route), serve) : noteQuery(serve);
  serve = keepToOwn(route, serve);
  if (params) serve = keepParams(inputReader(params, 'form'), serve);
  serve = limitBody(route, serve);
  return route.files ? inUploadPlace(parts.deps, serve) : serve;
}

/** Where a route is reached: its canonical path and its aliases, and the same under `/api`. */
export function pathsOf(route: Pick<Route, 'path' | 'aliases'>): string[] {
  return [route.path, ...(route.aliases ?? [])].flatMap((path) =>
    path.startsWith('/api/') ? [path] : [path, `/api${path}`],
  );
}

/** Authentication and rate limit, before anything of the body is read. */
function enter({ deps, limiter, running }: MountParts, route: Route, path: string, serve: Serve) {
  const style = path.startsWith('/api/') ? route.apiFailures : undefined;
  const knowsQuery = route.query ? foldingOf(route.query).knows : () => false;
  return async (c: HttpContext): Promise<Response> => {
    c.set('routePath', route.path);
    c.set('knowsQuery', knowsQuery);
    if (style) c.set('failureStyle', style);
    c.set('quiet', route.unlimited === true);
    let actor: Actor;
    try {
      const found = authenticate(deps, c, route.auth, route.link);
      actor = found instanceof Promise ? await found : found;
    } catch (error) {
      // Guessing credentials is limited by address.
      if (error instanceof AppError && error.code === 'UNAUTHORIZED') {
        await limitRequests(deps, limiter, c, null);
        await takeTurn(deps, c);
        if (route.auth === 'browser' && wantsPage(c)) return c.redirect(signInPath(ownPath(c)), 302);
      }
      throw error;
    }
    c.set('actor', actor);
    const aside = isOpenWhileSuspended(route);
    if (route.unlimited !== true) {
      const limited = limitRequests(deps, limiter, c, actor, { aside });
      if (limited instanceof Promise) await limited;
    }
    if (!aside) requireNotSuspended(actor);
    requireAccess(actor, route);
    const turn = route.unlimited === true ? undefined : takeTurn(deps, c, actor);
    if (turn !== undefined) await turn;
    const { limit } = route;
    const work = () => {
      if (!limit) return serve(c);
      const isRepeated = () => isKnownKey(deps, actor, keyOf(c, route), running);
      return withBudget(deps, c, actor, limit, () => serve(c), isRepeated);
    };
    return route.auth === 'browser' ? showElsewhere(c, () => inShareOf(actor, work)) : inShareOf(actor, work);
  };
}

/** A file that a page of another origin may show (it has a signed link) must not be blocked by the default. */
async function showElsewhere(c: HttpContext, work: () => Promise<Response>): Promise<Response> {
  try {
    const response = await work();
    response.headers.set('cross-origin-resource-policy', 'cross-origin');
    return response;
  } catch (error) {
    c.header('cross-origin-resource-policy', 'cross-origin');
    throw error;
  }
}

/** The own account is not the workspace's, and administrators of the service are in no workspace then. */
function isOpenWhileSuspended({ whileSuspended, beforeSecondFactor, role }: Route): boolean {
  return whileSuspended === true || beforeSecondFactor === true || role === 'admin';
}

/** Throws FORBIDDEN: whoever may not do it is told so, whatever the body says, and spends nothing of the tenant's. */
function requireAccess(actor: Actor, route: Route): void {
  if (route.auth === 'public') return;
  const caller = { actor: route.beforeSecondFactor === true ? withFactor(actor) : actor };
  requireFactor(caller);
  if (route.role) requireRole(caller, route.role);
  if (route.writes === true) requireWrite(caller);
  if (route.permission) requireRoleFor(caller, route.permission);
  const scope = route.auth === 'jwt' ? (route.scope ?? null) : scopeOf(route);
  if (scope !== null) requireScope(caller, scope);
}

function withFactor({ lacksFactor: _lacksFactor, ...actor }: Actor): Actor {
  return actor;
}

/** A person's browser that opened an address, not a program that follows what pages load. */
function wantsPage(c: HttpContext): boolean {
  return c.req.method === 'GET' && (c.req.header('accept') ?? '').includes('text/html');
}

function ownPath(c: HttpContext): string {
  const { pathname, search } = new URL(c.req.url);
  return pathname + search;
}

function limitBody(route: Route, serve: Serve): Serve {
  const maxSize = route.maxBodyBytes ?? (takesFile(route) ? FILE_BODY_BYTES : DEFAULT_MAX_BODY_BYTES);
  const refuse = () => {
    throw new AppError('BODY_TOO_LARGE', `The body is larger than ${sayBytes(maxSize)}.`, {
      details: { maxBytes: maxSize },
    });
  };
  const limitStream = bodyLimit({ maxSize, onError: refuse });
  const serveStream: Serve = async (c) => {
    // It has read the whole body when it goes on.
    await orBrokenOff(limitStream(c, async () => undefined));
    return serve(c);
  };
  return (c) => {
    // The file in it has a limit of its own.
    if (route.files && isMultipart(c)) return serve(c);
    const length = c.req.header('content-length');
    if (length === undefined || c.req.header('transfer-encoding') !== undefined) return serveStream(c);
    // Node holds a body to its declared length; asking for the stream itself would cost more than the verb.
    return Number(length) > maxSize ? refuse() : serve(c);
  };
}

const takesFile = ({ files = [] }: Route): boolean => files.length > 0;

/** Keeps the names that the answer warns of. */
function note(c: HttpContext, ignored: readonly string[]): void {
  if (ignored.length > 0) c.set('ignored', [...(c.get('ignored') ?? []), ...ignored]);
}

interface Read {
  success: boolean;
  error?: { issues: readonly { path: readonly PropertyKey[]; message: string }[] };
  ignored?: readonly string[];
}

/** The hook of all validators. Throws VALIDATION_FAILED. */
function accept(result: Read, c: HttpContext): void {
  note(c, result.ignored ?? []);
  if (!result.success) throw invalidInput(result.error?.issues ?? []);
}

function readQuery({ config }: Deps, schema: z.ZodType, { strictNames }: Route): InputReader {
  const read = inputReader(schema, 'form', { silent: QUIET_NAMES, strict: strictNames });
  return (input) => read(withLostPlus(input, config.defaultCountry));
}

/** Without a validator of Hono's, which costs each request half a dozen promises. */
function keepParams(read: InputReader, serve: Serve): Serve {
  const keep = (c: HttpContext, result: ReadResult): Promise<Response> => {
    accept(result, c);
    c.req.addValidatedData('param', Object(result.data));
    return serve(c);
  };
  return (c) => {
    const reading = read(c.req.param());
    return reading instanceof Promise ? reading.then((result) => keep(c, result)) : keep(c, reading);
  };
}

function keepQuery(schema: z.ZodType, read: InputReader, serve: Serve): Serve {
  const validate: MiddlewareHandler<HttpEnv> = zValidator('query', schema, accept, {
    validationFunction: (_schema, value) => read(value),
  });
  return async (c) => {
    await validate(c, async () => undefined);
    return serve(c);
  };
}

/** A route that takes no query says so. */
function noteQuery(serve: Serve): Serve {
  return (c) => {
    if (c.req.url.includes('?')) {
      const names = Object.keys(c.req.queries()).slice(0, MAX_QUERY_NAMES);
      note(
        c,
        names.filter((name) => !QUIET_NAMES.has(name)).map((name) => shownName(name)),
      );
    }
    return serve(c);
  };
}

/** The names by which an administrator asks for what is another tenant's, or everybody's, in the routes that declare them. */
const TENANT_NAMES = ['userId', 'all'] as const;
type TenantName = (typeof TENANT_NAMES)[number];

/** Which of them is meant, however the name is written; a slip of it counts where the value is one of its kind. Undefined: none. */
function tenantNameOf(name: string, value: unknown): TenantName | undefined {
  const same = TENANT_NAMES.find((one) => isSameName(name, one));
  if (same !== undefined) return same;
  return misspeltName(name, ['userId']) !== null && isNumber(value) ? 'userId' : undefined;
}

const isNumber = (value: unknown): boolean =>
  typeof value === 'number' || (typeof value === 'string' && /^\d{1,20}$/.test(value));

/**
 * Refuses those names in the query of a route that does not declare them: to ignore them would be to do it to the caller's own.
 * Clients of the older systems have names of their own that look alike: of those only the exact ones.
 */
function keepToOwn({ auth, query, strictNames }: Route, serve: Serve): Serve {
  const knows = query ? foldingOf(query).knows : () => false;
  if (auth === 'public' || TENANT_NAMES.every(knows)) return serve;
  return (c) => {
    if (c.req.url.includes('?')) {
      for (const [name, values] of Object.entries(c.req.queries())) {
        for (const value of values) {
          const meant =
            strictNames === undefined ? tenantNameOf(name, value) : TENANT_NAMES.find((n) => n === name);
          if (meant !== undefined && !knows(meant) && !knows(name)) refuseOthers(c, name, meant, value);
        }
      }
    }
    return serve(c);
  };
}

/**
 * The same for the fields of a body. The older systems ignored what they did not know, and where callers give names of their
 * own, as of a contact's columns, these are two of them.
 */
function ownFieldsOnly(
  { auth, strictNames }: Route,
  schema: z.ZodType,
): (c: HttpContext, fields: Record<string, unknown>) => void {
  const { knows } = foldingOf(schema);
  if (auth === 'public' || strictNames !== undefined) return () => undefined;
  return (c, fields) => {
    const entries = Object.entries(fields);
    // Whoever reads them refuses so many.
    if (entries.length > MAX_NAMES) return;
    for (const [name, value] of entries) {
      if (knows(name) || (value ?? null) === null) continue;
      const meant = tenantNameOf(name, value);
      if (meant === undefined || knows(meant) || takesAnyName(schema)) continue;
      refuseOthers(c, name, meant, value);
    }
  };
}

/** Throws FORBIDDEN for who is no administrator, and VALIDATION_FAILED for one, unless it says what holds without it. */
function refuseOthers(c: HttpContext, name: string, meant: TenantName, value: unknown): void {
  const actor = c.get('actor');
  const given = typeof value === 'object' ? '' : String(value).toLowerCase();
  const isOwn = meant === 'userId' ? given === String(actor?.userId) : given === 'false' || given === '0';
  if (actor === undefined || isOwn) return;
  requireRole({ actor }, 'admin');
  throw new AppError('VALIDATION_FAILED', `Not valid: ${name}.`, {
    details: { [name]: 'is not taken by this call, which works in your own workspace' },
    hint: `Leave ${name} out. Nothing was done.`,
  });
}

/** The fields of the body; its files last as long as the request. */
function readValid(deps: Deps, route: Route, schema: z.ZodType, serve: Serve): Serve {
  const options = { strict: route.strictNames };
  const { files, defaultCountry } = deps.config;
  const readForm = inputReader(schema, 'form', options);
  const readers: Record<ReceivedBody['kind'], InputReader> = {
    json: inputReader(schema, 'json', options),
    urlencoded: (input) => readForm(withLostPlus(input, defaultCountry)),
    multipart: readForm,
  };
  const limit = route.fileLimit?.(files) ?? mediaLimit(files);
  const { knows } = foldingOf(schema);
  const requireOwn = ownFieldsOnly(route, schema);
  const accepted = async (c: HttpContext, received: ReceivedBody): Promise<Response> => {
    c.set('received', withKnownNames(received.fields, knows));
    requireOwn(c, received.fields);
    const reading = readers[received.kind](received.fields);
    const read = reading instanceof Promise ? await reading : reading;
    accept(read, c);
    c.req.addValidatedData('json', Object(read.data));
    c.set('files', received.files);
    return serve(c);
  };
  const { files: fields } = route;
  if (!fields) return (c) => wholeOf(c).then((bytes) => accepted(c, readBody(c, bytes)));
  return async (c) => {
    const received = await receiveBody(c, deps, fields, limit);
    try {
      await endUpload(c);
      return await accepted(c, received);
    } finally {
      await received.discard();
    }
  };
}

function run({ toCtx, running }: MountParts, route: Route): Serve {
  return (c) => {
    const request = {
      params: route.params ? validated(c, 'param') : undefined,
      query: route.query ? validated(c, 'query') : undefined,
      body: route.body ? validated(c, 'json') : undefined,
    };
    c.set('request', describeRequest(request));
    const ctx = toCtx(c);
    const key = keyOf(c, route);
    return key === undefined
      ? handle(c, route, ctx, request, warnings(c))
      : handleOnce(c, route, ctx, request, { key, running });
  };
}

/** The key of a request that may be repeated; undefined when it has none, or the route takes none. */
function keyOf(c: HttpContext, route: Route): string | undefined {
  return route.idempotent ? c.req.header('idempotency-key')?.trim() : undefined;
}

async function handleOnce(
  c: HttpContext,
  route: Route,
  ctx: Ctx,
  request: ParsedRequest,
  { key, running }: { key: string; running: RunningKeys },
): Promise<Response> {
  const named = requireNamedSession(ctx, request);
  const hashed = { ...request, body: withoutFields(request.body, route.unhashed) };
  // A request that names no session is another one with a key that is bound to one: it is not given the account's answer.
  const bound = named || ctx.actor.sessionIds === null ? {} : { bound: ctx.actor.sessionIds.join(',') };
  const claim = newClaim(key, { method: route.method, path: route.path, ...hashed, ...bound });
  ctx.idempotency = claim;
  const answer = await answerOnce(ctx, claim, running, {
    async first() {
      const refusal = c.get('overBudget');
      if (refusal) throw refusal;
      const response = await handle(c, route, ctx, request);
      return { status: response.status, body: await jsonOf(response) };
    },
    async again(kept) {
      const found = route.prefer === 'wait' ? await answerAgain(ctx, c, kept) : null;
      return found && { ...found, body: { success: true, ...found.body } };
    },
  });
  if (answer.replayed) {
    c.set('replayed', true);
    c.header('idempotent-replayed', 'true');
  }
  const failure = failureOf(answer);
  if (failure) throw failure;
  c.set('answered', answer.body);
  return answerJson(c, { ...answer.body, ...warnings(c) }, toStatus(answer.status));
}

/**
 * Whether the request names a session. Throws SESSION_NOT_FOUND for a key of another session, which must not be given
 * the answer that is kept for this one.
 */
function requireNamedSession(ctx: Ctx, { params, body }: ParsedRequest): boolean {
  const fields: Record<string, unknown> = { ...Object(body), ...Object(params) };
  const names = [fields.session, fields.sessionId].filter((name) => typeof name === 'string');
  for (const name of names) requireSession(ctx, name);
  return names.length > 0;
}

function withoutFields(body: unknown, names: readonly string[] | undefined): unknown {
  if (names === undefined || typeof body !== 'object' || body === null) return body;
  return Object.fromEntries(Object.entries(body).filter(([name]) => !names.includes(name)));
}

const NO_FILES = new Map<string, never>();

type ParsedRequest = Pick<Parameters<Route['handler']>[0], 'params' | 'query' | 'body'>;

async function handle(
  c: HttpContext,
  route: Route,
  ctx: Ctx,
  request: ParsedRequest,
  also: object = {},
): Promise<Response> {
  c.status(route.status ?? 200);
  const { params, query, body } = request;
  const reply = await route.handler({ ctx, http: c, files: c.get('files') ?? NO_FILES, params, query, body });
  if (reply instanceof Response) return reply;
  c.set('reply', describeReply(reply));
  c.set('answered', reply);
  return answerJson(c, { success: true, ...withBothNames(reply), ...also });
}

type RequestContext = new (c: HttpContext) => Ctx;

/** What is not the service's. */
class Caller {
  readonly http: HttpContext;
  readonly actor: Actor;
  readonly requestId: string;
  readonly ip: string | null;
  readonly userAgent: string | null;

  constructor(c: HttpContext) {
    this.http = c;
    this.actor = c.get('actor') ?? ANONYMOUS;
    this.requestId = c.get('requestId');
    this.ip = c.get('ip');
    this.userAgent = c.req.header('user-agent') ?? null;
  }

  /** Asked for by few: to make it costs a whole Request. */
  get signal(): AbortSignal {
    return this.http.req.raw.signal;
  }
}

/** Makes the context of a verb: the caller, and the service's parts, which it inherits. */
export function createContexts(deps: Deps): (c: HttpContext) => Ctx {
  const made = class extends Caller {};
  const { signal } = Object.getOwnPropertyDescriptors(Caller.prototype);
  Object.setPrototypeOf(made.prototype, deps);
  Object.defineProperty(made.prototype, 'signal', signal);
  const context = asContext(made);
  return (c) => new context(c);
}

/** Safe because what `Caller` lacks of a context its prototype has. */
function asContext(made: unknown): RequestContext {
  return made as RequestContext;
}

/** Safe because the validator of that target ran before and kept what the route's schema made of it. */
function validated(c: HttpContext, target: 'param' | 'query' | 'json'): undefined {
  return c.req.valid(target as never) as undefined;
}

/** Safe because only routes that answer JSON objects take an Idempotency-Key. */
async function jsonOf(response: Response): Promise<Record<string, unknown>> {
  return (await response.json()) as Record<string, unknown>;
}

/** Safe because it is the status of an answer that had a body. */
function toStatus(status: number): ContentfulStatusCode {
  return status as ContentfulStatusCode;
}

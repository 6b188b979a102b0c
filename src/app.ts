/** The whole HTTP surface, without any I/O of its own: what main serves and tests call. */
import { Hono, type Next } from 'hono';
import { cors } from 'hono/cors';
import { allPages } from './controllers/dashboard/index.ts';
import { mountPages } from './controllers/dashboard/mount.tsx';
import { docsRoutes } from './controllers/docs.ts';
import { type KnownAddresses, knownAddresses } from './controllers/known-addresses.ts';
import { createContexts, mount, pathsOf } from './controllers/mount.ts';
import type { Route } from './controllers/route.ts';
import { answerFailure, onError } from './middlewares/errors.ts';
import type { HttpContext, HttpEnv } from './middlewares/http-env.ts';
import { createHttpLimiter } from './middlewares/http-limiter.ts';
import { KeptMatches } from './middlewares/kept-matches.ts';
import { requestLog } from './middlewares/request-log.ts';
import type { SeenRequest } from './services/analytics/request-recorder.ts';
import type { Deps } from './services/context.ts';
import { countRequest } from './services/metrics/observe.ts';
import { AppError } from './utils/errors.ts';

export interface HttpApp {
  fetch: Hono<HttpEnv>['fetch'];
  /** For tests: a request without a socket. */
  request: Hono<HttpEnv>['request'];
  /** Writes what is still counted in memory. Call it after the server has closed. May be called twice. */
  stop(): Promise<void>;
}

/** Builds the app over `deps` and the route literals. */
export function createApp(deps: Deps, routes: readonly Route[]): HttpApp {
  const app = new Hono<HttpEnv>({ router: new KeptMatches() });
  const limiter = createHttpLimiter(deps);
  const { requestRecorder: recorder, metrics } = deps;
  const onSeen = (seen: SeenRequest) => {
    recorder.add(seen);
    countRequest(metrics, seen);
  };
  const log = requestLog(deps, onSeen);
  const answerPages = corsFor(deps.config.allowedOrigins);
  // One step of Hono's: each costs every request promises.
  app.use((c, next) => log(c, () => answerPages(c, next)));
  app.onError(onError(deps));
  const all = [...routes, ...docsRoutes(routes)];
  const known = knownAddresses(
    all.flatMap((route) => pathsOf(route).map((path) => ({ method: route.method.toUpperCase(), path }))),
  );
  app.notFound(notFound(known));
  for (const { method, path } of known.swallowed())
    app.on(method, path, (c) => refuseMethod(c, known.methodsAt(path)));
  const toCtx = createContexts(deps);
  mount(app, { deps, toCtx, limiter, running: new Set() }, all);
  mountPages(app, { deps, toCtx, limiter }, allPages);
  app.get('/', (c) => c.redirect('/dashboard', 302));
  return {
    fetch: app.fetch,
    request: app.request,
    stop: () => Promise.all([limiter.stop(), recorder.flush()]).then(() => undefined),
  };
}

/** Answers pages of other origins. A backend needs none of these headers, and hono/cors makes three answers to set them. */
function corsFor(allowedOrigins: readonly string[]): (c: HttpContext, next: Next) => Promise<void> {
  const allowed = new Set(allowedOrigins);
  const answerPage = cors({
    origin: (origin) => (allowed.has('*') || allowed.has(origin) ? origin : null),
    allowMethods: ['GET', 'POST', 'PUT', 'DELETE'],
    allowHeaders: [
      'authorization',
      'content-type',
      'idempotency-key',
      'last-event-id',
      'prefer',
      'user-id',
      'x-api-key',
      'x-request-id',
    ],
    exposeHeaders: ['idempotent-replayed', 'ratelimit', 'ratelimit-policy', 'retry-after', 'x-request-id'],
    maxAge: 600,
  });
  const answerAsked = async (c: HttpContext, next: Next): Promise<void> => {
    c.set('fromPage', true);
    const answer = await answerPage(c, next);
    if (answer) c.res = answer;
  };
  return (c, next) =>
    c.req.method === 'OPTIONS' || c.req.header('origin') !== undefined ? answerAsked(c, next) : next();
}

/** 405 with `Allow`, for a path that has other methods. */
function refuseMethod(c: HttpContext, allowed: readonly string[]): Response {
  c.header('allow', allowed.join(', '));
  const failure = new AppError('METHOD_NOT_ALLOWED', `${c.req.method} is not possible here.`, {
    details: { allow: allowed },
    hint: `Use ${allowed.join(' or ')}.`,
  });
  return answerFailure(c, failure);
}

/** 404 for an unknown path, with the one that was meant; 405 for one that has other methods. */
function notFound(known: KnownAddresses) {
  return (c: HttpContext): Response => {
    const { path, method } = c.req;
    const meant = known.near(method, path);
    const allowed = known.methodsAt(path);
    // `POST /message/sendText` is a slip rather than a message of that id.
    if (allowed.length > 0 && !meant?.startsWith(`${method} `)) return refuseMethod(c, allowed);
    const suggestion =
      meant === null ? {} : { hint: `Did you mean ${meant}?`, details: { didYouMean: meant } };
    return answerFailure(c, new AppError('NOT_FOUND', 'There is nothing at this address.', suggestion));
  };
}

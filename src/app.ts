/** The whole HTTP surface, without any I/O of its own: what main serves and tests call. */
import { Hono, type MiddlewareHandler } from 'hono';
import { cors } from 'hono/cors';
import { secureHeaders } from 'hono/secure-headers';
import { allPages } from './controllers/dashboard/index.ts';
import { mountPages } from './controllers/dashboard/mount.tsx';
import { docsRoutes } from './controllers/docs.ts';
import { mount, pathsOf } from './controllers/mount.ts';
import type { Route } from './controllers/route.ts';
import { answerFailure, onError } from './middlewares/errors.ts';
import type { HttpContext, HttpEnv } from './middlewares/http-env.ts';
import { createHttpLimiter } from './middlewares/http-limiter.ts';
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
  const app = new Hono<HttpEnv>();
  const limiter = createHttpLimiter(deps);
  const { requestRecorder: recorder, metrics } = deps;
  const onSeen = (seen: SeenRequest) => {
    recorder.add(seen);
    countRequest(metrics, seen);
  };
  app.use(requestLog(deps, onSeen));
  app.use(securityHeaders);
  app.use(corsFor(deps.config.allowedOrigins));
  app.onError(onError(deps));
  const all = [...routes, ...docsRoutes(routes)];
  app.notFound(notFound(all));
  mount(app, { deps, limiter, running: new Set() }, all);
  mountPages(app, { deps, limiter }, allPages);
  app.get('/', (c) => c.redirect('/dashboard', 302));
  return {
    fetch: app.fetch,
    request: app.request,
    stop: () => Promise.all([limiter.stop(), recorder.flush()]).then(() => undefined),
  };
}

/** Nothing from elsewhere, nothing inline: pages bring their scripts and styles as our own files. */
const securityHeaders = secureHeaders({
  contentSecurityPolicy: {
    defaultSrc: ["'self'"],
    scriptSrc: ["'self'"],
    styleSrc: ["'self'"],
    imgSrc: ["'self'", 'data:', 'blob:'],
    connectSrc: ["'self'"],
    objectSrc: ["'none'"],
    baseUri: ["'none'"],
    formAction: ["'self'"],
    frameAncestors: ["'none'"],
  },
  xFrameOptions: 'DENY',
  referrerPolicy: 'no-referrer',
  // Routes that a page elsewhere may show set their own.
  overwrite: false,
});

function corsFor(allowedOrigins: readonly string[]): MiddlewareHandler {
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
  return async (c, next) => {
    if (c.req.method === 'OPTIONS' || c.req.header('origin') !== undefined) return answerPage(c, next);
    // A backend asks: it needs none of the headers, and hono/cors makes three answers to set them.
    await next();
    c.res.headers.append('vary', 'Origin');
  };
}

/** 404 for an unknown path, 405 with `Allow` for one that has other methods. */
function notFound(routes: readonly Route[]) {
  const known = routes.flatMap((route) =>
    pathsOf(route).map((path) => ({ method: route.method.toUpperCase(), segments: path.split('/') })),
  );
  return (c: HttpContext): Response => {
    const asked = c.req.path.split('/');
    const allowed = new Set(
      known.filter(({ segments }) => isMatch(segments, asked)).map(({ method }) => method),
    );
    if (allowed.size === 0)
      return answerFailure(c, new AppError('NOT_FOUND', 'There is nothing at this address.'));
    c.header('allow', [...allowed].sort().join(', '));
    return answerFailure(c, new AppError('METHOD_NOT_ALLOWED', `${c.req.method} is not possible here.`));
  };
}

/** A segment that is a parameter takes anything but nothing. */
function isMatch(segments: readonly string[], asked: readonly string[]): boolean {
  return (
    segments.length === asked.length &&
    segments.every((segment, at) => (segment.startsWith(':') ? asked[at] !== '' : asked[at] === segment))
  );
}

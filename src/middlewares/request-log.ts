/** The outermost middleware: names the request, and writes one line about it when it was answered. */
import type { MiddlewareHandler } from 'hono';
import type { SeenRequest } from '../services/analytics/request-recorder.ts';
import type { Deps } from '../services/context.ts';
import { withKnownNames } from '../services/requests/harmless.ts';
import { newRequestId } from '../utils/ids.ts';
import { clientAddress } from './address.ts';
import { addFixedHeaders } from './answer-headers.ts';
import type { HttpContext, HttpEnv, RateVerdict } from './http-env.ts';

/** 64 characters is what the activity log keeps. */
const REQUEST_ID = /^[\w.:@/+=-]{1,64}$/;

/**
 * Takes or makes the request id, finds the caller's address, adds the headers that every answer carries, and
 * logs method, route, status, duration, request id and user: never a query, a header or a body. `onSeen` is told of
 * every request after its answer is made.
 */
export function requestLog(
  deps: Pick<Deps, 'clock' | 'logger' | 'config'>,
  onSeen: (seen: SeenRequest) => void = () => undefined,
): MiddlewareHandler<HttpEnv> {
  return async (c, next) => {
    const startedMs = deps.clock.monotonic();
    const given = c.req.header('x-request-id') ?? '';
    const requestId = REQUEST_ID.test(given) ? given : newRequestId();
    c.set('requestId', requestId);
    c.set('publicUrl', deps.config.publicUrl);
    c.set('ip', clientAddress(c, deps.config.trustProxy));
    await next();
    // Hono's `c.header` would make a whole new answer for each of these.
    const { headers } = c.res;
    addFixedHeaders(headers);
    headers.set('x-request-id', requestId);
    if (c.get('fromPage') !== true) headers.append('vary', 'Origin');
    const verdict = c.get('rateLimit');
    if (verdict) for (const [name, value] of rateLimitHeaders(verdict)) headers.set(name, value);
    const seen = see(c, requestId, Math.round((deps.clock.monotonic() - startedMs) * 10) / 10);
    deps.logger.info('request', {
      method: seen.method,
      route: seen.route,
      status: seen.status,
      durationMs: seen.durationMs,
      requestId,
      userId: seen.actor?.userId ?? null,
      personId: seen.actor?.personId ?? null,
      via: seen.actor?.via ?? null,
      ip: seen.ip,
      failure: seen.failure?.code,
    });
    onSeen(seen);
  };
}

function see(c: HttpContext, requestId: string, durationMs: number): SeenRequest {
  const code = c.get('failure');
  return {
    method: c.req.method,
    route: c.get('routePath') ?? null,
    status: c.res.status,
    durationMs,
    requestId,
    actor: c.get('actor') ?? null,
    ip: c.get('ip'),
    userAgent: c.req.header('user-agent') ?? null,
    failure: code === undefined ? null : { code, message: c.get('failureMessage') ?? code },
    request: c.get('request') ?? {},
    response: c.get('reply') ?? {},
    quiet: c.get('quiet') === true,
    path: c.req.path,
    received: receivedOf(c),
    answered: c.get('answered') ?? null,
  };
}

/** Query and body, as far as the call had them. */
function receivedOf(c: HttpContext): SeenRequest['received'] {
  const body = c.get('received');
  const knows = c.get('knowsQuery') ?? (() => false);
  const hasBody = body !== undefined && Object.keys(body).length > 0;
  return {
    ...(c.req.url.includes('?') ? { query: withKnownNames(c.req.query(), knows) } : {}),
    ...(hasBody ? { body } : {}),
  };
}

/** As in draft-ietf-httpapi-ratelimit-headers-10: quota and window in seconds, then what is left of them. */
function rateLimitHeaders({ policy, remaining, resetSeconds }: RateVerdict): [string, string][] {
  const windowSeconds = Math.ceil(policy.windowMs / 1000);
  return [
    ['ratelimit-policy', `"${policy.name}";q=${policy.max};w=${windowSeconds}`],
    ['ratelimit', `"${policy.name}";r=${remaining};t=${resetSeconds}`],
  ];
}

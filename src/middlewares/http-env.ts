/** What the middlewares tell one another about a request. */
import type { Context } from 'hono';
import type { Actor } from '../services/context.ts';

export interface HttpEnv {
  Variables: {
    requestId: string;
    ip: string | null;
    /** the pattern of the route that took the request; missing when none did */
    routePath?: string;
    actor?: Actor;
    rateLimit?: RateVerdict;
    /** code of the failure that was answered */
    failure?: string;
  };
  /** of @hono/node-server; missing in tests that call the app directly */
  Bindings: { incoming?: { socket?: { remoteAddress?: string } } };
}

export type HttpContext = Context<HttpEnv>;

/** One answer of the limiter. */
export interface RateVerdict {
  allowed: boolean;
  policy: RatePolicy;
  remaining: number;
  /** whole seconds until the window ends */
  resetSeconds: number;
}

export interface RatePolicy {
  name: string;
  max: number;
  windowMs: number;
}

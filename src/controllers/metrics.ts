/** `/metrics` for Prometheus. */
import { timingSafeEqual } from 'node:crypto';
import { authenticate } from '../middlewares/authenticate.ts';
import type { HttpContext } from '../middlewares/http-env.ts';
import { requireRole, requireScope, requireWholeTenant } from '../services/access.ts';
import type { Ctx } from '../services/context.ts';
import { renderMetrics } from '../services/metrics/index.ts';
import { type Route, route } from './route.ts';

export const metricsRoutes: readonly Route[] = [
  route({
    method: 'get',
    path: '/metrics',
    tag: 'Operations',
    summary: 'Metrics in the text format of Prometheus',
    description:
      'Needs `Authorization: Bearer <METRICS_TOKEN>`, or the credential of an admin (JWT or API key).',
    // The token is no credential of a user: it is checked here.
    auth: 'public',
    response: null,
    contentType: 'text/plain',
    errors: ['UNAUTHORIZED', 'FORBIDDEN'],
    handler: async ({ ctx, http }) => {
      await requireReader(ctx, http);
      const { text, contentType } = await renderMetrics(ctx);
      return http.body(text, 200, { 'content-type': contentType });
    },
  }),
];

async function requireReader(ctx: Ctx, http: HttpContext): Promise<void> {
  const { metricsToken } = ctx.config;
  const given = /^Bearer +(\S+)\s*$/i.exec(http.req.header('authorization') ?? '')?.[1];
  if (metricsToken !== null && given !== undefined && isSame(ctx, given, metricsToken)) return;
  const actor = await authenticate(ctx, http, 'credential');
  requireRole({ actor }, 'admin');
  requireScope({ actor }, 'read');
  requireWholeTenant({ actor });
}

/** Compared as MACs: of equal length, and in constant time. */
function isSame({ secrets }: Ctx, a: string, b: string): boolean {
  const macOf = (text: string) => Buffer.from(secrets.mac('metrics token', text));
  return timingSafeEqual(macOf(a), macOf(b));
}

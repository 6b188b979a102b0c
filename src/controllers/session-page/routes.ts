/** The QR page and the two files it loads. */
import { z } from 'zod';
import type { HttpContext } from '../../middlewares/http-env.ts';
import { requireScope } from '../../services/access.ts';
import type { Ctx } from '../../services/context.ts';
import { findSession, SessionId, signedPath } from '../../services/sessions/index.ts';
import { readLang } from '../dashboard/cookies.ts';
import { chooseLang, type Lang } from '../dashboard/i18n.ts';
import { type Route, route } from '../route.ts';
import { tenantQuery } from '../schemas.ts';
import { renderQrPage } from './page.tsx';
import { QR_PAGE_SCRIPT } from './script.ts';
import { QR_PAGE_STYLE } from './style.ts';

const tag = 'Sessions';
/** The file changes with the release only, but its name does not. */
const CACHE = 'public, max-age=300';

/**
 * The page of a session the caller may see, in the language of `?lang=`, the reader or the address; its own links are signed for the session's user,
 * so nothing keeps it.
 */
export async function showQrPage(
  ctx: Ctx,
  ref: { sessionId: string; userId?: number | undefined },
  http: HttpContext,
  fallback: Lang = 'en',
): Promise<string> {
  requireScope(ctx, 'read');
  // An ended link shows the page once more: what the page asks for says that a phone was linked.
  const session = await findSession(ctx, ref, { endedLinks: true });
  http.header('cache-control', 'no-store');
  return renderQrPage({
    lang: chooseLang(http.req.query('lang') ?? readLang(http), http.req.header('accept-language'), fallback),
    sessionId: session.sessionId,
    qrPath: signedPath(ctx, session, 'qrUrl'),
    eventsPath: signedPath(ctx, session, 'eventsUrl'),
  });
}

export const sessionPageRoutes: Route[] = [
  route({
    method: 'get',
    path: '/session/qr-page/:sessionId',
    tag,
    summary: 'A page that shows the QR code',
    description:
      'Renews itself and says when the session is connected. In the language of the browser, or of `?lang=en` and `?lang=id`.',
    auth: 'browser',
    link: 'qr',
    params: z.object({ sessionId: SessionId }),
    query: z.object({ userId: tenantQuery.userId }),
    response: null,
    contentType: 'text/html',
    errors: ['SESSION_NOT_FOUND'],
    example: { params: { sessionId: 'my-session' } },
    handler: async ({ ctx, params, query, http }) =>
      http.html(await showQrPage(ctx, { ...params, ...query }, http)),
  }),
  route({
    method: 'get',
    path: '/assets/qr-page.js',
    tag,
    summary: 'The script of the QR page',
    description: 'It renews the code and says when the session is connected.',
    auth: 'public',
    unlimited: true,
    response: null,
    contentType: 'text/javascript',
    handler: ({ http }) =>
      http.body(QR_PAGE_SCRIPT, 200, {
        'content-type': 'text/javascript; charset=utf-8',
        'cache-control': CACHE,
      }),
  }),
  route({
    method: 'get',
    path: '/assets/qr-page.css',
    tag,
    summary: 'The style of the QR page',
    description: 'For light and dark screens.',
    auth: 'public',
    unlimited: true,
    response: null,
    contentType: 'text/css',
    handler: ({ http }) =>
      http.body(QR_PAGE_STYLE, 200, { 'content-type': 'text/css; charset=utf-8', 'cache-control': CACHE }),
  }),
];

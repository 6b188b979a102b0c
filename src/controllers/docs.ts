/** `/openapi.json`, and `/docs`: a page to browse it, with every asset from here. */
import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { z } from 'zod';
import { authenticate } from '../middlewares/authenticate.ts';
import type { HttpContext } from '../middlewares/http-env.ts';
import { showOwnKey } from '../services/api-keys.ts';
import { readMe } from '../services/auth/verbs.ts';
import { type Ctx, withParts } from '../services/context.ts';
import { listSessions } from '../services/sessions/index.ts';
import { AppError } from '../utils/errors.ts';
import { ERROR_PAGE_STYLE, renderErrorPage } from './error-page.tsx';
import { buildOpenApi } from './openapi.ts';
import { REFERENCE_SCRIPT, REFERENCE_STYLE } from './reference/assets.ts';
import { type ReferenceModel, readModel } from './reference/model.ts';
import { type Reader, renderIndex, renderOperation } from './reference/page.tsx';
import { type Route, route } from './route.ts';

const tag = 'Operations';

/** Files of the package swagger-ui-dist that the page loads; nothing else of it can be asked for. */
const ASSETS = new Map([
  ['swagger-ui.css', 'text/css; charset=utf-8'],
  ['swagger-ui-bundle.js', 'text/javascript; charset=utf-8'],
  ['favicon-32x32.png', 'image/png'],
]);
const INIT = 'init.js';

/** Addresses are relative, so that the page also works under `/api`. */
const TRY_PAGE = `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Try the WaHub API</title>
<link rel="stylesheet" href="assets/swagger-ui.css">
<link rel="icon" type="image/png" href="assets/favicon-32x32.png">
</head>
<body>
<div id="api"></div>
<script src="assets/swagger-ui-bundle.js"></script>
<script src="assets/${INIT}"></script>
</body>
</html>
`;

const SCRIPT = `SwaggerUIBundle({
  url: '../openapi.json',
  dom_id: '#api',
  deepLinking: true,
  validatorUrl: null,
  docExpansion: 'list',
  tryItOutEnabled: true,
});
`;

const CSS = 'text/css; charset=utf-8';
const JS = 'text/javascript; charset=utf-8';
const OWN_ASSETS: ReadonlyMap<string, { type: string; text: string }> = new Map([
  [INIT, { type: JS, text: SCRIPT }],
  ['errors.css', { type: CSS, text: ERROR_PAGE_STYLE }],
  ['reference.css', { type: CSS, text: REFERENCE_STYLE }],
  ['reference.js', { type: JS, text: REFERENCE_SCRIPT }],
]);

/** The routes that describe these routes. */
export function docsRoutes(routes: readonly Route[]): Route[] {
  let document: Record<string, unknown> | undefined;
  let model: ReferenceModel | undefined;
  const toDocument = () => {
    document ??= buildOpenApi(routes);
    return document;
  };
  const toModel = () => {
    model ??= readModel(toDocument());
    return model;
  };
  return [
    route({
      method: 'get',
      path: '/openapi.json',
      tag,
      summary: 'This document',
      description: 'OpenAPI 3.1. Clients can be generated from it.',
      auth: 'public',
      response: null,
      contentType: 'application/json',
      handler: ({ http }) => http.json(toDocument()),
    }),
    route({
      method: 'get',
      path: '/docs',
      tag,
      summary: 'This document as a page',
      description: 'Every operation with its fields, answers and errors, and code in several languages.',
      auth: 'public',
      response: null,
      contentType: 'text/html',
      handler: async ({ ctx, http }) =>
        http.html(renderIndex({ model: toModel(), reader: await readerOf(ctx, http) })),
    }),
    route({
      method: 'get',
      path: '/docs/operations/:operationId',
      tag,
      summary: 'One operation of this document as a page',
      description: 'The address to link to one operation.',
      auth: 'public',
      params: z.object({ operationId: z.string().max(200) }),
      response: null,
      contentType: 'text/html',
      errors: ['NOT_FOUND'],
      handler: async ({ ctx, http, params }) => {
        const place = { model: toModel(), reader: await readerOf(ctx, http) };
        const page = renderOperation(place, params.operationId);
        if (page === null) throw new AppError('NOT_FOUND', 'There is no operation of this name.');
        return http.html(page);
      },
    }),
    route({
      method: 'get',
      path: '/docs/try',
      tag,
      summary: 'A page to send requests from',
      description: 'With the key and the sessions of whoever is signed in.',
      auth: 'public',
      response: null,
      contentType: 'text/html',
      handler: ({ http }) => http.html(TRY_PAGE),
    }),
    route({
      method: 'get',
      path: '/docs/errors',
      tag,
      summary: 'Every error code, what it means and what to do',
      description: '`docUrl` of an error leads to its line here.',
      auth: 'public',
      response: null,
      contentType: 'text/html',
      handler: ({ http }) => http.html(renderErrorPage()),
    }),
    route({
      method: 'get',
      path: '/docs/assets/:file',
      tag,
      summary: 'Scripts and styles of that page',
      description: 'Served by this service, so that the page loads nothing from elsewhere.',
      auth: 'public',
      unlimited: true,
      params: z.object({ file: z.string().max(64) }),
      response: null,
      contentType: 'text/javascript',
      errors: ['NOT_FOUND'],
      handler: async ({ http, params }) => {
        const type = OWN_ASSETS.get(params.file)?.type ?? ASSETS.get(params.file);
        if (type === undefined) throw new AppError('NOT_FOUND', 'There is nothing at this address.');
        const text = OWN_ASSETS.get(params.file)?.text;
        const body = text === undefined ? await readAsset(params.file) : new TextEncoder().encode(text);
        return http.body(body, 200, { 'content-type': type, 'cache-control': 'public, max-age=86400' });
      },
    }),
  ];
}

/**
 * Whose key and session the code of the pages holds: whoever is signed in to the dashboard in this browser. The page is there for
 * everybody: for whom something cannot be read (a second factor is missing, a workspace is suspended) it is as for a stranger.
 */
async function readerOf(ctx: Ctx, http: HttpContext): Promise<Reader> {
  const url = ctx.config.publicUrl;
  const stranger = { url, session: 'my-session', apiKey: null, name: null };
  try {
    const actor = await authenticate(ctx, http, 'browser');
    if (actor.via !== 'cookie' || actor.lacksFactor === true) return stranger;
    const own = withParts(ctx, { actor });
    const [me, apiKey, { data }] = await Promise.all([readMe(own), showOwnKey(own), listSessions(own)]);
    const session = data.find(({ status }) => status === 'connected') ?? data[0];
    return { url, session: session?.sessionId ?? 'my-session', apiKey, name: me.name };
  } catch {
    return stranger;
  }
}

/** A file of swagger-ui-dist; `name` is a key of ASSETS, so it cannot lead elsewhere. */
async function readAsset(name: string): Promise<Uint8Array<ArrayBuffer>> {
  const folder = dirname(createRequire(import.meta.url).resolve('swagger-ui-dist/package.json'));
  return new Uint8Array(await readFile(join(folder, name)));
}

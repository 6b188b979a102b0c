/** `/openapi.json`, and `/docs`: a page to browse it, with every asset from here. */
import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { z } from 'zod';
import { AppError } from '../utils/errors.ts';
import { ERROR_PAGE_STYLE, renderErrorPage } from './error-page.tsx';
import { buildOpenApi } from './openapi.ts';
import { type Route, route } from './route.ts';

const tag = 'Operations';

/** Files of the package swagger-ui-dist that the page loads; nothing else of it can be asked for. */
const ASSETS = new Map([
  ['swagger-ui.css', 'text/css; charset=utf-8'],
  ['swagger-ui-bundle.js', 'text/javascript; charset=utf-8'],
  ['favicon-32x32.png', 'image/png'],
]);
const INIT = 'init.js';

/** Addresses are relative, so that the page also works under `/api/docs`. */
const PAGE = `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>WaHub API</title>
<link rel="stylesheet" href="docs/assets/swagger-ui.css">
<link rel="icon" type="image/png" href="docs/assets/favicon-32x32.png">
</head>
<body>
<div id="api"></div>
<script src="docs/assets/swagger-ui-bundle.js"></script>
<script src="docs/assets/${INIT}"></script>
</body>
</html>
`;

const SCRIPT = `SwaggerUIBundle({
  url: 'openapi.json',
  dom_id: '#api',
  deepLinking: true,
  validatorUrl: null,
  docExpansion: 'list',
  tryItOutEnabled: true,
});
`;

const OWN_ASSETS: ReadonlyMap<string, { type: string; text: string }> = new Map([
  [INIT, { type: 'text/javascript; charset=utf-8', text: SCRIPT }],
  ['errors.css', { type: 'text/css; charset=utf-8', text: ERROR_PAGE_STYLE }],
]);

/** The routes that describe these routes. */
export function docsRoutes(routes: readonly Route[]): Route[] {
  let document: Record<string, unknown> | undefined;
  return [
    route({
      method: 'get',
      path: '/openapi.json',
      tag,
      summary: 'This document',
      auth: 'public',
      response: null,
      contentType: 'application/json',
      handler: ({ http }) => {
        document ??= buildOpenApi(routes);
        return http.json(document);
      },
    }),
    route({
      method: 'get',
      path: '/docs',
      tag,
      summary: 'This document as a page',
      auth: 'public',
      response: null,
      contentType: 'text/html',
      handler: ({ http }) => http.html(PAGE),
    }),
    route({
      method: 'get',
      path: '/docs/errors',
      tag,
      summary: 'Every error code, what it means and what to do',
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

/** A file of swagger-ui-dist; `name` is a key of ASSETS, so it cannot lead elsewhere. */
async function readAsset(name: string): Promise<Uint8Array<ArrayBuffer>> {
  const folder = dirname(createRequire(import.meta.url).resolve('swagger-ui-dist/package.json'));
  return new Uint8Array(await readFile(join(folder, name)));
}

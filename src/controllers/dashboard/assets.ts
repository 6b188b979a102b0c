/** Scripts, styles and icons of the pages, all from here. Their names carry a digest, so that browsers may keep them. */
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { z } from 'zod';
import { sha256Hex } from '../../utils/crypto.ts';
import { AppError } from '../../utils/errors.ts';
import { markSvg } from './assets/mark.ts';
import { DASHBOARD_SCRIPT } from './assets/script.ts';
import { LOOK_SCRIPT } from './assets/script-look.ts';
import { DASHBOARD_STYLE } from './assets/style.ts';
import { LAYOUT_STYLE } from './assets/style-layout.ts';
import { MESSAGE_STYLE } from './assets/style-messages.ts';
import { type Page, page } from './page.ts';

type AssetName = 'dashboard.css' | 'dashboard.js' | 'htmx.js' | 'mark.svg' | 'mark-alarm.svg' | 'webauthn.js';
interface Asset {
  type: string;
  body: string;
  digest: string;
}

const CSS = 'text/css; charset=utf-8';
const SVG = 'image/svg+xml';
const JS = 'text/javascript; charset=utf-8';

function asset(type: string, body: string): Asset {
  return { type, body, digest: sha256Hex(body).slice(0, 12) };
}

const { resolve } = createRequire(import.meta.url);
/** The file that Node would load; the one for browsers lies beside it. */
const PASSKEYS = resolve('@simplewebauthn/browser');

/** Over the mark while something needs a person. */
const ALARM_DOT = '<circle cx="25" cy="7" r="7" fill="#d92d20"/>';

const ASSETS: Record<AssetName, Asset> = {
  'dashboard.css': asset(CSS, DASHBOARD_STYLE + LAYOUT_STYLE + MESSAGE_STYLE),
  'dashboard.js': asset(JS, DASHBOARD_SCRIPT + LOOK_SCRIPT),
  'htmx.js': asset(JS, readFileSync(resolve('htmx.org/dist/htmx.min.js'), 'utf8')),
  'mark.svg': asset(SVG, markSvg()),
  'mark-alarm.svg': asset(SVG, markSvg(ALARM_DOT)),
  'webauthn.js': asset(JS, readFileSync(join(PASSKEYS, '../../dist/bundle/index.umd.min.js'), 'utf8')),
};

export function assetPath(name: AssetName): string {
  return `/dashboard/assets/${ASSETS[name].digest}/${name}`;
}

export const assetPages: Page[] = [
  page({
    method: 'get',
    path: '/dashboard/assets/:digest/:name',
    auth: 'public',
    params: z.object({ digest: z.string(), name: z.string() }),
    example: { params: { digest: 'any', name: 'dashboard.css' } },
    handler({ params, http }) {
      const found = Object.entries(ASSETS).find(([name]) => name === params.name)?.[1];
      if (!found) throw new AppError('NOT_FOUND', 'There is nothing at this address.');
      return http.body(found.body, 200, {
        'content-type': found.type,
        'cache-control': params.digest === found.digest ? 'public, max-age=31536000, immutable' : 'no-cache',
      });
    },
  }),
];

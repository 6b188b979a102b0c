/** Forms prove that they come from one of our pages: by their origin, and by a token that belongs to the sign-in. */

import type { HttpContext } from '../../middlewares/http-env.ts';
import type { Deps } from '../../services/context.ts';
import { equalsConstantTime } from '../../utils/crypto.ts';
import { AppError } from '../../utils/errors.ts';

const PURPOSE = 'dashboard-csrf';
export const CSRF_FIELD = '_csrf';
export const CSRF_HEADER = 'x-csrf-token';

/** The token of the sign-in behind this cookie. */
export function csrfTokenOf(secrets: Pick<Deps['secrets'], 'mac'>, cookie: string): string {
  return secrets.mac(PURPOSE, cookie);
}

/**
 * Throws FORBIDDEN for a request that a page of another origin made. Browsers name the origin of every POST; a caller
 * without one is no browser and has no cookie that it did not bring itself.
 */
export function requireSameOrigin(c: HttpContext): void {
  const site = c.req.header('sec-fetch-site');
  if (site !== undefined && site !== 'same-origin' && site !== 'none') throw foreign();
  const origin = c.req.header('origin');
  if (origin === undefined || site !== undefined) return;
  if (!URL.canParse(origin) || new URL(origin).host !== c.req.header('host')) throw foreign();
}

/** Throws FORBIDDEN unless the request brings the token, in its header or in the form. */
export function requireToken(c: HttpContext, expected: string, field: unknown): void {
  const given = c.req.header(CSRF_HEADER) ?? (typeof field === 'string' ? field : '');
  if (!equalsConstantTime(given, expected)) {
    throw new AppError('FORBIDDEN', 'This form has expired: load the page again.');
  }
}

function foreign(): AppError {
  return new AppError('FORBIDDEN', 'This form does not come from a page of this service.');
}

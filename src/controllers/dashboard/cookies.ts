/** The cookies of the dashboard. None of them can be read by scripts or is sent along from other sites. */
import { deleteCookie, getCookie, setCookie } from 'hono/cookie';
import { SESSION_COOKIE } from '../../middlewares/authenticate.ts';
import type { HttpContext } from '../../middlewares/http-env.ts';
import type { Config } from '../../utils/config.ts';

const LANG_COOKIE = 'wahub_lang';
/** Says that this browser has signed in to an account before; it opens nothing. */
const DEVICE_COOKIE = 'wahub_device';
/**
 * What somebody takes along to an OpenID provider, and then who came back, until the next step; sealed. It has to come back
 * with them from another site.
 */
const TRIP_COOKIE = 'wahub_oidc';
/** Of all steps that need it. */
const TRIP_PATH = '/dashboard/sign-in';
/** The token of a sign-in that a second factor is still asked for. */
const STEP_COOKIE = 'wahub_step';
const STEP_SECONDS = 600;
/** A sentence for the next page: what a form has done. */
const DONE_COOKIE = 'wahub_done';
/** How to take back what the form has done; sealed for the sign-in, so that nobody else can put another form there. */
const UNDO_COOKIE = 'wahub_undo';
const UNDO_SECONDS = 60;
/** Browsers drop cookies of more than 4,096 bytes. */
const MAX_UNDO_LENGTH = 3_000;
const YEAR_SECONDS = 365 * 86_400;
const MAX_DONE_LENGTH = 300;

type CookieConfig = Pick<Config, 'publicUrl' | 'jwtExpiresInSeconds'>;

function options(config: CookieConfig, maxAge: number) {
  const secure = config.publicUrl.startsWith('https:');
  return { path: '/', httpOnly: true, sameSite: 'Strict', secure, maxAge } as const;
}

export const readSignIn = (c: HttpContext): string | undefined => getCookie(c, SESSION_COOKIE);

export function keepSignIn(c: HttpContext, config: CookieConfig, token: string): void {
  setCookie(c, SESSION_COOKIE, token, options(config, config.jwtExpiresInSeconds));
}

export function forgetSignIn(c: HttpContext, config: CookieConfig): void {
  deleteCookie(c, SESSION_COOKIE, options(config, 0));
}

export const readDevice = (c: HttpContext): string | undefined => getCookie(c, DEVICE_COOKIE);

export function keepDevice(c: HttpContext, config: CookieConfig, mark: string): void {
  setCookie(c, DEVICE_COOKIE, mark, options(config, YEAR_SECONDS));
}

export const readTrip = (c: HttpContext): string | undefined => getCookie(c, TRIP_COOKIE);

export function keepTrip(c: HttpContext, config: CookieConfig, sealed: string, seconds: number): void {
  setCookie(c, TRIP_COOKIE, sealed, { ...options(config, seconds), sameSite: 'Lax', path: TRIP_PATH });
}

export function forgetTrip(c: HttpContext, config: CookieConfig): void {
  deleteCookie(c, TRIP_COOKIE, { ...options(config, 0), sameSite: 'Lax', path: TRIP_PATH });
}

export const readStepToken = (c: HttpContext): string | undefined => getCookie(c, STEP_COOKIE);

export function keepStep(c: HttpContext, config: CookieConfig, token: string): void {
  setCookie(c, STEP_COOKIE, token, options(config, STEP_SECONDS));
}

export function forgetStep(c: HttpContext, config: CookieConfig): void {
  deleteCookie(c, STEP_COOKIE, options(config, 0));
}

export const readLang = (c: HttpContext): string | undefined => getCookie(c, LANG_COOKIE);

export function keepLang(c: HttpContext, config: CookieConfig, lang: string): void {
  setCookie(c, LANG_COOKIE, lang, options(config, YEAR_SECONDS));
}

export function keepDone(c: HttpContext, config: CookieConfig, sentence: string): void {
  setCookie(c, DONE_COOKIE, sentence.slice(0, MAX_DONE_LENGTH), options(config, 60));
}

/** The sentence, once. */
export function takeDone(c: HttpContext, config: CookieConfig): string | null {
  const sentence = getCookie(c, DONE_COOKIE);
  if (!sentence) return null;
  deleteCookie(c, DONE_COOKIE, options(config, 0));
  return sentence.slice(0, MAX_DONE_LENGTH);
}

/** False, and nothing is kept, for what is too long for a cookie. */
export function keepUndo(c: HttpContext, config: CookieConfig, sealed: string): boolean {
  if (sealed.length > MAX_UNDO_LENGTH) return false;
  setCookie(c, UNDO_COOKIE, sealed, options(config, UNDO_SECONDS));
  return true;
}

/** The sealed text, once. */
export function takeUndo(c: HttpContext, config: CookieConfig): string | null {
  const sealed = getCookie(c, UNDO_COOKIE);
  if (!sealed) return null;
  deleteCookie(c, UNDO_COOKIE, options(config, 0));
  return sealed;
}

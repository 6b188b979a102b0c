/** Addresses that pages lead to. */
import { z } from 'zod';

/** Where a session is added. */
export const NEW_SESSION = '/dashboard/new-session';

/** Where a message is written. */
export const COMPOSE = '/dashboard/messages/new';

/** Where everything is looked for. */
export const SEARCH = '/dashboard/search';

/** Where to sign in and come back from; only addresses of our own are gone back to. */
export function signInPath(next: string): string {
  return isOwnPath(next) && next !== '/' && next !== '/dashboard'
    ? `/dashboard/sign-in?next=${encodeURIComponent(next)}`
    : '/dashboard/sign-in';
}

/** A path on this service: never another host, in any spelling that browsers know. */
export function isOwnPath(path: string): boolean {
  return /^\/(?![/\\])[^\s\\]*$/.test(path) && new URL(path, 'http://here').host === 'here';
}

/** The field of a form or an address that says where to go after signing in. */
export const Next = z.string().max(2000).optional().catch(undefined);

/** Where to go after signing in. */
export function pathAfter(next: string | null | undefined): string {
  return next && isOwnPath(next) ? next : '/dashboard';
}

export const SIGN_IN = '/dashboard/sign-in';

/** A person's second factors and sign-ins. */
export const SECURITY = '/dashboard/account/security';

/** Where the second factor is given, and where that leads. */
export function secondStepPath(next: string | null | undefined): string {
  return `${SIGN_IN}/code${next ? `?next=${encodeURIComponent(next)}` : ''}`;
}

/** What people of a suspended workspace see, whatever they ask for. */
export const SUSPENDED_PATH = '/dashboard/suspended';

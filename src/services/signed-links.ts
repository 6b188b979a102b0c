/** Links that open without a header: signed by the service, for one path and one tenant, until they expire. */
import type { SecretBox } from '../utils/crypto.ts';

const PURPOSE = 'signed-link';
const OWN = ['u', 'exp', 'sig'] as const;

/**
 * `path` (with its own query, if any) with `u`, `exp` and `sig` added. Good for GET until `expiresAt`
 * (epoch milliseconds), as a read of that tenant; any other path, query or tenant breaks the signature.
 */
export function signLink(secrets: SecretBox, path: string, userId: number, expiresAt: number): string {
  const url = new URL(path, 'http://link.invalid');
  const sig = secrets.mac(PURPOSE, signedText(url, String(userId), String(expiresAt)));
  url.searchParams.set('u', String(userId));
  url.searchParams.set('exp', String(expiresAt));
  url.searchParams.set('sig', sig);
  return `${url.pathname}${url.search}`;
}

/** The tenant of a link as it came in; null when it was not signed by us, was changed or has expired. */
export function verifyLink(secrets: SecretBox, requestUrl: string, now: number): { userId: number } | null {
  const url = new URL(requestUrl);
  const [user, expires, sig] = OWN.map((name) => url.searchParams.get(name));
  if (!user || !expires || !sig) return null;
  if (!secrets.isMac(PURPOSE, signedText(url, user, expires), sig) || Number(expires) <= now) return null;
  return { userId: Number(user) };
}

/** The whole surface is also under `/api`: both spellings are one path. */
function signedText(url: URL, userId: string, expiresAt: string): string {
  const query = new URLSearchParams(url.searchParams);
  for (const name of OWN) query.delete(name);
  query.sort();
  return [url.pathname.replace(/^\/api(?=\/)/, ''), query.toString(), userId, expiresAt].join('\n');
}

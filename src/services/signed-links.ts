/** Links that open without a header: signed by the service, for one path, purpose and tenant, until they expire. */
import type { SecretBox } from '../utils/crypto.ts';

const PURPOSE = 'signed-link';
const OWN = ['u', 'exp', 'sig'] as const;
/** Every name that a signed link may add to a query. */
export const LINK_NAMES: readonly string[] = [...OWN, 'for', 'iat', 'look'];

/**
 * The purpose of a link: routes say which of them they take, and no other opens them. `qr`: linking a phone, until one was
 * linked. `media`: the bytes of a file. `import`: the progress of an import.
 */
export const LINK_PURPOSES = ['qr', 'media', 'import'] as const;
export type LinkPurpose = (typeof LINK_PURPOSES)[number];

export interface LinkScope {
  purpose: LinkPurpose;
  /** epoch milliseconds; what ends links looks at it */
  issuedAt: number;
  /** made for a member who changes nothing: it shows what there is, and begins nothing */
  lookOnly?: true;
}

export interface SignedLink {
  userId: number;
  /** missing: of a release before links had purposes; routes of tenants take none of those */
  scope?: LinkScope;
}

/**
 * `path` (with its own query, if any) with `for`, `iat`, `u`, `exp` and `sig` added. Good for GET until `expiresAt`
 * (epoch milliseconds), as a read of that tenant for that purpose; any other path, query, purpose or tenant breaks the
 * signature.
 */
export function signLink(
  secrets: SecretBox,
  path: string,
  userId: number,
  expiresAt: number,
  scope?: LinkScope,
): string {
  const url = new URL(path, 'http://link.invalid');
  if (scope) {
    // Parts of the query, and so of what is signed.
    url.searchParams.set('for', scope.purpose);
    url.searchParams.set('iat', String(scope.issuedAt));
    if (scope.lookOnly) url.searchParams.set('look', '1');
  }
  const sig = secrets.mac(PURPOSE, signedText(url, String(userId), String(expiresAt)));
  url.searchParams.set('u', String(userId));
  url.searchParams.set('exp', String(expiresAt));
  url.searchParams.set('sig', sig);
  return `${url.pathname}${url.search}`;
}

/** The grant of a signed link; null when it was not signed by us, was changed or has expired. */
export function verifyLink(secrets: SecretBox, requestUrl: string, now: number): SignedLink | null {
  const url = new URL(requestUrl);
  const [user, expires, sig] = OWN.map((name) => url.searchParams.get(name));
  if (!user || !expires || !sig) return null;
  if (!secrets.isMac(PURPOSE, signedText(url, user, expires), sig) || Number(expires) <= now) return null;
  const purpose = LINK_PURPOSES.find((known) => known === url.searchParams.get('for'));
  const issuedAt = Number(url.searchParams.get('iat'));
  const userId = Number(user);
  if (purpose === undefined || !Number.isSafeInteger(issuedAt)) return { userId };
  const lookOnly = url.searchParams.get('look') === '1' ? { lookOnly: true as const } : {};
  return { userId, scope: { purpose, issuedAt, ...lookOnly } };
}

/** The whole surface is also under `/api`: both spellings are one path. */
function signedText(url: URL, userId: string, expiresAt: string): string {
  const query = new URLSearchParams(url.searchParams);
  for (const name of OWN) query.delete(name);
  query.sort();
  return [url.pathname.replace(/^\/api(?=\/)/, ''), query.toString(), userId, expiresAt].join('\n');
}

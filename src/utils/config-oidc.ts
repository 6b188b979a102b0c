/** Where people sign in with an account of another service, as the environment says: OIDC_PROVIDERS and OIDC_<NAME>_… */
import { isPlaceholder } from './config-env.ts';

/** An OpenID provider. */
export interface OidcProvider {
  /** in addresses and in the environment */
  id: string;
  /** on its button */
  label: string;
  /** without a slash at its end, unless it is all that its path has */
  issuer: string;
  clientId: string;
  clientSecret: string;
}

type Names = Readonly<Record<string, string>>;

const NAME = /^[a-z][a-z0-9-]{0,30}$/;
const MAX_PROVIDERS = 10;
const MAX_LENGTH = 500;
/** As wide as the column that keeps it. */
const MAX_ISSUER = 255;
/** Tenants of Microsoft that are no single company: their issuer is not that of the tokens. */
const SHARED_TENANTS = new Set(['common', 'organizations', 'consumers']);
const LABELS: Names = { google: 'Google', microsoft: 'Microsoft', keycloak: 'Keycloak' };

/** The providers, in the order in which their buttons stand; empty when none is set. */
export function oidcOf(names: Names): OidcProvider[] {
  return namesOf(names).map((id) => ({
    id,
    label: read(names, id, 'LABEL') ?? LABELS[id] ?? id.charAt(0).toUpperCase() + id.slice(1),
    issuer: issuerOf(names, id) ?? '',
    clientId: read(names, id, 'CLIENT_ID') ?? '',
    clientSecret: read(names, id, 'CLIENT_SECRET') ?? '',
  }));
}

/** Settings of providers that are missing or not usable, one sentence each; never a value. */
export function oidcProblems(names: Names, production: boolean): string[] {
  const ids = namesOf(names);
  const lines: string[] = [];
  if (ids.length > MAX_PROVIDERS) lines.push(`OIDC_PROVIDERS names more than ${MAX_PROVIDERS} providers`);
  if (new Set(ids).size < ids.length) lines.push('OIDC_PROVIDERS names a provider twice');
  if (!ids.every((id) => NAME.test(id))) {
    lines.push('OIDC_PROVIDERS must be names such as google,keycloak: small letters, digits and hyphens');
    return lines;
  }
  for (const id of ids) lines.push(...providerProblems(names, id, production));
  return lines;
}

function providerProblems(names: Names, id: string, production: boolean): string[] {
  const lines: string[] = [];
  for (const part of ['CLIENT_ID', 'CLIENT_SECRET'] as const) {
    const value = read(names, id, part);
    if (value === undefined) lines.push(`${nameOf(id, part)} is missing: OIDC_PROVIDERS names ${id}`);
    else if (value.length > MAX_LENGTH) lines.push(`${nameOf(id, part)} is too long`);
    else if (isPlaceholder(value)) lines.push(`${nameOf(id, part)} is a value from an example`);
  }
  if ((read(names, id, 'LABEL') ?? '').length > 40) {
    lines.push(`${nameOf(id, 'LABEL')} must have at most 40 characters`);
  }
  const issuer = issuerOf(names, id);
  if (issuer === undefined) {
    const also = id === 'microsoft' ? ' (or OIDC_MICROSOFT_TENANT)' : '';
    lines.push(`${nameOf(id, 'ISSUER')} is missing: OIDC_PROVIDERS names ${id}${also}`);
  } else {
    const why = issuerProblem(issuer, production);
    if (why !== null) lines.push(`${nameOf(id, 'ISSUER')} ${why}`);
  }
  const tenant = read(names, id, 'TENANT')?.toLowerCase() ?? '';
  const isShared = SHARED_TENANTS.has(tenant) || /\/(?:common|organizations|consumers)\//.test(issuer ?? '');
  if (isShared) {
    lines.push(
      `${nameOf(id, 'TENANT')} must be the id of one tenant: with a shared one anybody could sign in`,
    );
  }
  return lines;
}

/** Https; http to this machine alone, and not in production. */
function issuerProblem(issuer: string, production: boolean): string | null {
  if (issuer.length > MAX_ISSUER || !URL.canParse(issuer)) return 'must be a URL of at most 255 characters';
  const url = new URL(issuer);
  if (url.username !== '' || url.password !== '') return 'must not hold a user name or password';
  if (url.search !== '' || url.hash !== '') return 'must not have a query';
  if (url.protocol === 'https:') return null;
  if (url.protocol === 'http:' && !production && isThisMachine(url.hostname)) return null;
  return 'must be an https URL (in development also http://localhost)';
}

/** Whether the host name is that of the machine itself. */
function isThisMachine(hostname: string): boolean {
  return hostname === 'localhost' || hostname === '[::1]' || /^127\.\d+\.\d+\.\d+$/.test(hostname);
}

function issuerOf(names: Names, id: string): string | undefined {
  const set = read(names, id, 'ISSUER');
  if (set !== undefined) return set;
  if (id === 'google') return 'https://accounts.google.com';
  const tenant = id === 'microsoft' ? read(names, id, 'TENANT') : undefined;
  return tenant && `https://login.microsoftonline.com/${encodeURIComponent(tenant)}/v2.0`;
}

type Part = 'ISSUER' | 'CLIENT_ID' | 'CLIENT_SECRET' | 'LABEL' | 'TENANT';

const nameOf = (id: string, part: Part): string => `OIDC_${id.toUpperCase().replaceAll('-', '_')}_${part}`;

const read = (names: Names, id: string, part: Part): string | undefined => names[nameOf(id, part)];

function namesOf(names: Names): string[] {
  const parts = (names.OIDC_PROVIDERS ?? '').split(',').map((name) => name.trim().toLowerCase());
  return parts.filter((name) => name !== '');
}

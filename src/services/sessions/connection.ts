/** How a session goes out (its proxy) and as what the phone lists it. */
import { eq } from 'drizzle-orm';
import { type BrowserRow, whatsappAccounts } from '../../db/schema.ts';
import type { SecretBox } from '../../utils/crypto.ts';
import { AppError } from '../../utils/errors.ts';
import { resolveChecked } from '../../utils/guarded-http/connector.ts';
import { HttpFailure } from '../../utils/guarded-http/failures.ts';
import { describeProxy, formatProxy, type ProxyAddress, parseProxy } from '../../utils/proxy/address.ts';
import { UnreadableCredentials } from '../../whatsapp/credential-rows.ts';
import type { ConnectionSettings } from '../../whatsapp/engine.ts';
import type { Ctx, Deps } from '../context.ts';
import type { SessionRecord } from './find.ts';

/** The context that a sealed proxy is bound to. */
export const sealedProxyContext = (accountId: string) => `proxy:${accountId}`;

export function sealProxy(secrets: SecretBox, accountId: string, proxy: ProxyAddress): string {
  return secrets.sealText(formatProxy(proxy), sealedProxyContext(accountId));
}

/** Null: none. Throws when no key opens it. */
export function openProxy(
  secrets: SecretBox,
  { id, proxy }: Pick<SessionRecord, 'id' | 'proxy'>,
): ProxyAddress | null {
  return proxy === null ? null : parseProxy(secrets.openText(proxy, sealedProxyContext(id)));
}

/** For the engine. Rejects when the session is gone or its proxy cannot be opened: nothing may go out then. */
export async function readConnection(
  { db, secrets }: Pick<Deps, 'db' | 'secrets'>,
  accountId: string,
): Promise<ConnectionSettings> {
  const { id, proxy, browser } = whatsappAccounts;
  const [row] = await db.select({ id, proxy, browser }).from(whatsappAccounts).where(eq(id, accountId));
  if (!row) throw new Error('the session is gone');
  try {
    return { proxy: openProxy(secrets, row), browser: row.browser };
  } catch (error) {
    throw new UnreadableCredentials(accountId, error);
  }
}

/**
 * Reads the address of a proxy. Throws VALIDATION_FAILED, and URL_REFUSED for one that leads to a private address or to
 * this service. A name that does not resolve (yet) passes: each connection looks again.
 */
export async function checkProxy(
  { proxyRules }: Pick<Deps, 'proxyRules'>,
  text: string,
): Promise<ProxyAddress> {
  const proxy = parseProxy(text);
  try {
    await resolveChecked(proxy.host, proxyRules);
  } catch (error) {
    if (error instanceof HttpFailure) return proxy;
    if (!(error instanceof AppError)) throw error;
    throw new AppError('URL_REFUSED', 'The address of the proxy is private, or of this service.', {
      details: { proxy: 'must be on the public internet' },
    });
  }
  return proxy;
}

/** As answers show it: never the user, never the password. A proxy that no key opens has no `url`. */
export function toConnection(
  secrets: SecretBox,
  row: Pick<SessionRecord, 'id' | 'proxy' | 'browser'>,
): { proxy: { url: string | null; hasCredentials: boolean } | null; browser: BrowserRow | null } {
  return { proxy: showProxy(secrets, row), browser: row.browser };
}

function showProxy(secrets: SecretBox, row: Pick<SessionRecord, 'id' | 'proxy'>) {
  const proxy = tryProxy(secrets, row);
  if (proxy === UNREADABLE) return { url: null, hasCredentials: false };
  return proxy && { url: describeProxy(proxy), hasCredentials: proxy.credentials !== null };
}

/** No key opens it. */
const UNREADABLE = Symbol('unreadable');

function tryProxy(
  secrets: SecretBox,
  row: Pick<SessionRecord, 'id' | 'proxy'>,
): ProxyAddress | null | typeof UNREADABLE {
  try {
    return openProxy(secrets, row);
  } catch {
    return UNREADABLE;
  }
}

/** The row's proxy, or the one that is given. Throws CONFLICT when there is neither, and when no key opens the row's. */
export async function proxyToTest(
  ctx: Ctx,
  session: SessionRecord,
  text: string | undefined,
): Promise<ProxyAddress> {
  const proxy = text === undefined ? tryProxy(ctx.secrets, session) : await checkProxy(ctx, text);
  if (proxy === UNREADABLE) {
    throw new AppError('CONFLICT', 'The proxy of this session cannot be read with the present keys.', {
      details: { reason: 'credentials_unreadable' },
    });
  }
  if (proxy !== null) return proxy;
  throw new AppError('CONFLICT', 'This session has no proxy: give one to test.');
}

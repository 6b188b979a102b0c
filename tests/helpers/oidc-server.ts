/** A real OpenID provider on this machine, and a browser that goes there and back. */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import Provider, { type Configuration } from 'oidc-provider';
import type { OidcProvider } from '../../src/utils/config-oidc.ts';
import type { TestApp } from './app.ts';

/** An account at the provider. */
export interface Account {
  sub: string;
  email?: string;
  email_verified?: boolean;
  name?: string;
}

export interface OidcServer {
  /** as the service's configuration has it */
  provider: OidcProvider;
  /** who signs in there next; null: whoever calls it off */
  account: Account | null;
  /** answers nothing but this status while it is set; 0: nothing at all */
  broken: number | null;
  /** what it says of itself instead of the truth */
  claims: Record<string, string>;
  /** From where people are sent here; call it once. */
  serve(publicUrl: string): void;
  /** requests that came */
  requests: string[];
  close(): Promise<void>;
}

const CLIENT = { clientId: 'wahub', clientSecret: 'a-secret-of-tests-only' };

/** Opens a provider named `test` for a service at `publicUrl`. Close it, or the test file does not end. */
export async function openOidcServer(publicUrl?: string): Promise<OidcServer> {
  const http = createServer((req, res) => void answer(req, res));
  await new Promise<void>((resolve) => http.listen(0, '127.0.0.1', resolve));
  // Safe because a server that listens on TCP has such an address.
  const { port } = http.address() as AddressInfo;
  const issuer = `http://127.0.0.1:${port}`;
  const accounts = new Map<string, Account>();
  const server: OidcServer = {
    provider: { id: 'test', label: 'Test', issuer, ...CLIENT },
    account: null,
    broken: null,
    claims: {},
    requests: [],
    serve(at) {
      provider = new Provider(issuer, configuration(at, accounts));
    },
    close: () =>
      new Promise((resolve) => {
        http.closeAllConnections();
        http.close(() => resolve());
      }),
  };
  let provider: Provider | null = null;
  if (publicUrl !== undefined) server.serve(publicUrl);

  async function answer(req: IncomingMessage, res: ServerResponse): Promise<void> {
    const path = req.url ?? '/';
    server.requests.push(path.split('?')[0] ?? '');
    if (server.broken === 0 || provider === null) return;
    if (server.broken !== null) {
      res.writeHead(server.broken, { 'content-type': 'text/html' }).end('<h1>out of order</h1>');
    } else if (path.startsWith('/.well-known/') && Object.keys(server.claims).length > 0) {
      const about = { issuer, authorization_endpoint: `${issuer}/auth`, jwks_uri: `${issuer}/jwks` };
      const body = { ...about, token_endpoint: `${issuer}/token`, ...server.claims };
      res.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(body));
    } else if (path.startsWith('/interaction/')) {
      const { account } = server;
      if (account) accounts.set(account.sub, account);
      const result = account
        ? { login: { accountId: account.sub } }
        : { error: 'access_denied', error_description: 'called off' };
      await provider.interactionFinished(req, res, result, { mergeWithLastSubmission: false });
    } else {
      await provider.callback()(req, res);
    }
  }
  return server;
}

function configuration(publicUrl: string, accounts: ReadonlyMap<string, Account>): Configuration {
  return {
    clients: [
      {
        client_id: CLIENT.clientId,
        client_secret: CLIENT.clientSecret,
        redirect_uris: [`${publicUrl}/dashboard/sign-in/oidc/test/callback`],
      },
    ],
    claims: { openid: ['sub'], email: ['email', 'email_verified'], profile: ['name'] },
    cookies: { keys: ['tests'] },
    features: { devInteractions: { enabled: false } },
    interactions: { url: (_ctx, { uid }) => `/interaction/${uid}` },
    pkce: { required: () => true },
    findAccount: (_ctx, sub) => ({ accountId: sub, claims: () => ({ ...accounts.get(sub), sub }) }),
    // Nobody is asked again whether the service may know the address.
    async loadExistingGrant(ctx) {
      const grant = new ctx.oidc.provider.Grant({
        clientId: ctx.oidc.client?.clientId ?? '',
        accountId: ctx.oidc.session?.accountId ?? '',
      });
      grant.addOIDCScope('openid email profile');
      await grant.save();
      return grant;
    },
  };
}

/** A browser's cookies, by their names; paths and sites are not looked at. */
export class Jar {
  readonly cookies = new Map<string, string>();

  keep(headers: Headers): void {
    for (const line of headers.getSetCookie()) {
      const [pair = '', ...attributes] = line.split(';');
      const at = pair.indexOf('=');
      const name = pair.slice(0, at).trim();
      if (attributes.some((each) => /^\s*max-age=0$/i.test(each))) this.cookies.delete(name);
      else this.cookies.set(name, pair.slice(at + 1));
    }
  }

  get header(): string {
    return [...this.cookies].map(([name, value]) => `${name}=${value}`).join('; ');
  }
}

const MAX_HOPS = 10;

/**
 * From an address at the provider back to the service: the path and query of the callback. Redirects are followed as a
 * browser does, each with the cookies of the provider.
 */
export async function passProvider(url: string, publicUrl: string): Promise<string> {
  const jar = new Jar();
  let at = url;
  for (let hop = 0; hop < MAX_HOPS; hop++) {
    const answer = await fetch(at, { redirect: 'manual', headers: { cookie: jar.header } });
    jar.keep(answer.headers);
    const location = answer.headers.get('location');
    if (location === null) throw new Error(`the provider answered ${answer.status}: ${await answer.text()}`);
    await answer.body?.cancel();
    at = new URL(location, at).href;
    if (at.startsWith(publicUrl)) return at.slice(publicUrl.length);
  }
  throw new Error('the provider sends around in circles');
}

/** Opens a page of the service as this browser. */
export async function visit(app: TestApp, jar: Jar, path: string, form?: Record<string, string>) {
  const init = { method: form ? 'POST' : 'GET', headers: { cookie: jar.header } };
  const body = form && new URLSearchParams(form).toString();
  const headers = form
    ? { ...init.headers, 'content-type': 'application/x-www-form-urlencoded' }
    : init.headers;
  const answer = await app.app.request(
    path,
    { ...init, headers, ...(body === undefined ? {} : { body }) },
    { incoming: { socket: { remoteAddress: '127.0.0.1' } } },
  );
  jar.keep(answer.headers);
  return { status: answer.status, location: answer.headers.get('location'), text: await answer.text() };
}

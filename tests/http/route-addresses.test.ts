/** The table of routes as a whole: no address twice, and the document describes what is really there. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { docsRoutes } from '../../src/controllers/docs.ts';
import { allRoutes } from '../../src/controllers/index.ts';
import { pathsOf } from '../../src/controllers/mount.ts';
import type { Route } from '../../src/controllers/route.ts';
import { openTestApp, type TestApp } from '../helpers/app.ts';

let t: TestApp;
beforeAll(async () => {
  t = await openTestApp();
});
afterAll(() => t.close());

const everything: Route[] = [...allRoutes, ...docsRoutes(allRoutes)];
/** Parameters have other names in other places; for the router they are the same address. */
const addressesOf = (route: Route) =>
  pathsOf(route).map((path) => `${route.method.toUpperCase()} ${path.replace(/:\w+/g, ':')}`);

interface Operation {
  method: string;
  path: string;
  server: string;
  isPublic: boolean;
}

async function readOperations(): Promise<Operation[]> {
  const { body } = await t.call('/openapi.json');
  const { paths, servers } = toDocument(body);
  return Object.entries(paths).flatMap(([path, methods]) =>
    Object.entries(methods).flatMap(([method, operation]) =>
      (operation.servers ?? servers).map((server) => ({
        method: method.toUpperCase(),
        path,
        server: server.url.replace(/\/$/, ''),
        isPublic: operation.security.length === 0,
      })),
    ),
  );
}

interface Document {
  servers: { url: string }[];
  paths: Record<string, Record<string, { servers?: { url: string }[]; security: unknown[] }>>;
}

/** Safe because the tests of the document hold it to that shape. */
const toDocument = (body: unknown): Document => body as Document;

/** What a public address needs to be answered well. */
const KNOWN_PARAMETERS: Record<string, string> = { file: 'init.js' };

describe('the addresses', () => {
  it('are declared once each, aliases and both mounts included', () => {
    const addresses = everything.flatMap(addressesOf);
    const twice = addresses.filter((address, at) => addresses.indexOf(address) !== at);
    expect(twice).toEqual([]);
  });

  it('come in an order in which none hides another', () => {
    const hidden = everything.flatMap((route, at) =>
      pathsOf(route).flatMap((path) => {
        const wanted = path.replace(/:\w+/g, 'x');
        const earlier = everything
          .slice(0, at)
          .filter((other) => other.method === route.method)
          .find((other) => pathsOf(other).some((pattern) => matches(pattern, wanted)));
        return earlier ? [`${route.method} ${path} is taken by ${earlier.path}`] : [];
      }),
    );
    expect(hidden).toEqual([]);
  });

  it('are all in the document', async () => {
    const described = (await readOperations()).map(
      ({ method, path, server }) => `${method} ${server}${path.replace(/\{\w+\}/g, ':')}`,
    );
    for (const route of allRoutes) {
      const [canonical = ''] = addressesOf(route);
      expect(described).toContain(canonical);
    }
  });

  it('answer for every operation and server of the document, and never 404 or 501', async () => {
    const operations = await readOperations();
    expect(operations.length).toBeGreaterThan(200);
    for (const { method, path, server, isPublic } of operations) {
      const address = `${server}${path.replace(/\{(\w+)\}/g, (_all, name: string) => KNOWN_PARAMETERS[name] ?? 'x')}`;
      const { status } = await t.call(address, { method });
      // Who is it? comes first: 401 is the word of the route itself.
      if (isPublic) expect([404, 405, 501], `${method} ${address}`).not.toContain(status);
      else expect(status, `${method} ${address}`).toBe(401);
    }
  });
});

/** As Hono matches: a parameter takes one segment. */
function matches(pattern: string, path: string): boolean {
  const wanted = path.split('/');
  const parts = pattern.split('/');
  return (
    parts.length === wanted.length && parts.every((part, at) => part.startsWith(':') || part === wanted[at])
  );
}

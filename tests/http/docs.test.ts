import { readdirSync, readFileSync } from 'node:fs';
import spectralCore, { type RulesetDefinition } from '@stoplight/spectral-core';
import spectralRulesets from '@stoplight/spectral-rulesets';
import { eq } from 'drizzle-orm';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { allRoutes } from '../../src/controllers/index.ts';
import { buildOpenApi } from '../../src/controllers/openapi.ts';
import { route } from '../../src/controllers/route.ts';
import { whatsappAccounts, workspaces } from '../../src/db/schema.ts';
import { ERROR_STATUS } from '../../src/utils/errors.ts';
import { newId } from '../../src/utils/ids.ts';
import { openTestApp, type TestApp } from '../helpers/app.ts';

const { Spectral } = spectralCore;
const { oas } = spectralRulesets;
/** Safe because it is a set of rules: its type says less of them than Spectral asks for. */
const toRuleset = (rules: object): RulesetDefinition => rules as RulesetDefinition;

let t: TestApp;
beforeAll(async () => {
  t = await openTestApp();
});
afterAll(() => t.close());

/** Every string under a key `$ref`. */
function refsOf(value: unknown): string[] {
  if (typeof value !== 'object' || value === null) return [];
  return Object.entries(value).flatMap(([key, item]) =>
    key === '$ref' && typeof item === 'string' ? [item] : refsOf(item),
  );
}

describe('the documents', () => {
  const shape = (path: string) => path.replace(/:\w+/g, '*').replace(/[/.-]+$/, '');
  const known = allRoutes.map(({ method, path }) => `${method.toUpperCase()} ${shape(path)}`);
  /** Documents leave out what the addresses of a chapter begin with. */
  const isKnown = (method: string, path: string) =>
    known.some((route) => route.startsWith(`${method} `) && route.endsWith(shape(path)));
  // They name the addresses of other systems as well.
  const files = readdirSync('docs').filter(
    (name) => /\.md$/.test(name) && !/^(coming-from|migration)/.test(name),
  );

  it.each(files)('%s names no address that is not there', (file) => {
    const named = readFileSync(`docs/${file}`, 'utf8').matchAll(/`(GET|POST|PUT|DELETE) (\/[\w:/.-]+)/g);
    const missing = [...named].filter(([, method = '', path = '']) => !isKnown(method, path));
    const families = ['`POST /message/send-', '`POST /webhook/default/test'];
    expect(missing.map(([text]) => text).filter((text) => !families.includes(text))).toEqual([]);
  });
});

describe('/openapi.json', () => {
  it('describes every route once, with its servers', async () => {
    const { body, status } = await t.call('/openapi.json');
    expect(status).toBe(200);
    expect(body).toMatchObject({ openapi: '3.1.0', servers: [{ url: '/' }, { url: '/api' }] });
    const operations = Object.entries(body.paths as Record<string, object>).flatMap(([path, methods]) =>
      Object.keys(methods).map((method) => `${method} ${path}`),
    );
    const expected = allRoutes.map(({ method, path }) => `${method} ${path.replace(/:(\w+)/g, '{$1}')}`);
    expect(operations.sort()).toEqual([...new Set(expected)].sort());
    expect(expected).toHaveLength(new Set(expected).size);
  });

  it('refers only to components that it has, and repeats no operation id', async () => {
    const { body, text } = await t.call('/openapi.json');
    const components = Object.entries(body.components as Record<string, object>);
    const known = new Set(
      components.flatMap(([kind, named]) => Object.keys(named).map((name) => `#/components/${kind}/${name}`)),
    );
    const refs = refsOf(body);
    expect(refs.length).toBeGreaterThan(20);
    expect(refs.filter((ref) => !known.has(ref))).toEqual([]);
    expect(text).not.toContain('$defs');
    const ids = [...text.matchAll(/"operationId":"([^"]+)"/g)].map((match) => match[1]);
    expect(new Set(ids).size).toBe(ids.length);
  });

  it('declares the parameters of each path', async () => {
    const { body } = await t.call('/openapi.json');
    for (const [path, methods] of Object.entries(body.paths as Record<string, Record<string, object>>)) {
      const names = [...path.matchAll(/\{(\w+)\}/g)].map((match) => match[1]);
      for (const operation of Object.values(methods)) {
        const { parameters = [] } = operation as { parameters?: { name: string; in: string }[] };
        const declared = parameters.filter((parameter) => parameter.in === 'path').map(({ name }) => name);
        expect(declared.sort()).toEqual(names.sort());
      }
    }
  });

  it('passes the rules of Spectral without errors, and describes every operation', async () => {
    const spectral = new Spectral();
    spectral.setRuleset({ extends: [[toRuleset(oas), 'recommended']] });
    const { body } = await t.call('/openapi.json');
    // Examples of answers are held to their schemas below, in a hundredth of the time.
    const lean = JSON.parse(JSON.stringify(body), (name, value) =>
      name === 'responses' ? bare(value) : value,
    );
    const found = await spectral.run(lean);
    const errors = found.filter(({ severity, code }) => severity === 0 || code === 'operation-description');
    expect(errors.map(({ code, path, message }) => `${code} ${path.join('/')} ${message}`)).toEqual([]);
  }, 60_000);

  it('says of every operation more than its name', () => {
    const bare = allRoutes.filter(
      ({ summary, description = '' }) => description.trim() === '' || description === summary,
    );
    expect(bare.map(({ method, path }) => `${method} ${path}`)).toEqual([]);
  });

  it('names in its descriptions only what its parameters, bodies and answers have', async () => {
    const { body } = await t.call('/openapi.json');
    const { schemas } = body.components as { schemas: Record<string, unknown> };
    const wrong = Object.entries(body.paths as Record<string, Record<string, Operation>>).flatMap(
      ([path, methods]) =>
        Object.entries(methods).flatMap(([method, operation]) => {
          const { description = '', parameters = [], requestBody, responses } = operation;
          const known = new Set(
            parameters.flatMap(({ name, schema }) => [name, ...namesIn(schema, schemas)]),
          );
          for (const part of [requestBody, responses]) {
            for (const name of namesIn(part, schemas)) known.add(name);
          }
          const own = description.replace(/(?:An API key n|N)eeds the scope[^.]*\.|Only for[^.]*\./, '');
          const named = [...own.matchAll(/`([a-z][A-Za-z]+)`/g)].map(([, name = '']) => name);
          const cursor = /\bcursor\b/.test(description) ? ['cursor'] : [];
          return [...named, ...cursor]
            .filter((name) => !known.has(name) && !ELSEWHERE.has(name) && !ELSEWHERE.has(`${path} ${name}`))
            .map((name) => `${method} ${path} ${name}`);
        }),
    );
    expect(wrong).toEqual([]);
  });

  it('has examples that pass the schemas', () => {
    for (const { body, params, query, example, method, path } of allRoutes) {
      const parts = [
        [body, example?.body],
        [params, example?.params],
        [query, example?.query],
      ] as const;
      for (const [schema, value] of parts) {
        if (!schema || value === undefined) continue;
        expect(schema.safeParse(value), `${method} ${path}`).toMatchObject({ success: true });
      }
    }
  });

  it('is not built of two different schemas of one name', () => {
    const make = (path: string, schema: z.ZodType) =>
      route({
        method: 'get',
        path,
        tag: 't',
        summary: 's',
        description: 'for a test',
        auth: 'public',
        response: schema,
        handler: () => ({}),
      });
    const routes = [
      make('/a', z.object({ a: z.string() }).meta({ id: 'Twice' })),
      make('/b', z.object({ b: z.string() }).meta({ id: 'Twice2' })),
    ];
    expect(() => buildOpenApi(routes)).not.toThrow();
    const ambiguous = z.object({ in: z.number().default(1) }).meta({ id: 'Both' });
    const both = route({
      method: 'post',
      path: '/c',
      tag: 't',
      summary: 's',
      description: 'for a test',
      auth: 'public',
      body: ambiguous,
      response: ambiguous,
      handler: () => ({}),
    });
    expect(() => buildOpenApi([both])).toThrow(/two different schemas are named Both/);
  });
});

describe('answers in the document', () => {
  it.each([
    ['/message/send-text', '200 202'],
    ['/message/send-album', '200 202'],
    ['/session/{sessionId}/broadcast/lists/{listId}/contacts/bulk', '200 202'],
    ['/session/{sessionId}/broadcast/opt-outs/import', '200 202'],
    ['/auth/register', '201 202'],
    ['/api/sessions/create', '200 201'],
    ['/api/messages/{sessionId}/text', '200'],
  ])('of POST %s are those of %s', async (path, statuses) => {
    const { body } = await t.call('/openapi.json');
    const paths = body.paths as Record<string, { post?: Operation }>;
    const { responses = {} } = paths[path]?.post ?? {};
    const good = Object.keys(Object(responses)).filter((status) => status.startsWith('2'));
    expect(good.join(' ')).toBe(statuses);
  });

  it('have an example that its schema takes, for every answer and every code', async () => {
    const { body } = await t.call('/openapi.json');
    const paths = body.paths as Record<string, Record<string, { responses: Record<string, OpenApiAnswer> }>>;
    const routes = new Map(
      allRoutes.map((one) => [`${one.method} ${one.path.replace(/:(\w+)/g, '{$1}')}`, one]),
    );
    const codes = new Set<string>();
    for (const [path, methods] of Object.entries(paths)) {
      for (const [method, { responses }] of Object.entries(methods)) {
        const name = `${method} ${path}`;
        for (const [status, { content }] of Object.entries(responses)) {
          const json = content?.['application/json'];
          if (!json) continue;
          for (const code of Object.keys(json.examples ?? {})) codes.add(code);
          if (!status.startsWith('2')) expect(Object.keys(json.examples ?? {}), name).not.toEqual([]);
          const schema = routes.get(name)?.response;
          if (!status.startsWith('2') || !schema) continue;
          const { success, ...answer } = json.example ?? {};
          expect(success, name).toBe(true);
          expect(schema.safeParse(answer).error?.issues ?? [], name).toEqual([]);
        }
      }
    }
    const { examples } = body.components as { examples: Record<string, { value: { code: string } }> };
    expect(Object.keys(examples).sort()).toEqual(Object.keys(ERROR_STATUS).sort());
    for (const code of codes) expect(examples[code]?.value.code).toBe(code);
    // No year that nobody lives in.
    const years = JSON.stringify(body).matchAll(/"(\d{4})-\d\d-\d\dT/g);
    expect([...new Set([...years].map(([, year]) => year))]).toEqual(['2026']);
  });
});

interface Operation {
  description?: string;
  parameters?: { name: string; schema?: unknown }[];
  requestBody?: unknown;
  responses?: unknown;
}

/** Names in descriptions that are those of another operation, of streamed events, of roles and of values. */
const ELSEWHERE: ReadonlySet<string> = new Set(
  (
    'methods totp passkey expiresAt scheduledAt admin useMultiFileAuthState replaced exported qr receipt null to pool ' +
    'canceled original template failed progress completed seq reset sessionId timezone'
  ).split(' '),
)
  .add('/session/events status')
  .add('/session/{sessionId}/channels sent');

/** Every name of a property and every fixed value in a schema, with those that it refers to. */
function namesIn(
  value: unknown,
  schemas: Record<string, unknown>,
  seen = new Set<string>(),
  found = new Set<string>(),
): Set<string> {
  if (typeof value !== 'object' || value === null) return found;
  for (const [key, item] of Object.entries(value)) {
    if (/^examples?$/.test(key)) continue;
    if (key === '$ref' && typeof item === 'string') {
      const name = item.replace('#/components/schemas/', '');
      if (!seen.has(name)) namesIn(schemas[name], schemas, seen.add(name), found);
      continue;
    }
    if (key === 'properties') for (const name of Object.keys(Object(item))) found.add(name);
    if (key === 'const' || key === 'enum') for (const one of [item].flat()) found.add(String(one));
    namesIn(item, schemas, seen, found);
  }
  return found;
}

/** Answers without their examples. */
function bare(responses: unknown): unknown {
  return JSON.parse(
    JSON.stringify(responses, (name, value) => (/^examples?$/.test(name) ? undefined : value)),
  );
}

interface OpenApiAnswer {
  content?: Record<string, { example?: Record<string, unknown>; examples?: Record<string, unknown> }>;
}

describe('/docs', () => {
  it.each(['', '/api'])('is a page under %s/docs whose every asset comes from here', async (prefix) => {
    for (const path of ['/docs', '/docs/errors', '/docs/try', '/docs/operations/postMessageSendText']) {
      const page = await t.call(`${prefix}${path}`);
      expect(page.headers.get('content-type')).toContain('text/html');
      expect(page.text).not.toMatch(/<script>|<style|style=|onclick=/);
      const assets = [...page.text.matchAll(/<(?:script|link)[^>]* (?:src|href)="([^"]+)"/g)];
      expect(assets.length).toBeGreaterThan(0);
      for (const [, asset] of assets) {
        const { pathname } = new URL(asset ?? '', `http://localhost${prefix}${path}`);
        const reply = await t.call(pathname);
        expect([pathname, reply.status]).toEqual([pathname, 200]);
        expect(reply.headers.get('cache-control')).toContain('max-age');
      }
    }
  });

  it('names every operation, messages first, and each has a page with code, answers and codes', async () => {
    const index = await t.call('/docs');
    expect(index.text.length).toBeLessThan(150_000);
    expect(index.text.indexOf('<h2>Messages</h2>')).toBeLessThan(index.text.indexOf('<h2>OTP</h2>'));
    const ids = [...index.text.matchAll(/data-href="docs\/operations\/(\w+)"/g)].map(([, id]) => id);
    expect(new Set(ids).size).toBe(allRoutes.length);
    for (const id of ids) expect((await t.call(`/docs/operations/${id}`)).status, id).toBe(200);
    const send = (await t.call('/docs/operations/postMessageSendText')).text;
    for (const word of [
      'Idempotency-Key',
      'Prefer',
      'RateLimit-Policy',
      'NOT_CONNECTED',
      'scheduledAt',
      'WAHUB_KEY',
    ])
      expect(send).toContain(word);
    for (const language of ['curl', 'Node.js', 'PHP', 'Python', 'Go', 'Java'])
      expect(send).toContain(language);
    expect((await t.call('/docs/operations/constructor')).status).toBe(404);
  });

  it('is there as for a stranger while a second factor is missing, and when reading who asks fails', async () => {
    const member = await t.tenant();
    const pages = async () =>
      Promise.all(
        ['/docs', '/docs/operations/postMessageSendText'].map((path) =>
          t.call(path, { headers: { cookie: `wahub_session=${member.token}` } }),
        ),
      );
    const expectStranger = (replies: Awaited<ReturnType<typeof pages>>) => {
      for (const { status, text } of replies) {
        expect(status).toBe(200);
        expect(text).not.toContain(member.apiKey);
      }
    };
    expect((await pages())[1]?.text).toContain(member.apiKey);
    const asksForFactor = (requireSecondFactor: boolean) =>
      t.deps.db.update(workspaces).set({ requireSecondFactor }).where(eq(workspaces.id, member.id));
    await asksForFactor(true);
    t.deps.credentials.forget(member.id);
    expectStranger(await pages());
    await asksForFactor(false);
    t.deps.credentials.forget(member.id);
    const { fromToken } = t.deps.credentials;
    t.deps.credentials.fromToken = () => Promise.reject(new Error('the database does not answer'));
    try {
      expectStranger(await pages());
    } finally {
      t.deps.credentials.fromToken = fromToken;
    }
  });

  it("is filled in with the reader's own key and session, and nobody else's", async () => {
    const [reader, other] = [await t.tenant(), await t.tenant()];
    await addSession(reader.id, 'warehouse');
    await addSession(other.id, 'elsewhere');
    const headers = { cookie: `wahub_session=${reader.token}` };
    for (const path of ['/docs', '/docs/operations/postMessageSendText']) {
      const { text } = await t.call(path, { headers });
      expect(text).toContain(reader.apiKey);
      expect(text).toContain('warehouse');
      expect(text).not.toContain('elsewhere');
      expect((await t.call(path, { headers: { cookie: 'wahub_session=x.y.z' } })).text).toContain(
        'WAHUB_KEY',
      );
    }
  });

  it('serves nothing but those', async () => {
    for (const file of ['package.json', '..%2fpackage.json', 'constructor', '__proto__']) {
      expect((await t.call(`/docs/assets/${file}`)).status).toBe(404);
    }
  });
});

async function addSession(userId: number, sessionId: string): Promise<void> {
  const at = Date.now();
  const about = { status: 'logged_out', pairing: 'qr', paired: false } as const;
  const row = { id: newId(), userId, sessionId, createdAt: at, updatedAt: at, ...about };
  await t.deps.db.insert(whatsappAccounts).values(row);
}

describe('/health', () => {
  it.each(['/health', '/api/health'])('tells of database and engine at %s', async (path) => {
    const reply = await t.call(path);
    expect(reply).toMatchObject({
      status: 200,
      body: {
        status: 'ok',
        database: { status: 'up' },
        storage: { status: 'up', type: 'local' },
        engine: { sessions: { connected: 0, failed: 0 } },
      },
    });
  });

  it('is ready only between start and stop', async () => {
    for (const [phase, status] of [
      ['starting', 503],
      ['ready', 200],
      ['stopping', 503],
    ] as const) {
      t.deps.lifecycle.phase = phase;
      expect((await t.call('/health/ready')).status).toBe(status);
      expect((await t.call('/health/live')).status).toBe(200);
    }
    t.deps.lifecycle.phase = 'ready';
  });

  it.each([
    ['a full disk', Object.assign(new Error('database or disk is full'), { code: 'SQLITE_FULL' })],
    ['a read-only server', Object.assign(new Error('read only'), { errno: 1290 })],
  ])('is not well while nothing can be written: %s', async (_name, error) => {
    const refuse = () => {
      throw error;
    };
    const db = { ...t.deps.db, select: t.deps.db.select.bind(t.deps.db), insert: refuse };
    const full = await openTestApp({ deps: { database: { ...t.deps.database, db } } });
    expect(await full.call('/health')).toMatchObject({
      status: 503,
      body: { code: 'UNAVAILABLE', details: { status: 'down', database: { status: 'up', writable: false } } },
    });
    expect(await full.call('/health/ready')).toMatchObject({
      status: 503,
      body: { code: 'UNAVAILABLE', details: { reason: 'database_not_writable' } },
    });
    await full.close();
  });

  it('is not ready while a full table refuses new rows, though small changes go through', async () => {
    const database = { ...t.deps.database, sinceWriteRefused: () => 100 };
    const full = await openTestApp({ deps: { database } });
    expect(await full.call('/health/ready')).toMatchObject({
      status: 503,
      body: { details: { reason: 'database_not_writable' } },
    });
    await full.close();
  });

  it('is not ready while the credentials of no session can be read, and says how many cannot', async () => {
    const { id: userId } = await t.tenant();
    const now = Date.now();
    const row = { userId, pairing: 'qr' as const, paired: true, createdAt: now, updatedAt: now };
    const { db } = t.deps;
    const locked = { status: 'disconnected' as const, reason: 'credentials_unreadable' };
    await db.insert(whatsappAccounts).values({ id: newId(), sessionId: 'locked', ...row, ...locked });
    expect(await t.call('/health/ready')).toMatchObject({
      status: 503,
      body: { details: { reason: 'credentials_unreadable' } },
    });
    await db.insert(whatsappAccounts).values({ id: newId(), sessionId: 'open', ...row, status: 'connected' });
    expect(await t.call('/health/ready')).toMatchObject({ status: 200, body: { unreadableSessions: 1 } });
    expect(await t.call('/health')).toMatchObject({ status: 200, body: { status: 'degraded' } });
    await db.delete(whatsappAccounts).where(eq(whatsappAccounts.userId, userId));
  });

  it('tells of a clock that is wrong', async () => {
    const clock = { ...t.deps.clock, skewMs: () => -2_500 };
    const skewed = await openTestApp({ deps: { clock } });
    expect(await skewed.call('/health')).toMatchObject({
      status: 200,
      body: { status: 'degraded', clock: { status: 'skewed', skewMs: -2_500 } },
    });
    await skewed.close();
  });

  it('says so when the database is away, or does not answer', async () => {
    for (const ping of [() => Promise.reject(new Error('gone')), () => new Promise<void>(() => {})]) {
      const database = { ...t.deps.database, ping };
      const away = await openTestApp({ deps: { database } });
      const health = await away.call('/health');
      expect(health).toMatchObject({
        status: 503,
        body: { code: 'UNAVAILABLE', details: { database: { status: 'down' } } },
      });
      expect(await away.call('/health/ready')).toMatchObject({ status: 503 });
      expect((await away.call('/health/live')).status).toBe(200);
      await away.close();
    }
  });
});

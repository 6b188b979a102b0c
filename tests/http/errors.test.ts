/** What a caller is told who got something wrong: what was meant, what to do, and where to read about it. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { allRoutes } from '../../src/controllers/index.ts';
import type { Route } from '../../src/controllers/route.ts';
import { whatsappAccounts } from '../../src/db/schema.ts';
import { ERROR_STATUS } from '../../src/utils/errors.ts';
import { newId } from '../../src/utils/ids.ts';
import { type Shape, shapeOf } from '../../src/utils/schema-shape.ts';
import { type Call, openTestApp, type Reply, type Tenant, type TestApp } from '../helpers/app.ts';
import { hurriedClock } from '../helpers/clock.ts';

let t: TestApp;
let owner: Tenant;
let admin: Tenant;
beforeAll(async () => {
  t = await openTestApp({ clock: hurriedClock });
  owner = await t.tenant();
  admin = await t.tenant('admin');
  await addSession(owner, 'support-2');
});
afterAll(() => t.close());

async function addSession(tenant: Tenant, sessionId: string): Promise<void> {
  const at = Date.now();
  const about = { status: 'disconnected', pairing: 'qr', paired: true } as const;
  const row = { id: newId(), userId: tenant.id, sessionId, createdAt: at, updatedAt: at, ...about };
  await t.deps.db.insert(whatsappAccounts).values(row);
}

const post = (path: string, body: unknown, call: Call = {}) =>
  t.call(path, { method: 'POST', body, apiKey: owner.apiKey, ...call });
const get = (path: string, call: Call = {}) => t.call(path, { apiKey: owner.apiKey, ...call });
const refused = (name: string, meant: string, field = name) => ({
  status: 400,
  body: {
    code: 'VALIDATION_FAILED',
    message: `Unknown field ${name}. Did you mean ${meant}?`,
    details: { [field]: `is unknown; did you mean ${meant}?` },
  },
});

const text = { session: 'support-2', to: '+6281234567890', text: 'Halo' };

describe('a name that is nearly a known one', () => {
  it.each([
    ['shceduledAt', 'scheduledAt'],
    ['scheduled_at', 'scheduledAt'],
    ['ScheduledAt', 'scheduledAt'],
    ['scheduleAt', 'scheduledAt'],
    ['sesion', 'session', 'session'],
    ['phonenumber', 'phoneNumber', 'to'],
    ['txt', 'text', 'text'],
    ['prioritiy', 'priority'],
  ])('is refused in a body: %s for %s', async (name, meant, missing = meant) => {
    const body = { ...text, [missing]: undefined, [name]: 'x' };
    expect(await post('/message/send-text', body)).toMatchObject(refused(name, meant));
    expect(await post('/api/message/send-text', body)).toMatchObject(refused(name, meant));
  });

  it('is refused at every depth, once for all rows', async () => {
    const buttons = [
      { id: 'a', text: 'Ya', tittle: 'x' },
      { id: 'b', txet: 'Tidak' },
      { id: 'c', txet: 'Nanti' },
    ];
    const reply = await post('/message/send-buttons', { ...text, buttons });
    expect(reply).toMatchObject(refused('buttons.1.txet', 'text'));
    expect(Object.keys(Object(reply.body.details))).toEqual(['buttons.1.txet']);
    const sections = [{ title: 'a', rows: [{ id: '1', title: 'A', descripton: 'x' }] }];
    expect(await post('/message/send-list', { ...text, buttonText: 'x', sections })).toMatchObject(
      refused('sections.0.rows.0.descripton', 'description'),
    );
  });

  it('is refused in the content of a campaign', async () => {
    const numbers = ['+6281234567891'];
    const campaign = {
      numbers,
      type: 'image',
      content: { image: 'https://example.com/a.png', captoin: 'x' },
    };
    expect(await post('/api/whatsapp/support-2/broadcast/send', campaign)).toMatchObject(
      refused('content.captoin', 'caption'),
    );
  });

  it('is refused where a time would be passed over', async () => {
    const campaign = { numbers: ['+6281234567891'], message: 'Hello' };
    for (const time of [{ scheduledAt: '2031-01-01T09:00:00Z' }, { cron: '0 9 * * 1' }, { shceduledAt: 'x' }])
      expect(await post('/api/whatsapp/support-2/broadcast/send', { ...campaign, ...time })).toMatchObject({
        status: 400,
        body: { code: 'VALIDATION_FAILED' },
      });
  });

  it('is refused in a query, in a form and as a file', async () => {
    for (const path of ['/message/list?sesion=support-2', '/api/message/list?sesion=support-2'])
      expect(await get(path)).toMatchObject(refused('sesion', 'session'));
    const headers = { 'content-type': 'application/x-www-form-urlencoded' };
    expect(
      await post('/message/send-text', 'session=a&to=62812&text=x&prioriti=high', { headers }),
    ).toMatchObject(refused('prioriti', 'priority'));
    const form = new FormData();
    form.set('session', 'support-2');
    form.set('imge', new Blob(['x'], { type: 'image/png' }), 'x.png');
    const asFile = await t.app.request('/message/send-image', {
      method: 'POST',
      headers: { 'x-api-key': owner.apiKey },
      body: form,
    });
    expect(asFile.status).toBe(400);
    expect(await asFile.json()).toMatchObject({
      message: 'Unknown field imge. Did you mean image?',
      hint: 'Send the file as image.',
    });
  });

  it.each(['messageId', 'text2', 'toUpper', 'x', 'id', 'a'.repeat(5_000)])(
    'is not what looks like a field of another system: %s',
    async (name) => {
      const reply = await post('/message/send-text', { ...text, [name]: 'x' });
      expect(reply.body.message).not.toContain('Did you mean');
      expect(reply.body.warnings).toHaveLength(1);
    },
  );

  it('may be a name of the caller in a free-form map', async () => {
    const made = await post('/api/whatsapp/support-2/broadcast/lists', { name: 'List' });
    const { id } = Object(made.body.data);
    const contact = { number: '081234567891', nmae: 'a column of theirs', numbre: 'too' };
    const added = await post(`/api/whatsapp/support-2/broadcast/lists/${id}/contacts`, contact);
    expect(added).toMatchObject({ status: 201 });
    expect(added.body).not.toHaveProperty('warnings');
  });
});

describe('a name that is nearly a known one and loses nothing', () => {
  const warnings = (names: string[]) => names.map((name) => `Unknown field ${name} was ignored.`);
  const noText = { session: 'support-2', to: '+6281234567890' };

  it.each<[string, object, string[]]>([
    [
      'both spellings of an alias',
      { ...noText, sessionId: 'support-2', session_id: 'support-2' },
      ['session_id'],
    ],
    [
      'null beside what was meant',
      { ...noText, scheduledAt: '2030-01-01T00:00:00Z', scheduled_at: null },
      ['scheduled_at'],
    ],
    ['null alone', { ...noText, scheduled_at: null }, ['scheduled_at']],
    [
      'an answer written back',
      { ...noText, sessionId: 'support-2', sessionIds: ['support-2'] },
      ['sessionIds'],
    ],
  ])('is warned of: %s', async (_what, body, names) => {
    // Without a text nothing is sent: what counts is that it is not the name that is refused.
    const reply = await post('/message/send-text', body);
    expect(reply.body).toMatchObject({ details: { text: 'is required' }, warnings: warnings(names) });
  });

  it('is warned of in a file and its plural, in a query and in a form', async () => {
    const image = { ...noText, image: 'data:image/png;base64,AA', images: [] };
    expect((await post('/message/send-image', image)).body.warnings).toEqual(warnings(['images']));
    const list = await get('/message/list?session=support-2&sesion=support-2');
    expect(list).toMatchObject({ status: 200, body: { warnings: warnings(['sesion']) } });
    const headers = { 'content-type': 'application/x-www-form-urlencoded' };
    const form = await post('/message/send-text', 'session=a&to=62812&priority=high&prioriti=high', {
      headers,
    });
    expect(form.body.warnings).toEqual(warnings(['prioriti']));
  });

  it('is refused where what was meant is missing or null', async () => {
    const lost = { ...text, scheduledAt: null, scheduled_at: '2030-01-01T00:00:00Z' };
    expect(await post('/message/send-text', lost)).toMatchObject(refused('scheduled_at', 'scheduledAt'));
    expect(
      await post('/message/send-text', { ...noText, text: 'x', sessionsId: 'a', session: undefined }),
    ).toMatchObject(refused('sessionsId', 'sessionId'));
  });

  it('is refused in the row that lacks what was meant, though another row has both', async () => {
    const buttons = [
      { id: 'a', text: 'Ya', txet: 'Ya' },
      { id: 'b', txet: 'Tidak' },
    ];
    expect(await post('/message/send-buttons', { ...text, buttons })).toMatchObject(
      refused('buttons.1.txet', 'text'),
    );
  });
});

describe('a name that clients of an older system send', () => {
  it.each([
    ['/api/messages/support-2/otp', { company_name: 'Toko', languge: 'id' }, ['company_name', 'languge']],
    ['/api/messages/support-2/location', { location_name: 'Jakarta' }, ['location_name']],
    ['/api/whatsapp/support-2/send-message', { nummber: '62812' }, ['nummber']],
  ])('is warned of at %s', async (path, body, names) => {
    const reply = await post(path, body);
    expect(reply.body.message).not.toContain('Did you mean');
    expect(reply.body.warnings).toEqual(names.map((name) => `Unknown field ${name} was ignored.`));
  });

  it.each([
    ['/api/messages/support-2/otp', 'optp', 'otp'],
    ['/api/messages/support-2/otp', 'expiry_minutes', 'expiryMinutes'],
    ['/api/sessions/create', 'session_id', 'sessionId'],
    ['/api/sessions/create', 'sesion', 'session'],
    ['/api/sessions/create', 'prxy', 'proxy'],
    ['/api/whatsapp/support-2/broadcast/schedule', 'scheduled_at', 'scheduledAt'],
  ])('is refused where something else would be done: %s, %s', async (path, name, meant) => {
    const reply = await post(path, { to: '+6281234567890', [name]: '123456' });
    expect(reply).toMatchObject({
      status: 400,
      body: { details: { [name]: `is unknown; did you mean ${meant}?` } },
    });
  });
});

describe('another unknown name', () => {
  it('is named in the warnings of the answer, few and short', async () => {
    const many = Object.fromEntries(Array.from({ length: 30 }, (_, i) => [`column${'n'.repeat(90)}${i}`, i]));
    const reply = await post('/session/check-phone', { phoneNumber: '08123456789', ...many });
    const warnings = reply.body.warnings as string[];
    expect(reply.status).toBe(200);
    expect(warnings).toHaveLength(11);
    expect(warnings[0]).toMatch(/^Unknown field columnn+… was ignored\.$/);
    expect(warnings.at(-1)).toBe('20 more unknown fields were ignored.');
    expect(Math.max(...warnings.map(({ length }) => length))).toBeLessThan(100);
  });

  it('is named where there is no query, where it failed, and in an answer that is kept', async () => {
    expect((await get('/usage?utm=1')).body.warnings).toEqual(['Unknown field utm was ignored.']);
    const failed = await post('/message/send-text', {
      session: 'support-2',
      to: '+6281234567890',
      body: 'x',
    });
    expect(failed.body).toMatchObject({
      details: { text: 'is required' },
      hint: 'Correct this and send it again: text is required.',
      warnings: ['Unknown field body was ignored.'],
    });
    const headers = { 'idempotency-key': newId() };
    const create = (extra: object) =>
      post('/api/whatsapp/support-2/broadcast/lists', { name: 'Kept', ...extra }, { headers });
    const first = await create({ colour: 'red' });
    expect(first).toMatchObject({ status: 201, body: { warnings: ['Unknown field colour was ignored.'] } });
    const again = await create({});
    expect(again.headers.get('idempotent-replayed')).toBe('true');
    expect(again.body).not.toHaveProperty('warnings');
  });

  it('is none of a signed link or the language of a page', async () => {
    const reply = await get('/session/qr/support-2?lang=id&u=1&exp=2&sig=x');
    expect(reply.body).not.toHaveProperty('warnings');
  });
});

describe('every failure', () => {
  it('has a hint, and an address that explains its code', async () => {
    const replies = [
      await t.call('/session/list'),
      await get('/session/status?session=nobody'),
      await get('/message/nothing-of-it'),
      await get('/nowhere/at/all'),
      await post('/message/send-text', {}),
    ];
    for (const { body } of replies) {
      expect(body).toMatchObject({ success: false, hint: expect.stringMatching(/\.$|\?$/) });
      expect(body.docUrl).toBe(`${t.deps.config.publicUrl}/docs/errors#${body.code}`);
    }
  });

  it('with FORBIDDEN says in its hint what is missing', async () => {
    const { token } = await t.tenant('readonly');
    const made = await post('/auth/api-keys', { name: 'r', scopes: ['read'] }, { token: owner.token });
    const reading = { apiKey: String(made.body.apiKey) };
    const replies: [Reply, string, string][] = [
      [await post('/message/send-text', text, reading), 'lacks the scope', 'the scope messages:write.'],
      [await t.call('/otp/settings', { token }), 'The role viewer', 'the permission otp.'],
      [await get('/auth/api-keys'), 'An API key cannot', 'POST /auth/login'],
      [await t.call('/user/list', { token: owner.token }), 'the role admin', 'is admin.'],
      [await t.call('/session/create', { method: 'POST', token, body: {} }), '', 'a role'],
    ];
    for (const [{ status, body }, message, hint] of replies) {
      expect(status).toBe(403);
      expect(body.message).toContain(message);
      expect(body.hint).toContain(hint);
    }
  });

  it('leads to an anchor that exists', async () => {
    const page = await t.call('/docs/errors');
    expect(page).toMatchObject({ status: 200 });
    expect(page.headers.get('content-type')).toContain('text/html');
    for (const code of Object.keys(ERROR_STATUS)) expect(page.text).toContain(`id="${code}"`);
    expect((await t.call('/api/docs/errors')).status).toBe(200);
  });

  it('suggests a session of the tenant, and never one of another', async () => {
    const other = await t.tenant();
    await addSession(other, 'warehouse');
    const near = await get('/session/status?session=suport-2');
    expect(near.body).toMatchObject({
      code: 'SESSION_NOT_FOUND',
      details: { didYouMean: 'support-2' },
      hint: expect.stringContaining('Did you mean support-2?'),
    });
    const sent = await post('/message/send-text', { ...text, session: 'Support_2' });
    expect(sent.body.details).toEqual({ didYouMean: 'support-2' });
    for (const path of ['/session/status?session=warehose', '/session/qr/warehose']) {
      const reply = await get(path);
      expect(reply).toMatchObject({ status: 404, body: { code: 'SESSION_NOT_FOUND' } });
      expect(reply.text).not.toContain('warehouse');
    }
  });

  it.each([
    ['POST', '/message/sendText', 'POST /message/send-text'],
    ['POST', '/api/message/send_text', 'POST /api/message/send-text'],
    ['POST', '/messages/send-text', 'POST /message/send-text'],
    ['GET', '/otp/sned', 'POST /otp/send'],
    ['GET', '/sesion/list/', 'GET /session/list'],
    ['GET', '/session/support-2/group', 'GET /session/:sessionId/groups'],
  ])('of an address says which was meant: %s %s', async (method, path, meant) => {
    expect(await t.call(path, { method })).toMatchObject({
      status: 404,
      body: { code: 'NOT_FOUND', hint: `Did you mean ${meant}?`, details: { didYouMean: meant } },
    });
  });

  it('of a method names those that are possible', async () => {
    const reply = await t.call('/message/send-text');
    expect(reply).toMatchObject({
      status: 405,
      body: { code: 'METHOD_NOT_ALLOWED', hint: 'Use POST.', details: { allow: ['POST'] } },
    });
    expect(reply.headers.get('allow')).toBe('POST');
    expect(await t.call('/otp/send')).toMatchObject({ status: 405, body: { details: { allow: ['POST'] } } });
    // A session may have the name of a route.
    expect((await t.call('/session/list', { method: 'DELETE' })).status).toBe(401);
    expect((await get(`/${'a/'.repeat(5_000)}`)).body).not.toHaveProperty('details.didYouMean');
  });

  it('of broken JSON says where, and shows nothing of it', async () => {
    const cases: [string, string][] = [
      ['{"session":"a",\n "to": "1" "text":"secret-word"}', 'line 2, column 12'],
      ['{"session":"a",}', 'line 1, column 16'],
      ['{"session":', 'line 1, column 12'],
      ['{"session":[\n"secret-word",', 'line 2, column 15'],
      ['secret-word', 'line 1, column 1'],
      ['{"text":"secret-word', 'line 1, column 21'],
      ['{"session":"a",\r\n "to": secret-word}', 'line 2, column 8'],
      [`"a\n${'['.repeat(50_000)}`, 'line 1, column 3'],
      // Where the engine names no place, a long text is not read once more to find it.
      [`[${'"a",\n'.repeat(10_000)}secret-word]`, 'JSON'],
    ];
    for (const [body, place] of cases) {
      const reply = await post('/session/check-phone', body);
      expect(reply.status).toBe(400);
      expect(reply.body.message).toMatch(/^The body is not valid JSON/);
      expect(`${reply.body.message}`).toContain(place);
      expect(reply.text).not.toContain('secret-word');
    }
  });

  it.each([
    ['/otp/verify', { otp: '123456' }, 'phoneNumber is required when there is no otpId'],
    ['/message/send-text', { session: 'support-2', to: '+6281234567891' }, 'text is required'],
  ])('of a field of %s names what to correct', async (path, body, reason) => {
    expect((await post(path, body)).body.hint).toBe(`Correct this and send it again: ${reason}.`);
  });

  it.each([
    ['/message/list?limit=ten', 'limit must be a number'],
    ['/message/list?page=%D9%A5x', 'page must be a number'],
  ])('of a number in %s that is none does not call it missing', async (path, reason) => {
    expect((await get(path)).body.hint).toBe(`Correct this and send it again: ${reason}.`);
  });

  it.each([
    ['list', '/session/support-2/broadcast/lists', {}],
    ['template', '/session/support-2/broadcast/templates', { body: 'x' }],
    ['pool', '/pool/create', { sessions: ['support-2'] }],
  ])('of a %s whose name nobody can see says so', async (_, path, rest) => {
    for (const name of ['\u200B\u200D', '\u202E', '\u0301\u0301', '\u3164']) {
      const reply = await post(path, { ...rest, name });
      expect(reply).toMatchObject({
        status: 400,
        body: { details: { name: 'must have a character that can be seen' } },
      });
    }
    expect((await post('/session/support-2/broadcast/lists', { name: '👩‍👩‍👧 ñ\u0303' })).status).toBe(201);
  });

  it('of an API key in the place of a token says where it belongs', async () => {
    const headers = { authorization: `Bearer ${owner.apiKey}` };
    const reply = await t.app.request('/session/list', { headers });
    expect(reply.status).toBe(401);
    expect(Object(await reply.json()).hint).toBe(
      'This looks like an API key: send it as `x-api-key: <key>`, without Bearer.',
    );
  });

  it('of a size says it as people do, with the setting that can be raised', async () => {
    const { files } = t.deps.config;
    const form = new FormData();
    form.set('file', new Blob([new Uint8Array(files.maxUploadBytes + 1)], { type: 'image/png' }), 'x.png');
    const sent = await t.app.request('/api/whatsapp/support-2/broadcast/upload', {
      method: 'POST',
      headers: { 'x-api-key': owner.apiKey },
      body: form,
    });
    expect(sent.status).toBe(413);
    const reply = Object(await sent.json());
    expect(reply.hint).toBe(
      'Send a file of at most 10 MB. Whoever runs the service can raise MAX_FILE_SIZE.',
    );
    const long = await post('/session/check-phone', { phoneNumber: 'x'.repeat(300_000) });
    expect(long.body.message).toBe('The body is larger than 256 KB.');
  });
});

/** zod's own words, none of which a caller may read. */
const RAW =
  /Invalid|expected \w|, received \w|Too (?:big|small)|Unrecognized|undefined|NaN|\bstring\b|\barray\b|\bboolean\b|\bint\b|ISO (?:date|time)|regex/;
/** Reasons go on with the name of the field. */
const REASON =
  /^(?:is|are|has|have|must|may|needs?|takes|only|cannot|does|names?|was|can|the|a|an|no|lacks|give) \S/;

/** Values of every kind, none of which fits every field. */
const WRONG: unknown[] = [null, true, -1.5, '', 'x', [[]], { a: { b: 1 } }, 'y'.repeat(70_000)];

describe('no field of any route', () => {
  const walked = allRoutes.filter(({ body, query }) => body ?? query);
  it.each(walked.map((route) => [`${route.method.toUpperCase()} ${route.path}`, route] as const))(
    '%s is refused in the words of a library',
    async (_name, route) => {
      const { apiKey, token } = route.role === 'admin' ? admin : owner;
      const credential = route.auth === 'jwt' ? { token } : { apiKey };
      const reasons: string[] = [];
      const keep = (reply: Reply) => {
        expect(reply.status).not.toBe(500);
        if (reply.body.code !== 'VALIDATION_FAILED') return;
        reasons.push(...Object.values(Object(reply.body.details)).map(String), String(reply.body.message));
        for (const reason of Object.values(Object(reply.body.details))) expect(reason).toMatch(REASON);
      };
      if (route.body) for (const body of wrongBodies(route)) keep(await call(route, { body, ...credential }));
      if (route.query) for (const query of wrongQueries(route)) keep(await call(route, credential, query));
      expect(reasons.filter((reason) => RAW.test(reason))).toEqual([]);
    },
  );
});

function call(route: Route, extra: Call, query: Record<string, string> = {}): Promise<Reply> {
  const path = route.path.replace(/:(\w+)/g, (_all, name: string) =>
    encodeURIComponent(route.example?.params?.[name] ?? 'x'),
  );
  const asked = new URLSearchParams({ ...route.example?.query, ...query }).toString();
  const made: Call = { method: route.method.toUpperCase(), ...extra };
  if (route.body && made.body === undefined) made.body = route.example?.body ?? {};
  return t.call(asked === '' ? path : `${path}?${asked}`, made);
}

/** The example of the route, once for each wrong value, with all of its fields of that value; and nothing at all. */
function wrongBodies(route: Route): unknown[] {
  if (!route.body) return [];
  const shape = shapeOf(route.body);
  const names = [...shape.properties.keys()];
  const flat = [null, 'x', {}].map((value) => Object.fromEntries(names.map((name) => [name, value])));
  return [{}, [], ...flat, ...WRONG.map((wrong) => nested(shape, wrong))];
}

/** Wrong values inside of lists and objects. */
function nested(shape: Shape, value: unknown): unknown {
  if (shape.properties.size > 0)
    return Object.fromEntries([...shape.properties].map(([name, inner]) => [name, nested(inner, value)]));
  if (shape.kinds.has('array')) return [nested(shape.items, value)];
  return value;
}

function wrongQueries(route: Route): Record<string, string>[] {
  if (!route.query) return [];
  const names = [...shapeOf(route.query).properties.keys()];
  return ['', 'x', '-1', '1e9', 'true', 'y'.repeat(3_000)].map((wrong) =>
    Object.fromEntries(names.map((name) => [name, wrong])),
  );
}

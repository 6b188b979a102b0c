/** Pages of broadcast templates, files and opt-outs. */
import { eq } from 'drizzle-orm';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { optOuts } from '../../src/db/schema.ts';
import type { Tenant } from '../helpers/app.ts';
import { until } from '../helpers/until.ts';
import { openDashboard, type TestDashboard } from './visitor.ts';

const HOSTILE = '"><script>alert(1)</script><img src=x onerror=alert(2)>';
/** A GIF of one pixel. */
const GIF = Buffer.from('R0lGODlhAQABAIAAAAAAAP///yH5BAEAAAAALAAAAAABAAEAAAIBRAA7', 'base64');
const BASE = '/dashboard/broadcast';

let t: TestDashboard;
let user: Tenant;
beforeAll(async () => {
  t = await openDashboard();
});
afterAll(() => t.close());
beforeEach(async () => {
  user = await t.tenant();
});

async function read(path: string, as = user): Promise<string> {
  const reply = await t.visit(`${BASE}${path}`, { as });
  expect(reply.status, path).toBe(200);
  return reply.text();
}

const post = (path: string, form: Record<string, string> = {}, as = user) =>
  t.visit(`${BASE}${path}`, { as, form });

function send(path: string, bytes: Uint8Array | string, name: string, as = user): Promise<Response> {
  const multipart = new FormData();
  multipart.append('file', new Blob([Buffer.from(bytes)]), name);
  return t.visit(`${BASE}${path}`, { as, multipart });
}

/** Where the first link of the page leads whose address begins with `start`. */
function linkIn(text: string, start: string): string {
  const found = new RegExp(`href="${BASE}(${start}/[0-9a-f]{32})"`).exec(text)?.[1];
  if (found === undefined) throw new Error(`no link to ${start}`);
  return found;
}

describe('templates', () => {
  it('are written, found, changed and deleted', async () => {
    expect(await read('/templates')).toContain('No templates yet');
    expect((await post('/templates', { name: 'Promo', body: 'Halo {name|Kak}' })).status).toBe(303);
    const path = linkIn(await read('/templates?search=promo'), '/templates');
    expect(await read(path)).toContain('Halo {name|Kak}');
    await post(path, { name: 'Promo 2', body: 'Hai {name}' });
    expect(await read('/templates')).toContain('Hai {name}');
    expect(await read('/templates?search=nothing')).toContain('Nothing found');
    const deleted = await post(`${path}/delete`);
    expect(await read('/templates')).toContain('No templates yet');
    expect((await t.undo(deleted, user)).status).toBe(303);
    const again = linkIn(await read('/templates'), '/templates');
    expect(await read(again)).toContain('Hai {name}');
    await post(again, { name: 'Long', body: 'x'.repeat(9_000) });
    const long = await t.follow(await post(`${again}/delete`), user);
    expect(long).toContain('This cannot be undone: it is too long.');
    expect(long).not.toContain('>Undo<');
  });

  it('keep their names apart', async () => {
    await post('/templates', { name: 'Promo', body: 'one' });
    const reply = await post('/templates', { name: 'Promo', body: 'two' });
    expect(reply.status).toBe(409);
  });

  it('are previewed with the people of a list, with what is missing for whom', async () => {
    const made = await post('/lists', { name: 'People' });
    const listId = made.headers.get('location')?.split('/').at(-1) ?? '';
    await post(`/lists/${listId}/contacts`, {
      number: '081234567890',
      name: 'Budi',
      newField: 'city',
      newValue: 'Solo',
    });
    await post(`/lists/${listId}/contacts`, { number: '081234567891', name: HOSTILE });
    const reply = await post('/preview', { body: 'Halo {name} di {city}', listId });
    const text = await reply.text();
    expect(text).toContain('Halo Budi di Solo');
    expect(text).toContain('No value for {city}');
    expect(text).toContain('data-insert="{city}"');
    expect(text).toContain('&lt;script&gt;');
    expect(text).not.toContain('<script');
  });

  it('are previewed by a read-only user too, and for a sample person without a list', async () => {
    const reader = await t.tenant('readonly');
    const reply = await post('/preview', { body: '{{Halo|Hai}} {name|Kak}' }, reader);
    expect(await reply.text()).toMatch(/(Halo|Hai) Budi/);
  });

  it('of another tenant are out of reach, also for a preview', async () => {
    await post('/templates', { name: 'Mine', body: 'secret words' });
    const path = linkIn(await read('/templates'), '/templates');
    const stranger = await t.tenant();
    for (const reply of [
      await t.visit(`${BASE}${path}`, { as: stranger }),
      await post(path, { name: 'x', body: 'y' }, stranger),
      await post(`${path}/delete`, {}, stranger),
      await post('/preview', { kind: 'template', templateId: path.split('/').at(-1) ?? '' }, stranger),
    ]) {
      expect(reply.status).toBe(404);
      expect(await reply.text()).not.toContain('secret words');
    }
  });

  it('are shown as text whatever they say', async () => {
    await post('/templates', { name: HOSTILE, body: `${HOSTILE} {name}` });
    const list = await read('/templates');
    for (const text of [list, await read(linkIn(list, '/templates'))]) {
      expect(text).toContain('&lt;script&gt;');
      expect(text).not.toMatch(/<script>alert|<img src=x/);
    }
  });
});

describe('files', () => {
  it('are uploaded, listed with a small picture, and deleted', async () => {
    expect(await read('/files')).toContain('No files yet');
    expect((await send('/files', GIF, `${HOSTILE}.gif`)).headers.get('location')).toBe(`${BASE}/files`);
    const text = await read('/files');
    expect(text).not.toMatch(/<script>alert|<img src=x/);
    const picture = /<img class="thumb" src="(\/media\/[0-9a-f]{32})"/.exec(text)?.[1] ?? '';
    expect((await t.visit(picture, { as: user })).headers.get('content-type')).toBe('image/gif');
    const path = /action="\/dashboard\/broadcast(\/files\/[0-9a-f]{32}\.gif\/delete)"/.exec(text)?.[1] ?? '';
    const stranger = await t.tenant();
    expect((await t.visit(picture, { as: stranger })).status).toBe(404);
    expect((await post(path, {}, stranger)).status).toBe(404);
    await post(path);
    expect(await read('/files')).toContain('No files yet');
  });

  it('are told by their bytes, and taken as often as over the API', async () => {
    expect((await send('/files', '<html><script>alert(1)</script>', 'picture.jpg')).status).toBe(415);
    for (let i = 0; i < 5; i++) expect((await send('/files', GIF, `${i}.gif`)).status).toBe(303);
    expect((await send('/files', GIF, '6.gif')).status).toBe(429);
  });
});

/** The page after a form, and the fields of its way back. */
async function offered(reply: Response) {
  const cookies = reply.headers.getSetCookie().map((one) => one.split(';', 1)[0]);
  const headers = { cookie: [...cookies, `wahub_session=${user.token}`].join('; ') };
  const next = reply.headers.get('location') ?? '';
  const page = await (await t.visit(next, { headers, cookie: '' })).text();
  const sealed = /name="sealed"[^>]*value="([^"]+)"/.exec(page)?.[1] ?? '';
  return { page, form: { sealed } };
}

describe('opt-outs', () => {
  it('are added one a line, found, exported and removed', async () => {
    expect(await read('/opt-outs')).toContain('No opt-outs yet');
    await post('/opt-outs', { numbers: '081234567890\n+62 812 3456 7891, 0812-3456-7892', note: HOSTILE });
    const text = await read('/opt-outs');
    expect(text).toContain('6281234567892');
    expect(text).not.toMatch(/<script>alert|<img src=x/);
    const found = await read('/opt-outs?search=67891');
    expect(found).toContain('6281234567891');
    expect(found).not.toContain('6281234567890');
    const file = await t.visit(`${BASE}/opt-outs/export`, { as: user });
    expect((await file.text()).match(/manual/g)).toHaveLength(3);
    await post('/opt-outs/6281234567891/delete');
    expect(await read('/opt-outs')).not.toContain('6281234567891');
  });

  it('come back as they were when their removal is taken back, for nobody else', async () => {
    const row = { userId: user.id, phone: '6281234567895', source: 'message', word: 'STOP' } as const;
    await t.deps.db.insert(optOuts).values({ ...row, note: 'angry', createdAt: 1_700_000_000_000 });
    const kept = () => t.deps.db.select().from(optOuts).where(eq(optOuts.userId, user.id));
    const removed = await post(`/opt-outs/${row.phone}/delete`);
    expect(await kept()).toEqual([]);
    const { page, form } = await offered(removed);
    expect(page).toContain('can get broadcasts again');
    const stranger = await t.tenant();
    const refused = await t.visit(`${BASE}/opt-outs/restore`, { as: stranger, form });
    expect(refused.status).toBe(409);
    for (let times = 0; times < 2; times++) {
      expect((await post('/opt-outs/restore', form)).status).toBe(303);
      expect(await kept()).toMatchObject([{ ...row, note: 'angry', createdAt: 1_700_000_000_000 }]);
    }
    expect((await post('/opt-outs/restore', { sealed: 'x' })).status).toBe(409);
  });

  it('are refused together when one of them is no number', async () => {
    const reply = await post('/opt-outs', { numbers: '081234567890\nnobody' });
    expect(reply.status).toBe(400);
    expect(await read('/opt-outs')).toContain('No opt-outs yet');
  });

  it('are imported from a file', async () => {
    const reply = await send('/opt-outs/import', 'number,note\n081234567890,asked\nbad,\n', 'gone.csv');
    const path = (reply.headers.get('location') ?? '').replace(BASE, '');
    await until(async () => (await t.visit(`${BASE}${path}/live`, { as: user })).status === 303);
    expect(await read(path)).toContain('2 of 2 rows');
    expect(await read('/opt-outs')).toContain('gone.csv');
  });

  it('have words of one’s own, which can be taken away again', async () => {
    expect((await post('/opt-outs/words', { words: 'cukup\njangan kirim lagi' })).status).toBe(303);
    expect(await read('/opt-outs')).toContain('CUKUP\nJANGAN KIRIM LAGI');
    expect((await post('/opt-outs/words', { words: '!!!' })).status).toBe(400);
    await post('/opt-outs/words', { words: '' });
    expect(await read('/opt-outs')).not.toContain('CUKUP');
  });
});

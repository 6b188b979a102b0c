/** Lists of numbers in one request: read in turns of the event loop, and refused with the places of the wrong ones. */
import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest';
import { whatsappAccounts } from '../../src/db/schema.ts';
import { addContacts } from '../../src/services/contacts/contacts.ts';
import type { Ctx } from '../../src/services/context.ts';
import { createList } from '../../src/services/lists/lists.ts';
import { KINDS } from '../../src/services/messages/kinds/index.ts';
import { postStatus } from '../../src/services/messages/status.ts';
import { checkNumbers } from '../../src/services/number-checks/verbs.ts';
import { readNumbers } from '../../src/services/number-lists.ts';
import { addOptOuts, getOptOut } from '../../src/services/opt-outs/opt-outs.ts';
import { newId } from '../../src/utils/ids.ts';
import { normalizePhone } from '../../src/utils/phone.ts';
import { openTestApp, type TestApp } from '../helpers/app.ts';

let t: TestApp;
let ctx: Ctx;
let made = 0;
beforeAll(async () => {
  t = await openTestApp({ routes: [] });
});
afterAll(() => t.close());
beforeEach(async () => {
  const { id: userId } = await t.tenant();
  const actor = { userId, personId: userId, role: 'user', workspaceRole: 'owner', via: 'cookie' } as const;
  ctx = {
    ...t.deps,
    actor: { ...actor, scopes: null, sessionIds: null, keyId: null },
    requestId: 'test',
    ip: null,
    userAgent: null,
  };
  const at = Date.now();
  const row = { userId, sessionId: 'main', status: 'connected', pairing: 'qr', paired: true } as const;
  await t.deps.db.insert(whatsappAccounts).values({ id: newId(), ...row, createdAt: at, updatedAt: at });
});

/** Numbers that were not read before. */
const fresh = (count: number) => Array.from({ length: count }, () => `+62 812-${10_000_000 + ++made}`);

/** The same list, and in how many turns of the loop its items were asked for. */
function watched<T>(items: T[]): { items: T[]; turns: () => number } {
  let turn = 0;
  const seen = new Set<number>();
  const next = (): NodeJS.Immediate =>
    setImmediate(() => {
      turn++;
      timer = next();
    });
  let timer = next();
  const proxy = new Proxy(items, {
    get(target, key, self) {
      if (typeof key === 'string' && /^\d+$/.test(key)) seen.add(turn);
      return Reflect.get(target, key, self);
    },
  });
  return {
    items: proxy,
    turns() {
      clearImmediate(timer);
      return seen.size;
    },
  };
}

it.each<[string, number, (numbers: string[]) => Promise<unknown>]>([
  ['opt-outs', 1_000, (numbers) => addOptOuts(ctx, { sessionId: 'main', numbers })],
  [
    'a check',
    1_000,
    (numbers) => checkNumbers(ctx, { session: 'main', numbers }, () => ({ status: 202, body: {} })),
  ],
  [
    'the audience of a status',
    256,
    (recipients) =>
      postStatus(ctx, { session: 'main', recipients, content: KINDS.text.draft({ text: 'x' }) }),
  ],
])('of %s are read in several turns of the loop', async (_what, count, give) => {
  const { items, turns } = watched(fresh(count));
  await give(items);
  expect(turns()).toBeGreaterThan(1);
});

it('of contacts are read in several turns of the loop', async () => {
  const { items, turns } = watched(fresh(1_000).map((number) => ({ number })));
  const list = await createList(ctx, { sessionId: 'main', name: 'all' }, () => ({ status: 201, body: {} }));
  const answer = () => ({ status: 201, body: {} });
  await addContacts(ctx, { sessionId: 'main', listId: list.id, contacts: items }, answer);
  expect(turns()).toBeGreaterThan(1);
});

it('names the wrong ones, the first 20 of them, and takes none of the list', async () => {
  const numbers = [...fresh(3), 'Budi', ...fresh(2), '81234567890', ...Array(30).fill('x'.repeat(100))];
  const refused = await addOptOuts(ctx, { sessionId: 'main', numbers }).catch((error: unknown) => error);
  const first = { index: 3, number: 'Budi', reason: 'letters' };
  expect(refused).toMatchObject({
    code: 'INVALID_NUMBER',
    message: expect.stringMatching(
      /^32 numbers cannot be read\. The first is number 4 of 37: A phone number has no/,
    ),
    details: { ...first, total: 37, invalidCount: 32 },
  });
  const { details } = refused as { details: { invalid: Record<string, unknown>[] } };
  expect(details.invalid).toHaveLength(20);
  expect(details.invalid.slice(0, 3)).toEqual([
    first,
    { index: 6, number: '81234567890', reason: 'ambiguous', readings: ['+6281234567890', '+81234567890'] },
    { index: 7, number: 'x'.repeat(80), reason: 'letters' },
  ]);
  const kept = getOptOut(ctx, { sessionId: 'main', number: numbers[0] ?? '' });
  await expect(kept).rejects.toMatchObject({ code: 'NOT_FOUND' });
});

it('says of one wrong number where it is, and nothing of places when it is alone', async () => {
  const read = (numbers: string[]) => readNumbers(numbers, (number) => normalizePhone(number, 'ID'));
  await expect(read(['+62811', ...fresh(1)])).rejects.toThrow(/^Number 1 of 2: This/);
  await expect(read(['Budi'])).rejects.toMatchObject({
    details: { reason: 'letters' },
    message: expect.stringMatching(/^A phone/),
  });
  expect(await read(['08123456789', '+628123456789'])).toEqual(['628123456789', '628123456789']);
});

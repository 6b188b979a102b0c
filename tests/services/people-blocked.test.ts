/** Whom a number blocks and what is known of people, in a service of two processes. */
import { eq } from 'drizzle-orm';
import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest';
import { whatsappAccounts } from '../../src/db/schema.ts';
import type { Ctx } from '../../src/services/context.ts';
import { createPeopleAnswers } from '../../src/services/people/answers.ts';
import { getProfile, listBlocked, setBlocked } from '../../src/services/people/contacts.ts';
import { newId } from '../../src/utils/ids.ts';
import type { EngineRequest } from '../../src/whatsapp/requests.ts';
import { openTestApp, type TestApp } from '../helpers/app.ts';
import { createFakeClock } from '../helpers/clock.ts';

const SESSION = { sessionId: 'main' };
const PERSON = '6281234567890';

let t: TestApp;
let asked: string[] = [];
/** As the phone has it. */
let blocked: string[] = [];
/** Done after WhatsApp has listed whom it blocks, before the answer comes. */
let meanwhile = async () => {};
/** A caller at one of two processes, which have the database alone in common. */
let one: Ctx;
let other: Ctx;

async function answer({ name, input }: EngineRequest): Promise<unknown> {
  asked.push(name);
  if (name === 'block.set') {
    blocked = blocked.filter((phone) => phone !== PERSON).concat(input.block ? [PERSON] : []);
    return null;
  }
  if (name !== 'block.list') return name === 'person.about' ? { about: 'Halo', setAt: null } : null;
  const people = blocked.map((phone) => ({ jid: `${phone}@s.whatsapp.net`, phone, lid: null }));
  await meanwhile();
  return { people, truncated: false };
}

beforeAll(async () => {
  const commands = {
    ...{ processId: newId(), runHere: async () => null, handle: () => () => {} },
    run: async (_id: string, _name: string, input: unknown) => answer(input as EngineRequest),
  };
  t = await openTestApp({ clock: createFakeClock(), routes: [], deps: { commands: commands as never } });
});
afterAll(() => t.close());
beforeEach(async () => {
  [asked, blocked] = [[], []];
  meanwhile = async () => {};
  const { id: userId } = await t.tenant();
  const at = t.deps.clock.now();
  await t.deps.db.insert(whatsappAccounts).values({
    ...{ id: newId(), userId, ...SESSION, status: 'connected', pairing: 'qr', paired: true },
    ...{ phoneNumber: '628111', createdAt: at, updatedAt: at },
  });
  const actor = { userId, personId: userId, role: 'user', workspaceRole: 'owner', via: 'api_key' } as const;
  const process = (): Ctx => ({
    ...{ ...t.deps, peopleAnswers: createPeopleAnswers() },
    actor: { ...actor, scopes: null, sessionIds: null, keyId: null },
    ...{ requestId: 'test', ip: null, userAgent: null },
  });
  [one, other] = [process(), process()];
});

const listed = async (ctx: Ctx) => (await listBlocked(ctx, SESSION)).people.map(({ phone }) => phone);
const set = (ctx: Ctx, block: boolean) => setBlocked(ctx, { ...SESSION, contact: PERSON }, { block });

it('is asked again after a change that another process made', async () => {
  for (const ctx of [one, other, one]) expect(await listed(ctx)).toEqual([]);
  expect(asked).toEqual(['block.list', 'block.list']);
  await set(other, true);
  for (const ctx of [one, other]) expect(await listed(ctx)).toEqual([`+${PERSON}`]);
  await set(one, false);
  for (const ctx of [one, other]) expect(await listed(ctx)).toEqual([]);
});

it('is not kept as it was before a change that was made while it was asked for', async () => {
  meanwhile = async () => {
    meanwhile = async () => {};
    await set(other, true);
  };
  expect(await listed(one)).toEqual([]);
  expect(await listed(one)).toEqual([`+${PERSON}`]);
});

it('is asked again once the session is linked to another number', async () => {
  for (let i = 0; i < 2; i++) await getProfile(one, { ...SESSION, contact: PERSON });
  await listed(one);
  expect(asked).toEqual(['person.about', 'person.business', 'block.list']);
  const { userId } = one.actor;
  await t.deps.db
    .update(whatsappAccounts)
    .set({ phoneNumber: '628333' })
    .where(eq(whatsappAccounts.userId, userId));
  await getProfile(one, { ...SESSION, contact: PERSON });
  await listed(one);
  expect(asked).toHaveLength(6);
});

/** Requests of one moment read the sessions that they name together. */
import { afterAll, beforeAll, expect, it } from 'vitest';
import { dbType } from '../../src/db/kit.ts';
import { insertMany } from '../../src/db/ops.ts';
import { whatsappAccounts } from '../../src/db/schema.ts';
import { newId } from '../../src/utils/ids.ts';
import { openTestApp, type TestApp } from '../helpers/app.ts';
import { countStatements } from '../helpers/statements.ts';

const counter = countStatements();
let t: TestApp;
beforeAll(async () => {
  t = await openTestApp({ routes: [] });
});
afterAll(async () => {
  await t.close();
  counter.stop();
});

async function addSessions(userId: number, names: readonly string[]): Promise<Map<string, string>> {
  const now = t.deps.clock.now();
  const rows = names.map((sessionId) => ({
    id: newId(),
    userId,
    sessionId,
    status: 'connected' as const,
    pairing: 'qr' as const,
    createdAt: now,
    updatedAt: now,
  }));
  await insertMany(t.deps.db, whatsappAccounts, rows);
  return new Map(rows.map(({ id, sessionId }) => [sessionId, id]));
}

it('those of a workspace in one statement, each caller with its own', async () => {
  const [one, other] = [(await t.tenant()).id, (await t.tenant()).id];
  const [ofOne, ofOther] = [await addSessions(one, ['a', 'b', 'c']), await addSessions(other, ['a'])];
  counter.take();
  const asked = [
    { userId: one, sessionId: 'a' },
    { userId: one, sessionId: 'c' },
    { userId: one, sessionId: 'none' },
    { userId: other, sessionId: 'a' },
    { userId: other, sessionId: 'b' },
    { userId: one, sessionId: 'b' },
    { userId: one, sessionId: 'a' },
  ];
  const found = await Promise.all(asked.map((named) => t.deps.sessionReadings.add(named)));
  const idsOf = (userId: number) => (userId === one ? ofOne : ofOther);
  expect(found.map((row) => row?.id ?? null)).toEqual(
    asked.map(({ userId, sessionId }) => idsOf(userId).get(sessionId) ?? null),
  );
  const reads = [...counter.take().texts].filter(([text]) => text.includes('whatsapp_accounts'));
  expect(reads.reduce((sum, [, n]) => sum + n, 0)).toBe(dbType === 'mysql' ? 1 : 2);
});

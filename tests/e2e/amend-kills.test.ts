/**
 * kill -9 while messages are edited, deleted, recalled, pinned and starred, by us and by others: each change is made once. What is asked of
 * WhatsApp directly meanwhile is done when the answer says so.
 */
import { setTimeout as pause } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Emulator, startEmulator } from 'wa-emulator';
import { createRandom } from '../helpers/random.ts';
import { linkSession, type SandboxProcess, startSandboxProcess } from '../helpers/sandbox-process.ts';
import { until } from '../helpers/until.ts';
import { type Receiver, startReceiver } from '../webhooks/fixture.ts';

const OWN = '628110009601';
const KILLS = 5;
/** Of each kind: edited, deleted, and both. */
const EACH = 4;
const RECALLED = 8;
const WAIT_MS = 60_000;
const SEED = Date.now() % 2 ** 31;

let emulator: Emulator;
let sandbox: SandboxProcess;
let receiver: Receiver;

beforeAll(async () => {
  emulator = await startEmulator();
  sandbox = await startSandboxProcess(emulator, {
    MESSAGE_DELAY_MIN: '0',
    MESSAGE_DELAY_MAX: '0',
    MAX_MESSAGES_PER_MINUTE: '100000',
    MAX_MESSAGES_PER_HOUR: '100000',
    NEW_CONTACTS_PER_DAY: '0',
    API_RATE_LIMIT_MAX: '100000',
    WEBHOOK_ALLOW_PRIVATE: 'true',
    LOG_LEVEL: 'warn',
  });
  await linkSession(sandbox, emulator, 'main', OWN);
  receiver = await startReceiver();
  await sandbox.call('POST', '/webhook', {
    url: receiver.url,
    events: ['message.edited', 'message.revoked', 'message.pinned', 'message.starred'],
  });
}, 180_000);
afterAll(async () => {
  await sandbox?.remove();
  await receiver?.close();
  await emulator?.stop();
});

/** The same request with the same key until somebody says what became of it; the id of what was queued. */
async function insist(path: string, body: object, key = path, method = 'POST'): Promise<string> {
  const headers = { 'idempotency-key': `${key} of this test` };
  for (;;) {
    const answer = await sandbox.call(method, path, body, headers).catch(() => undefined);
    if (answer !== undefined && answer.status < 300) {
      return String(answer.body.data?.messageId ?? answer.body.data?.label ?? '');
    }
    if (answer !== undefined && answer.status !== 503 && answer.status !== 409)
      throw new Error(`${path} was answered ${answer.status}: ${JSON.stringify(answer.body)}`);
    await pause(50);
  }
}

const show = async (id: string) =>
  (await sandbox.call('GET', `/message/${id}`).catch(() => undefined))?.body?.data;
const isSent = async (id: string) => ['sent', 'delivered', 'read'].includes((await show(id))?.status);
const seen = (type: string, targetId: string) =>
  emulator.messages({ from: OWN }).filter((one) => one.type === type && one.targetId === targetId);

/** How often webhooks were told of it: one that came twice has one id. */
const told = (type: string, id: string) =>
  new Set(
    receiver.received
      .filter((event) => event.type === type && event.data.messageId === id)
      .map(({ headers }) => headers['webhook-id']),
  ).size;

/** Archives these chats, labels them and renames a group: each is done when its answer says so, and none is done twice. */
async function changeDirectly(chats: readonly string[], label: string, group: string): Promise<void> {
  const archived = async () =>
    Object.values(await emulator.chats({ phone: OWN })).filter((chat) => chat.archived).length;
  for (const [n, chat] of chats.entries()) {
    await insist(`/session/main/chats/${chat}`, { archived: true }, chat, 'PUT');
    expect(await archived()).toBe(n + 1);
    await insist(`/session/main/chats/${chat}/label`, { label });
    expect((await emulator.labels({ phone: OWN }))[label]?.on).toHaveLength(n + 1);
    const subject = `subject ${n}`;
    await insist(`/session/main/groups/${group}`, { subject }, subject, 'PUT');
    expect(emulator.groups().find(({ id }) => id === group)?.subject).toBe(subject);
  }
}

async function killAtRandom(random: () => number): Promise<void> {
  for (let kills = 0; kills < KILLS; kills++) {
    await pause(random() * 400);
    await sandbox.kill();
    await sandbox.start();
  }
}

test(`${KILLS} kill -9 lose and double no edit, deletion, recall, pin or star, and what is answered as done is done`, async () => {
  console.log(`seed ${SEED}`);
  const all = Array.from({ length: EACH * 3 }, (_, n) => ({
    n,
    to: `62812000${String(n).padStart(4, '0')}`,
  }));
  const sent: { n: number; id: string }[] = [];
  for (const { n, to } of all) {
    sent.push({
      n,
      id: await insist('/message/send-text', { session: 'main', to, text: `first ${n}` }, to),
    });
  }
  const came: { n: number; id: string; from: string }[] = [];
  for (const { n, to } of all) {
    const { ids } = await emulator.deliver({ to: OWN, from: to, text: `theirs ${n}` });
    came.push({ n, from: to, id: ids[0] ?? '' });
  }
  const numbers = Array.from({ length: RECALLED }, (_, n) => `62813000${String(n).padStart(4, '0')}`);
  const made = await sandbox.call('POST', '/session/main/broadcast/send', { numbers, message: 'wrong' });
  const campaign = `/session/main/broadcast/campaigns/${made.body.data.id}`;
  const wrong = () => emulator.messages({ from: OWN }).filter(({ text }) => text === 'wrong');
  await until(
    async () =>
      wrong().length === RECALLED &&
      (await Promise.all(sent.map(({ id }) => isSent(id)))).every(Boolean) &&
      (await Promise.all(came.map(async ({ id }) => (await show(id)) !== undefined))).every(Boolean),
    WAIT_MS,
  );

  const posts: string[] = [];
  for (let n = 0; n < EACH; n++) {
    const post = {
      session: 'main',
      recipients: [`62812000${String(n).padStart(4, '0')}`],
      text: `post ${n}`,
    };
    posts.push(await insist('/message/send-status', post, `post ${n}`));
  }
  const label = await insist('/session/main/labels', { name: 'Pesanan' });
  const group = emulator.createGroup({ subject: 'Keluarga', participants: [OWN, '628120009999'] });
  await until(async () => (await Promise.all(posts.map(isSent))).every(Boolean), WAIT_MS);

  const isEdited = (n: number) => n % 3 !== 1;
  const isDeleted = (n: number) => n % 3 !== 0;
  const work = async () => {
    const recalling = insist(`${campaign}/recall`, {});
    for (const { n, id } of sent) {
      if (isEdited(n)) await insist(`/message/${id}/edit`, { text: `second ${n}` });
      const at = came[n];
      const by = { to: OWN, from: at?.from ?? '', messageId: at?.id ?? '' };
      await emulator.deliver({ ...by, kind: 'pin' });
      await emulator.setStar({ phone: OWN, chat: by.from, id: by.messageId });
      if (isEdited(n)) await emulator.deliver({ ...by, kind: 'edit', text: `their second ${n}` });
      if (isDeleted(n)) await insist(`/message/${id}/revoke`, {});
      if (isDeleted(n)) await emulator.deliver({ ...by, kind: 'revoke' });
    }
    await recalling;
  };
  const pinned = sent.filter(({ n }) => !isDeleted(n)).map(({ id }) => id);
  const workOnPosts = async () => {
    for (const id of posts) await insist(`/message/${id}/revoke`, {});
    for (const id of pinned) await insist(`/message/${id}/pin`, { seconds: 86_400 });
  };
  const chats = all.slice(0, EACH).map(({ to }) => to);
  await Promise.all([
    work(),
    workOnPosts(),
    changeDirectly(chats, label, group.id),
    killAtRandom(createRandom(SEED)),
  ]);

  const isWhole = async ({ n, id }: { n: number; id: string }) => {
    const row = await show(id);
    return (
      row !== undefined &&
      (row.editedAt !== null) === isEdited(n) &&
      (row.revokedAt !== null) === isDeleted(n) &&
      told('message.edited', id) === Number(isEdited(n)) &&
      told('message.revoked', id) === Number(isDeleted(n))
    );
  };
  const isMarked = async ({ id }: { id: string }) => {
    const row = await show(id);
    return (
      row?.pinnedUntil != null &&
      row.starredAt !== null &&
      told('message.pinned', id) === 1 &&
      told('message.starred', id) === 1
    );
  };
  const recalled = wrong().map(({ id }) => id);
  await until(
    async () =>
      [...recalled, ...posts].every((id) => told('message.revoked', id) === 1) &&
      pinned.every((id) => seen('pin', id).length > 0) &&
      (await Promise.all([...sent, ...came].map(isWhole))).every(Boolean) &&
      (await Promise.all(came.map(isMarked))).every(Boolean),
    WAIT_MS,
  );
  for (const { n, id } of sent) {
    expect(seen('edit', id).map(({ text }) => text)).toEqual(isEdited(n) ? [`second ${n}`] : []);
    expect(seen('revoke', id)).toHaveLength(Number(isDeleted(n)));
    expect((await show(id)).content.text).toBe(isEdited(n) ? `second ${n}` : `first ${n}`);
  }
  for (const { n, id } of came) {
    expect((await show(id)).content.text).toBe(isEdited(n) ? `their second ${n}` : `theirs ${n}`);
  }
  for (const id of [...recalled, ...posts]) expect(seen('revoke', id)).toHaveLength(1);
  for (const id of pinned) expect(seen('pin', id)).toHaveLength(1);
  expect((await sandbox.call('GET', campaign)).body.data.recall).toMatchObject({
    isOver: true,
    revoked: RECALLED,
    failed: 0,
  });
}, 300_000);

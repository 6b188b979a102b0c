/** Conversations that go both ways, and the three histories of them: ours, that of the owner's phone, and the people's. */
import { type Emulator, type Received, startEmulator } from 'wa-emulator';
import type { Config } from '../../src/utils/config.ts';
import { startTestGateway, type TestGateway } from './gateway.ts';
import { linkSession } from './sandbox-process.ts';
import { until } from './until.ts';

const PHONE = '628111000090';
const PEOPLE = ['628120000091', '628120000092', '628120000093'];
const STANDSTILL_MS = 30_000;

/** `<chat> <id> <who> <what>`, sorted. */
export type History = string[];

export interface Histories {
  ours: History;
  /** of the owner's phone: what it sent, its copies of what we sent, and what people sent */
  phone: History;
  people: History;
}

/** Sends `count` mixed messages in three chats and two groups: a third from the owner's phone, from us and from people. */
export async function converse(count: number, engine: Config['engine'] = 'baileys'): Promise<Histories> {
  const emulator = await startEmulator();
  let gateway: TestGateway | undefined;
  try {
    gateway = await startTestGateway(emulator, { engine });
    await linkSession(gateway, emulator, 'main', PHONE);
    const groups = ['lid', 'pn'].map((addressing) =>
      emulator.createGroup({
        subject: addressing,
        participants: [PHONE, ...PEOPLE],
        addressing: addressing === 'lid' ? 'lid' : 'pn',
      }),
    );
    const places = [...PEOPLE.map((to) => ({ to })), ...groups.map(({ id }) => ({ group: id }))];
    for (let n = 0; n < count; n++) {
      await sendOne(emulator, gateway, n, places[n % places.length] ?? {});
    }
    const own = gateway;
    await until(
      async () => (await readOurs(own)).length >= count && isDelivered(emulator, count),
      STANDSTILL_MS,
    );
    return { ours: await readOurs(own), phone: phoneOf(emulator), people: peopleOf(emulator) };
  } finally {
    await gateway?.remove();
    await emulator.stop();
  }
}

interface Place {
  to?: string;
  group?: string;
}

async function sendOne(
  emulator: Emulator,
  gateway: TestGateway,
  n: number,
  { to, group }: Place,
): Promise<void> {
  const words = `number ${n}`;
  const data = Buffer.from(words).toString('base64');
  const isFile = n % 7 === 0;
  const content = isFile ? ({ kind: 'document', caption: words, data } as const) : { text: words };
  const turn = Math.floor(n / 5) % 3;
  if (turn === 0) {
    await emulator.sendFromPhone({ phone: PHONE, to, group, ...content });
    return;
  }
  if (turn === 1) {
    // Every fourth one cannot be opened at first.
    const from = to ?? PEOPLE[n % PEOPLE.length] ?? '';
    await emulator.deliver({ to: PHONE, from, group, garbled: n % 4 === 0, ...content });
    return;
  }
  const target = { session: 'main', to: group ?? to };
  const answer = isFile
    ? await gateway.call('POST', '/message/send-document', {
        ...target,
        document: `data:text/plain;base64,${data}`,
        filename: 'words.txt',
        caption: words,
      })
    : await gateway.call('POST', '/message/send-text', { ...target, text: words });
  if (answer.status !== 202)
    throw new Error(`it was answered ${answer.status}: ${JSON.stringify(answer.body)}`);
}

const lineOf = (chat: string, id: string, who: string, what: string | undefined) =>
  `${chat} ${id} ${who} ${what}`;
const jidOf = (phone: string) => `${phone}@s.whatsapp.net`;

async function readOurs(gateway: TestGateway): Promise<History> {
  const lines: History = [];
  for (let cursor = ''; ; ) {
    const { body } = await gateway.call(
      'GET',
      `/message/list?session=main&limit=200${cursor === '' ? '' : `&cursor=${cursor}`}`,
    );
    for (const { chat, messageId, direction, from, content } of body.data) {
      const who = direction === 'out' ? 'owner' : (/\d+/.exec(String(from))?.[0] ?? '');
      if (content.type !== 'undecryptable')
        lines.push(lineOf(chat, messageId, who, content.text ?? content.caption));
    }
    if (body.nextCursor === null) return lines.sort();
    cursor = body.nextCursor;
  }
}

const isSeen = (entry: Received) => entry.decryptError === undefined;

/** Whether all of them have come where they belong. A file is listed when it has been downloaded. */
function isDelivered(emulator: Emulator, count: number): boolean {
  const sent = emulator.messages({ from: PHONE });
  const ids = new Set(sent.map(({ id }) => id));
  return (
    ids.size + sentToUs(emulator).length >= count &&
    sent.every((entry) => isSeen(entry) && (entry.byPhone || entry.ownCopy !== undefined))
  );
}

/** What people have sent, as they remember it. */
function sentToUs(emulator: Emulator): History {
  return emulator
    .inbound({ to: PHONE })
    .filter(({ from }) => from !== PHONE)
    .map(({ id, from, group, words }) => lineOf(group ?? jidOf(from), id, from, words));
}

function phoneOf(emulator: Emulator): History {
  const sent = emulator
    .messages({ from: PHONE })
    .filter((entry) => entry.byPhone || entry.ownCopy)
    .map(({ id, to, group, text, caption }) => lineOf(group ?? jidOf(to), id, 'owner', text ?? caption));
  return [...new Set([...sent, ...sentToUs(emulator)])].sort();
}

/** In a group each member has every message. */
function peopleOf(emulator: Emulator): History {
  const members = new Map<string, number>();
  const got = emulator.messages({ from: PHONE }).filter(isSeen);
  for (const { id, to, group, text, caption } of got) {
    const line = lineOf(group ?? jidOf(to), id, 'owner', text ?? caption);
    members.set(line, (members.get(line) ?? 0) + 1);
  }
  for (const [line, n] of members) {
    const expected = line.includes('@g.us') ? PEOPLE.length : 1;
    if (n !== expected) throw new Error(`"${line}" came to ${n} people, not to ${expected}`);
  }
  return [...members.keys(), ...sentToUs(emulator)].sort();
}

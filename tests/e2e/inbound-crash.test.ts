import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Emulator, startEmulator } from '../../src/emulator/index.ts';
import { linkSession, type SandboxProcess, startSandboxProcess } from '../helpers/sandbox-process.ts';
import { until } from '../helpers/until.ts';

const MESSAGES = 500;
/** of them with a file */
const FILES = 50;
const KILLS = 20;
const PERSONS = 10;
const PHONE = '628111000030';

let emulator: Emulator;
let sandbox: SandboxProcess;

beforeAll(async () => {
  emulator = await startEmulator();
  sandbox = await startSandboxProcess(emulator);
  await linkSession(sandbox, emulator, 'main', PHONE);
});

afterAll(async () => {
  await sandbox?.remove();
  await emulator?.stop();
});

interface Row {
  messageId: string;
  content: { text?: string; caption?: string; media?: { state: string } };
}

/** The whole history of what came in, page by page. */
async function readHistory(): Promise<Row[]> {
  const rows: Row[] = [];
  for (let cursor = ''; ; ) {
    const query = `session=main&direction=in&limit=200${cursor === '' ? '' : `&cursor=${cursor}`}`;
    const { body } = await sandbox.call('GET', `/message/list?${query}`);
    rows.push(...body.data);
    if (body.nextCursor === null) return rows;
    cursor = body.nextCursor;
  }
}

test(`${MESSAGES} inbound messages under ${KILLS} kill -9: all stored, each once, with their files`, async () => {
  const sent = new Map<string, string>();
  const confirmed = () =>
    emulator.inbound({ to: PHONE }).filter((message) => message.receivedAt !== undefined).length;

  async function deliver(from: number, to: number): Promise<void> {
    for (let i = from; i < to; i += 1) {
      const person = `62813${String(i % PERSONS).padStart(7, '0')}`;
      const text = `message ${i}`;
      const file = { kind: 'document', caption: text, data: randomBytes(2_000).toString('base64') } as const;
      const body = i % (MESSAGES / FILES) === 0 ? file : { text };
      const { ids } = await emulator.deliver({ to: PHONE, from: person, ...body });
      sent.set(ids[0] ?? '', text);
    }
  }

  const share = MESSAGES / KILLS;
  for (let kill = 1; kill <= KILLS; kill += 1) {
    const before = confirmed();
    const delivering = deliver((kill - 1) * share, kill * share);
    // In the middle of the batch: some are confirmed, some only stored, some only sent.
    await until(
      () => confirmed() >= before + 1 + (kill % 5) * 4,
      60_000,
      `confirmations before kill ${kill}`,
    );
    await sandbox.kill();
    await delivering;
    await sandbox.start();
  }
  await until(() => confirmed() === MESSAGES, 120_000, 'the last confirmation');

  const rows = await readHistory();
  expect(rows).toHaveLength(MESSAGES);
  expect(new Map(rows.map((row) => [row.messageId, row.content.text ?? row.content.caption]))).toEqual(sent);
  expect(emulator.inbound({ to: PHONE }).filter((message) => message.nack !== undefined)).toEqual([]);
  await until(
    async () => {
      const files = (await readHistory()).filter((row) => row.content.media);
      return files.length === FILES && files.every((row) => row.content.media?.state === 'stored');
    },
    90_000,
    'the last file',
  );
}, 600_000);

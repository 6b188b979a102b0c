/** Codes that can be told from everything else, sent by the real service: where a search for them has to look. */
import { existsSync } from 'node:fs';
import { readdir, readFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { startEmulator } from 'wa-emulator';
import type { DatabaseOptions } from '../../src/db/client.ts';
import { createMigratedDatabase } from './database.ts';
import { onServer } from './mariadb.ts';
import { findFreePort, linkSession, type SandboxProcess, startSandboxProcess } from './sandbox-process.ts';
import { until } from './until.ts';

const MARK = '9731';
/** Ids, proofs and instants are random enough to hold any 8 digits: they are no hiding place for a code. */
const NOISE = /[0-9A-Fa-f]{18,}|\d{13}/g;
/** Requests at a time, as busy clients would. */
const AT_ONCE = 20;

export interface Hiding {
  /** codes that arrived at the phones, as they were sent */
  arrived: number;
  /** what a search found, by the place where it looked */
  found: Record<string, string[]>;
  /** bytes that were searched, by place */
  searched: Record<string, number>;
}

/**
 * Sends `count` codes of 8 marked digits over the HTTP surface, checks, resends and ends some of them, kills the process
 * and searches its database, its log files, what it printed, every answer and every webhook.
 */
export async function hideMarkedCodes(count: number): Promise<Hiding> {
  const emulator = await startEmulator();
  const database = await createMigratedDatabase();
  const sandbox = await startSandboxProcess(emulator, SETTINGS, database.options);
  const webhooks = await startReceiver();
  try {
    await linkSession(sandbox, emulator, 'main', '628111000051');
    const answers = await live(sandbox, webhooks.url, count);
    await until(() => webhooks.bodies.length >= count, 60_000, 'the webhooks');
    const arrived = emulator.received().filter(({ text }) => text?.includes(MARK)).length;
    await sandbox.kill();
    const places = {
      database: await everythingKept(database.options),
      files: await everythingIn(sandbox.dir),
      output: sandbox.output(),
      answers: answers.join('\n'),
      webhooks: webhooks.bodies.join('\n'),
    };
    return { arrived, found: map(places, search), searched: map(places, (content) => content.length) };
  } finally {
    await sandbox.remove();
    await database.remove();
    await webhooks.close();
    await emulator.stop();
  }
}

const SETTINGS = {
  MESSAGE_DELAY_MIN: '0',
  MESSAGE_DELAY_MAX: '0',
  MAX_MESSAGES_PER_MINUTE: '100000',
  MAX_MESSAGES_PER_HOUR: '100000',
  NEW_CONTACTS_PER_DAY: '0',
  API_RATE_LIMIT_MAX: '100000',
  LOG_LEVEL: 'silly',
};

const numberOf = (i: number) => `62812500${String(i).padStart(5, '0')}`;

/** Every kind of life a code can have; all that was answered. */
async function live(sandbox: SandboxProcess, webhookUrl: string, count: number): Promise<string[]> {
  const answers: string[] = [];
  const call = async (method: string, path: string, body?: unknown) => {
    const answer = await sandbox.call(method, path, body);
    answers.push(JSON.stringify(answer));
    return answer;
  };
  await call('POST', '/webhook', { url: webhookUrl, events: ['*'] });
  const one = async (i: number): Promise<void> => {
    const otp = `${MARK}${String(i).padStart(4, '0')}`;
    const to = numberOf(i);
    const sent = await call('POST', '/api/messages/main/otp', { to, otp, companyName: 'PT. Contoh' });
    // Receipts may be there already when it answers.
    if (!['sent', 'delivered', 'read'].includes(sent.body.data?.status)) {
      throw new Error(`not sent: ${JSON.stringify(sent.body)}`);
    }
    const { otpId } = sent.body.data;
    if (i % 4 === 0) await call('POST', '/otp/verify', { otpId, otp: '00000000' });
    if (i % 4 === 1) await call('POST', '/otp/verify', { phoneNumber: to, otp });
    if (i % 4 === 2) await call('POST', '/otp/expire', { phoneNumber: to, sessionId: 'main' });
    // Too soon: a refusal is an answer too.
    if (i % 4 === 3) await call('POST', '/otp/resend', { phoneNumber: to, sessionId: 'main' });
    await call('POST', '/otp/verify', { otpId, otp: `${otp}9` });
    await call('GET', `/otp/status/${otpId}`);
  };
  let next = 0;
  const worker = async () => {
    for (let i = next++; i < count; i = next++) await one(i);
  };
  await Promise.all(Array.from({ length: AT_ONCE }, worker));
  for (const path of [
    '/message/list?limit=200',
    '/analytics/logs/otp?limit=200',
    '/analytics/logs/activity?limit=200',
    '/analytics/logs/errors?limit=200',
  ]) {
    await call('GET', path);
  }
  for (const log of ['otp', 'activity', 'messages']) {
    const url = `${sandbox.url}/analytics/export?log=${log}&format=csv`;
    answers.push(await (await fetch(url, { headers: { 'x-api-key': sandbox.apiKey } })).text());
  }
  return answers;
}

async function startReceiver() {
  const bodies: string[] = [];
  const port = await findFreePort();
  const server = createServer(async (req, res) => {
    bodies.push(JSON.stringify(req.headers) + (await text(req)));
    res.writeHead(204).end();
  });
  await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve));
  return {
    bodies,
    url: `http://127.0.0.1:${port}/`,
    async close() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

/** Every byte that the database keeps: its files, the write-ahead log too, or all of its rows. */
async function everythingKept(options: DatabaseOptions): Promise<string> {
  if (options.type === 'sqlite') {
    const files = [options.path, `${options.path}-wal`].filter(existsSync);
    return (await Promise.all(files.map((file) => readFile(file, 'latin1')))).join('\n');
  }
  const tables = await onServer(options, ['show tables']);
  const rows = [];
  for (const row of tables)
    rows.push(await onServer(options, [`select * from \`${Object.values(row)[0]}\``]));
  return JSON.stringify(rows);
}

/** All files below a folder: logs, uploads, whatever else the service writes. */
async function everythingIn(folder: string): Promise<string> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  const files = entries.filter((entry) => entry.isFile());
  const contents = files.map(({ parentPath, name }) => readFile(join(parentPath, name), 'latin1'));
  return (await Promise.all(contents)).join('\n');
}

function search(content: string): string[] {
  return content.replace(NOISE, '').match(/9731\d{4}/g) ?? [];
}

function map<R>(places: Record<string, string>, use: (content: string) => R): Record<string, R> {
  return Object.fromEntries(Object.entries(places).map(([place, content]) => [place, use(content)]));
}

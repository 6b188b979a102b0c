/** Code that the pages offer is run as it stands, and sends exactly what was filled in. */
import { spawn, spawnSync } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import {
  type ApiRequest,
  CODE_LANGUAGES,
  type CodeLanguage,
  requestCode,
} from '../../src/controllers/request-code.ts';

/** Everything that a shell, a quote or a template would take for its own. */
const NASTY =
  // biome-ignore lint/suspicious/noTemplateCurlyInString: a shell would fill it in
  'O\'Brien "x" `id` $(id) $HOME ${KEY} \\n \\ %s <?php ?> #{1} \t\nsecond line é 😀 \u2028 {{a}} !! & ; | *';

const body = {
  session: 'main',
  to: '+6281234567890',
  text: NASTY,
  isGroup: false,
  buttons: [
    { id: "a'b", text: NASTY },
    { id: 'c', text: '' },
  ],
  latitude: -6.2088,
  nothing: null,
  list: [],
  'key with "quotes"': 'x',
};

interface Seen {
  method: string;
  url: string;
  key: string | undefined;
  prefer: string | undefined;
  body: string;
}

let server: Server;
let url: string;
let folder: string;
const seen: Seen[] = [];
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'wahub-code-'));
  server = createServer((request, response) => {
    const pieces: Buffer[] = [];
    request.on('data', (piece: Buffer) => pieces.push(piece));
    request.on('end', () => {
      const { method = '', headers } = request;
      const [key, prefer] = [headers['x-api-key'], headers.prefer].map(String);
      seen.push({ method, url: request.url ?? '', key, prefer, body: Buffer.concat(pieces).toString() });
      response.end('{"success":true}');
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});
afterAll(async () => {
  server.close();
  await rm(folder, { recursive: true });
});

const RUN: Record<CodeLanguage, { file: string; command: string[]; version: string }> = {
  curl: { file: 'x.sh', command: ['bash'], version: '--version' },
  node: { file: 'x.mjs', command: ['node'], version: '--version' },
  php: { file: 'x.php', command: ['php'], version: '--version' },
  python: { file: 'x.py', command: ['python3'], version: '--version' },
  go: { file: 'x.go', command: ['go', 'run'], version: 'version' },
  java: { file: 'Example.java', command: ['java'], version: '--version' },
};
/** Node and a shell are on every machine that runs these tests; a compiler takes longer than a test may. */
const ALWAYS: ReadonlySet<CodeLanguage> = new Set(['curl', 'node']);
const COMPILED: ReadonlySet<CodeLanguage> = new Set(['go', 'java']);

function isThere(language: CodeLanguage): boolean {
  if (ALWAYS.has(language)) return true;
  const { command, version } = RUN[language];
  return !COMPILED.has(language) && spawnSync(command[0] ?? '', [version]).status === 0;
}

async function run(language: CodeLanguage, code: string): Promise<string> {
  const { file, command } = RUN[language];
  const path = join(folder, file);
  await writeFile(path, code);
  const [program = '', ...options] = command;
  const child = spawn(program, [...options, path], { env: { ...process.env, WAHUB_KEY: 'k-from-env' } });
  let printed = '';
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (piece) => (printed += String(piece)));
  await new Promise((resolve) => child.on('close', resolve));
  return printed;
}

test.each(CODE_LANGUAGES.filter(isThere))('%s sends what was filled in', async (language) => {
  const requests: [ApiRequest, Partial<Seen>][] = [
    [
      { method: 'POST', url: `${url}/message/send-text`, body, headers: { Prefer: 'wait=20' } },
      { method: 'POST', url: '/message/send-text', key: 'k-from-env', prefer: 'wait=20' },
    ],
    [
      { method: 'GET', url: `${url}/message/list?to=%2B62&type=a%27b`, key: "k'$(id)" },
      { method: 'GET', url: '/message/list?to=%2B62&type=a%27b', key: "k'$(id)", body: '' },
    ],
  ];
  for (const [request, expected] of requests) {
    seen.splice(0);
    const printed = await run(language, requestCode(language, request));
    expect(seen, printed).toEqual([expect.objectContaining(expected)]);
    if (request.body) expect(JSON.parse(seen[0]?.body ?? '')).toEqual(body);
    expect(printed).toMatch(/success"?: ?true/);
  }
});

test.each(CODE_LANGUAGES)('%s holds no key where the route needs none', (language) => {
  const code = requestCode(language, { method: 'GET', url: `${url}/health`, credential: null });
  expect(code).not.toMatch(/key/i);
});
